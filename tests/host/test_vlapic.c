// SPDX-License-Identifier: Apache-2.0
/* LAPIC: modes and MSR rules, priorities, IPIs and destinations, LINT pins, timer. */
#include "tests/host/vplatform_fake.h"

#include "arch/x86/vplatform.h"

#define NEVER (~(u64)0)
#define CPUS  4

enum {
	ID = 0x2,
	TPR = 0x8,
	PPR = 0xa,
	EOI = 0xb,
	LDR = 0xd,
	DFR = 0xe,
	SVR = 0xf,
	ISR = 0x10,
	TMR = 0x18,
	IRR = 0x20,
	ESR = 0x28,
	ICR = 0x30,
	ICR2 = 0x31,
	TIMER = 0x32,
	LINT0 = 0x35,
	LINT1 = 0x36,
	ERROR = 0x37,
	INITIAL = 0x38,
	CURRENT = 0x39,
	DIVIDE = 0x3e,
	SELF = 0x3f,
};

static struct vplatform vp;
static struct vlapic lapic[CPUS];
static struct vlapic *const l = &lapic[0];
static unsigned kicks[CPUS];
static unsigned eois;
static u8 eoi_vector;

void vplatform_kick(struct vplatform *platform, struct vlapic *target)
{
	assert_ptr_equal(platform, &vp);
	kicks[target - lapic]++;
}

/* The IOAPIC and the 8259 are not part of this test. */
void vioapic_set_pin(struct vioapic *io, unsigned pin, bool level)
{
	(void)io, (void)pin, (void)level;
}

void vioapic_eoi(struct vioapic *io, u8 vector)
{
	(void)io;
	eois++;
	eoi_vector = vector;
}

void vpic_set_irq(struct vpic *p, unsigned irq, bool level)
{
	(void)p, (void)irq, (void)level;
}

u8 vpic_peek(const struct vpic *p)
{
	(void)p;
	return 0x30;
}

u8 vpic_ack(struct vpic *p)
{
	(void)p;
	return 0x30;
}

static u32 rd(struct vlapic *x, u32 reg, u64 now)
{
	return vlapic_mmio_read(x, reg * 16, 4, now);
}

static void wr(struct vlapic *x, u32 reg, u32 val, u64 now)
{
	vlapic_mmio_write(x, reg * 16, 4, val, now);
}

static u64 rdmsr(struct vlapic *x, u32 reg, u64 now)
{
	u64 val = 0;

	assert_int_equal(vlapic_msr_read(x, 0x800 + reg, &val, now), 0);
	return val;
}

static void wrmsr(struct vlapic *x, u32 reg, u64 val, u64 now)
{
	assert_int_equal(vlapic_msr_write(x, 0x800 + reg, val, now), 0);
}

static bool faults(struct vlapic *x, u32 reg, u64 val)
{
	return vlapic_msr_write(x, 0x800 + reg, val, 0) != 0;
}

static void x2apic(struct vlapic *x)
{
	assert_int_equal(vlapic_set_base(x, vlapic_base(x) | APIC_BASE_EXTD), 0);
}

static int setup(void **state)
{
	(void)state;
	memset(&vp, 0, sizeof(vp));
	memset(kicks, 0, sizeof(kicks));
	eois = 0;
	for (unsigned i = 0; i < CPUS; i++) {
		vlapic_init(&lapic[i], &vp, i, i == 0, 40);
		vp.lapics[i] = &lapic[i];
		wr(&lapic[i], SVR, 0x1ff, 0);
		wr(&lapic[i], LDR, 1u << (24 + i), 0);
	}
	vp.lapic_count = CPUS;
	return 0;
}

static void test_reset_state(void **state)
{
	(void)state;
	vlapic_init(l, &vp, 3, false, 40);
	assert_int_equal(rd(l, ID, 0), 3u << 24);
	assert_int_equal(rd(l, 3, 0), 0x00050014);
	assert_int_equal(rd(l, SVR, 0), 0xff);
	assert_int_equal(rd(l, DFR, 0), 0xffffffff);
	for (u32 reg = TIMER; reg <= ERROR; reg++) {
		assert_int_equal(rd(l, reg, 0), 0x10000);
		wr(l, reg, 0x31, 0); /* software-disabled: the mask stays */
		assert_int_equal(rd(l, reg, 0), 0x10031);
	}
	assert_int_equal(vlapic_pending_vector(l), -1);
	assert_int_equal(vlapic_accept(l), -1);
}

