// SPDX-License-Identifier: Apache-2.0
/* L0's and L1's controls become L2's; whose an exit is. */
#include "nested/x86/svm_merge.h"

#include <string.h>

#include "arch/x86/x86.h"

/* The intercept vectors are one array of bits, and an exit code is the number of its bit. */
#define INTERCEPT_WORDS 6
static_assert(offsetof(struct vmcb, intercept_cr_read) == 0, "word 0");
static_assert(offsetof(struct vmcb, intercept_exceptions) == SVM_EXIT_EXCP / 8, "word 2");
static_assert(offsetof(struct vmcb, intercept_misc1) == SVM_EXIT_INTR / 8, "word 3");
static_assert(offsetof(struct vmcb, intercept_misc3) == (INTERCEPT_WORDS - 1) * 4, "the last");

static bool intercepts(const struct vmcb *v, u32 code)
{
	u32 word;

	memcpy(&word, (const char *)v + code / 32 * sizeof(word), sizeof(word));
	return word & BIT(code % 32);
}

void svm_merge_controls(struct vmcb *out, const struct vmcb *l0, const struct vmcb *l1)
{
	u16 cr8 = l1->vintr & VINTR_MASKING ? (u16)BIT(8) : 0;

	out->intercept_cr_read = l0->intercept_cr_read | l1->intercept_cr_read;
	out->intercept_cr_write = (l0->intercept_cr_write & (u16)~cr8) | l1->intercept_cr_write;
	out->intercept_dr_read = l0->intercept_dr_read | l1->intercept_dr_read;
	out->intercept_dr_write = l0->intercept_dr_write | l1->intercept_dr_write;
	out->intercept_exceptions = l0->intercept_exceptions | l1->intercept_exceptions;
	out->intercept_misc1 = l0->intercept_misc1 | l1->intercept_misc1;
	out->intercept_misc2 = l0->intercept_misc2 | l1->intercept_misc2;
	out->intercept_misc3 = l0->intercept_misc3 | l1->intercept_misc3;
	out->tsc_offset = l0->tsc_offset + l1->tsc_offset;
}

/* Whether V_TPR lets the virtual interrupt through. */
static bool virq_passes(u64 vintr)
{
	return (vintr & VINTR_IRQ) && ((vintr & VINTR_IGN_TPR) ||
				       FIELD_GET(VINTR_PRIO, vintr) > FIELD_GET(VINTR_TPR, vintr));
}

u64 svm_merge_vintr(u64 l1, u8 cr8)
{
	u64 interrupt = l1 & (VINTR_PRIO | VINTR_VECTOR);

	if (l1 & VINTR_MASKING) {
		return VINTR_MASKING | interrupt | (l1 & (VINTR_TPR | VINTR_IRQ | VINTR_IGN_TPR));
	}
	return VINTR_MASKING | interrupt | FIELD_PREP(VINTR_TPR, cr8) |
	       (virq_passes(l1) ? VINTR_IRQ | VINTR_IGN_TPR : 0);
}

u64 svm_split_vintr(u64 l1, u64 hw)
{
	u64 changes = VINTR_TPR | VINTR_IRQ;

	if (l1 & VINTR_MASKING) {
		return (l1 & ~changes) | (hw & changes);
	}
	return virq_passes(l1) && !(hw & VINTR_IRQ) ? l1 & ~VINTR_IRQ : l1;
}

bool svm_open_find(struct svm_open *open, const u64 *map, unsigned words)
{
	open->count = 0;
	for (unsigned i = 0; i < words; i++) {
		if (!~map[i]) {
			continue;
		}
		if (open->count == SVM_OPEN_MAX) {
			return false;
		}
		open->at[open->count++] = (u16)i;
	}
	return true;
}

void svm_merge_map(u64 *out, const u64 *l0, const struct svm_open *open, const struct svm_mem *l1,
		   u64 pa)
{
	for (unsigned i = 0; i < open->count; i++) {
		u64 word = 0, at = (pa & PAGE_MASK) + open->at[i] * sizeof(word);

		if (l1 && !l1->read(l1->ctx, at, &word, sizeof(word))) {
			word = ~(u64)0;
		}
		out[open->at[i]] = l0[open->at[i]] | word;
	}
}

/* @count bits of a map from @bit on; those of a byte that cannot be read are set. */
static bool any_bit(const struct svm_mem *mem, u64 pa, u32 bit, unsigned count)
{
	for (u32 end = bit + count; bit < end; bit++) {
		u8 byte;

		if (!mem->read(mem->ctx, (pa & PAGE_MASK) + bit / 8, &byte, sizeof(byte)) ||
		    (byte & BIT(bit % 8))) {
			return true;
		}
	}
	return false;
}

/* "MSR Intercepts": three ranges of 8192 MSRs, two bits each; whatever is in none is intercepted.
 */
static bool msr_wanted(const struct vmcb *l1, const struct svm_l2_exit *exit,
		       const struct svm_mem *mem)
{
	static const u32 base[] = {0, 0xc0000000, 0xc0010000};

	for (unsigned i = 0; i < ARRAY_SIZE(base); i++) {
		u32 nr = exit->msr - base[i];

		if (nr < 8192) {
			u32 bit = i * 2048 * 8 + nr * 2 + (u32)(exit->info1 & 1);

			return any_bit(mem, l1->msrpm_base_pa, bit, 1);
		}
	}
	return true;
}

/* "IN and OUT Behavior": a bit for each byte of the access, beyond port FFFFh, too. */
static bool io_wanted(const struct vmcb *l1, const struct svm_l2_exit *exit,
		      const struct svm_mem *mem)
{
	return any_bit(mem, l1->iopm_base_pa, (u32)FIELD_GET(IOIO_PORT, exit->info1),
		       (unsigned)FIELD_GET(IOIO_SIZE, exit->info1));
}

bool svm_l1_wants(const struct vmcb *l1, const struct svm_l2_exit *exit, const struct svm_mem *mem)
{
	switch (exit->code) {
	case SVM_EXIT_INTR:
	case SVM_EXIT_NMI:
	case SVM_EXIT_SMI:
	case SVM_EXIT_INIT:
	case SVM_EXIT_FERR:
	case SVM_EXIT_EXCP + VEC_MC:
		return false;
	case SVM_EXIT_INVALID:
		return true;
	case SVM_EXIT_IOIO:
		return intercepts(l1, SVM_EXIT_IOIO) && io_wanted(l1, exit, mem);
	case SVM_EXIT_MSR:
		return intercepts(l1, SVM_EXIT_MSR) && msr_wanted(l1, exit, mem);
	default:
		return exit->code < INTERCEPT_WORDS * 32 && intercepts(l1, exit->code);
	}
}

bool svm_l1_wants_cr0_sel(const struct vmcb *l1, bool lmsw, u64 old, u64 val)
{
	return intercepts(l1, SVM_EXIT_CR0_SEL) && (lmsw || ((old ^ val) & ~(CR0_TS | CR0_MP)));
}
