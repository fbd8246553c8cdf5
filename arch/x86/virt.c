// SPDX-License-Identifier: Apache-2.0
/* vmm/arch.h for x86: the VM's platform, the vCPU's life, one entry into the guest. */
#include <errno.h>
#include <string.h>

#include "arch/cpu.h"
#include "arch/percpu.h"
#include "arch/x86/event.h"
#include "arch/x86/fpu.h"
#include "arch/x86/host.h"
#include "arch/x86/linux_boot.h"
#include "arch/x86/msr.h"
#include "arch/x86/pvclock.h"
#include "arch/x86/regs.h"
#include "arch/x86/svm.h"
#include "arch/x86/vmx.h"
#include "vmm/table_pages.h"
#include "arch/x86/time.h"
#include "vmm/arch.h"
#include "vmm/log.h"
#include "vmm/nested_ops.h"
#include "vmm/vm.h"

#define LOW_MEMORY_END 0xc0000000ULL /* devices live between here and 4 GiB */
#define HIGH_MEMORY    0x100000000ULL

/* XCR0 components that a guest may use: x87, SSE, AVX, AVX-512, PKRU. */
#define XCR0_OFFERED (XCR0_X87 | XCR0_SSE | XCR0_AVX | GENMASK(7, 5) | BIT(9))

const struct x86_ops *x86_ops = &svm_ops;

#define CPUID_EXT_ECX_SVM BIT(2)

void x86_ops_choose(void)
{
	bool svm = cpuid(0x80000000, 0).eax >= 0x80000001 &&
		   (cpuid(0x80000001, 0).ecx & CPUID_EXT_ECX_SVM);

	x86_ops = svm ? &svm_ops : &vmx_ops;
}

u64 arch_uptime_ns(void)
{
	return time_now_ns();
}

/* The PC's devices begin behind it. */
gpa_t arch_vm_screen_base(void)
{
	return gpa(LOW_MEMORY_END);
}

gpa_t arch_vm_memory_next(gpa_t addr, u64 *room)
{
	if (addr.v < LOW_MEMORY_END) {
		*room = LOW_MEMORY_END - addr.v;
		return addr;
	}
	addr.v = max_u64(addr.v, HIGH_MEMORY);
	*room = BIT(52) - addr.v;
	return addr;
}

/*
 * Each vCPU flushes before it enters again; one that is in the guest is made to leave it, and
 * waited for. in_guest and flush_asked are each written by one side and read by the other: the
 * exchange in arch_vcpu_enter() and the fence here see to it that the vCPU sees the request, or is
 * seen. Who is waited for only has to leave its guest, so locks that are held meanwhile do no harm.
 */
void vm_tlb_flush(struct vm *vm)
{
	for (u32 i = 0; i < vm->vcpu_count; i++) {
		atomic_store(&vm->vcpu[i]->arch.flush_asked, true);
	}
	atomic_thread_fence(memory_order_seq_cst);
	for (u32 i = 0; i < vm->vcpu_count; i++) {
		if (atomic_load(&vm->vcpu[i]->arch.in_guest)) {
			arch_cpu_kick(vm->vcpu[i]->sched.cpu);
		}
	}
	for (u32 i = 0; i < vm->vcpu_count; i++) {
		struct vcpu_arch *a = &vm->vcpu[i]->arch;

		while (atomic_load(&a->in_guest) && atomic_load(&a->flush_asked)) {
			cpu_relax();
		}
	}
}

static void guest_tlb_flush(struct tdp *tdp, gpa_t start, u64 size)
{
	(void)start;
	(void)size;
	vm_tlb_flush(container_of(tdp, struct vm, tdp));
}

static const struct tdp_ops guest_tdp_ops = {
	.alloc = table_pages_alloc,
	.free = table_pages_free,
	.flush = guest_tlb_flush,
};

/* What the guest may set in CR4, EFER and XCR0 follows from what CPUID offers it. */
static void features_derive(struct vm_arch *a)
{
	static const struct {
		u32 leaf;
		u8 reg; /* 0 eax, 1 ebx, 2 ecx, 3 edx */
		u8 bit;
		u64 cr4, efer;
	} rows[] = {
		{1, 3, 1, CR4_VME | CR4_PVI, 0},
		{1, 3, 2, CR4_DE, 0},
		{1, 3, 3, CR4_PSE, 0},
		{1, 3, 4, CR4_TSD, 0},
		{1, 3, 6, CR4_PAE, 0},
		{1, 3, 7, CR4_MCE, 0},
		{1, 3, 13, CR4_PGE, 0},
		{1, 3, 24, CR4_OSFXSR, 0},
		{1, 3, 25, CR4_OSXMMEXCPT, 0},
		{1, 2, 26, CR4_OSXSAVE, 0},
		{7, 1, 0, CR4_FSGSBASE, 0},
		{7, 1, 7, CR4_SMEP, 0},
		{7, 1, 20, CR4_SMAP, 0},
		{7, 2, 2, CR4_UMIP, 0},
		{7, 2, 3, CR4_PKE, 0},
		{7, 2, 16, CR4_LA57, 0},
		{0x80000001, 2, 2, 0, EFER_SVME},
		{0x80000001, 3, 11, 0, EFER_SCE},
		{0x80000001, 3, 20, 0, EFER_NXE},
		{0x80000001, 3, 25, 0, EFER_FFXSR},
		{0x80000001, 3, 29, 0, EFER_LME},
	};

	a->cr4_allowed = CR4_PCE;
	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct cpuid_entry *e = cpuid_find(&a->cpuid, rows[i].leaf, 0);
		u32 regs[4];

		if (e) {
			memcpy(regs, &e->regs, sizeof(regs));
			if (regs[rows[i].reg] & BIT(rows[i].bit)) {
				a->cr4_allowed |= rows[i].cr4;
				a->efer_allowed |= rows[i].efer;
			}
		}
	}
}

