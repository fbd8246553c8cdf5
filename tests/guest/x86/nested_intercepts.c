// SPDX-License-Identifier: Apache-2.0
/*
 * Each intercept alone: with it the instruction exits with its code and has not happened, without
 * it L2 executes it. Ports and MSRs by the bit of their map and by no other.
 */
#include "svm.h"

#define PORT 0x80 /* nobody's: reads as ones, on the bare machine as what was written */

/* EXITINFO1's size of addresses and segment: QEMU has neither. */
#define IOIO_ADDRESS 0x1f80ull

static struct l2 l2;
static u8 *iopm, *msrpm;

static void do_cpuid(void)
{
	(void)cpuid(0, 0);
}
static void do_rdtsc(void)
{
	__asm__ volatile("rdtsc" : : : "rax", "rdx", "memory");
}
static void do_pushf(void)
{
	__asm__ volatile("pushf\n\tpop %%rax" : : : "rax", "memory");
}
static void do_popf(void)
{
	__asm__ volatile("push $2\n\tpopf" : : : "cc", "memory");
}
static void do_intn(void)
{
	__asm__ volatile("int $0x80" : : : "memory");
}
static void do_pause(void)
{
	__asm__ volatile("pause" : : : "memory");
}
static void do_invlpg(void)
{
	invlpg(0x200000);
}
static void do_wbinvd(void)
{
	__asm__ volatile("wbinvd" : : : "memory");
}
static void do_cr0_read(void)
{
	(void)read_cr0();
}
static void do_cr0_write(void)
{
	write_cr0(0x80000011 ^ BIT(5));
}
static void do_cr0_ts(void)
{
	__asm__ volatile("mov %%cr0, %%rax\n\txor $8, %%rax\n\tmov %%rax, %%cr0"
			 :
			 :
			 : "rax", "memory");
}
static void do_clts(void)
{
	__asm__ volatile("clts" : : : "memory");
}
static void do_lmsw(void)
{
	__asm__ volatile("smsw %%rax\n\tlmsw %%ax" : : : "rax", "memory");
}
static void do_cr3_read(void)
{
	(void)read_cr3();
}
static void do_cr4_read(void)
{
	(void)read_cr4();
}
static void do_cr8_read(void)
{
	(void)read_cr8();
}
static void do_cr3_write(void)
{
	__asm__ volatile("mov %%rax, %%cr3" : : "a"(l2.gpr[12]) : "memory");
}
static void do_cr4_write(void)
{
	__asm__ volatile("mov %%rax, %%cr4" : : "a"(0x20ull) : "memory");
}
static void do_cr8_write(void)
{
	write_cr8(0);
}
static void do_dr_read(void)
{
	(void)read_dr0();
}
static void do_dr_write(void)
{
	write_dr1(0x1234);
}
static void do_sidt(void)
{
	struct {
		u8 bytes[10];
	} table;
	__asm__ volatile("sidt %0" : "=m"(table) : : "memory");
}

struct row {
	void (*fn)(void);
	u32 code;
	bool not_qemu;
};

static const struct row rows[] = {
	{do_cpuid, EXIT_CPUID, false},         {do_rdtsc, EXIT_RDTSC, false},
	{do_pushf, EXIT_PUSHF, false},         {do_popf, EXIT_POPF, false},
	{do_intn, EXIT_INTN, false},           {do_pause, EXIT_PAUSE, false},
	{do_invlpg, EXIT_INVLPG, false},       {do_wbinvd, EXIT_WBINVD, false},
	{do_cr0_read, EXIT_CR_READ, false},    {do_cr0_write, EXIT_CR_WRITE, false},
	{do_cr0_write, EXIT_CR0_SEL, false},   {do_lmsw, EXIT_CR_WRITE, false},
	{do_lmsw, EXIT_CR0_SEL, true},         {do_clts, EXIT_CR_WRITE, false},
	{do_cr3_read, EXIT_CR_READ + 3, true}, {do_cr3_write, EXIT_CR_WRITE + 3, false},
	{do_cr4_read, EXIT_CR_READ + 4, true}, {do_cr4_write, EXIT_CR_WRITE + 4, false},
	{do_cr8_read, EXIT_CR_READ + 8, true}, {do_cr8_write, EXIT_CR_WRITE + 8, false},
	{do_dr_read, EXIT_DR_READ, false},     {do_dr_write, EXIT_DR_WRITE + 1, false},
	{do_sidt, EXIT_IDTR_READ, false},
};

static void int80(struct trap *t)
{
	(void)t;
}

