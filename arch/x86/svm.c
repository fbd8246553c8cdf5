// SPDX-License-Identifier: Apache-2.0
/*
 * AMD SVM: enabling it, the VMCB, address space identifiers, entry. APM volume 2, "Secure Virtual
 * Machine". Decoding of exits is in svm_decode.c.
 *
 * Between entries GIF is 0 and RFLAGS.IF is 1: a host interrupt is taken only where the run loop
 * opens the window with STGI (irq_window).
 */
#include "arch/x86/svm.h"

#include <errno.h>
#include <string.h>

#include "arch/cpu.h"
#include "arch/percpu.h"
#include "arch/x86/event.h"
#include "arch/x86/host.h"
#include "arch/x86/lapic.h"
#include "arch/x86/msr.h"
#include "arch/x86/regs.h"
#include "arch/x86/trap.h"
#include "arch/x86/vmcb.h"
#include "mm/page.h"
#include "vmm/log.h"
#include "vmm/nested_ops.h"
#include "vmm/vm.h"

/* nested/'s: not there without the folder. */
extern const struct nested_ops nested_svm __attribute__((weak));

#define IOPM_ORDER  2 /* 12 KiB, rounded up */
#define MSRPM_ORDER 1 /* 8 KiB */

/* What is intercepted, as a table: everything that must not reach the host, nothing else. */
const struct vmcb svm_controls = {
	.intercept_cr_write = BIT(0) | BIT(4) | BIT(8),
	.intercept_exceptions = BIT(VEC_DB) | BIT(VEC_AC) | BIT(VEC_MC),
	.intercept_misc1 = MISC1_INTR | MISC1_NMI | MISC1_SMI | MISC1_INIT | MISC1_RDPMC |
			   MISC1_CPUID | MISC1_INVD | MISC1_HLT | MISC1_INVLPGA | MISC1_IOIO |
			   MISC1_MSR | MISC1_TASK | MISC1_FERR | MISC1_SHUTDOWN,
	.intercept_misc2 = MISC2_VMRUN | MISC2_VMMCALL | MISC2_VMLOAD | MISC2_VMSAVE | MISC2_STGI |
			   MISC2_CLGI | MISC2_SKINIT | MISC2_WBINVD | MISC2_MONITOR | MISC2_MWAIT |
			   MISC2_XSETBV | MISC2_RDPRU,
	.vintr = VINTR_MASKING,
	.nested_ctl = NESTED_CTL_NP,
};

/* Segment attributes in the VMCB's packed form: type and flags of a flat segment. */
#define ATTR_CODE16 0x9b
#define ATTR_DATA16 0x93
#define ATTR_LDT    0x82
#define ATTR_TSS    0x8b

/* Architectural reset state: APM volume 2, "Processor Initialization State". */
static const struct vmcb vmcb_reset_state = {
	.cs = {0xf000, ATTR_CODE16, 0xffff, 0xffff0000},
	.ds = {0, ATTR_DATA16, 0xffff, 0},
	.es = {0, ATTR_DATA16, 0xffff, 0},
	.fs = {0, ATTR_DATA16, 0xffff, 0},
	.gs = {0, ATTR_DATA16, 0xffff, 0},
	.ss = {0, ATTR_DATA16, 0xffff, 0},
	.gdtr = {0, 0, 0xffff, 0},
	.idtr = {0, 0, 0xffff, 0},
	.ldtr = {0, ATTR_LDT, 0xffff, 0},
	.tr = {0, ATTR_TSS, 0xffff, 0},
	.efer = EFER_SVME, /* VMRUN demands it; the guest does not see it */
	.cr0 = CR0_ET | CR0_NW | CR0_CD,
	.dr6 = DR6_INIT,
	.dr7 = DR7_INIT,
	.rflags = RFLAGS_FIXED,
	.rip = 0xfff0,
	.g_pat = 0x0007040600070406ULL,
};