static void test_base_transitions(void **state)
{
	const u64 base = VLAPIC_BASE_DEFAULT;

	(void)state;
	assert_int_equal(vlapic_base(l), base | APIC_BASE_EN | APIC_BASE_BSP);
	assert_true(vlapic_mmio_hit(l, gpa(base + 0x20)));
	assert_false(vlapic_mmio_hit(l, gpa(base + 0x1000)));
	assert_int_not_equal(vlapic_set_base(l, base | APIC_BASE_EN | 1), 0);
	assert_int_not_equal(vlapic_set_base(l, base | APIC_BASE_EN | BIT(9)), 0);
	assert_int_not_equal(vlapic_set_base(l, base | APIC_BASE_EN | BIT(40)), 0);
	assert_int_not_equal(vlapic_set_base(l, base | APIC_BASE_EXTD), 0);
	assert_int_equal(vlapic_set_base(l, base | APIC_BASE_EN | BIT(39)), 0);
	assert_true(vlapic_mmio_hit(l, gpa(base + BIT(39))));
	wr(l, TPR, 0x40, 0);
	x2apic(l);
	assert_false(vlapic_mmio_hit(l, gpa(base + BIT(39))));
	assert_int_equal(rdmsr(l, TPR, 0), 0x40);
	assert_int_not_equal(vlapic_set_base(l, base | APIC_BASE_EN), 0);
	assert_int_equal(vlapic_set_base(l, base), 0);
	assert_int_not_equal(vlapic_set_base(l, base | APIC_BASE_EN | APIC_BASE_EXTD), 0);
	assert_int_equal(vlapic_set_base(l, base | APIC_BASE_EN), 0);
	assert_int_equal(rd(l, TPR, 0), 0);
	assert_int_equal(rd(l, SVR, 0), 0xff);
}

static void test_priorities(void **state)
{
	(void)state;
	assert_true(vlapic_set_irr(l, 0x51, false));
	assert_int_equal(kicks[0], 1);
	assert_true(vlapic_set_irr(l, 0x51, false)); /* coalesced */
	assert_true(vlapic_set_irr(l, 0x41, false)); /* below what is pending */
	assert_int_equal(kicks[0], 1);
	assert_int_equal(vlapic_accept(l), 0x51);
	assert_int_equal(rd(l, PPR, 0), 0x50);
	assert_int_equal(rd(l, ISR + 2, 0), 1u << 17);
	assert_int_equal(vlapic_pending_vector(l), -1);
	assert_true(vlapic_set_irr(l, 0x5f, false)); /* same class */
	assert_int_equal(vlapic_pending_vector(l), -1);
	assert_int_equal(vlapic_highest_irr(l), 0x5f);
	assert_int_equal(kicks[0], 1);
	assert_true(vlapic_set_irr(l, 0x60, false));
	assert_int_equal(kicks[0], 2);
	assert_int_equal(vlapic_accept(l), 0x60);
	wr(l, EOI, 0, 0);
	assert_int_equal(rd(l, PPR, 0), 0x50);
	wr(l, EOI, 0, 0);
	assert_int_equal(vlapic_pending_vector(l), 0x5f);
	vlapic_set_tpr(l, 0x52);
	assert_int_equal(rd(l, PPR, 0), 0x52);
	assert_int_equal(vlapic_pending_vector(l), -1);
	vlapic_set_tpr(l, 0x40);
	assert_int_equal(vlapic_accept(l), 0x5f);
	wr(l, EOI, 0, 0);
	assert_int_equal(vlapic_pending_vector(l), -1);
	assert_int_equal(vlapic_highest_irr(l), 0x41);
	wr(l, EOI, 0, 0); /* with nothing in service */
	assert_int_equal(eois, 0);
}

