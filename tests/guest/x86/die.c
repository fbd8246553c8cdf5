// SPDX-License-Identifier: Apache-2.0
/* Ways to die, by "how=": each ends the VM, with a reason and the registers. */
#include "guest.h"

static const struct {
	u16 limit;
	u64 base;
} __attribute__((packed)) no_idt;

static u64 *high_entry(void)
{
	return pte(0xffff800000000000, 3);
}

static void no_idt_ud2(void)
{
	__asm__ volatile("lidt %0\n\tud2" : : "m"(no_idt));
}

static void jump_beyond(void)
{
	((void (*)(void))0xd0000000ULL)();
}

static void tables_beyond(void)
{
	write_cr3(0xd0000000);
}

static void entry_beyond(void)
{
	*high_entry() = 0xd0000000 | PTE_P | PTE_W;
	(void)mmio_read(0xffff800000000000);
}

static void stack_beyond(void)
{
	__asm__ volatile("mov $0xd0001000, %%eax\n\tmov %%rax, %%rsp\n\tud2" : : : "rax");
}

static void halt(void)
{
	apic_init();
	cli();
	__asm__ volatile("hlt");
}

static void simd_device(void)
{
	write_cr4(read_cr4() | 0x600);
	__asm__ volatile("movaps (%0), %%xmm0" : : "r"(0xd0000000ULL));
}

static void push_device(void)
{
	__asm__ volatile("mov %0, %%rsp\n\tpush %%rax" : : "r"(0xd0001000ULL));
}

static void double_fault(void)
{
	idt[VEC_DF].type = 0;
	__asm__ volatile("mov $0xffff800000001000, %rsp\n\tpush %rax");
}

static void endless_fault(void)
{
	/* The IDT itself beyond memory. */
	static const struct {
		u16 limit;
		u64 base;
	} __attribute__((packed)) far = {0xfff, 0xd0000000};

	__asm__ volatile("lidt %0\n\tud2" : : "m"(far));
}

void guest_main(void)
{
	static void (*const ways[])(void) = {
		no_idt_ud2, jump_beyond, tables_beyond, entry_beyond, stack_beyond,
		halt,       simd_device, push_device,   double_fault, endless_fault,
	};

	ways[option("how", 0)]();
	fail("still alive");
}
