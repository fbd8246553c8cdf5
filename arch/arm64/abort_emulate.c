// SPDX-License-Identifier: Apache-2.0
/*
 * Accesses of devices by instructions that ESR_EL2 does not describe (ISV = 0): write-back forms,
 * pairs, and those that no device takes.
 */
#include "arch/arm64/abort.h"
#include "arch/arm64/cache.h"
#include "arch/arm64/esr.h"
#include "arch/arm64/exit.h"
#include "arch/arm64/guest_regs.h"
#include "arch/arm64/insn.h"
#include "arch/arm64/platform.h"
#include "arch/arm64/sysreg.h"
#include "arch/cpu.h"
#include "mm/bits.h"
#include "mm/page.h"
#include "vmm/vm.h"

#define SCTLR_MMU_CACHE (BIT(0) | BIT(2)) /* M, C */
#define PAR_F           BIT(0)
#define PAR_PA          GENMASK(47, 12)

/* Stage 1 alone, with the rights of the level that the guest is at. PAR_EL1 is the guest's. */
static bool stage1_translate(const struct vcpu *vcpu, u64 va, gpa_t *out)
{
	u64 old = read_sysreg(par_el1), par;

	if (vcpu->arch.pstate & PSTATE_M) {
		__asm__ volatile("at s1e1r, %0\n\tisb" : : "r"(va) : "memory");
	} else {
		__asm__ volatile("at s1e0r, %0\n\tisb" : : "r"(va) : "memory");
	}
	par = read_sysreg(par_el1);
	write_sysreg(old, par_el1);
	*out = gpa((par & PAR_PA) | (va & ~PAGE_MASK));
	return !(par & PAR_F);
}

/*
 * With its caches off the guest wrote past ours, which may hold an older copy of the line by
 * speculation (Arm ARM, "Mismatched memory attributes"): drop it before we look.
 */
static void line_refresh(const struct vcpu *vcpu, gpa_t addr)
{
	const struct memslot *slot = memslot_find(&vcpu->vm->slots, addr);

	if (slot && (read_el1(SCTLR) & SCTLR_MMU_CACHE) != SCTLR_MMU_CACHE) {
		dcache_clean_inval_poc(phys_ptr(memslot_hpa(slot, addr)), sizeof(u32));
	}
}

static bool insn_fetch(const struct vcpu *vcpu, u32 *word)
{
	gpa_t addr;

	if ((vcpu->arch.pstate & PSTATE_NRW) || !is_aligned(vcpu->arch.pc, sizeof(*word)) ||
	    !stage1_translate(vcpu, vcpu->arch.pc, &addr)) {
		return false;
	}
	line_refresh(vcpu, addr);
	return !vm_read(vcpu->vm, addr, word, sizeof(*word));
}

static u64 base_value(const struct vcpu *vcpu, unsigned rn)
{
	if (rn == INSN_REG_PC) {
		return vcpu->arch.pc;
	}
	return rn == 31 ? guest_sp(vcpu) : guest_x(vcpu, rn);
}

/* One register's access. False: nobody there. */
static bool access_one(struct vcpu *vcpu, const struct insn *insn, gpa_t addr, unsigned rt)
{
	u64 val;

	if (insn->store) {
		val = guest_x(vcpu, rt);
		if (insn->size < 8) {
			val &= BIT(8 * insn->size) - 1;
		}
		return platform_write(vcpu, addr, insn->size, val);
	}
	if (!platform_read(vcpu, addr, insn->size, &val)) {
		return false;
	}
	guest_set_x(vcpu, rt, insn_load_value(insn, val));
	return true;
}

/* Reads of a pair have no side effect before it is known that both will be answered. */
static enum exit_action access_all(struct vcpu *vcpu, const struct insn *insn, gpa_t addr, u64 far)
{
	u64 base = base_value(vcpu, insn->rn);
	u64 index = insn->rm == INSN_REG_NONE ? 0 : guest_x(vcpu, insn->rm);
	u64 start = insn_address(insn, base, index), after = insn_base_after(insn, base);
	u64 bytes = insn->rt2 == INSN_REG_NONE ? insn->size : 2u * insn->size;

	/* The abort is that of the first byte, and a device's registers do not end at a page's. */
	if (start != far || (start & ~PAGE_MASK) + bytes > PAGE_SIZE) {
		return abort_external(vcpu, far, false);
	}
	if (!access_one(vcpu, insn, addr, insn->rt)) {
		return abort_external(vcpu, far, false);
	}
	if (insn->rt2 != INSN_REG_NONE &&
	    !access_one(vcpu, insn, gpa(addr.v + insn->size), insn->rt2)) {
		return abort_external(vcpu, far + insn->size, false);
	}
	if (insn->writeback != INSN_NO_WRITEBACK) {
		if (insn->rn == 31) {
			guest_set_sp(vcpu, after);
		} else {
			guest_set_x(vcpu, insn->rn, after);
		}
	}
	return EXIT_SKIP_INSN;
}

static enum exit_action abort_with(struct vcpu *vcpu, u64 far, u8 fsc)
{
	struct inject_abort abort = {
		.far = far,
		.far_valid = true,
		.fsc = fsc,
		.write = vcpu->arch.esr & ESR_ABT_WNR,
	};

	guest_data_abort(vcpu, &abort);
	return EXIT_RESUME;
}

enum exit_action abort_emulate(struct vcpu *vcpu, gpa_t addr, u64 far)
{
	struct insn insn;
	u32 word;

	if (!insn_fetch(vcpu, &word)) {
		/* Changed under us by another CPU, or not readable: it faults again, or goes. */
		return vcpu->arch.pstate & PSTATE_NRW
			       ? abort_external(vcpu, far, false)
			       : exit_no_progress(vcpu, "an instruction that cannot be read");
	}
	insn_decode(word, &insn);
	switch ((enum insn_kind)insn.kind) {
	case INSN_LOAD:
	case INSN_STORE:
	case INSN_LOAD_PAIR:
	case INSN_STORE_PAIR:
		return access_all(vcpu, &insn, addr, far);
	case INSN_ATOMIC:
		if (platform_has_device(vcpu, addr)) {
			return abort_with(vcpu, far, ESR_FSC_EXCLUSIVE);
		}
		break;
	case INSN_PREFETCH:
		return EXIT_SKIP_INSN;
	case INSN_UNPREDICTABLE:
		return exit_undefined(vcpu);
	case INSN_SIMD:
	case INSN_ZVA: /* stage 1 says Normal, or it had been an alignment fault there */
	case INSN_OTHER:
		break;
	}
	return abort_external(vcpu, far, false);
}