/* CPUID tells of virtualisation afterwards. */
static int nested_init(struct vm *vm)
{
	if (!(vm->config->flags & BOOT_VM_NESTED)) {
		return 0;
	}
	if (!x86_ops->nested) {
		log_error("vm %s: nested on: this version does it on AMD SVM alone, not on %s",
			  vm->config->name, x86_ops->name);
		return -EINVAL;
	}
	return x86_ops->nested->vm_init(vm);
}

int arch_vm_init(struct vm *vm)
{
	struct vm_arch *a = &vm->arch;
	struct cpuid_config config = {.tsc_khz = (u32)time_scale.khz, .vcpus = vm->config->vcpus};
	const struct cpuid_entry *e;
	int err;

	if (cpuid(1, 0).ecx & BIT(26)) {
		struct cpuid_regs r = cpuid(0xd, 0);

		a->xcr0_allowed = (r.eax | (u64)r.edx << 32) & XCR0_OFFERED;
	}
	config.xcr0_allowed = a->xcr0_allowed;
	cpuid_table_make(&a->cpuid, &config);
	err = nested_init(vm);
	if (err) {
		return err;
	}
	features_derive(a);
	e = cpuid_find(&a->cpuid, 0x80000008, 0);
	a->phys_bits = e ? (u8)e->regs.eax : 36;
	if (tdp_init(&vm->tdp, x86_ops->tdp_format, &guest_tdp_ops, x86_ops->tdp_bits())) {
		return -ENOMEM;
	}
	return x86_ops->vm_init(vm);
}

/* What a reset and an INIT have in common. */
static void vcpu_reset(struct vcpu *vcpu)
{
	struct vcpu_arch *a = &vcpu->arch;

	memset(a->gpr, 0, sizeof(a->gpr));
	a->event = (struct x86_event){0};
	a->deferred = (struct x86_event){0};
	a->window_open = false;
	a->nmi_blocked = false;
	a->nmi_stepping = false;
	a->interrupt_shadow = 0;
	a->flush_tlb = X86_FLUSH_ALL;
	a->timer_event_ns = TIMER_STALE;
	a->waits_for_sipi = vcpu->id != 0;
	vcpu->retries = 0;
	vcpu->halted = false;
	fetch_cache_clear(&a->fetch);
	if (a->nested) {
		x86_ops->nested->vcpu_reset(vcpu);
	}
	x86_ops->vcpu_reset(vcpu);
}

/*
 * SDM volume 3, "Processor State After Reset": what INIT leaves alone is FP state, XCR0, MTRRs and
 * other MSRs but EFER, and the TSC.
 */
void vcpu_init_signal(struct vcpu *vcpu)
{
	u64 tsc_offset = x86_get_reg(vcpu, X86_REG_TSC_OFFSET);
	u64 pat = x86_get_reg(vcpu, X86_REG_PAT);

	vlapic_reset(&vcpu->arch.lapic);
	vcpu->arch.lapic.nmi_pending = false;
	vcpu_reset(vcpu);
	x86_set_reg(vcpu, X86_REG_TSC_OFFSET, tsc_offset);
	x86_set_reg(vcpu, X86_REG_PAT, pat);
	x86_ops->set_tpr(vcpu, 0);
	vcpu->arch.gpr[2] = cpuid_find(&vcpu->vm->arch.cpuid, 1, 0)->regs.eax;
}

/* MultiProcessor Specification 1.4, "STARTUP IPI": real mode at a page below 1 MiB. */
void vcpu_startup(struct vcpu *vcpu, u8 page)
{
	struct x86_seg cs = x86_get_seg(vcpu, X86_SEG_CS);

	cs.selector = (u16)(page << 8);
	cs.base = (u64)page << 12;
	x86_ops->set_seg(vcpu, X86_SEG_CS, cs);
	vcpu->arch.rip = 0;
	vcpu->arch.waits_for_sipi = false;
}

/*
 * Each vCPU is loaded while its registers are written, and put: any CPU may run it next, and what a
 * CPU keeps of a vCPU (a VMCS) must not stay behind here.
 */
