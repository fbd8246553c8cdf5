// SPDX-License-Identifier: Apache-2.0
#include "tests/host/test_vgic_model.h"

#include <stdlib.h>
#include <string.h>

#include "arch/arm64/vgic_hw.h"
#include "arch/arm64/vgic_int.h"

#define TIMER 27u
#define CHECK(x)                          \
	do {                              \
		if (!(x)) {               \
			__builtin_trap(); \
		}                         \
	} while (0)

struct world world;
static struct world *const w = &world;

/* The reference. */
struct ref_irq {
	bool enabled, latch, line, active, edge, group1;
	u8 priority;
	u8 home;
	bool withdrawn; /* linked, and its line fell while the guest may hold it in an LR */
};
static struct {
	struct ref_irq ppi[2][32], spi[VGIC_SPI_COUNT];
	bool g0, g1;
	u32 stack[2][64]; /* group, priority, INTID: acknowledged, priority not yet dropped */
	unsigned depth[2];
} ref;

/* ---- what vgic.c sees ---- */

u64 vgic_hw_lr_read(unsigned n)
{
	CHECK(n < w->lr_count);
	w->lr_reads++;
	return w->lr[n];
}

void vgic_hw_lr_write(unsigned n, u64 val)
{
	CHECK(n < w->lr_count);
	w->lr_writes++;
	w->lr[n] = val;
}

u64 vgic_hw_hcr_read(void)
{
	return w->hcr;
}

void vgic_hw_hcr_write(u64 val)
{
	w->hcr = val;
}

u64 vgic_hw_vmcr_read(void)
{
	return w->vmcr;
}

unsigned vgic_hw_running_priority(void)
{
	u64 ap = w->ap0r | w->ap1r;

	return ap ? (unsigned)__builtin_ctzll(ap) << 3 : 0x100;
}

u32 vgic_hw_intid(u32 intid)
{
	return intid;
}

bool vgic_hw_line(const struct vgic_cpu *cpu, u32 intid)
{
	CHECK(intid == TIMER);
	return w->timer[cpu->index];
}

void vgic_hw_deactivate(struct vgic_cpu *cpu, u32 intid)
{
	CHECK(intid == TIMER);
	if (cpu->loaded) {
		CHECK(w->phys_active && cpu == &w->cpu[w->loaded]);
		w->phys_active = false;
	}
}

void vgic_hw_load(struct vgic_cpu *cpu)
{
	w->vmcr = cpu->vmcr;
	w->ap0r = cpu->ap0r[0];
	w->ap1r = cpu->ap1r[0];
	w->phys_active = cpu->bank.hw & cpu->bank.line;
}

void vgic_hw_put(struct vgic_cpu *cpu)
{
	cpu->vmcr = w->vmcr;
	cpu->ap0r[0] = w->ap0r;
	cpu->ap1r[0] = w->ap1r;
	w->phys_active = false;
}

void vgic_kick(struct vgic_cpu *cpu)
{
	CHECK(!cpu->loaded || cpu->vgic->shared);
	w->kicks[cpu->index]++;
}

/* ---- the CPU interface ---- */

static unsigned lr_priority(u64 lr)
{
	return (unsigned)FIELD_GET(LR_PRIORITY, lr);
}

/* The LR of the highest pending interrupt that is signalled, -1: none. */
static int hppi(void)
{
	int best = -1;

	for (unsigned n = 0; n < w->lr_count; n++) {
		u64 lr = w->lr[n], veng = lr & LR_GROUP1 ? ICH_VMCR_VENG1 : ICH_VMCR_VENG0;

		if ((lr & LR_STATE) == LR_PENDING && (w->vmcr & veng) &&
		    (best < 0 || lr_priority(lr) < lr_priority(w->lr[best]))) {
			best = (int)n;
		}
	}
	if (best >= 0 && (lr_priority(w->lr[best]) >= FIELD_GET(ICH_VMCR_VPMR, w->vmcr) ||
			  lr_priority(w->lr[best]) >= vgic_hw_running_priority())) {
		return -1;
	}
	return best;
}

