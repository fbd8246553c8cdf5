// SPDX-License-Identifier: Apache-2.0
#include "arch/arm64/platform.h"

#include <errno.h>

#include "arch/arm64/gic.h"
#include "arch/arm64/hostpt.h"
#include "arch/arm64/time.h"
#include "arch/arm64/uart.h"
#include "arch/arm64/vgic_hw.h"
#include "arch/arm64/virt.h"
#include "arch/percpu.h"
#include "mm/bits.h"
#include "vmm/arch.h"
#include "vmm/cpu.h"
#include "vmm/log.h"
#include "vmm/panic.h"
#include "vmm/vconsole.h"
#include "vmm/vm.h"

/* ICH_VMCR_EL2.VENG0, VENG1: the guest's ICC_IGRPEN0_EL1 and ICC_IGRPEN1_EL1. */
#define VMCR_ENABLES 3u

static u64 vm_time_ns(const struct vm *vm)
{
	return time_now_ns() - vm->arch.start_ns;
}

static struct vm *uart_vm(struct vpl011 *u)
{
	return container_of(u, struct vm, arch.uart);
}

void vpl011_irq_set(struct vpl011 *u, bool level)
{
	vgic_set_spi(&uart_vm(u)->arch.gic, GUEST_PL011_INTID, level);
}

void vpl011_tx(struct vpl011 *u, u8 byte)
{
	vconsole_tx(uart_vm(u), byte);
}

void vpl031_irq_set(struct vpl031 *rtc, bool level)
{
	struct vm *vm = container_of(rtc, struct vm, arch.rtc);

	vgic_set_spi(&vm->arch.gic, GUEST_PL031_INTID, level);
}

void vgic_kick(struct vgic_cpu *cpu)
{
	vcpu_kick(container_of(cpu, struct vcpu, arch.vgic));
}

void platform_reset(struct vm *vm)
{
	struct vm_arch *a = &vm->arch;

	a->start_ns = time_now_ns();
	a->input_waits = false;
	vpl011_init(&a->uart);
	vpl031_init(&a->rtc, vm->boot->unix_time + a->start_ns / 1000000000, 0);
	vgic_set_spi(&a->gic, GUEST_PL011_INTID, false);
	vgic_set_spi(&a->gic, GUEST_PL031_INTID, false);
}

/* Input goes to the guest as fast as its serial port takes it. */
static void input_forward(struct vm *vm)
{
	struct vpl011 *uart = &vm->arch.uart;
	int byte;

	while (vpl011_can_rx(uart)) {
		byte = vconsole_getc(vm);
		if (byte < 0) {
			vm->arch.input_waits = false;
			return;
		}
		(void)vpl011_rx(uart, (u8)byte);
	}
	vm->arch.input_waits = true;
}

void arch_vm_input(struct vm *vm)
{
	lock_take(&vm->lock);
	if (vm->state == VM_RUNNING) {
		input_forward(vm);
	}
	lock_drop(&vm->lock);
}

void arch_uart_hold(bool hold)
{
	if (host_info->uart.irq) {
		arch_uart_rx_irq(!hold);
	}
}

bool arch_uart_is_polled(void)
{
	return !host_info->uart.irq;
}

bool platform_has_device(const struct vcpu *vcpu, gpa_t addr)
{
	return addr.v - GUEST_GICD_BASE < GUEST_GICD_SIZE ||
	       addr.v - GUEST_GICR_BASE < (u64)GUEST_GICR_SIZE * vcpu->vm->vcpu_count ||
	       addr.v - GUEST_PL011_BASE < GUEST_PL011_SIZE ||
	       addr.v - GUEST_PL031_BASE < GUEST_PL031_SIZE;
}

/* After an access by which the guest may have made room, or switched its receiver on. */
static void input_resume(struct vm *vm)
{
	if (vm->arch.input_waits && vpl011_can_rx(&vm->arch.uart)) {
		input_forward(vm);
	}
}

static bool device_read(struct vcpu *vcpu, gpa_t addr, unsigned size, u64 *val)
{
	struct vm *vm = vcpu->vm;
	struct vm_arch *a = &vm->arch;

	if (addr.v - GUEST_GICD_BASE < GUEST_GICD_SIZE) {
		*val = vgic_dist_read(&a->gic, addr.v - GUEST_GICD_BASE, size);
	} else if (addr.v - GUEST_GICR_BASE < (u64)GUEST_GICR_SIZE * vm->vcpu_count) {
		*val = vgic_redist_read(&a->gic, addr.v - GUEST_GICR_BASE, size);
	} else if (addr.v - GUEST_PL011_BASE < GUEST_PL011_SIZE) {
		*val = vpl011_read(&a->uart, addr.v - GUEST_PL011_BASE, size);
		input_resume(vm);
	} else if (addr.v - GUEST_PL031_BASE < GUEST_PL031_SIZE) {
		*val = vpl031_read(&a->rtc, addr.v - GUEST_PL031_BASE, size, vm_time_ns(vm));
	} else {
		return false;
	}
	return true;
}

