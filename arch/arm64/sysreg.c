// SPDX-License-Identifier: Apache-2.0
/* Trapped system registers whose state lies in the vCPU's devices or in the CPU. */
#include "arch/arm64/sysreg.h"

#include "arch/arm64/exit.h"
#include "arch/arm64/guest_regs.h"
#include "arch/arm64/platform.h"
#include "arch/arm64/sysreg_trap.h"
#include "arch/arm64/time.h"
#include "arch/arm64/virt.h"
#include "vmm/log.h"
#include "vmm/vm.h"

#define KEY_OSLAR_EL1 SYSREG_KEY(2, 0, 1, 0, 4)

static enum exit_action undefined(struct vcpu *vcpu, const struct sysreg_access *a)
{
	if (sysreg_is_news(&vcpu->arch.sysreg_seen, a->key)) {
		const char *name = sysreg_name(a->key);

		log_vm(LOG_DEBUG, vcpu->vm->config->name,
		       "%s of S%u_%u_C%u_C%u_%u (%s) at %016lx: undefined",
		       a->is_read ? "read" : "write", a->key >> 14, a->key >> 11 & 7,
		       a->key >> 7 & 15, a->key >> 3 & 15, a->key & 7, name ? name : "not known",
		       vcpu->arch.pc);
	}
	return exit_undefined(vcpu);
}

/* From now on the debug registers are the guest's: all zero, as it has seen them so far. */
static enum exit_action debug_own(struct vcpu *vcpu)
{
	context_debug_own(&vcpu->arch.context);
	write_sysreg(cpu_controls.mdcr, mdcr_el2);
	return EXIT_RESUME;
}

static enum exit_action call(struct vcpu *vcpu, struct sysreg_access *a)
{
	struct vcpu_arch *arch = &vcpu->arch;

	switch ((enum sysreg_call)a->call) {
	case SYSREG_CALL_ICC_SGI1R:
		lock_take(&vcpu->vm->lock);
		vgic_sgi1r_write(&arch->vgic, a->val);
		lock_drop(&vcpu->vm->lock);
		return EXIT_SKIP_INSN;
	case SYSREG_CALL_ICC_ASGI1R:
	case SYSREG_CALL_ICC_SGI0R:
		lock_take(&vcpu->vm->lock);
		vgic_sgi_write(&arch->vgic, a->val, false);
		lock_drop(&vcpu->vm->lock);
		return EXIT_SKIP_INSN;
	case SYSREG_CALL_ICC_DIR:
		lock_take(&vcpu->vm->lock);
		vgic_dir_write(&arch->vgic, a->val);
		lock_drop(&vcpu->vm->lock);
		return EXIT_SKIP_INSN;
	case SYSREG_CALL_CNTPCT:
		if (!a->is_read) {
			break;
		}
		a->val = time_count();
		return EXIT_SKIP_INSN;
	case SYSREG_CALL_CNTP_TVAL:
	case SYSREG_CALL_CNTP_CTL:
	case SYSREG_CALL_CNTP_CVAL:
		platform_ptimer(vcpu, a);
		return EXIT_SKIP_INSN;
	case SYSREG_CALL_DEBUG_OWN:
		return debug_own(vcpu);
	case SYSREG_CALL_ICC:
		break; /* no trap of ours leads here */
	}
	return undefined(vcpu, a);
}

enum exit_action handle_sysreg(struct vcpu *vcpu)
{
	struct sysreg_access a = sysreg_access_decode(vcpu->arch.esr);
	enum exit_action action = EXIT_SKIP_INSN;

	if (!a.is_read) {
		a.val = guest_x(vcpu, a.rt);
	}
	switch (sysreg_trap(&vcpu->arch.sysregs, &a)) {
	case SYSREG_UNDEF:
		return undefined(vcpu, &a);
	case SYSREG_CALL:
		action = call(vcpu, &a);
		break;
	case SYSREG_DONE:
		if (a.key == KEY_OSLAR_EL1) {
			/* The guest's debug exceptions ask the CPU's own lock. */
			write_sysreg(vcpu->arch.sysregs.os_locked, oslar_el1);
		}
		break;
	}
	if (a.is_read && action == EXIT_SKIP_INSN) {
		guest_set_x(vcpu, a.rt, a.val);
	}
	return action;
}
