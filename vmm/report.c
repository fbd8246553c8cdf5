// SPDX-License-Identifier: Apache-2.0
/*
 * Counters of vCPUs that run elsewhere are read as they stand: each is one word, and none has to
 * agree with another.
 */
#include "vmm/report.h"

#include <string.h>

#include "mm/bits.h"
#include "mm/page.h"
#include "vmm/arch.h"
#include "vmm/log.h"
#include "vmm/vm.h"

#define NS_PER_MS  1000000
#define MS_PER_S   1000
#define LOG_LINES  20
#define LOG_BYTES  3000
#define PERMILLE   1000
#define PAGE_MIB   (20 - PAGE_SHIFT)
#define ROWS_SHOWN 12

/* Of a vCPU, or of all of a VM's. */
struct usage {
	u64 ran_ns, ran_lately_ns, exits;
};

static u64 counter(const u64 *c)
{
	return __atomic_load_n(c, __ATOMIC_RELAXED);
}

static struct usage usage_of(struct vcpu *vcpu, u64 now_ns)
{
	u64 ran = sched_ran_ns(&vcpu->sched, now_ns);
	struct usage u = {ran, ran - vcpu->seen_ns, counter(&vcpu->exits)};

	vcpu->seen_ns = ran;
	return u;
}

static struct usage usage_sum(struct usage a, struct usage b)
{
	return (struct usage){a.ran_ns + b.ran_ns, a.ran_lately_ns + b.ran_lately_ns,
			      a.exits + b.exits};
}

/* Since when "lately" is: the last look, or the start. The look is this one. */
static u64 look(struct vm *vm, u64 now_ns)
{
	u64 since_ns = max_u64(vm->seen_ns, vm->start_ns);

	vm->seen_ns = now_ns;
	return now_ns - since_ns;
}

static void add_share(struct text *t, u64 part_ns, u64 whole_ns)
{
	u64 whole_us = whole_ns / 1000, share = whole_us ? part_ns / 1000 * PERMILLE / whole_us : 0;

	text_add(t, "  %6lu.%lu %%", share / 10, share % 10);
}

static void add_seconds(struct text *t, u64 ns)
{
	u64 ms = ns / NS_PER_MS;

	text_add(t, "%lu.%03lu s", ms / MS_PER_S, ms % MS_PER_S);
}

static const char *state_name(const struct vm *vm)
{
	static const char *const names[] = {[VM_OFF] = "off",
					    [VM_LOADING] = "starting",
					    [VM_RUNNING] = "running",
					    [VM_PAUSED] = "paused"};

	return names[vm->state];
}

static void list_vm(struct text *t, struct vm *vm, const struct vm *front, u64 now_ns)
{
	struct usage all = {0};
	u64 lately_ns;

	text_add(t, "%c %-2u  %-16s  %-8s  %5u  %5lu MiB", vm == front ? '*' : ' ', vm->id,
		 vm->config->name, state_name(vm), vm->vcpu_count, vm->config->memory >> 20);
	if (vm->state == VM_OFF) {
		text_add(t, "\n");
		return;
	}
	lately_ns = look(vm, now_ns);
	for (u32 i = 0; i < vm->vcpu_count; i++) {
		all = usage_sum(all, usage_of(vm->vcpu[i], now_ns));
	}
	add_share(t, all.ran_lately_ns, lately_ns);
	add_share(t, all.ran_ns, now_ns - vm->start_ns);
	text_add(t, "  %10lu\n", all.exits);
}

void report_list(struct text *t, const struct vm *front)
{
	u64 now_ns = arch_uptime_ns();
	struct page_stats stats;

	text_add(t, "  VM  name              state     vCPUs     memory   CPU lately   from start"
		    "       exits\n");
	for (u32 i = 0; i < vm_count(); i++) {
		if (vm_get(i)) {
			list_vm(t, vm_get(i), front, now_ns);
		}
	}
	page_stats(&stats);
	text_add(t, "memory: %lu of %lu MiB free, %lu pages\n", stats.free_pages >> PAGE_MIB,
		 stats.total_pages >> PAGE_MIB, stats.free_pages);
}

static void add_usage(struct text *t, const struct usage *u, u64 whole_ns, u64 lately_ns)
{
	text_add(t, "  %6lu.%03lu s", u->ran_ns / NS_PER_MS / MS_PER_S,
		 u->ran_ns / NS_PER_MS % MS_PER_S);
	add_share(t, u->ran_ns, whole_ns);
	add_share(t, u->ran_lately_ns, lately_ns);
	text_add(t, "  %10lu\n", u->exits);
}

/* The reasons by their counts, the most frequent first. */
static void add_exits(struct text *t, const struct vm *vm)
{
	u64 counts[VCPU_EXIT_REASONS] = {0};

	for (u32 i = 0; i < vm->vcpu_count; i++) {
		for (u32 r = 0; r < VCPU_EXIT_REASONS; r++) {
			counts[r] += counter(&vm->vcpu[i]->arch.exit_count[r]);
		}
	}
	for (u32 row = 0; row < ROWS_SHOWN; row++) {
		u32 most = 0;

		for (u32 r = 1; r < VCPU_EXIT_REASONS; r++) {
			most = counts[r] > counts[most] ? r : most;
		}
		if (!counts[most]) {
			break;
		}
		text_add(t, "  %10lu  %s\n", counts[most], arch_exit_name(most));
		counts[most] = 0;
	}
}

void report_statistics(struct text *t, struct vm *vm)
{
	u64 now_ns = arch_uptime_ns(), whole_ns = now_ns - vm->start_ns;
	u64 lately_ns = look(vm, now_ns);
	struct usage all = {0};

	text_add(t, "vm %s: %s, started ", vm->config->name, state_name(vm));
	add_seconds(t, whole_ns);
	text_add(t, " ago, %lu resets; %lu MiB; lately: in ", vm->resets,
		 vm->memory_pages >> PAGE_MIB);
	add_seconds(t, lately_ns);
	text_add(t, "\n  vCPU  CPU       has run   from start       lately       exits\n");
	for (u32 i = 0; i < vm->vcpu_count; i++) {
		struct usage u = usage_of(vm->vcpu[i], now_ns);

		text_add(t, "  %4u  %3u", i, vm->vcpu[i]->sched.cpu);
		add_usage(t, &u, whole_ns, lately_ns);
		all = usage_sum(all, u);
	}
	text_add(t, "   all     ");
	add_usage(t, &all, whole_ns, lately_ns);
	text_add(t, "exits by reason:\n");
	add_exits(t, vm);
	text_add(
		t,
		"second-level faults: %lu mapped, %lu in place already, %lu of devices; %lu tables\n",
		vm->faults.fixed, vm->faults.spurious, vm->faults.mmio, vm->tdp.table_count);
}

void report_log(struct text *t)
{
	static char bytes[LOG_BYTES + 1];
	u64 pos = ~(u64)0;
	size_t len;
	char *from;
	u32 lines = 0;

	(void)log_read(&pos, bytes, 0); /* to its end */
	pos -= min_u64(pos, LOG_BYTES);
	len = log_read(&pos, bytes, LOG_BYTES);
	bytes[len] = 0;
	for (from = bytes + len; from > bytes && lines <= LOG_LINES; from--) {
		lines += from[-1] == '\n';
	}
	/* At a newline, but for a log that is shorter. */
	text_add(t, "%s", lines > LOG_LINES ? from + 1 : bytes);
}
