// SPDX-License-Identifier: Apache-2.0
/*
 * Random programs: bytes and instructions that exit, with registers that point at devices, at
 * memory, with "devices=1" at devices and beyond memory, where an instruction that only memory
 * takes ends the VM; "devices=2" has none of these. "cpl=3" runs them at CPL 3 with IOPL 3, "cpl=0"
 * at CPL 0. The watchdog is the 8254, an NMI by way of the I/O APIC: CLI does not stop it.
 */
#include "guest.h"

#define SCRATCH      0x2000000ULL /* 2 MiB, the programs' own */
#define PROGRAM      (SCRATCH + 0x10000)
#define PROGRAM_SIZE 48
#define STACK        (SCRATCH + 0x80000)
#define TICK_HZ      500
#define TICKS_MAX    3

static volatile u64 ticks, started;
static volatile bool running;
static u64 counts[33];
static enum { NONE, WILD, TAME } devices;
static u8 stacks[2][PAGE] __attribute__((aligned(4096)));
static u64 own_cr3, program_cr3;
static volatile u64 back_rsp __attribute__((used)), back_rip __attribute__((used));

/* What exits, and what makes it harder to decode. */
static const struct {
	u8 len, bytes[6];
} dictionary[] = {
	{2, {0x0f, 0xa2}},             /* cpuid */
	{1, {0xf4}},                   /* hlt */
	{2, {0x0f, 0x30}},             /* wrmsr */
	{2, {0x0f, 0x32}},             /* rdmsr */
	{3, {0x0f, 0x01, 0xd9}},       /* vmmcall */
	{3, {0x0f, 0x01, 0xc1}},       /* vmcall */
	{3, {0x0f, 0x01, 0xd1}},       /* xsetbv */
	{3, {0x0f, 0x01, 0xd8}},       /* vmrun */
	{3, {0x0f, 0x01, 0xdd}},       /* clgi */
	{3, {0x0f, 0x01, 0xc8}},       /* monitor */
	{3, {0x0f, 0x01, 0xf9}},       /* rdtscp */
	{2, {0x0f, 0x09}},             /* wbinvd */
	{2, {0x0f, 0x08}},             /* invd */
	{2, {0x0f, 0x33}},             /* rdpmc */
	{2, {0x0f, 0x06}},             /* clts */
	{1, {0xec}},                   /* in al, dx */
	{1, {0xed}},                   /* in eax, dx */
	{1, {0xee}},                   /* out dx, al */
	{1, {0xef}},                   /* out dx, eax */
	{1, {0x6c}},                   /* insb */
	{1, {0x6d}},                   /* insl */
	{1, {0x6e}},                   /* outsb */
	{2, {0xf3, 0x6d}},             /* rep insl */
	{2, {0xf3, 0x6e}},             /* rep outsb */
	{1, {0xa4}},                   /* movsb */
	{2, {0xf3, 0xa5}},             /* rep movsl */
	{3, {0xf3, 0x48, 0xab}},       /* rep stosq */
	{2, {0x8b, 0x07}},             /* mov eax, [rdi] */
	{2, {0x89, 0x06}},             /* mov [rsi], eax */
	{3, {0x48, 0x89, 0x03}},       /* mov [rbx], rax */
	{3, {0x0f, 0xb6, 0x0b}},       /* movzx ecx, byte [rbx] */
	{4, {0xf0, 0x0f, 0xb1, 0x0f}}, /* lock cmpxchg [rdi], ecx */
	{2, {0x87, 0x07}},             /* xchg [rdi], eax */
	{3, {0x0f, 0xab, 0x07}},       /* bts [rdi], eax */
	{2, {0xff, 0x03}},             /* inc dword [rbx] */
	{2, {0x0f, 0x0b}},             /* ud2 */
	{2, {0xcd, 0x80}},             /* int 0x80 */
	{1, {0xcc}},                   /* int3 */
	{2, {0x0f, 0x05}},             /* syscall */
	{1, {0x9d}},                   /* popf */
	{1, {0xfa}},                   /* cli */
	{1, {0xfb}},                   /* sti */
	{3, {0x0f, 0x22, 0xc0}},       /* mov cr0, rax */
	{3, {0x0f, 0x22, 0xe0}},       /* mov cr4, rax */
	{3, {0x0f, 0x20, 0xc0}},       /* mov rax, cr0 */
	{4, {0x44, 0x0f, 0x22, 0xc0}}, /* mov cr8, rax */
	{3, {0x0f, 0x23, 0xf8}},       /* mov dr7, rax */
	{3, {0x0f, 0x01, 0xf0}},       /* lmsw ax */
	{1, {0x66}},                   /* prefixes */
	{1, {0x67}},
	{1, {0xf2}},
	{1, {0xf3}},
	{1, {0xf0}},
	{1, {0x2e}},
	{1, {0x64}},
	{1, {0x48}},
	{1, {0x4f}},
	{2, {0x8f, 0x03}},       /* pop [rbx], and more that takes memory only */
	{2, {0xff, 0x33}},       /* push [rbx] */
	{3, {0x0f, 0x6f, 0x07}}, /* movq mm0, [rdi] */
	{3, {0x0f, 0x28, 0x07}}, /* movaps xmm0, [rdi] */
};
#define DICTIONARY   (sizeof(dictionary) / sizeof(dictionary[0]))
#define FOR_ANYTHING (DICTIONARY - 4)