u32 guest_ack(bool group1)
{
	int n = hppi();

	if (n < 0 || ((w->lr[n] & LR_GROUP1) != 0) != group1) {
		return 1023;
	}
	w->lr[n] ^= LR_PENDING | LR_ACTIVE;
	*(group1 ? &w->ap1r : &w->ap0r) |= BIT(lr_priority(w->lr[n]) >> 3);
	w->taken++;
	return (u32)w->lr[n];
}

static void eoi_count(void)
{
	if (FIELD_GET(ICH_HCR_EOICOUNT, w->hcr) < 31) {
		w->hcr += BIT(27);
	}
}

static bool lr_is_active(u32 intid)
{
	for (unsigned n = 0; n < w->lr_count; n++) {
		if ((u32)w->lr[n] == intid && (w->lr[n] & LR_ACTIVE)) {
			return true;
		}
	}
	return false;
}

static void lr_deactivate(u32 intid)
{
	for (unsigned n = 0; n < w->lr_count; n++) {
		if ((u32)w->lr[n] != intid || !(w->lr[n] & LR_STATE)) {
			continue;
		}
		if (w->lr[n] & LR_ACTIVE) {
			w->lr[n] &= ~LR_ACTIVE;
			if (w->lr[n] & LR_HW) {
				w->phys_active = false;
			}
		}
		return;
	}
	eoi_count();
}

void guest_eoi(u32 intid, bool group1)
{
	u64 *ap = group1 ? &w->ap1r : &w->ap0r;

	*ap &= *ap - 1;
	if (!(w->vmcr & ICH_VMCR_VEOIM)) {
		lr_deactivate(intid);
	} else if ((w->flags & WORLD_QEMU) && !lr_is_active(intid)) {
		eoi_count();
	}
}

void guest_dir(u32 intid)
{
	if (w->hcr & ICH_HCR_TDIR) {
		w->trapped_dir++;
		vgic_dir_write(&w->cpu[w->loaded], intid);
	} else if (w->vmcr & ICH_VMCR_VEOIM) {
		lr_deactivate(intid);
	}
}

/* ICH_MISR_EL2 is not 0. */
static bool maintenance(void)
{
	bool pending = false, eoi = false;

	for (unsigned n = 0; n < w->lr_count; n++) {
		pending |= (w->lr[n] & LR_STATE) == LR_PENDING;
		eoi |= !(w->lr[n] & (LR_STATE | LR_HW)) && (w->lr[n] & LR_EOI);
	}
	return (w->hcr & ICH_HCR_EN) &&
	       (eoi || ((w->hcr & ICH_HCR_NPIE) && !pending) ||
		((w->hcr & ICH_HCR_LRENPIE) && FIELD_GET(ICH_HCR_EOICOUNT, w->hcr)));
}

static bool timer_is_due(void)
{
	return w->timer[w->loaded] && !w->phys_active;
}

void world_check_lrs(void)
{
	u32 seen[3] = {0};

	for (unsigned n = 0; n < w->lr_count; n++) {
		u64 lr = w->lr[n];
		u32 intid = (u32)lr;

		if (!(lr & LR_STATE)) {
			continue;
		}
		CHECK(intid < VGIC_INTIDS);
		CHECK(!(seen[intid / 32] & (u32)1 << intid % 32)); /* UNPREDICTABLE otherwise */
		seen[intid / 32] |= (u32)1 << intid % 32;
		if (lr & LR_HW) {
			CHECK((lr & LR_STATE) != LR_STATE);
			CHECK(intid == TIMER && FIELD_GET(LR_PINTID, lr) == TIMER);
			CHECK(w->phys_active);
		}
	}
}

