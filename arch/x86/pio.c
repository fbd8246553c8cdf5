// SPDX-License-Identifier: Apache-2.0
/* Port I/O exits: IN, OUT by the platform's port table; INS and OUTS an element at a time. */
#include "arch/io.h"
#include "arch/x86/event.h"
#include "arch/x86/handlers.h"
#include "arch/x86/host.h"
#include "arch/x86/insn_mmio.h"
#include "arch/x86/mmio.h"
#include "arch/x86/regs.h"
#include "vmm/arch.h"
#include "vmm/log.h"
#include "vmm/vm.h"

static u32 size_mask(unsigned size)
{
	return size == 4 ? ~0u : (1u << size * 8) - 1;
}

static u32 pio_read(struct vcpu *vcpu, u16 port, unsigned size)
{
	struct vm *vm = vcpu->vm;
	u32 val;

	lock_take(&vm->lock);
	val = vplatform_pio_read(&vm->arch.platform, port, size);
	if (vm->arch.input_waits) {
		host_input_forward(vm);
	}
	lock_drop(&vm->lock);
	return val;
}

/* The guest has said all: as isa-debug-exit does, its status is an odd number. */
static void debug_exit(struct vm *vm, u32 val)
{
	log_vm(LOG_INFO, vm->config->name, "debug exit: value %u, status %u", val, val * 2 + 1);
	vplatform_shutdown(&vm->arch.platform, VPLATFORM_POWER_OFF);
}

/* Tests of interrupt controllers drive their lines, a port each: as QEMU's pc-testdev. */
#define TEST_LINE_PORT  0x2000u
#define TEST_LINE_COUNT 24u

static bool test_write(struct vm *vm, u16 port, u32 val)
{
	unsigned line = port - TEST_LINE_PORT;

	if (port == vm->config->debug_exit_port) {
		debug_exit(vm, val);
		return true;
	}
	if (line >= TEST_LINE_COUNT) {
		return false;
	}
	lock_take(&vm->lock);
	vplatform_irq_set(&vm->arch.platform, line, val & 0xff);
	lock_drop(&vm->lock);
	return true;
}

static void pio_write(struct vcpu *vcpu, u16 port, unsigned size, u32 val)
{
	struct vm *vm = vcpu->vm;

	if (vm->config->debug_exit_port && test_write(vm, port, val)) {
		return;
	}
	lock_take(&vm->lock);
	vplatform_pio_write(&vm->arch.platform, port, size, val);
	lock_drop(&vm->lock);
}

/*
 * One element of INS or OUTS: the memory side may fault, and then nothing has happened. Apart, so
 * that IN and OUT need not make room for its frame.
 */
static __attribute__((noinline)) enum exit_action string_io(struct vcpu *vcpu)
{
	struct guest_insn g;
	bool in = vcpu->arch.exit.io.in;
	unsigned size = vcpu->arch.exit.io.size;
	u64 mask, linear, val = 0;
	s64 step;
	u64 *index;

	if (!guest_insn_fetch(vcpu, &g)) {
		return EXIT_RESUME;
	}
	mask = g.insn.addrsize == 8 ? ~0ULL : (1ULL << g.insn.addrsize * 8) - 1;
	if (g.insn.rep && !(g.regs.gpr[1] & mask)) {
		return EXIT_SKIP_INSN;
	}
	linear = in ? insn_linear_di(&g.insn, &g.regs) : insn_linear_si(&g.insn, &g.regs);
	if (in) {
		/* The port is read only once the store cannot fail. */
		if (guest_access_check(vcpu, gva(linear), size, GVA_WRITE)) {
			return EXIT_RESUME;
		}
		val = pio_read(vcpu, vcpu->arch.exit.io.port, size);
		if (guest_store(vcpu, linear, size, val)) {
			return EXIT_RESUME;
		}
	} else {
		if (guest_load(vcpu, linear, size, &val)) {
			return EXIT_RESUME;
		}
		pio_write(vcpu, vcpu->arch.exit.io.port, size, (u32)val);
	}
	index = &vcpu->arch.gpr[in ? 7 : 6];
	step = vcpu->arch.rflags & BIT(10) ? -(s64)size : (s64)size;
	*index = g.insn.addrsize == 4 ? (u32)(*index + (u64)step)
				      : (*index & ~mask) | ((*index + (u64)step) & mask);
	if (!g.insn.rep) {
		return EXIT_SKIP_INSN;
	}
	vcpu->arch.gpr[1] = g.insn.addrsize == 4 ? (u32)(vcpu->arch.gpr[1] - 1)
						 : (vcpu->arch.gpr[1] & ~mask) |
							   ((vcpu->arch.gpr[1] - 1) & mask);
	if (!(vcpu->arch.gpr[1] & mask)) {
		return EXIT_SKIP_INSN;
	}
	event_insn_done(vcpu);
	return EXIT_RESUME;
}

enum exit_action handle_io(struct vcpu *vcpu)
{
	const struct x86_exit *exit = &vcpu->arch.exit;
	u64 *rax = &vcpu->arch.gpr[0];
	u32 mask, val;

	if (exit->io.string) {
		return string_io(vcpu);
	}
	mask = size_mask(exit->io.size);
	if (!exit->io.in) {
		pio_write(vcpu, exit->io.port, exit->io.size, (u32)*rax & mask);
		return EXIT_SKIP_INSN;
	}
	val = pio_read(vcpu, exit->io.port, exit->io.size) & mask;
	*rax = exit->io.size == 4 ? val : (*rax & ~(u64)mask) | val;
	return EXIT_SKIP_INSN;
}