static void test_level_eoi(void **state)
{
	(void)state;
	vlapic_set_irr(l, 0x71, true);
	vlapic_set_irr(l, 0x81, false);
	assert_int_equal(rd(l, TMR + 3, 0), 1u << 17);
	assert_int_equal(vlapic_accept(l), 0x81);
	wr(l, EOI, 0, 0);
	assert_int_equal(eois, 0);
	assert_int_equal(vlapic_accept(l), 0x71);
	wr(l, EOI, 0, 0);
	assert_int_equal(eois, 1);
	assert_int_equal(eoi_vector, 0x71);
}

static void test_errors(void **state)
{
	(void)state;
	wr(l, ERROR, 0xfe, 0);
	wr(l, ICR, 0x0f | 1u << 18, 0); /* vector 15 to self */
	assert_int_equal(rd(l, ESR, 0), 0);
	wr(l, ESR, 0, 0);
	assert_int_equal(rd(l, ESR, 0), 0x20);
	wr(l, ESR, 0, 0);
	assert_int_equal(rd(l, ESR, 0), 0);
	assert_int_equal(vlapic_accept(l), 0xfe);
	assert_false(vlapic_set_irr(l, 3, false));
	wr(l, 0x3a, 0, 0);
	rd(l, 0x3b, 0);
	wr(l, ESR, 0, 0);
	assert_int_equal(rd(l, ESR, 0), 0xc0);
	wr(l, ERROR, 0x05, 0); /* an illegal error vector must not recurse */
	wr(l, ICR, 0x01 | 1u << 18, 0);
	wr(l, SVR, 0xff, 0);
	assert_false(vlapic_set_irr(l, 0x99, false));
}

static void test_mmio_access_forms(void **state)
{
	(void)state;
	wr(l, TPR, 0x20, 0);
	vlapic_mmio_write(l, TPR * 16, 1, 0x30, 0);
	vlapic_mmio_write(l, TPR * 16 + 4, 4, 0x30, 0);
	assert_int_equal(rd(l, TPR, 0), 0x20);
	assert_int_equal(vlapic_mmio_read(l, 0x31, 1, 0), 0x00);
	assert_int_equal(vlapic_mmio_read(l, 0x32, 2, 0), 0x05);
	assert_int_equal(vlapic_mmio_read(l, 0x38, 4, 0), 0);
	assert_int_equal(vlapic_mmio_read(l, 0xffffff00, 4, 0), 0);
	x2apic(l);
	assert_int_equal(vlapic_mmio_read(l, 0x30, 4, 0), 0xffffffff);
}

static void test_msr_rules(void **state)
{
	static const u8 absent[] = {0, 1, 4, 7, 9, 0xc, 0xe, 0x29, 0x2e, 0x2f, 0x31, 0x3a, 0x3d};
	static const u8 read_only[] = {ID, 3, PPR, LDR, ISR, ISR + 7, TMR, IRR, IRR + 7, CURRENT};
	u64 val;

	(void)state;
	assert_int_not_equal(vlapic_msr_read(l, 0x802, &val, 0), 0); /* xAPIC mode */
	x2apic(l);
	for (unsigned i = 0; i < ARRAY_SIZE(absent); i++) {
		assert_int_not_equal(vlapic_msr_read(l, 0x800u + absent[i], &val, 0), 0);
		assert_true(faults(l, absent[i], 0));
	}
	for (unsigned i = 0; i < ARRAY_SIZE(read_only); i++) {
		rdmsr(l, read_only[i], 0);
		assert_true(faults(l, read_only[i], 0));
	}
	assert_int_not_equal(vlapic_msr_read(l, 0x840, &val, 0), 0);
	assert_int_not_equal(vlapic_msr_read(l, 0x8ff, &val, 0), 0);
	assert_int_not_equal(vlapic_msr_read(l, 0, &val, 0), 0);
	assert_int_not_equal(vlapic_msr_read(l, 0x80b, &val, 0), 0); /* EOI, self IPI */
	assert_int_not_equal(vlapic_msr_read(l, 0x83f, &val, 0), 0);
	assert_true(faults(l, EOI, 1));
	assert_true(faults(l, ESR, 1));
	assert_true(faults(l, TPR, 0x100));
	assert_true(faults(l, TPR, BIT(32)));
	assert_true(faults(l, SVR, BIT(12)));
	assert_true(faults(l, TIMER, BIT(19)));
	assert_true(faults(l, LINT0, BIT(11)));
	assert_true(faults(l, ICR, BIT(13)));
	assert_true(faults(l, ICR, BIT(20)));
	assert_true(faults(l, INITIAL, BIT(32)));
	assert_true(faults(l, DIVIDE, 4));
	assert_true(faults(l, SELF, 0x100));
	wrmsr(l, LINT0, 0x1a700, 0);
	assert_int_equal(rdmsr(l, LINT0, 0), 0x1a700);
}

