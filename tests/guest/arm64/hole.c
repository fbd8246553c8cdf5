// SPDX-License-Identifier: Apache-2.0
/*
 * Accesses to where nothing is: a synchronous external abort, with the address in FAR and without
 * valid register information, from both exception levels, of all kinds; the way through a
 * translation table there aborts on the walk (Arm ARM, "Fault status codes").
 */
#include "guest.h"

static u64 hole;

static void check_abort(u64 esr, unsigned class, u64 far, u64 wnr)
{
	if (ESR_EC(esr) != class || FSC(esr) != FSC_EXTERNAL || (esr & ISS_FNV) ||
	    (esr & ISS_WNR) != wnr || !(esr & ESR_IL) || try_trap.far != far) {
		fail("hole %lx: esr %lx far %lx, expected class %x far %lx wnr %lx", hole, esr,
		     try_trap.far, class, far, wnr);
	}
}

#define READ(insn, offset)                                         \
	do {                                                       \
		u64 p_ = hole;                                     \
		TRY_ASM(insn : "+r"(p_) : : "x0", "x1", "memory"); \
		check_abort(try_esr, EC_DABT, hole + (offset), 0); \
		CHECK_EQ(p_, hole); /* no write-back */            \
	} while (0)
#define WRITE(insn, offset)                                              \
	do {                                                             \
		u64 p_ = hole;                                           \
		TRY_ASM(insn : "+r"(p_) : : "x0", "x1", "memory");       \
		check_abort(try_esr, EC_DABT, hole + (offset), ISS_WNR); \
		CHECK_EQ(p_, hole);                                      \
	} while (0)

static void reads(void)
{
	READ("ldrb w0, [%0]", 0);
	READ("ldrh w0, [%0]", 0);
	READ("ldr w0, [%0]", 0);
	READ("ldr x0, [%0, 8]", 8);
	READ("ldrsw x0, [%0]", 0);
	READ("ldrsb w0, [%0, 3]", 3);
	READ("ldr x0, [%0], 16", 0);
	READ("ldr x0, [%0, 16]!", 16);
	READ("ldp x0, x1, [%0]", 0);
	READ("ldar w0, [%0]", 0);
	READ(".arch_extension fp\n\tldr d0, [%0]", 0);
	READ(".arch_extension simd\n\tldr q0, [%0]", 0);
	READ("ld1 {v0.16b}, [%0]", 0);
}

static void writes(void)
{
	WRITE("strb w0, [%0]", 0);
	WRITE("strh w0, [%0]", 0);
	WRITE("str w0, [%0]", 0);
	WRITE("str xzr, [%0, 16]", 16);
	WRITE("str x0, [%0], 16", 0);
	WRITE("str x0, [%0, 16]!", 16);
	WRITE("stp x0, x1, [%0]", 0);
	WRITE("stlr w0, [%0]", 0);
	WRITE("str q0, [%0]", 0);
	WRITE("st1 {v0.16b}, [%0]", 0);
}

/* What an emulator may know only as a read, or not tell apart. */
static void others(void)
{
	u64 p = hole;

	CHECK_EQ(ESR_EC(TRY_ASM("ldxr w0, [%0]" : "+r"(p) : : "x0", "memory")), EC_DABT);
	if (field(sysreg_read(id_aa64isar0_el1), 20) >= 2) {
		CHECK_EQ(ESR_EC(TRY_ASM(".arch_extension lse\n\tldadd w0, w1, [%0]"
					: "+r"(p)
					:
					: "x0", "x1", "memory")),
			 EC_DABT);
		CHECK_EQ(ESR_EC(TRY_ASM("cas w0, w1, [%0]"
					: "+r"(p)
					:
					: "x0", "x1", "memory")),
			 EC_DABT);
	}
}

