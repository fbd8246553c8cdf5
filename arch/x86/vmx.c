// SPDX-License-Identifier: Apache-2.0
/*
 * Intel VMX: enabling it, the VMCS, tags of the TLB, entry. SDM volume 3, "Introduction to Virtual
 * Machine Extensions" to "VM Exits". Decoding of exits is in vmx_decode.c, registers in
 * vmx_state.c.
 *
 * The core runs with RFLAGS.IF = 0; a host interrupt is an exit, not acknowledged, and is taken
 * where the run loop opens the window (irq_window).
 */
#include "arch/x86/vmx.h"

#include <errno.h>
#include <string.h>

#include "arch/cpu.h"
#include "arch/percpu.h"
#include "arch/x86/desc.h"
#include "arch/x86/event.h"
#include "arch/x86/msr.h"
#include "arch/x86/regs.h"
#include "arch/x86/vmx_apic.h"
#include "arch/x86/vmx_decode.h"
#include "arch/x86/vmx_insn.h"
#include "mm/page.h"
#include "mm/pt_format.h"
#include "vmm/log.h"
#include "vmm/vm.h"

#define VPID_COUNT 0x10000
#define EPTP_WB    6

/* IA32_ARCH_CAPABILITIES, and CPUID leaf 7's EDX that says what there is. */
#define ARCH_CAP_RDCL_NO   BIT(0)
#define ARCH_CAP_SKIP_L1DF BIT(3)
#define ARCH_CAP_MDS_NO    BIT(5)
#define ARCH_CAP_FB_CLEAR  BIT(17)
#define CPUID7_MD_CLEAR    BIT(10)
#define CPUID7_L1D_FLUSH   BIT(28)
#define CPUID7_ARCH_CAP    BIT(29)

#define EXCEPTIONS_INTERCEPTED (BIT(VEC_DB) | BIT(VEC_AC) | BIT(VEC_MC))

struct vmx_caps vmx_caps;

/* pt_ept with the page sizes that this machine's EPT has. */
static struct pt_format ept_format;

static void msrs_read(struct vmx_msrs *msrs)
{
	(void)!rdmsr_safe(MSR_FEATURE_CONTROL, &msrs->feature_control); /* what is absent reads 0 */
	for (u32 i = 0; i < VMX_MSR_COUNT; i++) {
		(void)!rdmsr_safe(MSR_VMX_FIRST + i, &msrs->vmx[i]);
	}
}

static void ept_format_make(void)
{
	ept_format = pt_ept;
	if (!vmx_caps.ept.page_1g) {
		ept_format.leaf_levels &= (u8)~BIT(3);
	}
	if (!vmx_caps.ept.page_2m) {
		ept_format.leaf_levels &= (u8)~BIT(2);
	}
}

static u64 eptp(const struct vm *vm)
{
	return vm->tdp.root.v | FIELD_PREP(EPTP_MEMTYPE, EPTP_WB) | FIELD_PREP(EPTP_WALK, 3) |
	       (vmx_caps.ept.ad ? EPTP_AD : 0);
}

static bool has_vpid(void)
{
	return vmx_caps.ctl[VMX_PROC2] & PROC2_VPID;
}

/*
 * What side channels ask of an entry: the L1 data cache emptied of others' data (SDM volume 3,
 * "L1 Terminal Fault"; a not-present entry of the guest's own tables suffices), buffers overwritten
 * by VERW ("Microarchitectural Data Sampling").
 */
static void flushes_judge(struct vmx_percpu *cpu)
{
	struct cpuid_regs r = cpuid(0, 0).eax >= 7 ? cpuid(7, 0) : (struct cpuid_regs){0};
	u64 caps = 0;

	if (r.edx & CPUID7_ARCH_CAP) {
		(void)!rdmsr_safe(MSR_ARCH_CAPABILITIES, &caps);
	}
	if (!(caps & (ARCH_CAP_RDCL_NO | ARCH_CAP_SKIP_L1DF))) {
		cpu->flush_l1d = r.edx & CPUID7_L1D_FLUSH;
	}
	cpu->verw = (r.edx & CPUID7_MD_CLEAR) &&
		    (!(caps & ARCH_CAP_MDS_NO) || (caps & ARCH_CAP_FB_CLEAR));
	log_info("VMX: flushes at entry: L1 data cache %s, buffers %s",
		 cpu->flush_l1d                                   ? "after others ran"
		 : caps & (ARCH_CAP_RDCL_NO | ARCH_CAP_SKIP_L1DF) ? "not needed"
								  : "cannot be",
		 cpu->verw                ? "always"
		 : caps & ARCH_CAP_MDS_NO ? "not needed"
					  : "cannot be");
}