static void check_rows(void)
{
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct row *r = &rows[i];
		u32 code;

		if (r->not_qemu && option("emulated", 0)) {
			continue;
		}
		l2.gpr[12] = read_cr3();
		l2_start(&l2, r->fn);
		l2.vmcb->cr0 = 0x80000011;
		l2_expect(&l2, EXIT_VMMCALL, 3);
		l2_start(&l2, r->fn);
		l2.vmcb->cr0 = 0x80000011;
		intercept(&l2, r->code, true);
		code = l2_run(&l2);
		if (code != r->code || l2.vmcb->rip < (u64)r->fn ||
		    l2.vmcb->rip > (u64)r->fn + 64) {
			fail("row %u: exit %x, expected %x; rip %lx of %p", i, code, r->code,
			     l2.vmcb->rip, (void *)r->fn);
		}
		/* RIP is at the instruction, and nothing of it has happened. */
		intercept(&l2, r->code, false);
		l2_expect(&l2, EXIT_VMMCALL, 3);
	}
}

/* A write to CR0 that only changes TS: not selective; nor CLTS. */
static void check_selective(void)
{
	intercept(&l2, EXIT_CR0_SEL, true);
	l2_start(&l2, do_cr0_ts);
	l2_expect(&l2, EXIT_VMMCALL, 3);
	CHECK(l2.vmcb->cr0 & 8);
	l2_start(&l2, do_clts);
	l2_expect(&l2, EXIT_VMMCALL, 3);
	CHECK(!(l2.vmcb->cr0 & 8));
	intercept(&l2, EXIT_CR0_SEL, false);
}

static void do_hlt(void)
{
	__asm__ volatile("hlt" : : : "memory");
}

static void check_hlt(void)
{
	l2_start(&l2, do_hlt);
	intercept(&l2, EXIT_HLT, true);
	l2_expect(&l2, EXIT_HLT, 1);
	l2_expect(&l2, EXIT_VMMCALL, 3);
	intercept(&l2, EXIT_HLT, false);
}

/* ---- ports ---- */

static void io_out8(void)
{
	outb(PORT, 0x5a);
}
static void io_in32(void)
{
	(void)inl(PORT);
}
static void io_last(void)
{
	__asm__ volatile("mov $0xffff, %%edx\n\tin %%dx, %%ax" : : : "rax", "rdx", "memory");
}
static void io_string(void)
{
	static u8 bytes[4];
	const void *from = bytes;
	u64 n = 2;
	__asm__ volatile("rep outsb" : "+S"(from), "+c"(n) : "d"(PORT) : "memory");
}

static void io(void (*fn)(void), u32 bit, bool exits, u64 info1)
{
	iopm[bit / 8] = (u8)(1 << bit % 8);
	l2_start(&l2, fn);
	if (exits) {
		l2_expect(&l2, EXIT_IOIO, 0);
		CHECK_EQ(l2.vmcb->info1 & ~IOIO_ADDRESS, info1);
		CHECK(l2.vmcb->info2 > l2.vmcb->rip && l2.vmcb->info2 <= l2.vmcb->rip + 3);
		l2.vmcb->rip = l2.vmcb->info2;
	}
	l2_expect(&l2, EXIT_VMMCALL, 3);
	iopm[bit / 8] = 0;
}

static void check_io(void)
{
	/* What the port says when nobody intercepts. */
	intercept(&l2, EXIT_IOIO, true);
	io(io_out8, PORT - 1, false, 0);
	io(io_out8, PORT, true, (u64)PORT << 16 | BIT(4));
	io(io_out8, PORT + 1, false, 0);
	for (u32 i = 0; i < 4; i++) {
		io(io_in32, PORT + i, true, (u64)PORT << 16 | BIT(6) | 1);
	}
	io(io_in32, PORT + 4, false, 0);
	io(io_last, 0x10000, true, 0xffffull << 16 | BIT(5) | 1);
	iopm[PORT / 8] = 1;
	l2_start(&l2, io_string);
	l2_expect(&l2, EXIT_IOIO, 0);
	CHECK_EQ(l2.vmcb->info1 & ~IOIO_ADDRESS, (u64)PORT << 16 | BIT(4) | BIT(3) | BIT(2));
	iopm[PORT / 8] = 0;
	intercept(&l2, EXIT_IOIO, false);
	memset(iopm, 0xff, 3 * PAGE); /* not used without IOIO_PROT */
	l2_start(&l2, io_out8);
	l2_expect(&l2, EXIT_VMMCALL, 3);
	memset(iopm, 0, 3 * PAGE);
}

/* ---- MSRs ---- */

static const struct {
	u32 msr, bit;
} msrs[] = {
	{0x174, 0x174 * 2},                  /* SYSENTER_CS: the first range */
	{0x277, 0x277 * 2},                  /* PAT */
	{0xc0000082, 0x800 * 8 + 0x82 * 2},  /* LSTAR: the second */
	{0xc0000102, 0x800 * 8 + 0x102 * 2}, /* KERNEL_GS_BASE */
	{0xc0010010, 0x1000 * 8 + 0x10 * 2}, /* SYSCFG: the third */
};
static volatile u32 msr;

