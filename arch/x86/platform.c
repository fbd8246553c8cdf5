// SPDX-License-Identifier: Apache-2.0
/* The VM's platform in time: its devices' upcalls, the timer behind them, waiting. */
#include "arch/cpu.h"
#include "arch/percpu.h"
#include "arch/x86/host.h"
#include "arch/x86/lapic.h"
#include "arch/x86/regs.h"
#include "arch/x86/time.h"
#include "vmm/arch.h"
#include "vmm/cpu.h"
#include "vmm/nested_ops.h"
#include "vmm/vconsole.h"
#include "vmm/vm.h"

static struct vm *platform_vm(struct vplatform *vp)
{
	return container_of(vp, struct vm, arch.platform);
}

void vplatform_kick(struct vplatform *vp, struct vlapic *l)
{
	struct vcpu *vcpu = container_of(l, struct vcpu, arch.lapic);

	(void)vp;
	if (l->init_pending || l->sipi_pending) {
		/* Seen to by arch_vcpu_poll(), before its next run. */
		sched_leave(&vcpu->sched, arch_uptime_ns());
		return;
	}
	vcpu_kick(vcpu);
}

void vplatform_shutdown(struct vplatform *vp, enum vplatform_end end)
{
	(void)vm_ask(platform_vm(vp), end == VPLATFORM_RESET ? VM_WISH_RESET : VM_WISH_POWER_OFF);
}

void vplatform_uart_tx(struct vplatform *vp, u8 byte)
{
	vconsole_tx(platform_vm(vp), byte);
}

u64 vm_time_ns(const struct vm *vm)
{
	return time_now_ns() - vm->arch.start_ns;
}

u64 vplatform_time_ns(struct vplatform *vp)
{
	struct vm *vm = platform_vm(vp);

	vm->arch.platform_changed = true;
	return vm_time_ns(vm);
}

/* Input goes to the guest as fast as its serial port takes it. */
void host_input_forward(struct vm *vm)
{
	struct vuart *uart = &vm->arch.platform.uart;
	int byte;

	while (vuart_can_rx(uart)) {
		byte = vconsole_getc(vm);
		if (byte < 0) {
			vm->arch.input_waits = false;
			return;
		}
		vuart_rx(uart, (u8)byte);
	}
	vm->arch.input_waits = true;
}

void arch_vm_input(struct vm *vm)
{
	lock_take(&vm->lock);
	if (vm->state == VM_RUNNING) {
		host_input_forward(vm);
	}
	lock_drop(&vm->lock);
}

void host_irq_window(struct vcpu *vcpu)
{
	x86_ops->irq_window();
	host_timer_due(vcpu);
}

void host_timer_due(struct vcpu *vcpu)
{
	vcpu->arch.timer_event_ns = TIMER_STALE;
	cpu_interrupted();
}

/* The platform's events are vCPU 0's to see to: who brings one nearer tells it. */
static u64 next_event(struct vcpu *vcpu)
{
	struct vm_arch *a = &vcpu->vm->arch;
	u64 event_ns = vlapic_next_event(&vcpu->arch.lapic);

	if (a->platform_changed) {
		u64 before_ns = a->platform_event_ns;

		a->platform_changed = false;
		a->platform_event_ns = vplatform_next_event(&a->platform);
		if (vcpu->id != 0 && a->platform_event_ns < before_ns) {
			vcpu_kick(vcpu->vm->vcpu[0]);
		}
	}
	return vcpu->id == 0 ? min_u64(a->platform_event_ns, event_ns) : event_ns;
}

/* What is due happens. Returns the next event. */
static u64 events_run(struct vcpu *vcpu)
{
	struct vm *vm = vcpu->vm;
	u64 event_ns = next_event(vcpu), now_ns = vm_time_ns(vm);

	if (event_ns > now_ns) {
		return event_ns;
	}
	vlapic_tick(&vcpu->arch.lapic, now_ns);
	if (vcpu->id == 0) {
		vplatform_tick(&vm->arch.platform, now_ns);
		vm->arch.platform_changed = true;
	}
	return next_event(vcpu);
}

/* VM time to the host's, of events: ~0 stays. */
static u64 host_event_ns(const struct vm *vm, u64 event_ns)
{
	return event_ns == ~0ULL ? ~0ULL : event_ns + vm->arch.start_ns;
}

