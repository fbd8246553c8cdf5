// SPDX-License-Identifier: Apache-2.0
/* VM entry's checks: states that pass, and for every rule a state that violates it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "arch/x86/vmx_checks.h"
#include "arch/x86/x86.h"

static u64 vmcs[VMCS_SLOT_COUNT];
static struct vmx_caps caps;
static struct vmx_check check;

static u64 vmcs_read(void *ctx, enum vmcs_field field)
{
	return ((const u64 *)ctx)[vmcs_field_slot(field)];
}

static void set(enum vmcs_field field, u64 val)
{
	vmcs[vmcs_field_slot(field)] = val;
}

/* A 64-bit kernel under EPT, on a CPU where everything is allowed. */
static int setup(void **state)
{
	(void)state;
	memset(vmcs, 0, sizeof(vmcs));
	memset(&caps, 0, sizeof(caps));
	memset(caps.may, 0xff, sizeof(caps.may));
	caps.must[VMX_PIN] = 0x16;
	caps.may[VMX_PIN] = caps.may[VMX_EXIT] = caps.may[VMX_ENTRY] = 0x7fffffff;
	caps.may[VMX_PROC] &= ~1u;
	caps.may[VMX_PROC2] &= ~(u32)BIT(31);
	caps.revision = 0x12;
	caps.cr3_targets = 4;
	caps.activity = 7;
	caps.vm_functions = 1;
	caps.cr0_must = CR0_PE | CR0_NE | CR0_PG;
	caps.cr0_may = caps.cr4_may = GENMASK(31, 0);
	caps.cr4_must = CR4_VMXE;
	caps.ept = (struct vmx_ept_caps){.walk4 = true, .wb = true};
	check = (struct vmx_check){.read = vmcs_read,
				   .ctx = vmcs,
				   .caps = &caps,
				   .vmcs_pa = 0x9000,
				   .phys_bits = 39,
				   .linear_bits = 48,
				   .long_mode = true,
				   .has_vtpr = true,
				   .vtpr = 0x10,
				   .has_link_word = true,
				   .link_word = 0x12,
				   .efer_allowed = 0xd01};
	set(VMCS_PIN_CTLS, 0x16 | PIN_INTR | PIN_NMI | PIN_VIRTUAL_NMIS);
	set(VMCS_PROC_CTLS, PROC_CTLS2 | PROC_TPR_SHADOW | PROC_MSR_BITMAPS);
	set(VMCS_PROC_CTLS2, PROC2_EPT);
	set(VMCS_EXIT_CTLS, EXIT_HOST_64 | EXIT_LOAD_EFER | EXIT_LOAD_PAT);
	set(VMCS_ENTRY_CTLS, ENTRY_GUEST_64 | ENTRY_LOAD_DEBUG | ENTRY_LOAD_EFER | ENTRY_LOAD_PAT);
	set(VMCS_EPTP, 0x1000 | 3 << 3 | 6);
	set(VMCS_LINK_POINTER, ~0ull);
	set(VMCS_HOST_CR0, 0x80010021);
	set(VMCS_HOST_CR4, CR4_VMXE | CR4_PAE);
	set(VMCS_HOST_EFER, EFER_LMA | EFER_LME);
	set(VMCS_HOST_CS, 8);
	set(VMCS_HOST_TR, 16);
	set(VMCS_GUEST_CR0, 0x80010021);
	set(VMCS_GUEST_CR4, CR4_VMXE | CR4_PAE);
	set(VMCS_GUEST_EFER, EFER_LMA | EFER_LME);
	set(VMCS_GUEST_RFLAGS, 2);
	for (unsigned s = 0; s < 6; s++) {
		set(VMCS_GUEST_ES_AR + 2 * s, s == 1 ? 0xa09b : 0xc093);
		set(VMCS_GUEST_ES_LIMIT + 2 * s, 0xffffffff);
	}
	set(VMCS_GUEST_LDTR_AR, AR_UNUSABLE);
	set(VMCS_GUEST_TR_AR, 0x8b);
	set(VMCS_GUEST_TR_LIMIT, 0x67);
	return 0;
}

