// SPDX-License-Identifier: Apache-2.0
/* What a second-level fault maps: memory, read-only memory, the framebuffer and nothing beside it.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "mm/bits.h"
#include "mm/page.h"
#include "vmm/fault.h"
#include "vmm/vm.h"

#define MIB     ((u64)1 << 20)
#define SCREEN  0xc0000000ULL
#define VRAM    0x80000000ULL
#define VRAM_SZ (2 * MIB + 3 * PAGE_SIZE)

static struct vm vm;

static hpa_t table_alloc(struct tdp *tdp, unsigned order)
{
	void *table = aligned_alloc(PAGE_SIZE << order, PAGE_SIZE << order);

	(void)tdp;
	memset(table, 0, PAGE_SIZE << order);
	return ptr_phys(table);
}

static void table_free(struct tdp *tdp, hpa_t table, unsigned order)
{
	(void)tdp;
	(void)order;
	free(phys_ptr(table));
}

static void flush(struct tdp *tdp, gpa_t start, u64 size)
{
	(void)tdp;
	(void)start;
	(void)size;
}

static const struct tdp_ops ops = {.alloc = table_alloc, .free = table_free, .flush = flush};
static const struct pt_format *const formats[] = {&pt_npt, &pt_ept, &pt_s2_4k};

static enum fault_result touch(u64 addr, unsigned access)
{
	struct tdp_fault fault = {.gpa = gpa(addr), .access = (u8)access};

	return fault_handle(&vm, &fault);
}

static void start(const struct pt_format *format)
{
	struct memslot ram = {gpa(0), 4 * MIB, hpa(0x10000000), 0};
	struct memslot rom = {gpa(0x800000), PAGE_SIZE, hpa(0x20000000), MEMSLOT_RO};

	memset(&vm, 0, sizeof(vm));
	assert_int_equal(tdp_init(&vm.tdp, format, &ops, 40), 0);
	assert_int_equal(memslot_add(&vm.slots, &ram), 0);
	assert_int_equal(memslot_add(&vm.slots, &rom), 0);
}

static void expect_leaf(u64 addr, u64 hpa, u64 size, unsigned prot, enum pt_mem mem)
{
	struct tdp_entry e = tdp_lookup(&vm.tdp, gpa(addr));

	assert_int_equal(e.kind, PT_LEAF);
	assert_int_equal(e.oa.v, hpa);
	assert_int_equal(e.level, size == PAGE_SIZE ? 1 : 2);
	assert_int_equal(e.prot & (PT_R | PT_W | PT_X), prot);
	assert_int_equal(e.mem, mem);
}

static void test_memory(void **state)
{
	(void)state;
	for (unsigned f = 0; f < ARRAY_SIZE(formats); f++) {
		start(formats[f]);
		assert_int_equal(touch(0x1234, PT_W), FAULT_FIXED);
		assert_int_equal(touch(0x1234, PT_W), FAULT_SPURIOUS);
		expect_leaf(0, 0x10000000, 2 * MIB, PT_R | PT_W | PT_X, PT_MEM_WB);
		assert_int_equal(touch(0x800000, PT_W), FAULT_DENIED);
		assert_int_equal(touch(0x800000, PT_X), FAULT_FIXED);
		expect_leaf(0x800000, 0x20000000, PAGE_SIZE, PT_R | PT_X, PT_MEM_WB);
		assert_int_equal(touch(0x400000, PT_R), FAULT_MMIO);
		assert_int_equal(touch(SCREEN, PT_R), FAULT_MMIO); /* another VM's */
		tdp_destroy(&vm.tdp);
	}
}

static void test_framebuffer(void **state)
{
	(void)state;
	for (unsigned f = 0; f < ARRAY_SIZE(formats); f++) {
		start(formats[f]);
		vm.framebuffer = (struct memslot){gpa(SCREEN), VRAM_SZ, hpa(VRAM), 0};
		assert_int_equal(touch(SCREEN + 0x1234, PT_W), FAULT_FIXED);
		expect_leaf(SCREEN, VRAM, 2 * MIB, PT_R | PT_W, PT_MEM_WC);
		assert_int_equal(touch(SCREEN + VRAM_SZ - 1, PT_R), FAULT_FIXED);
		expect_leaf(SCREEN + VRAM_SZ - PAGE_SIZE, VRAM + VRAM_SZ - PAGE_SIZE, PAGE_SIZE,
			    PT_R | PT_W, PT_MEM_WC);
		assert_int_equal(touch(SCREEN + VRAM_SZ, PT_W), FAULT_MMIO);
		assert_int_equal(tdp_lookup(&vm.tdp, gpa(SCREEN + VRAM_SZ)).kind, PT_HOLE);
		assert_int_equal(touch(SCREEN - 1, PT_W), FAULT_MMIO);
		assert_int_equal(touch(SCREEN, PT_X), FAULT_DENIED);
		tdp_destroy(&vm.tdp);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_memory),
		cmocka_unit_test(test_framebuffer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
