// SPDX-License-Identifier: Apache-2.0
/*
 * Host time from the TSC. Its frequency comes from CPUID 15h or the hypervisor leaf 4000_0010h
 * (a host below us that knows it), else it is measured against the ACPI PM timer, else against
 * channel 2 of the 8254, which every PC has.
 */
#include "arch/x86/time.h"

#include "arch/cpu.h"
#include "arch/io.h"
#include "arch/x86/x86.h"
#include "vmm/log.h"

#define PM_TIMER_HZ   3579545ULL
#define PIT_HZ        1193182ULL
#define MEASURE_TICKS (PM_TIMER_HZ / 50) /* 20 ms */
#define POLL_LIMIT    100000000u

struct time_scale time_scale;
static u64 tsc_base;

static u64 mul_shift32(u64 a, u32 mul)
{
	return (u64)((unsigned __int128)a * mul >> 32);
}

static u64 cpuid_tsc_khz(void)
{
	u32 max = cpuid(0, 0).eax;

	if (max >= 0x15) {
		struct cpuid_regs r = cpuid(0x15, 0);

		if (r.eax && r.ebx && r.ecx) {
			return (u64)r.ecx * r.ebx / r.eax / 1000;
		}
	}
	if ((cpuid(1, 0).ecx & BIT(31)) && cpuid(0x40000000, 0).eax >= 0x40000010) {
		return cpuid(0x40000010, 0).eax;
	}
	return 0;
}

static u64 pm_timer_khz(u16 port)
{
	u32 first = inl(port) & 0xffffff, elapsed = 0;
	u64 start = rdtsc();

	for (u32 i = 0; i < POLL_LIMIT && elapsed < MEASURE_TICKS; i++) {
		elapsed = (inl(port) - first) & 0xffffff;
	}
	return elapsed < MEASURE_TICKS ? 0 : (rdtsc() - start) * PM_TIMER_HZ / elapsed / 1000;
}

static u64 pit_khz(void)
{
	const u16 count = PIT_HZ / 50;
	u64 start;

	outb(0x61, (u8)((inb(0x61) & ~2) | 1)); /* gate on, speaker off */
	outb(0x43, 0xb0);                       /* channel 2, mode 0, both bytes */
	outb(0x42, (u8)(count & 0xff));
	outb(0x42, (u8)(count >> 8));
	start = rdtsc();
	for (u32 i = 0; i < POLL_LIMIT && !(inb(0x61) & 0x20); i++) {
		cpu_relax();
	}
	return (rdtsc() - start) * PIT_HZ / count / 1000;
}

/* The pvclock scaling: bring the frequency into (2^31, 2^32] kHz-shifted form, keep 32 bits. */
static void scale_set(u64 khz)
{
	u64 hz = khz * 1000, ns = 1000000000ULL;
	s8 shift = 0;

	while (hz > 2 * ns) {
		hz >>= 1;
		shift--;
	}
	while (hz <= ns) {
		hz <<= 1;
		shift++;
	}
	time_scale = (struct time_scale){(u32)((ns << 32) / hz), shift, khz};
}

void time_init(u16 pm_timer_port)
{
	const char *source = "CPUID";
	u64 khz = cpuid_tsc_khz();

	if (!khz && pm_timer_port) {
		khz = pm_timer_khz(pm_timer_port);
		source = "ACPI PM timer";
	}
	if (!khz) {
		khz = pit_khz();
		source = "8254";
	}
	scale_set(khz ? khz : 1000000);
	tsc_base = rdtsc();
	log_info("TSC: %lu.%03lu MHz by %s", khz / 1000, khz % 1000, source);
}

u64 time_tsc_to_ns(u64 ticks)
{
	ticks = time_scale.shift < 0 ? ticks >> -time_scale.shift : ticks << time_scale.shift;
	return mul_shift32(ticks, time_scale.mul);
}

u64 time_ns_to_tsc(u64 ns)
{
	if (ns >= 1000000000000ULL) {
		return ns / 1000000 * time_scale.khz; /* exact to a millisecond, cannot overflow */
	}
	return ns * time_scale.khz / 1000000;
}

u64 time_now_ns(void)
{
	return time_scale.mul ? time_tsc_to_ns(rdtsc() - tsc_base) : 0;
}

u64 time_base_tsc(void)
{
	return tsc_base;
}
