// SPDX-License-Identifier: Apache-2.0
/* Registers keep their values over exits of all kinds: general ones, flags, system registers. */
#include "guest.h"

static u64 values[31] __attribute__((used)), after[31] __attribute__((used));
static u64 frame __attribute__((used));

/* All registers but SP, loaded, the exit made, stored. x0 to x3 are what a call returns. */
#define EXIT(insn)                                                                                 \
	__asm__ volatile("adrp x30, frame\n\tstr x29, [x30, :lo12:frame]\n\t"                      \
			 "adrp x30, values\n\tadd x30, x30, :lo12:values\n\t"                      \
			 "ldp x0, x1, [x30]\n\tldp x2, x3, [x30, 16]\n\tldp x4, x5, [x30, 32]\n\t" \
			 "ldp x6, x7, [x30, 48]\n\tldp x8, x9, [x30, 64]\n\t"                      \
			 "ldp x10, x11, [x30, 80]\n\tldp x12, x13, [x30, 96]\n\t"                  \
			 "ldp x14, x15, [x30, 112]\n\tldp x16, x17, [x30, 128]\n\t"                \
			 "ldp x18, x19, [x30, 144]\n\tldp x20, x21, [x30, 160]\n\t"                \
			 "ldp x22, x23, [x30, 176]\n\tldp x24, x25, [x30, 192]\n\t"                \
			 "ldp x26, x27, [x30, 208]\n\tldp x28, x29, [x30, 224]\n\t"                \
			 "ldr x30, [x30, 240]\n\t" insn "\n\t"                                     \
			 "str x30, [sp, -16]!\n\tadrp x30, after\n\tadd x30, x30, :lo12:after\n\t" \
			 "stp x0, x1, [x30]\n\tstp x2, x3, [x30, 16]\n\tstp x4, x5, [x30, 32]\n\t" \
			 "stp x6, x7, [x30, 48]\n\tstp x8, x9, [x30, 64]\n\t"                      \
			 "stp x10, x11, [x30, 80]\n\tstp x12, x13, [x30, 96]\n\t"                  \
			 "stp x14, x15, [x30, 112]\n\tstp x16, x17, [x30, 128]\n\t"                \
			 "stp x18, x19, [x30, 144]\n\tstp x20, x21, [x30, 160]\n\t"                \
			 "stp x22, x23, [x30, 176]\n\tstp x24, x25, [x30, 192]\n\t"                \
			 "stp x26, x27, [x30, 208]\n\tstp x28, x29, [x30, 224]\n\t"                \
			 "ldr x0, [sp], 16\n\tstr x0, [x30, 240]\n\t"                              \
			 "adrp x0, frame\n\tldr x29, [x0, :lo12:frame]"                            \
			 :                                                                         \
			 :                                                                         \
			 : "memory", "cc", "x0", "x1", "x2", "x3", "x4", "x5", "x6", "x7", "x8",   \
			   "x9", "x10", "x11", "x12", "x13", "x14", "x15", "x16", "x17", "x18",    \
			   "x19", "x20", "x21", "x22", "x23", "x24", "x25", "x26", "x27", "x28",   \
			   "x30")

static void check(const char *what, unsigned from, u64 but)
{
	for (unsigned i = from; i < 31; i++) {
		if (after[i] != values[i] && !(but & BIT(i))) {
			fail("%s: x%u %lx, was %lx", what, i, after[i], values[i]);
		}
	}
}

static void fill(void)
{
	for (unsigned i = 0; i < 31; i++) {
		values[i] = random64();
	}
}

static void general(void)
{
	for (unsigned i = 0; i < 50; i++) {
		fill();
		values[0] = 0x80000fff;
		EXIT("hvc #0");
		check("HVC", 4, 0);
		values[19] = GICD_BASE;
		EXIT("ldr w7, [x19, 4]");
		check("MMIO read", 0, BIT(7));
		CHECK_EQ(after[7], mmio_read(GICD_BASE + GICD_TYPER));
		EXIT("ldr w30, [x19, 4]");
		check("MMIO read to x30", 0, BIT(30));
		EXIT("str w7, [x19, 8]");
		check("MMIO write", 0, 0);
		sysreg_write(cntv_tval_el0, counter_ms(1) / 50);
		sysreg_write(cntv_ctl_el0, TIMER_ON);
		EXIT("wfi\n\tmsr daifclr, #2\n\tisb\n\tmsr daifset, #2");
		check("timer", 0, 0);
		EXIT("mrs x22, mpidr_el1");
		check("MRS", 0, BIT(22));
		EXIT("mov x0, x0");
		check("no exit", 0, 0);
	}
	CHECK(irq_count[INTID_VTIMER] > 40);
}