/* Interrupts that EL2 takes at once: the timer's, the maintenance interrupt. */
void world_settle(void)
{
	struct vgic_cpu *cpu = &w->cpu[w->loaded];

	for (unsigned i = 0; maintenance() || timer_is_due(); i++) {
		CHECK(i < 4); /* or the guest would never run */
		world_check_lrs();
		if (timer_is_due()) {
			w->phys_active = true;
			vgic_set_ppi(cpu, TIMER, true);
		} else {
			w->maintenance++;
			vgic_update(cpu);
			CHECK(!maintenance());
		}
	}
	world_check_lrs();
	w->overflows += (w->hcr & (ICH_HCR_NPIE | ICH_HCR_LRENPIE)) != 0;
}

void world_switch(unsigned to)
{
	vgic_cpu_put(&w->cpu[w->loaded]);
	for (unsigned n = 0; n < w->lr_count; n++) {
		CHECK(!(w->lr[n] & LR_STATE));
	}
	w->loaded = to;
	vgic_cpu_load(&w->cpu[to]);
}

/* ---- the reference ---- */

static struct ref_irq *ref_irq(unsigned c, u32 intid)
{
	return intid < 32 ? &ref.ppi[c][intid] : &ref.spi[intid - 32];
}

static bool ref_pending(const struct ref_irq *r)
{
	return r->latch || (r->line && !r->edge);
}

/* The best priority that vCPU @c can take, 0x100: none; @group1: of which group. */
static unsigned ref_best(unsigned c, bool running, bool *group1)
{
	u64 vmcr = c == w->loaded ? w->vmcr : w->cpu[c].vmcr;
	unsigned limit = (unsigned)FIELD_GET(ICH_VMCR_VPMR, vmcr), best = 0x100;

	if (running && ref.depth[c]) {
		u32 top = ref.stack[c][ref.depth[c] - 1] >> 8 & 0xff;

		limit = top < limit ? top : limit;
	}
	for (u32 intid = 0; intid < VGIC_INTIDS; intid++) {
		struct ref_irq *r = ref_irq(c, intid);

		if (r->home == c && ref_pending(r) && r->enabled && !r->active &&
		    (r->group1 ? ref.g1 : ref.g0) &&
		    (vmcr & (r->group1 ? ICH_VMCR_VENG1 : ICH_VMCR_VENG0)) && r->priority < limit &&
		    r->priority < best) {
			best = r->priority;
			*group1 = r->group1;
		}
	}
	return best;
}

static void ref_check(u32 r)
{
	for (unsigned c = 0; c < 2; c++) {
		bool group1, strict = c == w->loaded;
		bool has = ref_best(c, strict, &group1) < 0x100;

		if (r & 1u << c) {
			bool got = vgic_cpu_has_irq(&w->cpu[c]);

			CHECK(got == has);
			world_settle();
		}
	}
	for (u32 k = 0; k < 4 && (r & 4); k++) { /* the redistributors, and the SPIs */
		u32 at = k < 2 ? 0 : k - 1, pend = 0, act = 0;
		u64 base = k < 2 ? k * 0x20000 + 0x10000 : at * 4;

		/* Either first, for it is the first that has the LRs folded. */
		for (unsigned n = 0; n < 2; n++) {
			bool active = n ^ (r >> 3 & 1);
			u64 at_reg = base + (active ? 0x300 : 0x280);

			*(active ? &act : &pend) =
				(u32)(k < 2 ? vgic_redist_read(&w->vgic, at_reg, 4)
					    : vgic_dist_read(&w->vgic, at_reg, 4));
		}
		for (u32 i = 0; i < 32; i++) {
			struct ref_irq *irq = ref_irq(k, at * 32 + i);

			CHECK((pend >> i & 1) == ref_pending(irq));
			CHECK((act >> i & 1) == irq->active);
		}
	}
	if (r & 4) {
		ref_irq(w->loaded, TIMER)->withdrawn = false; /* reading has resampled it */
	}
}

/* ---- steps ---- */

