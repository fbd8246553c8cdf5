// SPDX-License-Identifier: Apache-2.0
/*
 * Host exceptions: a fault at an address of .extable continues at its fix-up, anything else is
 * our bug. Interrupts: the timer and the serial port only take note; the run loop acts.
 */
#include "arch/x86/trap.h"

#include "arch/cpu.h"
#include "arch/percpu.h"
#include "arch/x86/lapic.h"
#include "arch/x86/x86.h"
#include "vmm/log.h"
#include "vmm/panic.h"

struct extable_entry {
	u64 fault, fixup;
};

extern const struct extable_entry core_extable_start[], core_extable_end[];

static const char *const vector_name[32] = {
	[0] = "divide error",        [1] = "debug",          [2] = "NMI",
	[3] = "breakpoint",          [4] = "overflow",       [5] = "bound range",
	[6] = "invalid opcode",      [7] = "no FPU",         [8] = "double fault",
	[10] = "invalid TSS",        [11] = "not present",   [12] = "stack fault",
	[13] = "general protection", [14] = "page fault",    [16] = "x87 error",
	[17] = "alignment check",    [18] = "machine check", [19] = "SIMD error",
	[21] = "control protection",
};

static bool fixup_apply(struct trap_frame *f)
{
	for (const struct extable_entry *e = core_extable_start; e < core_extable_end; e++) {
		if (e->fault == f->rip) {
			f->rip = e->fixup;
			return true;
		}
	}
	return false;
}

/* panic.h's opaque registers are a trap frame here. */
static const struct trap_frame *regs_frame(const struct arch_regs *regs)
{
	return (const struct trap_frame *)regs;
}

void arch_regs_frame(const struct arch_regs *regs, u64 *pc, u64 *fp, u64 *caller)
{
	u64 rsp = regs_frame(regs)->rsp, lo, hi;

	*pc = regs_frame(regs)->rip;
	*fp = regs_frame(regs)->rbp;
	*caller = 0;
	arch_stack_bounds(&lo, &hi);
	if (rsp % sizeof(u64) == 0 && rsp >= lo && rsp < hi) {
		*caller = *(const u64 *)rsp;
	}
}

void arch_dump_regs(const struct arch_regs *regs)
{
	const struct trap_frame *f = regs_frame(regs);

	log_error("rip %016lx rsp %016lx rflags %08lx error %lx", f->rip, f->rsp, f->rflags,
		  f->error_code);
	log_error("cr2 %016lx cr3 %016lx cr0 %08lx cr4 %08lx", read_cr2(), read_cr3(), read_cr0(),
		  read_cr4());
	log_error("rax %016lx rbx %016lx rcx %016lx rdx %016lx", f->rax, f->rbx, f->rcx, f->rdx);
	log_error("rsi %016lx rdi %016lx rbp %016lx r8  %016lx", f->rsi, f->rdi, f->rbp, f->r8);
	log_error("r9  %016lx r10 %016lx r11 %016lx r12 %016lx", f->r9, f->r10, f->r11, f->r12);
	log_error("r13 %016lx r14 %016lx r15 %016lx", f->r13, f->r14, f->r15);
}

static void exception_handle(struct trap_frame *f)
{
	const char *name = vector_name[f->vector];

	if (f->vector == VEC_NMI) {
		log_warn("NMI on the host, ignored");
		return;
	}
	if ((f->vector == VEC_GP || f->vector == VEC_UD) && fixup_apply(f)) {
		return;
	}
	panic_regs((const struct arch_regs *)f, "exception %u (%s) in the core",
		   (unsigned)f->vector, name ? name : "reserved");
}

void trap_handle(struct trap_frame *f)
{
	switch (f->vector) {
	case VECTOR_TIMER:
		this_cpu()->timer_fired = true;
		lapic_eoi();
		break;
	case VECTOR_UART:
	case VECTOR_KICK:
		lapic_eoi(); /* what it is about waits for the run loop */
		break;
	case VECTOR_SPURIOUS:
		break;
	default:
		if (f->vector < 32) {
			exception_handle(f);
		} else {
			log_warn("unexpected interrupt, vector %u", (unsigned)f->vector);
			lapic_eoi();
		}
	}
}