static void assert_passes(void)
{
	const struct vmx_rule *r = vmx_check_controls(&check);

	r = r ? r : vmx_check_host(&check);
	r = r ? r : vmx_check_guest(&check);
	if (r) {
		fail_msg("%s: %s", r->section, r->bullet);
	}
}

static void test_good(void **state)
{
	setup(state);
	assert_passes();
	/* Real mode of an unrestricted guest, with an event and the link pointer in use. */
	set(VMCS_PROC_CTLS2, PROC2_EPT | PROC2_UNRESTRICTED);
	set(VMCS_ENTRY_CTLS, ENTRY_LOAD_EFER);
	set(VMCS_GUEST_EFER, 0);
	set(VMCS_GUEST_CR0, CR0_NE | CR0_CD | CR0_NW);
	set(VMCS_GUEST_CS_AR, 0x93);
	set(VMCS_GUEST_CS_LIMIT, 0xffff);
	set(VMCS_ENTRY_INTR_INFO, INTR_INFO_VALID | 3 << 8 | 13);
	set(VMCS_LINK_POINTER, 0x8000);
	assert_passes();
	/* Virtual-8086 mode. */
	set(VMCS_GUEST_CR0, CR0_NE | CR0_PE);
	set(VMCS_GUEST_RFLAGS, 2 | RFLAGS_VM);
	set(VMCS_ENTRY_INTR_INFO, INTR_INFO_VALID | 3 << 8 | 13 | INTR_INFO_ERROR);
	for (unsigned s = 0; s < 6; s++) {
		set(VMCS_GUEST_ES + 2 * s, 0x123);
		set(VMCS_GUEST_ES_BASE + 2 * s, 0x1230);
		set(VMCS_GUEST_ES_LIMIT + 2 * s, 0xffff);
		set(VMCS_GUEST_ES_AR + 2 * s, 0xf3);
	}
	assert_passes();
}

/* A rule by the beginning of its bullet, and a change to the good state that violates it. */
struct bad {
	const char *bullet;
	struct {
		u16 field;
		u64 val;
	} set[3];
};

#define BAD(bullet, ...)            \
	{                           \
		bullet,             \
		{                   \
			__VA_ARGS__ \
		}                   \
	}
#define V(field, val)               \
	{                           \
		VMCS_##field, (val) \
	}
#define P2(bits)       V(PROC_CTLS2, PROC2_EPT | (bits))
#define P2_ALONE(bits) V(PROC_CTLS2, (bits))
#define ODD            0x1001
#define FAR            BIT(39)
#define NOT_CANONICAL  BIT(47)
#define EVENT(type, v) V(ENTRY_INTR_INFO, INTR_INFO_VALID | (type) << 8 | (v))

