// SPDX-License-Identifier: Apache-2.0
/*
 * Two vCPUs, and two VMs. Whoever waits does so by WFI: what is counted, on one CPU of the machine,
 * is the interrupt, the switch from vCPU to vCPU and the way out of WFI; on two, what both CPUs do
 * in that time, since the emulator runs them in turn.
 */
#include "tests/bench/arm64/guest.h"

#define ICC_SGI1R     "S3_0_C12_C11_5"
#define SGI           4
#define OTHER         1 /* the second vCPU: Aff0 */
#define GICR_STRIDE   0x20000
#define GICR_SGI_BASE 0x10000
#define RUNS          256

#define TICKS       400
#define TICK_PERIOD 1000000
#define GAP_MIN     200 /* more than a look at the counter takes */

extern const u8 other_start[], bench_vectors[];
_Noreturn void other_main(void);

static volatile u64 other_entered;
static u8 other_stack[4096] __attribute__((aligned(16)));

struct stat {
	u64 min, sum;
};

static void stat_add(struct stat *s, u64 took)
{
	s->min = took < s->min ? took : s->min;
	s->sum += took;
}

static void sgi_send(u64 cpu)
{
	__asm__ volatile("msr " ICC_SGI1R ", %0\n\tisb" : : "r"(1ULL << cpu | (u64)SGI << 24));
}

/* Until a handler of vectors.S has run. Returns when that was. */
static u64 await(void)
{
	register u64 began __asm__("x9");

	__asm__ volatile("mov x11, xzr\n1:\twfi\n\tmsr daifclr, #2\n\tisb\n\tmsr daifset, #2\n\t"
			 "cbz x11, 1b"
			 : "=&r"(began)
			 :
			 : "x10", "x11", "memory", "cc");
	return began;
}

/* Tells that it is there, then answers each interrupt with one. */
void other_main(void)
{
	u64 frame = GICR_BASE + OTHER * GICR_STRIDE;

	sysreg_write(vbar_el1, (u64)bench_vectors);
	sysreg_write(icc_sre_el1, 1);
	isb();
	mmio_write(frame + GICR_WAKER, mmio_read(frame + GICR_WAKER) & ~(u32)BIT(1));
	while (mmio_read(frame + GICR_WAKER) & BIT(2)) {
	}
	mmio_write(frame + GICR_SGI_BASE + GICD_IGROUPR, ~0u);
	mmio_write(frame + GICR_SGI_BASE + GICD_ISENABLER, 1u << SGI);
	sysreg_write(icc_pmr_el1, 0xf8);
	sysreg_write(icc_igrpen1_el1, 1);
	isb();
	for (;;) {
		sgi_send(0);
		other_entered = await();
	}
}

void bench_two_cpus(void)
{
	struct stat there = {~0ULL, 0}, back = {~0ULL, 0};

	gic_enable(SGI);
	CHECK_EQ(psci(PSCI_CPU_ON, OTHER, (u64)other_start, (u64)other_stack + sizeof(other_stack)),
		 0);
	await();
	for (unsigned i = 0; i < RUNS; i++) {
		u64 before = sysreg_read(cntvct_el0), entered;

		sgi_send(OTHER);
		entered = await();
		stat_add(&there, other_entered - before);
		stat_add(&back, entered - before);
	}
	row("ipi-to-halted", there.min, there.sum / RUNS);
	row("ipi-round-trip", back.min, back.sum / RUNS);
}

void bench_tick(void)
{
	struct stat own = {~0ULL, 0};

	for (unsigned i = 0; i < TICKS; i++) {
		u64 entered;

		sysreg_write(cntv_cval_el0, sysreg_read(cntvct_el0) + TICK_PERIOD);
		sysreg_write(cntv_ctl_el0, TIMER_ON);
		isb();
		entered = await();
		stat_add(&own, sysreg_read(cntvct_el0) - entered);
	}
	row("tick-own", own.min, own.sum / TICKS);
}

void bench_gaps(void)
{
	struct stat gap = {~0ULL, 0};
	u64 last = sysreg_read(cntvct_el0), count = 0;

	while (count < TICKS / 2) {
		u64 now = sysreg_read(cntvct_el0), took = now - last;

		last = now;
		if (took > GAP_MIN) {
			stat_add(&gap, took);
			count++;
		}
	}
	row("other-vm-tick", gap.min, gap.sum / count);
}
