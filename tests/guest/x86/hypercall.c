// SPDX-License-Identifier: Apache-2.0
/* A hypercall that does not exist is answered, and changes RAX alone; the other vendor's
 * instruction is undefined. */
#include "guest.h"

#define CALL(insn) \
	__asm__ volatile(TRY(insn) : "+a"(rax), "+b"(rbx), "+c"(rcx), "+d"(rdx) : : "memory")

void guest_main(void)
{
	bool is_intel = cpu_is_intel();
	u64 rax = 0x1234, rbx = 1, rcx = 2, rdx = 3;

	if (is_intel) {
		CALL("vmcall");
	} else {
		CALL("vmmcall");
	}
	CHECK_EQ(try_vector, -1);
	CHECK_EQ(rax, -1000LL);
	CHECK_EQ(rbx, 1);
	CHECK_EQ(rcx, 2);
	CHECK_EQ(rdx, 3);
	if (is_intel) {
		CALL("vmmcall");
	} else {
		CALL("vmcall");
	}
	CHECK_EQ(try_vector, VEC_UD);
}