static u64 random_register(void)
{
	u64 r = random64();

	switch (devices ? r >> 60 : r >> 60 | 4) {
	case 0:
		return APIC_BASE + (r & 0xff0);
	case 1:
		return IOAPIC_BASE + (r & 0x1f);
	case 2:
		return 0xd0000000 + (r & 0xffff);
	case 3:
	case 12:
	case 13:
		return SCRATCH + (r & 0xfffff);
	case 4:
		return SCRATCH + 0x1ffffc;
	case 5:
		return r & 0xffff;
	case 6:
		return r & 0x3f;
	case 7:
		return 0xc0000000 + (r & 0x1ff);
	default:
		return r;
	}
}

static void random_program(u8 *p)
{
	u64 words = devices == TAME ? FOR_ANYTHING : DICTIONARY;

	for (unsigned n = 0; n < PROGRAM_SIZE;) {
		u64 r = random64(), word = (r >> 8) % words;

		if (devices != TAME && (r & 1)) {
			p[n++] = (u8)(r >> 8);
			continue;
		}
		for (unsigned i = 0; i < dictionary[word].len; i++) {
			p[n++] = dictionary[word].bytes[i];
		}
	}
	memset(p + PROGRAM_SIZE + 8, 0xcc, 64);
}

/*
 * A MOV to segment register 6 or 7 is #UD. QEMU 10 loads LDTR or TR with it, and aborts at the next
 * exception that looks at the TSS: it becomes one to SS or DS.
 */
static void no_mov_to_tr(u8 *p)
{
	for (unsigned n = 0; n < PROGRAM_SIZE; n++) {
		if (p[n] == 0x8e && (p[n + 1] & 0x30) == 0x30) {
			p[n + 1] &= (u8)~0x20;
		}
	}
}

/* The frame that enters the program; the registers come with it. */
static void enter(bool user)
{
	struct trap t;
	u64 *r = (u64 *)&t;

	for (unsigned i = 0; i < 15; i++) {
		r[i] = random_register();
	}
	t.vector = 0;
	t.error = 0;
	t.rip = PROGRAM;
	t.rsp = STACK;
	t.cs = user ? SEL_UCODE : SEL_CODE64;
	t.ss = user ? SEL_UDATA : SEL_DATA;
	t.rflags = 0x3202 | (random64() & 0x5 ? 0 : FLAG_TF); /* IOPL 3, IF */
	if (devices) {
		t.rcx &= 0xff; /* no endless REP where the watchdog's own devices may be hit */
	}
	started = ticks;
	running = true;
	__asm__ volatile("push %%rbx\n\tpush %%rbp\n\tmov %%rsp, back_rsp\n\t"
			 "movq $1f, back_rip\n\t"
			 "mov %0, %%rsp\n\tmov %1, %%cr3\n\t"
			 "pop %%r15\n\tpop %%r14\n\tpop %%r13\n\tpop %%r12\n\tpop %%r11\n\t"
			 "pop %%r10\n\tpop %%r9\n\tpop %%r8\n\tpop %%rdi\n\tpop %%rsi\n\t"
			 "pop %%rbp\n\tpop %%rbx\n\tpop %%rdx\n\tpop %%rcx\n\tpop %%rax\n\t"
			 "add $16, %%rsp\n\tiretq\n"
			 "1:\tpop %%rbp\n\tpop %%rbx"
			 :
			 : "r"(&t), "r"(program_cr3)
			 : "memory", "cc", "rax", "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10",
			   "r11", "r12", "r13", "r14", "r15");
}

/* write_cr3() notes things in memory, which may be read-only. */
static void tables_use(u64 root)
{
	__asm__ volatile("mov %0, %%cr3" : : "r"(root) : "memory");
}

static void back(struct trap *t)
{
	running = false;
	t->rip = back_rip;
	t->rsp = back_rsp;
	t->cs = SEL_CODE64;
	t->ss = SEL_DATA;
	t->rflags = 2;
}