#define REG(name) (u16) offsetof(struct vmcb, name)
static const u16 reg_offset[X86_REG_COUNT] = {
	[X86_REG_CR0] = REG(cr0),   [X86_REG_CR2] = REG(cr2),
	[X86_REG_CR3] = REG(cr3),   [X86_REG_CR4] = REG(cr4),
	[X86_REG_DR6] = REG(dr6),   [X86_REG_EFER] = REG(efer),
	[X86_REG_PAT] = REG(g_pat), [X86_REG_TSC_OFFSET] = REG(tsc_offset),
};

static const u16 seg_offset[X86_SEG_COUNT] = {
	[X86_SEG_ES] = REG(es),     [X86_SEG_CS] = REG(cs),     [X86_SEG_SS] = REG(ss),
	[X86_SEG_DS] = REG(ds),     [X86_SEG_FS] = REG(fs),     [X86_SEG_GS] = REG(gs),
	[X86_SEG_GDTR] = REG(gdtr), [X86_SEG_LDTR] = REG(ldtr), [X86_SEG_IDTR] = REG(idtr),
	[X86_SEG_TR] = REG(tr),
};

static u64 *reg_ptr(const struct vcpu *vcpu, enum x86_reg reg)
{
	return (u64 *)(void *)((char *)vcpu->arch.svm.vmcb + reg_offset[reg]);
}

static u64 svm_get_reg(const struct vcpu *vcpu, enum x86_reg reg)
{
	u64 val = *reg_ptr(vcpu, reg);

	return reg == X86_REG_EFER ? val | vcpu->arch.svm.efer_lme : val;
}

/*
 * EFER.LME without LMA is kept from the CPU, for which it means nothing: an exit with it, and with
 * CR4.PAE off, leaves QEMU's host without paging.
 */
static void svm_set_reg(struct vcpu *vcpu, enum x86_reg reg, u64 val)
{
	if (reg == X86_REG_EFER) {
		vcpu->arch.svm.efer_lme = val & EFER_LMA ? 0 : val & EFER_LME;
		val = (val & ~vcpu->arch.svm.efer_lme) | EFER_SVME;
	}
	*reg_ptr(vcpu, reg) = val;
}

static struct vmcb_seg *seg_ptr(const struct vcpu *vcpu, enum x86_seg_name seg)
{
	return (struct vmcb_seg *)(void *)((char *)vcpu->arch.svm.vmcb + seg_offset[seg]);
}

/* The VMCB packs bits 15:12 of the attributes into 11:8. */
static struct x86_seg svm_get_seg(const struct vcpu *vcpu, enum x86_seg_name seg)
{
	const struct vmcb_seg *s = seg_ptr(vcpu, seg);

	return (struct x86_seg){
		.selector = s->selector,
		.attrib = (u16)((s->attrib & 0xff) | (s->attrib & 0xf00) << 4),
		.limit = s->limit,
		.base = s->base,
	};
}

static void svm_set_seg(struct vcpu *vcpu, enum x86_seg_name seg, struct x86_seg val)
{
	*seg_ptr(vcpu, seg) = (struct vmcb_seg){
		.selector = val.selector,
		.attrib = (u16)((val.attrib & 0xff) | (val.attrib >> 4 & 0xf00)),
		.limit = val.limit,
		.base = val.base,
	};
}

/*
 * QEMU's TCG keeps a vector that VMRUN has injected as pending until the next event: if its thread
 * turns to another CPU before, it delivers the interrupt once more, at any instruction. With
 * several CPUs an exit is therefore asked for before the guest's first instruction.
 */
static bool exit_after_injection;

#define TCG_SIGNATURE 0x54474354u /* "TCGT", the hypervisor leaf's EBX */

static void tcg_note(void)
{
	if (this_cpu()->id == 0 || exit_after_injection || !(cpuid(1, 0).ecx & BIT(31)) ||
	    cpuid(0x40000000, 0).ebx != TCG_SIGNATURE) {
		return;
	}
	exit_after_injection = true;
	log_info("QEMU's TCG: its SVM with several CPUs needs -accel tcg,thread=single");
}

