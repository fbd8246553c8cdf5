// SPDX-License-Identifier: Apache-2.0
#include "vmm/monitor.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "arch/percpu.h"
#include "vmm/arch.h"
#include "vmm/console.h"
#include "vmm/log.h"
#include "vmm/report.h"
#include "vmm/vm.h"

#define KEY_CTRL_A    0x01
#define KEY_CTRL_C    0x03
#define KEY_BACKSPACE 0x08
#define KEY_ESC       0x1b
#define KEY_DELETE    0x7f

/* Cursor keys are an Esc with bytes behind it, at once. */
#define ESC_TAIL_NS 20000000ULL

#define PROMPT    "explain address (hexadecimal; p1234: guest-physical; Esc: leave): "
#define INPUT_MAX 24

/* CPU 0's. */
static char answer_buf[4096];
static bool key_follows;
static struct vm *prompt_vm; /* whose address is asked for, NULL: the prompt is not open */
static char input[INPUT_MAX + 1];
static size_t input_len;
static u64 esc_ns;

/* An address of vCPU 0's that waits for its paging. */
static struct vm *explained;
static u64 explained_addr;

static struct text *answer_begin(void)
{
	static struct text t;

	t = (struct text){.buf = answer_buf, .size = sizeof(answer_buf)};
	return &t;
}

/* One piece, after which the guest's own line stands there again. */
static void answer_end(const struct text *t)
{
	bool held = console_begin();

	console_fresh_line();
	console_put(t->buf, t->len);
	console_resume_guest();
	console_end(held);
}

#define answer(...)                               \
	do {                                      \
		struct text *t_ = answer_begin(); \
		text_add(t_, __VA_ARGS__);        \
		answer_end(t_);                   \
	} while (0)

static const char *name_of(const struct vm *vm)
{
	return vm->config->name;
}

void monitor_typed_to_off(const struct vm *vm)
{
	answer("socle: vm %s is off; Ctrl-A b starts it\n", name_of(vm));
}

/* --- which VM is in front --- */

static void bring_to_front(struct vm *vm)
{
	if (vm == vconsole_front()) {
		answer("socle: vm %s is in front\n", name_of(vm));
		return;
	}
	vconsole_switch(vm);
	if (vm->state == VM_OFF) {
		monitor_typed_to_off(vm);
	}
}

static void step(const struct vm *vm, u32 by)
{
	u32 count = vm_count(), id = vm->id;

	do {
		id = (id + by) % count;
	} while (!vm_get(id));
	bring_to_front(vm_get(id));
}

static void key_next(struct vm *vm)
{
	step(vm, 1);
}

static void key_previous(struct vm *vm)
{
	step(vm, vm_count() - 1);
}

static void key_number(u32 id)
{
	if (vm_get(id)) {
		bring_to_front(vm_get(id));
	} else {
		answer("socle: there is no VM %u; Ctrl-A l lists them\n", id);
	}
}

/* --- its life --- */

static void key_pause(struct vm *vm)
{
	if (vm->state == VM_OFF) {
		monitor_typed_to_off(vm);
	} else if (vm_ask(vm, VM_WISH_PAUSE)) {
		answer("socle: vm %s is %s\n", name_of(vm),
		       vm->state == VM_PAUSED ? "paused; Ctrl-A r lets it go on" : "being stopped");
	}
}

static void key_resume(struct vm *vm)
{
	if (vm->state == VM_OFF) {
		monitor_typed_to_off(vm);
	} else if (vm_resume(vm)) {
		answer("socle: vm %s is not paused\n", name_of(vm));
	}
}

static void ask(struct vm *vm, enum vm_wish wish)
{
	if (vm->state == VM_OFF) {
		monitor_typed_to_off(vm);
	} else if (vm_ask(vm, wish)) {
		answer("socle: vm %s is being stopped or reset already\n", name_of(vm));
	}
}

static void key_reset(struct vm *vm)
{
	ask(vm, VM_WISH_RESTART);
}

static void key_stop(struct vm *vm)
{
	ask(vm, VM_WISH_STOP);
}

static void key_start(struct vm *vm)
{
	int err = vm_start(vm);

	if (err == -EBUSY) {
		answer("socle: vm %s is on\n", name_of(vm));
	}
}

static void key_power_off(struct vm *vm)
{
	(void)vm;
	log_info("power-off from the console");
	vms_power_off();
}

/* --- reports --- */

static void key_list(struct vm *vm)
{
	struct text *t = answer_begin();

	report_list(t, vm);
	answer_end(t);
}

static void key_statistics(struct vm *vm)
{
	struct text *t = answer_begin();

	if (vm->state == VM_OFF) {
		monitor_typed_to_off(vm);
		return;
	}
	report_statistics(t, vm);
	answer_end(t);
}

static void key_log(struct vm *vm)
{
	struct text *t = answer_begin();

	(void)vm;
	report_log(t);
	answer_end(t);
}

/* --- explain --- */

/* @echo is what a key changes of the line; all of it where the log has put its own there. */
static void prompt_show(const char *echo)
{
	struct text *t = answer_begin();
	bool held = console_begin();

	if (console_line_is_own()) {
		text_add(t, "%s", echo);
	} else {
		text_add(t, PROMPT "%s", input);
	}
	console_put(t->buf, t->len);
	console_end(held);
}

static void key_explain(struct vm *vm)
{
	if (vm->state != VM_RUNNING && vm->state != VM_PAUSED) {
		answer("socle: vm %s is %s: nothing to explain\n", name_of(vm),
		       vm->state == VM_OFF ? "off" : "starting");
		return;
	}
	prompt_vm = vm;
	input_len = 0;
	input[0] = 0;
	vconsole_hold(true);
	prompt_show("");
}