static u64 reg_base(u32 intid, unsigned c)
{
	return intid < 32 ? c * 0x20000 + 0x10000 : 0;
}

static void reg_write(u32 intid, unsigned c, u64 offset, unsigned size, u64 val)
{
	if (intid < 32) {
		vgic_redist_write(&w->vgic, reg_base(intid, c) + offset, size, val);
	} else {
		vgic_dist_write(&w->vgic, offset, size, val);
	}
}

static void bit_write(u32 intid, unsigned c, u64 offset)
{
	reg_write(intid, c, offset + intid / 32 * 4, 4, (u32)1 << intid % 32);
}

void world_init(unsigned lr_count, unsigned flags)
{
	memset(w, 0, sizeof(*w));
	memset(&ref, 0, sizeof(ref));
	w->lr_count = lr_count;
	w->flags = flags;
	vgic_init(&w->vgic, false);
	for (unsigned c = 0; c < 2; c++) {
		vgic_cpu_init(&w->vgic, &w->cpu[c], c ? 0x180000203 : 0x80000000, lr_count);
		vgic_link_ppi(&w->cpu[c], TIMER);
		w->cpu[c].vmcr = ICH_VMCR_VPMR | ICH_VMCR_VENG1 | ICH_VMCR_VENG0 |
				 (flags & WORLD_EOIMODE1 ? ICH_VMCR_VEOIM : 0);
		for (unsigned i = 0; i < 32; i++) {
			ref.ppi[c][i] = (struct ref_irq){.group1 = true, .edge = i < 16};
			ref.ppi[c][i].home = (u8)c;
		}
	}
	for (unsigned i = 0; i < VGIC_SPI_COUNT; i++) {
		ref.spi[i] = (struct ref_irq){.group1 = true};
	}
	if (!(flags & WORLD_HOSTILE)) { /* much is on from the start */
		for (u32 intid = 0; intid < VGIC_INTIDS; intid++) {
			bit_write(intid, 0, 0x100);
			ref_irq(0, intid)->enabled = true;
			reg_write(intid, 0, 0x400 + intid, 1, intid << 3 & 0xff);
			ref_irq(0, intid)->priority = (u8)(intid << 3);
		}
		vgic_dist_write(&w->vgic, 0, 4, 3);
		ref.g0 = ref.g1 = true;
	}
	vgic_cpu_load(&w->cpu[0]);
}

/* Any interrupt; the linked one, and few others, often. */
static u32 step_intid(u32 r)
{
	switch (r >> 4 & 3) {
	case 0:
		return TIMER;
	case 1:
		return 14 + (r >> 8) % 30;
	default:
		return (r >> 8) % VGIC_INTIDS;
	}
}

static void step_line(u32 r)
{
	u32 intid = step_intid(r), c = r >> 16 & 1;
	bool level = r >> 17 & 1;
	struct ref_irq *irq = ref_irq(c, intid);

	if (intid < 16) {
		return;
	}
	if (intid == TIMER) {
		irq->withdrawn = !level && c == w->loaded;
		w->timer[c] = level;
	} else if (intid < 32) {
		vgic_set_ppi(&w->cpu[c], intid, level);
	} else {
		vgic_set_spi(&w->vgic, intid, level);
	}
	irq->latch |= irq->edge && level && !irq->line;
	irq->line = level;
}

static void step_sgi(u32 r)
{
	static const u64 target[2] = {1, (u64)1 << 32 | 2 << 16 | 1 << 3}; /* Aff2.1: below */
	u32 intid = r >> 8 & 15, from = w->loaded;
	bool group1 = (r >> 12 & 7) != 0;
	u64 val = (u64)intid << 24;

	if (r >> 16 & 1) {
		val |= BIT(40);
		from ^= 1; /* the one that gets it */
	} else {
		from = r >> 17 & 1;
		val |= from ? (u64)1 << 48 | 2 << 16 | 1 << 3 : target[0];
	}
	vgic_sgi_write(&w->cpu[w->loaded], val, group1);
	if (group1 || !ref.ppi[from][intid].group1) {
		ref.ppi[from][intid].latch = true;
	}
}