bool platform_device_read(struct vcpu *vcpu, gpa_t addr, unsigned size, u64 *val)
{
	bool done;

	lock_take(&vcpu->vm->lock);
	done = device_read(vcpu, addr, size, val);
	lock_drop(&vcpu->vm->lock);
	return done;
}

static bool device_write(struct vcpu *vcpu, gpa_t addr, unsigned size, u64 val)
{
	struct vm *vm = vcpu->vm;
	struct vm_arch *a = &vm->arch;

	if (addr.v - GUEST_GICD_BASE < GUEST_GICD_SIZE) {
		vgic_dist_write(&a->gic, addr.v - GUEST_GICD_BASE, size, val);
	} else if (addr.v - GUEST_GICR_BASE < (u64)GUEST_GICR_SIZE * vm->vcpu_count) {
		vgic_redist_write(&a->gic, addr.v - GUEST_GICR_BASE, size, val);
	} else if (addr.v - GUEST_PL011_BASE < GUEST_PL011_SIZE) {
		vpl011_write(&a->uart, addr.v - GUEST_PL011_BASE, size, val);
		input_resume(vm);
	} else if (addr.v - GUEST_PL031_BASE < GUEST_PL031_SIZE) {
		vpl031_write(&a->rtc, addr.v - GUEST_PL031_BASE, size, val, vm_time_ns(vm));
		vcpu_kick(vm->vcpu[0]); /* whose timer it is */
	} else {
		return false;
	}
	return true;
}

bool platform_write(struct vcpu *vcpu, gpa_t addr, unsigned size, u64 val)
{
	bool done;

	lock_take(&vcpu->vm->lock);
	done = device_write(vcpu, addr, size, val);
	lock_drop(&vcpu->vm->lock);
	if (done && vcpu->id == 0 && addr.v - GUEST_PL031_BASE < GUEST_PL031_SIZE) {
		platform_timers(vcpu);
	}
	return done;
}

/* This CPU's redistributor is in one of the regions. */
static int redistributor_init(void)
{
	for (u32 i = 0; i < host_info->gicr_count; i++) {
		const struct host_region *r = &host_info->gicr[i];
		int err = gic_cpu_init(hostpt_map_device(hpa(r->base), r->size), r->size);

		if (err != -ENOENT) {
			return err;
		}
	}
	return -ENOENT;
}

/* What is this CPU's of the interrupt controller and of the timer. Errors: -errno. */
static int cpu_init(void)
{
	struct percpu *cpu = this_cpu();
	int err = redistributor_init();

	if (err) {
		return err;
	}
	host_timer_stop();
	cpu->timer_count = VTIMER_NEVER;
	cpu->deadline_ns = SCHED_NEVER;
	cpu->deadline_count = VTIMER_NEVER;
	vgic_hw_init(host_info->timer_virt_irq);
	gic_enable(HOST_SGI_KICK);
	gic_enable(host_info->timer_virt_irq);
	gic_enable(host_info->timer_hyp_irq);
	gic_enable(host_info->maintenance_irq);
	return 0;
}

int platform_ap_init(void)
{
	return cpu_init();
}

void platform_cpu_init(void)
{
	const struct host_region *gicd = &host_info->gicd;
	int err = gic_dist_init(hostpt_map_device(hpa(gicd->base), gicd->size));

	if (!err) {
		err = cpu_init();
	}
	if (err) {
		panic("the interrupt controller cannot be used: error %d", err);
	}
	if (host_info->uart.irq) {
		gic_route_here(host_info->uart.irq);
		gic_enable(host_info->uart.irq);
		arch_uart_rx_irq(true);
	} else {
		log_info("serial input: polled (its interrupt is not told)");
	}
}

/*
 * The nearest of what the emulated timers and, for vCPU 0, the clock want, on the host's count.
 */
static u64 next_event(struct vcpu *vcpu, u64 now)
{
	struct vm_arch *a = &vcpu->vm->arch;
	u64 next = vtimer_next_event(&vcpu->arch.vtimer), rtc_ns;

	rtc_ns = vcpu->id == 0 ? vpl031_next_event(&a->rtc) : VTIMER_NEVER;
	if (rtc_ns != VTIMER_NEVER) {
		u64 vm_ns = vm_time_ns(vcpu->vm);

		rtc_ns = rtc_ns > vm_ns ? rtc_ns - vm_ns : 0;
		next = min_u64(next, now + time_ns_to_count(rtc_ns));
	}
	return next;
}

static void timer_program(struct percpu *cpu, u64 next)
{
	if (next == cpu->timer_count) {
		return;
	}
	cpu->timer_count = next;
	if (next == VTIMER_NEVER) {
		host_timer_stop();
	} else {
		host_timer_set(next);
	}
}

/* What is due happens. Returns the next event, on the host's count. */
static u64 events_run(struct vcpu *vcpu)
{
	u64 now = time_count(), next;

	lock_take(&vcpu->vm->lock);
	vtimer_tick(&vcpu->arch.vtimer, now);
	if (vcpu->id == 0) {
		vpl031_tick(&vcpu->vm->arch.rtc, vm_time_ns(vcpu->vm));
	}
	next = next_event(vcpu, now);
	lock_drop(&vcpu->vm->lock);
	return next;
}

