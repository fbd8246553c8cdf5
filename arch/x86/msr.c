// SPDX-License-Identifier: Apache-2.0
#include "arch/x86/msr.h"

#include <string.h>

#include "arch/cpu.h"
#include "arch/x86/event.h"
#include "arch/x86/handlers.h"
#include "arch/x86/host.h"
#include "arch/x86/pvclock.h"
#include "arch/x86/regs.h"
#include "arch/x86/time.h"
#include "vmm/nested_ops.h"
#include "vmm/vm.h"

/* Fast strings, thermal control, Enhanced SpeedStep, MONITOR, CPUID limit, xTPR, XD off. */
#define MISC_ENABLE_WRITABLE  (BIT(0) | BIT(3) | BIT(16) | BIT(18) | BIT(22) | BIT(23) | BIT(34))
#define MISC_ENABLE_READ_ONLY (BIT(7) | BIT(11) | BIT(12)) /* no counters, no BTS, no PEBS */
#define MISC_ENABLE_RESET     (BIT(0) | BIT(11) | BIT(12))
#define PAT_RESET             0x0007040600070406ULL
#define MTRR_DEF_RESET        0xc06ULL /* enabled, fixed enabled, write-back: as firmware leaves it */
#define MTRR_DEF_BITS         0xcffULL
#define MTRR_FIXED_WB         0x0606060606060606ULL

/* Functions return true when done, false for #GP. */
static bool tsc_read(struct vcpu *vcpu, u32 msr, u64 *val)
{
	(void)msr;
	*val = rdtsc() + x86_get_reg(vcpu, X86_REG_TSC_OFFSET);
	return true;
}

static bool tsc_write(struct vcpu *vcpu, u32 msr, u64 val)
{
	(void)msr;
	x86_set_reg(vcpu, X86_REG_TSC_OFFSET, val - rdtsc());
	return true;
}

static bool apic_base_read(struct vcpu *vcpu, u32 msr, u64 *val)
{
	(void)msr;
	*val = vlapic_base(&vcpu->arch.lapic);
	return true;
}

/* CR8 shows the TPR, whoever writes it. */
static void tpr_sync(struct vcpu *vcpu)
{
	x86_ops->set_tpr(vcpu, vlapic_get_tpr(&vcpu->arch.lapic) >> 4);
}

static bool apic_base_write(struct vcpu *vcpu, u32 msr, u64 val)
{
	int err;

	(void)msr;
	lock_take(&vcpu->vm->lock);
	err = vlapic_set_base(&vcpu->arch.lapic, val);
	if (!err && x86_ops->apic_mode) {
		x86_ops->apic_mode(vcpu);
	}
	lock_drop(&vcpu->vm->lock);
	if (err) {
		return false;
	}
	tpr_sync(vcpu);
	return true;
}

static bool x2apic_read(struct vcpu *vcpu, u32 msr, u64 *val)
{
	int err;

	lock_take(&vcpu->vm->lock);
	err = vlapic_msr_read(&vcpu->arch.lapic, msr, val, vm_time_ns(vcpu->vm));
	lock_drop(&vcpu->vm->lock);
	return !err;
}

static bool x2apic_write(struct vcpu *vcpu, u32 msr, u64 val)
{
	int err;

	lock_take(&vcpu->vm->lock);
	err = vlapic_msr_write(&vcpu->arch.lapic, msr, val, vm_time_ns(vcpu->vm));
	lock_drop(&vcpu->vm->lock);
	if (err) {
		return false;
	}
	if (msr == MSR_X2APIC_TPR) {
		tpr_sync(vcpu);
	}
	return true;
}

static bool tsc_deadline_read(struct vcpu *vcpu, u32 msr, u64 *val)
{
	(void)msr;
	*val = vlapic_tsc_deadline(&vcpu->arch.lapic);
	return true;
}

static bool tsc_deadline_write(struct vcpu *vcpu, u32 msr, u64 val)
{
	u64 host = val - x86_get_reg(vcpu, X86_REG_TSC_OFFSET), base = time_base_tsc();
	u64 ns = 0;

	(void)msr;
	if (host > base) {
		ns = time_tsc_to_ns(host - base);
	}
	ns = ns > vcpu->vm->arch.start_ns ? ns - vcpu->vm->arch.start_ns : 0;
	vlapic_set_tsc_deadline(&vcpu->arch.lapic, val, ns);
	return true;
}

/* MTRRs are kept for the guest to read back: types of guest memory come from its PAT. */
static u64 *mtrr_slot(struct vcpu *vcpu, u32 msr)
{
	if (msr < 0x250) {
		return &vcpu->arch.mtrr_variable[msr - 0x200];
	}
	if (msr < 0x258) {
		return &vcpu->arch.mtrr_fixed[0];
	}
	return &vcpu->arch.mtrr_fixed[msr < 0x268 ? msr - 0x258 + 1 : msr - 0x268 + 3];
}