/* Written, exits made, read back; the value is one that the register can hold. */
#define KEEPS(name, value)                                     \
	do {                                                   \
		u64 old_ = sysreg_read(name), keep_ = (value); \
		sysreg_write(name, keep_);                     \
		psci(0x80000fff, 0, 0, 0);                     \
		mmio_read(GICD_BASE + GICD_TYPER);             \
		wait_for_timer();                              \
		CHECK_EQ(sysreg_read(name), keep_);            \
		sysreg_write(name, old_);                      \
	} while (0)

static void wait_for_timer(void)
{
	u32 before = irq_count[INTID_PTIMER];

	sysreg_write(cntp_tval_el0, counter_ms(1) / 20);
	sysreg_write(cntp_ctl_el0, TIMER_ON);
	while (irq_count[INTID_PTIMER] == before) {
		wfi();
		irq_enable();
		irq_disable();
	}
}

static void system_registers(void)
{
	KEEPS(sp_el0, 0x1234567890abcdefULL);
	KEEPS(tpidr_el0, 0x1111222233334444ULL);
	KEEPS(tpidrro_el0, 0x5555666677778888ULL);
	KEEPS(tpidr_el1, 0x9999aaaabbbbccccULL);
	KEEPS(contextidr_el1, 0x12345678);
	KEEPS(afsr0_el1, sysreg_read(afsr0_el1));
	KEEPS(ttbr1_el1, 0x123400047654000ULL);
	KEEPS(far_el1, 0xfeedfacecafe0000ULL);
	KEEPS(par_el1, 0x1000);
	KEEPS(csselr_el1, 2);
	KEEPS(cntkctl_el1, 3);
	KEEPS(cpacr_el1, 3 << 20);
	KEEPS(mair_el1, 0x0444ff0000000000ULL | sysreg_read(mair_el1));
	KEEPS(cntv_cval_el0, 0x7123456789abcdefULL);
	KEEPS(mdscr_el1, 1 << 12);
	KEEPS(dbgbvr0_el1, 0x123456789abcULL & ~3ULL);
	KEEPS(dbgwvr0_el1, 0x123456789ab8ULL & ~7ULL);
}

/* ELR, SPSR and ESR: an exit to the hypervisor must not look like an exception to EL1. */
static void exception_state(void)
{
	sysreg_write(elr_el1, 0x123456789abcdef0ULL);
	sysreg_write(spsr_el1, 0x600003c5);
	sysreg_write(esr_el1, 0x56000001);
	psci(0x80000fff, 0, 0, 0);
	mmio_read(GICD_BASE + GICD_TYPER);
	CHECK_EQ(sysreg_read(elr_el1), 0x123456789abcdef0ULL);
	CHECK_EQ(sysreg_read(spsr_el1), 0x600003c5);
	CHECK_EQ(sysreg_read(esr_el1), 0x56000001);
}

static void flags(void)
{
	for (u64 f = 0; f < 16; f++) {
		u64 v;

		__asm__ volatile("msr nzcv, %1\n\tldr w0, [%2]\n\tmrs x1, mpidr_el1\n\t"
				 "mov x0, 0x80000000\n\thvc #0\n\tmrs %0, nzcv"
				 : "=r"(v)
				 : "r"(f << 28), "r"(GICD_BASE)
				 : "x0", "x1", "x2", "x3", "cc", "memory");
		CHECK_EQ(v, f << 28);
	}
}

void guest_main(void)
{
	gic_init();
	gic_enable(INTID_VTIMER);
	gic_enable(INTID_PTIMER);
	general();
	system_registers();
	exception_state();
	flags();
}
