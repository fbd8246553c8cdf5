// SPDX-License-Identifier: Apache-2.0
/*
 * What a CPU's VMX offers, computed from the values of its capability MSRs. SDM volume 3, appendix
 * "VMX Capability Reporting Facility". An MSR that cannot be read counts as 0: it offers nothing.
 */
#pragma once

#include "arch/x86/vmcs.h"

#define MSR_FEATURE_CONTROL 0x3a
#define MSR_VMX_FIRST       0x480

/* Capability MSRs by number, from MSR_VMX_FIRST on. */
enum vmx_msr {
	VMX_MSR_BASIC,
	VMX_MSR_PIN,
	VMX_MSR_PROC,
	VMX_MSR_EXIT,
	VMX_MSR_ENTRY,
	VMX_MSR_MISC,
	VMX_MSR_CR0_FIXED0,
	VMX_MSR_CR0_FIXED1,
	VMX_MSR_CR4_FIXED0,
	VMX_MSR_CR4_FIXED1,
	VMX_MSR_VMCS_ENUM,
	VMX_MSR_PROC2,
	VMX_MSR_EPT_VPID,
	VMX_MSR_TRUE_PIN,
	VMX_MSR_TRUE_PROC,
	VMX_MSR_TRUE_EXIT,
	VMX_MSR_TRUE_ENTRY,
	VMX_MSR_VMFUNC,
	VMX_MSR_COUNT
};

struct vmx_msrs {
	u64 feature_control; /* MSR_FEATURE_CONTROL */
	u64 vmx[VMX_MSR_COUNT];
};

#define FEATURE_CONTROL_LOCK  BIT(0)
#define FEATURE_CONTROL_VMXON BIT(2) /* outside SMX */

#define VMX_BASIC_REVISION  GENMASK(30, 0)
#define VMX_BASIC_SIZE      GENMASK(44, 32)
#define VMX_BASIC_ADDR32    BIT(48)
#define VMX_BASIC_MEMTYPE   GENMASK(53, 50)
#define VMX_BASIC_INS_OUTS  BIT(54)
#define VMX_BASIC_TRUE_CTLS BIT(55)
#define VMX_BASIC_NO_ERROR  BIT(56) /* hardware exceptions may be injected without error code */

#define VMX_MISC_TIMER_RATE  GENMASK(4, 0) /* the preemption timer counts TSC >> this */
#define VMX_MISC_ACTIVITY    GENMASK(8, 6) /* HLT, shutdown, wait-for-SIPI */
#define VMX_MISC_CR3_TARGETS GENMASK(24, 16)
#define VMX_MISC_LEN0        BIT(30) /* software events may be injected with length 0 */

/* The control words that have an allowed-0/allowed-1 MSR. */
enum vmx_word { VMX_PIN, VMX_PROC, VMX_PROC2, VMX_EXIT, VMX_ENTRY, VMX_WORD_COUNT };

enum vmx_want {
	VMX_REQUIRED, /* on; a CPU without it is refused */
	VMX_OFFERED,  /* on where offered */
	VMX_AT_TIMES, /* off; switched on while running, where offered */
	VMX_DYNAMIC,  /* off, but must be offered: switched on while running */
	VMX_OFF       /* off; a CPU that insists on it is refused */
};

struct vmx_control {
	u8 word; /* enum vmx_word */
	u8 want; /* enum vmx_want */
	u32 bit;
	const char *name;
};

/* What the firmware has done with VMX. */
enum vmx_firmware {
	VMX_FW_UNLOCKED, /* undecided: set FEATURE_CONTROL_VMXON and the lock ourselves */
	VMX_FW_ENABLED,
	VMX_FW_DISABLED
};

struct vmx_ept_caps {
	bool walk4, walk5, uc, wb, page_2m, page_1g, ad, exec_only;
	bool invept, invept_single, invept_all;
	bool invvpid, invvpid_address, invvpid_single, invvpid_all, invvpid_keep_global;
};

#define VMX_MISSING_MAX 96

struct vmx_caps {
	u32 revision, region_size;
	bool addr32;      /* VMCS and what it points at lie below 4 GiB */
	bool ins_outs;    /* instruction information of INS and OUTS is given */
	bool no_error_ok; /* VMX_BASIC_NO_ERROR */
	bool len0_ok;     /* VMX_MISC_LEN0 */
	u8 timer_rate;    /* VMX_MISC_TIMER_RATE */
	u8 activity;      /* supported activity states but the active one: VMX_MISC_ACTIVITY */
	u16 cr3_targets;  /* most of them */
	bool apicv;       /* all of PROC2_APICV, and what they need, may be switched on */
	u64 vm_functions; /* allowed */
	enum vmx_firmware firmware;
	u32 must[VMX_WORD_COUNT]; /* bits that must be 1 */
	u32 may[VMX_WORD_COUNT];  /* bits that may be 1 */
	u32 ctl[VMX_WORD_COUNT];  /* what we want of it */
	u64 cr0_must, cr0_may, cr4_must, cr4_may;
	struct vmx_ept_caps ept;
	/* Why this CPU is refused, by name; nothing: it is not. */
	unsigned missing_count;
	const char *missing[VMX_MISSING_MAX];
};

extern const struct vmx_control vmx_controls[];
extern const unsigned vmx_control_count;

/* Judges IA32_FEATURE_CONTROL; 0 where it cannot be read. */
enum vmx_firmware vmx_firmware_judge(u64 feature_control);

/*
 * Fills @msrs by @read, which is asked only for MSRs that exist where CPUID offers VMX: a host that
 * keeps to the manual raises no fault.
 */
void vmx_msrs_read(u64 (*read)(u32 msr), struct vmx_msrs *msrs);

/* Fills @caps, whose control words are fit for use where the result is true: nothing misses. */
bool vmx_caps_compute(const struct vmx_msrs *msrs, struct vmx_caps *caps);

/*
 * Whether the preemption timer counts at its rate on the CPU of this signature (CPUID 1 EAX): by
 * errata it does not on some (Nehalem to Ivy Bridge), "VMX-Preemption Timer Does Not Count Down at
 * the Rate Specified".
 */
bool vmx_timer_is_sound(u32 signature);

/* A value of CR0 or CR4 with the bits that VMX operation fixes. */
u64 vmx_cr0_fix(const struct vmx_caps *caps, u64 cr0);
u64 vmx_cr4_fix(const struct vmx_caps *caps, u64 cr4);
