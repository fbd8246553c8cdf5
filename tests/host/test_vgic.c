// SPDX-License-Identifier: Apache-2.0
/* vGIC: registers, routing, the cost of the usual cases, and random runs against a reference. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

#include "arch/arm64/vgic_int.h"
#include "tests/host/test_vgic_model.h"

static u64 seed;

static u32 random32(void)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (u32)(seed >> 32);
}

static void run(unsigned lr_count, unsigned flags, u64 first, unsigned steps)
{
	seed = first;
	world_init(lr_count, flags);
	for (unsigned i = 0; i < steps; i++) {
		world_step(random32);
	}
}

static void test_random(void **state)
{
	static const unsigned counts[] = {1, 2, 4, 16};
	unsigned taken = 0, maintenance = 0, trapped = 0, overflows = 0;

	(void)state;
	for (u64 s = 0; s < 64; s++) {
		run(counts[s % 4], (unsigned)(s / 4 % 4) | (s & 16 ? WORLD_QEMU : 0), s, 4000);
		taken += world.taken;
		maintenance += world.maintenance;
		trapped += world.trapped_dir;
		overflows += world.overflows;
	}
	printf("%u taken, %u maintenance, %u trapped DIR, %u overflows\n", taken, maintenance,
	       trapped, overflows);
	assert_true(taken > 1000 && maintenance > 1000 && trapped > 100 && overflows > 1000);
}

static void test_hostile(void **state)
{
	(void)state;
	for (u64 s = 0; s < 32; s++) {
		run(1 + (unsigned)s % 5, WORLD_HOSTILE | ((unsigned)s & 1), s, 4000);
	}
}

static struct vgic *const g = &world.vgic;

static u64 dist(u64 offset)
{
	return vgic_dist_read(g, offset, 4);
}

static void test_identification(void **state)
{
	(void)state;
	world_init(4, 0);
	assert_int_equal(dist(0), 0x53); /* DS, ARE; both groups by world_init() */
	assert_int_equal(dist(4), 0x2480002);
	assert_int_equal(dist(4) >> 17 & 1, 0); /* no LPIs */
	assert_int_equal(dist(8), 0x5300043b);
	assert_int_equal(dist(0xffe8) & 0xf0, 0x30);
	assert_int_equal(dist(0xfff0) | dist(0xfff4) << 8 | dist(0xfff8) << 16 | dist(0xfffc) << 24,
			 0xb105f00d);
	assert_int_equal(vgic_redist_read(g, 0xffe8, 4) & 0xf0, 0x30);
	/* Affinities 0.0.0.0 and 1.0.2.3; the second is the last. */
	assert_int_equal(vgic_redist_read(g, 8, 8), 0);
	assert_int_equal(vgic_redist_read(g, 0x20008, 8), 0x0100020300000110);
	assert_int_equal(vgic_redist_read(g, 0x2000c, 4), 0x01000203);
	assert_int_equal(vgic_redist_read(g, 0x20008, 4), 0x110);
	assert_int_equal(vgic_redist_read(g, 0x40008, 8), 0);
}

