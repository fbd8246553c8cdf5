// SPDX-License-Identifier: Apache-2.0
/* A hypercall that does not exist is answered, and changes RAX alone. */
#include "guest.h"

void guest_main(void)
{
	u64 rax = 0x1234, rbx = 1, rcx = 2, rdx = 3;

	__asm__ volatile(TRY("vmmcall") : "+a"(rax), "+b"(rbx), "+c"(rcx), "+d"(rdx) : : "memory");
	CHECK_EQ(try_vector, -1);
	CHECK_EQ(rax, -1000LL);
	CHECK_EQ(rbx, 1);
	CHECK_EQ(rcx, 2);
	CHECK_EQ(rdx, 3);
}
