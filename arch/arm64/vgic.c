// SPDX-License-Identifier: Apache-2.0
/*
 * vGIC core: interrupts into and out of list registers, inputs, SGIs. The registers are in
 * vgic_reg.c. IHI 0069, "Usage model for the List registers".
 *
 * The usual interrupt is lr_place(): a free LR, one write. All else is vgic_update(): fold every
 * LR back into the banks, fill them anew from the banks.
 */
#include "arch/arm64/vgic.h"

#include <string.h>

#include "arch/arm64/vgic_hw.h"
#include "arch/arm64/vgic_int.h"

#define BANKS (1 + VGIC_SPI_BANKS)

#define SGIR_TARGETS GENMASK(15, 0)
#define SGIR_AFF1    GENMASK(23, 16)
#define SGIR_INTID   GENMASK(27, 24)
#define SGIR_AFF2    GENMASK(39, 32)
#define SGIR_IRM     BIT(40)
#define SGIR_RS      GENMASK(47, 44)
#define SGIR_AFF3    GENMASK(55, 48)

/* Aff3.Aff2.Aff1.Aff0 of MPIDR_EL1 and GICD_IROUTER. */
static u32 route_affinity(u64 val)
{
	return (u32)((val >> 32 & 0xff) << 24 | (val & 0xffffff));
}

/* Interrupts chosen for LRs, highest priority first. */
struct lr_choice {
	u16 key[VGIC_LR_MAX]; /* as lr_key() */
	u8 intid[VGIC_LR_MAX];
	unsigned count;
};

static struct vgic_bank *intid_bank(struct vgic_cpu *cpu, u32 intid)
{
	return cpu_bank(cpu, intid / 32);
}

/* Active here, but already routed to another vCPU, which shall have it next. */
static bool is_moved(const struct vgic *vgic, u32 intid)
{
	return intid >= VGIC_SPI_FIRST && (vgic->moved[intid / 32 - 1] >> (intid % 32) & 1);
}

/* The LR for an interrupt that is active or deliverable. */
static u64 lr_value(const struct vgic_cpu *cpu, const struct vgic_bank *b, u32 intid)
{
	u32 m = (u32)1 << (intid % 32);
	bool active = b->active & m, moved = active && is_moved(cpu->vgic, intid);
	u64 lr = intid | FIELD_PREP(LR_PRIORITY, b->priority[intid % 32]);

	if (b->group1 & m) {
		lr |= LR_GROUP1;
	}
	if ((b->hw & b->line & m) && !(active && (b->latch & m))) {
		/*
		 * Never both states: the physical distributor keeps what is pending. Only what the
		 * guest itself made pending it does not know: then the LR is not linked, and its
		 * LR_EOI brings us here again.
		 */
		return lr | LR_HW | FIELD_PREP(LR_PINTID, vgic_hw_intid(intid)) |
		       (active ? LR_ACTIVE : LR_PENDING);
	}
	if (active) {
		lr |= LR_ACTIVE;
	}
	if ((bank_deliverable(cpu->vgic, b) & m) && !moved) {
		lr |= LR_PENDING;
	}
	/* Acknowledging an LR ends its pending state; a line that stays up is pending again. */
	return moved || (b->line & ~b->edge & m) ? lr | LR_EOI : lr;
}

/* An LR that is not in use, or has just been folded: @lr says what is in it. */
static void lr_set(struct vgic_cpu *cpu, unsigned n, u64 val)
{
	if (cpu->lr[n] != val) {
		cpu->lr[n] = val;
		vgic_hw_lr_write(n, val);
	}
}

static void lr_use(struct vgic_cpu *cpu, struct vgic_bank *b, u32 intid, unsigned n)
{
	cpu->lr_used |= (u32)1 << n;
	cpu->lr_of[intid] = (u8)n;
	b->in_lr |= (u32)1 << (intid % 32);
	lr_set(cpu, n, lr_value(cpu, b, intid));
}

static void hcr_set(struct vgic_cpu *cpu, u64 val)
{
	if (cpu->hcr != val) {
		cpu->hcr = val;
		vgic_hw_hcr_write(val);
	}
}

