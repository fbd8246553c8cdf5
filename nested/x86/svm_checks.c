// SPDX-License-Identifier: Apache-2.0
/* VMRUN's checks on L1's VMCB. */
#include "nested/x86/svm_checks.h"

#include "arch/x86/x86.h"

#define IOPM_SIZE  0x3000
#define MSRPM_SIZE 0x2000

static bool in_phys_width(const struct svm_check_env *env, u64 addr)
{
	return !(addr & ~GENMASK(env->phys_bits - 1, 0));
}

/* VMRUN ignores the lower 12 bits of a map's address. */
static bool map_ok(const struct svm_check_env *env, u64 addr, u64 size)
{
	u64 first = addr & PAGE_MASK, last = first + size - 1;

	return last >= first && in_phys_width(env, last);
}

/* EFER.LMA in the VMCB does not count: the CPU derives it. */
static bool becomes_long(const struct vmcb *v)
{
	return (v->efer & EFER_LME) && (v->cr0 & CR0_PG);
}

static bool nests_paging(const struct vmcb *v)
{
	return v->nested_ctl & NESTED_CTL_NP;
}

static bool injects(const struct vmcb *v)
{
	return v->event_inj & EVENT_VALID;
}

static u64 inject_type_of(const struct vmcb *v)
{
	return FIELD_GET(EVENT_TYPE, v->event_inj);
}

static bool efer_svme(const struct vmcb *v, const struct svm_check_env *env)
{
	(void)env;
	return v->efer & EFER_SVME;
}

static bool cr0_cd_nw(const struct vmcb *v, const struct svm_check_env *env)
{
	(void)env;
	return (v->cr0 & (CR0_CD | CR0_NW)) != CR0_NW;
}

static bool cr0_high(const struct vmcb *v, const struct svm_check_env *env)
{
	(void)env;
	return !(v->cr0 >> 32);
}

/* In the legacy modes CR3 has 32 bits and none of them MBZ; what is above is not loaded. */
static bool cr3_mbz(const struct vmcb *v, const struct svm_check_env *env)
{
	return !becomes_long(v) || in_phys_width(env, v->cr3);
}

static bool cr4_mbz(const struct vmcb *v, const struct svm_check_env *env)
{
	return !(v->cr4 & ~env->cr4_allowed);
}

static bool dr6_high(const struct vmcb *v, const struct svm_check_env *env)
{
	(void)env;
	return !(v->dr6 >> 32);
}

static bool dr7_high(const struct vmcb *v, const struct svm_check_env *env)
{
	(void)env;
	return !(v->dr7 >> 32);
}

static bool efer_mbz(const struct vmcb *v, const struct svm_check_env *env)
{
	return !(v->efer & ~(env->efer_allowed | EFER_LMA | EFER_LME));
}

static bool efer_long(const struct vmcb *v, const struct svm_check_env *env)
{
	return env->long_mode || !(v->efer & (EFER_LMA | EFER_LME));
}

static bool long_pae(const struct vmcb *v, const struct svm_check_env *env)
{
	(void)env;
	return !becomes_long(v) || (v->cr4 & CR4_PAE);
}

static bool long_pe(const struct vmcb *v, const struct svm_check_env *env)
{
	(void)env;
	return !becomes_long(v) || (v->cr0 & CR0_PE);
}

static bool long_cs(const struct vmcb *v, const struct svm_check_env *env)
{
	(void)env;
	return !becomes_long(v) || !(v->cr4 & CR4_PAE) ||
	       (v->cs.attrib & (VMCB_ATTR_L | VMCB_ATTR_D)) != (VMCB_ATTR_L | VMCB_ATTR_D);
}

static bool vmrun_intercept(const struct vmcb *v, const struct svm_check_env *env)
{
	(void)env;
	return v->intercept_misc2 & MISC2_VMRUN;
}

static bool msrpm(const struct vmcb *v, const struct svm_check_env *env)
{
	return map_ok(env, v->msrpm_base_pa, MSRPM_SIZE);
}

static bool iopm(const struct vmcb *v, const struct svm_check_env *env)
{
	return map_ok(env, v->iopm_base_pa, IOPM_SIZE);
}

static bool asid(const struct vmcb *v, const struct svm_check_env *env)
{
	(void)env;
	return v->asid;
}

static bool inject_type(const struct vmcb *v, const struct svm_check_env *env)
{
	u64 type = inject_type_of(v);

	(void)env;
	return !injects(v) || type == EVENT_TYPE_INTR || type == EVENT_TYPE_NMI ||
	       type == EVENT_TYPE_EXCP || type == EVENT_TYPE_SOFT;
}

