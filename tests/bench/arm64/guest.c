// SPDX-License-Identifier: Apache-2.0
/*
 * The bench guest: measures what leaving it costs, prints rows `bench: NAME MIN MEAN` and powers
 * off. `profile=NAME` on the command line repeats one operation for ever instead; `smp`, `tick` and
 * `gaps` are other sets of rows (smp.c).
 */
#include "tests/bench/arm64/guest.h"

#define RUNS 1000
#define MIB  0x100000ULL

void row(const char *name, u64 first, u64 second)
{
	print("bench: %s %lu %lu\n", name, first, second);
}

static u64 run(const struct operation *op)
{
	if (op->prepare) {
		op->prepare();
	}
	return op->time();
}

static void bench(const struct operation *op)
{
	u64 min = ~0ULL, sum = 0, own = ticks_of_measuring();
	unsigned runs = op->runs ? op->runs : RUNS;

	for (unsigned i = 0; i < runs; i++) {
		u64 took = run(op) - own;

		min = took < min ? took : min;
		sum += took;
	}
	row(op->name, min, sum / runs);
}

/* One byte at every @step of [start, end), each for the first time. */
static void touch(const char *name, u64 start, u64 end, u64 step)
{
	u64 min = ~0ULL, sum = 0, own = ticks_of_measuring();

	for (u64 addr = start; addr < end; addr += step) {
		u64 took = time_touch(ram_base + addr) - own;

		min = took < min ? took : min;
		sum += took;
	}
	row(name, min, sum / ((end - start) / step));
}

static bool is_equal(const char *a, const char *b)
{
	while (*a && *a == *b) {
		a++;
		b++;
	}
	return *a == *b;
}

static const struct {
	const char *name;
	void (*run)(void);
} others[] = {{"smp", bench_two_cpus}, {"tick", bench_tick}, {"gaps", bench_gaps}};

/* Runs the set that the command line names. Returns false where it names none. */
static bool bench_other(void)
{
	for (unsigned i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		if (is_equal(others[i].name, cmdline)) {
			others[i].run();
			return true;
		}
	}
	return false;
}

/* The operation that `profile=` names; NULL: none. */
static const struct operation *find_profiled(void)
{
	const char *key = "profile=", *at = cmdline;

	while (*key && *key == *at) {
		key++;
		at++;
	}
	for (unsigned i = 0; !*key && i < operation_count; i++) {
		if (is_equal(operations[i].name, at)) {
			return &operations[i];
		}
	}
	return NULL;
}

void guest_main(void)
{
	u64 entered = sysreg_read(cntvct_el0);
	const struct operation *op = find_profiled();
	u64 ticks;

	row("entry", entered, entered);
	bench_init();
	if (bench_other()) {
		return;
	}
	if (op) {
		row("profile", (u64)image_start, 0);
		for (;;) {
			run(op);
		}
	}
	ticks = ticks_of_million();
	row("ticks-of-1000000", ticks, ticks);
	for (unsigned i = 0; i < operation_count; i++) {
		bench(&operations[i]);
	}
	touch("fresh-2m-region", 32 * MIB, 96 * MIB, 2 * MIB);
	touch("fresh-4k-page", 96 * MIB, 160 * MIB, 4096);
}