/* Takes what the guest did with LR @n into the bank. The LR keeps its content, unused. */
static void lr_fold(struct vgic_cpu *cpu, unsigned n)
{
	u32 intid = (u32)cpu->lr[n], m = (u32)1 << (intid % 32);
	struct vgic_bank *b = intid_bank(cpu, intid);
	u64 was = cpu->lr[n], now = vgic_hw_lr_read(n);

	cpu->lr[n] = now;
	cpu->lr_used &= ~((u32)1 << n);
	b->in_lr &= ~m;
	b->active = now & LR_ACTIVE ? b->active | m : b->active & ~m;
	if (was & ~now & LR_PENDING) {
		b->latch &= ~m; /* it has been acknowledged */
	}
	if ((was & LR_HW) && !(now & LR_STATE)) {
		b->line &= ~m; /* deactivated here and in the physical distributor */
	}
}

/* An interrupt whose state has changed gets LR @n, or none. */
static void lr_place(struct vgic_cpu *cpu, struct vgic_bank *b, u32 intid, unsigned n)
{
	u32 m = (u32)1 << (intid % 32);

	if (cpu->vgic->shared) {
		if ((b->active | bank_deliverable(cpu->vgic, b)) & m) {
			vgic_kick(cpu);
		}
	} else if (!((b->active | bank_deliverable(cpu->vgic, b)) & m)) {
		if (n < cpu->lr_count) {
			lr_set(cpu, n, 0);
		}
	} else if (!cpu->loaded) {
		vgic_kick(cpu);
	} else if (n >= cpu->lr_count) {
		vgic_update(cpu);
	} else {
		lr_use(cpu, b, intid, n);
	}
}

/* The LR to use for @intid: its own, now folded, else a free one, else a number too high. */
static unsigned lr_claim(struct vgic_cpu *cpu, struct vgic_bank *b, u32 intid)
{
	unsigned n;

	if (b->in_lr & ((u32)1 << (intid % 32))) {
		n = cpu->lr_of[intid];
		lr_fold(cpu, n);
		return n;
	}
	return bit_first(~cpu->lr_used | (u32)1 << VGIC_LR_MAX);
}

static struct vgic_cpu *intid_cpu(struct vgic *vgic, u32 intid)
{
	u8 home = vgic->home[intid - VGIC_SPI_FIRST];

	return home == VGIC_CPU_NONE ? NULL : vgic->cpu[home];
}

static void line_set(struct vgic_bank *b, u32 m, bool level)
{
	if (!level) {
		b->line &= ~m;
		return;
	}
	if (b->edge & ~b->line & m) {
		b->latch |= m;
	}
	b->line |= m;
}

/* Its vCPU is in the guest: when it leaves, the line gets this level. */
static void line_late(struct vgic *vgic, u32 intid, bool level)
{
	u32 w = intid / 32 - 1, m = (u32)1 << (intid % 32);

	vgic->line_late[w] |= m;
	vgic->line_want[w] = level ? vgic->line_want[w] | m : vgic->line_want[w] & ~m;
}

/* Those whose vCPU is not in the guest now. */
static void lines_catch_up(struct vgic *vgic)
{
	for (u32 w = 0; w < VGIC_SPI_BANKS; w++) {
		for (u32 m = vgic->line_late[w]; m; m &= m - 1) {
			u32 bit = bit_first(m);
			struct vgic_cpu *cpu = intid_cpu(vgic, (w + 1) * 32 + bit);

			if (!cpu || !cpu->running) {
				vgic->line_late[w] &= ~(m & -m);
				vgic_set_spi(vgic, (w + 1) * 32 + bit,
					     vgic->line_want[w] >> bit & 1);
			}
		}
	}
}

void vgic_set_spi(struct vgic *vgic, u32 intid, bool level)
{
	struct vgic_bank *b = &vgic->spi[intid / 32 - 1];
	u32 m = (u32)1 << (intid % 32);
	struct vgic_cpu *cpu;
	unsigned n;

	assert(intid >= VGIC_SPI_FIRST && intid < VGIC_INTIDS);
	cpu = intid_cpu(vgic, intid);
	if (cpu && cpu->running) {
		line_late(vgic, intid, level);
		vgic_kick(cpu);
		return;
	}
	if (level == ((b->line & m) != 0)) {
		return;
	}
	if (!cpu || (!level && (b->edge & m))) {
		line_set(b, m, level);
		return;
	}
	n = lr_claim(cpu, b, intid);
	line_set(b, m, level);
	lr_place(cpu, b, intid, n);
}

void vgic_set_ppi(struct vgic_cpu *cpu, u32 intid, bool level)
{
	struct vgic_bank *b = &cpu->bank;
	u32 m = (u32)1 << intid;
	unsigned n;

	assert(intid >= 16 && intid < 32);
	/* The line of a linked one may have been lowered by the guest's deactivation. */
	if (level == ((b->line & m) != 0) && !(b->hw & m)) {
		return;
	}
	n = lr_claim(cpu, b, intid);
	line_set(b, m, level);
	lr_place(cpu, b, intid, n);
}

