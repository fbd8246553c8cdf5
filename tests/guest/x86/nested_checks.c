// SPDX-License-Identifier: Apache-2.0
/*
 * VMRUN of each illegal state: VMEXIT_INVALID, L2 has not run, and a good VMRUN afterwards works.
 * APM volume 2, "Canonicalization and Consistency Checks". "only=N": that one alone.
 */
#include "svm.h"

static struct l2 l2;
static volatile u64 ran;
static u64 width;

static void run(void)
{
	ran++;
}

#define RULE(name, what)                 \
	static void name(struct vmcb *v) \
	{                                \
		what;                    \
	}
RULE(no_svme, v->efer &= ~EFER_SVME)
RULE(nw_alone, v->cr0 = (v->cr0 | BIT(29)) & ~BIT(30))
RULE(cr0_high, v->cr0 |= BIT(32))
RULE(cr3_mbz, v->cr3 |= BIT(width))
RULE(cr4_mbz, v->cr4 |= BIT(31))
RULE(cr4_high, v->cr4 |= BIT(32))
RULE(dr6_high, v->dr6 |= BIT(32))
RULE(dr7_high, v->dr7 |= BIT(32))
RULE(efer_mbz, v->efer |= BIT(9))
RULE(no_pae, v->cr4 &= ~BIT(5))
RULE(no_pe, v->cr0 &= ~1ull)
RULE(l_and_d, v->cs.attrib |= BIT(10))
RULE(no_vmrun, v->intercept[4] &= ~1u)
RULE(msrpm, v->msrpm = BIT(width) - PAGE)
RULE(iopm, v->iopm = BIT(width) - 2 * PAGE)
RULE(asid_0, v->asid = 0)
RULE(type_1, v->event_inj = EVENT_VALID | 1 << 8)
RULE(type_5, v->event_inj = EVENT_VALID | 5 << 8)
RULE(excp_2, v->event_inj = EVENT_VALID | EVENT_EXCP | 2)
RULE(excp_32, v->event_inj = EVENT_VALID | EVENT_EXCP | 32)
RULE(br_64, v->event_inj = EVENT_VALID | EVENT_EXCP | VEC_BR)
RULE(ncr3_mbz, (v->nested = 1, v->ncr3 |= BIT(width)))
RULE(pat, (v->nested = 1, v->ncr3 = read_cr3(), v->g_pat = 2))

/* What QEMU's own SVM does not check is for Socle alone: "emulated=1" leaves it out. */
static const struct {
	void (*spoil)(struct vmcb *v);
	const char *name;
	bool not_qemu;
} rules[] = {
	{no_svme, "EFER.SVME", false},
	{nw_alone, "CR0.NW", false},
	{cr0_high, "CR0[63:32]", false},
	{cr3_mbz, "CR3", false},
	{cr4_mbz, "CR4", false},
	{cr4_high, "CR4[63:32]", false},
	{dr6_high, "DR6", false},
	{dr7_high, "DR7", false},
	{efer_mbz, "EFER", false},
	{no_pae, "PAE", false},
	{no_pe, "PE", false},
	{l_and_d, "L and D", false},
	{no_vmrun, "VMRUN", false},
	{msrpm, "MSRPM", false},
	{iopm, "IOPM", false},
	{asid_0, "ASID", false},
	{type_1, "type 1", false},
	{type_5, "type 5", false},
	{excp_2, "exception 2", false},
	{excp_32, "exception 32", false},
	{br_64, "#BR", true},
	{ncr3_mbz, "nCR3", true},
	{pat, "G_PAT", true},
};

void guest_main(void)
{
	static struct vmcb good, bad;
	u64 only = option("only", ~0ull);

	width = cpuid(0x80000008, 0).eax & 0xff;
	svm_init();
	l2_init(&l2, run);
	good = *l2.vmcb;
	for (u64 i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
		if ((only != ~0ull && i != only) || (rules[i].not_qemu && option("emulated", 0))) {
			continue;
		}
		*l2.vmcb = good;
		l2_start(&l2, run);
		rules[i].spoil(l2.vmcb);
		bad = *l2.vmcb;
		ran = 0;
		if (l2_run(&l2) != EXIT_INVALID || ran) {
			fail("%s: exit %lx, ran %lu", rules[i].name, l2.vmcb->exit_code, ran);
		}
		if (!option("emulated", 0)) { /* QEMU stores L1's state there */
			CHECK_EQ(l2.vmcb->rip, bad.rip);
			CHECK_EQ(l2.vmcb->rsp, bad.rsp);
		}
		*l2.vmcb = good;
		l2_start(&l2, run);
		l2_expect(&l2, EXIT_VMMCALL, 3);
		CHECK_EQ(ran, 1);
	}
}
