// SPDX-License-Identifier: Apache-2.0
#include "arch/arm64/time.h"

#include "mm/bits.h"
#include "vmm/log.h"

#define NS_PER_S 1000000000ULL
#define SHIFT    32

static u64 base, hz;
static u64 ns_mul, count_mul; /* fixed point, SHIFT fraction bits */

bool time_init(void)
{
	hz = read_sysreg(cntfrq_el0) & GENMASK(31, 0);
	if (!hz) {
		return false;
	}
	ns_mul = (NS_PER_S << SHIFT) / hz;
	count_mul = (hz << SHIFT) / NS_PER_S;
	base = time_count();
	return true;
}

static u64 scale(u64 val, u64 mul)
{
	unsigned __int128 product = (unsigned __int128)val * mul;

	return product >> SHIFT > ~(u64)0 ? ~(u64)0 : (u64)(product >> SHIFT);
}

u64 time_count_to_ns(u64 count)
{
	return scale(count, ns_mul);
}

u64 time_ns_to_count(u64 ns)
{
	return scale(ns, count_mul);
}

u64 time_host_count(u64 ns)
{
	u64 count = base + time_ns_to_count(ns) + 1;

	return ns == ~(u64)0 || count < base ? ~(u64)0 : count;
}

u64 time_host_ns(u64 count)
{
	if (count == ~(u64)0) {
		return count;
	}
	return count < base ? 0 : time_count_to_ns(count - base);
}

u64 time_now_ns(void)
{
	return hz ? time_count_to_ns(time_count() - base) : 0;
}

u64 arch_uptime_ns(void)
{
	return time_now_ns();
}
