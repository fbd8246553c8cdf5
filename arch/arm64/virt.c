// SPDX-License-Identifier: Apache-2.0
/* vmm/arch.h for arm64: the VM's board, the vCPU's life, one entry into the guest. */
#include "arch/arm64/virt.h"

#include <errno.h>
#include <string.h>

#include "arch/arm64/cache.h"
#include "arch/arm64/esr.h"
#include "arch/arm64/guest_regs.h"
#include "arch/arm64/linux_boot.h"
#include "arch/arm64/paging.h"
#include "arch/arm64/platform.h"
#include "arch/arm64/smp.h"
#include "arch/arm64/stage2.h"
#include "arch/arm64/sysreg.h"
#include "arch/arm64/time.h"
#include "arch/arm64/vgic_hw.h"
#include "arch/cpu.h"
#include "arch/percpu.h"
#include "mm/page.h"
#include "vmm/arch.h"
#include "vmm/log.h"
#include "vmm/vm.h"

#define VMPIDR_RES1 BIT(31)

u8 cpu_inject_features;
struct el2_controls cpu_controls;
struct idregs cpu_idregs, guest_idregs;

/* vectors.S */
void arm64_enter(struct vcpu_arch *arch);

static void idregs_read(struct idregs *ids)
{
	memset(ids, 0, sizeof(*ids));
#define READ(crm, op2) ids->reg[IDREG(crm, op2)] = read_sysreg(S3_0_C0_C##crm##_##op2);
	IDREGS_HOST(READ)
#undef READ
}

static void host_read(struct el2_host *host, u64 has)
{
	*host = (struct el2_host){
		.pmcr_el0 = has & EL2_HAS_PMU ? read_sysreg(pmcr_el0) : 0,
		.mpamidr_el1 = has & EL2_HAS_MPAM ? read_sysreg(MPAMIDR_EL1) : 0,
	};
}

/* Registers of features that no guest is told of: what enables them is off, on this CPU. */
static void features_clear(u64 has)
{
	if (has & EL2_HAS_MPAM) {
		write_sysreg(0, MPAM0_EL1);
		write_el1(0, MPAM1);
	}
	if (has & EL2_HAS_TRF) {
		write_sysreg(0, TRFCR_EL2);
		write_el1(0, TRFCR);
	}
	if (has & EL2_HAS_SPE) {
		write_sysreg(0, PMSCR_EL2);
		write_el1(0, PMSCR);
	}
	if (has & EL2_HAS_BRBE) {
		write_sysreg(0, BRBCR_EL2);
		write_el1(0, BRBCR);
	}
	if (has & EL2_HAS_RAS) {
		write_sysreg(0, VSESR_EL2);
	}
	if (has & EL2_HAS_PMU) {
		write_sysreg(0, pmuserenr_el0);
		write_sysreg(0, pmcr_el0);
	}
	if (has & EL2_HAS_AMU_FGT) {
		write_sysreg(0, HAFGRTR_EL2);
	}
	if (has & EL2_HAS_FGT2) {
		write_sysreg(0, HFGRTR2_EL2);
		write_sysreg(0, HFGWTR2_EL2);
		write_sysreg(0, HFGITR2_EL2);
		write_sysreg(0, HDFGRTR2_EL2);
		write_sysreg(0, HDFGWTR2_EL2);
	}
}

/* What a guest can reach of hidden features, no trap covering it, begins anew with each vCPU. */
static void features_load(u64 has)
{
	if (has & EL2_HAS_RAS) {
		write_sysreg(0, VDISR_EL2); /* read as DISR_EL1 */
	}
	if (has & EL2_HAS_SME) {
		write_sysreg(0, TPIDR2_EL0);
	}
}

static void controls_write(const struct el2_controls *c)
{
	write_sysreg(c->hcr, hcr_el2);
	write_sysreg(c->mdcr, mdcr_el2);
	write_sysreg(c->cptr, cptr_el2);
	write_sysreg(c->cnthctl, cnthctl_el2);
	write_sysreg(c->hstr, hstr_el2);
	write_sysreg(stage2_vtcr(), vtcr_el2);
	write_sysreg(0, vttbr_el2);
	write_sysreg(cpu_idregs.reg[ID_MIDR], vpidr_el2);
	if (c->has & EL2_HAS_HCRX) {
		write_sysreg(c->hcrx, HCRX_EL2);
	}
	if (c->has & EL2_HAS_FGT) {
		write_sysreg(c->hfgrtr, HFGRTR_EL2);
		write_sysreg(c->hfgwtr, HFGWTR_EL2);
		write_sysreg(c->hfgitr, HFGITR_EL2);
		write_sysreg(c->hdfgrtr, HDFGRTR_EL2);
		write_sysreg(c->hdfgwtr, HDFGWTR_EL2);
	}
	if (c->has & EL2_HAS_MPAM) {
		write_sysreg(c->mpam2, MPAM2_EL2);
	}
	if (c->has & EL2_HAS_MPAMHCR) {
		write_sysreg(c->mpamhcr, MPAMHCR_EL2);
	}
	isb();
}