void vgic_link_ppi(struct vgic_cpu *cpu, u32 intid)
{
	assert(intid >= 16 && intid < 32);
	cpu->bank.hw |= (u32)1 << intid;
}

static void sgi_send(struct vgic_cpu *cpu, u32 intid, bool group1)
{
	struct vgic_bank *b = &cpu->bank;
	u32 m = (u32)1 << intid;
	unsigned n;

	if (!group1 && (b->group1 & m)) {
		return;
	}
	if (cpu->running) {
		cpu->inbox |= m;
		vgic_kick(cpu);
		return;
	}
	n = lr_claim(cpu, b, intid);
	b->latch |= m;
	lr_place(cpu, b, intid, n);
}

/* Affinities may be sparse: by list, not by index. The list is short. */
void vgic_sgi_write(struct vgic_cpu *from, u64 val, bool group1)
{
	struct vgic *vgic = from->vgic;
	u32 intid = (u32)FIELD_GET(SGIR_INTID, val);
	u32 cluster = (u32)(FIELD_GET(SGIR_AFF3, val) << 24 | FIELD_GET(SGIR_AFF2, val) << 16 |
			    FIELD_GET(SGIR_AFF1, val) << 8 | FIELD_GET(SGIR_RS, val) << 4);

	for (u32 i = 0; i < vgic->cpu_count; i++) {
		struct vgic_cpu *cpu = vgic->cpu[i];
		bool hit = val & SGIR_IRM ? cpu != from
					  : (cpu->affinity & ~(u32)15) == cluster &&
						    (val & SGIR_TARGETS & BIT(cpu->affinity & 15));

		if (hit) {
			sgi_send(cpu, intid, group1);
		}
	}
}

/* Linked interrupts are PPIs: there is a @cpu. */
void vgic_deactivate(struct vgic_cpu *cpu, struct vgic_bank *b, u32 mask)
{
	for (u32 m = b->active & b->hw & b->line & mask; m; m &= m - 1) {
		vgic_hw_deactivate(cpu, bit_first(m));
	}
	b->line &= ~(b->active & b->hw & mask);
	b->active &= ~mask;
}

/* The physical distributor knows whether a linked one is pending again behind its active state. */
u32 vgic_cpu_pending(const struct vgic_cpu *cpu)
{
	const struct vgic_bank *b = &cpu->bank;
	u32 pending = b->latch | (b->line & ~b->edge & ~b->hw);

	for (u32 m = b->hw; m; m &= m - 1) {
		if (vgic_hw_line(cpu, bit_first(m))) {
			pending |= m & -m;
		}
	}
	return pending;
}

/* The active interrupt without an LR of the highest priority, VGIC_INTIDS: none. */
static u32 evicted_first(struct vgic_cpu *cpu)
{
	u32 best = VGIC_INTIDS, best_priority = 0x100;

	for (unsigned w = 0; w < BANKS; w++) {
		struct vgic_bank *b = cpu_bank(cpu, w);

		for (u32 m = b->active & ~b->in_lr & cpu_mine(cpu, w); m; m &= m - 1) {
			unsigned bit = bit_first(m);

			if (b->priority[bit] < best_priority) {
				best_priority = b->priority[bit];
				best = w * 32 + bit;
			}
		}
	}
	return best;
}

/*
 * EOIs that met no LR, with EOImode 0: which ones is not told, but they come in the order of the
 * active priorities. With EOImode 1, deactivation traps (ICH_HCR_EL2.TDIR) and nothing is to be
 * counted; QEMU counts the priority drops.
 */
static void eoi_count_fold(struct vgic_cpu *cpu)
{
	u32 count = (u32)FIELD_GET(ICH_HCR_EOICOUNT, vgic_hw_hcr_read()), intid;

	if (count && (vgic_hw_vmcr_read() & ICH_VMCR_VEOIM)) {
		return;
	}
	for (; count; count--) {
		intid = evicted_first(cpu);
		if (intid == VGIC_INTIDS) {
			break;
		}
		vgic_deactivate(cpu, intid_bank(cpu, intid), (u32)1 << (intid % 32));
	}
}