static void msr_read(void)
{
	__asm__ volatile("rdmsr" : : "c"(msr) : "rax", "rdx", "memory");
}
static void msr_write_back(void)
{
	__asm__ volatile("rdmsr\n\twrmsr" : : "c"(msr) : "rax", "rdx", "memory");
}

static void check_msr(void)
{
	intercept(&l2, EXIT_MSR, true);
	for (unsigned i = 0; i < sizeof(msrs) / sizeof(msrs[0]); i++) {
		u32 bit = msrs[i].bit;

		msr = msrs[i].msr;
		l2_start(&l2, msr_write_back);
		l2_expect(&l2, EXIT_VMMCALL, 3);
		msrpm[bit / 8] = (u8)(1 << bit % 8);
		l2_start(&l2, msr_read);
		l2_expect(&l2, EXIT_MSR, 2);
		CHECK_EQ(l2.vmcb->info1, 0);
		CHECK_EQ((u32)l2.gpr[1], msr);
		l2_expect(&l2, EXIT_VMMCALL, 3);
		msrpm[bit / 8] = (u8)(2 << bit % 8);
		l2_start(&l2, msr_write_back);
		l2_expect(&l2, EXIT_MSR, 2);
		CHECK_EQ(l2.vmcb->info1, 1);
		l2_expect(&l2, EXIT_VMMCALL, 3);
		msrpm[bit / 8] = 0;
	}
	msr = 0x4b564d00; /* in no range */
	l2_start(&l2, msr_read);
	l2_expect(&l2, EXIT_MSR, 2);
	intercept(&l2, EXIT_MSR, false);
}

/* ---- exceptions ---- */

static volatile u64 zero;

static void raise_ud(void)
{
	__asm__ volatile("ud2");
}
static void raise_de(void)
{
	__asm__ volatile("xor %%edx, %%edx\n\tmov $1, %%eax\n\tdivq %0"
			 :
			 : "m"(zero)
			 : "rax", "rdx");
}
static void raise_gp(void)
{
	(void)*(volatile u8 *)0x8000000000000000;
}
static void raise_pf(void)
{
	*(volatile u8 *)0x7000000000 = 1;
}
static void raise_bp(void)
{
	__asm__ volatile("int3" : : : "memory");
}

static void raises(void (*fn)(void), unsigned vector, u64 error)
{
	l2_start(&l2, fn);
	intercept(&l2, EXIT_EXCP + vector, true);
	l2_expect(&l2, EXIT_EXCP + vector, 0);
	if (vector == VEC_GP || vector == VEC_PF) {
		CHECK_EQ(l2.vmcb->info1, error);
	}
	if (vector == VEC_PF) {
		CHECK_EQ(l2.vmcb->info2, 0x7000000000);
	}
	CHECK(l2.vmcb->rip >= (u64)fn && l2.vmcb->rip < (u64)fn + 32);
	intercept(&l2, EXIT_EXCP + vector, false);
}

static volatile int taken;

static void take(struct trap *t)
{
	taken = (int)t->vector;
	t->rip += 2;
}

static void check_exceptions(void)
{
	raises(raise_ud, VEC_UD, 0);
	raises(raise_de, VEC_DE, 0);
	raises(raise_gp, VEC_GP, 0);
	raises(raise_pf, VEC_PF, 2);
	if (option("int3", 1)) { /* QEMU asks for INTn's intercept there */
		raises(raise_bp, VEC_BP, 0);
	}
	trap_set(VEC_UD, take); /* not intercepted: L2's own handler */
	l2_start(&l2, raise_ud);
	l2_expect(&l2, EXIT_VMMCALL, 3);
	CHECK_EQ(taken, VEC_UD);
	trap_set(VEC_UD, NULL);
}

/* Three faults in a row, none of them deliverable. */
static void check_shutdown(void)
{
	u32 limit = l2.vmcb->idtr.limit;

	l2.vmcb->idtr.limit = 0;
	l2_start(&l2, raise_ud);
	l2_expect(&l2, EXIT_SHUTDOWN, 0);
	l2.vmcb->idtr.limit = limit;
}

void guest_main(void)
{
	svm_init();
	trap_set(0x80, int80);
	iopm = map_alloc(3, 0);
	msrpm = map_alloc(2, 0);
	l2_init(&l2, do_cpuid);
	l2.vmcb->iopm = (u64)iopm;
	l2.vmcb->msrpm = (u64)msrpm;
	check_rows();
	check_selective();
	check_hlt();
	check_io();
	check_msr();
	check_exceptions();
	check_shutdown();
}