static bool memory_type_is_valid(u8 type, bool pat)
{
	return type == 0 || type == 1 || (type >= 4 && type <= 6) || (pat && type == 7);
}

static bool types_are_valid(u64 val, bool pat)
{
	for (unsigned i = 0; i < 64; i += 8) {
		if (!memory_type_is_valid((u8)(val >> i), pat)) {
			return false;
		}
	}
	return true;
}

static bool mtrr_variable_read(struct vcpu *vcpu, u32 msr, u64 *val)
{
	*val = *mtrr_slot(vcpu, msr);
	return true;
}

static bool mtrr_variable_write(struct vcpu *vcpu, u32 msr, u64 val)
{
	u64 bits = GENMASK(vcpu->vm->arch.phys_bits - 1, 12) | (msr & 1 ? BIT(11) : 0xff);

	if ((val & ~bits) || (!(msr & 1) && !memory_type_is_valid((u8)val, false))) {
		return false;
	}
	*mtrr_slot(vcpu, msr) = val;
	return true;
}

static bool mtrr_fixed_read(struct vcpu *vcpu, u32 msr, u64 *val)
{
	*val = *mtrr_slot(vcpu, msr);
	return true;
}

static bool mtrr_fixed_write(struct vcpu *vcpu, u32 msr, u64 val)
{
	if (!types_are_valid(val, false)) {
		return false;
	}
	*mtrr_slot(vcpu, msr) = val;
	return true;
}

static bool mtrr_def_type_read(struct vcpu *vcpu, u32 msr, u64 *val)
{
	(void)msr;
	*val = vcpu->arch.mtrr_def_type;
	return true;
}

static bool mtrr_def_type_write(struct vcpu *vcpu, u32 msr, u64 val)
{
	(void)msr;
	if ((val & ~MTRR_DEF_BITS) || !memory_type_is_valid((u8)val, false)) {
		return false;
	}
	vcpu->arch.mtrr_def_type = val;
	return true;
}

static bool pat_read(struct vcpu *vcpu, u32 msr, u64 *val)
{
	(void)msr;
	*val = x86_get_reg(vcpu, X86_REG_PAT);
	return true;
}

static bool pat_write(struct vcpu *vcpu, u32 msr, u64 val)
{
	(void)msr;
	if (!types_are_valid(val, true)) {
		return false;
	}
	x86_set_reg(vcpu, X86_REG_PAT, val);
	vcpu->arch.flush_tlb |= X86_FLUSH_GUEST;
	return true;
}

static bool misc_enable_read(struct vcpu *vcpu, u32 msr, u64 *val)
{
	(void)msr;
	*val = vcpu->arch.misc_enable;
	return true;
}

/* Intel's, and every hypervisor's of AMD guests, too: what is written is remembered, no more. */
static bool misc_enable_write(struct vcpu *vcpu, u32 msr, u64 val)
{
	(void)msr;
	if (val & ~(MISC_ENABLE_WRITABLE | MISC_ENABLE_READ_ONLY)) {
		return false;
	}
	vcpu->arch.misc_enable =
		(val & MISC_ENABLE_WRITABLE) | (vcpu->arch.misc_enable & MISC_ENABLE_READ_ONLY);
	return true;
}

static bool kvm_wall_clock_read(struct vcpu *vcpu, u32 msr, u64 *val)
{
	(void)vcpu;
	(void)msr;
	*val = 0;
	return true;
}

static bool kvm_wall_clock_write(struct vcpu *vcpu, u32 msr, u64 val)
{
	(void)msr;
	return pvclock_wall_write(vcpu, gpa(val));
}

static bool kvm_system_time_read(struct vcpu *vcpu, u32 msr, u64 *val)
{
	(void)msr;
	*val = vcpu->arch.pvclock.msr;
	return true;
}

static bool kvm_system_time_write(struct vcpu *vcpu, u32 msr, u64 val)
{
	(void)msr;
	return pvclock_system_write(vcpu, val);
}

static bool efer_read(struct vcpu *vcpu, u32 msr, u64 *val)
{
	(void)msr;
	*val = x86_get_reg(vcpu, X86_REG_EFER);
	*val &= vcpu->arch.svme ? ~0ULL : ~EFER_SVME;
	return true;
}

/* VM_CR and VM_HSAVE_PA. */
static bool nested_read(struct vcpu *vcpu, u32 msr, u64 *val)
{
	return vcpu->arch.nested && x86_ops->nested->msr_read(vcpu, msr, val);
}

static bool nested_write(struct vcpu *vcpu, u32 msr, u64 val)
{
	return vcpu->arch.nested && x86_ops->nested->msr_write(vcpu, msr, val);
}