static void test_x2apic_ids(void **state)
{
	(void)state;
	vlapic_init(l, &vp, 0x12345, true, 40);
	x2apic(l);
	assert_int_equal(rdmsr(l, ID, 0), 0x12345);
	assert_int_equal(rdmsr(l, LDR, 0), 0x12340000 | 1 << 5);
	assert_true(vlapic_match(l, &(struct apic_msg){.dest = 0x12345, .wide = true}));
	assert_true(vlapic_match(l, &(struct apic_msg){.dest = ~0u, .wide = true}));
	assert_true(vlapic_match(l, &(struct apic_msg){.dest = 0xff}));
	assert_false(vlapic_match(l, &(struct apic_msg){.dest = 0xff, .wide = true}));
	assert_true(vlapic_match(
		l, &(struct apic_msg){.dest = 0x12340030, .logical = true, .wide = true}));
	assert_false(vlapic_match(
		l, &(struct apic_msg){.dest = 0x12350020, .logical = true, .wide = true}));
}

static void test_self_ipi(void **state)
{
	(void)state;
	x2apic(l);
	wrmsr(l, SELF, 0x66, 0);
	assert_int_equal(kicks[0], 1);
	assert_int_equal(vlapic_accept(l), 0x66);
	wrmsr(l, EOI, 0, 0);
	wrmsr(l, ICR, 0x67 | 1u << 18, 0);
	assert_int_equal(vlapic_accept(l), 0x67);
	wrmsr(l, SELF, 0x0f, 0);
	wrmsr(l, ESR, 0, 0);
	assert_int_equal(rdmsr(l, ESR, 0), 0x20);
}

static unsigned who_has(u8 vector)
{
	unsigned set = 0;

	for (unsigned i = 0; i < CPUS; i++) {
		set |= (unsigned)(vlapic_highest_irr(&lapic[i]) == vector) << i;
	}
	return set;
}

static void ipi(u32 dest, u32 low)
{
	wr(l, ICR2, dest << 24, 0);
	wr(l, ICR, low, 0);
	assert_int_equal(rd(l, ICR, 0), low);
}

static void test_ipi_destinations(void **state)
{
	(void)state;
	ipi(2, 0x40);
	assert_int_equal(who_has(0x40), 4);
	assert_int_equal(kicks[2], 1);
	ipi(0xff, 0x41);
	assert_int_equal(who_has(0x41), 15);
	ipi(0x0a, 0x42 | 1u << 11); /* logical, flat */
	assert_int_equal(who_has(0x42), 10);
	ipi(0, 0x43 | 2u << 18);
	assert_int_equal(who_has(0x43), 15);
	ipi(0, 0x44 | 3u << 18);
	assert_int_equal(who_has(0x44), 14);
	lapic[3].apic_id = 0xff;
	wr(&lapic[3], ICR2, 0xffu << 24, 0); /* an id of 0xff does not make broadcast a self IPI */
	wr(&lapic[3], ICR, 0x48, 0);
	assert_int_equal(who_has(0x48), 15);
	ipi(9, 0x49); /* nobody */
	assert_int_equal(who_has(0x49), 0);
	for (unsigned i = 0; i < CPUS; i++) {
		wr(&lapic[i], DFR, 0x0fffffff, 0);
		wr(&lapic[i], LDR, (i / 2) << 28 | 1u << (24 + i % 2), 0);
	}
	ipi(0x13, 0x4a | 1u << 11); /* cluster 1, both members */
	assert_int_equal(who_has(0x4a), 12);
}