static int caps_find(void)
{
	struct vmx_msrs msrs = {0};

	msrs_read(&msrs);
	if (!vmx_caps_compute(&msrs, &vmx_caps)) {
		for (unsigned i = 0; i < vmx_caps.missing_count; i++) {
			log_error("VMX: this CPU lacks or insists on: %s", vmx_caps.missing[i]);
		}
		return -ENODEV;
	}
	return 0;
}

/* "Enabling and Entering VMX Operation". */
static int vmx_on(hpa_t region)
{
	u64 control;

	if (vmx_caps.firmware == VMX_FW_UNLOCKED) {
		control = FEATURE_CONTROL_LOCK | FEATURE_CONTROL_VMXON;
		if (wrmsr_safe(MSR_FEATURE_CONTROL, control)) {
			log_warn("VMX: IA32_FEATURE_CONTROL cannot be written");
		}
	}
	write_cr0(vmx_cr0_fix(&vmx_caps, read_cr0()));
	write_cr4(vmx_cr4_fix(&vmx_caps, read_cr4() | CR4_VMXE));
	*(u32 *)phys_ptr(region) = vmx_caps.revision;
	if (!vmxon(region)) {
		log_error("VMX: VMXON failed");
		return -ENODEV;
	}
	return 0;
}

/* Nothing that was cached before VMXON, by whoever ran, may be met again. */
static void tlb_flush_all(void)
{
	if (vmx_caps.ept.invept_all) {
		invept(INV_ALL, 0);
	}
	if (vmx_caps.ept.invvpid_all) {
		invvpid(INV_ALL, 0);
	}
}

static int vmx_cpu_on(void)
{
	struct vmx_percpu *cpu = &this_cpu()->vmx;
	const struct vmx_ept_caps *ept = &vmx_caps.ept;
	hpa_t region;
	int err = caps_find();

	if (err) {
		return err;
	}
	region = page_alloc_zeroed(0, PAGE_OWNER_CORE);
	if (hpa_is_none(region)) {
		return -ENOMEM;
	}
	err = vmx_on(region);
	if (err) {
		return err;
	}
	tlb_flush_all();
	ept_format_make();
	tlb_tags_init(&cpu->vpids, VPID_COUNT);
	cpu->has_timer = (vmx_caps.may[VMX_PIN] & PIN_PREEMPTION_TIMER) &&
			 vmx_timer_is_sound(cpuid(1, 0).eax);
	log_info(
		"VMX: revision %x; EPT with %s%spages%s; VPID %s; preemption timer %s; virtual interrupts %s",
		vmx_caps.revision, ept->page_1g ? "1 GiB, " : "",
		ept->page_2m ? "2 MiB " : "4 KiB ", ept->ad ? ", accessed and dirty flags" : "",
		has_vpid() ? "yes" : "no", cpu->has_timer ? "yes" : "no",
		vmx_caps.apicv ? "yes" : "no");
	flushes_judge(cpu);
	return 0;
}

/* "MSR-Bitmap Address": reads of low MSRs, of high ones, writes of low, of high. */
static void msr_bitmap_allow(u8 *map, u32 msr)
{
	u32 nr = msr & 0x1fff, offset = msr >> 31 ? 1024 : 0;

	if ((msr & 0x3fffffff) != nr) {
		return;
	}
	map[offset + nr / 8] &= (u8)~BIT(nr % 8);
	map[offset + 2048 + nr / 8] &= (u8)~BIT(nr % 8);
}

