// SPDX-License-Identifier: Apache-2.0
/* Control registers and EFER outside of 64-bit mode: combinations that must not be, one by one. */
#include "guest.h"

#define EFER 0xc0000080u
#define LME  0x100u
#define PE   1u
#define PG   0x80000000u
#define PAE  0x20u

void mode_run(unsigned mode);
extern u32 mode_fn;
extern const u8 rules32[], ud32[], gp32[];
extern u64 idt32[];

/* One write, in 32-bit protected mode without paging unless said otherwise. */
struct rule {
	u32 cr4, efer_low, cr0; /* before; paging stays off */
	u32 what;               /* 0 CR0, 4 CR4, 8 EFER */
	u32 value;
	u32 vector; /* out: of the exception, ~0: none */
	u32 result; /* out: the register afterwards */
};

struct rule rule;

static void run(u32 cr4, u32 efer, u32 what, u32 value)
{
	rule = (struct rule){
		.cr4 = cr4, .efer_low = efer, .cr0 = 0x11, .what = what, .value = value};
	mode_run(1);
}

static void refused(u32 cr4, u32 efer, u32 what, u32 value)
{
	run(cr4, efer, what, value);
	if (rule.vector != VEC_GP) {
		fail("cr4 %x efer %x, %u = %x: vector %d, register %x", cr4, efer, what, value,
		     (int)rule.vector, rule.result);
	}
}

static void taken(u32 cr4, u32 efer, u32 what, u32 value, u32 result)
{
	run(cr4, efer, what, value);
	if (rule.vector != ~0u || rule.result != result) {
		fail("cr4 %x efer %x, %u = %x: vector %d, register %x", cr4, efer, what, value,
		     (int)rule.vector, rule.result);
	}
}

static u64 gate32(u64 handler)
{
	return (handler & 0xffff) | SEL_CODE32 << 16 | 0x8eULL << 40 | handler >> 16 << 48;
}

void guest_main(void)
{
	mode_fn = (u32)(u64)rules32;
	idt32[VEC_UD] = gate32((u64)ud32);
	idt32[VEC_GP] = gate32((u64)gp32);
	refused(0, LME, 0, PG | PE); /* long mode without PAE */
	refused(0, 0, 0, PG);        /* paging without protection */
	refused(PAE, LME, 0, PG);
	refused(0, 0, 0, 0x20000011); /* NW without CD */
	taken(0, 0, 0, 0x60000011, 0x60000011);
	taken(0, 0, 0, 0x1, 0x11);        /* ET is fixed */
	refused(0, 0, 4, 0x00020000);     /* PCIDE outside of long mode */
	refused(PAE, LME, 4, 0x00020000); /* LME alone is not long mode */
	refused(0, 0, 4, 0x80000000);
	taken(PAE, LME, 4, 0, 0); /* PAE may go while paging is off */
	taken(PAE, 0, 4, 0x30, 0x30);
	taken(0, 0, 8, LME, LME);
	taken(PAE, LME, 8, 0, 0);
	taken(0, 0, 8, 0x400, 0); /* LMA is read-only */
	refused(0, 0, 8, 0x1000); /* SVME */
	for (unsigned i = 0; i < 300; i++) {
		u64 r = random64();

		run((u32)r & 0x30, r >> 8 & 1 ? LME : 0, (u32)(r >> 16 & 3) * 4 % 12,
		    (u32)(r >> 32) & ~PG & ((r & 0x1000) ? 0xffffffff : 0x00070fff));
	}
}