static const struct bad bad_controls[] = {
	BAD("reserved bits of the pin", V(PIN_CTLS, PIN_INTR)),
	BAD("reserved bits of the prim", V(PROC_CTLS, 1)),
	BAD("reserved bits of the sec", P2(BIT(31))),
	BAD("reserved bits of the tert", V(PROC_CTLS, PROC_CTLS3), V(PROC_CTLS3, 1)),
	BAD("the CR3-target", V(CR3_TARGET_COUNT, 5)),
	BAD("use I/O", V(PROC_CTLS, PROC_IO_BITMAPS), V(IO_BITMAP_B, ODD)),
	BAD("use MSR", V(MSR_BITMAP, FAR)),
	BAD("use TPR shadow:", V(VIRTUAL_APIC, ODD)),
	BAD("use TPR shadow without", V(TPR_THRESHOLD, 16)),
	BAD("the TPR threshold", V(TPR_THRESHOLD, 2)),
	BAD("virtual NMIs need", V(PIN_CTLS, PIN_VIRTUAL_NMIS)),
	BAD("NMI-window", V(PIN_CTLS, PIN_NMI), V(PROC_CTLS, PROC_NMI_WINDOW)),
	BAD("virtualize APIC", P2(PROC2_APIC_ACCESSES), V(APIC_ACCESS, ODD)),
	BAD("x2APIC,", V(PROC_CTLS, PROC_CTLS2), P2(PROC2_X2APIC)),
	BAD("virtualize x2APIC", P2(PROC2_X2APIC | PROC2_APIC_ACCESSES)),
	BAD("virtual-interrupt", V(PIN_CTLS, 0), P2(PROC2_INTR_DELIVERY)),
	BAD("posted interrupts need", V(PIN_CTLS, PIN_POSTED_INTR)),
	BAD("posted interrupts: bits", V(PIN_CTLS, PIN_POSTED_INTR), V(POSTED_INTR_VECTOR, 256)),
	BAD("posted interrupts: the", V(PIN_CTLS, PIN_POSTED_INTR), V(POSTED_INTR_DESC, 32)),
	BAD("enable VPID", P2(PROC2_VPID)),
	BAD("EPTP: the memory", V(EPTP, 0x1000 | 3 << 3)),
	BAD("EPTP: the length", V(EPTP, 0x1000 | 4 << 3 | 6)),
	BAD("EPTP: accessed", V(EPTP, 0x1000 | BIT(6) | 3 << 3 | 6)),
	BAD("EPTP: reserved", V(EPTP, 0x1000 | BIT(7) | 3 << 3 | 6)),
	BAD("EPTP: reserved", V(EPTP, FAR | 3 << 3 | 6)),
	BAD("enable PML needs", P2_ALONE(PROC2_PML)),
	BAD("enable PML:", P2(PROC2_PML), V(PML_ADDRESS, ODD)),
	BAD("unrestricted", P2_ALONE(PROC2_UNRESTRICTED)),
	BAD("mode-based", P2_ALONE(PROC2_EPT_MODE_EXEC)),
	BAD("sub-page write permissions for", P2_ALONE(PROC2_EPT_SUB_PAGE)),
	BAD("sub-page write permissions:", P2(PROC2_EPT_SUB_PAGE), V(SPP_TABLE, ODD)),
	BAD("enable VM", P2(PROC2_VM_FUNCTIONS), V(VM_FUNCTIONS, 2)),
	BAD("EPTP switching", P2(PROC2_VM_FUNCTIONS), V(VM_FUNCTIONS, 1), V(EPTP_LIST, ODD)),
	BAD("VMCS shadowing", P2(PROC2_SHADOWING), V(VMWRITE_BITMAP, ODD)),
	BAD("EPT-violation", P2(PROC2_VE), V(VE_INFO, ODD)),
	BAD("Intel PT", P2(PROC2_PT_GUEST_PHYS)),
	BAD("use TSC scaling", P2(PROC2_TSC_SCALING)),
	BAD("reserved bits of the VM-exit", V(EXIT_CTLS, BIT(31))),
	BAD("saving the VMX", V(EXIT_CTLS, EXIT_SAVE_PREEMPTION)),
	BAD("the VM-exit MSR-store", V(EXIT_MSR_STORE_COUNT, 1), V(EXIT_MSR_STORE, 8)),
	BAD("the VM-exit MSR-load", V(EXIT_MSR_LOAD_COUNT, 2), V(EXIT_MSR_LOAD, FAR - 16)),
	BAD("reserved bits of the VM-entry", V(ENTRY_CTLS, BIT(31))),
	BAD("event injection: the interruption", EVENT(1, 0)),
	BAD("event injection: the vector", EVENT(2, 3)),
	BAD("event injection: the vector", EVENT(3, 32)),
	BAD("event injection: the vector", EVENT(7, 1)),
	BAD("event injection: an error", EVENT(3, 13)),
	BAD("event injection: an error", EVENT(3, 6 | BIT(11))),
	BAD("event injection: an error", EVENT(0, 13 | BIT(11))),
	BAD("event injection: bits 30", EVENT(0, 32 | BIT(12))),
	BAD("event injection: bits 31", EVENT(3, 13 | BIT(11)), V(ENTRY_ERROR_CODE, BIT(16))),
	BAD("event injection: the instruction", EVENT(4, 0x80)),
	BAD("event injection: the instruction", EVENT(6, 3), V(ENTRY_INSN_LEN, 16)),
	BAD("the VM-entry MSR-load", V(ENTRY_MSR_LOAD_COUNT, ~0u), V(ENTRY_MSR_LOAD, ~15ull)),
	BAD("entry to SMM", V(ENTRY_CTLS, ENTRY_TO_SMM)),
};

