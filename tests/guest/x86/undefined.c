// SPDX-License-Identifier: Apache-2.0
/* Instructions that this CPU does not have for its guest are #UD; privileged ones #GP at CPL 3. */
#include "guest.h"

#define EXPECT(vector, insn)                                                                     \
	do {                                                                                     \
		__asm__ volatile(TRY(insn) : : "a"(0x200000), "c"(0), "d"(0) : "memory", "rbx"); \
		if (try_vector != (vector)) {                                                    \
			fail(insn ": vector %d, expected %d", try_vector, vector);               \
		}                                                                                \
	} while (0)

static u8 stack0[4096], stack3[4096];
static volatile unsigned faults;

#define XSETBV 0xff /* as the CPU has XSAVE, or has not */

static bool has_xsave(void)
{
	return cpuid(1, 0).ecx & BIT(26);
}

/* CPL 3 runs a table of instructions, each of which has to fault with #GP. */
static const struct {
	const char *name;
	u8 vector, bytes[4];
} privileged[] = {
	{"hlt", VEC_GP, {0xf4}},
	{"rdmsr", VEC_GP, {0x0f, 0x32}},
	{"wrmsr", VEC_GP, {0x0f, 0x30}},
	{"wbinvd", VEC_GP, {0x0f, 0x09}},
	{"invd", VEC_GP, {0x0f, 0x08}},
	{"clts", VEC_GP, {0x0f, 0x06}},
	{"mov cr0, rax", VEC_GP, {0x0f, 0x22, 0xc0}},
	{"mov cr3, rax", VEC_GP, {0x0f, 0x22, 0xd8}},
	{"mov cr4, rax", VEC_GP, {0x0f, 0x22, 0xe0}},
	{"mov cr8, rax", VEC_GP, {0x44, 0x0f, 0x22, 0xc0}},
	{"mov rax, cr0", VEC_GP, {0x0f, 0x20, 0xc0}},
	{"lmsw ax", VEC_GP, {0x0f, 0x01, 0xf0}},
	{"in al, dx", VEC_GP, {0xec}},
	{"out dx, al", VEC_GP, {0xee}},
	{"cli", VEC_GP, {0xfa}},
	{"xsetbv", XSETBV, {0x0f, 0x01, 0xd1}},
	{"invlpg", VEC_GP, {0x0f, 0x01, 0x38}},
	{"swapgs", VEC_GP, {0x0f, 0x01, 0xf8}},
	{"ud2", VEC_UD, {0x0f, 0x0b}},
};
#define PRIVILEGED (sizeof(privileged) / sizeof(privileged[0]))
#define USER_CODE  0x3000000ULL

static void on_fault(struct trap *t)
{
	u8 expected = privileged[faults].vector;

	if (expected == XSETBV) {
		expected = has_xsave() ? VEC_GP : VEC_UD;
	}
	CHECK_EQ(t->cs & 3, 3);
	if (t->vector != expected || t->rip != USER_CODE + 16 * faults) {
		fail("CPL 3: %s: vector %lu at %lx", privileged[faults].name, t->vector, t->rip);
	}
	faults++;
	t->rip = USER_CODE + 16 * faults;
	if (faults == PRIVILEGED) {
		pass();
	}
}

void guest_main(void)
{
	u8 *code = (u8 *)USER_CODE;

	EXPECT(VEC_UD, "vmrun");
	EXPECT(VEC_UD, "vmload");
	EXPECT(VEC_UD, "vmsave");
	EXPECT(VEC_UD, "stgi");
	EXPECT(VEC_UD, "clgi");
	EXPECT(VEC_UD, ".byte 0x0f, 0x01, 0xde"); /* SKINIT */
	EXPECT(VEC_UD, ".byte 0x0f, 0x01, 0xdf"); /* INVLPGA */
	if (cpu_is_intel()) {
		EXPECT(VEC_UD, "vmmcall");
	} else {
		EXPECT(VEC_UD, "vmcall");
	}
	EXPECT(VEC_UD, "vmxoff");
	EXPECT(VEC_UD, "vmlaunch");
	EXPECT(VEC_UD, "vmread %%rax, %%rax");
	EXPECT(VEC_UD, "invept (%%rax), %%rax");
	EXPECT(VEC_UD, ".byte 0x0f, 0x01, 0xc8"); /* MONITOR */
	EXPECT(VEC_UD, ".byte 0x0f, 0x01, 0xc9"); /* MWAIT */
	EXPECT(VEC_GP, "rdpmc");
	EXPECT(-1, "wbinvd");
	EXPECT(-1, "invd");
	EXPECT(-1, "pause");

	if (has_xsave()) {
		write_cr4(read_cr4() | BIT(18));
	}
	map(USER_CODE, (u64)page_alloc(), PTE_P | PTE_W | PTE_U);
	for (unsigned i = 0; i < PRIVILEGED; i++) {
		memcpy(code + 16 * i, privileged[i].bytes, 4);
		memset(code + 16 * i + 4, 0xcc, 12);
	}
	trap_set_rsp0((u64)stack0 + sizeof(stack0));
	trap_set(VEC_GP, on_fault);
	trap_set(VEC_UD, on_fault);
	user_enter(USER_CODE, (u64)stack3);
}