static void test_registers(void **state)
{
	(void)state;
	world_init(4, 0);
	vgic_dist_write(g, 0, 4, ~0u);
	assert_int_equal(dist(0), 0x53);
	vgic_dist_write(g, 0, 4, 0);
	assert_int_equal(dist(0), 0x50);
	assert_int_equal(vgic_redist_read(g, 0x14, 4), 6);
	vgic_redist_write(g, 0x14, 4, 0);
	assert_int_equal(vgic_redist_read(g, 0x14, 4), 0);
	/* Bank 0 is not the distributor's, and there are two more. */
	for (u64 block = 0x80; block < 0x400; block += 0x80) {
		vgic_dist_write(g, block, 4, ~0u);
		vgic_dist_write(g, block + 12, 4, ~0u);
		assert_int_equal(dist(block), 0);
		assert_int_equal(dist(block + 12), 0);
	}
	vgic_dist_write(g, 0x184, 4, 0xff00ff00); /* ICENABLER */
	assert_int_equal(dist(0x104), 0x00ff00ff);
	assert_int_equal(dist(0x184), 0x00ff00ff);
	vgic_dist_write(g, 0x420, 4, 0x01020384);
	assert_int_equal(dist(0x420), 0x80); /* five bits */
	vgic_dist_write(g, 0x421, 1, 0xff);
	assert_int_equal(vgic_dist_read(g, 0x421, 1), 0xf8);
	assert_int_equal(dist(0x420), 0xf880);
	vgic_dist_write(g, 0xc08, 4, ~0u);
	assert_int_equal(dist(0xc08), 0xaaaaaaaa);
	assert_int_equal(vgic_redist_read(g, 0x10c00, 4), 0xaaaaaaaa); /* SGIs: edges */
	vgic_redist_write(g, 0x10c04, 4, ~0u);
	assert_int_equal(vgic_redist_read(g, 0x10c04, 4), 0);
}

static void test_access_sizes(void **state)
{
	static const u64 at[] = {0, 4, 0x104, 0x420, 0xc08, 0x6100, 0x7ff8, 0xffe8, 0xffff};

	(void)state;
	world_init(4, 0);
	for (unsigned i = 0; i < ARRAY_SIZE(at); i++) {
		assert_int_equal(vgic_dist_read(g, at[i], 2), 0);
		assert_int_equal(vgic_dist_read(g, at[i] | 1, 4), 0);
		assert_int_equal(vgic_dist_read(g, at[i] | 4, 8), 0);
		assert_int_equal(vgic_redist_read(g, at[i], 2), 0);
		assert_int_equal(vgic_dist_read(g, at[i] + VGIC_DIST_SIZE, 4), 0);
		assert_int_equal(vgic_redist_read(g, at[i] + ~(u64)0 - 0xffff, 4), 0);
		vgic_dist_write(g, at[i], 2, ~0ull);
		vgic_redist_write(g, at[i], 2, ~0ull);
	}
	assert_int_equal(vgic_dist_read(g, 4, 1), 0);
	assert_int_equal(vgic_dist_read(g, 0, 8), 0);
	/* IROUTER: whole or by halves; only affinity bits, no 1 of N. */
	vgic_dist_write(g, 0x6100, 8, ~0ull);
	assert_int_equal(vgic_dist_read(g, 0x6100, 8), 0xff00ffffff);
	vgic_dist_write(g, 0x6104, 4, 1);
	vgic_dist_write(g, 0x6100, 4, 0x203);
	assert_int_equal(vgic_dist_read(g, 0x6100, 4), 0x203);
	assert_int_equal(vgic_dist_read(g, 0x6104, 4), 1);
	assert_int_equal(vgic_dist_read(g, 0x60f8, 8), 0);
	vgic_dist_write(g, 0x60f8, 8, ~0ull);
	vgic_dist_write(g, 0x6300, 8, ~0ull);
	assert_int_equal(vgic_dist_read(g, 0x6300, 8), 0);
}