void virt_cpu_on(void)
{
	features_clear(cpu_controls.has);
	controls_write(&cpu_controls);
	vtimer_cpu_init();
}

int virt_cpu_init(void)
{
	struct el2_host host;
	int err;

	idregs_read(&cpu_idregs);
	host_read(&host, el2_has(&cpu_idregs));
	el2_controls_compute(&cpu_idregs, &host, &cpu_controls);
	err = stage2_init();
	if (err) {
		return err;
	}
	idregs_guest(&cpu_idregs, stage2_ipa_bits(), &guest_idregs);
	cpu_inject_features = inject_features(&cpu_idregs);
	virt_cpu_on();
	log_info("EL2: %s, MIDR %08lx", cpu_vhe ? "with VHE" : "without VHE",
		 cpu_idregs.reg[ID_MIDR]);
	return 0;
}

/* Above all memory, which is what aborts below memory are not looked up for. */
gpa_t arch_vm_screen_base(void)
{
	return gpa(BIT(stage2_ipa_bits()) - ARCH_SCREEN_SIZE_MAX);
}

gpa_t arch_vm_memory_next(gpa_t addr, u64 *room)
{
	addr.v = max_u64(addr.v, GUEST_RAM_BASE);
	*room = max_u64(arch_vm_screen_base().v, addr.v) - addr.v;
	return addr;
}

int arch_vm_init(struct vm *vm)
{
	vgic_init(&vm->arch.gic, smp_is_on());
	return stage2_vm_init(vm);
}

u64 vcpu_mpidr(const struct vcpu *vcpu)
{
	return VMPIDR_RES1 | guest_mpidr(vcpu->id);
}

/* There is no such interface on arm64. */
void arch_vm_resumed(struct vm *vm)
{
	(void)vm;
}

void arch_vm_stopped(struct vm *vm)
{
	(void)vm; /* all that is cached of its memory is in its second-level table */
}

void arch_vm_fini(struct vm *vm)
{
	if (vm->tdp.ops) {
		tdp_destroy(&vm->tdp);
	}
}

int arch_vcpu_init(struct vcpu *vcpu)
{
	struct vcpu_arch *a = &vcpu->arch;

	vgic_cpu_init(&vcpu->vm->arch.gic, &a->vgic, vcpu_mpidr(vcpu), vgic_hw_lr_count());
	vtimer_init(&a->vtimer, &a->vgic, time_count());
	return 0;
}

void arch_vcpu_fini(struct vcpu *vcpu)
{
	(void)vcpu; /* nothing but the vCPU itself */
}

/*
 * The guest starts with its caches off and reads what is in memory, not in our cache: everything
 * is written back and dropped (Arm ARM, "Cacheability control": with SCTLR_EL1.C = 0 its accesses
 * are Non-cacheable whatever stage 2 says). Code of an earlier life must not run: all instruction
 * caches are emptied.
 */
static void memory_hand_over(struct vm *vm)
{
	for (u32 i = 0; i < vm->slots.count; i++) {
		const struct memslot *slot = &vm->slots.slot[i];

		dcache_clean_inval_poc(phys_ptr(slot->hpa), slot->size);
	}
	icache_inval_all();
}

static_assert(VM_MAX_VCPUS <= VGIC_MAX_CPUS && PSCI_IS_ON == 0, "one redistributor a vCPU");

/* Not loaded. @offset: the physical count at virtual count 0, the same for all of a VM. */
static void vcpu_reset(struct vcpu *vcpu, u64 offset)
{
	struct vcpu_arch *a = &vcpu->arch;

	memset(a->gpr, 0, sizeof(a->gpr));
	context_reset(&a->context);
	vtimer_reset(&a->vtimer, offset);
	sysreg_reset(&a->sysregs, &guest_idregs);
	vcpu->retries = 0;
	vcpu->halted = false;
}

void vcpu_power_on(struct vcpu *vcpu)
{
	struct vcpu_arch *a = &vcpu->arch;

	(void)arch_vcpu_put(vcpu);
	lock_take(&vcpu->vm->lock);
	vcpu_reset(vcpu, a->vtimer.offset);
	lock_drop(&vcpu->vm->lock);
	a->pc = a->entry;
	a->gpr[0] = a->entry_context;
	a->pstate = PSTATE_EL1H | PSTATE_DAIF;
	arch_vcpu_load(vcpu);
}

