// SPDX-License-Identifier: Apache-2.0
#include "arch/arm64/vmid.h"

#include "mm/bits.h"

void vmid_pool_init(struct vmid_pool *p, unsigned bits, u32 cpu_count)
{
	assert(bits == 8 || bits == 16);
	assert(cpu_count >= 1 && cpu_count <= VMID_CPUS_MAX);
	*p = (struct vmid_pool){
		.generation = 1, .next = 1, .count = (u32)BIT(bits), .cpu_count = cpu_count};
}

static bool is_reserved(const struct vmid_pool *p, u16 nr)
{
	for (u32 i = 0; i < p->cpu_count; i++) {
		if (p->reserved[i] == nr) {
			return true;
		}
	}
	return false;
}

/* The next free number; 0 when this generation has none left. */
static u16 take_next(struct vmid_pool *p)
{
	while (p->next < p->count) {
		u16 nr = (u16)p->next++;

		if (!is_reserved(p, nr)) {
			return nr;
		}
	}
	return 0;
}

static void roll_over(struct vmid_pool *p)
{
	p->generation++;
	p->next = 1;
	for (u32 i = 0; i < p->cpu_count; i++) {
		p->reserved[i] = p->running[i];
	}
}

bool vmid_get(struct vmid_pool *p, struct vmid *id, u32 cpu)
{
	bool flush = false;

	p->running[cpu] = 0;
	if (id->generation + 1 == p->generation && id->nr && is_reserved(p, id->nr)) {
		id->generation = p->generation;
	}
	if (id->generation != p->generation) {
		u16 nr = take_next(p);

		if (!nr) {
			roll_over(p);
			flush = true;
			nr = take_next(p);
			assert(nr); /* more VMIDs than CPUs */
		}
		*id = (struct vmid){.generation = p->generation, .nr = nr};
	}
	p->running[cpu] = id->nr;
	return flush;
}

void vmid_put(struct vmid_pool *p, u32 cpu)
{
	p->running[cpu] = 0;
}
