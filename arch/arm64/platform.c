// SPDX-License-Identifier: Apache-2.0
#include "arch/arm64/platform.h"

#include <errno.h>

#include "arch/arm64/gic.h"
#include "arch/arm64/hostpt.h"
#include "arch/arm64/time.h"
#include "arch/arm64/uart.h"
#include "arch/arm64/vgic_hw.h"
#include "arch/percpu.h"
#include "mm/bits.h"
#include "vmm/arch.h"
#include "vmm/console.h"
#include "vmm/log.h"
#include "vmm/panic.h"
#include "vmm/vm.h"

/* From the guest's output to its picture; between looks for input that no interrupt announces. */
#define POLL_NS 20000000ULL

/* ICH_VMCR_EL2.VENG0, VENG1: the guest's ICC_IGRPEN0_EL1 and ICC_IGRPEN1_EL1. */
#define VMCR_ENABLES 3u

/* When to look at the console, on the host's count. Kept until then, or it would never come. */
static u64 poll_count = VTIMER_NEVER;

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

static void poll_arm(void)
{
	poll_count = time_count() + time_ns_to_count(POLL_NS);
}

void vpl011_tx(struct vpl011 *u, u8 byte)
{
	console_guest_tx(byte);
	if (poll_count == VTIMER_NEVER && console_has_screen()) {
		poll_arm();
		platform_timers(uart_vm(u)->vcpu[0]); /* the one that writes */
	}
}

void vpl031_irq_set(struct vpl031 *rtc, bool level)
{
	struct vm *vm = container_of(rtc, struct vm, arch.rtc);

	vgic_set_spi(&vm->arch.gic, GUEST_PL031_INTID, level);
}

/* The one vCPU of this version is the one that calls: it looks before it waits or enters. */
void vgic_kick(struct vgic_cpu *cpu)
{
	(void)cpu;
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
		byte = console_getc();
		if (byte < 0) {
			vm->arch.input_waits = false;
			arch_uart_rx_irq(true);
			return;
		}
		(void)vpl011_rx(uart, (u8)byte);
	}
	/* Bytes wait in the host's port with its interrupt off until the guest makes room. */
	vm->arch.input_waits = true;
	arch_uart_rx_irq(false);
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

bool platform_device_read(struct vcpu *vcpu, gpa_t addr, unsigned size, u64 *val)
{
	struct vm *vm = vcpu->vm;
	struct vm_arch *a = &vm->arch;

	if (addr.v - GUEST_GICR_BASE < (u64)GUEST_GICR_SIZE * vm->vcpu_count) {
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

bool platform_write(struct vcpu *vcpu, gpa_t addr, unsigned size, u64 val)
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
		platform_timers(vcpu);
	} else {
		return false;
	}
	return true;
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

void platform_cpu_init(void)
{
	const struct host_region *gicd = &host_info->gicd;
	int err = gic_dist_init(hostpt_map_device(hpa(gicd->base), gicd->size));

	if (!err) {
		err = redistributor_init();
	}
	if (err) {
		panic("the interrupt controller cannot be used: error %d", err);
	}
	vgic_hw_init(host_info->timer_virt_irq);
	gic_enable(host_info->timer_virt_irq);
	gic_enable(host_info->timer_hyp_irq);
	gic_enable(host_info->maintenance_irq);
	if (host_info->uart.irq) {
		gic_route_here(host_info->uart.irq);
		gic_enable(host_info->uart.irq);
		arch_uart_rx_irq(true);
	} else {
		log_info("serial input: polled (its interrupt is not told)");
		poll_arm();
	}
}

/* The nearest of what the emulated timers, the clock and the console want, on the host's count. */
static u64 next_event(struct vcpu *vcpu, u64 now)
{
	struct vm_arch *a = &vcpu->vm->arch;
	u64 next = vtimer_next_event(&vcpu->arch.vtimer), rtc_ns = vpl031_next_event(&a->rtc);

	if (rtc_ns != VTIMER_NEVER) {
		u64 vm_ns = vm_time_ns(vcpu->vm);

		rtc_ns = rtc_ns > vm_ns ? rtc_ns - vm_ns : 0;
		next = min_u64(next, now + time_ns_to_count(rtc_ns));
	}
	return min_u64(next, poll_count);
}

void platform_timers(struct vcpu *vcpu)
{
	struct percpu *cpu = this_cpu();
	u64 now = time_count(), next;

	vtimer_tick(&vcpu->arch.vtimer, now);
	vpl031_tick(&vcpu->vm->arch.rtc, vm_time_ns(vcpu->vm));
	next = next_event(vcpu, now);
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
	vtimer_phys_write(t, reg_of[access->call], access->val, time_count());
	platform_timers(vcpu);
}

static void console_serve(struct vcpu *vcpu)
{
	bool again = !host_info->uart.irq;

	if (time_count() < poll_count) {
		return;
	}
	if (again) {
		input_forward(vcpu->vm);
	}
	again |= console_poll();
	poll_count = VTIMER_NEVER;
	if (again) {
		poll_arm();
	}
}

/* The EL2 timer's interrupt is a level: off before it is ended, or it comes again. */
static void timer_expired(struct vcpu *vcpu)
{
	host_timer_stop();
	this_cpu()->timer_count = VTIMER_NEVER;
	console_serve(vcpu);
	platform_timers(vcpu);
}

void platform_irq(struct vcpu *vcpu)
{
	u32 intid = gic_ack();

	if (intid >= GIC_INTID_SPURIOUS) {
		return;
	}
	if (intid == host_info->timer_virt_irq) {
		/* Its priority drops here; the guest's own deactivation ends it. */
		gic_eoi(intid);
		vtimer_irq(&vcpu->arch.vtimer, intid);
		return;
	}
	if (intid == host_info->timer_hyp_irq) {
		timer_expired(vcpu);
	} else if (intid == host_info->maintenance_irq) {
		vgic_update(&vcpu->arch.vgic);
	} else if (intid == host_info->uart.irq) {
		input_forward(vcpu->vm);
	} else {
		log_warn("unexpected interrupt %u, disabled", intid);
		gic_disable(intid);
	}
	gic_eoi(intid);
	gic_deactivate(intid);
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

void arch_vcpu_idle(struct vcpu *vcpu)
{
	if (!can_wake(vcpu)) {
		vm_kill(vcpu->vm, "waits for an interrupt with all of them off");
		return;
	}
	for (;;) {
		platform_timers(vcpu);
		if (vgic_cpu_has_irq(&vcpu->arch.vgic) || vcpu->vm->state != VM_RUNNING) {
			return;
		}
		cpu_wait();
		platform_irq(vcpu);
	}
}
