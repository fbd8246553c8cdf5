// SPDX-License-Identifier: Apache-2.0
/*
 * Data and instruction aborts of stage 2: memory is mapped, devices are emulated, and where there
 * is neither the guest gets the external abort that a bus would answer with.
 *
 * HPFAR_EL2 holds the IPA for translation faults and faults on stage-1 walks; these are all that
 * tables of ours cause, which grant everything or nothing (Arm ARM, "HPFAR_EL2").
 */
#include "arch/arm64/abort.h"

#include "arch/arm64/esr.h"
#include "arch/arm64/exit.h"
#include "arch/arm64/guest_regs.h"
#include "arch/arm64/platform.h"
#include "arch/arm64/stage2.h"
#include "arch/arm64/sysreg.h"
#include "arch/cpu.h"
#include "mm/bits.h"
#include "vmm/fault.h"
#include "vmm/vm.h"

#define TCR_T0SZ      GENMASK(5, 0)
#define TCR_TG0       GENMASK(15, 14)
#define TCR_T1SZ      GENMASK(21, 16)
#define TCR_TG1       GENMASK(31, 30)
#define TABLE_ADDRESS GENMASK(47, 1)

static gpa_t fault_gpa(u64 far)
{
	u64 page = FIELD_GET(HPFAR_FIPA, read_sysreg(hpfar_el2)) << PAGE_SHIFT;

	return gpa(page | (far & ~PAGE_MASK));
}

/* The low @size bytes. */
static u64 truncate(u64 val, unsigned size)
{
	return val & ~(u64)0 >> (64 - 8 * size);
}

/* Loads by the syndrome: "SSE", "SF". */
static u64 load_value(u64 esr, u64 val, unsigned size)
{
	if (esr & ESR_ABT_SSE) {
		unsigned shift = 64 - 8 * size;

		val = (u64)((s64)(val << shift) >> shift);
	} else {
		val = truncate(val, size);
	}
	return esr & ESR_ABT_SF ? val : (u32)val;
}

/* Where in TCR_EL1, and how, the granule of each half is told: "TG0", "TG1". */
static unsigned granule_shift(u64 tcr, bool high)
{
	static const u8 tg0[] = {12, 16, 14, 12}, tg1[] = {12, 14, 12, 16};

	return high ? tg1[FIELD_GET(TCR_TG1, tcr)] : tg0[FIELD_GET(TCR_TG0, tcr)];
}

/*
 * The level of the guest's own walk of @va at which its descriptor lies in @fault's page: the
 * syndrome tells how far stage 2 came ("ISS encoding for an exception from a Data Abort"). Arm's
 * numbering; 3 where the tables have changed meanwhile.
 */
static unsigned walk_level(const struct vcpu *vcpu, u64 va, gpa_t fault)
{
	bool high = va & BIT(55);
	u64 tcr = read_el1(TCR), table = high ? read_el1(TTBR1) : read_el1(TTBR0);
	unsigned shift = granule_shift(tcr, high), stride = shift - 3;
	unsigned top = 64 - (unsigned)FIELD_GET(high ? TCR_T1SZ : TCR_T0SZ, tcr);
	unsigned level = 3;

	for (unsigned bits = shift + stride; bits < top && level; bits += stride) {
		level--;
	}
	for (; level < 3; level++) {
		unsigned low = shift + stride * (3 - level);
		unsigned width = top - low < stride ? top - low : stride;
		u64 index = va >> low & (BIT(width) - 1), descriptor;
		gpa_t at = gpa((table & TABLE_ADDRESS & ~(BIT(3) - 1)) + index * sizeof(u64));

		if ((at.v ^ fault.v) < PAGE_SIZE ||
		    vm_read(vcpu->vm, at, &descriptor, sizeof(descriptor))) {
			break;
		}
		table = descriptor & TABLE_ADDRESS & ~(BIT(shift) - 1);
		top = low;
	}
	return level;
}

enum exit_action abort_external(struct vcpu *vcpu, u64 far, bool instruction)
{
	u64 esr = vcpu->arch.esr;
	struct inject_abort abort = {
		.far = far,
		.far_valid = true,
		.fsc = ESR_FSC_EXTERNAL,
		.write = esr & ESR_ABT_WNR,
		.cm = !instruction && (esr & ESR_ABT_CM),
	};

	if (esr & ESR_ABT_S1PTW) {
		abort.fsc = (u8)(ESR_FSC_EXTERNAL_TTW | walk_level(vcpu, far, fault_gpa(far)));
	}
	if (instruction) {
		guest_instr_abort(vcpu, &abort);
	} else {
		guest_data_abort(vcpu, &abort);
	}
	return EXIT_RESUME;
}

