// SPDX-License-Identifier: Apache-2.0
/*
 * The checks of VM entry over a snapshot of a VMCS, each bullet of the manual a row with its
 * section: SDM volume 3, chapter "VM Entries". Not checked: what lies in memory behind the VMCS
 * (MSR areas, PDPTEs without EPT), SMM's rules for a processor in SMM.
 */
#pragma once

#include "arch/x86/vmx_caps.h"

/* The snapshot, and what a verdict depends on beside it. */
struct vmx_check {
	u64 (*read)(void *ctx, enum vmcs_field field);
	void *ctx;
	const struct vmx_caps *caps;
	u64 vmcs_pa;               /* the current-VMCS pointer */
	u8 phys_bits, linear_bits; /* widths of addresses: at most 52; 48 or 57 */
	bool long_mode;            /* EFER.LMA of who enters */
	bool sgx, rtm;             /* of this CPU */
	bool has_vtpr;             /* the virtual-APIC page can be read ... */
	u8 vtpr;                   /* ... and holds this at 80H */
	u64 efer_allowed, debugctl_allowed, perf_global_allowed, rtit_allowed;
	u32 link_word;      /* first word of the VMCS that the link pointer names ... */
	bool has_link_word; /* ... where that can be read */
};

struct vmx_rule {
	const char *section, *bullet;
	bool (*holds)(const struct vmx_check *c);
};

/* In the order of the manual's classes; each returns the first violated rule, NULL: none. */
const struct vmx_rule *vmx_check_controls(const struct vmx_check *c);
const struct vmx_rule *vmx_check_host(const struct vmx_check *c);
const struct vmx_rule *vmx_check_guest(const struct vmx_check *c);

/* Tables, for tests and reports. */
extern const struct vmx_rule vmx_control_rules[], vmx_host_rules[], vmx_guest_rules[];
extern const unsigned vmx_control_rule_count, vmx_host_rule_count, vmx_guest_rule_count;