static int vmx_vm_init(struct vm *vm)
{
	hpa_t map = page_alloc(VMX_MSR_BITMAP_ORDER, PAGE_OWNER_CORE);

	if (hpa_is_none(map)) {
		return -ENOMEM;
	}
	memset(phys_ptr(map), 0xff, PAGE_SIZE);
	for (unsigned i = 0; i < msr_guest_owned_count; i++) {
		msr_bitmap_allow(phys_ptr(map), msr_guest_owned[i]);
	}
	vmx_apic_bitmap_make(phys_ptr(map));
	vm->arch.msrpm = map;
	return 0;
}

static void vmx_vm_fini(struct vm *vm)
{
	if (vm->arch.msrpm.v) {
		page_free(vm->arch.msrpm, VMX_MSR_BITMAP_ORDER);
	}
}

static int vmx_vcpu_init(struct vcpu *vcpu)
{
	struct vmx_vcpu *v = &vcpu->arch.vmx;
	hpa_t pages = page_alloc_zeroed(1, PAGE_OWNER_CORE);

	if (hpa_is_none(pages)) {
		return -ENOMEM;
	}
	v->vmcs = pages;
	v->virtual_apic = hpa(pages.v + PAGE_SIZE);
	*(u32 *)phys_ptr(pages) = vmx_caps.revision;
	return vmclear(pages) ? 0 : -EIO; /* before its first use ("Initializing a VMCS") */
}

/* Not loaded, it may still be borrowed here: the CPU is not to write to it any more. */
static void vmx_vcpu_fini(struct vcpu *vcpu)
{
	struct vmx_percpu *cpu = &this_cpu()->vmx;

	if (!vcpu->arch.vmx.vmcs.v) {
		return;
	}
	vmclear(vcpu->arch.vmx.vmcs);
	if (cpu->current == vcpu) {
		cpu->current = NULL;
	}
	page_free(vcpu->arch.vmx.vmcs, 1);
}

static void controls_write(struct vcpu *vcpu)
{
	static const enum vmcs_field zero[] = {
		VMCS_PF_ERROR_MASK,        VMCS_PF_ERROR_MATCH,      VMCS_CR3_TARGET_COUNT,
		VMCS_EXIT_MSR_STORE_COUNT, VMCS_EXIT_MSR_LOAD_COUNT, VMCS_ENTRY_MSR_LOAD_COUNT,
		VMCS_TPR_THRESHOLD,
	};
	struct vmx_vcpu *v = &vcpu->arch.vmx;

	for (unsigned i = 0; i < ARRAY_SIZE(zero); i++) {
		vmwrite(zero[i], 0);
	}
	v->apicv = false;
	v->proc_ctl = vmx_caps.ctl[VMX_PROC];
	v->entry_ctl = vmx_caps.ctl[VMX_ENTRY];
	v->pin_ctl = vmx_caps.ctl[VMX_PIN];
	v->exit_tsc = ~0ULL;
	vmwrite(VMCS_PIN_CTLS, v->pin_ctl);
	vmwrite(VMCS_PROC_CTLS, v->proc_ctl);
	vmwrite(VMCS_PROC_CTLS2, vmx_caps.ctl[VMX_PROC2]);
	vmwrite(VMCS_EXIT_CTLS, vmx_caps.ctl[VMX_EXIT]);
	vmwrite(VMCS_ENTRY_CTLS, v->entry_ctl);
	vmwrite(VMCS_EXCEPTION_BITMAP, EXCEPTIONS_INTERCEPTED);
	vmwrite(VMCS_MSR_BITMAP, vcpu->vm->arch.msrpm.v);
	vmwrite(VMCS_VIRTUAL_APIC, v->virtual_apic.v);
	vmwrite(VMCS_EPTP, eptp(vcpu->vm));
	vmwrite(VMCS_LINK_POINTER, ~0ULL);
	if (vmx_caps.ctl[VMX_PROC2] & PROC2_ENCLS) {
		vmwrite(VMCS_ENCLS_BITMAP, ~0ULL);
	}
	if (vmx_caps.ctl[VMX_PROC2] & PROC2_ENCLV) {
		vmwrite(VMCS_ENCLV_BITMAP, ~0ULL);
	}
}