/* The access of a device, or of nothing, that a data abort with a valid syndrome describes. */
static enum exit_action access_device(struct vcpu *vcpu, u64 esr, gpa_t addr, u64 far)
{
	unsigned size = esr_abt_size(esr), rt = (unsigned)FIELD_GET(ESR_ABT_SRT, esr);
	bool done;
	u64 val;

	if (esr & ESR_ABT_WNR) {
		done = platform_write(vcpu, addr, size, truncate(guest_x(vcpu, rt), size));
	} else {
		done = platform_read(vcpu, addr, size, &val);
		if (done) {
			guest_set_x(vcpu, rt, load_value(esr, val, size));
		}
	}
	return done ? EXIT_SKIP_INSN : abort_external(vcpu, far, false);
}

/* Returns false where there is no memory; else *action says how to go on. */
static bool map_memory(struct vcpu *vcpu, gpa_t addr, u8 access, enum exit_action *action)
{
	struct tdp_fault fault = {
		.gpa = addr,
		.access = access,
		.on_walk = vcpu->arch.esr & ESR_ABT_S1PTW,
	};

	*action = EXIT_RESUME;
	switch (fault_handle(vcpu->vm, &fault)) {
	case FAULT_FIXED:
		vcpu->retries = 0;
		return true;
	case FAULT_TO_L1:
		return true;
	case FAULT_SPURIOUS:
		*action = exit_no_progress(vcpu, "a stage 2 fault");
		return true;
	case FAULT_NOMEM:
		vm_kill(vcpu->vm, "the host is out of memory");
		*action = EXIT_KILL_VM;
		return true;
	case FAULT_DENIED:
	case FAULT_MMIO:
		break;
	}
	return false;
}

/* Aborts that are no stage 2 faults of ours. */
static enum exit_action abort_foreign(struct vcpu *vcpu, u64 far)
{
	u64 esr = vcpu->arch.esr, fsc = FIELD_GET(ESR_ABT_FSC, esr);
	struct inject_abort abort = {
		.far = far, .far_valid = true, .fsc = (u8)fsc, .write = esr & ESR_ABT_WNR};

	switch (fsc) {
	case ESR_FSC_EXCLUSIVE: /* by an instruction that this memory cannot do */
		guest_data_abort(vcpu, &abort);
		return EXIT_RESUME;
	case ESR_FSC_TLB_CONFLICT: /* "TLB conflict aborts": the remedy is to invalidate */
		stage2_flush(vcpu->vm);
		return exit_no_progress(vcpu, "a TLB conflict");
	default:
		vm_kill(vcpu->vm, "abort with status %02lx at %016lx, ESR %08lx", fsc, far, esr);
		return EXIT_KILL_VM;
	}
}

/* Address size, translation, access flag or permission: the first four types. */
static bool is_table_fault(u64 esr)
{
	return FIELD_GET(ESR_ABT_FSC, esr) < ESR_FSC_EXTERNAL;
}

/* Devices lie below all memory, and are asked for most: no look at the memslots for them. */
enum exit_action handle_data_abort(struct vcpu *vcpu)
{
	u64 esr = vcpu->arch.esr, far = read_sysreg(far_el2);
	enum exit_action action;
	gpa_t addr;

	if (!is_table_fault(esr)) {
		return abort_foreign(vcpu, far);
	}
	addr = fault_gpa(far);
	if (addr.v >= GUEST_RAM_BASE &&
	    map_memory(vcpu, addr, esr & ESR_ABT_WNR ? PT_W : PT_R, &action)) {
		return action;
	}
	if ((esr & (ESR_ABT_ISV | ESR_ABT_S1PTW | ESR_ABT_CM)) == ESR_ABT_ISV) {
		return access_device(vcpu, esr, addr, far);
	}
	if (esr & ESR_ABT_S1PTW) {
		return abort_external(vcpu, far, false);
	}
	/* Nothing is cached there that maintenance could be about. */
	return esr & ESR_ABT_CM ? EXIT_SKIP_INSN : abort_emulate(vcpu, addr, far);
}

enum exit_action handle_instr_abort(struct vcpu *vcpu)
{
	u64 esr = vcpu->arch.esr, far = read_sysreg(far_el2);
	enum exit_action action;
	gpa_t addr;

	if (!is_table_fault(esr)) {
		return abort_foreign(vcpu, far);
	}
	addr = fault_gpa(far);
	if (addr.v >= GUEST_RAM_BASE && map_memory(vcpu, addr, PT_X, &action)) {
		return action;
	}
	return abort_external(vcpu, far, true);
}
