// SPDX-License-Identifier: Apache-2.0
/*
 * Accesses of all kinds everywhere in the physical addresses: devices register by register in all
 * sizes, and samples of all the rest, mapped as memory and as device.
 */
#include "guest.h"

#define WINDOW 0x240000000000ULL

static u64 accesses, faults;

static void access(u64 p, unsigned how)
{
	u64 v = random64();

	accesses++;
	switch (how % 16) {
	case 0:
		TRY_ASM("ldrb w0, [%0]" : : "r"(p) : "x0", "memory");
		break;
	case 1:
		TRY_ASM("ldrh w0, [%0]" : : "r"(p) : "x0", "memory");
		break;
	case 2:
		TRY_ASM("ldr w0, [%0]" : : "r"(p) : "x0", "memory");
		break;
	case 3:
		TRY_ASM("ldr x0, [%0]" : : "r"(p) : "x0", "memory");
		break;
	case 4:
		TRY_ASM("strb %w1, [%0]" : : "r"(p), "r"(v) : "memory");
		break;
	case 5:
		TRY_ASM("strh %w1, [%0]" : : "r"(p), "r"(v) : "memory");
		break;
	case 6:
		TRY_ASM("str %w1, [%0]" : : "r"(p), "r"(v) : "memory");
		break;
	case 7:
		TRY_ASM("str %1, [%0]" : : "r"(p), "r"(v) : "memory");
		break;
	case 8:
		TRY_ASM("ldp x0, x1, [%0], 16" : "+r"(p) : : "x0", "x1", "memory");
		break;
	case 9:
		TRY_ASM("stp %1, %1, [%0, -16]!" : "+r"(p) : "r"(v) : "memory");
		break;
	case 10:
		TRY_ASM("ldxr x0, [%0]\n\tstxr w1, x0, [%0]" : : "r"(p) : "x0", "x1", "memory");
		break;
	case 11:
		TRY_ASM(".arch_extension simd\n\tldr q0, [%0]" : : "r"(p) : "memory");
		break;
	case 12:
		TRY_ASM("st1 {v0.16b-v3.16b}, [%0]" : : "r"(p) : "memory");
		break;
	case 13:
		TRY_ASM("dc zva, %0" : : "r"(p) : "memory");
		break;
	case 14:
		TRY_ASM("dc civac, %0\n\tic ivau, %0" : : "r"(p) : "memory");
		break;
	default:
		TRY_ASM("at s1e1w, %0\n\tprfm pldl1keep, [%0]" : : "r"(p) : "memory");
	}
	faults += try_esr != 0;
}

static u64 jump(u64 to)
{
	((void (*)(void))to)();
	return 0;
}

/* The page at @pa, by the window; its own memory it leaves alone. */
static void sample(u64 pa, unsigned times)
{
	bool device = random64() & 1;

	if (pa >= ram_base && pa < SCRATCH) {
		return;
	}
	map(WINDOW, pa, device ? MAP_DEVICE : MAP_RAM);
	for (unsigned i = 0; i < times; i++) {
		access(WINDOW + 64 + (random64() & 0xf3f), (unsigned)random64());
	}
	if (!device && !(pa >= ram_base && pa < ram_base + ram_size)) {
		call_try(jump, WINDOW + (pa & 0xffc));
	}
}

static void registers(u64 base, u64 size)
{
	for (u64 p = base; p < base + size; p += 4) {
		for (unsigned how = 0; how < 4; how++) {
			access(p, how);
		}
		access(p + (random64() & 3), (unsigned)random64() % 13);
	}
}

void guest_main(void)
{

	sysreg_write(cpacr_el1, 3 << 20);
	isb();
	gic_init();
	registers(0x8000000, 0x2000);
	registers(0x8006000, 0x400);
	registers(0x800f000, 0x1000);
	registers(GICR_BASE, 0x1000);
	registers(GICR_BASE + 0xf000, 0x2000);
	registers(RTC_BASE, 0x1000);
	for (u64 i = 0; i < 0x2000; i++) { /* not the UART's data, for the log's sake */
		access(UART_BASE + 4 + random64() % 0xff8, (unsigned)random64() % 4);
	}
	mmio_write(UART_BASE + UART_LCR_H, 0x70);
	mmio_write(UART_BASE + UART_CR, 0x301);
	print("devices: %lu accesses, %lu faults\n", accesses, faults);
	for (u64 pa = 0; pa < 0x10000000; pa += 0x100000) {
		sample(pa, 2);
	}
	for (unsigned bits = 12; bits < 48; bits++) {
		for (unsigned i = 0; i < 40; i++) {
			u64 pa = BIT(bits) | (random64() & (BIT(bits) - 1));

			if (pa >> 12 != UART_BASE >> 12) {
				sample(pa, 4);
			}
		}
	}
	mmio_write(UART_BASE + UART_LCR_H, 0x70);
	mmio_write(UART_BASE + UART_CR, 0x301);
	print("%lu accesses, %lu faults\n", accesses, faults);
	CHECK(bare() || faults > accesses / 10);
}
