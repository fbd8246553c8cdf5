// SPDX-License-Identifier: Apache-2.0
/*
 * 8254. Intel 8254 data sheet, "Programming the 8254", "Read Operations", "Mode Definitions".
 * A new count takes effect at once, also in modes 2 and 3.
 */
#include "arch/x86/vpit.h"

#include "arch/x86/vplatform.h"
#include "mm/bits.h"

#define NS_PER_S   1000000000u
#define REFRESH_NS 15085u
#define NEVER      (~(u64)0)
#define CONTROL    3u /* port offset */

#define PORT61_GATE    0x01u
#define PORT61_KEPT    0x0fu
#define PORT61_REFRESH 0x10u
#define PORT61_OUT2    0x20u

#define STATUS_OUT  0x80u
#define STATUS_NULL 0x40u

static u64 ns_to_clocks(u64 ns)
{
	return ns / NS_PER_S * VPIT_HZ + ns % NS_PER_S * VPIT_HZ / NS_PER_S;
}

/* Rounds up: at that time the clock has happened. */
static u64 clocks_to_ns(u64 clocks)
{
	return clocks / VPIT_HZ * NS_PER_S + (clocks % VPIT_HZ * NS_PER_S + VPIT_HZ - 1) / VPIT_HZ;
}

/* Whether a low gate stops the count (in modes 1 and 5 only its rise matters). */
static bool is_gated(const struct vpit_channel *c)
{
	return !c->gate && c->mode != 1 && c->mode != 5;
}

static u64 clocks_counted(const struct vpit_channel *c, u64 now_ns)
{
	if (is_gated(c)) {
		return c->held;
	}
	return now_ns > c->start_ns ? ns_to_clocks(now_ns - c->start_ns) : 0;
}

static bool channel_out(const struct vpit_channel *c, u64 now_ns)
{
	u64 clocks = clocks_counted(c, now_ns);

	if (!c->loaded) {
		return c->mode != 0;
	}
	switch (c->mode) {
	case 0:
		return clocks >= c->count;
	case 1:
		return !c->triggered || clocks >= c->count;
	case 2:
		return !c->gate || clocks % c->count != c->count - 1;
	case 3:
		return !c->gate || clocks % c->count < (c->count + 1) / 2;
	case 4:
		return clocks != c->count;
	default:
		return !c->triggered || clocks != c->count;
	}
}

static u16 bin_to_bcd(u32 v)
{
	return (u16)((v / 1000 % 10) << 12 | (v / 100 % 10) << 8 | (v / 10 % 10) << 4 | v % 10);
}

static u32 bcd_to_bin(u16 v)
{
	return (v >> 12) * 1000u + (v >> 8 & 15) * 100u + (v >> 4 & 15) * 10u + (v & 15u);
}

/* The counting element as it reads. */
static u16 channel_count(const struct vpit_channel *c, u64 now_ns)
{
	u64 clocks = clocks_counted(c, now_ns);
	u32 modulus = c->bcd ? 10000 : 0x10000;
	u32 half = (c->count + 1) / 2;
	u32 phase, v;

	if (!c->loaded) {
		return 0;
	}
	switch (c->mode) {
	case 2:
		v = c->count - (u32)(clocks % c->count);
		break;
	case 3:
		phase = (u32)(clocks % c->count);
		v = (c->count - 2 * (phase < half ? phase : phase - half)) & ~1u;
		break;
	default:
		v = c->count + modulus - (u32)(clocks % modulus);
		break;
	}
	v %= modulus;
	return c->bcd ? bin_to_bcd(v) : (u16)v;
}

/* The first rising edge of channel 0's output after @now_ns. */
static u64 next_edge(const struct vpit_channel *c, u64 now_ns)
{
	u64 clocks = clocks_counted(c, now_ns);

	if (!c->loaded) {
		return NEVER;
	}
	switch (c->mode) {
	case 0:
		return clocks < c->count ? c->start_ns + clocks_to_ns(c->count) : NEVER;
	case 2:
	case 3:
		return c->start_ns + clocks_to_ns((clocks / c->count + 1) * c->count);
	case 4:
		return clocks <= c->count ? c->start_ns + clocks_to_ns(c->count + 1u) : NEVER;
	default: /* wait for a gate that never rises */
		return NEVER;
	}
}

static void irq_set(struct vpit *pit, bool level)
{
	vplatform_irq_set(container_of(pit, struct vplatform, pit), VIRQ_PIT, level);
}

void vpit_tick(struct vpit *pit, u64 now_ns)
{
	u64 due = pit->edge_ns;

	if (now_ns < due) {
		return;
	}
	pit->edge_ns = next_edge(&pit->ch[0], now_ns);
	if (pit->edge_ns != NEVER) {
		pit->edge_ns = max_u64(pit->edge_ns, due + VPIT_PERIOD_MIN_NS);
	}
	irq_set(pit, false);
	irq_set(pit, true);
}

