// SPDX-License-Identifier: Apache-2.0
/*
 * CPUID by policy: a guest sees what the CPU has, and of that only what this file names. A bit
 * that is not in a mask here is absent for the guest: new features need a decision, not luck.
 */
#include "arch/x86/cpuid.h"

#include <string.h>

#include "mm/bits.h"

#define RANGE_HV  0x40000000u
#define RANGE_EXT 0x80000000u
#define HV_MAX    0x40000010u

/* KVM's feature leaf: Linux, "KVM CPUID bits". */
#define KVM_FEATURE_NOP_IO_DELAY BIT(1)
#define KVM_FEATURE_CLOCKSOURCE2 BIT(3)
#define KVM_FEATURE_CLOCK_STABLE BIT(24)

/* Leaf 1. ECX: SSE3 PCLMUL SSSE3 FMA CX16 SSE4.1 SSE4.2 MOVBE POPCNT AES XSAVE AVX F16C RDRAND. */
#define F1_ECX                                                                                  \
	(BIT(0) | BIT(1) | BIT(9) | BIT(12) | BIT(13) | BIT(19) | BIT(20) | BIT(22) | BIT(23) | \
	 BIT(25) | BIT(26) | BIT(28) | BIT(29) | BIT(30))
#define F1_ECX_ADD (BIT(21) | BIT(24) | BIT(31)) /* x2APIC, TSC deadline, hypervisor: ours */
/* EDX: FPU VME DE PSE TSC MSR PAE MCE CX8 APIC SEP MTRR PGE MCA CMOV PAT PSE36 CLFSH MMX FXSR SSE
 * SSE2. */
#define F1_EDX (GENMASK(9, 0) | GENMASK(17, 11) | BIT(19) | GENMASK(26, 23))
/* Leaf 7. EBX: FSGSBASE BMI1 AVX2 SMEP BMI2 ERMS RDSEED ADX SMAP CLFLUSHOPT CLWB SHA. */
#define F7_EBX                                                                               \
	(BIT(0) | BIT(3) | BIT(5) | BIT(7) | BIT(8) | BIT(9) | BIT(18) | BIT(19) | BIT(20) | \
	 BIT(23) | BIT(24) | BIT(29))
/* ECX: UMIP PKU VAES VPCLMULQDQ LA57 RDPID. EDX: FSRM. */
#define F7_ECX (BIT(2) | BIT(3) | BIT(9) | BIT(10) | BIT(16) | BIT(22))
#define F7_EDX BIT(4)
/* 8000_0001. ECX: LAHF CMPLEGACY CR8 ABM SSE4A MISALIGNSSE 3DNOWPREFETCH TOPOEXT (no SVM). */
#define FX_ECX (BIT(0) | BIT(1) | BIT(4) | BIT(5) | BIT(6) | BIT(7) | BIT(8) | BIT(22))
/* EDX: leaf 1's, SYSCALL NX MMXEXT FXSR FFXSR 1G RDTSCP LM. */
#define FX_EDX                                                                                    \
	((F1_EDX & GENMASK(17, 0) & ~BIT(11)) | BIT(11) | BIT(20) | BIT(22) | BIT(23) | BIT(24) | \
	 BIT(25) | BIT(26) | BIT(27) | BIT(29))
/* 8000_0008 EBX: CLZERO XSAVEERPTR WBNOINVD. */
#define FX8_EBX        (BIT(0) | BIT(2) | BIT(9))
#define XSAVE_FEATURES (BIT(0) | BIT(2)) /* XSAVEOPT, XGETBV with ECX = 1; no XSAVES */

/* 0 basic, 1 hypervisor, 2 extended; 3: no such range. */
static inline u32 range_of(u32 leaf)
{
	return leaf >> 30 == 3 || leaf & 0x3fff0000 ? 3 : leaf >> 30;
}

static struct cpuid_entry *add(struct cpuid_table *t, u32 leaf, u32 subleaf, bool has_subleaf)
{
	struct cpuid_entry *e = &t->entry[t->count];
	u8 *index = &t->index[range_of(leaf)][leaf & 0xffff];

