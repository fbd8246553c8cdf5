// SPDX-License-Identifier: Apache-2.0
/*
 * Random programs: any instruction words and, more often, ones that exit; with registers that point
 * at memory, at devices and at nothing. "el=0" runs them at EL0, "el=1" at EL1 with their own
 * stack. Left out is what would take the machine from the next programs: interrupts off, the
 * translation and the vectors. The watchdog is the physical timer.
 */
#include "guest.h"

#define PROGRAM_VA   0x260000000000ULL /* far from everything: branches lead nowhere */
#define DATA_VA      0x270000000000ULL
#define DATA_SIZE    0x40000
#define PROGRAM_SIZE 32
#define LIMIT_US     500

static u32 *program;
static u64 counts[65];
static bool user;

/* Words to begin with, bits that are then random. */
static const struct {
	u32 word, random;
} dictionary[] = {
	{0xd4000002, 0x001fffe0},                           /* hvc */
	{0xd4000003, 0x00000000},                           /* smc */
	{0xd4000001, 0x001fffe0},                           /* svc */
	{0xd503207f, 0x00000000},                           /* wfi */
	{0xd503205f, 0x00000000},                           /* wfe */
	{0xd503201f, 0x00000fe0},                           /* hints */
	{0xd5300000, 0x000fffff},                           /* mrs */
	{0xd5100000, 0x000fffff},                           /* msr */
	{0xd5380400, 0x000003ff},                           /* mrs of an ID register */
	{0xd5380000, 0x000fffff}, {0xd518c000, 0x00000fff}, /* msr to the interrupt controller */
	{0xd538c000, 0x00000fff}, {0xd51be000, 0x00000fff}, /* msr to the timers */
	{0xd5080000, 0x0007ffff},                           /* sys */
	{0xd5087000, 0x00070fff},                           /* dc, ic, at */
	{0xd5088000, 0x00070fff},                           /* tlbi */
	{0xb9400000, 0x003fffff},                           /* ldr w */
	{0xb9000000, 0x003fffff},                           /* str w */
	{0xf9400000, 0x003fffff},                           /* ldr x */
	{0x39400000, 0x00ffffff},                           /* ldrb and kin */
	{0x38000000, 0xc7ffffff},                           /* all of the register forms */
	{0x28000000, 0xd7ffffff},                           /* pairs */
	{0x08000000, 0xc0ffffff},                           /* exclusives */
	{0x38200000, 0xc0dfffff},                           /* atomics */
	{0x0c000000, 0x40ffffff},                           /* SIMD structures */
	{0x3d800000, 0x00ffffff},                           /* str q */
	{0xd4200000, 0x001fffe0},                           /* brk */
	{0xd503309f, 0x00000f60},                           /* barriers */
	{0xd69f03e0, 0x00000000},                           /* eret */
	{0xd5384100, 0x0000001f},                           /* mrs sp_el0 */
	{0xd500409f, 0x00000120},                           /* msr pan */
};
#define DICTIONARY (sizeof(dictionary) / sizeof(dictionary[0]))

static bool is_msr_of(u32 insn, u32 reg)
{
	return (insn & 0xffffffe0) == (0xd5000000 | reg);
}

/* Of an instruction at EL1 that would keep the next programs from running. */
static bool is_fatal(u32 insn)
{
	static const u32 registers[] = {
		SYSREG(3, 0, 1, 0, 0),   SYSREG(3, 0, 1, 0, 3),  SYSREG(3, 0, 12, 0, 0),
		SYSREG(3, 3, 4, 2, 1),   SYSREG(3, 0, 4, 2, 0),  SYSREG(3, 0, 4, 0, 0),
		SYSREG(3, 0, 4, 0, 1),   SYSREG(3, 0, 12, 8, 3), SYSREG(3, 0, 12, 12, 3),
		SYSREG(3, 0, 12, 12, 7), SYSREG(3, 0, 4, 6, 0),  SYSREG(3, 0, 12, 12, 4),
	};

	if ((insn & 0xffe0001f) == 0xd4400000 || (insn & 0xfff8f01f) == 0xd500401f) {
		/* HLT, by which QEMU's semihosting is called; MSR of PSTATE but for PAN. */
		return (insn & 0xfffff0ff) != 0xd500409f;
	}
	for (unsigned i = 0; i < sizeof(registers) / sizeof(registers[0]); i++) {
		if (is_msr_of(insn, registers[i])) {
			return true;
		}
	}
	/* Active priorities. */
	if ((insn & 0xffffff80) == (0xd5000000 | SYSREG(3, 0, 12, 8, 4)) ||
	    (insn & 0xffffff80) == (0xd5000000 | SYSREG(3, 0, 12, 9, 0))) {
		return true;
	}
	/* TTBRs and TCR, MAIR, the watchdog's timer (by both its ways), the whole sys of caches by
	 * set. */
	insn &= 0xffffffe0 & ~(7u << 5);
	return insn == (0xd5000000 | SYSREG(3, 0, 2, 0, 0)) ||
	       insn == (0xd5000000 | SYSREG(3, 0, 10, 2, 0)) ||
	       insn == (0xd5000000 | SYSREG(3, 0, 10, 3, 0)) ||
	       insn == (0xd5000000 | SYSREG(3, 3, 14, 2, 0));
}

static u64 random_register(void)
{
	static const u8 calls[] = {0, 3, 4, 5, 6, 7, 10, 11}; /* PSCI's that do not end the VM */
	u64 r = random64();

	switch (r >> 60) {
	case 0:
	case 1:
	case 2:
	case 3:
		return DATA_VA + (r & (DATA_SIZE - 1) & ~7ULL);
	case 4:
		return DATA_VA + DATA_SIZE - 8 + (r & 15);
	case 5:
		return GICD_BASE + (r & 0xfffc);
	case 6:
		return GICR_BASE + (r & 0x1fffc);
	case 7:
		return RTC_BASE + (r & 0xffc);
	case 8:
		return 0x0b000000 + (r & 0xfff);
	case 9:
		return r & 0xff;
	case 10:
		return PROGRAM_VA + (r & 0x7c);
	case 11:
		return 0x84000000 + (r & 0x40000000) + calls[r & 7];
	default:
		return r;
	}
}

