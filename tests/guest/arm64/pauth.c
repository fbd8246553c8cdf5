// SPDX-License-Identifier: Apache-2.0
/* Pointer authentication, where it is advertised: keys are the guest's and kept over exits. */
#include "guest.h"

#define SCTLR_ENIA BIT(31)

__asm__(".arch armv8.3-a");

static u64 sign(u64 pointer, u64 with)
{
	__asm__ volatile("pacia %0, %1" : "+r"(pointer) : "r"(with));
	return pointer;
}

static u64 authenticate(u64 pointer, u64 with)
{
	__asm__ volatile("autia %0, %1" : "+r"(pointer) : "r"(with));
	return pointer;
}

/* What is implemented: 0 is nothing. A CPU has at most one of the three algorithms. */
static unsigned level(void)
{
	u64 isar1 = sysreg_read(id_aa64isar1_el1), isar2 = sysreg_read(s3_0_c0_c6_2);

	return field(isar1, 4) | field(isar1, 8) | field(isar2, 12); /* APA, API, APA3 */
}

/* From level 4 (FEAT_FPAC) on a wrong code faults, before that it spoils the pointer. */
static void wrong_code(u64 signed_pointer, u64 with, u64 pointer)
{
	u64 result = signed_pointer ^ BIT(50);
	u64 esr = TRY_ASM("autia %0, %1" : "+r"(result) : "r"(with));

	if (level() >= 4) {
		CHECK_EQ(esr, (u64)EC_FPAC << 26 | ESR_IL); /* an instruction key, A */
	} else {
		CHECK_EQ(esr, 0);
		CHECK(result != pointer);
	}
}

static void set_key(u64 key)
{
	sysreg_write(apiakeylo_el1, key);
	sysreg_write(apiakeyhi_el1, ~key);
	isb();
}

void guest_main(void)
{
	u64 pointer = 0x123456789a0, last = 0;
	unsigned different = 0;

	if (!level()) {
		print("not advertised\n");
		return;
	}
	sysreg_write(sctlr_el1, sysreg_read(sctlr_el1) | SCTLR_ENIA);
	isb();
	for (u64 i = 0; i < 200; i++) {
		u64 key = random64(), signed_pointer;

		set_key(key);
		signed_pointer = sign(pointer, i);
		psci(0x80000fff, 0, 0, 0);
		mmio_read(GICD_BASE + GICD_TYPER);
		CHECK_EQ(sysreg_read(apiakeylo_el1), key);
		CHECK_EQ(sysreg_read(apiakeyhi_el1), ~key);
		CHECK_EQ(sign(pointer, i), signed_pointer);
		CHECK_EQ(authenticate(signed_pointer, i), pointer);
		different += signed_pointer != last;
		last = signed_pointer;
	}
	CHECK(different > 150);
	wrong_code(last, 199, pointer);
}