static void fold_all(struct vgic_cpu *cpu)
{
	if (cpu->hcr & ICH_HCR_LRENPIE) {
		eoi_count_fold(cpu);
		/* Counting starts anew: the shadow must differ, to be written again. */
		cpu->hcr |= ICH_HCR_EOICOUNT;
	}
	for (u32 m = cpu->lr_used; m; m &= m - 1) {
		lr_fold(cpu, bit_first(m));
	}
}

/*
 * Linked interrupts that the guest has not taken, and whose device asserts them no more. While the
 * vCPU is not loaded there is no physical interrupt to acknowledge: the line is the device's.
 */
static void linked_resample(struct vgic_cpu *cpu)
{
	struct vgic_bank *b = &cpu->bank;

	for (u32 m = b->hw & ~b->active & (cpu->loaded ? b->line : ~(u32)0); m; m &= m - 1) {
		u32 intid = bit_first(m);

		if (vgic_hw_line(cpu, intid)) {
			b->line |= m & -m;
		} else if (b->line & m & -m) {
			b->line &= ~(m & -m);
			vgic_hw_deactivate(cpu, intid);
		}
	}
}

/* The order in which interrupts get LRs: by priority, active before pending. */
static u16 lr_key(const struct vgic_bank *b, unsigned bit)
{
	return (u16)(b->priority[bit] << 1 | !(b->active & ((u32)1 << bit)));
}

/* Puts @intid among the best @room. */
static void choice_add(struct lr_choice *c, unsigned room, u32 intid, u16 key)
{
	unsigned k;

	if (c->count < room) {
		k = c->count++;
	} else if (key < c->key[room - 1]) {
		k = room - 1;
	} else {
		return;
	}
	for (; k && c->key[k - 1] > key; k--) {
		c->key[k] = c->key[k - 1];
		c->intid[k] = c->intid[k - 1];
	}
	c->key[k] = key;
	c->intid[k] = (u8)intid;
}

/*
 * Which interrupts get an LR: the highest priorities. Where all of these are active, the best
 * pending one takes the place of the last: after priority drops without deactivation (EOImode 1)
 * it can be taken, and ICH_HCR_EL2.NPIE must not hold at once.
 */
static void lrs_choose(struct vgic_cpu *cpu, struct lr_choice *c)
{
	u16 best_key = 0xffff;
	bool pending = false;
	u32 best = 0;

	for (unsigned w = 0; w < BANKS; w++) {
		struct vgic_bank *b = cpu_bank(cpu, w);
		u32 m = (b->active | bank_deliverable(cpu->vgic, b)) & cpu_mine(cpu, w);

		for (; m; m &= m - 1) {
			unsigned bit = bit_first(m);
			u16 key = lr_key(b, bit);

			choice_add(c, cpu->lr_count, w * 32 + bit, key);
			if ((key & 1) && key < best_key) {
				best_key = key;
				best = w * 32 + bit;
			}
		}
	}
	for (unsigned k = 0; k < c->count; k++) {
		pending |= c->key[k] & 1;
	}
	if (c->count && best_key != 0xffff && !pending) {
		c->intid[c->count - 1] = (u8)best;
	}
}

/* Fills all LRs; no interrupt of the vCPU has one. */
static void fill_all(struct vgic_cpu *cpu)
{
	struct lr_choice c = {.count = 0};
	u64 hcr = ICH_HCR_EN;

	linked_resample(cpu);
	lrs_choose(cpu, &c);
	for (unsigned k = 0; k < c.count; k++) {
		lr_use(cpu, intid_bank(cpu, c.intid[k]), c.intid[k], k);
	}
	for (unsigned n = c.count; n < cpu->lr_count; n++) {
		lr_set(cpu, n, 0);
	}
	for (unsigned w = 0; c.count == cpu->lr_count && w < BANKS; w++) {
		struct vgic_bank *b = cpu_bank(cpu, w);
		u32 rest =
			(b->active | bank_deliverable(cpu->vgic, b)) & cpu_mine(cpu, w) & ~b->in_lr;

		if (rest & b->active) {
			hcr |= ICH_HCR_LRENPIE | ICH_HCR_TDIR;
		}
		if (rest & ~b->active) {
			hcr |= ICH_HCR_NPIE;
		}
	}
	hcr_set(cpu, hcr);
}

