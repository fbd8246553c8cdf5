// SPDX-License-Identifier: Apache-2.0
/* The VM's platform in time: its devices' upcalls, the timer behind them, waiting. */
#include "arch/cpu.h"
#include "arch/percpu.h"
#include "arch/x86/host.h"
#include "arch/x86/lapic.h"
#include "arch/x86/regs.h"
#include "arch/x86/time.h"
#include "vmm/arch.h"
#include "vmm/console.h"
#include "vmm/vm.h"

/* Between looks at the console, where no interrupt asks for one. */
#define POLL_NS 20000000ULL

static bool console_busy; /* the framebuffer has more to draw */

static struct vm *platform_vm(struct vplatform *vp)
{
	return container_of(vp, struct vm, arch.platform);
}

void vplatform_kick(struct vplatform *vp, struct vlapic *l)
{
	/* The one vCPU of this version is the one that calls: it looks again before it enters. */
	(void)vp;
	(void)l;
}

void vplatform_shutdown(struct vplatform *vp, enum vplatform_end end)
{
	platform_vm(vp)->state = end == VPLATFORM_RESET ? VM_RESET : VM_POWERED_OFF;
}

void vplatform_uart_tx(struct vplatform *vp, u8 byte)
{
	(void)vp;
	console_guest_tx(byte);
}

u64 vm_time_ns(const struct vm *vm)
{
	return time_now_ns() - vm->arch.start_ns;
}

/* Input goes to the guest as fast as its serial port takes it. */
void host_input_forward(struct vm *vm)
{
	struct vuart *uart = &vm->arch.platform.uart;
	int byte;

	while (vuart_can_rx(uart)) {
		byte = console_getc();
		if (byte < 0) {
			vm->arch.input_waits = false;
			return;
		}
		vuart_rx(uart, (u8)byte);
	}
	vm->arch.input_waits = true;
}

void host_irq_window(struct vcpu *vcpu)
{
	__asm__ volatile("stgi\n\tnop\n\tclgi" : : : "memory");
	host_input_forward(vcpu->vm);
	console_busy = console_poll();
	vcpu->arch.timer_event_ns = TIMER_STALE;
}

static u64 next_event(struct vcpu *vcpu)
{
	struct vm *vm = vcpu->vm;

	if (vm->arch.platform_changed) {
		vm->arch.platform_changed = false;
		vm->arch.platform_event_ns = vplatform_next_event(&vm->arch.platform);
	}
	return min_u64(vm->arch.platform_event_ns, vlapic_next_event(&vcpu->arch.lapic));
}

static void timer_program(struct vcpu *vcpu, u64 event_ns, u64 now_ns)
{
	vcpu->arch.timer_event_ns = event_ns;
	if (console_busy || !host_uart_interrupts) {
		event_ns = min_u64(event_ns, now_ns + POLL_NS);
	}
	if (event_ns == ~0ULL) {
		lapic_timer_stop();
		return;
	}
	lapic_timer_set(event_ns > now_ns ? event_ns - now_ns : 0);
}

void host_timers_update(struct vcpu *vcpu)
{
	struct vm *vm = vcpu->vm;
	u64 event_ns = next_event(vcpu), now_ns;

	if (event_ns == vcpu->arch.timer_event_ns) {
		return;
	}
	now_ns = vm_time_ns(vm);
	if (event_ns <= now_ns) {
		vlapic_tick(&vcpu->arch.lapic, now_ns);
		vplatform_tick(&vm->arch.platform, now_ns);
		vm->arch.platform_changed = true;
		event_ns = next_event(vcpu);
	}
	timer_program(vcpu, event_ns, now_ns);
}

static bool has_work(const struct vcpu *vcpu)
{
	const struct vcpu_arch *a = &vcpu->arch;

	return a->event.valid || (a->lapic.nmi_pending && !a->nmi_blocked) ||
	       ((a->rflags & RFLAGS_IF) &&
		vplatform_pending_irq(&vcpu->vm->arch.platform, &a->lapic) >= 0);
}

void arch_vcpu_idle(struct vcpu *vcpu)
{
	for (;;) {
		host_timers(vcpu);
		if (has_work(vcpu) || vcpu->vm->state != VM_RUNNING) {
			return;
		}
		if (!(vcpu->arch.rflags & RFLAGS_IF) && vcpu->arch.timer_event_ns == ~0ULL) {
			vm_kill(vcpu->vm, "halted with interrupts off: nothing can wake it");
			return;
		}
		lapic_recheck();
		/* IF off from STGI to HLT: what arrives in between ends the HLT. */
		__asm__ volatile("cli\n\tstgi\n\tsti\n\thlt\n\tclgi" : : : "memory");
		host_irq_window(vcpu);
	}
}
