// SPDX-License-Identifier: Apache-2.0
/* More interrupts pending than a virtual interface can list: all come, the most urgent first. */
#include "guest.h"

#define COUNT 40

static u32 first = 32, count;
static u8 priorities[1024];
static bool done[1024];

static u8 random_priority(void)
{
	return (u8)(random64() % 15 * 0x10);
}

static void set_priorities(void)
{
	for (u32 i = 0; i < first + count; i++) {
		priorities[i] = random_priority();
		gic_priority(i, priorities[i]);
		done[i] = false;
	}
	dsb();
}

static void raise(u32 intid)
{
	if (intid < 16) {
		gic_sgi(intid);
	} else {
		gic_bit_set(GICD_ISPENDR, intid);
	}
}

static u32 take(u8 *last)
{
	u32 intid = gic_acknowledge();

	if (intid == INTID_SPURIOUS) {
		return intid;
	}
	if (done[intid] || (intid >= 16 && intid < first)) {
		fail("%u came %s", intid, done[intid] ? "twice" : "unasked");
	}
	if (priorities[intid] < *last) {
		fail("%u of priority %x came after %x", intid, priorities[intid], *last);
	}
	*last = priorities[intid];
	done[intid] = true;
	gic_end(intid);
	return intid;
}

static void all_at_once(void)
{
	u8 last = 0;

	set_priorities();
	for (u32 i = 0; i < 16; i++) {
		raise(i);
	}
	for (u32 i = first; i < first + count; i++) {
		raise(i);
	}
	for (u32 i = 0; i < 16 + count; i++) {
		if (take(&last) == INTID_SPURIOUS) {
			fail("only %u of %u came", i, 16 + count);
		}
	}
	CHECK_EQ(take(&last), INTID_SPURIOUS);
}

/* With more urgent ones added, and some taken back, meanwhile. */
static void changing(void)
{
	u32 raised = 0, taken = 0, cleared = 0;
	u8 last = 0;

	set_priorities();
	for (u32 i = first; i < first + count; i++) {
		raise(i);
		raised++;
	}
	for (u32 i = 0; i < 16; i++) {
		u32 victim = first + (u32)(random64() % count);

		last = 0;
		raise(i);
		raised++;
		if (!done[victim] && gic_bit(GICD_ISPENDR, victim)) {
			gic_bit_set(GICD_ICPENDR, victim);
			dsb();
			done[victim] = true;
			cleared++;
		}
		taken += take(&last) != INTID_SPURIOUS;
	}
	last = 0;
	while (take(&last) != INTID_SPURIOUS) {
		taken++;
	}
	CHECK_EQ(taken + cleared, raised);
}

static void hook(u32 intid)
{
	done[intid] = true;
}

/* As interrupts, not by polling: the last list register's empty end has to be noticed. */
static void delivered(void)
{
	u32 before = 0, after = 0;

	set_priorities();
	for (u32 i = 0; i < 1020; i++) {
		before += irq_count[i];
	}
	for (u32 i = first; i < first + count; i++) {
		raise(i);
	}
	irq_enable();
	isb();
	irq_disable();
	for (u32 i = 0; i < 1020; i++) {
		after += irq_count[i];
	}
	CHECK_EQ(after - before, count);
}

void guest_main(void)
{
	gic_init();
	count = gic_lines() - first < COUNT ? gic_lines() - first : COUNT;
	print("%u interrupts\n", count + 16);
	irq_hook = hook;
	for (u32 i = 0; i < 16; i++) {
		gic_enable(i);
	}
	for (u32 i = first; i < first + count; i++) {
		gic_edge(i, true);
		gic_enable(i);
		mmio_write64(GICD_BASE + GICD_IROUTER + i * 8,
			     sysreg_read(mpidr_el1) & 0xff00ffffffULL);
	}
	for (unsigned round = 0; round < 50; round++) {
		all_at_once();
		changing();
		delivered();
	}
	CHECK_EQ(irq_count[INTID_SPURIOUS], 0);
}