	assert(t->count < CPUID_ENTRIES_MAX && (leaf & 0xffff) < CPUID_INDEX_SIZE);
	t->count++;
	if (!*index) {
		*index = (u8)t->count;
	}
	*e = (struct cpuid_entry){.leaf = leaf, .subleaf = subleaf, .has_subleaf = has_subleaf};
	return e;
}

#define VENDOR_AMD_EBX 0x68747541u /* "Auth" */

static struct cpuid_entry *add_host(struct cpuid_table *t, u32 leaf)
{
	struct cpuid_entry *e = add(t, leaf, 0, false);

	e->regs = cpuid(leaf, 0);
	return e;
}

void cpuid_table_add(struct cpuid_table *table, u32 leaf, struct cpuid_regs regs)
{
	add(table, leaf, 0, false)->regs = regs;
}

/* How many bits number the vCPUs: ids are below 2^bits. */
static u32 id_bits(u32 vcpus)
{
	u32 bits = 0;

	while ((1u << bits) < vcpus) {
		bits++;
	}
	return bits;
}

static void add_basic(struct cpuid_table *t, const struct cpuid_config *config)
{
	u32 max = cpuid(0, 0).eax;
	struct cpuid_entry *e = add_host(t, 0);

	t->max_basic = e->regs.eax = (u32)min_u64(max, 0xd);
	e = add_host(t, 1);
	e->dynamic = CPUID_FEATURES;
	e->regs.ebx = (e->regs.ebx & 0xff00) | config->vcpus << 16;
	e->regs.ecx = (e->regs.ecx & (u32)F1_ECX) | (u32)F1_ECX_ADD;
	e->regs.edx &= (u32)F1_EDX;
	if (config->vcpus > 1) {
		e->regs.edx |= (u32)BIT(28);
	}
	if (max >= 7) {
		e = add(t, 7, 0, true);
		e->dynamic = CPUID_FEATURES_7;
		e->regs = cpuid(7, 0);
		e->regs.eax = 0;
		e->regs.ebx &= (u32)F7_EBX;
		e->regs.ecx &= (u32)F7_ECX;
		e->regs.edx &= (u32)F7_EDX;
	}
	for (u32 i = 0; max >= 0xb && i < 3; i++) {
		e = add(t, 0xb, i, true);
		e->dynamic = CPUID_TOPOLOGY;
		if (i < 2) {
			e->regs = (struct cpuid_regs){i ? id_bits(config->vcpus) : 0,
						      i ? config->vcpus : 1, (i + 1) << 8, 0};
		}
		e->regs.ecx |= i;
	}
}

static void add_xsave(struct cpuid_table *t, const struct cpuid_config *config)
{
	struct cpuid_entry *e;

	if (t->max_basic < 0xd || !config->xcr0_allowed) {
		return;
	}
	for (u32 i = 0; i < 63; i++) {
		if (i > 1 && !(config->xcr0_allowed & BIT(i))) {
			continue;
		}
		e = add(t, 0xd, i, true);
		e->dynamic = CPUID_XSAVE;
		e->regs = cpuid(0xd, i);
		if (i == 0) {
			e->regs.eax = (u32)config->xcr0_allowed;
			e->regs.edx = (u32)(config->xcr0_allowed >> 32);
		} else if (i == 1) {
			e->regs = (struct cpuid_regs){e->regs.eax & (u32)XSAVE_FEATURES, 0, 0, 0};
		} else {
			e->regs.ecx = 0;
		}
	}
}

