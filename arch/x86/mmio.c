// SPDX-License-Identifier: Apache-2.0
#include "arch/x86/mmio.h"

#include <errno.h>
#include <string.h>

#include "arch/x86/event.h"
#include "arch/x86/handlers.h"
#include "arch/x86/host.h"
#include "arch/x86/regs.h"
#include "vmm/vm.h"

/* In 64-bit mode only FS and GS have a base. */
static void seg_bases_fill(const struct vcpu *vcpu, enum insn_mode mode, struct insn_regs *regs)
{
	enum x86_seg_name first = mode == INSN_MODE_64 ? X86_SEG_FS : X86_SEG_ES;

	for (unsigned i = 0; i < (unsigned)first; i++) {
		regs->seg_base[i] = 0;
	}
	for (unsigned i = first; i < ARRAY_SIZE(regs->seg_base); i++) {
		regs->seg_base[i] = x86_get_seg(vcpu, (enum x86_seg_name)i).base;
	}
}

bool guest_insn_fetch(struct vcpu *vcpu, struct guest_insn *g)
{
	enum insn_mode mode = x86_code_mode(vcpu);
	u8 bytes[16];
	unsigned n = guest_fetch(vcpu, x86_linear_rip(vcpu), x86_get_reg(vcpu, X86_REG_CR3), bytes);
	int err = n ? insn_decode(bytes, n, mode, &g->insn) : -EAGAIN;

	if (err == -EINVAL) {
		event_exception(vcpu, VEC_UD, X86_NO_ERROR);
	}
	if (err) {
		return false;
	}
	memcpy(g->regs.gpr, vcpu->arch.gpr, sizeof(g->regs.gpr));
	g->regs.rip = vcpu->arch.rip;
	g->regs.rflags = vcpu->arch.rflags;
	seg_bases_fill(vcpu, mode, &g->regs);
	return true;
}

/* A device register: the local APIC page or the I/O APIC. Elsewhere reads give all-ones. */
static u64 device_read_locked(struct vcpu *vcpu, gpa_t addr, unsigned size)
{
	struct vm *vm = vcpu->vm;
	u64 ones = size == 8 ? ~0ULL : BIT(size * 8) - 1;

	if (vlapic_mmio_hit(&vcpu->arch.lapic, addr)) {
		return vlapic_mmio_read(&vcpu->arch.lapic, (u32)(addr.v & ~PAGE_MASK), size,
					vm_time_ns(vm));
	}
	if (addr.v - VIOAPIC_BASE < VIOAPIC_SIZE) {
		return vioapic_read(&vm->arch.platform.ioapic, (u32)(addr.v - VIOAPIC_BASE), size);
	}
	return ones;
}

static void device_write_locked(struct vcpu *vcpu, gpa_t addr, unsigned size, u64 val)
{
	struct vm *vm = vcpu->vm;

	if (vlapic_mmio_hit(&vcpu->arch.lapic, addr)) {
		vlapic_mmio_write(&vcpu->arch.lapic, (u32)(addr.v & ~PAGE_MASK), size, (u32)val,
				  vm_time_ns(vm));
		x86_ops->set_tpr(vcpu, vlapic_get_tpr(&vcpu->arch.lapic) >> 4);
	} else if (addr.v - VIOAPIC_BASE < VIOAPIC_SIZE) {
		vioapic_write(&vm->arch.platform.ioapic, (u32)(addr.v - VIOAPIC_BASE), size,
			      (u32)val);
	}
}

static u64 device_read(struct vcpu *vcpu, gpa_t addr, unsigned size)
{
	u64 val;

	lock_take(&vcpu->vm->lock);
	val = device_read_locked(vcpu, addr, size);
	lock_drop(&vcpu->vm->lock);
	return val;
}

static void device_write(struct vcpu *vcpu, gpa_t addr, unsigned size, u64 val)
{
	lock_take(&vcpu->vm->lock);
	device_write_locked(vcpu, addr, size, val);
	lock_drop(&vcpu->vm->lock);
}

/* One access of an instruction: 1 to 8 bytes, read into or written from val. */
struct access {
	unsigned size;
	bool write;
	u64 val;
};

/*
 * The page that the exiting access translates to is known: the CPU has walked the guest's tables
 * and checked its rights a moment ago, those to write where it was a write. 1: no page.
 */
struct known_page {
	u64 linear, gpa;
	bool writable;
};

static const struct known_page nothing_known = {1, 1, false};

/* One access within a page. */
static int access_page(struct vcpu *vcpu, const struct known_page *known, u64 linear,
		       struct access *a)
{
	struct gva_fault fault;
	unsigned size = a->size;
	bool write = a->write;
	u64 *val = &a->val;
	gpa_t addr;