/* Registers whose bits a guest may write at any time. */
static void step_bits(u32 r)
{
	u32 intid = step_intid(r), c = r >> 16 & 1;
	struct ref_irq *irq = ref_irq(c, intid);

	switch (r >> 17 & 7) {
	case 0:
	case 1:
	case 2:
		bit_write(intid, c, 0x100);
		irq->enabled = true;
		break;
	case 3:
		bit_write(intid, c, 0x180);
		irq->enabled = false;
		break;
	case 4:
		bit_write(intid, c, 0x200);
		irq->latch = true;
		break;
	case 5:
		bit_write(intid, c, 0x280);
		irq->latch = false;
		break;
	case 6:
		if (w->flags & WORLD_EOIMODE1) {
			bit_write(intid, c, 0x300);
			irq->active = true;
		}
		break;
	default:
		if (w->flags & WORLD_EOIMODE1) {
			bit_write(intid, c, 0x380);
			irq->active = false;
		}
		break;
	}
}

static void step_config(u32 r)
{
	u32 intid = step_intid(r), c = r >> 16 & 1;
	struct ref_irq *irq = ref_irq(c, intid);
	u32 val;

	switch (r >> 17 & 7) {
	case 0:
		val = r >> 20 & 7 ? 3 : r >> 23 & 3;
		vgic_dist_write(&w->vgic, 0, 4, val);
		ref.g0 = val & 1;
		ref.g1 = val & 2;
		break;
	case 1:
		if (intid >= 32) {
			val = (u32)vgic_dist_read(&w->vgic, 0xc00 + intid / 16 * 4, 4);
			irq->edge = r >> 20 & 1;
			val &= ~((u32)2 << intid % 16 * 2);
			val |= (u32)irq->edge << (intid % 16 * 2 + 1);
			vgic_dist_write(&w->vgic, 0xc00 + intid / 16 * 4, 4, val);
		}
		break;
	case 2:
		if (intid >= 32 && !irq->active) {
			irq->home = (u8)c;
			vgic_dist_write(&w->vgic, 0x6000 + intid * 8, 8, c ? 0x100000203 : 0);
		}
		break;
	case 3:
		if ((w->flags & WORLD_GROUP0) && !irq->active) {
			val = intid < 32 ? w->cpu[c].bank.group1
					 : w->vgic.spi[intid / 32 - 1].group1;
			val ^= (u32)1 << intid % 32;
			reg_write(intid, c, 0x80 + intid / 32 * 4, 4, val);
			irq->group1 = !irq->group1;
		}
		break;
	default:
		if (!irq->active) {
			irq->priority = (u8)(r >> 24 & 0xf8);
			reg_write(intid, c, 0x400 + intid, 1, r >> 24);
		}
		break;
	}
}

static void step_vmcr(u32 r)
{
	w->vmcr &= ~ICH_VMCR_VPMR;
	w->vmcr |= FIELD_PREP(ICH_VMCR_VPMR, r >> 8 & 7 ? 0xf8 : r >> 16 & 0xf8);
	if (!(w->flags & WORLD_GROUP0)) {
		w->vmcr &= ~ICH_VMCR_VENG1;
		w->vmcr |= r >> 9 & 3 ? ICH_VMCR_VENG1 : 0;
	}
}