static bool efer_write(struct vcpu *vcpu, u32 msr, u64 val)
{
	u64 old = x86_get_reg(vcpu, X86_REG_EFER);

	val &= ~EFER_LMA; /* read-only; software writes back what it read */
	if ((val & ~vcpu->vm->arch.efer_allowed) ||
	    (((val ^ old) & EFER_LME) && (x86_get_reg(vcpu, X86_REG_CR0) & CR0_PG))) {
		return false;
	}
	if (vcpu->arch.nested && !x86_ops->nested->msr_write(vcpu, msr, val)) {
		return false;
	}
	if ((val ^ old) & EFER_NXE) {
		vcpu->arch.flush_tlb |= X86_FLUSH_GUEST;
		fetch_cache_clear(&vcpu->arch.fetch);
	}
	x86_set_reg(vcpu, X86_REG_EFER, val | (old & EFER_LMA));
	return true;
}

enum msr_kind { MSR_CALL, MSR_CONST, MSR_RO };

struct msr_row {
	u32 first, last;
	u8 kind;
	u64 value;
	bool (*read)(struct vcpu *vcpu, u32 msr, u64 *val);
	bool (*write)(struct vcpu *vcpu, u32 msr, u64 val);
};

static const struct msr_row rows[] = {
#define OWNED(nr, name)
#define CONST(nr, name, val) {nr, nr, MSR_CONST, val, NULL, NULL},
#define RO(nr, name, val)    {nr, nr, MSR_RO, val, NULL, NULL},
#define CALL(f, l, name)     {f, l, MSR_CALL, 0, name##_read, name##_write},
#include "arch/x86/msr.def"
#undef OWNED
#undef CONST
#undef RO
#undef CALL
};

const u32 msr_guest_owned[] = {
#define OWNED(nr, name) nr,
#define CONST(nr, name, val)
#define RO(nr, name, val)
#define CALL(f, l, name)
#include "arch/x86/msr.def"
#undef OWNED
#undef CONST
#undef RO
#undef CALL
};
const unsigned msr_guest_owned_count = ARRAY_SIZE(msr_guest_owned);

static const struct msr_row *row_find(u32 msr)
{
	u32 lo = 0, hi = ARRAY_SIZE(rows);

	while (lo < hi) {
		u32 mid = (lo + hi) / 2;

		if (msr < rows[mid].first) {
			hi = mid;
		} else if (msr > rows[mid].last) {
			lo = mid + 1;
		} else {
			return &rows[mid];
		}
	}
	return NULL;
}

static bool row_read(struct vcpu *vcpu, const struct msr_row *row, u32 msr, u64 *val)
{
	switch ((enum msr_kind)row->kind) {
	case MSR_CALL:
		return row->read(vcpu, msr, val);
	case MSR_CONST:
	case MSR_RO:
		*val = row->value;
		return true;
	}
	return false;
}

static bool row_write(struct vcpu *vcpu, const struct msr_row *row, u32 msr, u64 val)
{
	switch ((enum msr_kind)row->kind) {
	case MSR_CALL:
		return row->write(vcpu, msr, val);
	case MSR_CONST:
		return true;
	case MSR_RO:
		return false;
	}
	return false;
}

enum exit_action handle_rdmsr(struct vcpu *vcpu)
{
	u64 *gpr = vcpu->arch.gpr, val;
	u32 msr = (u32)gpr[1];
	const struct msr_row *row = row_find(msr);

	if (!row || !row_read(vcpu, row, msr, &val)) {
		return event_gp(vcpu);
	}
	gpr[0] = (u32)val;
	gpr[2] = val >> 32;
	return EXIT_SKIP_INSN;
}

enum exit_action handle_wrmsr(struct vcpu *vcpu)
{
	const u64 *gpr = vcpu->arch.gpr;
	u32 msr = (u32)gpr[1];
	const struct msr_row *row = row_find(msr);

	if (!row || !row_write(vcpu, row, msr, (u32)gpr[0] | gpr[2] << 32)) {
		return event_gp(vcpu);
	}
	return EXIT_SKIP_INSN;
}

void msr_reset(struct vcpu *vcpu)
{
	memset(vcpu->arch.mtrr_variable, 0, sizeof(vcpu->arch.mtrr_variable));
	for (unsigned i = 0; i < ARRAY_SIZE(vcpu->arch.mtrr_fixed); i++) {
		vcpu->arch.mtrr_fixed[i] = MTRR_FIXED_WB;
	}
	vcpu->arch.mtrr_def_type = MTRR_DEF_RESET;
	vcpu->arch.misc_enable = MISC_ENABLE_RESET;
	vcpu->arch.pvclock = (struct pvclock_vcpu){0};
	x86_set_reg(vcpu, X86_REG_PAT, PAT_RESET);
}