static int svm_cpu_on(void)
{
	struct svm_percpu *cpu = &this_cpu()->svm;
	struct cpuid_regs features = cpuid(0x8000000a, 0);
	hpa_t pages;
	u64 vm_cr;

	if (rdmsr_safe(MSR_VM_CR, &vm_cr) || (vm_cr & VM_CR_SVMDIS)) {
		log_error("SVM is disabled by the firmware (VM_CR.SVMDIS)");
		return -ENODEV;
	}
	if (!(features.edx & BIT(0))) {
		log_error("this CPU has SVM without nested paging");
		return -ENODEV;
	}
	pages = page_alloc_zeroed(1, PAGE_OWNER_CORE);
	if (hpa_is_none(pages)) {
		return -ENOMEM;
	}
	if (wrmsr_safe(MSR_EFER, rdmsr(MSR_EFER) | EFER_SVME)) {
		log_error("EFER.SVME cannot be set");
		return -ENODEV;
	}
	cpu->hsave = pages;
	cpu->host_vmcb = hpa(pages.v + PAGE_SIZE);
	wrmsr(MSR_VM_HSAVE_PA, cpu->hsave.v);
	tlb_tags_init(&cpu->asids, features.ebx);
	__asm__ volatile("clgi\n\tsti\n\tvmsave %0" : : "a"(cpu->host_vmcb.v) : "memory");
	log_info("SVM: revision %u, %u ASIDs, next-RIP %s, decode assists %s", features.eax & 0xff,
		 features.ebx, features.edx & BIT(3) ? "yes" : "no",
		 features.edx & BIT(7) ? "yes" : "no");
	tcg_note();
	return 0;
}

/* MSR permission map: two bits an MSR, three ranges of 8192 ("MSR Intercepts"). */
static void msrpm_allow(u8 *map, u32 msr)
{
	static const u32 base[] = {0, 0xc0000000, 0xc0010000};

	for (unsigned i = 0; i < ARRAY_SIZE(base); i++) {
		u32 nr = msr - base[i];

		if (nr < 8192) {
			map[i * 2048 + nr / 4] &= (u8) ~(3 << nr % 4 * 2);
		}
	}
}

static int svm_vm_init(struct vm *vm)
{
	hpa_t iopm = page_alloc(IOPM_ORDER, PAGE_OWNER_CORE);
	hpa_t msrpm = page_alloc(MSRPM_ORDER, PAGE_OWNER_CORE);

	vm->arch.iopm = iopm;
	vm->arch.msrpm = msrpm;
	if (hpa_is_none(iopm) || hpa_is_none(msrpm)) {
		return -ENOMEM;
	}
	memset(phys_ptr(iopm), 0xff, PAGE_SIZE << IOPM_ORDER);
	memset(phys_ptr(msrpm), 0xff, PAGE_SIZE << MSRPM_ORDER);
	for (unsigned i = 0; i < msr_guest_owned_count; i++) {
		msrpm_allow(phys_ptr(msrpm), msr_guest_owned[i]);
	}
	return 0;
}

static void pages_free(hpa_t pages, unsigned order)
{
	if (!hpa_is_none(pages) && pages.v) {
		page_free(pages, order);
	}
}

static void svm_vm_fini(struct vm *vm)
{
	pages_free(vm->arch.iopm, IOPM_ORDER);
	pages_free(vm->arch.msrpm, MSRPM_ORDER);
}

static int svm_vcpu_init(struct vcpu *vcpu)
{
	hpa_t page = page_alloc_zeroed(0, PAGE_OWNER_CORE);

	if (hpa_is_none(page)) {
		return -ENOMEM;
	}
	vcpu->arch.svm.row_codes = SVM_EXIT_CODES;
	vcpu->arch.svm.vmcb = phys_ptr(page);
	vcpu->arch.svm.vmcb_pa = page;
	return 0;
}

static void svm_vcpu_fini(struct vcpu *vcpu)
{
	pages_free(vcpu->arch.svm.vmcb_pa, 0);
}

