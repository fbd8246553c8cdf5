// SPDX-License-Identifier: Apache-2.0
/* What the next entry delivers: NMIs and interrupts, against what blocks each. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "arch/x86/event.h"
#include "arch/x86/regs.h"
#include "vmm/vm.h"

#define VECTOR 0x31

static struct vm vm;
static struct vcpu vcpu = {.vm = &vm};
static struct vcpu_arch *const a = &vcpu.arch;
static enum x86_nmi_watch watch;

static void window(struct vcpu *v, bool open)
{
	v->arch.window_open = open;
}

static void nmi_watch(struct vcpu *v, enum x86_nmi_watch what)
{
	assert_ptr_equal(v, &vcpu);
	watch = what;
}

static const struct x86_ops ops = {.window = window, .nmi_watch = nmi_watch};
const struct x86_ops *x86_ops = &ops;

void vm_kill(struct vm *v, const char *format, ...)
{
	(void)v, (void)format;
	fail();
}

u8 vpic_peek(const struct vpic *p)
{
	(void)p;
	return 0;
}

int vplatform_ack_irq(struct vplatform *vp, struct vlapic *l)
{
	int vector = l->pending;

	(void)vp;
	l->pending = -1;
	return vector;
}

static int setup(void **state)
{
	(void)state;
	memset(a, 0, sizeof(*a));
	a->rflags = RFLAGS_IF;
	watch = X86_NMI_WATCH_NONE;
	a->lapic.pending = -1;
	return 0;
}

static bool selects(enum x86_event_type type, u8 vector)
{
	event_select(&vcpu);
	return a->event.valid && a->event.type == type && a->event.vector == vector;
}

static void test_interrupt(void **state)
{
	(void)state;
	a->lapic.pending = VECTOR;
	assert_true(selects(X86_EVENT_INTR, VECTOR));
	assert_false(a->window_open);
}

static void test_interrupt_waits(void **state)
{
	(void)state;
	a->lapic.pending = VECTOR;
	a->rflags = 0;
	event_select(&vcpu);
	assert_false(a->event.valid);
	assert_true(a->window_open);
	a->rflags = RFLAGS_IF;
	a->interrupt_shadow = 1;
	event_select(&vcpu);
	assert_false(a->event.valid);
	a->interrupt_shadow = 0;
	assert_true(selects(X86_EVENT_INTR, VECTOR));
	assert_false(a->window_open);
}

static void test_nmi_first_whatever_if(void **state)
{
	(void)state;
	a->lapic.pending = VECTOR;
	a->lapic.nmi_pending = true;
	a->rflags = 0;
	assert_true(selects(X86_EVENT_NMI, VEC_NMI));
	assert_true(a->nmi_blocked);
	assert_false(a->lapic.nmi_pending);
	assert_int_equal(watch, X86_NMI_WATCH_IRET);
	assert_int_equal(a->lapic.pending, VECTOR);
}

static void test_nmi_waits_for_iret(void **state)
{
	(void)state;
	a->lapic.nmi_pending = a->nmi_blocked = true;
	event_select(&vcpu);
	assert_false(a->event.valid);
	a->nmi_blocked = false;
	assert_true(selects(X86_EVENT_NMI, VEC_NMI));
}

/* Behind STI an interrupt window says when the shadow is over, behind MOV SS with IF = 0 an NMI's.
 */
static void test_nmi_waits_in_shadow(void **state)
{
	(void)state;
	a->lapic.nmi_pending = true;
	a->interrupt_shadow = 1;
	event_select(&vcpu);
	assert_false(a->event.valid);
	assert_true(a->window_open);
	a->interrupt_shadow = 0;
	assert_true(selects(X86_EVENT_NMI, VEC_NMI));

	setup(NULL);
	a->lapic.nmi_pending = true;
	a->interrupt_shadow = 2;
	a->rflags = 0;
	event_select(&vcpu);
	assert_false(a->event.valid);
	assert_false(a->window_open);
	assert_int_equal(watch, X86_NMI_WATCH_IRET);
	assert_false(a->nmi_blocked);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_interrupt, setup),
		cmocka_unit_test_setup(test_interrupt_waits, setup),
		cmocka_unit_test_setup(test_nmi_first_whatever_if, setup),
		cmocka_unit_test_setup(test_nmi_waits_for_iret, setup),
		cmocka_unit_test_setup(test_nmi_waits_in_shadow, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
