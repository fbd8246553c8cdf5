// SPDX-License-Identifier: Apache-2.0
/*
 * The bench guest: measures what leaving it costs, prints rows `bench: NAME MIN MEAN` on COM1 and
 * powers off. `profile=NAME` on the command line repeats one operation for ever instead; `smp`,
 * `tick` and `gaps` are other sets of rows (smp.c).
 */
#include "tests/bench/guest/guest.h"

#include <stddef.h>

#define RUNS 1000

#define COM1_DATA           0x3f8
#define COM1_LSR            0x3fd
#define LSR_THRE            0x20
#define PM1A_CONTROL        0x604
#define SLEEP_ENABLE_S5     0x2000 /* SLP_TYP 0 is S5 in Socle's tables and in QEMU's */
#define BOOT_PARAMS_CMDLINE 0x228

#define APIC_SVR       0xfee000f0
#define SVR_ENABLE     0x1ff
#define MSR_X2APIC_SVR 0x80f

struct idt_gate {
	u16 offset_low, selector;
	u8 ist, type;
	u16 offset_mid;
	u32 offset_high, reserved;
} __attribute__((packed));

struct idt_pointer {
	u16 limit;
	const struct idt_gate *base;
} __attribute__((packed));

volatile u8 irq_taken;
volatile u64 irq_tsc;
static struct idt_gate idt[VECTOR_LAST + 1];

extern char irq_x2apic[], irq_no_eoi[], irq_timer[], irq_other[], exceptions[];
_Noreturn void guest_main(const u8 *boot_params);
_Noreturn void exception(u64 vector, u64 first, u64 second);

static void print_char(char c)
{
	while (!(inb(COM1_LSR) & LSR_THRE)) {
	}
	outb(COM1_DATA, (u8)c);
}

static void print_number(u64 n)
{
	char digits[20];
	unsigned count = 0;

	do {
		digits[count++] = (char)('0' + n % 10);
		n /= 10;
	} while (n);
	while (count) {
		print_char(digits[--count]);
	}
}

void print(const char *name, u64 first, u64 second)
{
	for (const char *s = "bench: "; *s; s++) {
		print_char(*s);
	}
	for (; *name; name++) {
		print_char(*name);
	}
	print_char(' ');
	print_number(first);
	print_char(' ');
	print_number(second);
	print_char('\r');
	print_char('\n');
}

static _Noreturn void power_off(void)
{
	outw(PM1A_CONTROL, SLEEP_ENABLE_S5);
	for (;;) {
		__asm__ volatile("cli\n\thlt");
	}
}

void exception(u64 vector, u64 first, u64 second)
{
	print("EXCEPTION-AND-STACK", vector, 0);
	print("stack", first, second);
	power_off();
}

static void gate_set(unsigned vector, const char *handler)
{
	u64 at = (u64)handler;
	u16 cs;

	__asm__("mov %%cs, %0" : "=r"(cs));
	idt[vector] = (struct idt_gate){.offset_low = (u16)at,
					.selector = cs,
					.type = 0x8e,
					.offset_mid = (u16)(at >> 16),
					.offset_high = (u32)(at >> 32)};
}

void irq_load(void)
{
	struct idt_pointer pointer = {sizeof(idt) - 1, idt};

	__asm__ volatile("lidt %0" : : "m"(pointer));
}

static void irq_init(void)
{
	for (unsigned i = 0; i < 32; i++) {
		gate_set(i, exceptions + i * EXCEPTION_STRIDE);
	}
	gate_set(VECTOR_EOI, irq_x2apic);
	gate_set(VECTOR_NO_EOI, irq_no_eoi);
	gate_set(VECTOR_TIMER, irq_timer);
	gate_set(VECTOR_OTHER, irq_other);
	irq_load();
	/* Nobody but us interrupts: both 8259s masked. */
	outb(0x21, 0xff);
	outb(0xa1, 0xff);
	wrmsr(MSR_APIC_BASE, rdmsr(MSR_APIC_BASE) | APIC_BASE_EN);
	mmio_write(APIC_SVR, SVR_ENABLE);
}

void x2apic_enable(void)
{
	wrmsr(MSR_APIC_BASE, rdmsr(MSR_APIC_BASE) | APIC_BASE_EXTD);
	wrmsr(MSR_X2APIC_SVR, SVR_ENABLE);
}

static u64 run(const struct operation *op)
{
	if (op->prepare) {
		op->prepare();
	}
	return op->time();
}

static void bench(const struct operation *op)
{
	u64 min = ~0ull, sum = 0, own = ticks_of_measuring();

	for (unsigned i = 0; i < RUNS; i++) {
		u64 took = run(op);

		took = took > own ? took - own : 0;
		min = took < min ? took : min;
		sum += took;
	}
	print(op->name, min, sum / RUNS);
}

static void bench_all(bool x2apic)
{
	for (unsigned i = 0; i < operation_count; i++) {
		if (operations[i].x2apic == x2apic) {
			bench(&operations[i]);
		}
	}
}

static bool is_equal(const char *a, const char *b)
{
	while (*a && *a == *b) {
		a++;
		b++;
	}
	return *a == *b;
}

static const struct {
	const char *name;
	void (*run)(void);
} others[] = {{"smp", bench_two_cpus}, {"tick", bench_tick}, {"gaps", bench_gaps}};

/* Runs the set of that name. Returns false where there is none. */
static bool bench_other(const char *cmdline)
{
	for (unsigned i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		if (is_equal(others[i].name, cmdline)) {
			x2apic_enable();
			others[i].run();
			return true;
		}
	}
	return false;
}

/* The operation that `profile=` names; NULL: none. */
static const struct operation *find_profiled(const char *cmdline)
{
	const char *key = "profile=";

	while (*key && *key == *cmdline) {
		key++;
		cmdline++;
	}
	for (unsigned i = 0; !*key && i < operation_count; i++) {
		if (is_equal(operations[i].name, cmdline)) {
			return &operations[i];
		}
	}
	return NULL;
}

static _Noreturn void profile(const struct operation *op)
{
	if (op->x2apic) {
		x2apic_enable();
	}
	print("profile", 0, 0);
	for (;;) {
		run(op);
	}
}

void guest_main(const u8 *boot_params)
{
	u64 entered = rdtsc();
	u32 cmdline;
	const struct operation *op;

	__builtin_memcpy(&cmdline, boot_params + BOOT_PARAMS_CMDLINE, sizeof(cmdline));
	irq_init();
	print("entry", entered, entered);
	if (cmdline && bench_other((const char *)(u64)cmdline)) {
		power_off();
	}
	op = cmdline ? find_profiled((const char *)(u64)cmdline) : NULL;
	if (op) {
		profile(op);
	}
	print("ticks-of-1000000", ticks_of_million(), ticks_of_million());
	bench_all(false);
	x2apic_enable();
	bench_all(true);
	bench_timer();
	bench_fresh_memory();
	power_off();
}