static void svm_vcpu_reset(struct vcpu *vcpu)
{
	struct vmcb *vmcb = vcpu->arch.svm.vmcb;
	const struct vm *vm = vcpu->vm;

	memcpy(vmcb, &svm_controls, offsetof(struct vmcb, es));
	memcpy(&vmcb->es, &vmcb_reset_state.es, sizeof(*vmcb) - offsetof(struct vmcb, es));
	vmcb->iopm_base_pa = vm->arch.iopm.v;
	vmcb->msrpm_base_pa = vm->arch.msrpm.v;
	vmcb->nested_cr3 = vm->tdp.root.v;
	vmcb->tsc_offset = vm->arch.tsc_offset;
	vcpu->arch.svm.asid.generation = 0;
	vcpu->arch.svm.efer_lme = 0;
	vcpu->arch.svm.exceptions = vmcb->intercept_exceptions;
	vcpu->arch.svm.misc1 = 0;
	vcpu->arch.svm.vintr = 0;
	vcpu->arch.rip = vmcb->rip;
	vcpu->arch.rflags = vmcb->rflags;
}

/* "TLB Control": the flush of a new generation is of all ASIDs. */
static void asid_renew(struct vcpu *vcpu)
{
	struct vmcb *vmcb = vcpu->arch.svm.vmcb;
	struct tlb_tag *asid = &vcpu->arch.svm.asid;
	bool flush = tlb_tag_renew(&this_cpu()->svm.asids, asid, this_cpu()->id);

	vmcb->tlb_control = flush ? TLB_CONTROL_ALL : TLB_CONTROL_NONE;
	vmcb->asid = asid->nr;
	if (vcpu->arch.flush_tlb & X86_FLUSH_TDP) {
		vcpu->arch.svm.other_asid.generation = 0; /* what L1 and L2 run on is the VM's */
	}
	vcpu->arch.flush_tlb = 0;
}

/*
 * The event goes first; what else waits may be for L1 to hear of then. GIF is 0 until the guest is
 * entered.
 */
static bool must_leave_soon(struct vcpu *vcpu)
{
	return exit_after_injection ||
	       (vcpu->arch.l2 &&
		(vcpu->arch.lapic.nmi_pending ||
		 vplatform_pending_irq(&vcpu->vm->arch.platform, &vcpu->arch.lapic) >= 0));
}

static void svm_run(struct vcpu *vcpu)
{
	struct percpu *cpu = this_cpu();
	struct vmcb *vmcb = vcpu->arch.svm.vmcb;

	if (vcpu->arch.flush_tlb ||
	    !tlb_tag_is_current(&cpu->svm.asids, &vcpu->arch.svm.asid, cpu->id)) {
		asid_renew(vcpu);
	}
	if (vcpu->arch.event.valid) {
		vmcb->event_inj = svm_event_encode(&vcpu->arch.event);
		vcpu->arch.event.valid = false;
		if (must_leave_soon(vcpu)) {
			lapic_ipi(this_cpu()->apic_id, VECTOR_KICK);
		}
	}
	vmcb->rax = vcpu->arch.gpr[0];
	vmcb->rsp = vcpu->arch.gpr[4];
	vmcb->rip = vcpu->arch.rip;
	vmcb->rflags = vcpu->arch.rflags;
	vmcb->interrupt_shadow = vcpu->arch.interrupt_shadow;
	svm_enter(vcpu->arch.gpr, vcpu->arch.svm.vmcb_pa.v, cpu->svm.host_vmcb.v);
	vcpu->arch.gpr[0] = vmcb->rax;
	vcpu->arch.gpr[4] = vmcb->rsp;
	vcpu->arch.rip = vmcb->rip;
	vcpu->arch.rflags = vmcb->rflags;
	vcpu->arch.interrupt_shadow = vmcb->interrupt_shadow & SHADOW_INTERRUPT;
	vmcb->event_inj = 0;
	vmcb->tlb_control = TLB_CONTROL_NONE;
	svm_decode(vcpu);
}

#define VINTR_WINDOW (VINTR_IRQ | VINTR_IGN_TPR | VINTR_PRIO)

