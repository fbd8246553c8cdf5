// SPDX-License-Identifier: Apache-2.0
#include "vmm/vconsole.h"

#include "arch/percpu.h"
#include "mm/bits.h"
#include "mm/lock.h"
#include "vmm/arch.h"
#include "vmm/console.h"
#include "vmm/cpu.h"
#include "vmm/log.h"
#include "vmm/vm.h"

/* From output to its picture; between looks for input that no interrupt announces. */
#define DRAW_NS  20000000ULL
#define INPUT_NS 20000000ULL

/* A guest that has read nothing for so long is not waited for. */
#define STUCK_NS 1000000000ULL

/* Shown of a VM's past when it comes to the front: a screen or so. */
#define REPLAY_BYTES 4096

#define KEY_ESCAPE 1 /* Ctrl-A */
#define READS_MAX  4096

/* Of what follows, and of all consoles' rings. */
static struct lock lock = {.rank = LOCK_RANK_CONSOLE};
static struct vm *front;
static u64 draw_ns = ~0ULL;

/* CPU 0's. */
static u64 input_ns;
static bool key_follows;
static bool held; /* bytes wait in the host's port */

/* Returns whether the deadline has come nearer. */
static bool draw_arm(u64 now_ns)
{
	if (draw_ns != ~0ULL || !console_has_screen() || !console_is_undrawn()) {
		return false;
	}
	draw_ns = now_ns + DRAW_NS;
	return true;
}

void vconsole_tx(struct vm *vm, u8 byte)
{
	struct vconsole *c = &vm->console;
	bool nearer = false;

	lock_take(&lock);
	c->out[c->out_end++ % VCONSOLE_OUT] = (char)byte;
	if (vm == front) {
		console_guest_tx(byte);
		nearer = draw_ns == ~0ULL && draw_arm(arch_uptime_ns());
	}
	lock_drop(&lock);
	if (nearer && this_cpu()->id == 0) {
		cpu_deadline_update();
	} else if (nearer) {
		arch_cpu_kick(0);
	}
}

int vconsole_getc(struct vm *vm)
{
	struct vconsole *c = &vm->console;
	int byte = -1;

	lock_take(&lock);
	if (c->in_start != c->in_end) {
		byte = c->in[c->in_start++ % VCONSOLE_IN];
	}
	lock_drop(&lock);
	return byte;
}

/* The last lines, from the start of one. */
static void replay(const struct vconsole *c)
{
	u64 have = min_u64(c->out_end, REPLAY_BYTES), at = c->out_end - have;

	while (have < c->out_end && at < c->out_end && c->out[at++ % VCONSOLE_OUT] != '\n') {
		/* to the first whole line */
	}
	for (; at < c->out_end; at++) {
		console_guest_tx((u8)c->out[at % VCONSOLE_OUT]);
	}
}

void vconsole_switch(struct vm *vm)
{
	lock_take(&lock);
	if (front != vm) {
		if (front) {
			log_info("vm %s: in front from here on", vm->config->name);
		}
		front = vm;
		replay(&vm->console);
	}
	lock_drop(&lock);
}

static struct vm *next_on(const struct vm *vm)
{
	u32 count = vm_count();

	for (u32 i = 1; i < count; i++) {
		struct vm *next = vm_get((vm->id + i) % count);

		if (next && next->state != VM_OFF) {
			return next;
		}
	}
	return NULL;
}

void vconsole_ended(struct vm *vm)
{
	struct vm *next = front == vm ? next_on(vm) : NULL;

	if (next) {
		vconsole_switch(next);
	}
}

static void key_next(void)
{
	struct vm *next = next_on(front);

	if (next) {
		vconsole_switch(next);
	}
}

static const struct {
	char key;
	void (*act)(void);
} keys[] = {
	{'n', key_next},
};

static void input_put(struct vm *vm, u8 byte)
{
	struct vconsole *c = &vm->console;

	lock_take(&lock);
	if (c->in_end - c->in_start < VCONSOLE_IN) {
		c->in[c->in_end++ % VCONSOLE_IN] = byte;
	}
	lock_drop(&lock);
}

static void input_take(u8 byte)
{
	if (!key_follows) {
		key_follows = byte == KEY_ESCAPE;
		if (!key_follows) {
			input_put(front, byte);
		}
		return;
	}
	key_follows = false;
	if (byte == KEY_ESCAPE) {
		input_put(front, byte);
	}
	for (unsigned i = 0; i < ARRAY_SIZE(keys); i++) {
		if (byte == (u8)keys[i].key) {
			keys[i].act();
		}
	}
}

/* Whether the next byte is to be taken from the host's port. */
static bool input_is_wanted(u64 now_ns)
{
	struct vconsole *c = &front->console;

	if (c->in_end - c->in_start < VCONSOLE_IN) {
		c->full_ns = 0;
		return true;
	}
	c->full_ns = c->full_ns ? c->full_ns : now_ns;
	return now_ns - c->full_ns >= STUCK_NS;
}

static void input_service(u64 now_ns)
{
	bool any = false;
	int byte;

	for (u32 i = 0; i < READS_MAX && input_is_wanted(now_ns) && (byte = console_getc()) >= 0;
	     i++) {
		struct vm *before = front;

		input_take((u8)byte);
		any = true;
		if (front != before) {
			arch_vm_input(before);
		}
	}
	if (any) {
		arch_vm_input(front);
	}
}

void vconsole_service(u64 now_ns)
{
	if (!front) {
		return;
	}
	input_service(now_ns);
	if (now_ns >= input_ns) {
		input_ns = arch_uart_is_polled() ? now_ns + INPUT_NS : ~0ULL;
	}
	if (held != (front->console.full_ns != 0)) {
		held = !held;
		arch_uart_hold(held);
	}
	if (held) { /* no interrupt tells of bytes that have waited */
		input_ns = min_u64(input_ns, now_ns + INPUT_NS);
	}
	if (now_ns >= draw_ns) {
		(void)console_poll();
		draw_ns = ~0ULL;
	}
	lock_take(&lock);
	(void)draw_arm(now_ns);
	lock_drop(&lock);
}

u64 vconsole_deadline(void)
{
	return min_u64(draw_ns, input_ns);
}
