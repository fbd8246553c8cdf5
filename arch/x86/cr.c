// SPDX-License-Identifier: Apache-2.0
/*
 * Writes of CR0, CR4, CR8 and XCR0, with the checks that the CPU would make (APM volume 2,
 * "System-Control Registers"; volume 3, "MOV CRn"): a refused value is #GP(0).
 */
#include "arch/cpu.h"
#include "arch/x86/event.h"
#include "arch/x86/handlers.h"
#include "arch/x86/mmio.h"
#include "arch/x86/regs.h"
#include "vmm/nested_ops.h"
#include "vmm/vm.h"

#define CR0_WRITABLE                                                                               \
	(CR0_PE | CR0_MP | CR0_EM | CR0_TS | CR0_ET | CR0_NE | CR0_WP | CR0_AM | CR0_NW | CR0_CD | \
	 CR0_PG)

/* Bits whose change drops the TLB's view of the guest's tables, and those that say what they are.
 */
#define CR0_FLUSH (CR0_PG | CR0_WP)
#define CR4_MODE  (CR4_PSE | CR4_PAE | CR4_LA57)
#define CR4_FLUSH (CR4_PSE | CR4_PAE | CR4_PGE | CR4_PCIDE | CR4_SMEP | CR4_SMAP | CR4_LA57)

/* Bits whose change makes the CPU read PAE's four entries (SDM volume 3, "PDPTE Registers"). */
#define CR0_PDPTES (CR0_CD | CR0_NW | CR0_PG)
#define CR4_PDPTES (CR4_PAE | CR4_PGE | CR4_PSE | CR4_SMEP)

static bool cr0_is_valid(const struct vcpu *vcpu, u64 old, u64 val, u64 efer)
{
	u64 cr4 = x86_get_reg(vcpu, X86_REG_CR4);

	if (val >> 32 || ((val & CR0_PG) && !(val & CR0_PE)) ||
	    ((val & CR0_NW) && !(val & CR0_CD))) {
		return false;
	}
	if ((val & CR0_PG) && !(old & CR0_PG) && (efer & EFER_LME)) {
		/* Into long mode: needs PAE and a code segment that is not already 64-bit. */
		return (cr4 & CR4_PAE) && !(x86_get_seg(vcpu, X86_SEG_CS).attrib & SEG_ATTR_L);
	}
	if (!(val & CR0_PG) && (old & CR0_PG) && (efer & EFER_LMA)) {
		return x86_code_mode(vcpu) != INSN_MODE_64 && !(cr4 & CR4_PCIDE);
	}
	return true;
}

/* Whether the four entries behind @cr3, if this paging mode has such, can be the CPU's. */
static bool pdptes_are_valid(struct vcpu *vcpu, u64 cr0, u64 cr3, u64 cr4, u64 efer)
{
	return !x86_ops->pdptes_load || !(cr0 & CR0_PG) || !(cr4 & CR4_PAE) || (efer & EFER_LME) ||
	       x86_ops->pdptes_load(vcpu, cr3);
}

static enum exit_action write_cr0_guest(struct vcpu *vcpu, u64 val, enum x86_cr_kind kind)
{
	u64 old = x86_get_reg(vcpu, X86_REG_CR0);
	u64 efer = x86_get_reg(vcpu, X86_REG_EFER);

	if (!cr0_is_valid(vcpu, old, val, efer) ||
	    (((val ^ old) & CR0_PDPTES) &&
	     !pdptes_are_valid(vcpu, val, x86_get_reg(vcpu, X86_REG_CR3),
			       x86_get_reg(vcpu, X86_REG_CR4), efer))) {
		return event_gp(vcpu);
	}
	if (vcpu->arch.l2 && kind != X86_CR_CLTS &&
	    x86_ops->nested->cr0_write(vcpu, val, kind != X86_CR_MOV)) {
		return EXIT_RESUME;
	}
	if (((val ^ old) & CR0_PG) && (efer & EFER_LME)) {
		x86_set_reg(vcpu, X86_REG_EFER, val & CR0_PG ? efer | EFER_LMA : efer & ~EFER_LMA);
	}
	if ((val ^ old) & CR0_FLUSH) {
		vcpu->arch.flush_tlb |= X86_FLUSH_GUEST;
	}
	if ((val ^ old) & CR0_PG) {
		fetch_cache_clear(&vcpu->arch.fetch);
	}
	x86_set_reg(vcpu, X86_REG_CR0, (val & CR0_WRITABLE) | CR0_ET);
	return EXIT_SKIP_INSN;
}

static enum exit_action write_cr3_guest(struct vcpu *vcpu, u64 val)
{
	u64 reserved = x86_in_long_mode(vcpu) ? ~GENMASK(vcpu->vm->arch.phys_bits - 1, 0)
					      : ~GENMASK(31, 0);

	if ((val & reserved) ||
	    !pdptes_are_valid(vcpu, x86_get_reg(vcpu, X86_REG_CR0), val,
			      x86_get_reg(vcpu, X86_REG_CR4), x86_get_reg(vcpu, X86_REG_EFER))) {
		return event_gp(vcpu);
	}
	x86_set_reg(vcpu, X86_REG_CR3, val);
	vcpu->arch.flush_tlb |= X86_FLUSH_GUEST;
	return EXIT_SKIP_INSN;
}

