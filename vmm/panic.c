// SPDX-License-Identifier: Apache-2.0
/* The panic report. Every step may itself fault: the message comes first, the rest in order of
 * worth. */
#include "vmm/panic.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>

#include "vmm/boot_info.h"
#include "vmm/console.h"
#include "vmm/ksyms.h"
#include "vmm/log.h"

#define FRAME_RECORD_SIZE (2 * sizeof(u64))

/* The lower end of the stack that panics: tells recursion from another CPU. 0: nobody does. */
static atomic_uintptr_t panic_stack;

size_t backtrace_walk(u64 fp, u64 lo, u64 hi, u64 *pcs, size_t max)
{
	size_t n = 0;

	while (n < max && fp % sizeof(u64) == 0 && fp >= lo && fp < hi &&
	       hi - fp >= FRAME_RECORD_SIZE) {
		const u64 *record = (const u64 *)(uintptr_t)fp;

		if (record[1] == 0) {
			break; /* the outermost frame */
		}
		pcs[n++] = record[1];
		if (record[0] <= fp) {
			break;
		}
		fp = record[0];
	}
	return n;
}

/* @back: how far to look behind @pc for the symbol; 1 for a return address. */
static void print_frame(u64 pc, u64 back)
{
	u64 offset;
	const char *name = ksym_find(pc - back, &offset);

	if (name) {
		log_error("  %016lx %s+0x%lx", (unsigned long)pc, name,
			  (unsigned long)(offset + back));
	} else {
		log_error("  %016lx", (unsigned long)pc);
	}
}

static void print_backtrace(const struct arch_regs *regs, u64 fp)
{
	u64 pcs[BACKTRACE_MAX], lo, hi, pc, caller, offset;
	size_t count;

	log_error("backtrace:");
	if (regs) {
		arch_regs_frame(regs, &pc, &fp, &caller);
		print_frame(pc, 0);
		/* A call to where no code is has made no frame of its own yet. */
		if (!ksym_find(pc, &offset) && ksym_find(caller - 1, &offset)) {
			print_frame(caller, 1);
		}
	}
	arch_stack_bounds(&lo, &hi);
	count = backtrace_walk(fp, lo, hi, pcs, BACKTRACE_MAX);
	for (size_t i = 0; i < count; i++) {
		print_frame(pcs[i], 1);
	}
}

/* Returns on the first panic only. */
static void enter_panic(void)
{
	uintptr_t nobody = 0;
	u64 lo, hi;

	arch_stack_bounds(&lo, &hi);
	if (atomic_compare_exchange_strong(&panic_stack, &nobody, (uintptr_t)lo | 1)) {
		console_enter_panic();
		return;
	}
	if (nobody != ((uintptr_t)lo | 1)) {
		while (true) {
			/* Another CPU reports, and ends the run for all. */
			(void)atomic_load(&panic_stack);
		}
	}
}

/* What the log says from @pos on, as far as it fits: the message, registers, backtrace, exits. */
static void record_keep(u64 pos)
{
	static char text[BOOT_CRASH_MAX];
	size_t size = log_read(&pos, text, sizeof(text));

	if (arch_record_keep(text, size)) {
		log_info("this report is kept; the next start of Socle shows it");
	}
}

_Noreturn static void report(const struct arch_regs *regs, u64 fp, const char *fmt, va_list args)
{
	static atomic_int depth;
	char message[LOG_LINE_MAX];
	int level = atomic_fetch_add(&depth, 1);
	u64 start = ~0ULL;

	if (level > 1) {
		arch_fatal_exit(); /* even the short form below failed */
	}
	(void)log_read(&start, NULL, 0); /* to the log's end */
	(void)vsnprintf(message, sizeof(message), fmt, args);
	log_error("%s: %s", level ? "panic within panic" : "panic", message);
	if (level == 0) {
		if (regs) {
			arch_dump_regs(regs);
		}
		print_backtrace(regs, fp);
		arch_dump_exits();
		log_error("panic, as above: %s", message);
		print_backtrace(regs, fp);
		record_keep(start);
	}
	arch_fatal_exit();
}

void panic(const char *fmt, ...)
{
	va_list args;

	enter_panic();
	va_start(args, fmt);
	report(NULL, (u64)(uintptr_t)__builtin_frame_address(0), fmt, args);
}

void panic_regs(const struct arch_regs *regs, const char *fmt, ...)
{
	va_list args;

	enter_panic();
	va_start(args, fmt);
	report(regs, (u64)(uintptr_t)__builtin_frame_address(0), fmt, args);
}
