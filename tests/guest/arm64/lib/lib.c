// SPDX-License-Identifier: Apache-2.0
/* Start, the device tree, firmware calls, verdict. */
#include "guest.h"

#define FDT_MAGIC      0xd00dfeed
#define FDT_BEGIN_NODE 1
#define FDT_END_NODE   2
#define FDT_PROP       3
#define FDT_END        9

void guest_start(const u8 *fdt);
_Noreturn void cpu_start(void);
void cpu_entry(void);

u64 fdt_address, ram_base, ram_size;

void *memset(void *p, int c, size_t n)
{
	for (u8 *to = p; n; n--) {
		*to++ = (u8)c;
		__asm__ volatile("" : : : "memory"); /* or GCC calls memset() */
	}
	return p;
}

void *memcpy(void *to, const void *from, size_t n)
{
	const u8 *source = from;

	for (u8 *p = to; n; n--) {
		*p++ = *source++;
		__asm__ volatile("" : : : "memory");
	}
	return to;
}

void print_char(char c)
{
	while (mmio_read(UART_BASE + UART_FR) & UART_FR_TXFF) {
	}
	if (c == '\n') {
		mmio_write(UART_BASE + UART_DR, '\r');
	}
	mmio_write(UART_BASE + UART_DR, (u8)c);
}

struct smc_regs smccc(bool by_smc, struct smc_regs in)
{
	register u64 *r __asm__("x19") = in.x;
	register u64 smc __asm__("x20") = by_smc;

	__asm__ volatile("ldp x0, x1, [x19]\n\tldp x2, x3, [x19, 16]\n\tldp x4, x5, [x19, 32]\n\t"
			 "ldp x6, x7, [x19, 48]\n\tldp x8, x9, [x19, 64]\n\t"
			 "ldp x10, x11, [x19, 80]\n\tldp x12, x13, [x19, 96]\n\t"
			 "ldp x14, x15, [x19, 112]\n\tldp x16, x17, [x19, 128]\n\t"
			 "cbz x20, 1f\n\tsmc #0\n\tb 2f\n1:\thvc #0\n2:\t"
			 "stp x0, x1, [x19]\n\tstp x2, x3, [x19, 16]\n\tstp x4, x5, [x19, 32]\n\t"
			 "stp x6, x7, [x19, 48]\n\tstp x8, x9, [x19, 64]\n\t"
			 "stp x10, x11, [x19, 80]\n\tstp x12, x13, [x19, 96]\n\t"
			 "stp x14, x15, [x19, 112]\n\tstp x16, x17, [x19, 128]"
			 :
			 : "r"(r), "r"(smc)
			 : "memory", "cc", "x0", "x1", "x2", "x3", "x4", "x5", "x6", "x7", "x8",
			   "x9", "x10", "x11", "x12", "x13", "x14", "x15", "x16", "x17");
	return in;
}

s64 psci(u32 function, u64 a, u64 b, u64 c)
{
	struct smc_regs r = {.x = {function, a, b, c}};

	return (s64)smccc(option("smc", 0) != 0, r).x[0];
}

static _Noreturn void power_off(void)
{
	psci(PSCI_SYSTEM_OFF, 0, 0, 0);
	for (;;) {
		wfi();
	}
}

_Noreturn void pass(void)
{
	irq_disable();
	print("\ntiny: pass\n");
	power_off();
}

_Noreturn void fail(const char *fmt, ...)
{
	va_list ap;

	irq_disable();
	print("\ntiny: FAIL: ");
	va_start(ap, fmt);
	print_list(fmt, ap);
	va_end(ap);
	print("\n");
	power_off();
}

static void (*cpu_fn)(void);

_Noreturn void cpu_start(void)
{
	trap_init(false);
	mmu_on();
	cpu_fn();
	psci(PSCI_CPU_OFF, 0, 0, 0);
	fail("CPU_OFF returns");
}

void cpu_on(u64 mpidr, void (*fn)(void))
{
	u64 stack = (u64)page_alloc() + PAGE;

	cpu_fn = fn;
	/* It begins with its MMU off: what it then reads has to be in memory. */
	cache_clean(image_start, (u64)(image_end - image_start));
	CHECK_EQ(psci(PSCI_CPU_ON, mpidr, (u64)cpu_entry, stack), 0);
}

static u32 big32(const u8 *p)
{
	return (u32)p[0] << 24 | (u32)p[1] << 16 | (u32)p[2] << 8 | p[3];
}

static bool starts_with(const u8 *text, const char *with)
{
	for (; *with; with++) {
		if (*text++ != (u8)*with) {
			return false;
		}
	}
	return true;
}

static void property(const u8 *node, const u8 *name, const u8 *value, u32 size)
{
	if (starts_with(node, "chosen") && starts_with(name, "bootargs")) {
		memcpy(cmdline, value, size < sizeof(cmdline) ? size : sizeof(cmdline) - 1);
	}
	if (starts_with(node, "memory") && starts_with(name, "reg") && !ram_size) {
		ram_base = (u64)big32(value) << 32 | big32(value + 4);
		ram_size = (u64)big32(value + 8) << 32 | big32(value + 12);
	}
}

/* Devicetree Specification, "Flattened Devicetree (DTB) Format"; of the root's children only. */
static void fdt_read(const u8 *fdt)
{
	const u8 *p = fdt + big32(fdt + 8), *strings = fdt + big32(fdt + 12), *node = p;
	unsigned depth = 0;

	CHECK_EQ(big32(fdt), FDT_MAGIC);
	while (big32(p) != FDT_END) {
		u32 token = big32(p), size;

		p += 4;
		if (token == FDT_BEGIN_NODE) {
			depth++;
			node = p;
			while (*p++) {
			}
		} else if (token == FDT_END_NODE) {
			depth--;
		} else if (token == FDT_PROP) {
			size = big32(p);
			if (depth == 2) {
				property(node, strings + big32(p + 4), p + 8, size);
			}
			p += 8 + size;
		}
		p = (const u8 *)(((u64)p + 3) & ~3ULL);
	}
}

void guest_start(const u8 *fdt)
{
	mmio_write(UART_BASE + UART_LCR_H, 0x70);
	mmio_write(UART_BASE + UART_CR, 0x301);
	trap_init(false);
	fdt_address = (u64)fdt;
	fdt_read(fdt);
	if (option("mmu", 1)) {
		mmu_on();
	}
	guest_main();
	pass();
}
