// SPDX-License-Identifier: Apache-2.0
/* What the console says of an address: tables in a small memory, the text word for word. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "arch/arm64/paging.h"
#include "mm/page.h"
#include "vmm/explain.h"

/* Pages 0 to 15 are the guest's memory, from MEMORY on; those behind them are the host's tables. */
#define MEMORY      0x40000000ULL
#define GUEST_PAGES 64
#define ALL_PAGES   (GUEST_PAGES + 64)

static _Alignas(65536) u8 pool[ALL_PAGES * PAGE_SIZE];
static u64 pool_used;
static struct memslots slots;
static struct tdp tdp;
static char text[EXPLAIN_TEXT_MAX];

static hpa_t table_alloc(struct tdp *t, unsigned order)
{
	u64 size = PAGE_SIZE << order, at = align_up(pool_used, size);

	(void)t;
	assert_true(at + size <= sizeof(pool));
	pool_used = at + size;
	return hpa(MEMORY + at);
}

static void table_free(struct tdp *t, hpa_t table, unsigned order)
{
	(void)t;
	(void)table;
	(void)order;
}

static void no_flush(struct tdp *t, gpa_t start, u64 size)
{
	(void)t;
	(void)start;
	(void)size;
}

static const struct tdp_ops ops = {.alloc = table_alloc, .free = table_free, .flush = no_flush};

static void world(const struct pt_format *fmt, unsigned ia_bits)
{
	struct memslot s = {
		.base = gpa(MEMORY), .size = GUEST_PAGES * PAGE_SIZE, .hpa = hpa(MEMORY)};
	struct tdp_attr attr = {.oa = hpa(MEMORY), .prot = PT_RX, .mem = PT_MEM_WB};
	struct tlb_batch batch;

	memset(pool, 0, sizeof(pool));
	phys_offset = (uintptr_t)pool - MEMORY;
	pool_used = GUEST_PAGES * PAGE_SIZE;
	slots.count = 0;
	assert_int_equal(memslot_add(&slots, &s), 0);
	assert_int_equal(tdp_init(&tdp, fmt, &ops, ia_bits), 0);
	tlb_batch_init(&batch, &tdp);
	assert_int_equal(tdp_map(&tdp, gpa(MEMORY), PAGE_SIZE, attr, &batch), 0);
	tlb_batch_flush(&batch);
}

static void put(unsigned page, unsigned index, u64 entry)
{
	memcpy(pool + page * PAGE_SIZE + index * 8, &entry, 8);
}

static u64 at(unsigned page)
{
	return MEMORY + page * PAGE_SIZE;
}

static void expect(const struct guest_paging *paging, u64 addr, const char *wanted)
{
	struct explain e = {
		.vm = "a", .paging = paging, .slots = &slots, .tdp = &tdp, .addr = addr};
	struct text t = {.buf = text, .size = sizeof(text)};

	explain(&e, &t);
	assert_string_equal(text, wanted);
}

static struct guest_paging long_mode(void)
{
	union cpu_role role = {.kind = WALK_LONG4, .oa_bits = 40, .nx = 1, .wp = 1, .smep = 1};

	return (struct guest_paging){.on = true, .role = {role, role}, .root = {at(1), at(1)}};
}

static void test_x86(void **state)
{
	struct guest_paging p = long_mode();

	(void)state;
	world(&pt_npt, 48);
	put(1, 0, at(2) | 7);
	put(2, 0, at(3) | 5); /* read-only from here on */
	put(3, 0, at(4) | 7);
	put(4, 1, at(0) | BIT(63) | 0x67);
	expect(&p, 0x1abc,
	       "vm a, vCPU 0: address 1abc\n"
	       "the guest's tables: x86-64, root 40001000\n"
	       "  level 4  at 40001000   0000000040002007  table 40002000  kernel rwx  user rwx\n"
	       "  level 3  at 40002000   0000000040003005  table 40003000  kernel r-x  user r-x\n"
	       "  level 2  at 40003000   0000000040004007  table 40004000  kernel rwx  user rwx\n"
	       "  level 1  at 40004008   8000000040000067  4 KiB at 40000000  kernel rw-  user rw-\n"
	       "  kernel: reads, no writes (level 3), no execution (level 1)\n"
	       "  user:   reads, no writes (level 3), no execution (level 1)\n"
	       "guest-physical 40000abc: memory of the VM\n"
	       "Socle's tables: NPT, root 40040000\n"
	       "  level 4  at 40040000   0000000040041007  table 40041000\n"
	       "  level 3  at 40041008   0000000040042007  table 40042000\n"
	       "  level 2  at 40042000   0000000040043007  table 40043000\n"
	       "  level 1  at 40043000   0000000040000005  4 KiB at 40000000  r-x\n"
	       "host-physical 40000abc, write-back\n");
	/* A hole, a reserved bit, no memory, no address. */
	expect(&p, 0x2000,
	       "vm a, vCPU 0: address 2000\n"
	       "the guest's tables: x86-64, root 40001000\n"
	       "  level 4  at 40001000   0000000040002007  table 40002000  kernel rwx  user rwx\n"
	       "  level 3  at 40002000   0000000040003005  table 40003000  kernel r-x  user r-x\n"
	       "  level 2  at 40003000   0000000040004007  table 40004000  kernel rwx  user rwx\n"
	       "  level 1  at 40004010   0000000000000000  not present\n"
	       "  not mapped: level 1 is not present\n");
	put(1, 1, BIT(45) | 7);
	expect(&p, 0x8000000000,
	       "vm a, vCPU 0: address 8000000000\n"
	       "the guest's tables: x86-64, root 40001000\n"
	       "  level 4  at 40001008   0000200000000007  table 200000000000  kernel rwx  user rwx\n"
	       "  denied: level 4 has reserved bits set, or too large an address\n");
	expect(&p, BIT(63),
	       "vm a, vCPU 0: address 8000000000000000\n"
	       "the guest's tables: x86-64, root 40001000\n"
	       "  not canonical: no address at all\n");
}