static void test_lowest_priority(void **state)
{
	(void)state;
	for (unsigned i = 0; i < CPUS; i++) {
		vlapic_set_tpr(&lapic[i], i == 2 ? 0x10 : 0x20);
	}
	ipi(0x0f, 0x50 | 1u << 8 | 1u << 11);
	assert_int_equal(who_has(0x50), 4);
	vlapic_set_tpr(&lapic[2], 0x20);
	for (unsigned i = 0; i < CPUS; i++) { /* equals take turns */
		ipi(0x0f, (0x51 + i) | 1u << 8 | 1u << 11);
	}
	assert_int_equal(who_has(0x51) | who_has(0x52) | who_has(0x53) | who_has(0x54), 15);
	wr(&lapic[1], SVR, 0xff, 0);
	ipi(0x02, 0x60 | 1u << 8 | 1u << 11);
	assert_int_equal(who_has(0x60), 0);
}

static void test_nmi_init_sipi(void **state)
{
	(void)state;
	wr(&lapic[1], SVR, 0xff, 0); /* software disable stops none of them */
	ipi(1, 4u << 8);
	assert_true(lapic[1].nmi_pending);
	ipi(1, 0x4500);
	assert_true(lapic[1].init_pending);
	lapic[1].init_pending = false;
	ipi(1, 0x8500); /* level de-assert */
	assert_false(lapic[1].init_pending);
	ipi(1, 0x4600 | 0x9a);
	assert_true(lapic[1].sipi_pending);
	assert_int_equal(lapic[1].sipi_vector, 0x9a);
	assert_int_equal(kicks[1], 3);
	assert_false(lapic[0].nmi_pending);
	vlapic_reset(&lapic[1]);
	assert_true(lapic[1].sipi_pending);
}

static void test_lint0_extint(void **state)
{
	(void)state;
	vlapic_init(l, &vp, 0, true, 40); /* virtual wire from the start */
	vplatform_intr_set(&vp, true);
	assert_int_equal(kicks[0], 1);
	assert_int_equal(vplatform_pending_irq(&vp, l), 0x30);
	assert_int_equal(vplatform_pending_irq(&vp, &lapic[1]), -1);
	vlapic_set_irr(l, 0x90, false);
	assert_int_equal(vplatform_ack_irq(&vp, l), 0x30);
	wr(l, LINT0, 0x10700, 0);
	assert_int_equal(vplatform_ack_irq(&vp, l), 0x90);
	assert_int_equal(vplatform_pending_irq(&vp, l), -1);
	wr(l, LINT0, 0x700, 0);
	assert_int_equal(vplatform_pending_irq(&vp, l), 0x30);
	wr(l, SVR, 0xff, 0); /* masks the LVT */
	assert_int_equal(vplatform_pending_irq(&vp, l), -1);
	assert_int_equal(vlapic_set_base(l, VLAPIC_BASE_DEFAULT), 0); /* no APIC: INTR pin */
	assert_int_equal(vplatform_pending_irq(&vp, l), 0x30);
	vplatform_intr_set(&vp, false);
	assert_int_equal(vplatform_pending_irq(&vp, l), -1);
}

static void test_lint_modes(void **state)
{
	(void)state;
	wr(l, LINT0, 0x35, 0);
	vlapic_lint_set(l, 0, true);
	vlapic_lint_set(l, 0, true);
	assert_int_equal(vlapic_accept(l), 0x35);
	assert_int_equal(vlapic_pending_vector(l), -1);
	wr(l, LINT1, 0x400, 0);
	vlapic_lint_set(l, 1, true);
	assert_true(l->nmi_pending);
	vlapic_lint_set(l, 7, true);
	vlapic_lint_set(&lapic[1], 1, true); /* masked */
	assert_false(lapic[1].nmi_pending);
}

static void test_timer_one_shot(void **state)
{
	(void)state;
	assert_true(vlapic_next_event(l) == NEVER);
	wr(l, DIVIDE, 0x3, 0); /* by 16 */
	wr(l, TIMER, 0x31, 0);
	wr(l, INITIAL, 1000, 500);
	assert_true(vlapic_next_event(l) == 16500);
	assert_int_equal(rd(l, CURRENT, 500), 1000);
	assert_int_equal(rd(l, CURRENT, 8500), 500);
	assert_int_equal(rd(l, CURRENT, 8501), 500);
	wr(l, DIVIDE, 0xb, 8500); /* by 1: the count goes on */
	assert_int_equal(rd(l, CURRENT, 8500), 500);
	assert_true(vlapic_next_event(l) == 9000);
	vlapic_tick(l, 8999);
	assert_int_equal(vlapic_pending_vector(l), -1);
	vlapic_tick(l, 9100);
	assert_int_equal(vlapic_accept(l), 0x31);
	assert_int_equal(rd(l, CURRENT, 9100), 0);
	assert_int_equal(rd(l, INITIAL, 9100), 1000);
	assert_true(vlapic_next_event(l) == NEVER);
	wr(l, TIMER, 0x20031, 9200); /* periodic: an ended count stays ended */
	assert_int_equal(rd(l, CURRENT, 9300), 0);
	wr(l, INITIAL, 0, 9300);
	assert_true(vlapic_next_event(l) == NEVER);
}