/* As memory: there accesses may be unaligned, and DC ZVA is allowed. */
static void as_memory(void)
{
	map(hole, hole, MAP_RAM | PTE_UXN);
	/* An emulator may tell the address of an aligned part. */
	TRY_ASM("ldr w0, [%0, 1]" : : "r"(hole) : "x0", "memory");
	check_abort(try_esr, EC_DABT, try_trap.far, 0);
	CHECK_EQ(try_trap.far & ~3ULL, hole);
	TRY_ASM("str x0, [%0, 3]" : : "r"(hole) : "x0", "memory");
	check_abort(try_esr, EC_DABT, try_trap.far, ISS_WNR);
	CHECK_EQ(try_trap.far & ~7ULL, hole);
	READ("ldr w0, [%0]", 0);
	/* As on a device, where it is an alignment fault: whoever emulates cannot tell. */
	TRY_ASM("dc zva, %0" : : "r"(hole) : "memory");
	if (FSC(try_esr) != FSC_ALIGNMENT) {
		check_abort(try_esr, EC_DABT, hole, ISS_WNR);
	}
	map(hole, hole, MAP_DEVICE);
}

static u64 jump(u64 to)
{
	((void (*)(void))to)();
	return 0;
}

static void fetches(void)
{
	map(hole, hole, MAP_RAM);
	check_abort(call_try(jump, hole + 8), EC_IABT, hole + 8, 0);
	CHECK_EQ(try_trap.pc, hole + 8);
	map(hole, hole, MAP_USER);
	check_abort(state_try(hole + 16, PSTATE_EL0 | PSTATE_DAIF, 0, 0), EC_IABT_EL0, hole + 16,
		    0);
}

static void el0_read(u64 p)
{
	*(volatile u32 *)p;
}
static void el0_write(u64 p)
{
	*(volatile u16 *)p = 0;
}

static void from_el0(void)
{
	check_abort(user_try(el0_read, hole + 4), EC_DABT_EL0, hole + 4, 0);
	check_abort(user_try(el0_write, hole + 6), EC_DABT_EL0, hole + 6, ISS_WNR);
}

/* Tables in the hole: level 1, 2, 3. */
static void walks(void)
{
	for (unsigned level = 1; level < 4; level++) {
		u64 va = 0x300000000000ULL + BIT(39) * level;

		*pte(va, level - 1) = hole | 3;
		tlb_flush();
		TRY_ASM("ldr x0, [%0]" : : "r"(va) : "x0", "memory");
		CHECK_EQ(ESR_EC(try_esr), EC_DABT);
		CHECK_EQ(FSC(try_esr), FSC_WALK + level);
		CHECK_EQ(try_trap.far, va);
		CHECK_EQ(call_try(jump, va) & ~ISS_FNV,
			 (u64)EC_IABT << 26 | ESR_IL | (FSC_WALK + level));
	}
	/* The root itself: an address of the other half. */
	sysreg_write(ttbr1_el1, hole);
	sysreg_write(tcr_el1, (sysreg_read(tcr_el1) & ~BIT(23)) | 16ULL << 16 | 2ULL << 30);
	tlb_flush();
	TRY_ASM("ldr x0, [%0]" : : "r"(0xffffffff00000000ULL) : "x0", "memory");
	CHECK_EQ(FSC(try_esr), FSC_WALK);
	sysreg_write(tcr_el1, sysreg_read(tcr_el1) | BIT(23));
	tlb_flush();
}

static void address_translation(void)
{
	u64 par;

	/* Stage 1 alone: AT does not look at what is there. */
	__asm__ volatile("at s1e1r, %1\n\tisb\n\tmrs %0, par_el1" : "=r"(par) : "r"(hole));
	CHECK_EQ(par & 1, 0);
	CHECK_EQ(par & 0xfffffffff000ULL, hole);
}

static void check_hole(u64 at)
{
	hole = at;
	map(hole, hole, MAP_DEVICE);
	reads();
	writes();
	others();
	as_memory();
	address_translation();
	fetches();
	from_el0();
}

void guest_main(void)
{
	static const unsigned char pa_bits[] = {32, 36, 40, 42, 44, 48};
	unsigned range = sysreg_read(id_aa64mmfr0_el1) & 0xf;
	u64 last = BIT(pa_bits[range < 5 ? range : 5]) - PAGE;

	sysreg_write(cpacr_el1, 3 << 20);
	isb();
	check_hole(0x0a100000);
	check_hole((ram_base + ram_size + 0x200000) & ~0x1fffffULL);
	if (!bare()) { /* there QEMU has a PCI window */
		check_hole(0x30000000);
		if (last > 0xffffffffffULL) {
			check_hole(0xfffffff000ULL);
		}
	}
	check_hole(last);
	walks();
}