static const struct bad bad_host[] = {
	BAD("CR0", V(HOST_CR0, CR0_PE)),
	BAD("CR4 sets", V(HOST_CR4, 0)),
	BAD("CR4.CET", V(HOST_CR4, BIT(23)), V(HOST_CR0, 0)),
	BAD("CR3", V(HOST_CR3, FAR)),
	BAD("IA32_SYSENTER", V(HOST_SYSENTER_EIP, NOT_CANONICAL)),
	BAD("load IA32_PERF", V(EXIT_CTLS, EXIT_LOAD_PERF_GLOBAL), V(HOST_PERF_GLOBAL, 1)),
	BAD("load IA32_PAT", V(HOST_PAT, 2)),
	BAD("load IA32_EFER: res", V(HOST_EFER, 2)),
	BAD("load IA32_EFER: LMA", V(HOST_EFER, EFER_LME)),
	BAD("load CET state: IA32", V(EXIT_CTLS, EXIT_LOAD_CET), V(HOST_S_CET, BIT(6))),
	BAD("load CET state: SSP", V(EXIT_CTLS, EXIT_LOAD_CET), V(HOST_SSP, 2)),
	BAD("load PKRS", V(EXIT_CTLS, EXIT_LOAD_PKRS), V(HOST_PKRS, BIT(32))),
	BAD("RPL", V(HOST_GS, 4)),
	BAD("CS and TR", V(HOST_TR, 0)),
	BAD("SS is", V(EXIT_CTLS, 0)),
	BAD("the bases", V(HOST_TR_BASE, NOT_CANONICAL)),
	BAD("in IA-32e", V(EXIT_CTLS, 0)),
	BAD("32-bit host", V(EXIT_CTLS, 0)),
	BAD("64-bit host", V(HOST_RIP, NOT_CANONICAL)),
	BAD("64-bit host", V(HOST_CR4, CR4_VMXE)),
};

#define VM86     V(GUEST_RFLAGS, 2 | RFLAGS_VM)
#define STATE(a) V(GUEST_ACTIVITY, a)
#define BLOCK(b) V(GUEST_INTERRUPTIBILITY, b)

