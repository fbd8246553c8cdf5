// SPDX-License-Identifier: Apache-2.0
/* IDT, TSS, and what happens at each vector. */
#include "guest.h"

#define GATE_INTERRUPT 0x8e
#define IST_SIZE       4096

struct tss {
	u32 reserved0;
	u64 rsp[3], reserved1, ist[7], reserved2;
	u16 reserved3, iomap;
} __attribute__((packed));

extern const u8 trap_stubs[256][16];
void trap_handle(struct trap *t);

struct idt_gate idt[256] __attribute__((aligned(16)));
static struct tss tss;
static trap_fn *handlers[256];
static u8 ist_stack[3][IST_SIZE] __attribute__((aligned(16)));

volatile int try_vector, call_vector;
volatile u64 try_rip, try_error, try_fault_rip, try_cr2, call_rip, call_rsp;

void trap_set(unsigned vector, trap_fn *fn)
{
	handlers[vector] = fn;
}

void trap_set_ist(unsigned vector, unsigned ist, u64 top)
{
	idt[vector].ist = (u8)ist;
	if (ist) {
		tss.ist[ist - 1] = top;
	}
}

void trap_set_rsp0(u64 top)
{
	tss.rsp[0] = top;
}

static void say(const struct trap *t)
{
	fail("vector %lu error %lx rip %lx cs %lx rflags %lx rsp %lx cr2 %lx rax %lx", t->vector,
	     t->error, t->rip, t->cs, t->rflags, t->rsp, read_cr2(), t->rax);
}

void trap_handle(struct trap *t)
{
	if (handlers[t->vector]) {
		handlers[t->vector](t);
		return;
	}
	if ((!try_rip && !call_rip) || t->vector >= 32 || t->vector == VEC_NMI) {
		say(t);
	}
	try_fault_rip = t->rip;
	if (try_rip) {
		try_vector = (int)t->vector;
		t->rip = try_rip;
	} else {
		call_vector = (int)t->vector;
		t->rip = call_rip;
		t->rsp = call_rsp;
	}
	try_error = t->error;
	try_cr2 = read_cr2();
	t->cs = SEL_CODE64;
	t->ss = SEL_DATA;
	t->rflags &= ~(FLAG_TF | FLAG_RF);
}

void trap_init(void)
{
	const struct {
		u16 limit;
		u64 base;
	} __attribute__((packed)) idtr = {sizeof(idt) - 1, (u64)idt};
	u64 base = (u64)&tss;

	for (unsigned i = 0; i < 256; i++) {
		u64 stub = (u64)trap_stubs[i];

		idt[i] = (struct idt_gate){.offset_low = (u16)stub,
					   .selector = SEL_CODE64,
					   .type = GATE_INTERRUPT,
					   .offset_mid = (u16)(stub >> 16),
					   .offset_high = (u32)(stub >> 32)};
	}
	gdt[SEL_TSS / 8] = (sizeof(tss) - 1) | (base & 0xffffff) << 16 | 0x89ULL << 40 |
			   (base >> 24 & 0xff) << 56;
	gdt[SEL_TSS / 8 + 1] = base >> 32;
	tss.iomap = sizeof(tss);
	trap_set_rsp0((u64)ist_stack[0] + IST_SIZE);
	trap_set_ist(VEC_DF, 1, (u64)ist_stack[1] + IST_SIZE);
	trap_set_ist(VEC_NMI, 2, (u64)ist_stack[2] + IST_SIZE);
	__asm__ volatile("lidt %0\n\tltr %w1" : : "m"(idtr), "r"(SEL_TSS) : "memory");
}
