// SPDX-License-Identifier: Apache-2.0
/*
 * Instructions that exit, with prefixes that mean nothing, at the end of a page, across two pages:
 * the length is right, because the next instruction is what runs next.
 */
#include "guest.h"

#define VA 0x3000000ULL

/* Their last bytes. */
#define VMMCALL 0xd9
#define VMCALL  0xc1

struct code {
	const char *name;
	u8 len, bytes[15];
	u32 ecx;
};

static const struct code codes[] = {
	{"cpuid", 2, {0x0f, 0xa2}, 0},
	{"rep cpuid", 3, {0xf3, 0x0f, 0xa2}, 0},
	{"repne cpuid", 3, {0xf2, 0x0f, 0xa2}, 0},
	{"data16 cpuid", 3, {0x66, 0x0f, 0xa2}, 0},
	{"addr32 cpuid", 3, {0x67, 0x0f, 0xa2}, 0},
	{"rex cpuid", 3, {0x48, 0x0f, 0xa2}, 0},
	{"cs cpuid", 3, {0x2e, 0x0f, 0xa2}, 0},
	{"gs rep data16 rex.wrxb cpuid", 6, {0x65, 0xf3, 0x66, 0x4f, 0x0f, 0xa2}, 0},
	{"15 bytes of cpuid",
	 15,
	 {0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x0f, 0xa2},
	 0},
	{"rdmsr", 2, {0x0f, 0x32}, 0x277},
	{"rex rdmsr", 3, {0x48, 0x0f, 0x32}, 0x277},
	{"rep rdmsr", 3, {0xf3, 0x0f, 0x32}, 0x277},
	{"in al, 0x80", 2, {0xe4, 0x80}, 0},
	{"rex in eax, dx", 2, {0x48, 0xed}, 0},
	{"data16 in ax, dx", 2, {0x66, 0xed}, 0},
	{"rep out dx, al", 2, {0xf3, 0xee}, 0},
	{"vmmcall", 3, {0x0f, 0x01, VMMCALL}, 0},
	{"rex vmmcall", 4, {0x48, 0x0f, 0x01, VMMCALL}, 0},
	{"wbinvd", 2, {0x0f, 0x09}, 0},
	{"rep wbinvd", 3, {0xf3, 0x0f, 0x09}, 0},
	{"invd", 2, {0x0f, 0x08}, 0},
	{"cs clts", 3, {0x2e, 0x0f, 0x06}, 0},
	{"mov cr8, r9", 4, {0x45, 0x0f, 0x22, 0xc1}, 0},
	{"mov cr8, r9, mod 0", 4, {0x45, 0x0f, 0x22, 0x01}, 0},
	{"data16 mov cr8, r9", 5, {0x66, 0x45, 0x0f, 0x22, 0xc1}, 0},
	{"mov eax, [r8]", 3, {0x41, 0x8b, 0x00}, 0},
	{"gs mov eax, [r8 + 4 * r9 + 0x10]", 7, {0x2e, 0x43, 0x8b, 0x44, 0x88, 0x10, 0x90}, 0},
};

/* Calls the code at @va with what its instructions need. */
static void run(const struct code *c, u64 va)
{
	u64 rax = 0, rdx = 0x80, rcx = c->ecx, where = va;

	__asm__ volatile("mov %4, %%r8d\n\txor %%r9d, %%r9d\n\tcall *%3"
			 : "+a"(rax), "+d"(rdx), "+c"(rcx), "+r"(where)
			 : "i"(APIC_BASE + 0x20)
			 : "memory", "rbx", "r8", "r9", "r10", "r11", "cc");
}

static void tried(void *arg)
{
	u64 *a = arg;

	run((const struct code *)a[0], a[1]);
}

void guest_main(void)
{
	u8 *page0 = page_alloc(), *page1 = page_alloc();

	apic_init();
	map(VA, (u64)page0, PTE_P | PTE_W);
	map(VA + PAGE, (u64)page1, PTE_P | PTE_W);
	for (unsigned i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
		const struct code *c = &codes[i];

		for (u64 offset = PAGE - 18; offset <= PAGE; offset++) {
			u64 args[2] = {(u64)c, VA + offset};
			u8 *p = (u8 *)VA;
			int vector;

			memset(p + PAGE - 32, 0xcc, 64);
			memcpy(p + offset, c->bytes, c->len);
			if (cpu_is_intel() && c->bytes[c->len - 1] == VMMCALL) {
				p[offset + c->len - 1] = VMCALL;
			}
			p[offset + c->len] = 0xc3;
			vector = call_try(tried, args);
			if (vector >= 0) {
				fail("%s at %lx: vector %d at %lx", c->name, offset, vector,
				     try_fault_rip);
			}
		}
	}

	/* Sixteen bytes are too many. */
	{
		static const struct code c = {"",
					      15,
					      {0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66,
					       0x66, 0x66, 0x66, 0x66, 0x66, 0x0f},
					      0};
		u64 args[2] = {(u64)&c, VA};

		memcpy((u8 *)VA, c.bytes, 15);
		((u8 *)VA)[15] = 0xa2;
		((u8 *)VA)[16] = 0xc3;
		CHECK_EQ(call_try(tried, args), VEC_GP);
	}
	/* The instruction ends where the page does, and the next page is not there. */
	memcpy((u8 *)VA + PAGE - 2, codes[0].bytes, 2);
	map(VA + PAGE, 0, 0);
	{
		u64 args[2] = {(u64)&codes[0], VA + PAGE - 2};

		CHECK_EQ(call_try(tried, args), VEC_PF);
		CHECK_EQ(try_cr2, VA + PAGE);
		CHECK_EQ(try_fault_rip, VA + PAGE);
	}
}