static void channel_load(struct vpit *pit, struct vpit_channel *c, u16 val, u64 now_ns)
{
	u32 count = c->bcd ? bcd_to_bin(val) % 10000 : val;

	if (!count) {
		count = c->bcd ? 10000 : 0x10000;
	}
	c->count = count;
	c->loaded = true;
	/* Modes 1 and 5 take the count at the next trigger; the others start now. */
	if (c->mode != 1 && c->mode != 5) {
		c->start_ns = now_ns;
		c->held = 0;
	}
	if (c == &pit->ch[0]) {
		if (c->mode == 0) {
			irq_set(pit, false);
		}
		pit->edge_ns = next_edge(c, now_ns);
		if (c->mode == 2 || c->mode == 3) {
			pit->edge_ns = max_u64(pit->edge_ns, now_ns + VPIT_PERIOD_MIN_NS);
		}
	}
}

static void count_latch(struct vpit_channel *c, u64 now_ns)
{
	if (!c->latched) {
		c->latch = channel_count(c, now_ns);
		c->latched = c->rw == 3 ? 2 : 1;
	}
}

static void status_latch(struct vpit_channel *c, u64 now_ns)
{
	u32 mode = (u32)c->rw << 4 | (u32)c->mode << 1 | c->bcd;

	if (!c->status_latched) {
		c->status = (u8)((channel_out(c, now_ns) ? STATUS_OUT : 0) |
				 (c->loaded ? 0 : STATUS_NULL) | mode);
		c->status_latched = true;
	}
}

static void readback_write(struct vpit *pit, u8 val, u64 now_ns)
{
	for (unsigned i = 0; i < 3; i++) {
		if (!(val & 2u << i)) {
			continue;
		}
		if (!(val & 0x20)) {
			count_latch(&pit->ch[i], now_ns);
		}
		if (!(val & 0x10)) {
			status_latch(&pit->ch[i], now_ns);
		}
	}
}

static void control_write(struct vpit *pit, u8 val, u64 now_ns)
{
	unsigned index = val >> 6;
	u8 rw = val >> 4 & 3;
	u8 mode = val >> 1 & 7;
	struct vpit_channel *c;

	if (index == 3) {
		readback_write(pit, val, now_ns);
		return;
	}
	c = &pit->ch[index];
	if (rw == 0) {
		count_latch(c, now_ns);
		return;
	}
	*c = (struct vpit_channel){
		.gate = c->gate,
		.rw = rw,
		.mode = mode > 5 ? mode & 3 : mode,
		.bcd = val & 1,
	};
	if (index == 0) {
		pit->edge_ns = NEVER;
		irq_set(pit, false);
	}
}

void vpit_write(struct vpit *pit, u16 port, u8 val, u64 now_ns)
{
	struct vpit_channel *c;

	vpit_tick(pit, now_ns);
	if ((port & 3) == CONTROL) {
		control_write(pit, val, now_ns);
		return;
	}
	c = &pit->ch[port & 3];
	if (c->rw == 3 && !c->write_high) {
		c->low_byte = val;
		c->write_high = true;
		if (c->mode == 0 && c->loaded) {
			c->loaded = false; /* the first byte stops the count */
			if (c == &pit->ch[0]) {
				pit->edge_ns = NEVER;
				irq_set(pit, false);
			}
		}
		return;
	}
	c->write_high = false;
	if (c->rw == 1) {
		channel_load(pit, c, val, now_ns);
	} else {
		channel_load(pit, c, (u16)(val << 8 | (c->rw == 3 ? c->low_byte : 0)), now_ns);
	}
}

u32 vpit_read(struct vpit *pit, u16 port, u64 now_ns)
{
	struct vpit_channel *c;
	bool high;
	u16 v;

	if ((port & 3) == CONTROL) {
		return 0xff;
	}
	c = &pit->ch[port & 3];
	if (c->status_latched) {
		c->status_latched = false;
		return c->status;
	}
	high = c->rw == 2 || (c->rw == 3 && c->read_high);
	if (c->rw == 3) {
		c->read_high = !c->read_high;
	}
	v = c->latched ? c->latch : channel_count(c, now_ns);
	if (c->latched) {
		c->latched--;
	}
	return high ? v >> 8 : v & 0xff;
}

static void gate_set(struct vpit_channel *c, bool gate, u64 now_ns)
{
	if (gate == c->gate) {
		return;
	}
	if (!gate) {
		c->held = clocks_counted(c, now_ns);
		c->gate = false;
		return;
	}
	c->gate = true;
	if (c->mode == 0 || c->mode == 4) {
		c->start_ns = now_ns - min_u64(now_ns, clocks_to_ns(c->held));
	} else {
		c->start_ns = now_ns;
		c->triggered = c->loaded;
	}
}

u32 vpit_port61_read(struct vpit *pit, u64 now_ns)
{
	return pit->port61 | (now_ns / REFRESH_NS & 1 ? PORT61_REFRESH : 0) |
	       (channel_out(&pit->ch[2], now_ns) ? PORT61_OUT2 : 0);
}

void vpit_port61_write(struct vpit *pit, u8 val, u64 now_ns)
{
	pit->port61 = val & PORT61_KEPT;
	gate_set(&pit->ch[2], (val & PORT61_GATE) != 0, now_ns);
}

void vpit_init(struct vpit *pit)
{
	*pit = (struct vpit){.edge_ns = NEVER};
	for (unsigned i = 0; i < 3; i++) {
		pit->ch[i].rw = 3;
		pit->ch[i].mode = 3;
		pit->ch[i].gate = i != 2;
	}
}