/* All that APM volume 2, "Vectors", names: not 2, which is the NMI's, 9, 15, 20, 22 to 27 and 31.
 */
#define EXCEPTIONS                                                                     \
	(GENMASK(1, 0) | GENMASK(8, 3) | GENMASK(14, 10) | GENMASK(19, 16) | BIT(21) | \
	 GENMASK(30, 28))

static bool inject_vector(const struct vmcb *v, const struct svm_check_env *env)
{
	u64 vector = FIELD_GET(EVENT_VECTOR, v->event_inj);

	(void)env;
	return !injects(v) || inject_type_of(v) != EVENT_TYPE_EXCP ||
	       (vector < 32 && (EXCEPTIONS & BIT(vector)));
}

static bool inject_mode(const struct vmcb *v, const struct svm_check_env *env)
{
	(void)env;
	return !injects(v) || inject_type_of(v) != EVENT_TYPE_EXCP ||
	       FIELD_GET(EVENT_VECTOR, v->event_inj) != VEC_BR || !becomes_long(v) ||
	       !(v->cs.attrib & VMCB_ATTR_L);
}

static bool np_paging(const struct vmcb *v, const struct svm_check_env *env)
{
	return !nests_paging(v) || env->l1_paging;
}

/* As CR3: nCR3 is used in L1's mode. */
static bool ncr3_mbz(const struct vmcb *v, const struct svm_check_env *env)
{
	return !nests_paging(v) || !env->l1_long || in_phys_width(env, v->nested_cr3);
}

static bool g_pat(const struct vmcb *v, const struct svm_check_env *env)
{
	(void)env;
	return !nests_paging(v) || pat_is_valid(v->g_pat);
}

#define CHECKS "Canonicalization and Consistency Checks: "
#define INJECT "Event Injection: "
#define ENABLE "Enabling Nested Paging: "
#define NESTED "Nested Paging and VMRUN/#VMEXIT: "

#define RULES                                                                            \
	RULE(CHECKS "EFER.SVME is 1", efer_svme)                                         \
	RULE(CHECKS "CR0.NW needs CR0.CD", cr0_cd_nw)                                    \
	RULE(CHECKS "CR0[63:32] are 0", cr0_high)                                        \
	RULE(CHECKS "no MBZ bit of CR3", cr3_mbz)                                        \
	RULE(CHECKS "no MBZ bit of CR4", cr4_mbz)                                        \
	RULE(CHECKS "DR6[63:32] are 0", dr6_high)                                        \
	RULE(CHECKS "DR7[63:32] are 0", dr7_high)                                        \
	RULE(CHECKS "no MBZ bit of EFER", efer_mbz)                                      \
	RULE(CHECKS "EFER.LMA and EFER.LME need a CPU with long mode", efer_long)        \
	RULE(CHECKS "EFER.LME with CR0.PG needs CR4.PAE", long_pae)                      \
	RULE(CHECKS "EFER.LME with CR0.PG needs CR0.PE", long_pe)                        \
	RULE(CHECKS "in long mode CS.L and CS.D are not both 1", long_cs)                \
	RULE(CHECKS "VMRUN is intercepted", vmrun_intercept)                             \
	RULE(CHECKS "the MSR permissions map ends within the width of addresses", msrpm) \
	RULE(CHECKS "the I/O permissions map ends within the width of addresses", iopm)  \
	RULE(CHECKS "the ASID is not 0", asid)                                           \
	RULE(INJECT "the type is not reserved", inject_type)                             \
	RULE(INJECT "the vector of an exception is one", inject_vector)                  \
	RULE(INJECT "no #BR in 64-bit mode", inject_mode)                                \
	RULE(ENABLE "the host has paging enabled", np_paging)                            \
	RULE(NESTED "no MBZ bit of nCR3", ncr3_mbz)                                      \
	RULE(NESTED "each field of G_PAT is a memory type", g_pat)

const struct svm_rule svm_rules[] = {
#define RULE(title, holds) {title, holds},
	RULES
#undef RULE
};
const unsigned svm_rule_count = ARRAY_SIZE(svm_rules);

const char *svm_check(const struct vmcb *vmcb12, const struct svm_check_env *env)
{
	unsigned i = 0;

#define RULE(title, holds) &&holds(vmcb12, env)
	if (true RULES) { /* compiled in line: each VMRUN comes here */
		return NULL;
	}
#undef RULE
	while (svm_rules[i].holds(vmcb12, env)) {
		i++;
	}
	return svm_rules[i].title;
}