/* This CPU's state, as every exit finds it. */
static void host_state_write(void)
{
	struct desc_ptr gdtr, idtr;

	__asm__ volatile("sgdt %0\n\tsidt %1" : "=m"(gdtr), "=m"(idtr));
	vmwrite(VMCS_HOST_CR0, read_cr0());
	vmwrite(VMCS_HOST_CR3, read_cr3());
	vmwrite(VMCS_HOST_CR4, read_cr4());
	vmwrite(VMCS_HOST_CS, HOST_CS);
	vmwrite(VMCS_HOST_SS, HOST_DS);
	vmwrite(VMCS_HOST_DS, HOST_DS);
	vmwrite(VMCS_HOST_ES, HOST_DS);
	vmwrite(VMCS_HOST_FS, 0);
	vmwrite(VMCS_HOST_GS, 0);
	vmwrite(VMCS_HOST_TR, HOST_TR);
	vmwrite(VMCS_HOST_FS_BASE, 0);
	vmwrite(VMCS_HOST_GS_BASE, (u64)(uintptr_t)this_cpu());
	vmwrite(VMCS_HOST_TR_BASE, (u64)(uintptr_t)&this_cpu()->tss);
	vmwrite(VMCS_HOST_GDTR_BASE, gdtr.base);
	vmwrite(VMCS_HOST_IDTR_BASE, idtr.base);
	vmwrite(VMCS_HOST_SYSENTER_CS, 0);
	vmwrite(VMCS_HOST_SYSENTER_ESP, 0);
	vmwrite(VMCS_HOST_SYSENTER_EIP, 0);
	vmwrite(VMCS_HOST_PAT, rdmsr(MSR_PAT));
	vmwrite(VMCS_HOST_EFER, rdmsr(MSR_EFER));
	vmwrite(VMCS_HOST_RIP, (u64)(uintptr_t)vmx_exit);
}

static void vmx_vcpu_load(struct vcpu *vcpu)
{
	struct vmx_vcpu *v = &vcpu->arch.vmx;

	this_cpu()->vmx.loaded = vcpu;
	vmx_use(vcpu);
	host_state_write();
	v->host_rsp = 0;
	vmx_state_load(vcpu);
	vcpu->arch.flush_tlb |= X86_FLUSH_L1D;
}

/* The VMCS goes back to memory: whichever CPU loads it next finds all of it. */
static void vmx_vcpu_put(struct vcpu *vcpu)
{
	vmx_state_save(vcpu);
	vmclear(vcpu->arch.vmx.vmcs);
	vcpu->arch.vmx.launched = false;
	this_cpu()->vmx.loaded = this_cpu()->vmx.current = NULL;
}

static void vmx_vcpu_reset(struct vcpu *vcpu)
{
	vmx_use(vcpu);
	controls_write(vcpu);
	vmx_state_reset(vcpu);
	vcpu->arch.vmx.vpid.generation = 0;
	memset(phys_ptr(vcpu->arch.vmx.virtual_apic), 0, PAGE_SIZE);
	vmx_apic_mode(vcpu);
}

/*
 * A VPID that nothing is cached for. At the start of a generation all are flushed, or, where the
 * CPU cannot do that, each when it is given.
 */
static void vpid_renew(struct vcpu *vcpu, struct vmx_percpu *cpu)
{
	struct tlb_tag *vpid = &vcpu->arch.vmx.vpid;
	bool flush = tlb_tag_renew(&cpu->vpids, vpid, this_cpu()->id);

	if (!has_vpid()) {
		return; /* every entry and exit flushes */
	}
	vmwrite(VMCS_VPID, vpid->nr);
	if (!vmx_caps.ept.invvpid_all) {
		invvpid(INV_SINGLE, (u16)vpid->nr);
	} else if (flush) {
		invvpid(INV_ALL, 0);
	}
}

