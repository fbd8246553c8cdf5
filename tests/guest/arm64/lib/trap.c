// SPDX-License-Identifier: Apache-2.0
/* What happens at each vector. */
#include "guest.h"

#include "frame.h"

_Static_assert(offsetof(struct trap, pc) == FRAME_PC, "as in trap.S");
_Static_assert(offsetof(struct trap, x[30]) == FRAME_LR, "as in trap.S");
_Static_assert(offsetof(struct trap, esr) == FRAME_ESR, "as in trap.S");
_Static_assert(offsetof(struct trap, vector) == FRAME_VECTOR, "as in trap.S");
/* The way back to EL1h writes 32 bytes at the frame's end. */
_Static_assert(sizeof(struct trap) + 32 <= FRAME_SIZE, "as in trap.S");

extern const u8 trap_vectors[], trap_vectors_robust[], call_return[];
void trap_handle(struct trap *t);

static trap_fn *handlers[16];

struct trap try_trap;
volatile u64 try_esr;
volatile bool trying;
volatile u64 call_sp;

void trap_set(unsigned vector, trap_fn *fn)
{
	handlers[vector] = fn;
}

static void say(const struct trap *t)
{
	fail("vector %lu esr %lx far %lx pc %lx pstate %lx sp %lx x0 %lx lr %lx image %lx",
	     t->vector, t->esr, t->far, t->pc, t->pstate, t->sp, t->x[0], t->x[30],
	     (u64)image_start);
}

void trap_handle(struct trap *t)
{
	if (handlers[t->vector]) {
		handlers[t->vector](t);
		return;
	}
	if (t->vector % 4 == 1) {
		irq_handle();
		return;
	}
	if (t->vector % 4 != VECTOR_SYNC || (!trying && !call_sp)) {
		say(t);
	}
	try_trap = *t;
	try_esr = t->esr;
	if (trying && t->vector == VECTOR_EL1H + VECTOR_SYNC) {
		t->pc += ESR_EC(t->esr) == EC_SVC ? 0 : 4;
	} else if (call_sp) {
		trap_return(t, t->esr);
	} else {
		say(t);
	}
}

void trap_return(struct trap *t, u64 result)
{
	t->pc = (u64)call_return;
	t->sp = call_sp;
	t->x[0] = result;
	t->pstate = PSTATE_EL1H | PSTATE_DAIF;
}

/* Runs the instruction @insn, on x0. */
static u64 insn_try(u32 insn, u64 *operand)
{
	static u32 code[16] __attribute__((aligned(64)));

	if (code[0] != insn) {
		code[0] = insn;
		code[1] = 0xd65f03c0; /* ret */
		code_sync(code, 8);
	}
	TRY_ASM("ldr x0, [%0]\n\tblr %1\n\tstr x0, [%0]"
		:
		: "r"(operand), "r"(code)
		: "x0", "x30", "memory");
	return try_esr;
}

u64 sysreg_read_try(u32 reg, u64 *v)
{
	return insn_try(0xd5200000 | reg, v);
}

u64 sysreg_write_try(u32 reg, u64 v)
{
	return insn_try(0xd5000000 | reg, &v);
}

void trap_init(bool robust)
{
	sysreg_write(vbar_el1, (u64)(robust ? trap_vectors_robust : trap_vectors));
	isb();
}