int arch_vm_load(struct vm *vm)
{
	u64 now = time_count();
	struct linux_entry entry;
	int err;

	vgic_reset(&vm->arch.gic);
	platform_reset(vm);
	for (u32 i = 0; i < vm->vcpu_count; i++) {
		struct vcpu_arch *a = &vm->vcpu[i]->arch;

		vcpu_reset(vm->vcpu[i], now);
		a->pstate = PSTATE_EL1H | PSTATE_DAIF;
		vm->arch.psci_cpus[i] = (struct psci_cpu){.mpidr = vcpu_mpidr(vm->vcpu[i]),
							  .power = i ? PSCI_IS_OFF : PSCI_IS_ON};
	}
	vm->arch.psci = (struct psci_vm){.cpus = vm->arch.psci_cpus, .cpu_count = vm->vcpu_count};
	err = linux_boot_load(vm, &entry);
	if (err) {
		return err;
	}
	vm->vcpu[0]->arch.pc = entry.pc;
	vm->vcpu[0]->arch.pstate = entry.pstate;
	vm->vcpu[0]->arch.gpr[0] = entry.x0;
	memory_hand_over(vm);
	return 0;
}

void arch_vcpu_load(struct vcpu *vcpu)
{
	struct vcpu_arch *a = &vcpu->arch;

	stage2_load(vcpu->vm);
	write_sysreg(vcpu_mpidr(vcpu), vmpidr_el2);
	write_sysreg(cpu_controls.mdcr | (a->context.debug_owned ? 0 : MDCR_TDA), mdcr_el2);
	write_sysreg(a->sysregs.os_locked, oslar_el1);
	context_load(&a->context);
	features_load(cpu_controls.has);
	lock_take(&vcpu->vm->lock);
	vgic_cpu_load(&a->vgic);
	vtimer_load(&a->vtimer);
	lock_drop(&vcpu->vm->lock);
	platform_timers(vcpu);
}

u64 arch_vcpu_put(struct vcpu *vcpu)
{
	struct vcpu_arch *a = &vcpu->arch;

	lock_take(&vcpu->vm->lock);
	vtimer_put(&a->vtimer);
	vgic_cpu_put(&a->vgic);
	lock_drop(&vcpu->vm->lock);
	context_save(&a->context);
	stage2_put();
	/* The virtual timer no longer tells by itself. */
	return time_host_ns(vtimer_next_event(&a->vtimer));
}

/* The list registers are filled from the banks, and folded back, where others look into these. */
static __attribute__((noinline)) void enter_shared(struct vcpu *vcpu)
{
	lock_take(&vcpu->vm->lock);
	vgic_guest_enter(&vcpu->arch.vgic);
	lock_drop(&vcpu->vm->lock);
	arm64_enter(&vcpu->arch);
	lock_take(&vcpu->vm->lock);
	vgic_guest_leave(&vcpu->arch.vgic);
	lock_drop(&vcpu->vm->lock);
}

void arch_vcpu_enter(struct vcpu *vcpu)
{
	if (vcpu->vm->arch.gic.shared) {
		enter_shared(vcpu);
	} else {
		arm64_enter(&vcpu->arch);
	}
}

/* The usual case of inject_skip_insn(), in line. */
void arch_vcpu_skip_insn(struct vcpu *vcpu)
{
	struct vcpu_arch *a = &vcpu->arch;

	if (a->pstate & PSTATE_NRW) {
		inject_skip_insn(&a->pc, &a->pstate, a->esr & ESR_IL);
		return;
	}
	a->pc += 4;
	a->pstate &= ~(PSTATE_SS | PSTATE_BTYPE);
}

void arch_vcpu_paging(const struct vcpu *vcpu, struct guest_paging *p)
{
	struct paging_regs regs = {
		.sctlr = read_el1(SCTLR),
		.tcr = read_el1(TCR),
		.ttbr = {read_el1(TTBR0), read_el1(TTBR1)},
		.pan = vcpu->arch.pstate & PSTATE_PAN,
	};

	paging_of(&regs, p);
}

void arch_vcpu_dump(const struct vcpu *vcpu)
{
	const struct vcpu_arch *a = &vcpu->arch;
	const char *name = vcpu->vm->config->name;

	log_vm(LOG_WARN, name, "vCPU %u, last exit: class %02x (ESR %08lx), %lu exits", vcpu->id,
	       esr_ec(a->esr), a->esr, vcpu->exits);
	log_vm(LOG_WARN, name, "pc %016lx sp %016lx pstate %08lx", a->pc, guest_sp(vcpu),
	       a->pstate);
	for (unsigned i = 0; i < 30; i += 3) {
		log_vm(LOG_WARN, name, "x%-2u %016lx x%-2u %016lx x%-2u %016lx", i, a->gpr[i],
		       i + 1, a->gpr[i + 1], i + 2, a->gpr[i + 2]);
	}
	log_vm(LOG_WARN, name, "x30 %016lx", a->gpr[30]);
	log_vm(LOG_WARN, name, "sctlr %lx tcr %lx ttbr0 %lx ttbr1 %lx", read_el1(SCTLR),
	       read_el1(TCR), read_el1(TTBR0), read_el1(TTBR1));
	log_vm(LOG_WARN, name, "vbar %lx elr %lx spsr %lx esr %lx far %lx", read_el1(VBAR),
	       read_el1(ELR), read_el1(SPSR), read_el1(ESR), read_el1(FAR));
}
