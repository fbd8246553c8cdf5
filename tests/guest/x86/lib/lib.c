// SPDX-License-Identifier: Apache-2.0
/* Start, verdict, and what of the output is the machine's. */
#include "guest.h"

#define UART     0x3f8
#define PM1A_CNT 0x604
#define SLP_EN   BIT(13)

#define BP_CMDLINE 0x228

void guest_start(const u8 *boot_params);

const u8 *boot_params;

void *memset(void *p, int c, size_t n)
{
	void *to = p;
	__asm__ volatile("rep stosb" : "+D"(to), "+c"(n) : "a"(c) : "memory");
	return p;
}

void *memcpy(void *to, const void *from, size_t n)
{
	void *p = to;
	__asm__ volatile("rep movsb" : "+D"(p), "+S"(from), "+c"(n) : : "memory");
	return to;
}

void print_char(char c)
{
	if (c == '\n') {
		outb(UART, '\r');
	}
	outb(UART, (u8)c);
}

_Noreturn void pass(void)
{
	cli();
	print("\ntiny: pass\n");
	outw(PM1A_CNT, SLP_EN);
	for (;;) {
		__asm__ volatile("hlt");
	}
}

_Noreturn void fail(const char *fmt, ...)
{
	static const struct {
		u16 limit;
		u64 base;
	} __attribute__((packed)) no_idt;
	va_list ap;

	cli();
	print("\ntiny: FAIL: ");
	va_start(ap, fmt);
	print_list(fmt, ap);
	va_end(ap);
	print("\n");
	__asm__ volatile("lidt %0\n\tud2" : : "m"(no_idt));
	__builtin_unreachable();
}

void guest_start(const u8 *bp)
{
	u32 line;

	boot_params = bp;
	memcpy(&line, bp + BP_CMDLINE, sizeof(line));
	for (unsigned i = 0; i < sizeof(cmdline) - 1 && ((const char *)(u64)line)[i]; i++) {
		cmdline[i] = ((const char *)(u64)line)[i];
	}
	trap_init();
	guest_main();
	pass();
}