/* What no entry denies but the CPU's mode does. */
static void test_modes(void **state)
{
	struct guest_paging p = long_mode();

	(void)state;
	world(&pt_ept, 48);
	put(1, 0, at(2) | 7);
	put(2, 0, at(3) | 7);
	put(3, 0, 0x87);
	p.role[0].smap = 1;
	expect(&p, 0x123456,
	       "vm a, vCPU 0: address 123456\n"
	       "the guest's tables: x86-64, root 40001000\n"
	       "  level 4  at 40001000   0000000040002007  table 40002000  kernel rwx  user rwx\n"
	       "  level 3  at 40002000   0000000040003007  table 40003000  kernel rwx  user rwx\n"
	       "  level 2  at 40003000   0000000000000087  2 MiB at 0  kernel rwx  user rwx\n"
	       "  kernel: no reads (SMAP), no writes (SMAP), no execution (SMEP)\n"
	       "  user:   reads, writes, execution\n"
	       "guest-physical 123456: no memory of the VM: a device, or nothing\n"
	       "Socle's tables: EPT, root 40040000\n"
	       "  level 4  at 40040000   0000000040041007  table 40041000\n"
	       "  level 3  at 40041000   0000000000000000  not present\n");
	p.on = false;
	expect(&p, at(5),
	       "vm a, vCPU 0: address 40005000\n"
	       "paging is off: addresses are guest-physical\n"
	       "guest-physical 40005000: memory of the VM\n"
	       "Socle's tables: EPT, root 40040000\n"
	       "  level 4  at 40040000   0000000040041007  table 40041000\n"
	       "  level 3  at 40041008   0000000040042007  table 40042000\n"
	       "  level 2  at 40042000   0000000040043007  table 40043000\n"
	       "  level 1  at 40043028   0000000000000000  not present\n"
	       "  not mapped yet: the first access will\n");
	expect(NULL, BIT(48),
	       "vm a: guest-physical 1000000000000: no memory of the VM: a device, or nothing\n"
	       "Socle's tables: EPT, root 40040000\n"
	       "  outside of what these tables can map\n");
}

/* --- Arm --- */

#define SCTLR_ON 1
#define TCR_48   (BIT(34) | BIT(32) | 16ULL << 16 | 16) /* 48 bits of output, of both halves */
#define TCR_4K   (2ULL << 30)
#define TCR_16K  (1ULL << 30 | 2ULL << 14)
#define TCR_64K  (3ULL << 30 | 1ULL << 14)

static struct guest_paging arm(u64 tcr)
{
	struct paging_regs regs = {
		.sctlr = SCTLR_ON, .tcr = tcr, .ttbr = {at(1) | BIT(48), at(16)}, .pan = true};
	struct guest_paging p;

	paging_of(&regs, &p);
	return p;
}