/* What an interrupt costs in list register accesses. */
static void test_cost(void **state)
{
	struct vgic_cpu *cpu = &world.cpu[0];

	(void)state;
	world_init(4, 0);
	for (unsigned i = 0; i < 3; i++) {
		world.lr_reads = world.lr_writes = 0;
		vgic_sgi1r_write(cpu, 5u << 24 | 1);
		assert_int_equal(world.lr_writes, 1);
		assert_int_equal(world.lr_reads, i ? 1 : 0); /* its LR of the last time */
		assert_true(vgic_cpu_has_irq(cpu));
		assert_int_equal(guest_ack(true), 5);
		guest_eoi(5, true);
		world.lr_reads = 0;
		(void)dist(4);
		vgic_set_spi(g, 50, false);
		assert_int_equal(world.lr_reads + world.lr_writes, 1);
	}
	/* A level, lowered by its handler: no maintenance interrupt. */
	world.lr_writes = 0;
	vgic_set_spi(g, 33, true);
	assert_int_equal(guest_ack(true), 33);
	vgic_set_spi(g, 33, false);
	assert_int_equal(world.lr_writes, 2);
	guest_eoi(33, true);
	world_settle();
	assert_int_equal(world.maintenance, 0);
	/* And one that stays up is there again. */
	vgic_set_spi(g, 33, true);
	assert_int_equal(guest_ack(true), 33);
	guest_eoi(33, true);
	world_settle();
	assert_int_equal(world.maintenance, 1);
	assert_int_equal(guest_ack(true), 33);
}

static void test_sgi_targets(void **state)
{
	static const struct {
		u64 val;
		unsigned to; /* bit mask of vCPUs */
	} cases[] = {
		{1, 1},
		{0xffff, 1},
		{0xfffe, 0},
		{BIT(40), 2},
		{BIT(40) | 0xffff, 2},
		{(u64)1 << 48 | 2 << 16 | 8, 2},
		{(u64)1 << 48 | 2 << 16 | 4, 0},
		{(u64)1 << 48 | 3 << 16 | 8, 0},
		{(u64)2 << 48 | 2 << 16 | 8, 0},
		{(u64)1 << 48 | (u64)1 << 32 | 2 << 16 | 8, 0},
		{(u64)1 << 48 | (u64)1 << 44 | 2 << 16 | 8, 0}, /* Aff0 19 */
		{(u64)1 << 44 | 1, 0},
	};

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		world_init(4, 0);
		vgic_sgi1r_write(&world.cpu[0], cases[i].val | 7u << 24);
		assert_int_equal(vgic_redist_read(g, 0x10200, 4), (cases[i].to & 1) << 7);
		assert_int_equal(vgic_redist_read(g, 0x30200, 4), (cases[i].to >> 1) << 7);
		vgic_sgi_write(&world.cpu[0], cases[i].val | 8u << 24, false); /* is Group 1 */
		assert_int_equal(vgic_redist_read(g, 0x10200, 4) & 0x100, 0);
	}
}

/* A world of several physical CPUs: what others do to a vCPU in its guest touches no LR, and is
 * kept. */
static void shared_world(void)
{
	world_init(4, 0);
	vgic_cpu_put(&world.cpu[0]);
	world.vgic.shared = true;
	vgic_cpu_load(&world.cpu[0]);
}

static void test_shared_sgi(void **state)
{
	unsigned reads, writes;

	(void)state;
	shared_world();
	vgic_guest_enter(&world.cpu[0]);
	reads = world.lr_reads;
	writes = world.lr_writes;
	vgic_sgi1r_write(&world.cpu[1], 1 | 3u << 24);
	assert_int_equal(world.lr_reads, reads);
	assert_int_equal(world.lr_writes, writes);
	assert_int_equal(world.kicks[0], 1);
	vgic_guest_leave(&world.cpu[0]);
	vgic_guest_enter(&world.cpu[0]);
	assert_int_equal(guest_ack(true), 3);
	/* Once more while the first one is handled: it is not lost when that one ends. */
	vgic_sgi1r_write(&world.cpu[1], 1 | 3u << 24);
	guest_eoi(3, true);
	vgic_guest_leave(&world.cpu[0]);
	assert_true(vgic_cpu_has_irq(&world.cpu[0]));
	vgic_guest_enter(&world.cpu[0]);
	assert_int_equal(guest_ack(true), 3);
	guest_eoi(3, true);
	vgic_guest_leave(&world.cpu[0]);
	assert_false(vgic_cpu_has_irq(&world.cpu[0]));
}

