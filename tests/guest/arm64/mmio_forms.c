// SPDX-License-Identifier: Apache-2.0
/*
 * All the forms of instruction that may access a device register: sizes, extensions, addressing
 * with and without write-back, pairs. The register is four interrupts' priorities, and another
 * four's behind it: every byte can be read and written. What the architecture leaves open for
 * devices, as exclusives, must end in a result or in an abort.
 */
#include "guest.h"

#define REG (GICD_BASE + GICD_IPRIORITYR + 40)
#define V0  0xf0a85010u
#define V1  0x20304088u

static void prepare(void)
{
	mmio_write(REG, V0);
	mmio_write(REG + 4, V1);
}

/* Loads x0 by the instruction, with the address in x1, 8 in x2; x1 afterwards. */
#define READS(insn, expected, base_change)                                                     \
	do {                                                                                   \
		register u64 r_ __asm__("x0") = ~0ULL;                                         \
		register u64 b_ __asm__("x1") = REG;                                           \
		register u64 i_ __asm__("x2") = 8;                                             \
		prepare();                                                                     \
		TRY_ASM(insn : "+r"(r_), "+r"(b_), "+r"(i_) : : "memory", "x3");               \
		if (try_esr || r_ != (u64)(expected) || b_ != REG + (u64)(s64)(base_change)) { \
			fail("%s: x0 %lx x1 %lx esr %lx, expected %lx", insn, r_, b_, try_esr, \
			     (u64)(expected));                                                 \
		}                                                                              \
	} while (0)

static void loads(void)
{
	READS("ldr w0, [x1]", V0, 0);
	READS("ldrb w0, [x1]", 0x10, 0);
	READS("ldrb w0, [x1, 1]", 0x50, 0);
	READS("ldrb w0, [x1, 2]", 0xa8, 0);
	READS("ldrb w0, [x1, 3]", 0xf0, 0);
	READS("ldrsb w0, [x1, 3]", 0xfffffff0u, 0);
	READS("ldrsb x0, [x1, 3]", 0xfffffffffffffff0ULL, 0);
	READS("ldrsw x0, [x1]", 0xfffffffff0a85010ULL, 0);
	READS("ldrsw x0, [x1, 4]", V1, 0);
	READS("ldur w0, [x1, 4]", V1, 0);
	READS("ldr w0, [x1, x2, lsl 2]", mmio_read(REG + 32), 0);
	READS("sub x1, x1, 8\n\tldr w0, [x1, x2]\n\tadd x1, x1, 8", V0, 0);
	READS("mov w3, -8\n\tadd x1, x1, 8\n\tldr w0, [x1, w3, sxtw]\n\tsub x1, x1, 8", V0, 0);
	READS("ldr w0, [x1], 4", V0, 4);
	READS("ldr w0, [x1], -16", V0, -16);
	READS("ldr w0, [x1, 4]!", V1, 4);
	READS("sub x1, x1, 8\n\tldr w0, [x1, 8]!", V0, 0);
	READS("ldrb w0, [x1, 3]!", 0xf0, 3);
	READS("ldrsb x0, [x1, 3]!", 0xfffffffffffffff0ULL, 3);
	READS("ldrsw x0, [x1], 4", 0xfffffffff0a85010ULL, 4);
	READS("ldr wzr, [x1]", ~0ULL, 0);
	READS("ldr wzr, [x1], 4", ~0ULL, 4);
	READS("ldar w0, [x1]", V0, 0);
	READS("ldarb w0, [x1]", 0x10, 0);
	READS("ldp w0, w3, [x1]\n\torr x0, x0, x3, lsl 32", V0 | (u64)V1 << 32, 0);
	READS("ldp w0, w3, [x1], 8\n\torr x0, x0, x3, lsl 32", V0 | (u64)V1 << 32, 8);
	READS("sub x1, x1, 8\n\tldp w0, w3, [x1, 8]!\n\torr x0, x0, x3, lsl 32", V0 | (u64)V1 << 32,
	      0);
	READS("ldpsw x0, x3, [x1]", 0xfffffffff0a85010ULL, 0);
	READS("ldnp w3, w0, [x1]", V1, 0);
	READS("ldtr w0, [x1, 4]", V1, 0);
	READS("mov x3, sp\n\tmov sp, x1\n\tldr w0, [sp]\n\tmov sp, x3", V0, 0);
	READS("mov x3, sp\n\tmov sp, x1\n\tldr w0, [sp], 16\n\tmov x1, sp\n\tmov sp, x3", V0, 16);
	READS("prfm pldl1keep, [x1]", ~0ULL, 0);
}

/* Stores x0 = 0x...60708090; what the two words are then. */
#define WRITES(insn, word0, word1, base_change)                                                    \
	do {                                                                                       \
		register u64 r_ __asm__("x0") = 0x1828384860708090ULL;                             \
		register u64 b_ __asm__("x1") = REG;                                               \
		register u64 i_ __asm__("x2") = 8;                                                 \
		prepare();                                                                         \
		TRY_ASM(insn : "+r"(r_), "+r"(b_), "+r"(i_) : : "memory", "x3");                   \
		if (try_esr || b_ != REG + (u64)(s64)(base_change) ||                              \
		    mmio_read(REG) != (u32)(word0) || mmio_read(REG + 4) != (u32)(word1)) {        \
			fail("%s: %x %x x1 %lx esr %lx", insn, mmio_read(REG), mmio_read(REG + 4), \
			     b_, try_esr);                                                         \
		}                                                                                  \
	} while (0)

