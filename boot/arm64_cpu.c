// SPDX-License-Identifier: Apache-2.0
/*
 * Judging the CPU, and what its EL2 is to be set to: Arm Architecture Reference Manual (DDI 0487),
 * the descriptions of the registers named.
 */
#include "boot/arm64_cpu.h"

#include "boot/text.h"
#include "mm/bits.h"

#define MIDR_IMPLEMENTER GENMASK(31, 24)
#define MIDR_VARIANT     GENMASK(23, 20)
#define MIDR_PART        GENMASK(15, 4)
#define MIDR_REVISION    GENMASK(3, 0)

#define PFR0_EL2 GENMASK(15, 12)
#define PFR0_GIC GENMASK(27, 24)

#define ISAR0_TLB       GENMASK(59, 56)
#define ISAR0_TLB_RANGE 2

#define MMFR0_PARANGE      GENMASK(3, 0)
#define MMFR0_GRAN4        GENMASK(31, 28)
#define MMFR0_GRAN4_2      GENMASK(43, 40)
#define MMFR0_GRAN4_NONE   15
#define MMFR0_GRAN4_2_AS_1 0
#define MMFR0_GRAN4_2_NONE 1
#define MMFR1_HAFDBS       GENMASK(3, 0)
#define MMFR1_VMIDBITS     GENMASK(7, 4)
#define MMFR1_VMIDBITS_16  2
#define MMFR1_VH           GENMASK(11, 8)
#define MMFR1_XNX          GENMASK(31, 28)
#define MMFR2_NV           GENMASK(27, 24)
#define MMFR2_FWB          GENMASK(43, 40)
#define MMFR2_TTL          GENMASK(51, 48)
#define MMFR2_BBM          GENMASK(55, 52)
#define MMFR2_EVT          GENMASK(59, 56)
#define PARANGE_48         5

#define HCR_RW  BIT(31)
#define HCR_E2H BIT(34)

/* The same fields in TCR_EL2 with HCR_EL2.E2H clear and set. */
#define TCR_48_BITS    16 /* T0SZ */
#define TCR_WALK_WB    (FIELD_PREP(GENMASK(9, 8), 1) | FIELD_PREP(GENMASK(11, 10), 1))
#define TCR_WALK_INNER FIELD_PREP(GENMASK(13, 12), 3)
#define TCR_LOWER      (TCR_48_BITS | TCR_WALK_WB | TCR_WALK_INNER) /* TG0 0: 4 KiB */

/* E2H clear. */
#define TCR_PS   GENMASK(18, 16)
#define TCR_RES1 (BIT(31) | BIT(23))

/* E2H set: the upper half is off, yet has the lower one's geometry, and TG1's 2 means 4 KiB. */
#define TCR_UPPER ((u64)TCR_LOWER << 16 | FIELD_PREP(GENMASK(31, 30), 2))
#define TCR_EPD1  BIT(23)
#define TCR_IPS   GENMASK(34, 32)

static_assert((TCR_UPPER & TCR_EPD1) == 0 && TCR_UPPER >> 32 == 0, "fields of TCR_EL2");

bool cpu_has_vhe(const struct cpu_facts *facts)
{
	return FIELD_GET(MMFR1_VH, facts->mmfr[1]) != 0;
}

unsigned cpu_address_bits(const struct cpu_facts *facts)
{
	static const u8 bits[] = {32, 36, 40, 42, 44, 48, 52};
	u64 range = FIELD_GET(MMFR0_PARANGE, facts->mmfr[0]);

	return bits[min_u64(range, ARRAY_SIZE(bits) - 1)];
}

unsigned cpu_vmid_bits(const struct cpu_facts *facts)
{
	return FIELD_GET(MMFR1_VMIDBITS, facts->mmfr[1]) == MMFR1_VMIDBITS_16 ? 16 : 8;
}

void cpu_name(const struct cpu_facts *facts, char name[CPU_TEXT_MAX])
{
	static const struct {
		u32 implementer, part;
		const char *name;
	} known[] = {
		{0x41, 0xd03, "Arm Cortex-A53"},  {0x41, 0xd04, "Arm Cortex-A35"},
		{0x41, 0xd05, "Arm Cortex-A55"},  {0x41, 0xd07, "Arm Cortex-A57"},
		{0x41, 0xd08, "Arm Cortex-A72"},  {0x41, 0xd09, "Arm Cortex-A73"},
		{0x41, 0xd0a, "Arm Cortex-A75"},  {0x41, 0xd0b, "Arm Cortex-A76"},
		{0x41, 0xd0c, "Arm Neoverse N1"}, {0x41, 0xd40, "Arm Neoverse V1"},
		{0x41, 0xd41, "Arm Cortex-A78"},  {0x41, 0xd49, "Arm Neoverse N2"},
		{0x41, 0xd4f, "Arm Neoverse V2"}, {0xc0, 0xac3, "Ampere-1"},
	};
	u64 implementer = FIELD_GET(MIDR_IMPLEMENTER, facts->midr);
	u64 part = FIELD_GET(MIDR_PART, facts->midr);
	u64 variant = FIELD_GET(MIDR_VARIANT, facts->midr);
	u64 revision = FIELD_GET(MIDR_REVISION, facts->midr);

	for (size_t i = 0; i < ARRAY_SIZE(known); i++) {
		if (known[i].implementer == implementer && known[i].part == part) {
			text_format(name, CPU_TEXT_MAX, "%s r%lup%lu", known[i].name, variant,
				    revision);
			return;
		}
	}
	text_format(name, CPU_TEXT_MAX, "AArch64 CPU, implementer 0x%02lx part 0x%03lx r%lup%lu",
		    implementer, part, variant, revision);
}