static void step_ack(u32 r)
{
	unsigned c = w->loaded, best;
	bool group1 = true;
	struct ref_irq *irq;
	u32 intid;

	if (w->flags & WORLD_HOSTILE) {
		(void)guest_ack(r >> 8 & 1);
		return;
	}
	best = ref_best(c, true, &group1);
	intid = guest_ack(group1);
	if (intid == 1023) {
		/* Another group's may be as good, and be the one that the CPU has chosen. */
		intid = guest_ack(!group1);
	}
	if (intid == 1023) {
		CHECK(best == 0x100);
		return;
	}
	irq = ref_irq(c, intid);
	CHECK(irq->home == c && !irq->active);
	if (!(intid == TIMER && irq->withdrawn)) {
		CHECK(irq->priority == best && ref_pending(irq) && irq->enabled);
	}
	irq->withdrawn = false;
	irq->active = true;
	irq->latch = false;
	CHECK(ref.depth[c] < 64);
	ref.stack[c][ref.depth[c]++] = intid | (u32)irq->priority << 8 | (u32)irq->group1 << 16;
}

static void step_eoi(u32 r)
{
	unsigned c = w->loaded;
	u32 intid, top;

	if (w->flags & WORLD_HOSTILE) {
		guest_eoi(r >> 9 & 1023, r >> 8 & 1);
		return;
	}
	if (!ref.depth[c]) {
		return;
	}
	top = ref.stack[c][--ref.depth[c]];
	intid = top & 0xff;
	guest_eoi(intid, top >> 16);
	if (!(w->flags & WORLD_EOIMODE1)) {
		ref_irq(c, intid)->active = false;
	}
}

/* In any order, also before the priority drop. */
static void step_dir(u32 r)
{
	u32 intid = step_intid(r);

	if (w->flags & WORLD_HOSTILE) {
		guest_dir(r >> 8 & 0xffffff);
		return;
	}
	for (u32 i = 0; i < VGIC_INTIDS && (w->flags & WORLD_EOIMODE1); i++) {
		u32 at = (intid + i) % VGIC_INTIDS;
		struct ref_irq *irq = ref_irq(w->loaded, at);

		if (irq->active && irq->home == w->loaded) {
			guest_dir(at);
			irq->active = false;
			return;
		}
	}
}

static void step_hostile(u32 r, u32 val)
{
	u64 offset = r >> 8 & 0x1fff, wide = val | (u64)val << 32;
	unsigned size = 1u << (r & 3);

	if (r & 4) {
		offset |= r >> 6 & 0xe000;
	}
	switch (r >> 3 & 3) {
	case 0:
		vgic_dist_write(&w->vgic, offset, size, wide);
		break;
	case 1:
		vgic_redist_write(&w->vgic, offset | (val & 0x30000), size, wide);
		break;
	case 2:
		(void)vgic_dist_read(&w->vgic, offset, size);
		(void)vgic_redist_read(&w->vgic, offset | (val & 0x70000), size);
		break;
	default:
		vgic_sgi_write(&w->cpu[w->loaded], wide, r & 4);
		w->vmcr ^= val & (ICH_VMCR_VEOIM | ICH_VMCR_VENG0 | ICH_VMCR_VENG1);
		break;
	}
}

void world_step(u32 (*random)(void))
{
	u32 r = random();

	if ((w->flags & WORLD_HOSTILE) && (r & 0x80)) {
		step_hostile(random(), random());
		world_settle();
		(void)vgic_cpu_has_irq(&w->cpu[r >> 8 & 1]);
		world_settle();
		return;
	}
	switch (r & 15) {
	case 0:
	case 1:
	case 2:
		step_line(r);
		break;
	case 3:
		step_sgi(r);
		break;
	case 4:
	case 5:
		step_bits(r);
		break;
	case 6:
		step_config(r);
		break;
	case 7:
		step_vmcr(r);
		break;
	case 8:
		if (!(r >> 8 & 7)) {
			world_switch(w->loaded ^ 1);
		}
		break;
	case 9:
	case 10:
	case 11:
		step_ack(r);
		break;
	case 12:
	case 13:
		step_eoi(r);
		break;
	default:
		step_dir(r);
		break;
	}
	world_settle();
	/* Seldom: looking has LRs folded, and what is to be tested is what happens without. */
	r = random();
	if (!(w->flags & WORLD_HOSTILE) && (r >> 8) % 16 == 0) {
		ref_check(r);
	}
}