static bool vpid_is_current(const struct vcpu *vcpu, const struct vmx_percpu *cpu)
{
	return tlb_tag_is_current(&cpu->vpids, &vcpu->arch.vmx.vpid, this_cpu()->id);
}

/*
 * "Operations that Invalidate Cached Mappings": with EPT every translation of the guest is a
 * combined one, which INVVPID drops by VPID and INVEPT by EPTP; guest-physical ones go by INVEPT
 * alone. A vCPU that comes to a CPU may find there what was flushed only where it was before.
 */
static void tlb_flush(struct vcpu *vcpu, struct vmx_percpu *cpu)
{
	u8 flush = vcpu->arch.flush_tlb;

	if (!vpid_is_current(vcpu, cpu)) {
		flush |= X86_FLUSH_TDP;
		vpid_renew(vcpu, cpu);
	} else if ((flush & X86_FLUSH_GUEST) && has_vpid()) {
		invvpid(vmx_caps.ept.invvpid_single ? INV_SINGLE : INV_ALL,
			(u16)vcpu->arch.vmx.vpid.nr);
	}
	if (flush & X86_FLUSH_TDP) {
		invept(vmx_caps.ept.invept_single ? INV_SINGLE : INV_ALL, eptp(vcpu->vm));
	}
	if ((flush & X86_FLUSH_L1D) && cpu->flush_l1d) {
		wrmsr(MSR_FLUSH_CMD, 1);
	}
	vcpu->arch.flush_tlb = 0;
}

#define BLOCK_SHADOW (BLOCK_STI | BLOCK_MOV_SS)

/* The error code is pushed in protected mode only ("VM-Entry Interruption-Information Field"). */
static void inject(struct vcpu *vcpu)
{
	struct x86_event *e = &vcpu->arch.event;
	u32 info = vmx_event_encode(e);

	if (!(vcpu->arch.vmx.reg[X86_REG_CR0] & CR0_PE)) {
		info &= ~(u32)INTR_INFO_ERROR;
	}
	if (info & INTR_INFO_ERROR) {
		vmwrite(VMCS_ENTRY_ERROR_CODE, e->error);
	}
	vmwrite(VMCS_ENTRY_INTR_INFO, info);
	e->valid = false;
}

/*
 * "Checks on Guest Non-Register State": a single step behind STI or MOV SS must be pending; an NMI
 * cannot be injected where one blocks it.
 */
static __attribute__((noinline)) void interruptibility_write(struct vcpu *vcpu, u32 want)
{
	struct vmx_vcpu *v = &vcpu->arch.vmx;
	u64 pending = vmread(VMCS_GUEST_PENDING_DEBUG) & ~PENDING_DEBUG_BS;

	if ((want & BLOCK_SHADOW) && (vcpu->arch.rflags & RFLAGS_TF)) {
		pending |= PENDING_DEBUG_BS;
	}
	vmwrite(VMCS_GUEST_PENDING_DEBUG, want & BLOCK_SHADOW ? pending : 0);
	v->interruptibility = want;
	vmwrite(VMCS_GUEST_INTERRUPTIBILITY, want);
}

static inline void registers_write(struct vcpu *vcpu)
{
	struct vcpu_arch *a = &vcpu->arch;
	struct vmx_vcpu *v = &a->vmx;
	u32 want = (v->interruptibility & ~(u32)BLOCK_SHADOW) | (u32)a->interrupt_shadow;

	if (a->event.valid) {
		if (a->event.type == X86_EVENT_NMI) {
			want &= ~(u32)(BLOCK_SHADOW | BLOCK_NMI);
		}
		inject(vcpu);
	}
	if (want != v->interruptibility || (want & BLOCK_SHADOW)) {
		interruptibility_write(vcpu, want);
	}
	if (a->rip != v->rip) {
		vmwrite(VMCS_GUEST_RIP, a->rip);
	}
	if (a->rflags != v->rflags) {
		vmwrite(VMCS_GUEST_RFLAGS, a->rflags);
	}
	if (a->gpr[4] != v->rsp) {
		vmwrite(VMCS_GUEST_RSP, a->gpr[4]);
	}
}

