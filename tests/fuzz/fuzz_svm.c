// SPDX-License-Identifier: Apache-2.0
/* The pure half of nested SVM on any VMCB of L1's: nothing of L0's opens, no exit is a crash. */
#include <stdlib.h>
#include <string.h>

#include "nested/x86/svm_checks.h"
#include "nested/x86/svm_contract.h"
#include "nested/x86/svm_merge.h"

struct input {
	u64 words[8];
	u32 code, msr;
	u64 info1, cr4, efer;
	u8 phys_bits, flags, host_edx, control[0x180]; /* spread over the VMCB */
};

static struct input in;

static bool read_l1(void *ctx, u64 pa, void *buf, u32 size)
{
	const struct input *i = ctx;

	if (pa >> 40 || (pa & 0xfff) + size > 0x1000) {
		return false;
	}
	memcpy(buf, &i->words[pa / 8 % 7], size);
	return true;
}

static void check(bool ok)
{
	if (!ok) {
		abort();
	}
}

static void merge_maps(const struct vmcb *l1, const struct svm_mem *mem)
{
	static u64 l0[SVM_IOPM_WORDS], out[SVM_IOPM_WORDS];
	struct svm_open open;

	memset(l0, 0xff, sizeof(l0));
	for (unsigned i = 0; i < 8; i++) {
		l0[in.words[i] % SVM_IOPM_WORDS] = in.words[i];
	}
	check(svm_open_find(&open, l0, SVM_IOPM_WORDS));
	memcpy(out, l0, sizeof(out));
	svm_merge_map(out, l0, &open, in.flags & 1 ? mem : NULL, l1->iopm_base_pa);
	for (unsigned i = 0; i < SVM_IOPM_WORDS; i++) {
		check(!(l0[i] & ~out[i]));
	}
}

static void merge_controls(const struct vmcb *l1)
{
	static struct vmcb l0, out;
	u64 hw = svm_merge_vintr(l1->vintr, (u8)(in.msr & 15));

	l0.intercept_misc1 = (u32)in.words[0];
	l0.intercept_misc2 = (u32)in.words[1];
	l0.intercept_exceptions = (u32)in.words[2];
	svm_merge_controls(&out, &l0, l1);
	check(!(l0.intercept_misc1 & ~out.intercept_misc1));
	check(!(l0.intercept_misc2 & ~out.intercept_misc2));
	check(!(l0.intercept_exceptions & ~out.intercept_exceptions));
	check(hw & VINTR_MASKING);
	check(svm_split_vintr(l1->vintr, hw) == l1->vintr);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	static struct vmcb v;
	struct svm_contract contract;
	struct svm_mem mem = {read_l1, &in};
	struct svm_check_env env;
	struct svm_l2_exit exit;

	memset(&in, 0, sizeof(in));
	memcpy(&in, data, size < sizeof(in) ? size : sizeof(in));
	memset(&v, 0, sizeof(v));
	memcpy(&v, in.control, 0x100);
	memcpy((char *)&v + 0x4c0, in.control + 0x100, 0x80);
	v.cr0 = in.words[3] & 0xe005003f;
	v.cr3 = in.words[4];
	v.cr4 = in.cr4;
	env = (struct svm_check_env){.cr4_allowed = in.words[5],
				     .efer_allowed = in.efer,
				     .phys_bits = (u8)(32 + in.phys_bits % 21),
				     .long_mode = in.flags & 2,
				     .l1_paging = in.flags & 4,
				     .l1_long = in.flags & 8};
	svm_contract_make(&contract, in.host_edx);
	svm_contract_apply(&contract, &v);
	if (!svm_check(&v, &env)) {
		check(v.asid && (v.efer & BIT(12)) && (v.intercept_misc2 & 1));
		check(!(v.iopm_base_pa >> env.phys_bits) && !(v.msrpm_base_pa >> env.phys_bits));
	}
	exit = (struct svm_l2_exit){.code = in.code, .msr = in.msr, .info1 = in.info1};
	(void)svm_l1_wants(&v, &exit, &mem);
	exit.code %= 0x90;
	(void)svm_l1_wants(&v, &exit, &mem);
	exit.code = in.flags & 16 ? SVM_EXIT_IOIO : SVM_EXIT_MSR;
	(void)svm_l1_wants(&v, &exit, &mem);
	(void)svm_l1_wants_cr0_sel(&v, in.flags & 32, in.words[6], in.words[7]);
	merge_controls(&v);
	merge_maps(&v, &mem);
	return 0;
}