void platform_timers(struct vcpu *vcpu)
{
	struct percpu *cpu = this_cpu();

	timer_program(cpu, min_u64(events_run(vcpu), cpu->deadline_count));
}

void arch_cpu_deadline(u64 ns)
{
	struct percpu *cpu = this_cpu();

	if (ns != cpu->deadline_ns) {
		cpu->deadline_ns = ns;
		cpu->deadline_count = time_host_count(ns);
		/* The vCPU's own events join it when it is polled, or its timers change. */
		timer_program(cpu, min_u64(cpu->timer_count, cpu->deadline_count));
	}
}

void platform_ptimer(struct vcpu *vcpu, struct sysreg_access *access)
{
	static const u8 reg_of[] = {
		[SYSREG_CALL_CNTP_TVAL] = VTIMER_TVAL,
		[SYSREG_CALL_CNTP_CTL] = VTIMER_CTL,
		[SYSREG_CALL_CNTP_CVAL] = VTIMER_CVAL,
	};
	struct vtimer *t = &vcpu->arch.vtimer;

	if (access->is_read) {
		access->val = vtimer_phys_read(t, reg_of[access->call], time_count());
		return;
	}
	lock_take(&vcpu->vm->lock);
	vtimer_phys_write(t, reg_of[access->call], access->val, time_count());
	lock_drop(&vcpu->vm->lock);
	platform_timers(vcpu);
}

/* The EL2 timer's interrupt is a level: off before it is ended, or it comes again. */
static void timer_expired(void)
{
	host_timer_stop();
	this_cpu()->timer_count = VTIMER_NEVER;
}

/* Of the vCPU that is loaded, if any. */
static void irq_take(struct vcpu *vcpu)
{
	u32 intid = gic_ack();

	if (intid >= GIC_INTID_SPURIOUS) {
		return;
	}
	if (intid == host_info->timer_virt_irq && vcpu) {
		/* Its priority drops here; the guest's own deactivation ends it. */
		gic_eoi(intid);
		lock_take(&vcpu->vm->lock);
		vtimer_irq(&vcpu->arch.vtimer, intid);
		lock_drop(&vcpu->vm->lock);
		return;
	}
	if (intid == host_info->timer_hyp_irq) {
		timer_expired();
	} else if (intid == host_info->maintenance_irq && vcpu) {
		lock_take(&vcpu->vm->lock);
		vgic_update(&vcpu->arch.vgic);
		lock_drop(&vcpu->vm->lock);
	} else if (intid != HOST_SGI_KICK && intid != host_info->uart.irq &&
		   intid != host_info->maintenance_irq && intid != host_info->timer_virt_irq) {
		log_warn("unexpected interrupt %u, disabled", intid);
		gic_disable(intid);
	} else if (intid == host_info->uart.irq) {
		vconsole_service(
			time_now_ns()); /* the line is a level: it is to fall before the end */
	}
	gic_eoi(intid);
	gic_deactivate(intid);
}

void platform_irq(struct vcpu *vcpu)
{
	irq_take(vcpu);
	cpu_interrupted();
	platform_timers(vcpu);
}

/* With every interrupt off at its source or at the gate nothing will ever be signalled. */
static bool can_wake(const struct vcpu *vcpu)
{
	const struct vgic *gic = &vcpu->vm->arch.gic;
	u32 enabled = vcpu->arch.vgic.bank.enabled;

	for (unsigned i = 0; i < VGIC_SPI_BANKS; i++) {
		enabled |= gic->spi[i].enabled;
	}
	return gic->ctlr && enabled && (vgic_hw_vmcr_read() & VMCR_ENABLES);
}

static bool has_irq(struct vcpu *vcpu)
{
	bool has;

	lock_take(&vcpu->vm->lock);
	has = vgic_cpu_has_irq(&vcpu->arch.vgic);
	lock_drop(&vcpu->vm->lock);
	return has;
}

bool arch_vcpu_poll(struct vcpu *vcpu, u64 *wake_ns)
{
	u8 *power = &vcpu->vm->arch.psci_cpus[vcpu->id].power;
	u64 next;

	if (*power == PSCI_IS_ON_PENDING) {
		vcpu_power_on(vcpu);
		*power = PSCI_IS_ON;
	} else if (*power == PSCI_IS_OFF) {
		*wake_ns = vcpu->id == 0 ? time_host_ns(events_run(vcpu)) : SCHED_NEVER;
		return false;
	}
	if (!vcpu->halted) {
		platform_timers(vcpu);
		return true;
	}
	next = events_run(vcpu);
	if (has_irq(vcpu)) {
		timer_program(this_cpu(), min_u64(next, this_cpu()->deadline_count));
		return true;
	}
	*wake_ns = time_host_ns(next);
	if (vcpu->vm->vcpu_count == 1 && !can_wake(vcpu)) {
		vm_kill(vcpu->vm, "waits for an interrupt with all of them off");
	}
	return false;
}

void arch_cpu_idle(void)
{
	struct percpu *cpu = this_cpu();

	timer_program(cpu, cpu->deadline_count);
	cpu_wait();
	irq_take(cpu->vcpu);
}
