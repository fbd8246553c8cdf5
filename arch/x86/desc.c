// SPDX-License-Identifier: Apache-2.0
/* GDT, TSS and IDT of the host: flat 64-bit segments, interrupt gates, three stacks by IST. */
#include "arch/x86/desc.h"

#include "arch/cpu.h"
#include "arch/x86/x86.h"

struct idt_gate {
	u16 offset_lo, selector;
	u8 ist, type;
	u16 offset_mid;
	u32 offset_hi, reserved;
};
static_assert(sizeof(struct idt_gate) == 16, "IDT gate");

#define GATE_INTERRUPT 0x8e /* present, DPL 0, 64-bit interrupt gate */

extern const u8 trap_entries[256][16];

static struct idt_gate idt[256];

static const u8 vector_ist[32] = {
	[VEC_DF] = IST_DF,
	[VEC_NMI] = IST_NMI,
	[VEC_MC] = IST_MC,
};

static void idt_fill(void)
{
	for (unsigned v = 0; v < ARRAY_SIZE(idt); v++) {
		u64 entry = (u64)(uintptr_t)trap_entries[v];

		idt[v] = (struct idt_gate){
			.offset_lo = (u16)entry,
			.selector = HOST_CS,
			.ist = v < ARRAY_SIZE(vector_ist) ? vector_ist[v] : IST_NONE,
			.type = GATE_INTERRUPT,
			.offset_mid = (u16)(entry >> 16),
			.offset_hi = (u32)(entry >> 32),
		};
	}
}

static void gdt_fill(struct percpu *cpu)
{
	u64 base = (u64)(uintptr_t)&cpu->tss;

	cpu->gdt[HOST_CS / 8] = 0x00af9b000000ffffULL; /* 64-bit code, accessed */
	cpu->gdt[HOST_DS / 8] = 0x00cf93000000ffffULL; /* data, writable, accessed */
	cpu->gdt[HOST_TR / 8] = (sizeof(struct tss) - 1) | (base & 0xffffff) << 16 | 0x89ULL << 40 |
				(base >> 24 & 0xff) << 56;
	cpu->gdt[HOST_TR / 8 + 1] = base >> 32;
	cpu->tss.iomap_base = sizeof(struct tss);
	for (unsigned i = 0; i < ARRAY_SIZE(cpu->ist_stack); i++) {
		cpu->tss.ist[i] = (u64)(uintptr_t)(cpu->ist_stack[i] + IST_STACK_SIZE);
	}
}

void desc_init(struct percpu *cpu)
{
	struct desc_ptr gdtr = {sizeof(cpu->gdt) - 1, (u64)(uintptr_t)cpu->gdt};
	struct desc_ptr idtr = {sizeof(idt) - 1, (u64)(uintptr_t)idt};

	gdt_fill(cpu);
	idt_fill();
	__asm__ volatile("lgdt %0\n\t"
			 "pushq %1\n\t"
			 "lea 1f(%%rip), %%rax\n\t"
			 "push %%rax\n\t"
			 "lretq\n"
			 "1:\n\t"
			 "mov %w2, %%ds\n\t"
			 "mov %w2, %%es\n\t"
			 "mov %w2, %%ss\n\t"
			 "mov %w3, %%fs\n\t"
			 "mov %w3, %%gs\n\t"
			 "lldt %w3\n\t"
			 "ltr %w4\n\t"
			 "lidt %5"
			 :
			 : "m"(gdtr), "i"(HOST_CS), "r"(HOST_DS), "r"(0), "r"(HOST_TR), "m"(idtr)
			 : "rax", "memory");
	cpu->self = cpu;
	wrmsr(MSR_GS_BASE, (u64)(uintptr_t)cpu);
}
