// SPDX-License-Identifier: Apache-2.0
/*
 * The virtual CPU interface's control registers and the linked interrupts on the machine. IHI 0069,
 * "AArch64 virtualization control system registers".
 */
#include "arch/arm64/vgic_hw.h"

#include "arch/arm64/gic.h"
#include "arch/arm64/vgic_int.h"
#include "arch/arm64/vtimer.h"
#include "arch/cpu.h"
#include "arch/percpu.h"
#include "vmm/vcpu.h"

#define ICH_VTR_LISTREGS GENMASK(4, 0)
#define ICH_VTR_PREBITS  GENMASK(28, 26)
#define ICC_SRE_EL1_ALL  GENMASK(2, 0)

static u32 linked_intid; /* the physical INTID of the virtual timer */
static u32 prebits;      /* preemption bits of the virtual CPU interface: 5 to 7 */

#define FOR_EACH_LR(X) \
	X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11) X(12) X(13) X(14) X(15)

u64 vgic_hw_lr_read(unsigned n)
{
	switch (n) {
#define LR_READ(i) \
	case i:    \
		return read_sysreg(ich_lr##i##_el2);
		FOR_EACH_LR(LR_READ)
#undef LR_READ
	default:
		return 0;
	}
}

void vgic_hw_lr_write(unsigned n, u64 val)
{
	switch (n) {
#define LR_WRITE(i)                                 \
	case i:                                     \
		write_sysreg(val, ich_lr##i##_el2); \
		break;
		FOR_EACH_LR(LR_WRITE)
#undef LR_WRITE
	default:
		break;
	}
}

u64 vgic_hw_hcr_read(void)
{
	return read_sysreg(ich_hcr_el2);
}

void vgic_hw_hcr_write(u64 val)
{
	write_sysreg(val, ich_hcr_el2);
}

u64 vgic_hw_vmcr_read(void)
{
	return read_sysreg(ich_vmcr_el2);
}

/* Bit i of the active priorities is priority i << (8 - prebits); 32 of them per register. */
unsigned vgic_hw_running_priority(void)
{
	u64 low = read_sysreg(ich_ap0r0_el2) | read_sysreg(ich_ap1r0_el2), high;

	if (prebits > 5) {
		low |= (read_sysreg(ich_ap0r1_el2) | read_sysreg(ich_ap1r1_el2)) << 32;
	}
	if (low || prebits < 7) {
		return low ? (unsigned)__builtin_ctzll(low) << (8 - prebits) : 0x100;
	}
	high = read_sysreg(ich_ap0r2_el2) | read_sysreg(ich_ap1r2_el2) |
	       (read_sysreg(ich_ap0r3_el2) | read_sysreg(ich_ap1r3_el2)) << 32;
	return high ? (64 + (unsigned)__builtin_ctzll(high)) << 1 : 0x100;
}

#define AP_READ(field, reg, i)  (field)[i] = read_sysreg(reg##i##_el2)
#define AP_WRITE(field, reg, i) write_sysreg((field)[i], reg##i##_el2)

static void active_priorities_load(const struct vgic_cpu *cpu)
{
	/* IHI 0069, "ICH_AP1R<n>_EL2": to be written in the order of n. */
	AP_WRITE(cpu->ap0r, ich_ap0r, 0);
	AP_WRITE(cpu->ap1r, ich_ap1r, 0);
	if (prebits > 5) {
		AP_WRITE(cpu->ap0r, ich_ap0r, 1);
		AP_WRITE(cpu->ap1r, ich_ap1r, 1);
	}
	if (prebits > 6) {
		AP_WRITE(cpu->ap0r, ich_ap0r, 2);
		AP_WRITE(cpu->ap1r, ich_ap1r, 2);
		AP_WRITE(cpu->ap0r, ich_ap0r, 3);
		AP_WRITE(cpu->ap1r, ich_ap1r, 3);
	}
}

static void active_priorities_save(struct vgic_cpu *cpu)
{
	AP_READ(cpu->ap0r, ich_ap0r, 0);
	AP_READ(cpu->ap1r, ich_ap1r, 0);
	if (prebits > 5) {
		AP_READ(cpu->ap0r, ich_ap0r, 1);
		AP_READ(cpu->ap1r, ich_ap1r, 1);
	}
	if (prebits > 6) {
		AP_READ(cpu->ap0r, ich_ap0r, 2);
		AP_READ(cpu->ap1r, ich_ap1r, 2);
		AP_READ(cpu->ap0r, ich_ap0r, 3);
		AP_READ(cpu->ap1r, ich_ap1r, 3);
	}
}

/*
 * A linked interrupt that is owed to this guest must not be taken again here while the guest has
 * it: it is physically active, as if it had been acknowledged on this CPU.
 */
void vgic_hw_load(struct vgic_cpu *cpu)
{
	write_sysreg(cpu->vmcr, ich_vmcr_el2);
	active_priorities_load(cpu);
	if (cpu->bank.hw) {
		gic_set_active(linked_intid, cpu->bank.hw & cpu->bank.line);
	}
}

void vgic_hw_put(struct vgic_cpu *cpu)
{
	cpu->vmcr = read_sysreg(ich_vmcr_el2);
	active_priorities_save(cpu);
	if (cpu->bank.hw & cpu->bank.line) {
		gic_set_active(linked_intid, false);
	}
}

u32 vgic_hw_intid(u32 intid)
{
	return intid == VGIC_PPI_VIRT_TIMER ? linked_intid : intid;
}

bool vgic_hw_line(const struct vgic_cpu *cpu, u32 intid)
{
	return intid == VGIC_PPI_VIRT_TIMER && vtimer_virt_line(cpu->timer);
}

void vgic_hw_deactivate(struct vgic_cpu *cpu, u32 intid)
{
	(void)intid;
	struct vcpu *here = this_cpu()->vcpu;

	if (cpu->loaded && here && &here->arch.vgic == cpu) {
		gic_deactivate(linked_intid);
	}
}

void vgic_hw_init(u32 timer_intid)
{
	linked_intid = timer_intid;
	prebits = (u32)FIELD_GET(ICH_VTR_PREBITS, read_sysreg(ich_vtr_el2)) + 1;
	write_sysreg(0, ich_hcr_el2);
	/* System registers for EL1, before ICH_VMCR_EL2 has meaning (VFIQEn follows SRE). */
	write_sysreg(ICC_SRE_EL1_ALL, icc_sre_el1);
	isb();
}

unsigned vgic_hw_lr_count(void)
{
	return (unsigned)FIELD_GET(ICH_VTR_LISTREGS, read_sysreg(ich_vtr_el2)) + 1;
}