static const struct bad bad_guest[] = {
	BAD("CR0 sets", V(GUEST_CR0, CR0_PE | CR0_NE)),
	BAD("CR0.PG", V(GUEST_CR0, CR0_PG)),
	BAD("CR4 sets", V(GUEST_CR4, CR4_VMXE | BIT(32))),
	BAD("CR4.CET", V(GUEST_CR4, BIT(23)), V(GUEST_CR0, 0)),
	BAD("load debug controls: res", V(GUEST_DEBUGCTL, 1)),
	BAD("IA-32e", V(GUEST_CR4, CR4_VMXE)),
	BAD("not an IA-32e", V(ENTRY_CTLS, 0), V(GUEST_CR4, CR4_PCIDE)),
	BAD("CR3", V(GUEST_CR3, FAR)),
	BAD("load debug controls: bits", V(GUEST_DR7, BIT(32))),
	BAD("IA32_SYSENTER", V(GUEST_SYSENTER_ESP, NOT_CANONICAL)),
	BAD("load IA32_PERF", V(ENTRY_CTLS, ENTRY_LOAD_PERF_GLOBAL), V(GUEST_PERF_GLOBAL, 1)),
	BAD("load IA32_PAT", V(GUEST_PAT, 8ull << 56)),
	BAD("load IA32_EFER: res", V(GUEST_EFER, 2)),
	BAD("load IA32_EFER: LMA", V(GUEST_EFER, EFER_LMA)),
	BAD("load IA32_BND", V(ENTRY_CTLS, ENTRY_LOAD_BNDCFGS), V(GUEST_BNDCFGS, 4)),
	BAD("load IA32_RTIT", V(ENTRY_CTLS, ENTRY_LOAD_RTIT), V(GUEST_RTIT_CTL, 1)),
	BAD("load CET state: IA32", V(ENTRY_CTLS, ENTRY_LOAD_CET), V(GUEST_S_CET, 3 << 10)),
	BAD("load PKRS", V(ENTRY_CTLS, ENTRY_LOAD_PKRS), V(GUEST_PKRS, BIT(32))),
	BAD("TR: TI", V(GUEST_TR, 4)),
	BAD("LDTR: TI", V(GUEST_LDTR_AR, 0x82), V(GUEST_LDTR, 4)),
	BAD("SS: RPL", V(GUEST_SS, 3)),
	BAD("virtual-8086: each base", VM86, V(GUEST_DS, 1)),
	BAD("the bases of TR", V(GUEST_GS_BASE, NOT_CANONICAL)),
	BAD("bits 63:32 of the base", V(GUEST_DS_BASE, BIT(32))),
	BAD("virtual-8086: each limit", VM86),
	BAD("virtual-8086: the access", VM86),
	BAD("CS: an accessed", V(GUEST_CS_AR, 0x93)),
	BAD("SS: type", V(GUEST_SS_AR, 0x91)),
	BAD("DS, ES, FS, GS: acc", V(GUEST_FS_AR, 0x99)),
	BAD("S is 1", V(GUEST_DS_AR, 0x83)),
	BAD("CS: DPL", V(GUEST_CS_AR, 0xa0fb)),
	BAD("SS: DPL is RPL", V(GUEST_SS_AR, 0xc0f3)),
	BAD("SS: DPL is 0", V(GUEST_CR0, 0), V(GUEST_SS_AR, 0xc0f3)),
	BAD("DS, ES, FS, GS: DPL", V(GUEST_DS, 3)),
	BAD("P is 1", V(GUEST_ES_AR, 0xc013)),
	BAD("reserved bits are 0 of CS", V(GUEST_ES_AR, 0xc193)),
	BAD("CS: D/B", V(GUEST_CS_AR, 0xe09b)),
	BAD("G fits", V(GUEST_DS_LIMIT, 0xfffff000)),
	BAD("G fits", V(GUEST_DS_AR, 0x4093)),
	BAD("TR: a busy", V(GUEST_TR_AR, 0x83)),
	BAD("TR: S", V(GUEST_TR_AR, AR_UNUSABLE | 0x8b)),
	BAD("TR: G", V(GUEST_TR_LIMIT, 0x100000)),
	BAD("LDTR: type", V(GUEST_LDTR_AR, 0x8b)),
	BAD("LDTR: G", V(GUEST_LDTR_AR, 0x8082)),
	BAD("the bases of GDTR", V(GUEST_IDTR_BASE, NOT_CANONICAL)),
	BAD("bits 31:16 of both", V(GUEST_GDTR_LIMIT, 0x10000)),
	BAD("RIP is within", V(GUEST_CS_AR, 0xc09b), V(GUEST_RIP, BIT(32))),
	BAD("RIP in 64", V(GUEST_RIP, BIT(48))),
	BAD("RFLAGS: res", V(GUEST_RFLAGS, 0)),
	BAD("RFLAGS.VM", VM86),
	BAD("RFLAGS.IF", EVENT(0, 32)),
	BAD("load CET state: SSP", V(ENTRY_CTLS, ENTRY_LOAD_CET), V(GUEST_SSP, 1)),
	BAD("the activity state is", STATE(4)),
	BAD("not HLT", STATE(1), V(GUEST_SS_AR, 0xc0f3)),
	BAD("active where", STATE(1), BLOCK(BLOCK_STI)),
	BAD("the injected event", STATE(1), EVENT(3, 6)),
	BAD("the injected event", STATE(2), EVENT(0, 32)),
	BAD("the injected event", STATE(3), EVENT(2, 2)),
	BAD("entry to SMM", V(ENTRY_CTLS, ENTRY_TO_SMM), STATE(3)),
	BAD("interruptibility", BLOCK(BIT(5))),
	BAD("not blocking by both", BLOCK(3)),
	BAD("no blocking by STI where", BLOCK(BLOCK_STI)),
	BAD("no blocking by STI or MOV SS where an ext", EVENT(0, 32), BLOCK(BLOCK_MOV_SS)),
	BAD("no blocking by STI or MOV SS where an NMI", EVENT(2, 2), BLOCK(BLOCK_MOV_SS)),
	BAD("no blocking by SMI", BLOCK(BLOCK_SMI)),
	BAD("virtual NMIs: no", EVENT(2, 2), BLOCK(BLOCK_NMI)),
	BAD("enclave", BLOCK(BLOCK_ENCLAVE)),
	BAD("pending debug exceptions: res", V(GUEST_PENDING_DEBUG, BIT(4))),
	BAD("pending debug exceptions: BS", BLOCK(BLOCK_MOV_SS), V(GUEST_RFLAGS, 2 | RFLAGS_TF)),
	BAD("pending debug exceptions: RTM", V(GUEST_PENDING_DEBUG, BIT(16) | BIT(12))),
	BAD("VMCS link pointer: al", V(LINK_POINTER, ODD)),
	BAD("VMCS link pointer: the", V(LINK_POINTER, 0x8000), P2(PROC2_SHADOWING)),
	BAD("VMCS link pointer: not", V(LINK_POINTER, 0x9000)),
	BAD("PAE paging", V(ENTRY_CTLS, 0), V(GUEST_PDPTE3, 3)),
};

