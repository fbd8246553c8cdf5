// SPDX-License-Identifier: Apache-2.0
/*
 * The life of VMs under ThreadSanitizer: the core's own scheduler, VMs, consoles and keys on CPUs
 * that are threads, with guests that touch their memory, halt, kick each other, reset, power off
 * and die at random, and an operator who types at random. What must hold: a vCPU is on one CPU at a
 * time, a new life finds its memory zeroed, nothing is lost or left when the last VM has ended.
 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "arch/percpu.h"
#include "mm/bits.h"
#include "mm/page.h"
#include "vmm/arch.h"
#include "vmm/console.h"
#include "vmm/cpu.h"
#include "vmm/log.h"
#include "vmm/table_pages.h"
#include "vmm/vm.h"

#define CPUS      4
#define VMS       3
#define POOL      (32ULL << 20)
#define BASE      0x40000000ULL
#define VM_MEMORY (1ULL << 20)
#define PATTERN   0x5aa5c33c0ff0f00fULL
#define LOADS     60 /* of VMs, and ends of their guests' own: enough */
#define DEATHS    20
#define LIMIT_S   200
#define KEY_EVERY 3 /* looks for input */

_Thread_local struct percpu *this_thread;
static struct percpu cpus[CPUS];
static struct boot_info info;
static atomic_uint loads, pauses, deaths;

/* Counters of vCPUs that run are shown as they stand (vmm/report.c). */
const char *__tsan_default_suppressions(void);
const char *__tsan_default_suppressions(void)
{
	return "race:vmm/report.c\n";
}

/* main() ends by _exit(), past the sanitizer's own verdict. */
const char *__tsan_default_options(void);
const char *__tsan_default_options(void)
{
	return "halt_on_error=1";
}

static bool enough(void)
{
	return loads >= LOADS && deaths >= DEATHS;
}

static u64 next_random(void)
{
	u64 *r = &this_cpu()->random;

	*r ^= *r << 13;
	*r ^= *r >> 7;
	*r ^= *r << 17;
	return *r * 0x2545f4914f6cdd1dULL >> 16;
}

static bool once_in(u32 n)
{
	return next_random() % n == 0;
}

/* --- the machine --- */

u64 arch_uptime_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (u64)t.tv_sec * 1000000000 + (u64)t.tv_nsec;
}

void arch_cpu_deadline(u64 ns)
{
	this_cpu()->deadline_ns = ns;
}

void arch_cpu_kick(u32 cpu)
{
	atomic_store(&cpus[cpu].kicked, true);
}

static bool interrupt_waits(void)
{
	return atomic_load(&this_cpu()->kicked) || arch_uptime_ns() >= this_cpu()->deadline_ns;
}

void arch_cpu_idle(void)
{
	/* The operator's line interrupts CPU 0, too. */
	while (!interrupt_waits() && !(this_cpu()->id == 0 && once_in(10))) {
		usleep(20);
	}
	atomic_store(&this_cpu()->kicked, false);
}

bool arch_uart_init(void)
{
	return true;
}

void arch_uart_putc(u8 byte)
{
	(void)byte;
}

/* The operator: keys, numbers, and addresses to explain; in the end, the power. */
int arch_uart_getc(void)
{
	static const char keys[] = "nplsgezzrrbbbbRRKK?q0123\x01";
	static const char *next = "";
	static char typed[8];
	static bool stopped;

	if (*next) {
		return *next++;
	}
	if (enough()) {
		next = stopped ? "" : "X";
		if (!stopped) {
			stopped = true;
			return 1;
		}
		return -1;
	}
	if (!once_in(KEY_EVERY)) {
		return -1;
	}
	(void)snprintf(typed, sizeof(typed), "%c", keys[next_random() % (sizeof(keys) - 1)]);
	if (typed[0] == 'e') {
		(void)snprintf(typed, sizeof(typed), "e%s%x\r", once_in(2) ? "p" : "",
			       (unsigned)next_random() & 0xfff);
	}
	next = typed;
	return once_in(3) ? *next++ : 1;
}

void arch_uart_hold(bool hold)
{
	(void)hold;
}

bool arch_uart_is_polled(void)
{
	return true;
}

/* --- the guests --- */

