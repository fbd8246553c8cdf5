// SPDX-License-Identifier: Apache-2.0
/* The table of what L1 is offered, applied. */
#include "nested/x86/svm_contract.h"

#include <string.h>

#include "arch/x86/x86.h"

const struct svm_row svm_rows[] = {
#define ROW(word, mask, policy, name, text) {SVM_WORD_##word, SVM_##policy, mask, name, text},
#include "nested/x86/svm_contract.def"
#undef ROW
};
const unsigned svm_row_count = ARRAY_SIZE(svm_rows);

void svm_contract_make(struct svm_contract *c, u32 host_edx)
{
	*c = (struct svm_contract){0};
	for (unsigned i = 0; i < svm_row_count; i++) {
		const struct svm_row *row = &svm_rows[i];

		if (row->policy == SVM_ALWAYS) {
			c->offered[row->word] |= row->mask;
		} else if (row->policy == SVM_CPU) {
			c->offered[row->word] |= row->mask & host_edx;
		}
	}
}

void svm_contract_apply(const struct svm_contract *c, struct vmcb *v)
{
	const u64 *offered = c->offered;

	v->intercept_cr_read &= (u16)offered[SVM_WORD_CR];
	v->intercept_cr_write &= (u16)(offered[SVM_WORD_CR] >> 16);
	v->intercept_dr_read &= (u16)offered[SVM_WORD_DR];
	v->intercept_dr_write &= (u16)(offered[SVM_WORD_DR] >> 16);
	v->intercept_exceptions &= (u32)offered[SVM_WORD_EXCP];
	v->intercept_misc1 &= (u32)offered[SVM_WORD_MISC1];
	v->intercept_misc2 &= (u32)offered[SVM_WORD_MISC2];
	v->intercept_misc3 &= (u32)offered[SVM_WORD_MISC3];
	v->vintr &= offered[SVM_WORD_VINTR];
	v->nested_ctl &= offered[SVM_WORD_NESTED];
	v->virt_ext &= offered[SVM_WORD_VIRT_EXT];
	v->clean &= (u32)offered[SVM_WORD_CLEAN];
	v->interrupt_shadow &= SHADOW_INTERRUPT;
	v->pause_filter_threshold = v->pause_filter_count = 0;
	v->avic_apic_bar = v->ghcb_pa = 0;
	if (!(offered[SVM_WORD_CPUID] & CPUID_SVM_NRIPS)) {
		v->next_rip = 0; /* reserved: nobody would write it at an exit of L2 */
	}
	if (v->tlb_control != TLB_CONTROL_NONE && v->tlb_control != TLB_CONTROL_ASID &&
	    v->tlb_control != TLB_CONTROL_ASID_LOCAL) {
		v->tlb_control = TLB_CONTROL_ALL;
	}
}
