// SPDX-License-Identifier: Apache-2.0
/* EL2 takes no interrupts and expects no faults: whatever arrives here ends in a report. */
#include "arch/arm64/trap.h"

#include "arch/arm64/esr.h"
#include "arch/cpu.h"
#include "vmm/log.h"
#include "vmm/panic.h"

static const char *const event_name[] = {"synchronous", "IRQ", "FIQ", "SError"};

/* panic.h's opaque registers are a trap frame here. */
static const struct trap_frame *regs_frame(const struct arch_regs *regs)
{
	return (const struct trap_frame *)regs;
}

void arch_regs_frame(const struct arch_regs *regs, u64 *pc, u64 *fp, u64 *caller)
{
	*pc = regs_frame(regs)->pc;
	*fp = regs_frame(regs)->x[29];
	*caller = regs_frame(regs)->x[30];
}

void arch_dump_regs(const struct arch_regs *regs)
{
	const struct trap_frame *f = regs_frame(regs);

	log_error("pc %016lx sp %016lx pstate %08lx", f->pc, f->sp, f->pstate);
	log_error("esr %08lx far %016lx hcr %016lx sctlr %08lx", f->esr, f->far,
		  read_sysreg(hcr_el2), read_sysreg(sctlr_el2));
	for (unsigned i = 0; i < 30; i += 3) {
		log_error("x%-2u %016lx x%-2u %016lx x%-2u %016lx", i, f->x[i], i + 1, f->x[i + 1],
			  i + 2, f->x[i + 2]);
	}
	log_error("x30 %016lx", f->x[30]);
}

void trap_handle(struct trap_frame *f, u64 event)
{
	panic_regs((const struct arch_regs *)f, "%s exception in the core, class %02lx",
		   event_name[event & 3], FIELD_GET(ESR_EC, f->esr));
}
