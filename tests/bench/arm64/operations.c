// SPDX-License-Identifier: Apache-2.0
/*
 * The operations, each between two reads of the virtual counter. Where a tick is a nanosecond (the
 * CPU's cntfrq=) and `-icount shift=0` makes that an instruction, of whoever runs it, the results
 * are instructions. No ISB around the reads: the emulator runs in order, and that is all that is
 * measured. A row holds nothing but the instruction it names, unless it says so.
 */
#include "tests/bench/arm64/guest.h"

#define ICC_IAR1  "S3_0_C12_C12_0"
#define ICC_EOIR1 "S3_0_C12_C12_1"
#define ICC_SGI1R "S3_0_C12_C11_5"

/* An SMCCC fast call of an OEM: nobody has it. */
#define UNKNOWN_FUNCTION 0xc3000fff

#define SGI         3
#define TIMER_DELAY 200000

extern const u8 bench_vectors[];
_Noreturn void bench_exception(u64 vector);

static u64 self; /* ICC_SGI1R_EL1's fields for this CPU, and the SGI */
static u64 in_service;

/* Runs @code between two reads of the counter; @in is in x1, and @code may use x0 to x11. */
#define TIMED(name, in, code)                                                                   \
	static u64 time_##name(void)                                                            \
	{                                                                                       \
		register u64 arg __asm__("x1") = (in);                                          \
		u64 before, after;                                                              \
                                                                                                \
		__asm__ volatile("mrs %0, cntvct_el0\n\t" code "mrs %1, cntvct_el0"             \
				 : "=&r"(before), "=&r"(after), "+r"(arg)                       \
				 :                                                              \
				 : "x0", "x2", "x3", "x4", "x5", "x6", "x7", "x8", "x9", "x10", \
				   "x11", "x12", "x13", "x14", "x15", "x16", "x17", "memory",   \
				   "cc");                                                       \
		return after - before;                                                          \
	}

#define LOOP_500000 "mov w2, #0xa120\n\tmovk w2, #7, lsl #16\n1:\tsub w2, w2, #1\n\tcbnz w2, 1b\n\t"

TIMED(nothing, 0, "")
TIMED(loop, 0, LOOP_500000)
TIMED(distributor, GICD_BASE + GICD_TYPER, "ldr w0, [x1]\n\t")
TIMED(redistributor, GICR_BASE + GICR_TYPER, "ldr w0, [x1]\n\t")
TIMED(uart, UART_BASE + UART_FR, "ldr w0, [x1]\n\t")
TIMED(id_register, 0, "mrs x0, id_aa64pfr0_el1\n\t")
TIMED(physical_timer, 0, "mrs x0, cntp_ctl_el0\n\t")
TIMED(acknowledge, 0, "mrs x1, " ICC_IAR1 "\n\t")
TIMED(end, in_service, "msr " ICC_EOIR1 ", x1\n\t")

static u64 time_hvc(void)
{
	register u64 function __asm__("x0") = UNKNOWN_FUNCTION;
	u64 before, after;

	__asm__ volatile("mrs %0, cntvct_el0\n\thvc #0\n\tmrs %1, cntvct_el0"
			 : "=&r"(before), "=&r"(after), "+r"(function)
			 :
			 : "x1", "x2", "x3", "x4", "x5", "x6", "x7", "x8", "x9", "x10", "x11",
			   "x12", "x13", "x14", "x15", "x16", "x17", "memory", "cc");
	CHECK_EQ((u32)function, (u32)PSCI_NOT_SUPPORTED);
	return after - before;
}

u64 time_touch(u64 addr)
{
	u64 before, after;

	__asm__ volatile("mrs %0, cntvct_el0\n\tstrb wzr, [%2]\n\tmrs %1, cntvct_el0"
			 : "=&r"(before), "=&r"(after)
			 : "r"(addr)
			 : "memory");
	return after - before;
}

/* A handler of vectors.S ends each of these waits; *@entered is when it began. */
#define AWAIT      "1:\tcbz x11, 1b\n\t"
#define AWAIT_IDLE "1:\twfi\n\tmsr daifclr, #2\n\tisb\n\tmsr daifset, #2\n\tcbz x11, 1b\n\t"