/* A virtual interrupt that is never taken: its intercept fires when one could be. */
static void svm_window(struct vcpu *vcpu, bool open)
{
	struct vmcb *vmcb = vcpu->arch.svm.vmcb;

	vcpu->arch.window_open = open;
	if (open) {
		vmcb->intercept_misc1 |= (u32)MISC1_VINTR;
		vmcb->vintr |= VINTR_WINDOW;
	} else {
		vmcb->intercept_misc1 &= ~(u32)MISC1_VINTR;
		vmcb->intercept_misc1 |= vcpu->arch.svm.misc1 & (u32)MISC1_VINTR;
		vmcb->vintr &= ~VINTR_WINDOW;
		vmcb->vintr |= vcpu->arch.svm.vintr & VINTR_WINDOW;
	}
}

static void svm_nmi_watch(struct vcpu *vcpu, enum x86_nmi_watch what)
{
	struct vmcb *vmcb = vcpu->arch.svm.vmcb;

	vmcb->intercept_misc1 &= ~(u32)MISC1_IRET;
	vmcb->intercept_misc1 |= vcpu->arch.svm.misc1 & (u32)MISC1_IRET;
	vmcb->intercept_misc1 |= what == X86_NMI_WATCH_IRET ? (u32)MISC1_IRET : 0;
	vmcb->intercept_exceptions = what == X86_NMI_WATCH_STEP ? ~0u : vcpu->arch.svm.exceptions;
}

static void svm_vcpu_load(struct vcpu *vcpu)
{
	(void)vcpu; /* VMRUN loads all */
}

static void svm_vcpu_put(struct vcpu *vcpu)
{
	(void)vcpu;
}

static bool svm_exit_at(struct vcpu *vcpu, u64 tsc)
{
	(void)vcpu;
	(void)tsc;
	return false;
}

static void svm_irq_window(void)
{
	__asm__ volatile("stgi\n\tnop\n\tclgi" : : : "memory");
}

/* IF off from STGI to HLT: what arrives in between ends the HLT. */
static void svm_idle(void)
{
	__asm__ volatile("cli\n\tstgi\n\tsti\n\thlt\n\tclgi" : : : "memory");
}

/*
 * CR8 is V_TPR while V_INTR_MASKING is on: MOV from CR8 is not intercepted. L2 has one of its own
 * where L1 wants it so.
 */
static void svm_set_tpr(struct vcpu *vcpu, u8 cr8)
{
	struct vmcb *vmcb = vcpu->arch.svm.vmcb;

	if (vcpu->arch.l2) {
		vcpu->arch.svm.l1_vmcb->vintr = (vcpu->arch.svm.l1_vmcb->vintr & ~VINTR_TPR) | cr8;
		if (vcpu->arch.svm.vintr & VINTR_MASKING) {
			return;
		}
	}
	vmcb->vintr = (vmcb->vintr & ~VINTR_TPR) | cr8;
}

/* APM volume 2, "Nested Paging": the nested tables are of the host's mode. */
static unsigned svm_tdp_bits(void)
{
	return read_cr4() & CR4_LA57 ? 57 : 48;
}

const struct x86_ops svm_ops = {
	.name = "SVM",
	.tdp_format = &pt_npt,
	.tdp_bits = svm_tdp_bits,
	.nested = &nested_svm,
	.cpu_on = svm_cpu_on,
	.vm_init = svm_vm_init,
	.vm_fini = svm_vm_fini,
	.vcpu_init = svm_vcpu_init,
	.vcpu_fini = svm_vcpu_fini,
	.vcpu_reset = svm_vcpu_reset,
	.vcpu_load = svm_vcpu_load,
	.vcpu_put = svm_vcpu_put,
	.enter = svm_run,
	.get_reg = svm_get_reg,
	.set_reg = svm_set_reg,
	.get_seg = svm_get_seg,
	.set_seg = svm_set_seg,
	.window = svm_window,
	.nmi_watch = svm_nmi_watch,
	.set_tpr = svm_set_tpr,
	.exit_at = svm_exit_at,
	.irq_window = svm_irq_window,
	.idle = svm_idle,
};