/* Whether a vCPU that is not loaded has something to take. */
static bool banks_have_irq(struct vgic_cpu *cpu, u64 vmcr)
{
	unsigned pmr = (unsigned)FIELD_GET(ICH_VMCR_VPMR, vmcr);

	linked_resample(cpu);
	for (unsigned w = 0; w < BANKS; w++) {
		struct vgic_bank *b = cpu_bank(cpu, w);
		u32 m = bank_deliverable(cpu->vgic, b) & ~b->active & cpu_mine(cpu, w);

		m &= (vmcr & ICH_VMCR_VENG1 ? b->group1 : 0) |
		     (vmcr & ICH_VMCR_VENG0 ? ~b->group1 : 0);
		for (; m; m &= m - 1) {
			if (b->priority[bit_first(m)] < pmr) {
				return true;
			}
		}
	}
	return false;
}

static void refill(struct vgic_cpu *cpu)
{
	if (cpu->vgic->shared) {
		vgic_kick(cpu); /* it fills its own when it enters */
	} else if (cpu->loaded) {
		fill_all(cpu);
	} else if (banks_have_irq(cpu, cpu->vmcr)) {
		vgic_kick(cpu);
	}
}

static void rehome(struct vgic *vgic)
{
	for (u32 i = 0; i < VGIC_SPI_COUNT; i++) {
		u32 w = i / 32, m = (u32)1 << (i % 32);

		if (!(vgic->moved[w] & ~vgic->spi[w].active & m)) {
			continue;
		}
		vgic->moved[w] &= ~m;
		vgic->home[i] = VGIC_CPU_NONE;
		for (u32 k = 0; k < vgic->cpu_count; k++) {
			struct vgic_cpu *cpu = vgic->cpu[k];

			cpu->spi_mine[w] &= ~m;
			if (vgic->home[i] == VGIC_CPU_NONE &&
			    cpu->affinity == route_affinity(vgic->route[i])) {
				cpu->spi_mine[w] |= m;
				vgic->home[i] = (u8)k;
			}
		}
	}
}

void vgic_fold_all(struct vgic *vgic)
{
	if (vgic->shared) {
		return; /* each does so itself, when it leaves its guest */
	}
	for (u32 i = 0; i < vgic->cpu_count; i++) {
		fold_all(vgic->cpu[i]);
	}
}

static u32 any_moved(const struct vgic *vgic)
{
	u32 any = 0;

	for (u32 w = 0; w < VGIC_SPI_BANKS; w++) {
		any |= vgic->moved[w] & ~vgic->spi[w].active;
	}
	return any;
}

void vgic_refill_all(struct vgic *vgic)
{
	if (any_moved(vgic)) {
		rehome(vgic);
	}
	for (u32 i = 0; i < vgic->cpu_count; i++) {
		refill(vgic->cpu[i]);
	}
}

void vgic_update_all(struct vgic *vgic)
{
	vgic_fold_all(vgic);
	vgic_refill_all(vgic);
}

void vgic_update(struct vgic_cpu *cpu)
{
	if (!cpu->vgic->shared) {
		fold_all(cpu);
	}
	if (any_moved(cpu->vgic)) {
		vgic_update_all(cpu->vgic);
	} else if (!cpu->vgic->shared) {
		refill(cpu);
	}
}

void vgic_guest_enter(struct vgic_cpu *cpu)
{
	fill_all(cpu);
	cpu->running = true;
}

void vgic_guest_leave(struct vgic_cpu *cpu)
{
	fold_all(cpu);
	/* What is left in the LRs asks for no maintenance, and its EOIs have been counted. */
	hcr_set(cpu, 0);
	cpu->running = false;
	cpu->bank.latch |= cpu->inbox;
	cpu->inbox = 0;
	lines_catch_up(cpu->vgic);
	if (any_moved(cpu->vgic)) {
		vgic_refill_all(cpu->vgic);
	}
}

void vgic_dir_write(struct vgic_cpu *cpu, u64 val)
{
	u32 intid = (u32)(val & GENMASK(23, 0));
	u32 w = intid / 32;

	/* With EOImode 0 the write is UNPREDICTABLE; here it does nothing. */
	if (intid >= VGIC_INTIDS || !(vgic_hw_vmcr_read() & ICH_VMCR_VEOIM)) {
		return;
	}
	if (!cpu->vgic->shared) {
		fold_all(cpu);
	}
	if (cpu_mine(cpu, w) & ((u32)1 << (intid % 32))) {
		vgic_deactivate(cpu, cpu_bank(cpu, w), (u32)1 << (intid % 32));
	}
	vgic_update(cpu);
}