void cpu_stage2_features(const struct cpu_facts *facts, char text[CPU_TEXT_MAX])
{
	const struct {
		bool there;
		const char *name;
	} features[] = {
		{FIELD_GET(MMFR1_HAFDBS, facts->mmfr[1]) >= 2, "access/dirty bits"},
		{FIELD_GET(MMFR1_XNX, facts->mmfr[1]) != 0, "XNX"},
		{FIELD_GET(MMFR2_FWB, facts->mmfr[2]) != 0, "FWB"},
		{FIELD_GET(MMFR2_BBM, facts->mmfr[2]) >= 2, "BBM 2"},
		{FIELD_GET(MMFR2_TTL, facts->mmfr[2]) != 0, "TTL"},
		{FIELD_GET(ISAR0_TLB, facts->isar0) >= ISAR0_TLB_RANGE, "TLBI by range"},
		{FIELD_GET(MMFR2_EVT, facts->mmfr[2]) != 0, "EVT"},
		{FIELD_GET(MMFR2_NV, facts->mmfr[2]) >= 2, "NV2"},
	};
	size_t length = 0;

	text[0] = '\0';
	for (size_t i = 0; i < ARRAY_SIZE(features); i++) {
		if (features[i].there) {
			length += text_format(text + length, CPU_TEXT_MAX - length, "%s%s",
					      length ? ", " : "", features[i].name);
		}
	}
	if (!length) {
		text_format(text, CPU_TEXT_MAX, "no options");
	}
}

static bool has_4k_stage1(const struct cpu_facts *facts)
{
	return FIELD_GET(MMFR0_GRAN4, facts->mmfr[0]) != MMFR0_GRAN4_NONE;
}

static bool has_4k_stage2(const struct cpu_facts *facts)
{
	u64 granule = FIELD_GET(MMFR0_GRAN4_2, facts->mmfr[0]);

	return granule == MMFR0_GRAN4_2_AS_1 ? has_4k_stage1(facts) : granule != MMFR0_GRAN4_2_NONE;
}

bool cpu_has_4k_pages(const struct cpu_facts *facts)
{
	return has_4k_stage1(facts) && has_4k_stage2(facts);
}

bool cpu_has_gicv3(const struct cpu_facts *facts)
{
	return FIELD_GET(PFR0_GIC, facts->pfr0) != 0;
}

/* At EL1 the ID registers are what something above shows. */
static const char *el2_absence(const struct cpu_facts *facts)
{
	return FIELD_GET(PFR0_EL2, facts->pfr0)
		       ? "EL1, on a CPU that has EL2: the firmware keeps it, or a hypervisor "
			 "runs already (in QEMU: -machine virtualization=on)"
		       : "EL1, on a CPU that shows no EL2: it lacks one, or this machine is itself "
			 "virtual (in QEMU: -machine virtualization=on)";
}

size_t cpu_missing(const struct cpu_facts *facts, struct cpu_need missing[CPU_NEEDS_MAX])
{
	size_t count = 0;

	if (facts->level != 2) {
		missing[count++] = (struct cpu_need){
			"to be started by the firmware at EL2, the hypervisor's exception level",
			el2_absence(facts),
		};
	}
	if (!has_4k_stage1(facts)) {
		missing[count++] = (struct cpu_need){
			"4 KiB pages at stage 1 (ID_AA64MMFR0_EL1.TGran4)",
			"none",
		};
	}
	if (!has_4k_stage2(facts)) {
		missing[count++] = (struct cpu_need){
			"4 KiB pages at stage 2 (ID_AA64MMFR0_EL1.TGran4_2)",
			"none",
		};
	}
	if (!cpu_has_gicv3(facts)) {
		missing[count++] = (struct cpu_need){
			"a GICv3 or later with its system registers (ID_AA64PFR0_EL1.GIC)",
			"none: a GICv2, or the firmware hides it (in QEMU: -machine gic-version=3)",
		};
	}
	if (!facts->counter_hz) {
		missing[count++] = (struct cpu_need){
			"the counter's frequency (CNTFRQ_EL0)",
			"0: the firmware does not set it",
		};
	}
	return count;
}

/*
 * 48 bits is what 4 KiB pages reach without FEAT_LPA2's other descriptor format (TCR_EL2.DS), so
 * the larger sizes are not asked for.
 */
static u64 address_size(const struct cpu_facts *facts)
{
	return min_u64(FIELD_GET(MMFR0_PARANGE, facts->mmfr[0]), PARANGE_48);
}

u64 cpu_hcr_el2(const struct cpu_facts *facts)
{
	return HCR_RW | (cpu_has_vhe(facts) ? HCR_E2H : 0);
}

u64 cpu_tcr_el2(const struct cpu_facts *facts)
{
	if (cpu_has_vhe(facts)) {
		return TCR_LOWER | TCR_UPPER | TCR_EPD1 | FIELD_PREP(TCR_IPS, address_size(facts));
	}
	return TCR_LOWER | TCR_RES1 | FIELD_PREP(TCR_PS, address_size(facts));
}