static const struct vmx_rule *find(const struct vmx_rule *rules, unsigned n, const char *bullet)
{
	for (unsigned i = 0; i < n; i++) {
		if (!strncmp(rules[i].bullet, bullet, strlen(bullet))) {
			return &rules[i];
		}
	}
	fail_msg("no rule %s", bullet);
	return NULL;
}

/* Each case violates its rule; each rule has a case, but @exempt, which is tested apart. */
static void check_bad(const struct vmx_rule *rules, unsigned n, const struct bad *bad,
		      unsigned bad_count, const char *exempt)
{
	bool hit[128] = {false};

	assert_true(n <= ARRAY_SIZE(hit));
	for (unsigned i = 0; i < bad_count; i++) {
		const struct vmx_rule *r = find(rules, n, bad[i].bullet);

		setup(NULL);
		for (unsigned j = 0; j < 3; j++) {
			if (bad[i].set[j].field) {
				set(bad[i].set[j].field, bad[i].set[j].val);
			}
		}
		if (r->holds(&check)) {
			fail_msg("%s holds", r->bullet);
		}
		hit[r - rules] = true;
	}
	for (unsigned i = 0; i < n; i++) {
		if (!hit[i] && (!exempt || strcmp(rules[i].bullet, exempt) != 0)) {
			fail_msg("%s: no test", rules[i].bullet);
		}
	}
}

static void test_controls(void **state)
{
	(void)state;
	check_bad(vmx_control_rules, vmx_control_rule_count, bad_controls, ARRAY_SIZE(bad_controls),
		  NULL);
	set(VMCS_CR3_TARGET_COUNT, 5);
	assert_ptr_not_equal(vmx_check_controls(&check), NULL);
}

static void test_host(void **state)
{
	const char *legacy = "outside IA-32e mode: neither IA-32e mode guest nor 64-bit host";

	(void)state;
	check_bad(vmx_host_rules, vmx_host_rule_count, bad_host, ARRAY_SIZE(bad_host), legacy);
	setup(NULL);
	check.long_mode = false;
	assert_string_equal(vmx_check_host(&check)->bullet, legacy);
}

static void test_guest(void **state)
{
	(void)state;
	check_bad(vmx_guest_rules, vmx_guest_rule_count, bad_guest, ARRAY_SIZE(bad_guest), NULL);
	setup(NULL);
	set(VMCS_GUEST_CR3, FAR);
	assert_string_equal(vmx_check_guest(&check)->section,
			    "Checks on Guest Control Registers, Debug Registers, and MSRs");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_controls),
		cmocka_unit_test(test_host),
		cmocka_unit_test(test_guest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
