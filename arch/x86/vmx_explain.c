// SPDX-License-Identifier: Apache-2.0
/* Why a VM entry failed: the checks of vmx_checks.h over the current VMCS. */
#include "arch/cpu.h"
#include "arch/x86/vmx_checks.h"
#include "arch/x86/vmx.h"
#include "arch/x86/vmx_insn.h"
#include "arch/x86/x86.h"
#include "mm/page.h"
#include "vmm/log.h"
#include "vmm/vcpu.h"
#include "vmm/vm.h"

static u64 explain_read(void *ctx, enum vmcs_field field)
{
	(void)ctx;
	return vmread(field);
}

static void widths_find(struct vmx_check *c)
{
	c->phys_bits = 36;
	c->linear_bits = 48;
	if (cpuid(0x80000000, 0).eax >= 0x80000008) {
		u32 eax = cpuid(0x80000008, 0).eax;

		c->phys_bits = (u8)min_u64(eax & 0xff, 52);
		c->linear_bits = (eax >> 8 & 0xff) > 48 ? 57 : 48;
	}
}

void vmx_explain(const struct vcpu *vcpu)
{
	struct vmx_check c = {
		.read = explain_read,
		.caps = &vmx_caps,
		.vmcs_pa = vcpu->arch.vmx.vmcs.v,
		.long_mode = true,
		.has_vtpr = true,
		.vtpr = ((const u8 *)phys_ptr(vcpu->arch.vmx.virtual_apic))[0x80],
		.efer_allowed = EFER_SCE | EFER_LME | EFER_LMA | EFER_NXE,
		.debugctl_allowed = ~0ULL,
		.perf_global_allowed = ~0ULL,
		.rtit_allowed = ~0ULL,
	};
	const struct vmx_rule *rule;

	widths_find(&c);
	if (cpuid(0, 0).eax >= 7) {
		c.sgx = cpuid(7, 0).ebx & BIT(2);
		c.rtm = cpuid(7, 0).ebx & BIT(11);
	}
	rule = vmx_check_controls(&c);
	rule = rule ? rule : vmx_check_host(&c);
	rule = rule ? rule : vmx_check_guest(&c);
	if (rule) {
		log_vm(LOG_WARN, vcpu->vm->config->name, "VM entry: SDM volume 3, \"%s\": %s",
		       rule->section, rule->bullet);
	} else {
		log_vm(LOG_WARN, vcpu->vm->config->name,
		       "VM entry: no rule that is checked here is violated");
	}
}