static void test_el1_4k(void **state)
{
	struct guest_paging p = arm(TCR_48 | TCR_4K);

	(void)state;
	world(&pt_s2_4k, 40);
	put(16, 256, at(2) | BIT(60) | 3);
	put(2, 0, at(3) | 3);
	put(3, 1, BIT(53) | 0x40000741); /* EL0's, 2 MiB */
	expect(&p, 0xffff800000200010,
	       "vm a, vCPU 0: address ffff800000200010\n"
	       "the guest's tables: EL1&0, 4K, root 40010000\n"
	       "  level 4  at 40010800   1000000040002003  table 40002000  kernel rwx  user rw-\n"
	       "  level 3  at 40002000   0000000040003003  table 40003000  kernel rwx  user rwx\n"
	       "  level 2  at 40003008   0020000040000741  2 MiB at 40000000  kernel rw-  user rwx\n"
	       "  kernel: no reads (PAN), no writes (PAN), no execution (level 2)\n"
	       "  user:   reads, writes, no execution (level 4)\n"
	       "guest-physical 40000010: memory of the VM\n"
	       "Socle's tables: stage 2, 4K, root 40040000\n"
	       "  level 3  at 40040008   0000000040042003  table 40042000\n"
	       "  level 2  at 40042000   0000000040043003  table 40043000\n"
	       "  level 1  at 40043000   000000004000077f  4 KiB at 40000000  r-x\n"
	       "host-physical 40000010, write-back\n");
	put(3, 1, 0x40000341);
	expect(&p, 0xffff800000200000,
	       "vm a, vCPU 0: address ffff800000200000\n"
	       "the guest's tables: EL1&0, 4K, root 40010000\n"
	       "  level 4  at 40010800   1000000040002003  table 40002000  kernel rwx  user rw-\n"
	       "  level 3  at 40002000   0000000040003003  table 40003000  kernel rwx  user rwx\n"
	       "  level 2  at 40003008   0000000040000341  2 MiB at 40000000  kernel rwx  user rwx\n"
	       "  denied: the access flag of level 2 is clear\n");
	put(2, 1, 0x50000003);
	expect(&p, 0xffff800040000000,
	       "vm a, vCPU 0: address ffff800040000000\n"
	       "the guest's tables: EL1&0, 4K, root 40010000\n"
	       "  level 4  at 40010800   1000000040002003  table 40002000  kernel rwx  user rw-\n"
	       "  level 3  at 40002008   0000000050000003  table 50000000  kernel rwx  user rwx\n"
	       "  the table of level 2 is in no memory of the VM\n");
	expect(&p, 0xff00000000000000,
	       "vm a, vCPU 0: address ff00000000000000\n"
	       "the guest's tables: EL1&0, 4K, root 1000040001000\n"
	       "  outside of what these tables can map\n");
	p = arm(TCR_48 | TCR_4K | BIT(7));
	expect(&p, 0x1000,
	       "vm a, vCPU 0: address 1000\n"
	       "the guest's tables: none, root 1000040001000\n"
	       "  no tables: the guest has switched this half off\n");
}

static void test_el1_other_granules(void **state)
{
	struct guest_paging p = arm(TCR_48 | TCR_16K);

	(void)state;
	world(&pt_s2_4k, 40);
	put(16, 1, at(4) | 3); /* 16K: a root of two entries; the tables are of four pages */
	put(4, 0, at(8) | 3);
	put(8, 1, BIT(54) | 0x40000781);
	expect(&p, 0xffff800002000123,
	       "vm a, vCPU 0: address ffff800002000123\n"
	       "the guest's tables: EL1&0, 16K, root 40010000\n"
	       "  level 4  at 40010008   0000000040004003  table 40004000  kernel rwx  user rwx\n"
	       "  level 3  at 40004000   0000000040008003  table 40008000  kernel rwx  user rwx\n"
	       "  level 2  at 40008008   0040000040000781  32 MiB at 40000000  kernel r-x  user ---\n"
	       "  kernel: reads, no writes (level 2), execution\n"
	       "  user:   no reads (level 2), no writes (level 2), no execution (level 2)\n"
	       "guest-physical 40000123: memory of the VM\n"
	       "Socle's tables: stage 2, 4K, root 40040000\n"
	       "  level 3  at 40040008   0000000040042003  table 40042000\n"
	       "  level 2  at 40042000   0000000040043003  table 40043000\n"
	       "  level 1  at 40043000   000000004000077f  4 KiB at 40000000  r-x\n"
	       "host-physical 40000123, write-back\n");
	p = arm((TCR_48 | TCR_64K) + (6ULL << 16)); /* 42 bits: two levels */
	put(16, 0, at(32) | 3);
	put(32, 1, 0x40000703);
	expect(&p, 0xfffffc0000010004,
	       "vm a, vCPU 0: address fffffc0000010004\n"
	       "the guest's tables: EL1&0, 64K, root 40010000\n"
	       "  level 2  at 40010000   0000000040020003  table 40020000  kernel rwx  user rwx\n"
	       "  level 1  at 40020008   0000000040000703  64 KiB at 40000000  kernel rwx  user --x\n"
	       "  kernel: reads, writes, execution\n"
	       "  user:   no reads (level 1), no writes (level 1), execution\n"
	       "guest-physical 40000004: memory of the VM\n"
	       "Socle's tables: stage 2, 4K, root 40040000\n"
	       "  level 3  at 40040008   0000000040042003  table 40042000\n"
	       "  level 2  at 40042000   0000000040043003  table 40043000\n"
	       "  level 1  at 40043000   000000004000077f  4 KiB at 40000000  r-x\n"
	       "host-physical 40000004, write-back\n");
}

/* Text that does not fit is cut off, and ends. */
static void test_cut(void **state)
{
	char buf[8];
	struct text t = {.buf = buf, .size = sizeof(buf)};

	(void)state;
	text_add(&t, "%s", "12345");
	text_add(&t, "%u", 6789u);
	assert_string_equal(buf, "1234567");
	text_add(&t, "more");
	assert_string_equal(buf, "1234567");
	assert_int_equal(t.len, 7);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_x86),    cmocka_unit_test(test_modes),
		cmocka_unit_test(test_el1_4k), cmocka_unit_test(test_el1_other_granules),
		cmocka_unit_test(test_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