static enum exit_action write_cr4_guest(struct vcpu *vcpu, u64 val)
{
	u64 old = x86_get_reg(vcpu, X86_REG_CR4);
	bool long_mode = x86_in_long_mode(vcpu);

	if ((val & ~vcpu->vm->arch.cr4_allowed) || (long_mode && !(val & CR4_PAE)) ||
	    (long_mode && ((val ^ old) & CR4_LA57)) || ((val & CR4_PCIDE) && !long_mode) ||
	    ((val & ~old & CR4_PCIDE) && (x86_get_reg(vcpu, X86_REG_CR3) & GENMASK(11, 0))) ||
	    (((val ^ old) & CR4_PDPTES) &&
	     !pdptes_are_valid(vcpu, x86_get_reg(vcpu, X86_REG_CR0), x86_get_reg(vcpu, X86_REG_CR3),
			       val, x86_get_reg(vcpu, X86_REG_EFER)))) {
		return event_gp(vcpu);
	}
	if ((val ^ old) & CR4_FLUSH) {
		vcpu->arch.flush_tlb |= X86_FLUSH_GUEST;
	}
	if ((val ^ old) & CR4_MODE) {
		fetch_cache_clear(&vcpu->arch.fetch);
	}
	x86_set_reg(vcpu, X86_REG_CR4, val);
	return EXIT_SKIP_INSN;
}

static enum exit_action write_cr8_guest(struct vcpu *vcpu, u64 val)
{
	if (val >> 4) {
		return event_gp(vcpu);
	}
	lock_take(&vcpu->vm->lock);
	vlapic_set_tpr(&vcpu->arch.lapic, (u8)(val << 4));
	lock_drop(&vcpu->vm->lock);
	x86_ops->set_tpr(vcpu, (u8)val);
	return EXIT_SKIP_INSN;
}

/* LMSW changes PE (to 1 only), MP, EM and TS. Its source may be memory. */
static enum exit_action lmsw(struct vcpu *vcpu)
{
	const struct x86_exit *exit = &vcpu->arch.exit;
	bool has_data = exit->cr.kind == X86_CR_LMSW_DATA;
	u64 old = x86_get_reg(vcpu, X86_REG_CR0);
	u64 bits = has_data ? exit->cr.data : vcpu->arch.gpr[exit->cr.gpr];
	struct guest_insn g;

	if (!has_data && exit->cr.mem &&
	    (!guest_insn_fetch(vcpu, &g) ||
	     guest_load(vcpu, insn_linear(&g.insn, &g.regs), 2, &bits))) {
		return EXIT_RESUME; /* to fault, or to look again */
	}
	bits &= CR0_PE | CR0_MP | CR0_EM | CR0_TS;
	return write_cr0_guest(vcpu, (old & ~(CR0_MP | CR0_EM | CR0_TS)) | bits, X86_CR_LMSW);
}

enum exit_action handle_cr_write(struct vcpu *vcpu)
{
	const struct x86_exit *exit = &vcpu->arch.exit;
	u64 val = vcpu->arch.gpr[exit->cr.gpr];

	switch (exit->cr.kind) {
	case X86_CR_CLTS:
		return write_cr0_guest(vcpu, x86_get_reg(vcpu, X86_REG_CR0) & ~CR0_TS, X86_CR_CLTS);
	case X86_CR_LMSW:
	case X86_CR_LMSW_DATA:
		return lmsw(vcpu);
	default:
		break;
	}
	if (x86_code_mode(vcpu) != INSN_MODE_64) {
		val = (u32)val;
	}
	switch (exit->cr.nr) {
	case 0:
		return write_cr0_guest(vcpu, val, X86_CR_MOV);
	case 3:
		return write_cr3_guest(vcpu, val);
	case 4:
		return write_cr4_guest(vcpu, val);
	case 8:
		return write_cr8_guest(vcpu, val);
	default:
		event_exception(vcpu, VEC_UD, X86_NO_ERROR);
		return EXIT_RESUME;
	}
}

/*
 * XCR0 stays in the CPU while the guest runs: the core has no use for it. Which components depend
 * on which the CPU knows best: it refuses with #GP, and so do we.
 */
enum exit_action handle_xsetbv(struct vcpu *vcpu)
{
	u64 val = (u32)vcpu->arch.gpr[0] | vcpu->arch.gpr[2] << 32;

	/* Checked before the intercept by hardware, after it by QEMU 10. */
	if (!(x86_get_reg(vcpu, X86_REG_CR4) & CR4_OSXSAVE)) {
		event_exception(vcpu, VEC_UD, X86_NO_ERROR);
		return EXIT_RESUME;
	}
	if (x86_cpl(vcpu) || (u32)vcpu->arch.gpr[1] || !(val & XCR0_X87) ||
	    (val & ~vcpu->vm->arch.xcr0_allowed) || write_xcr0_safe(val)) {
		return event_gp(vcpu);
	}
	return EXIT_SKIP_INSN;
}