static void timer_program(u64 at_ns)
{
	u64 now_ns;

	if (at_ns == ~0ULL) {
		lapic_timer_stop();
		return;
	}
	now_ns = time_now_ns();
	lapic_timer_set(at_ns > now_ns ? at_ns - now_ns : 0);
}

void host_timers_update(struct vcpu *vcpu)
{
	struct vm *vm = vcpu->vm;
	u64 event_ns;

	lock_take(&vm->lock);
	event_ns = next_event(vcpu);
	if (event_ns != vcpu->arch.timer_event_ns) {
		event_ns = events_run(vcpu);
	}
	lock_drop(&vm->lock);
	if (event_ns == vcpu->arch.timer_event_ns) {
		return;
	}
	vcpu->arch.timer_event_ns = event_ns;
	event_ns = min_u64(host_event_ns(vcpu->vm, event_ns), this_cpu()->deadline_ns);
	if (!x86_ops->exit_at(vcpu, event_ns == ~0ULL ? ~0ULL : time_of_ns(event_ns))) {
		timer_program(event_ns);
	}
}

void arch_cpu_deadline(u64 ns)
{
	struct percpu *cpu = this_cpu();

	if (cpu->deadline_ns != ns) {
		cpu->deadline_ns = ns;
		if (cpu->vcpu) {
			cpu->vcpu->arch.timer_event_ns = TIMER_STALE;
		}
	}
}

static bool irq_waits(const struct vcpu *vcpu)
{
	const struct vlapic *l = &vcpu->arch.lapic;

	if (l->live && vlapic_live_waits(l)) {
		return true;
	}
	return (!l->live || l->extint) && vplatform_pending_irq(&vcpu->vm->arch.platform, l) >= 0;
}

static bool interrupts_are_on(const struct vcpu *vcpu)
{
	return vcpu->arch.nested ? x86_ops->nested->wakes(vcpu) : vcpu->arch.rflags & RFLAGS_IF;
}

static bool has_work(const struct vcpu *vcpu)
{
	const struct vcpu_arch *a = &vcpu->arch;

	return a->event.valid || (a->lapic.nmi_pending && !a->nmi_blocked) ||
	       (interrupts_are_on(vcpu) && irq_waits(vcpu));
}

/* INIT first: a SIPI that waits beside it came behind it. Returns whether the vCPU runs. */
static bool is_started(struct vcpu *vcpu)
{
	struct vlapic *l = &vcpu->arch.lapic;

	if (l->init_pending && !(vcpu->arch.nested && x86_ops->nested->holds_init(vcpu))) {
		l->init_pending = false;
		vcpu_init_signal(vcpu);
	}
	if (l->sipi_pending) {
		l->sipi_pending = false;
		if (vcpu->arch.waits_for_sipi) {
			vcpu_startup(vcpu, l->sipi_vector);
		}
	}
	return !vcpu->arch.waits_for_sipi;
}

/* Whether some other vCPU could send an interrupt. */
static bool others_are_started(const struct vcpu *vcpu)
{
	const struct vm *vm = vcpu->vm;

	for (u32 i = 0; i < vm->vcpu_count; i++) {
		if (i != vcpu->id && !vm->vcpu[i]->arch.waits_for_sipi) {
			return true;
		}
	}
	return false;
}

bool arch_vcpu_poll(struct vcpu *vcpu, u64 *wake_ns)
{
	struct vm *vm = vcpu->vm;
	u64 event_ns;
	bool started;

	lock_take(&vm->lock);
	event_ns = events_run(vcpu);
	started = is_started(vcpu);
	lock_drop(&vm->lock);
	vcpu->arch.timer_event_ns = TIMER_STALE;
	*wake_ns = host_event_ns(vm, event_ns);
	if (!started) {
		return false;
	}
	if (!vcpu->halted || has_work(vcpu)) {
		return true;
	}
	if (!interrupts_are_on(vcpu) && event_ns == ~0ULL && !others_are_started(vcpu)) {
		vm_kill(vcpu->vm, "halted with interrupts off: nothing can wake it");
	}
	return false;
}

void arch_cpu_idle(void)
{
	timer_program(this_cpu()->deadline_ns);
	lapic_recheck();
	x86_ops->idle();
}

/* An edge: what waits does not ask again. */
void arch_uart_hold(bool hold)
{
	(void)hold;
}

bool arch_uart_is_polled(void)
{
	return !host_uart_interrupts;
}
