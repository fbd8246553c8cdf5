// SPDX-License-Identifier: Apache-2.0
/* Translations change when the guest says so: INVLPG, CR3, global pages and CR4.PGE, hundreds of
 * times. */
#include "guest.h"

#define VA  0x3000000ULL
#define PGE BIT(7)

static u64 *entry;
static u32 *pages[4];

static u32 look(void)
{
	return *(volatile u32 *)VA;
}

static void set(unsigned i, u64 flags)
{
	*entry = (u64)pages[i] | PTE_P | PTE_W | flags;
}

void guest_main(void)
{
	u64 cr3 = read_cr3(), cr4 = read_cr4();

	for (unsigned i = 0; i < 4; i++) {
		pages[i] = page_alloc();
		*pages[i] = i;
	}
	map(VA, (u64)pages[0], PTE_P | PTE_W);
	entry = pte(VA, 1);
	for (unsigned i = 0; i < 400; i++) {
		unsigned page = i % 4;

		switch (i % 5) {
		case 0:
			set(page, 0);
			invlpg(VA);
			break;
		case 1:
			set(page, 0);
			write_cr3(cr3);
			break;
		case 2:
			set(page, PTE_G);
			write_cr4(cr4 | PGE);
			write_cr4(cr4);
			break;
		case 3:
			write_cr4(cr4 | PGE);
			invlpg(VA);
			(void)look();
			set(page, PTE_G);
			write_cr4(cr4);
			break;
		default:
			set(page, 0);
			write_cr0(read_cr0() ^ BIT(16));
			write_cr0(read_cr0() ^ BIT(16));
			invlpg(VA);
			break;
		}
		CHECK_EQ(look(), page);
		if (i % 3 == 0) {
			vmexit();
			CHECK_EQ(look(), page);
		}
	}
	/* From present to absent. */
	*entry = 0;
	write_cr3(cr3);
	__asm__ volatile(TRY("mov (%0), %%eax") : : "r"(VA) : "rax", "memory");
	CHECK_EQ(try_vector, VEC_PF);
}