/* Sends the SGI with interrupts on; the counter before that, in the handler, and back again. */
static void sgi(u64 *before, u64 *entered, u64 *after)
{
	register u64 began __asm__("x9");

	__asm__ volatile("mov x11, xzr\n\tmsr daifclr, #2\n\tisb\n\t"
			 "mrs %0, cntvct_el0\n\tmsr " ICC_SGI1R ", %3\n\tisb\n\t" AWAIT
			 "mrs %1, cntvct_el0\n\tmsr daifset, #2"
			 : "=&r"(*before), "=&r"(*after), "=&r"(began)
			 : "r"(self)
			 : "x10", "x11", "memory", "cc");
	*entered = began;
}

static u64 time_sgi(void)
{
	u64 before, entered, after;

	sgi(&before, &entered, &after);
	return entered - before;
}

static u64 time_sgi_round(void)
{
	u64 before, entered, after;

	sgi(&before, &entered, &after);
	return after - before;
}

/* How long after CVAL the handler runs. What the others take off is put back. */
static u64 late(u64 cval, u64 entered)
{
	return entered - cval + ticks_of_measuring();
}

static u64 timer_set(void)
{
	u64 cval = sysreg_read(cntvct_el0) + TIMER_DELAY;

	sysreg_write(cntv_cval_el0, cval);
	sysreg_write(cntv_ctl_el0, TIMER_ON);
	isb();
	return cval;
}

static u64 time_timer_busy(void)
{
	register u64 began __asm__("x9");
	u64 cval = timer_set();

	__asm__ volatile("mov x11, xzr\n\tmsr daifclr, #2\n\t" AWAIT "msr daifset, #2"
			 : "=&r"(began)
			 :
			 : "x10", "x11", "memory", "cc");
	return late(cval, began);
}

static u64 time_timer_idle(void)
{
	register u64 began __asm__("x9");
	u64 cval = timer_set();

	__asm__ volatile("mov x11, xzr\n\t" AWAIT_IDLE
			 : "=&r"(began)
			 :
			 : "x10", "x11", "memory", "cc");
	return late(cval, began);
}

u64 ticks_of_measuring(void)
{
	return time_nothing();
}

/* A loop of 1,000,002 instructions, several times: a hypervisor's own timer may hit it. */
u64 ticks_of_million(void)
{
	u64 min = ~0ULL;

	for (unsigned i = 0; i < 8; i++) {
		u64 took = time_loop() - ticks_of_measuring() - 2;

		min = took < min ? took : min;
	}
	return min;
}

static void sgi_pending(void)
{
	gic_sgi(SGI);
}

static void sgi_in_service(void)
{
	gic_sgi(SGI);
	in_service = gic_acknowledge();
	CHECK_EQ(in_service, SGI);
}

/* Ended again behind it: nothing is left in service. */
static u64 time_acknowledged(void)
{
	u64 took = time_acknowledge();

	gic_end(SGI);
	return took;
}

const struct operation operations[] = {
	{"hvc", time_hvc, NULL, 0},
	{"id-register", time_id_register, NULL, 0},
	{"gicd-typer", time_distributor, NULL, 0},
	{"gicr-typer", time_redistributor, NULL, 0},
	{"pl011-fr", time_uart, NULL, 0},
	{"cntp-ctl", time_physical_timer, NULL, 0},
	{"iar", time_acknowledged, sgi_pending, 0},
	{"eoi", time_end, sgi_in_service, 0},
	{"sgi", time_sgi, NULL, 0},
	{"sgi-round", time_sgi_round, NULL, 0},
	{"vtimer", time_timer_busy, NULL, 64},
	{"vtimer-wfi", time_timer_idle, NULL, 64},
};
const unsigned operation_count = sizeof(operations) / sizeof(operations[0]);

void bench_exception(u64 vector)
{
	fail("exception: vector %lu esr %lx far %lx pc %lx", vector, sysreg_read(esr_el1),
	     sysreg_read(far_el1), sysreg_read(elr_el1));
}

void bench_init(void)
{
	u64 mpidr = sysreg_read(mpidr_el1);

	self = 1ULL << (mpidr & 0xf) | (mpidr >> 8 & 0xff) << 16 | (mpidr >> 16 & 0xff) << 32 |
	       (mpidr >> 32 & 0xff) << 48 | (u64)SGI << 24;
	gic_init();
	gic_enable(SGI);
	gic_enable(INTID_VTIMER);
	sysreg_write(vbar_el1, (u64)bench_vectors);
	isb();
}