static void stores(void)
{
	WRITES("str w0, [x1]", 0x60708090, V1, 0);
	WRITES("strb w0, [x1]", 0xf0a85090, V1, 0);
	WRITES("strb w0, [x1, 3]", 0x90a85010, V1, 0);
	WRITES("str wzr, [x1]", 0, V1, 0);
	WRITES("stur w0, [x1, 4]", V0, 0x60708090, 0);
	WRITES("str w0, [x1], 4", 0x60708090, V1, 4);
	WRITES("str w0, [x1, 4]!", V0, 0x60708090, 4);
	WRITES("strb w0, [x1, 1]!", 0xf0a89010, V1, 1);
	WRITES("strb w0, [x1], -3", 0xf0a85090, V1, -3);
	WRITES("str wzr, [x1, 4]!", V0, 0, 4);
	WRITES("stlr w0, [x1]", 0x60708090, V1, 0);
	WRITES("stp w0, wzr, [x1]", 0x60708090, 0, 0);
	WRITES("stp wzr, w0, [x1], 8", 0, 0x60708090, 8);
	WRITES("sub x1, x1, 16\n\tstp w0, w0, [x1, 16]!", 0x60708090, 0x60708090, 0);
	WRITES("stnp w0, w0, [x1]", 0x60708090, 0x60708090, 0);
	WRITES("sttr w0, [x1]", 0x60708090, V1, 0);
	WRITES("sub x1, x1, 8\n\tstr w0, [x1, x2]\n\tadd x1, x1, 8", 0x60708090, V1, 0);
	WRITES("mov x3, sp\n\tmov sp, x1\n\tstr w0, [sp], 16\n\tmov x1, sp\n\tmov sp, x3",
	       0x60708090, V1, 16);
}

#define AFFINITY 0xfe0000ULL

static void wide(void)
{
	u64 reg = GICD_BASE + GICD_IROUTER + 40 * 8, v, w;

	mmio_write64(reg, AFFINITY);
	__asm__ volatile("ldr %0, [%1]" : "=r"(v) : "r"(reg) : "memory");
	CHECK_EQ(v, AFFINITY);
	__asm__ volatile("str xzr, [%0], 8\n\tldr %1, [%0, -8]!" : "+r"(reg), "=r"(v) : : "memory");
	CHECK_EQ(v, 0);
	CHECK_EQ(reg, GICD_BASE + GICD_IROUTER + 40 * 8);
	__asm__ volatile("stp %2, xzr, [%3]\n\tldp %0, %1, [%3]"
			 : "=&r"(v), "=&r"(w)
			 : "r"(AFFINITY), "r"(reg)
			 : "memory");
	CHECK_EQ(v, AFFINITY);
	CHECK_EQ(w, 0);
}

/* Left open for devices: done, or an abort of any kind; the instructions after it run. */
#define OPEN(insn)                                                                        \
	do {                                                                              \
		u64 a_ = REG;                                                             \
		prepare();                                                                \
		TRY_ASM(insn : "+r"(a_) : : "x0", "x2", "x3", "x4", "x5", "memory");      \
		if (try_esr && (ESR_EC(try_esr) != EC_DABT || try_trap.far - REG > 16)) { \
			fail("%s: esr %lx far %lx", insn, try_esr, try_trap.far);         \
		}                                                                         \
		print("%s: %lx\n", insn, try_esr);                                        \
	} while (0)

static void left_open(void)
{
	OPEN("ldrh w0, [%0]");
	OPEN("strh wzr, [%0]");
	OPEN("ldr x0, [%0]");
	OPEN("ldp x0, x2, [%0]");
	OPEN("ldxr w0, [%0]");
	OPEN("ldaxr w0, [%0]");
	OPEN("stxr w0, w2, [%0]");
	OPEN("ldxp w0, w2, [%0]");
	OPEN("dc zva, %0");
	OPEN("ldr w0, [%0, 1]");
	OPEN("str x0, [%0, 5]");
	OPEN(".arch armv8.1-a+fp+simd\n\tldr s0, [%0]");
	OPEN("ldr d0, [%0]");
	OPEN("ldr q0, [%0]");
	OPEN("str q0, [%0]");
	OPEN("ldp q0, q1, [%0]");
	OPEN("ld1 {v0.8b}, [%0]");
	OPEN("st4 {v0.4s-v3.4s}, [%0]");
	if (field(sysreg_read(id_aa64isar0_el1), 20) >= 2) {
		OPEN("ldadd w0, w2, [%0]");
		OPEN("stset w0, [%0]");
		OPEN("swp w0, w2, [%0]");
		OPEN("cas w0, w2, [%0]");
		OPEN("casp w2, w3, w4, w5, [%0]");
	}
}

static u64 jump(u64 to)
{
	((void (*)(void))to)();
	return 0;
}

void guest_main(void)
{
	sysreg_write(cpacr_el1, 3 << 20);
	isb();
	gic_init();
	map(GICD_BASE, GICD_BASE, MAP_DEVICE | PTE_EL0); /* for LDTR */
	loads();
	stores();
	wide();
	left_open();
	/* Instructions are not fetched from devices. */
	map(UART_BASE, UART_BASE, MAP_RAM);
	if (!bare()) {
		CHECK_EQ(call_try(jump, UART_BASE), (u64)EC_IABT << 26 | ESR_IL | FSC_EXTERNAL);
		CHECK_EQ(try_trap.far, UART_BASE);
	}
	map(UART_BASE, UART_BASE, MAP_DEVICE);
	prepare();
	CHECK_EQ(mmio_read(REG), V0);
}