	if ((linear & PAGE_MASK) == known->linear && (known->writable || !write)) {
		addr = gpa(known->gpa | (linear & ~PAGE_MASK));
	} else if (guest_translate(vcpu, gva(linear), write ? GVA_WRITE : GVA_READ, &addr,
				   &fault)) {
		event_page_fault(vcpu, &fault);
		return -EFAULT;
	}
	if (memslot_find(&vcpu->vm->slots, addr)) {
		return write ? vm_write(vcpu->vm, addr, val, size)
			     : vm_read(vcpu->vm, addr, val, size);
	}
	if (write) {
		device_write(vcpu, addr, size, *val);
	} else {
		*val = device_read(vcpu, addr, size);
	}
	return 0;
}

int guest_access_check(struct vcpu *vcpu, gva_t addr, unsigned size, enum gva_access access)
{
	gva_t last = gva((addr.v + size - 1) & PAGE_MASK); /* a fault there is the page's start */
	struct gva_fault fault;
	gpa_t out;

	if (guest_translate(vcpu, addr, access, &out, &fault) ||
	    (last.v > addr.v && guest_translate(vcpu, last, access, &out, &fault))) {
		event_page_fault(vcpu, &fault);
		return -EFAULT;
	}
	return 0;
}

static int access_split(struct vcpu *vcpu, u64 linear, struct access *a)
{
	unsigned first = (unsigned)(PAGE_SIZE - (linear & ~PAGE_MASK));
	struct access lo = {.size = first, .write = a->write, .val = a->val};
	struct access hi = {.size = a->size - first, .write = a->write};
	int err = guest_access_check(vcpu, gva(linear), a->size, a->write ? GVA_WRITE : GVA_READ);

	assert(first && first < sizeof(u64));
	if (err) {
		return err;
	}
	hi.val = a->val >> first * 8;
	err = access_page(vcpu, &nothing_known, linear, &lo);
	if (!err) {
		err = access_page(vcpu, &nothing_known, linear + first, &hi);
	}
	if (!a->write) {
		a->val = lo.val | hi.val << first * 8;
	}
	return err;
}

static int access_linear(struct vcpu *vcpu, const struct known_page *known, u64 linear,
			 struct access *a)
{
	if ((linear & ~PAGE_MASK) + a->size > PAGE_SIZE) {
		return access_split(vcpu, linear, a);
	}
	return access_page(vcpu, known, linear, a);
}

int guest_load(struct vcpu *vcpu, u64 linear, unsigned size, u64 *val)
{
	struct access a = {.size = size};
	int err = access_linear(vcpu, &nothing_known, linear, &a);

	*val = a.val;
	return err;
}

int guest_store(struct vcpu *vcpu, u64 linear, unsigned size, u64 val)
{
	struct access a = {.size = size, .write = true, .val = val};

	return access_linear(vcpu, &nothing_known, linear, &a);
}

struct mmio_context {
	struct vcpu *vcpu;
	struct known_page known;
};

static int mem_read(void *ctx, u64 linear, unsigned size, u64 *val)
{
	struct mmio_context *c = ctx;
	struct access a = {.size = size};
	int err = access_linear(c->vcpu, &c->known, linear, &a);

	*val = a.val;
	return err;
}

static int mem_write(void *ctx, u64 linear, unsigned size, u64 val)
{
	struct mmio_context *c = ctx;
	struct access a = {.size = size, .write = true, .val = val};

	return access_linear(c->vcpu, &c->known, linear, &a);
}

static const struct insn_mem_ops mem_ops = {.read = mem_read, .write = mem_write};

/* Only where the instruction has one memory operand is it the one that faulted. */
static struct known_page known_page(const struct guest_insn *g, const struct x86_exit *exit)
{
	u64 linear;

	if (!g->insn.has_mem) {
		return nothing_known;
	}
	linear = insn_linear(&g->insn, &g->regs);
	if ((linear ^ exit->tdp.gpa.v) & ~PAGE_MASK) {
		return nothing_known; /* it crosses into the page that faulted */
	}
	return (struct known_page){linear & PAGE_MASK, exit->tdp.gpa.v & PAGE_MASK,
				   exit->tdp.access == PT_W};
}

enum exit_action handle_mmio(struct vcpu *vcpu, gpa_t addr)
{
	struct mmio_context ctx = {.vcpu = vcpu};
	struct guest_insn g;

	if (!guest_insn_fetch(vcpu, &g)) {
		return EXIT_RESUME;
	}
	ctx.known = known_page(&g, &vcpu->arch.exit);
	switch (insn_mmio_exec(&g.insn, &g.regs, &mem_ops, &ctx)) {
	case INSN_DONE:
	case INSN_REPEAT:
		memcpy(vcpu->arch.gpr, g.regs.gpr, sizeof(g.regs.gpr));
		vcpu->arch.rip = g.regs.rip;
		vcpu->arch.rflags = g.regs.rflags;
		event_insn_done(vcpu);
		return EXIT_RESUME;
	case INSN_FAULT:
		return EXIT_RESUME;
	case INSN_UNSUPPORTED:
		break;
	}
	vm_kill(vcpu->vm, "instruction not supported at device address %016lx", addr.v);
	return EXIT_KILL_VM;
}
