// SPDX-License-Identifier: Apache-2.0
/* IN and OUT by width: how registers change, how wide accesses are split, immediate and DX ports.
 */
#include "guest.h"

#define IN(insn, port, rax)                                               \
	({                                                                \
		u64 a_ = (rax);                                           \
		__asm__ volatile(insn : "+a"(a_) : "d"(port) : "memory"); \
		a_;                                                       \
	})

void guest_main(void)
{
	u32 t0, t1;

	CHECK_EQ(IN("inb %%dx, %%al", 0x80, 0x1122334455667788), 0x11223344556677ff);
	CHECK_EQ(IN("inw %%dx, %%ax", 0x80, 0x1122334455667788), 0x112233445566ffff);
	CHECK_EQ(IN("inl %%dx, %%eax", 0x80, 0x1122334455667788), 0xffffffff);
	CHECK_EQ(IN("inb $0x80, %%al", 0, 0), 0xff);
	CHECK_EQ(IN("inl $0x80, %%eax", 0, 0), 0xffffffff);
	CHECK_EQ(IN(".byte 0x48, 0xed", 0x80, ~0ULL), 0xffffffff);

	/* The UART's scratch register, alone and as part of a word. */
	outb(0x3ff, 0x5a);
	CHECK_EQ(inb(0x3ff), 0x5a);
	outw(0x3fe, 0xa500);
	CHECK_EQ(inb(0x3ff), 0xa5);
	CHECK_EQ(inw(0x3fe) >> 8, 0xa5);
	CHECK_EQ(inl(0x3fc) >> 24, 0xa5);
	CHECK_EQ(inw(0x3ff), 0xffa5);

	/* The PM timer by each width. */
	t0 = inl(0x608);
	t1 = inw(0x608) | (u32)inw(0x60a) << 16;
	CHECK((t1 - t0) < 3579545);
	CHECK_EQ(inb(0x60b), t1 >> 24);

	/* CMOS: index and data in one 16-bit write. */
	outw(0x70, 0x5a00 | 0x3f);
	outb(0x70, 0x3f);
	CHECK_EQ(inb(0x71), 0x5a);
}