static void ended(struct trap *t)
{
	tables_use(own_cr3);
	counts[t->vector < 32 ? t->vector : 32]++;
	if (!running && t->vector == VEC_DB) {
		return; /* a program has set DR7.GD: #DB cleared it, our own write happens again */
	}
	if (!running) {
		fail("vector %lu at %lx, not in a program", t->vector, t->rip);
	}
	back(t);
}

static void watchdog(struct trap *t)
{
	u64 cr3 = read_cr3();

	tables_use(own_cr3);
	ticks++;
	if (running && ticks - started > TICKS_MAX) {
		counts[VEC_NMI]++;
		back(t);
	} else {
		tables_use(cr3);
	}
}

static void ignore(struct trap *t)
{
	(void)t;
	mmio_write(APIC_BASE + APIC_EOI, 0);
}

/* What a program may have changed, and would stop the next ones. */
static void repair(void)
{
	__asm__ volatile("cli\n\tcld\n\tmov %0, %%ds\n\tmov %0, %%es" : : "r"(SEL_DATA));
	write_cr0((read_cr0() & ~0xeULL) | BIT(16) | BIT(1));
	wrmsr(0xc0000100, 0);
	wrmsr(0xc0000101, 0);
	wrmsr(0x1b, 0xfee00900);
	apic_init();
	ioapic_route(2, 4 << 8);
	pit_set(0, 2, 1193182 / TICK_HZ);
	write_dr7(0x400);
}

static void map_for_user(void)
{
	if (!devices) {
		for (u64 a = memory_end(); a < 4 * BIT(30); a += 0x200000) {
			*pte(a, 2) = 0;
		}
		map(APIC_BASE, APIC_BASE, PTE_P | PTE_W);
		map(IOAPIC_BASE, IOAPIC_BASE, PTE_P | PTE_W);
	}
	for (u64 a = 0; a < 0x200000; a += 0x1000) {
		*pte(SCRATCH + a, 1) = (SCRATCH + a) | PTE_P | PTE_W | PTE_U;
	}
	if (devices) {
		map(APIC_BASE, APIC_BASE, PTE_P | PTE_W | PTE_U);
		map(IOAPIC_BASE, IOAPIC_BASE, PTE_P | PTE_W | PTE_U);
		for (u64 a = 0xd0000000; a < 0xd0010000; a += 0x1000) {
			map(a, a, PTE_P | PTE_W | PTE_U);
		}
	}
	write_cr3(read_cr3());
}

/*
 * Programs run on tables of their own, where nothing but the scratch memory and the stacks of the
 * exceptions can be written: what CPL 0 changes by accident must not end every run at once.
 */
static void program_tables(void)
{
	u64 *root = page_alloc(), *pdpt = page_alloc(), *pd = page_alloc();

	memcpy(root, (void *)own_cr3, PAGE);
	memcpy(pdpt, (void *)(root[0] & ~0xfffULL), PAGE);
	memcpy(pd, (void *)(pdpt[0] & ~0xfffULL), PAGE);
	root[0] = (u64)pdpt | 7;
	pdpt[0] = (u64)pd | 7;
	for (u64 i = 0; i < memory_end() >> 21; i++) {
		pd[i] &= i << 21 == SCRATCH ? ~0ULL : ~PTE_W;
	}
	for (u64 i = 0; i < 2; i++) {
		u64 *table = page_alloc();

		for (u64 page = 0; page < 512; page++) {
			u64 a = i << 21 | page << 12;
			bool stack = a >= (u64)stacks && a < (u64)stacks + sizeof(stacks);

			table[page] = a | PTE_P | (stack ? PTE_W : 0);
		}
		pd[i] = (u64)table | 7;
	}
	program_cr3 = (u64)root;
}

void guest_main(void)
{
	bool user = option("cpl", 3) == 3;
	u64 programs = option("programs", 4000);

	devices = (unsigned)option("devices", 0);

	for (unsigned i = 0; i < 256; i++) {
		trap_set(i, i < 32 ? ended : ignore);
		trap_set_ist(i, 3, (u64)stacks[0] + PAGE);
	}
	trap_set_ist(VEC_NMI, 2, (u64)stacks[1] + PAGE);
	trap_set(VEC_NMI, watchdog);
	idt[VEC_BP].type |= 0x60;
	map_for_user();
	own_cr3 = read_cr3();
	program_tables();
	write_cr4(read_cr4() | 0x600);
	for (u64 i = 0; i < programs; i++) {
		repair();
		random_program((u8 *)PROGRAM);
		no_mov_to_tr((u8 *)PROGRAM);
		enter(user);
	}
	print("%lu programs:", programs);
	for (unsigned i = 0; i < 33; i++) {
		if (counts[i]) {
			print(" %u:%lu", i, counts[i]);
		}
	}
	print("\n");
}