static void test_shared_line(void **state)
{
	(void)state;
	shared_world();
	vgic_guest_enter(&world.cpu[0]);
	vgic_set_spi(&world.vgic, 40, true);
	assert_int_equal(world.kicks[0], 1);
	vgic_guest_leave(&world.cpu[0]);
	vgic_guest_enter(&world.cpu[0]);
	assert_int_equal(guest_ack(true), 40);
	vgic_set_spi(&world.vgic, 40, false);
	guest_eoi(40, true);
	vgic_guest_leave(&world.cpu[0]);
	assert_false(vgic_cpu_has_irq(&world.cpu[0]));
	/* Up and down while the guest runs is nothing. */
	vgic_guest_enter(&world.cpu[0]);
	vgic_set_spi(&world.vgic, 40, true);
	vgic_set_spi(&world.vgic, 40, false);
	vgic_guest_leave(&world.cpu[0]);
	assert_false(vgic_cpu_has_irq(&world.cpu[0]));
	vgic_cpu_put(&world.cpu[0]);
}

static void test_route(void **state)
{
	(void)state;
	world_init(1, 0);
	vgic_redist_write(g, 0x30100, 4, ~0u);
	vgic_set_spi(g, 40, true);
	assert_int_equal(guest_ack(true), 40);
	/* Active here: it follows its route when it has ended. */
	vgic_dist_write(g, 0x6000 + 40 * 8, 8, 0x100000203);
	assert_false(vgic_cpu_has_irq(&world.cpu[1]));
	world.kicks[1] = 0;
	guest_eoi(40, true);
	world_settle();
	assert_int_equal(world.kicks[1], 1);
	assert_int_equal(guest_ack(true), 1023);
	assert_true(vgic_cpu_has_irq(&world.cpu[1]));
	world_switch(1);
	assert_int_equal(guest_ack(true), 40);
	guest_eoi(40, true);
	/* Routed to no vCPU: pending, and nobody's. */
	vgic_dist_write(g, 0x6000 + 40 * 8, 8, 0x77);
	world_settle();
	assert_int_equal(guest_ack(true), 1023);
	assert_int_equal(dist(0x204), 0x100);
	vgic_set_spi(g, 40, false);
	assert_int_equal(dist(0x204), 0);
	vgic_dist_write(g, 0x6000 + 40 * 8, 8, 0);
	assert_false(vgic_cpu_has_irq(&world.cpu[0]));
}

static void test_reset(void **state)
{
	(void)state;
	world_init(2, 0);
	vgic_set_spi(g, 40, true);
	vgic_set_ppi(&world.cpu[0], 30, true);
	vgic_sgi1r_write(&world.cpu[0], 1);
	vgic_dist_write(g, 0x6000 + 41 * 8, 8, 0x100000203);
	vgic_cpu_put(&world.cpu[0]);
	vgic_reset(g);
	vgic_cpu_load(&world.cpu[0]);
	assert_int_equal(dist(0), 0x50);
	assert_int_equal(dist(0x104), 0);
	assert_int_equal(dist(0x84), ~0u);
	assert_int_equal(vgic_dist_read(g, 0x6000 + 41 * 8, 8), 0);
	assert_int_equal(dist(0x204), 0x100); /* wires keep their level */
	assert_int_equal(vgic_redist_read(g, 0x10200, 4), 1u << 30);
	assert_false(vgic_cpu_has_irq(&world.cpu[0]));
	assert_int_equal(guest_ack(true), 1023);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_identification), cmocka_unit_test(test_registers),
		cmocka_unit_test(test_access_sizes),   cmocka_unit_test(test_cost),
		cmocka_unit_test(test_sgi_targets),    cmocka_unit_test(test_route),
		cmocka_unit_test(test_reset),          cmocka_unit_test(test_random),
		cmocka_unit_test(test_hostile),        cmocka_unit_test(test_shared_sgi),
		cmocka_unit_test(test_shared_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
