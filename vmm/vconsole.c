// SPDX-License-Identifier: Apache-2.0
#include "vmm/vconsole.h"

#include "arch/percpu.h"
#include "mm/bits.h"
#include "mm/lock.h"
#include "vmm/arch.h"
#include "vmm/console.h"
#include "vmm/cpu.h"
#include "vmm/log.h"
#include "vmm/monitor.h"
#include "vmm/vm.h"

/* From output to its picture; between looks for input that no interrupt announces. */
#define DRAW_NS  20000000ULL
#define INPUT_NS 20000000ULL

/* A guest that has read nothing for so long is not waited for. */
#define STUCK_NS 1000000000ULL

/* Shown of a VM's past when it comes to the front: a screen or so. */
#define REPLAY_BYTES 4096

#define READS_MAX 4096

/* Of what follows, and of all consoles' rings. */
static struct lock lock = {.rank = LOCK_RANK_CONSOLE};
static struct vm *_Atomic front; /* changes under the lock */
static bool holding;             /* what @front puts out is not shown, from ... */
static u64 held_from;
static _Atomic u64 draw_ns = ~0ULL;

/* CPU 0's. */
static u64 input_ns;
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
	if (vm == front && !holding) {
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

/* The bytes of a request for the terminal's answer (ECMA-48, DSR and DA) at @at; 0: there is none.
 */
static u32 request_len(const struct vconsole *c, u64 at)
{
	u32 len = 2;
	char last;

	if (c->out[at % VCONSOLE_OUT] != '\x1b' || c->out[(at + 1) % VCONSOLE_OUT] != '[') {
		return 0;
	}
	do {
		last = c->out[(at + len++) % VCONSOLE_OUT];
	} while (at + len < c->out_end && (last < '@' || last > '~'));
	return last == 'n' || last == 'c' ? len : 0;
}

/* What was asked of the terminal has been answered at its time. */
static void replay_from(const struct vconsole *c, u64 at)
{
	while (at < c->out_end) {
		u32 skip = request_len(c, at);

		if (skip) {
			at += skip;
		} else {
			console_guest_tx((u8)c->out[at++ % VCONSOLE_OUT]);
		}
	}
}

/* The last lines, from the start of one. */
static void replay(const struct vconsole *c)
{
	u64 have = min_u64(c->out_end, REPLAY_BYTES), at = c->out_end - have;

	while (have < c->out_end && at < c->out_end && c->out[at++ % VCONSOLE_OUT] != '\n') {
		/* to the first whole line */
	}
	replay_from(c, at);
}

struct vm *vconsole_front(void)
{
	return front;
}

void vconsole_hold(bool hold)
{
	struct vconsole *c = &vconsole_front()->console;

	lock_take(&lock);
	if (hold) {
		held_from = c->out_end;
	} else if (holding && c->out_end - held_from > VCONSOLE_OUT) {
		replay(c); /* the ring has lost some */
	} else if (holding) {
		replay_from(c, held_from);
	}
	holding = hold;
	lock_drop(&lock);
}

void vconsole_switch(struct vm *vm)
{
	lock_take(&lock);
	if (front != vm) {
		if (front) {
			log_info("vm %s: in front from here on", vm->config->name);
		}
		front = vm;
		console_forget_guest();
		held_from = vm->console.out_end;
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

static void input_put(struct vm *vm, u8 byte)
{
	struct vconsole *c = &vm->console;

	lock_take(&lock);
	if (c->in_end - c->in_start < VCONSOLE_IN) {
		c->in[c->in_end++ % VCONSOLE_IN] = byte;
	}
	lock_drop(&lock);
}

/* Who was in front then may have room for what came before. */
void vconsole_input(u8 byte)
{
	struct vm *vm = front;

	if (monitor_takes(byte)) {
		return;
	}
	if (vm->state != VM_OFF) {
		input_put(vm, byte);
		arch_vm_input(vm);
	} else if (byte == '\r') {
		monitor_typed_to_off(vm);
	}
}

/* Whether the next byte is to be taken from the host's port. */
static bool input_is_wanted(u64 now_ns)
{
	struct vconsole *c = &vconsole_front()->console;
	bool has_room;

	lock_take(&lock);
	has_room = c->in_end - c->in_start < VCONSOLE_IN;
	lock_drop(&lock);
	if (has_room) {
		c->full_ns = 0;
		return true;
	}
	c->full_ns = c->full_ns ? c->full_ns : now_ns;
	return now_ns - c->full_ns >= STUCK_NS;
}

static void input_service(u64 now_ns)
{
	int byte;

	for (u32 i = 0; i < READS_MAX && input_is_wanted(now_ns) && (byte = console_getc()) >= 0;
	     i++) {
		vconsole_input((u8)byte);
	}
}

void vconsole_service(u64 now_ns)
{
	if (!front) {
		return;
	}
	monitor_service();
	input_service(now_ns);
	if (now_ns >= input_ns) {
		input_ns = arch_uart_is_polled() ? now_ns + INPUT_NS : ~0ULL;
	}
	if (held != (vconsole_front()->console.full_ns != 0)) {
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
