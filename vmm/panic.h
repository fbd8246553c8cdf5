// SPDX-License-Identifier: Apache-2.0
/*
 * The end of the hypervisor: says why on every console, then stops the machine. For our bugs and
 * an unusable host only; a guest's fault never leads here.
 *
 * The report: the message, the registers if there are any, the backtrace with symbols (the core is
 * built with frame pointers), the CPU's last VM exits; then message and backtrace again, for a
 * screen on which only the end is to be seen. It is made once: a panic within the report
 * says so and ends at once, a panic on another CPU meanwhile waits for the end.
 */
#pragma once

#include "mm/types.h"

#define BACKTRACE_MAX 32

struct arch_regs; /* the registers a trap saved; the architecture's */

_Noreturn void panic(const char *fmt, ...) __printf(1, 2);

/* The same from a trap: the report shows @regs (NULL: none) and the backtrace begins there. */
_Noreturn void panic_regs(const struct arch_regs *regs, const char *fmt, ...) __printf(2, 3);

/*
 * Follows the chain of frame records {caller's record, return address} from @fp, within the stack
 * [lo, hi), towards its top only. Returns how many return addresses it put in @pcs.
 */
size_t backtrace_walk(u64 fp, u64 lo, u64 hi, u64 *pcs, size_t max);

/*
 * Supplied by the architecture. Output goes through log_error.
 * arch_record_keep: keeps the report's text where the loader finds it at the next start
 * (BOOT_CRASH_NAME); it may fault. Returns whether it is kept.
 * arch_stack_bounds: the stack that this CPU runs on, [lo, hi).
 * arch_regs_frame: program counter and frame pointer of @regs, and what would be the return address
 * if a call had just led to that program counter; 0: nothing would.
 * arch_dump_exits: the last 64 exits of this CPU.
 * arch_fatal_exit: stops the other CPUs, then ends the run (debug-exit status) or halts.
 */
void arch_stack_bounds(u64 *lo, u64 *hi);
void arch_regs_frame(const struct arch_regs *regs, u64 *pc, u64 *fp, u64 *caller);
void arch_dump_regs(const struct arch_regs *regs);
void arch_dump_exits(void);
bool arch_record_keep(const char *text, size_t size);
_Noreturn void arch_fatal_exit(void);