static inline void registers_read(struct vcpu *vcpu)
{
	struct vcpu_arch *a = &vcpu->arch;
	struct vmx_vcpu *v = &a->vmx;

	a->rip = v->rip = vmread(VMCS_GUEST_RIP);
	a->rflags = v->rflags = vmread(VMCS_GUEST_RFLAGS);
	a->gpr[4] = v->rsp = vmread(VMCS_GUEST_RSP);
	v->interruptibility = (u32)vmread(VMCS_GUEST_INTERRUPTIBILITY);
	a->interrupt_shadow = v->interruptibility & BLOCK_SHADOW;
}

/*
 * "#DB" exits leave DR6 and DR7 as they were: the qualification says what the exception would add
 * to DR6, and delivery would clear DR7.GD, which the injection does not.
 */
static void debug_exit(struct vcpu *vcpu)
{
	u64 dr6 = vmx_get_reg(vcpu, X86_REG_DR6) & ~GENMASK(3, 0);

	vmx_set_reg(vcpu, X86_REG_DR6,
		    dr6 | (vcpu->arch.exit.info1 & (GENMASK(3, 0) | BIT(13) | DR6_BS)));
	vmwrite(VMCS_GUEST_DR7, vmread(VMCS_GUEST_DR7) & ~DR7_GD);
}

/* Rare ends of an exit. */
static __attribute__((noinline)) void exit_special(struct vcpu *vcpu)
{
	const struct x86_exit *exit = &vcpu->arch.exit;

	if (exit->why == X86_NMI) {
		__asm__ volatile("int $2"); /* its IRET unblocks NMIs on this CPU, too */
	} else if (exit->why == X86_INVALID_STATE) {
		vmx_explain(vcpu);
	} else if (exit->exception.vector == VEC_DB) {
		debug_exit(vcpu);
	}
}

static __attribute__((noinline)) void entry_refused(struct vcpu *vcpu)
{
	struct x86_exit *exit = &vcpu->arch.exit;

	exit->why = X86_INVALID_STATE;
	exit->code = EXIT_REASON_FAILED;
	exit->info1 = vmread(VMCS_INSN_ERROR);
	exit->info2 = 0;
	log_warn("VM entry: VM-instruction error %lu", exit->info1);
	vmx_explain(vcpu);
}

/* "VMX-Preemption Timer": it counts in the guest only, so it is set anew for each entry. */
static inline void timer_write(u64 tsc)
{
	u64 now = rdtsc(), left = tsc > now ? tsc - now : 0;

	vmwrite(VMCS_PREEMPTION_TIMER, min_u64((left >> vmx_caps.timer_rate) + 1, ~0u));
}

static void vmx_run(struct vcpu *vcpu)
{
	struct vmx_percpu *cpu = &this_cpu()->vmx;
	struct vcpu_arch *a = &vcpu->arch;
	struct vmx_exit_event event;

	vmx_use(vcpu);
	if (a->flush_tlb || !vpid_is_current(vcpu, cpu)) {
		tlb_flush(vcpu, cpu);
	}
	if (a->vmx.exit_tsc != ~0ULL) {
		timer_write(a->vmx.exit_tsc);
	}
	registers_write(vcpu);
	if (!vmx_enter(a->gpr, a->vmx.launched, &a->vmx.host_rsp, cpu->verw)) {
		entry_refused(vcpu);
		return;
	}
	a->vmx.launched = true;
	registers_read(vcpu);
	vmx_decode(a->rip, &a->exit, &event);
	exit_record(a->exit.code, a->exit.info1, a->rip);
	if (event.again.valid) {
		a->event = event.again;
	}
	if (event.nmi_unblocked) {
		a->vmx.interruptibility |= (u32)BLOCK_NMI;
		vmwrite(VMCS_GUEST_INTERRUPTIBILITY, a->vmx.interruptibility);
	}
	if (a->exit.why == X86_NMI || a->exit.why == X86_EXCEPTION ||
	    a->exit.why == X86_INVALID_STATE) {
		exit_special(vcpu);
	}
}