/* Whether LR content @lr is signalled, given ICH_VMCR_EL2. */
static bool lr_signals(u64 lr, u64 vmcr)
{
	unsigned priority = (unsigned)FIELD_GET(LR_PRIORITY, lr);

	return (lr & LR_STATE) == LR_PENDING &&
	       (vmcr & (lr & LR_GROUP1 ? ICH_VMCR_VENG1 : ICH_VMCR_VENG0)) &&
	       priority < FIELD_GET(ICH_VMCR_VPMR, vmcr) && priority < vgic_hw_running_priority();
}

/* Those without an LR need no look: one of higher priority is pending in an LR. */
bool vgic_cpu_has_irq(struct vgic_cpu *cpu)
{
	u64 vmcr, lr;

	if (!cpu->loaded) {
		return banks_have_irq(cpu, cpu->vmcr);
	}
	if (cpu->vgic->shared) {
		return banks_have_irq(cpu, vgic_hw_vmcr_read());
	}
	if (!cpu->lr_used) {
		return false;
	}
	vmcr = vgic_hw_vmcr_read();
	for (u32 m = cpu->lr_used; m; m &= m - 1) {
		lr = vgic_hw_lr_read(bit_first(m));
		if (!lr_signals(lr, vmcr)) {
			continue;
		}
		if (!(lr & LR_HW) || vgic_hw_line(cpu, (u32)lr)) {
			return true;
		}
		/* Its device has withdrawn it: taken out, and not met again in the next round. */
		vgic_update(cpu);
		return vgic_cpu_has_irq(cpu);
	}
	return false;
}

void vgic_cpu_load(struct vgic_cpu *cpu)
{
	assert(!cpu->loaded);
	linked_resample(cpu);
	vgic_hw_load(cpu);
	cpu->loaded = true;
	/* What the LRs hold is another vCPU's or unknown: no value equals this one. */
	memset(cpu->lr, 0xff, sizeof(cpu->lr));
	cpu->hcr = ~(u64)0;
	if (!cpu->vgic->shared) {
		fill_all(cpu);
	}
}

void vgic_cpu_put(struct vgic_cpu *cpu)
{
	assert(cpu->loaded);
	if (!cpu->vgic->shared) {
		fold_all(cpu);
	}
	for (unsigned n = 0; n < cpu->lr_count; n++) {
		lr_set(cpu, n, 0);
	}
	hcr_set(cpu, 0);
	vgic_hw_put(cpu);
	cpu->loaded = false;
}

/* Level-triggered, of Group 1, as firmware of a machine with two security states leaves it. */
static void bank_reset(struct vgic_bank *b, u32 edge)
{
	*b = (struct vgic_bank){
		.group1 = ~(u32)0, .edge = edge, .line = b->line & ~b->hw, .hw = b->hw};
}

static void cpu_reset(struct vgic_cpu *cpu)
{
	assert(!cpu->loaded);
	bank_reset(&cpu->bank, 0xffff);
	cpu->asleep = true;
	cpu->inbox = 0;
	cpu->vmcr = 0;
	memset(cpu->ap0r, 0, sizeof(cpu->ap0r));
	memset(cpu->ap1r, 0, sizeof(cpu->ap1r));
}

void vgic_reset(struct vgic *vgic)
{
	vgic->ctlr = 0;
	for (u32 w = 0; w < VGIC_SPI_BANKS; w++) {
		bank_reset(&vgic->spi[w], 0);
		vgic->moved[w] = ~(u32)0;
	}
	memset(vgic->route, 0, sizeof(vgic->route));
	for (u32 i = 0; i < vgic->cpu_count; i++) {
		cpu_reset(vgic->cpu[i]);
	}
	rehome(vgic);
}

void vgic_init(struct vgic *vgic, bool shared)
{
	memset(vgic, 0, sizeof(*vgic));
	vgic->shared = shared;
	vgic_reset(vgic);
}

void vgic_cpu_init(struct vgic *vgic, struct vgic_cpu *cpu, u64 mpidr, unsigned lr_count)
{
	assert(vgic->cpu_count < VGIC_MAX_CPUS && lr_count >= 1 && lr_count <= VGIC_LR_MAX);
	memset(cpu, 0, sizeof(*cpu));
	cpu->vgic = vgic;
	cpu->index = vgic->cpu_count;
	cpu->affinity = route_affinity(mpidr);
	cpu->lr_count = (u8)lr_count;
	vgic->cpu[vgic->cpu_count++] = cpu;
	cpu_reset(cpu);
	memset(vgic->moved, 0xff, sizeof(vgic->moved));
	rehome(vgic);
}