static void test_timer_periodic(void **state)
{
	u64 now = 0;
	unsigned fired = 0;

	(void)state;
	wr(l, DIVIDE, 0xb, 0);
	wr(l, TIMER, 0x20031, 0);
	wr(l, INITIAL, 1000000, 0);
	while (now < 10ull * S) {
		now = vlapic_next_event(l) + rnd_below(900000);
		vlapic_tick(l, now);
		fired += vlapic_accept(l) == 0x31;
		wr(l, EOI, 0, now);
	}
	assert_in_range(fired, 10000, 10001);
	assert_int_equal(now / 1000000 * 1000000 + 1000000, vlapic_next_event(l));
	vlapic_tick(l, now + 5ull * S); /* five seconds late: one interrupt */
	assert_int_equal(vlapic_accept(l), 0x31);
	assert_true(vlapic_next_event(l) > now + 5ull * S);
	/* One-shot from here: the count is not reset. */
	now = vlapic_next_event(l) - 400000;
	wr(l, TIMER, 0x31, now);
	assert_int_equal(rd(l, CURRENT, now), 400000);
	/* Masked: it counts without events, and comes back in phase. */
	wr(l, TIMER, 0x30031, now);
	assert_true(vlapic_next_event(l) == NEVER);
	assert_int_equal(rd(l, CURRENT, now + 7400000), 1000000);
	assert_int_equal(rd(l, CURRENT, now + 7500000), 900000);
	wr(l, TIMER, 0x20031, now + 7500000);
	assert_true(vlapic_next_event(l) == now + 8400000);
}

static void test_timer_rate_is_limited(void **state)
{
	u64 now = 0;
	unsigned fired = 0;

	(void)state;
	wr(l, DIVIDE, 0xb, 0);
	wr(l, TIMER, 0x20031, 0);
	wr(l, INITIAL, 1, 0);
	while (now < 1ull * S) {
		assert_true(vlapic_next_event(l) > now);
		now = vlapic_next_event(l);
		vlapic_tick(l, now);
		fired++;
	}
	assert_in_range(fired, 19990, 20010);
}

static void test_tsc_deadline(void **state)
{
	(void)state;
	vlapic_set_tsc_deadline(l, 1234, 100); /* not in this mode */
	assert_int_equal(vlapic_tsc_deadline(l), 0);
	wr(l, INITIAL, 500, 0);
	wr(l, TIMER, 0x40031, 0);
	assert_int_equal(rd(l, INITIAL, 0), 0);
	wr(l, INITIAL, 1000, 0); /* ignored now */
	assert_int_equal(rd(l, INITIAL, 0), 0);
	assert_true(vlapic_next_event(l) == NEVER);
	vlapic_set_tsc_deadline(l, 1234, 5000);
	assert_int_equal(vlapic_tsc_deadline(l), 1234);
	assert_true(vlapic_next_event(l) == 5000);
	assert_int_equal(rd(l, CURRENT, 100), 0);
	vlapic_tick(l, 5000);
	assert_int_equal(vlapic_accept(l), 0x31);
	assert_int_equal(vlapic_tsc_deadline(l), 0);
	assert_true(vlapic_next_event(l) == NEVER);
	vlapic_set_tsc_deadline(l, 99, 6000);
	vlapic_set_tsc_deadline(l, 0, 0);
	assert_true(vlapic_next_event(l) == NEVER);
	vlapic_set_tsc_deadline(l, 99, 6000);
	wr(l, TIMER, 0x31, 5500); /* another mode disarms */
	assert_int_equal(vlapic_tsc_deadline(l), 0);
	assert_true(vlapic_next_event(l) == NEVER);
}

