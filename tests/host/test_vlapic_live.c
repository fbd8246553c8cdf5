// SPDX-License-Identifier: Apache-2.0
/*
 * A LAPIC that the CPU keeps in part: what goes into its page and comes out of it. The CPU is a
 * model, by the manual's pseudocode of "Virtual-Interrupt Delivery" and "EOI Virtualization"; a
 * LAPIC of software that is given the same must do the same.
 */
#include "tests/host/vplatform_fake.h"

#include "arch/x86/vlapic_int.h"
#include "arch/x86/vplatform.h"

static struct vplatform vp;
static struct vlapic live, soft;
static struct vlapic *const l = &live;
static u32 page[1024];
static unsigned eois[2], kicks;
static u8 eoi_vector;
static bool in_soft;

void vplatform_kick(struct vplatform *platform, struct vlapic *target)
{
	(void)platform;
	kicks += target == &live;
}

void vioapic_set_pin(struct vioapic *io, unsigned pin, bool level)
{
	(void)io, (void)pin, (void)level;
}

void vioapic_eoi(struct vioapic *io, u8 vector)
{
	(void)io;
	eois[in_soft]++;
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

static void lapic_make(struct vlapic *x, u32 id)
{
	u64 base = VLAPIC_BASE_DEFAULT | APIC_BASE_EN | APIC_BASE_EXTD;

	vlapic_init(x, &vp, id, false, 40);
	assert_int_equal(vlapic_set_base(x, base), 0);
	assert_int_equal(vlapic_msr_write(x, 0x800 + REG_SVR, 0x1ff, 0), 0);
}

static int setup(void **state)
{
	(void)state;
	memset(&vp, 0, sizeof(vp));
	memset(page, 0xa5, sizeof(page));
	memset(eois, 0, sizeof(eois));
	kicks = 0;
	in_soft = false;
	lapic_make(&live, 0x12);
	lapic_make(&soft, 0x12);
	vp.lapics[0] = &live;
	vp.lapic_count = 1;
	return 0;
}

static u64 rd(struct vlapic *x, u32 reg)
{
	u64 val = 0;

	assert_int_equal(vlapic_msr_read(x, 0x800 + reg, &val, 0), 0);
	return val;
}

static bool page_bit(u32 reg, u8 vector)
{
	return page[(reg + vector / 32) * 4] >> vector % 32 & 1;
}

static void page_set(u32 reg, u8 vector, bool on)
{
	u32 bit = 1u << vector % 32;

	page[(reg + vector / 32) * 4] &= ~bit;
	page[(reg + vector / 32) * 4] |= on ? bit : 0;
}

/* Everything that is in the LAPIC when it becomes live is in the page then. */
static void test_begin(void **state)
{
	(void)state;
	vlapic_set_irr(l, 0x51, false);
	assert_int_equal(vlapic_accept(l), 0x51);
	vlapic_set_irr(l, 0x61, true);
	vlapic_set_irr(l, 0x41, false);
	vlapic_set_tpr(l, 0x23);
	vlapic_live_begin(l, page);
	assert_int_equal(page[REG_ID * 4], 0x12);
	assert_int_equal(page[REG_VERSION * 4], 0x00050014);
	assert_int_equal(page[REG_LDR * 4], 1u << 16 | 1u << 2);
	assert_int_equal(page[REG_TPR * 4], 0x23);
	assert_int_equal(page[REG_PPR * 4], 0x50);
	assert_true(page_bit(REG_ISR, 0x51) && page_bit(REG_IRR, 0x61) && page_bit(REG_IRR, 0x41));
	assert_true(page_bit(REG_TMR, 0x61) && !page_bit(REG_TMR, 0x41));
	assert_int_equal(vlapic_live_requested(l), 0x61);
	assert_int_equal(vlapic_live_in_service(l), 0x51);
	assert_true(vlapic_live_waits(l));
	assert_int_equal(vlapic_pending_vector(l), -1);
	assert_false(l->irr.nonzero | l->isr.nonzero);
	/* Upper halves of what RDMSR reads are 0; the rest of the page is not ours. */
	for (u32 i = 0; i < VLAPIC_LIVE_WORDS; i++) {
		assert_true(i % 4 == 0 || !page[i]);
	}
	assert_int_equal(page[VLAPIC_LIVE_WORDS], 0xa5a5a5a5);
	/* Read by software they are what the page says. */
	page[REG_PPR * 4] = 0x70;
	assert_int_equal(rd(l, REG_TPR), 0x23);
	assert_int_equal(rd(l, REG_PPR), 0x70);
	assert_int_equal(rd(l, REG_ISR + 2), 1u << 17);
	assert_int_equal(rd(l, REG_IRR + 3), 2);
	assert_false(vlapic_live_waits(l));
}

static void test_post(void **state)
{
	bool changed = false;

	(void)state;
	vlapic_live_begin(l, page);
	assert_false(vlapic_live_waits(l));
	assert_int_equal(vlapic_live_post(l, &changed), -1);
	vlapic_set_irr(l, 0x41, false);
	vlapic_set_irr(l, 0x91, false);
	vlapic_set_irr(l, 0x42, false);
	assert_int_equal(kicks, 2); /* not for what is below */
	assert_int_equal(vlapic_pending_vector(l), 0x91);
	assert_true(vlapic_live_waits(l)); /* on its way counts */
	page[REG_PPR * 4] = 0x90;
	assert_false(vlapic_live_waits(l));
	assert_false(page_bit(REG_IRR, 0x41));
	assert_int_equal(vlapic_live_post(l, &changed), 0x91);
	assert_true(page_bit(REG_IRR, 0x41) && page_bit(REG_IRR, 0x42) && page_bit(REG_IRR, 0x91));
	assert_int_equal(vlapic_pending_vector(l), -1);
	assert_int_equal(vlapic_live_post(l, &changed), -1);
	assert_false(changed);
	assert_int_equal(vlapic_live_requested(l), 0x91);
	page_set(REG_IRR, 0x91, false); /* the CPU delivers it; 0x41 and 0x42 stay */
	assert_int_equal(vlapic_live_requested(l), 0x42);

	/* The trigger mode: said once in each direction. */
	vlapic_set_irr(l, 0xa1, true);
	assert_int_equal(vlapic_live_post(l, &changed), 0xa1);
	assert_true(changed && page_bit(REG_TMR, 0xa1));
	changed = false;
	vlapic_set_irr(l, 0xa1, true);
	assert_int_equal(vlapic_live_post(l, &changed), 0xa1);
	assert_false(changed);
	vlapic_set_irr(l, 0xa1, false);
	vlapic_live_post(l, &changed);
	assert_true(changed && !page_bit(REG_TMR, 0xa1));

	/* Software-disabled: nothing is taken. */
	assert_int_equal(vlapic_msr_write(l, 0x800 + REG_SVR, 0xff, 0), 0);
	assert_false(vlapic_set_irr(l, 0xb1, false));
	assert_int_equal(vlapic_live_post(l, &changed), -1);
}

static void test_exits(void **state)
{
	bool changed = false;

	(void)state;
	vlapic_live_begin(l, page);
	vlapic_set_irr(l, 0x71, true);
	vlapic_live_post(l, &changed);
	vlapic_live_eoi(l, 0x71);
	assert_true(eois[0] == 1 && eoi_vector == 0x71);
	vlapic_live_eoi(l, 0x72);
	assert_int_equal(eois[0], 1);
	/* A self-IPI below 16 is an error. */
	page[REG_SELF_IPI * 4] = 5;
	vlapic_live_written(l, REG_SELF_IPI, 0);
	assert_int_equal(vlapic_msr_write(l, 0x800 + REG_ESR, 0, 0), 0);
	assert_int_equal(rd(l, REG_ESR), 0x20);
	vlapic_live_written(l, 0xff, 0);
	vlapic_live_written(l, REG_ID, 0);
	vlapic_reset(l);
	assert_null(l->live);
	vlapic_live_written(l, REG_SELF_IPI, 0);
	assert_int_equal(rd(l, REG_IRR + 3), 0);
}

static void test_which(void **state)
{
	(void)state;
	for (u32 reg = 0; reg < 0x100; reg++) {
		u64 val;

		/* Without an exit goes only what software would let through. */
		if (vlapic_live_reads(reg)) {
			assert_int_equal(vlapic_msr_read(l, 0x800 + reg, &val, 0), 0);
		}
	}
	assert_false(vlapic_live_reads(REG_CURRENT) || vlapic_live_reads(REG_EOI) ||
		     vlapic_live_reads(REG_ESR) || vlapic_live_reads(REG_SELF_IPI));
	assert_true(vlapic_live_reads(REG_IRR + 7) && vlapic_live_reads(REG_ISR));
	assert_true(vlapic_live_writes(REG_EOI) && vlapic_live_writes(REG_TPR) &&
		    vlapic_live_writes(REG_SELF_IPI) && !vlapic_live_writes(REG_ICR));
}

/* The CPU. */
static u8 rvi, svi;

static void cpu_ppr(void)
{
	u32 tpr = page[REG_TPR * 4];

	page[REG_PPR * 4] = tpr >> 4 >= svi >> 4 ? tpr : svi & 0xf0u;
}

static int cpu_deliver(void)
{
	u8 vector = rvi;

	if (rvi >> 4 <= page[REG_PPR * 4] >> 4) {
		return -1;
	}
	page_set(REG_ISR, vector, true);
	page_set(REG_IRR, vector, false);
	svi = vector;
	page[REG_PPR * 4] = vector & 0xf0;
	rvi = vlapic_live_requested(l);
	return vector;
}

static void cpu_eoi(void)
{
	u8 vector = svi;

	page_set(REG_ISR, vector, false);
	svi = vlapic_live_in_service(l);
	cpu_ppr();
	if (page_bit(REG_TMR, vector)) { /* what the EOI-exit bitmap is made of */
		vlapic_live_eoi(l, vector);
	}
}

/* One step of both LAPICs. */
static void both_step(u64 r)
{
	u8 vector = (u8)(r >> 8);
	int a, b;

	switch (r & 7) {
	case 0:
	case 1:
	case 2:
		vlapic_set_irr(&live, vector, r >> 16 & 1);
		vlapic_set_irr(&soft, vector, r >> 16 & 1);
		break;
	case 3:
		page[REG_TPR * 4] = vector & 0x7f;
		vlapic_set_tpr(&soft, vector & 0x7f);
		cpu_ppr();
		break;
	case 4:
	case 5:
		a = cpu_deliver();
		b = vlapic_accept(&soft);
		assert_int_equal(a, b);
		break;
	default:
		cpu_eoi();
		in_soft = true;
		vlapic_eoi(&soft);
		in_soft = false;
		break;
	}
}

static void test_model(void **state)
{
	bool changed = false;

	(void)state;
	for (unsigned i = 0; i < 20; i++) { /* it begins with something */
		vlapic_set_irr(&live, (u8)(i * 37), i & 1);
		vlapic_set_irr(&soft, (u8)(i * 37), i & 1);
		if (i % 5 == 0) {
			assert_int_equal(vlapic_accept(&live), vlapic_accept(&soft));
		}
	}
	vlapic_live_begin(l, page);
	rvi = vlapic_live_requested(l);
	svi = vlapic_live_in_service(l);
	for (unsigned i = 0; i < 200000; i++) {
		int vector;

		both_step(rnd());
		assert_int_equal(vlapic_live_waits(l), vlapic_pending_vector(&soft) >= 0);
		vector = vlapic_live_post(l, &changed);
		rvi = vector > rvi ? (u8)vector : rvi;
		assert_int_equal(eois[0], eois[1]);
		for (u32 reg = 0; reg < 8; reg++) {
			assert_int_equal(page[(REG_IRR + reg) * 4], soft.irr.word[reg]);
			assert_int_equal(page[(REG_ISR + reg) * 4], soft.isr.word[reg]);
			assert_int_equal(page[(REG_TMR + reg) * 4], soft.tmr.word[reg]);
		}
		assert_int_equal(page[REG_PPR * 4] & 0xf0, soft.ppr & 0xf0);
	}
	assert_true(changed && eois[0]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_begin, setup),
		cmocka_unit_test_setup(test_post, setup),
		cmocka_unit_test_setup(test_exits, setup),
		cmocka_unit_test_setup(test_which, setup),
		cmocka_unit_test_setup(test_model, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