static void random_program(void)
{
	for (unsigned i = 0; i < PROGRAM_SIZE; i++) {
		u32 insn;

		do {
			u64 r = random64(), word = (r >> 40) % DICTIONARY;

			insn = (u32)random64();
			if (r & 3) {
				insn = dictionary[word].word | (insn & dictionary[word].random);
			}
		} while (!user && is_fatal(insn));
		program[i] = insn;
	}
	program[PROGRAM_SIZE] = 0xd4200000; /* brk */
	code_sync(program, (PROGRAM_SIZE + 1) * 4);
}

static void ended(struct trap *t)
{
	counts[ESR_EC(t->esr)]++;
	trap_return(t, 1);
}

static void watchdog(struct trap *t)
{
	u32 intid = gic_acknowledge();

	sysreg_write(cntp_ctl_el0, 0);
	gic_end(intid);
	if (intid == INTID_PTIMER) {
		counts[64]++;
		trap_return(t, 2);
	}
}

/* What a program may have changed, and would stop the next ones. */
static void repair(void)
{
	if (!user) {
		map(GICD_BASE, GICD_BASE, MAP_DEVICE);
		map(GICR_SGI, GICR_SGI, MAP_DEVICE);
	}
	sysreg_write(cntv_ctl_el0, 0);
	sysreg_write(cpacr_el1, 3 << 20);
	sysreg_write(mdscr_el1, 0);
	sysreg_write(cntkctl_el1, 3);
	sysreg_write(icc_ctlr_el1, 0);
	sysreg_write(icc_ap1r0_el1, 0);
	sysreg_write(icc_sre_el1, 1);
	gic_init();
	gic_priority(INTID_PTIMER, 0);
	mmio_write(GICR_SGI + GICD_ICACTIVER, ~0u);
	gic_enable(INTID_PTIMER);
	if (!user) { /* a program there would hold back the watchdog */
		map(GICD_BASE, 0, 0);
		map(GICR_SGI, 0, 0);
	}
}

static u64 registers[32];

/* x0 to x30 and SP are the program's; from here to the end only an exception leads. */
__asm__(".globl random_start\nrandom_start:\n\t"
	"ldp x1, x2, [x0, 8]\n\tldp x3, x4, [x0, 24]\n\tldp x5, x6, [x0, 40]\n\t"
	"ldp x7, x8, [x0, 56]\n\tldp x9, x10, [x0, 72]\n\tldp x11, x12, [x0, 88]\n\t"
	"ldp x13, x14, [x0, 104]\n\tldp x15, x16, [x0, 120]\n\tldp x18, x19, [x0, 144]\n\t"
	"ldp x20, x21, [x0, 160]\n\tldp x22, x23, [x0, 176]\n\tldp x24, x25, [x0, 192]\n\t"
	"ldp x26, x27, [x0, 208]\n\tldp x28, x29, [x0, 224]\n\tldr x30, [x0, 240]\n\t"
	"mov x17, #0x2600\n\tlsl x17, x17, 32\n\tldr x0, [x0]\n\tbr x17\n");
extern const u8 random_start[];

static void run(void)
{
	u64 alias = user ? USER_OFFSET : 0;

	for (unsigned i = 0; i < 32; i++) {
		registers[i] = random_register();
	}
	sysreg_write(cntp_cval_el0, counter_phys() + counter_ms(LIMIT_US) / 1000);
	sysreg_write(cntp_ctl_el0, TIMER_ON);
	state_try((u64)random_start + alias, user ? PSTATE_EL0 : PSTATE_EL1T,
		  registers[31] & ~15ULL, (u64)registers + alias);
	sysreg_write(cntp_ctl_el0, 0);
}

static void map_programs(void)
{
	program = (u32 *)SCRATCH;
	map(PROGRAM_VA, SCRATCH, user ? MAP_USER | PTE_RO | PTE_PXN : MAP_RAM | PTE_RO | PTE_UXN);
	for (u64 i = 0; i < DATA_SIZE; i += PAGE) {
		map(DATA_VA + i, SCRATCH + PAGE + i,
		    (user ? MAP_USER : MAP_RAM) | PTE_PXN | PTE_UXN);
	}
	for (u64 i = 0; user && i < 0x20000; i += PAGE) {
		map(GICR_BASE + i, GICR_BASE + i, MAP_DEVICE | PTE_EL0);
		map(GICD_BASE + (i & 0xffff), GICD_BASE + (i & 0xffff), MAP_DEVICE | PTE_EL0);
	}
	map(RTC_BASE, RTC_BASE, MAP_DEVICE | PTE_EL0);
	map(0x0b000000, 0x0b000000, MAP_DEVICE | PTE_EL0);
	tlb_flush();
}

void guest_main(void)
{
	u64 programs = option("programs", 3000);

	user = option("el", 0) == 0;
	map_programs();
	trap_init(true);
	for (unsigned i = 0; i < 16; i++) {
		trap_set(i, i % 4 == VECTOR_IRQ ? watchdog : ended);
	}
	for (u64 i = 0; i < programs; i++) {
		repair();
		random_program();
		run();
	}
	print("%lu programs:", programs);
	for (unsigned i = 0; i < 65; i++) {
		if (counts[i]) {
			print(" %x:%lu", i, counts[i]);
		}
	}
	print("\n");
}