static void no_flush(struct tdp *tdp, gpa_t start, u64 size)
{
	(void)tdp;
	(void)start;
	(void)size;
}

static const struct tdp_ops ops = {
	.alloc = table_pages_alloc, .free = table_pages_free, .flush = no_flush};

int arch_vm_init(struct vm *vm)
{
	return tdp_init(&vm->tdp, &pt_ept, &ops, 48);
}

void arch_vm_fini(struct vm *vm)
{
	tdp_destroy(&vm->tdp);
}

int arch_keyboard_getc(void)
{
	return -1;
}

gpa_t arch_vm_screen_base(void)
{
	return gpa(BIT(40));
}

gpa_t arch_vm_memory_next(gpa_t addr, u64 *room)
{
	*room = BIT(40);
	return addr;
}

/* A word of each page but the first, where tables are looked for. */
int arch_vm_load(struct vm *vm)
{
	u64 word;

	for (u64 at = 0; at < VM_MEMORY; at += PAGE_SIZE) {
		assert_int_equal(vm_read(vm, gpa(at + 8), &word, sizeof(word)), 0);
		assert_true(word == 0);
		word = PATTERN;
		assert_int_equal(at && vm_write(vm, gpa(at + 8), &word, sizeof(word)), 0);
	}
	for (u32 i = 0; i < vm->vcpu_count; i++) {
		assert_int_equal(vm->vcpu[i]->arch.on, 0);
		vm->vcpu[i]->halted = false;
	}
	atomic_fetch_add(&loads, 1);
	return once_in(20) ? -1 : 0;
}

void arch_vm_input(struct vm *vm)
{
	lock_take(&vm->lock);
	while (vm->state == VM_RUNNING && vconsole_getc(vm) >= 0) {
		vm->arch.typed++;
	}
	lock_drop(&vm->lock);
}

void arch_vm_stopped(struct vm *vm)
{
	(void)vm;
}

void arch_vm_resumed(struct vm *vm)
{
	for (u32 i = 0; i < vm->vcpu_count; i++) {
		assert_int_equal(vm->vcpu[i]->arch.on, 0);
	}
}

int arch_vcpu_init(struct vcpu *vcpu)
{
	(void)vcpu;
	return 0;
}

void arch_vcpu_fini(struct vcpu *vcpu)
{
	assert_int_equal(vcpu->arch.on, 0);
}

void arch_vcpu_load(struct vcpu *vcpu)
{
	assert_int_equal(vcpu->arch.on, 0);
	vcpu->arch.on = this_cpu()->id + 1;
}

u64 arch_vcpu_put(struct vcpu *vcpu)
{
	assert_int_equal(vcpu->arch.on, this_cpu()->id + 1);
	vcpu->arch.on = 0;
	return SCHED_NEVER;
}

bool arch_vcpu_poll(struct vcpu *vcpu, u64 *wake_ns)
{
	*wake_ns = arch_uptime_ns() + next_random() % 300000;
	return !vcpu->halted || once_in(2);
}

void arch_vcpu_enter(struct vcpu *vcpu)
{
	u64 at = (1 + next_random() % (VM_MEMORY / PAGE_SIZE - 1)) * PAGE_SIZE, word;
	struct vm *vm = vcpu->vm;
	struct tlb_batch batch;

	assert_int_equal(vcpu->arch.on, this_cpu()->id + 1);
	vcpu->arch.turns++;
	/* Nobody takes memory from a guest that runs. */
	assert_int_equal(vm_read(vm, gpa(at + 8), &word, sizeof(word)), 0);
	assert_true(word == PATTERN);
	tlb_batch_init(&batch, &vm->tdp);
	assert_int_equal(tdp_map(&vm->tdp, gpa(at), PAGE_SIZE,
				 (struct tdp_attr){.oa = vm->slots.slot[0].hpa, .prot = PT_RW},
				 &batch),
			 0);
	tlb_batch_flush(&batch);
}

static void guest_ends(struct vcpu *vcpu)
{
	static const enum vm_wish ends[] = {VM_WISH_RESET, VM_WISH_POWER_OFF};

	atomic_fetch_add(&deaths, 1);
	if (once_in(3)) {
		vm_kill(vcpu->vm, "at random");
	} else {
		(void)vm_ask(vcpu->vm, ends[next_random() % 2]);
	}
}