static void add_hypervisor(struct cpuid_table *t, const struct cpuid_config *config)
{
	/* The interface that stock Linux knows: KVM's, for its clock. */
	cpuid_table_add(t, RANGE_HV,
			(struct cpuid_regs){HV_MAX, 0x4b4d564b, 0x564b4d56, 0x4d}); /* KVMKVMKVM */
	cpuid_table_add(t, RANGE_HV + 1,
			(struct cpuid_regs){.eax = (u32)(KVM_FEATURE_NOP_IO_DELAY |
							 KVM_FEATURE_CLOCKSOURCE2 |
							 KVM_FEATURE_CLOCK_STABLE)});
	/* Timing leaf, as VMware defined it: TSC and APIC timer frequency in kHz. */
	cpuid_table_add(t, HV_MAX, (struct cpuid_regs){config->tsc_khz, 1000000, 0, 0});
}

static void add_extended(struct cpuid_table *t, const struct cpuid_config *config)
{
	u32 max = cpuid(RANGE_EXT, 0).eax;
	struct cpuid_entry *e = add_host(t, RANGE_EXT);

	t->max_ext = e->regs.eax = (u32)min_u64(max, RANGE_EXT + 0x1e);
	e = add_host(t, RANGE_EXT + 1);
	e->dynamic = CPUID_FEATURES_EXT;
	e->regs.ecx &= (u32)FX_ECX;
	e->regs.edx &= (u32)FX_EDX;
	for (u32 leaf = RANGE_EXT + 2; leaf <= RANGE_EXT + 6 && leaf <= max; leaf++) {
		add_host(t, leaf);
	}
	if (max >= RANGE_EXT + 7) {
		e = add_host(t, RANGE_EXT + 7);
		e->regs = (struct cpuid_regs){.edx = e->regs.edx & (u32)BIT(8)}; /* invariant TSC */
	}
	if (max >= RANGE_EXT + 8) {
		e = add_host(t, RANGE_EXT + 8);
		e->regs.eax &= 0xffff;
		e->regs.ebx &= (u32)FX8_EBX;
		/* AMD: the number of cores less one, and the bits of an APIC id that number them.
		 */
		e->regs.ecx = cpuid(0, 0).ebx == VENDOR_AMD_EBX
				      ? (config->vcpus - 1) | id_bits(config->vcpus) << 12
				      : 0;
		e->regs.edx = 0;
	}
	if (max >= RANGE_EXT + 0x1d && (cpuid(RANGE_EXT + 1, 0).ecx & BIT(22))) {
		for (u32 i = 0; i < 4; i++) {
			e = add(t, RANGE_EXT + 0x1d, i, true);
			e->regs = cpuid(RANGE_EXT + 0x1d, i);
			e->regs.eax &= ~(u32)GENMASK(25, 14); /* shared by one vCPU */
		}
		e = add(t, RANGE_EXT + 0x1e, 0, false);
		e->dynamic = CPUID_TOPOLOGY_AMD;
	}
}

void cpuid_table_make(struct cpuid_table *table, const struct cpuid_config *config)
{
	memset(table, 0, sizeof(*table));
	add_basic(table, config);
	add_xsave(table, config);
	add_hypervisor(table, config);
	add_extended(table, config);
}

const struct cpuid_entry *cpuid_find(const struct cpuid_table *table, u32 leaf, u32 subleaf)
{
	u32 range = range_of(leaf);
	const struct cpuid_entry *e;

	if (range > 2 || (leaf & 0xffff) >= CPUID_INDEX_SIZE ||
	    !table->index[range][leaf & 0xffff]) {
		return NULL;
	}
	e = &table->entry[table->index[range][leaf & 0xffff] - 1];
	if (!e->has_subleaf) {
		return e;
	}
	for (; e < table->entry + table->count && e->leaf == leaf; e++) {
		if (e->subleaf == subleaf) {
			return e;
		}
	}
	return NULL;
}

void cpuid_table_set(struct cpuid_table *table, u32 leaf, struct cpuid_regs bits)
{
	u8 index = table->index[range_of(leaf)][leaf & 0xffff];
	struct cpuid_regs *regs = &table->entry[index - 1].regs;

	assert(index);
	regs->eax |= bits.eax;
	regs->ebx |= bits.ebx;
	regs->ecx |= bits.ecx;
	regs->edx |= bits.edx;
}