/* The memory must not go meanwhile: @life is held. */
static void explain_now(struct vm *vm, const struct guest_paging *paging, u64 addr)
{
	struct text *t = answer_begin();
	struct explain e = {.vm = name_of(vm),
			    .paging = paging,
			    .slots = &vm->slots,
			    .tdp = &vm->tdp,
			    .addr = addr};

	static_assert(sizeof(answer_buf) >= EXPLAIN_TEXT_MAX, "room for it");
	lock_take(&vm->life);
	if (vm->state == VM_RUNNING || vm->state == VM_PAUSED) {
		explain(&e, t);
	} else {
		text_add(t, "socle: vm %s does not run any more\n", name_of(vm));
	}
	lock_drop(&vm->life);
	answer_end(t);
}

static void explain_virtual(struct vm *vm, u64 addr)
{
	int result;

	if (explained) {
		answer("socle: vm %s has not answered the last one yet\n", name_of(explained));
		return;
	}
	explained = vm;
	explained_addr = addr;
	result = vm_paging_ask(vm);
	if (result == 0) {
		return; /* monitor_service() */
	}
	explained = NULL;
	if (result > 0) {
		explain_now(vm, &vm->paging, addr);
	} else {
		answer("socle: vm %s does not run any more\n", name_of(vm));
	}
}

void monitor_service(void)
{
	struct vm *vm = explained;

	if (vm && !atomic_load(&vm->paging_wanted)) {
		explained = NULL;
		explain_now(vm, &vm->paging, explained_addr);
	}
}

void monitor_paging_noted(void)
{
	if (this_cpu()->id == 0) {
		monitor_service();
	} else {
		arch_cpu_kick(0);
	}
}

static void prompt_close(void)
{
	prompt_vm = NULL;
	console_write("\n", 1);
	vconsole_hold(false);
}

static void prompt_enter(struct vm *vm)
{
	bool physical = input[0] == 'p';
	char *end;
	u64 addr = strtoul(input + physical, &end, 16);

	prompt_close();
	if (input_len == 0) {
		return;
	}
	if (*end || end == input + physical) {
		answer("socle: not a hexadecimal number: %s\n", input);
	} else if (physical) {
		explain_now(vm, NULL, addr);
	} else {
		explain_virtual(vm, addr);
	}
}

static void prompt_take(struct vm *vm, u8 byte)
{
	switch (byte) {
	case '\r':
	case '\n':
		prompt_enter(vm);
		return;
	case KEY_ESC:
		esc_ns = arch_uptime_ns();
		prompt_close();
		return;
	case KEY_CTRL_A:
	case KEY_CTRL_C:
		prompt_close();
		key_follows = byte == KEY_CTRL_A;
		return;
	case KEY_BACKSPACE:
	case KEY_DELETE:
		if (input_len) {
			input[--input_len] = 0;
			prompt_show("\b \b");
		}
		return;
	default:
		break;
	}
	if (byte > ' ' && byte < KEY_DELETE && input_len < INPUT_MAX) {
		input[input_len++] = (char)byte;
		input[input_len] = 0;
		prompt_show(&input[input_len - 1]);
	}
}

/* --- keys --- */

static void key_help(struct vm *vm);

static const struct {
	char key;
	void (*act)(struct vm *front);
} keys[] = {
	{'n', key_next},    {'p', key_previous}, {'l', key_list},  {'s', key_statistics},
	{'e', key_explain}, {'g', key_log},      {'z', key_pause}, {'r', key_resume},
	{'b', key_start},   {'R', key_reset},    {'K', key_stop},  {'X', key_power_off},
	{'h', key_help},    {'?', key_help},
};

static void key_help(struct vm *vm)
{
	answer("Behind Ctrl-A (vm %s is in front):\n"
	       "  n p 0-7  the next VM, the previous one, or that number comes to the front\n"
	       "  l        list the VMs\n"
	       "  s        statistics of the VM in front\n"
	       "  e        explain an address of the VM in front\n"
	       "  g        the last lines of Socle's log\n"
	       "  z r      pause the VM in front; let it go on\n"
	       "  b        start it when it is off\n"
	       "  R        reset it\n"
	       "  K        stop it at once, as if its plug were pulled\n"
	       "  X        stop all VMs and power the machine off\n"
	       "  h ?      this help\n"
	       "  Ctrl-A   a Ctrl-A for the VM in front\n",
	       name_of(vm));
}

static void key_take(struct vm *front, u8 byte)
{
	if (byte >= '0' && byte <= '9') {
		key_number(byte - '0');
		return;
	}
	for (unsigned i = 0; i < ARRAY_SIZE(keys); i++) {
		if (byte == (u8)keys[i].key) {
			keys[i].act(front);
			return;
		}
	}
	answer("socle: no such key; Ctrl-A h for help\n");
}

bool monitor_takes(u8 byte)
{
	struct vm *front = vconsole_front();

	if (prompt_vm) {
		prompt_take(prompt_vm, byte);
		return true;
	}
	if (esc_ns && arch_uptime_ns() - esc_ns < ESC_TAIL_NS && byte >= ' ') {
		return true;
	}
	esc_ns = 0;
	if (!key_follows) {
		key_follows = byte == KEY_CTRL_A;
		return key_follows;
	}
	key_follows = false;
	if (byte == KEY_CTRL_A) {
		return false;
	}
	key_take(front, byte);
	return true;
}

void monitor_greet(void)
{
	for (u32 i = 0; i < vm_count(); i++) {
		if (vm_get(i) && vm_get(i)->state != VM_OFF) {
			return;
		}
	}
	if (!vms_are_done()) {
		log_info(
			"no VM is to be started by itself: Ctrl-A b starts the one in front, Ctrl-A h helps");
	}
}