int arch_vm_load(struct vm *vm)
{
	struct vm_arch *a = &vm->arch;
	int err;

	a->start_ns = time_now_ns();
	a->tsc_offset = -rdtsc();
	a->platform_changed = true;
	vplatform_init(&a->platform, vm->boot->unix_time + a->start_ns / 1000000000);
	for (u32 i = 0; i < vm->vcpu_count; i++) {
		struct vcpu *vcpu = vm->vcpu[i];

		x86_ops->vcpu_load(vcpu);
		vlapic_init(&vcpu->arch.lapic, &a->platform, i, i == 0, a->phys_bits);
		vplatform_add_lapic(&a->platform, &vcpu->arch.lapic);
		vcpu_reset(vcpu);
		msr_reset(vcpu);
		fpu_reset(vcpu);
		x86_ops->vcpu_put(vcpu);
	}
	x86_ops->vcpu_load(vm->vcpu[0]);
	err = guest_boot(vm);
	x86_ops->vcpu_put(vm->vcpu[0]);
	return err;
}

void arch_vm_resumed(struct vm *vm)
{
	for (u32 i = 0; i < vm->vcpu_count; i++) {
		pvclock_tell_stopped(vm->vcpu[i]);
	}
}

void arch_vm_stopped(struct vm *vm)
{
	if (vm->arch.nested) {
		x86_ops->nested->vm_stopped(vm);
	}
}

void arch_vm_fini(struct vm *vm)
{
	if (vm->tdp.ops) {
		tdp_destroy(&vm->tdp);
	}
	if (vm->arch.nested) {
		x86_ops->nested->vm_fini(vm);
	}
	x86_ops->vm_fini(vm);
}

int arch_vcpu_init(struct vcpu *vcpu)
{
	int err = fpu_init(vcpu);

	err = err ? err : x86_ops->vcpu_init(vcpu);
	return err || !vcpu->vm->arch.nested ? err : x86_ops->nested->vcpu_init(vcpu);
}

void arch_vcpu_fini(struct vcpu *vcpu)
{
	if (vcpu->arch.nested) {
		x86_ops->nested->vcpu_fini(vcpu);
	}
	x86_ops->vcpu_fini(vcpu);
	fpu_fini(vcpu);
}

void arch_vcpu_load(struct vcpu *vcpu)
{
	struct vcpu_arch *a = &vcpu->arch;

	a->timer_event_ns = TIMER_STALE;
	fpu_load(vcpu);
	x86_ops->vcpu_load(vcpu);
}

u64 arch_vcpu_put(struct vcpu *vcpu)
{
	x86_ops->vcpu_put(vcpu);
	fpu_save(vcpu);
	return SCHED_NEVER;
}

void arch_vcpu_enter(struct vcpu *vcpu)
{
	host_timers(vcpu);
	event_select(vcpu);
	(void)atomic_exchange(&vcpu->arch.in_guest, true);
	if (atomic_load_explicit(&vcpu->arch.flush_asked, memory_order_relaxed)) {
		atomic_store(&vcpu->arch.flush_asked, false);
		vcpu->arch.flush_tlb |= X86_FLUSH_TDP;
	}
	x86_ops->enter(vcpu);
	/* Release: who waits for it then changes what the guest has used. */
	atomic_store_explicit(&vcpu->arch.in_guest, false, memory_order_release);
}

void arch_vcpu_skip_insn(struct vcpu *vcpu)
{
	vcpu->arch.rip = vcpu->arch.exit.next_rip;
	event_insn_done(vcpu);
}

void arch_vcpu_dump(const struct vcpu *vcpu)
{
	const struct vcpu_arch *a = &vcpu->arch;
	const char *name = vcpu->vm->config->name;
	struct x86_seg cs = x86_get_seg(vcpu, X86_SEG_CS), ss = x86_get_seg(vcpu, X86_SEG_SS);
	const u64 *g = a->gpr;

	log_vm(LOG_WARN, name, "vCPU %u, last exit: %s (%lx, %lx, %lx), %lu exits", vcpu->id,
	       x86_why_name[a->exit.why], a->exit.code, a->exit.info1, a->exit.info2, vcpu->exits);
	log_vm(LOG_WARN, name, "rip %04x:%016lx rsp %04x:%016lx rflags %08lx", cs.selector, a->rip,
	       ss.selector, g[4], a->rflags);
	log_vm(LOG_WARN, name, "rax %016lx rcx %016lx rdx %016lx rbx %016lx", g[0], g[1], g[2],
	       g[3]);
	log_vm(LOG_WARN, name, "rbp %016lx rsi %016lx rdi %016lx r8  %016lx", g[5], g[6], g[7],
	       g[8]);
	log_vm(LOG_WARN, name, "r9  %016lx r10 %016lx r11 %016lx r12 %016lx", g[9], g[10], g[11],
	       g[12]);
	log_vm(LOG_WARN, name, "r13 %016lx r14 %016lx r15 %016lx", g[13], g[14], g[15]);
	log_vm(LOG_WARN, name, "cr0 %lx cr2 %lx cr3 %lx cr4 %lx efer %lx",
	       x86_get_reg(vcpu, X86_REG_CR0), x86_get_reg(vcpu, X86_REG_CR2),
	       x86_get_reg(vcpu, X86_REG_CR3), x86_get_reg(vcpu, X86_REG_CR4),
	       x86_get_reg(vcpu, X86_REG_EFER));
}