/* What the header promises of @pending, recomputed the slow way. */
static void check(const struct vlapic *x)
{
	int irr = -1, isr = -1;
	unsigned ppr;

	for (int v = 0; v < 256; v++) {
		irr = x->irr.word[v / 32] >> v % 32 & 1 ? v : irr;
		isr = x->isr.word[v / 32] >> v % 32 & 1 ? v : isr;
	}
	ppr = isr >= 0 && (isr & 0xf0) > (x->tpr & 0xf0) ? (unsigned)isr & 0xf0 : x->tpr;
	assert_int_equal(x->ppr & 0xf0, ppr & 0xf0);
	assert_int_equal(vlapic_highest_irr(x), irr);
	assert_int_equal(vlapic_pending_vector(x), irr >> 4 > (int)(ppr >> 4) ? irr : -1);
}

static void storm_step(struct vlapic *x, u64 r, u64 now)
{
	u64 val;

	switch (r & 15) {
	case 0:
		vlapic_tick(x, now);
		assert_true(vlapic_next_event(x) > now);
		break;
	case 1:
		vlapic_accept(x);
		break;
	case 2:
		if (vlapic_set_base(x, VLAPIC_BASE_DEFAULT | (r >> 20 & 0xd00)) != 0) {
			check(x);
		}
		break;
	case 3:
		vlapic_set_tsc_deadline(x, r, now + (r >> 40));
		break;
	case 4:
		vlapic_lint_set(x, r >> 8 & 3, r >> 10 & 1);
		break;
	case 5:
		vlapic_set_tpr(x, (u8)(r >> 8 & 0x3f));
		break;
	case 6:
	case 7:
		vlapic_mmio_read(x, (u32)(r >> 8 & 0x1fff), r >> 21 & 7, now);
		break;
	case 8:
	case 9:
		vlapic_mmio_write(x, (u32)(r >> 8 & 0x3f0), 4, (u32)(r >> 24), now);
		break;
	case 10:
		if (vlapic_msr_read(x, 0x800 + (u32)(r >> 8 & 0xff), &val, now) == 0) {
			check(x);
		}
		break;
	default: /* x2APIC writes of few and of many bits */
		val = r & 16 ? r >> 24 : r >> 24 & 0xc0fff;
		if (vlapic_msr_write(x, 0x800 + (u32)(r >> 8 & 0x3f), val, now) == 0) {
			check(x);
		}
		break;
	}
}

static void test_storm(void **state)
{
	u64 now = 0;

	(void)state;
	for (unsigned i = 0; i < 400000; i++) {
		u64 r = rnd();

		now += rnd_step();
		if (i % 64 == 0) { /* or everything ends up disabled */
			wr(&lapic[r >> 60 & 3], SVR, 0x1ff, now);
		}
		storm_step(&lapic[r >> 62], r, now);
		for (unsigned n = 0; n < CPUS && i % 16 == 0; n++) {
			check(&lapic[n]);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_reset_state, setup),
		cmocka_unit_test_setup(test_base_transitions, setup),
		cmocka_unit_test_setup(test_priorities, setup),
		cmocka_unit_test_setup(test_level_eoi, setup),
		cmocka_unit_test_setup(test_errors, setup),
		cmocka_unit_test_setup(test_mmio_access_forms, setup),
		cmocka_unit_test_setup(test_msr_rules, setup),
		cmocka_unit_test_setup(test_x2apic_ids, setup),
		cmocka_unit_test_setup(test_self_ipi, setup),
		cmocka_unit_test_setup(test_ipi_destinations, setup),
		cmocka_unit_test_setup(test_lowest_priority, setup),
		cmocka_unit_test_setup(test_nmi_init_sipi, setup),
		cmocka_unit_test_setup(test_lint0_extint, setup),
		cmocka_unit_test_setup(test_lint_modes, setup),
		cmocka_unit_test_setup(test_timer_one_shot, setup),
		cmocka_unit_test_setup(test_timer_periodic, setup),
		cmocka_unit_test_setup(test_timer_rate_is_limited, setup),
		cmocka_unit_test_setup(test_tsc_deadline, setup),
		cmocka_unit_test_setup(test_storm, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