static void proc_ctl_set(struct vcpu *vcpu, u64 bit, bool on)
{
	struct vmx_vcpu *v = &vcpu->arch.vmx;

	v->proc_ctl = on ? v->proc_ctl | (u32)bit : v->proc_ctl & ~(u32)bit;
	vmx_use(vcpu);
	vmwrite(VMCS_PROC_CTLS, v->proc_ctl);
}

static void vmx_window(struct vcpu *vcpu, bool open)
{
	vcpu->arch.window_open = open;
	proc_ctl_set(vcpu, PROC_INTR_WINDOW, open);
}

/* With virtual NMIs the CPU tells of the IRET by itself: nothing is stepped over. */
static void vmx_nmi_watch(struct vcpu *vcpu, enum x86_nmi_watch what)
{
	proc_ctl_set(vcpu, PROC_NMI_WINDOW, what == X86_NMI_WATCH_IRET);
}

/* "PDPTE Registers": bits 2:1, 8:5 and those above the physical address are reserved. */
static bool vmx_pdptes_load(struct vcpu *vcpu, u64 cr3)
{
	u64 reserved = GENMASK(2, 1) | GENMASK(8, 5) | ~GENMASK(vcpu->vm->arch.phys_bits - 1, 0);
	u64 entry[4];

	if (vm_read(vcpu->vm, gpa(cr3 & GENMASK(31, 5)), entry, sizeof(entry))) {
		return false;
	}
	for (unsigned i = 0; i < ARRAY_SIZE(entry); i++) {
		if ((entry[i] & 1) && (entry[i] & reserved)) {
			return false;
		}
	}
	vmx_use(vcpu);
	for (unsigned i = 0; i < ARRAY_SIZE(entry); i++) {
		vmwrite((enum vmcs_field)(VMCS_GUEST_PDPTE0 + 2 * i), entry[i]);
	}
	return true;
}

static bool vmx_exit_at(struct vcpu *vcpu, u64 tsc)
{
	struct vmx_vcpu *v = &vcpu->arch.vmx;
	u32 ctl = v->pin_ctl & ~(u32)PIN_PREEMPTION_TIMER;

	if (!this_cpu()->vmx.has_timer) {
		return false;
	}
	v->exit_tsc = tsc;
	ctl |= tsc == ~0ULL ? 0 : (u32)PIN_PREEMPTION_TIMER;
	if (ctl != v->pin_ctl) {
		v->pin_ctl = ctl;
		vmx_use(vcpu);
		vmwrite(VMCS_PIN_CTLS, ctl);
	}
	return true;
}

static void vmx_irq_window(void)
{
	__asm__ volatile("sti\n\tnop\n\tcli" : : : "memory");
}

static void vmx_idle(void)
{
	__asm__ volatile("sti\n\thlt\n\tcli" : : : "memory");
}

static unsigned vmx_tdp_bits(void)
{
	return 48; /* EPT of four levels */
}

const struct x86_ops vmx_ops = {
	.name = "VMX",
	.tdp_format = &ept_format,
	.tdp_bits = vmx_tdp_bits,
	.cpu_on = vmx_cpu_on,
	.vm_init = vmx_vm_init,
	.vm_fini = vmx_vm_fini,
	.vcpu_init = vmx_vcpu_init,
	.vcpu_fini = vmx_vcpu_fini,
	.vcpu_reset = vmx_vcpu_reset,
	.vcpu_load = vmx_vcpu_load,
	.vcpu_put = vmx_vcpu_put,
	.enter = vmx_run,
	.get_reg = vmx_get_reg,
	.set_reg = vmx_set_reg,
	.get_seg = vmx_get_seg,
	.set_seg = vmx_set_seg,
	.window = vmx_window,
	.nmi_watch = vmx_nmi_watch,
	.set_tpr = vmx_set_tpr,
	.apic_mode = vmx_apic_mode,
	.irq_post = vmx_irq_post,
	.pdptes_load = vmx_pdptes_load,
	.exit_at = vmx_exit_at,
	.irq_window = vmx_irq_window,
	.idle = vmx_idle,
};