enum exit_action arch_vcpu_handle(struct vcpu *vcpu)
{
	struct vm *vm = vcpu->vm;

	vcpu->arch.exit_count[EXIT_OTHER]++;
	pauses += vm->state == VM_PAUSED; /* none must */
	if (interrupt_waits() || once_in(8)) {
		atomic_store(&this_cpu()->kicked, false);
		vcpu->arch.exit_count[EXIT_TICK]++;
		cpu_interrupted();
	}
	if (once_in(30)) {
		vconsole_tx(vm, (u8) "a\nb\x1b[m"[next_random() % 6]);
	}
	if (once_in(10)) {
		vcpu_kick(vm->vcpu[next_random() % vm->vcpu_count]);
	}
	if (once_in(200)) {
		guest_ends(vcpu);
	}
	return once_in(10) ? EXIT_HALT : EXIT_RESUME;
}

void arch_vcpu_skip_insn(struct vcpu *vcpu)
{
	(void)vcpu;
}

void arch_vcpu_dump(const struct vcpu *vcpu)
{
	assert_int_equal(vcpu->arch.on, this_cpu()->id + 1);
}

void arch_vcpu_paging(const struct vcpu *vcpu, struct guest_paging *p)
{
	union cpu_role role = {.kind = WALK_LONG4, .oa_bits = 40};

	assert_int_equal(vcpu->arch.on, this_cpu()->id + 1);
	*p = (struct guest_paging){.on = true, .role = {role, role}};
}

const char *arch_exit_name(u32 reason)
{
	return reason == EXIT_TICK ? "tick" : "other";
}

/* --- the test --- */

static void *cpu_thread(void *arg)
{
	this_thread = arg;
	cpu_enter();
	return NULL;
}

static void machine_start(void)
{
	static _Alignas(4096) u8 pool[POOL];
	struct range free = {BASE, POOL};

	phys_offset = (uintptr_t)pool - BASE;
	assert_int_equal(page_init(&free, 1), 0);
	console_init(&info);
	sched_init(CPUS);
	for (u32 i = 0; i < CPUS; i++) {
		cpus[i].id = i;
		cpus[i].random = 0x1234567 + i;
		cpus[i].deadline_ns = SCHED_NEVER;
	}
	this_thread = &cpus[0];
	for (u32 i = 1; i < CPUS; i++) {
		pthread_t t;

		assert_int_equal(pthread_create(&t, NULL, cpu_thread, &cpus[i]), 0);
	}
	info.config.vm_count = VMS;
	for (u32 i = 0; i < VMS; i++) {
		struct boot_vm *vm = &info.config.vms[i];

		(void)snprintf(vm->name, sizeof(vm->name), "vm%u", i);
		vm->memory = VM_MEMORY;
		vm->vcpus = i + 1;
		vm->flags = i == 2 ? BOOT_VM_WAITING : 0;
	}
	cpus_release();
}

/* From the first VM's start to the last one's end. */
static void life(void)
{
	struct page_stats before, after;

	page_stats(&before);
	for (u16 i = 0; i < VMS; i++) { /* all, before any runs: as main.c */
		assert_non_null(vm_create(&info, &info.config.vms[i], i));
	}
	for (u32 i = 0; i < VMS; i++) {
		struct vm *vm = vm_get(i);

		if (!(vm->config->flags & BOOT_VM_WAITING)) {
			assert_int_equal(vm_start(vm), 0);
		}
	}
	vconsole_switch(vm_get(0));
	cpu_run();
	for (u32 i = 0; i < VMS; i++) {
		vm_destroy(vm_get(i));
	}
	page_stats(&after);
	assert_int_equal(after.free_pages, before.free_pages);
}

static void test_lives(void **state)
{
	u32 lives = 0;

	(void)state;
	machine_start();
	(void)alarm(LIMIT_S); /* somebody waits for what does not come */
	while (!enough()) {
		life();
		lives++;
	}
	print_message("%u machines, %u loads, %u ends\n", lives, loads, deaths);
	assert_int_equal(pauses, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_lives)};
	int failed = cmocka_run_group_tests(tests, NULL, NULL);

	(void)fflush(NULL);
	_exit(failed != 0); /* the other CPUs never end */
}
