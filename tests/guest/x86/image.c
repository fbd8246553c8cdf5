// SPDX-License-Identifier: Apache-2.0
/*
 * One 32-bit kernel for three protocols: Multiboot 1, PVH, and Linux' 32-bit entry of an ELF. Says
 * on the first serial port what it was given, and ends by port 0xf4. Stands alone: the library of
 * the other guests is 64-bit.
 */
#include <stdint.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;

#define MULTIBOOT_MAGIC 0x1badb002
#define MULTIBOOT_EAX   0x2badb002
#define PVH_MAGIC       0x336ec578
#define LINUX_MAGIC     0x53726448 /* at 0x202 */

/* Multiboot's header; PVH's note; the entry of all, which hands its registers on. */
__asm__(".section .head, \"ax\"\n"
	"	.long 0x1badb002, 3, -(0x1badb002 + 3)\n"
	"	.global _start\n"
	"_start:\n"
	"	mov $stack_end, %esp\n"
	"	push %esi\n"
	"	push %ebx\n"
	"	push %eax\n"
	"	call run\n"
	"	.section .note.Xen, \"a\", @note\n"
	"	.long 4, 4, 18\n"
	"	.asciz \"Xen\"\n"
	"	.long _start\n"
	"	.bss\n"
	"	.skip 4096\n"
	"stack_end:\n"
	"	.text\n");

void run(u32 eax, const u32 *ebx, const u8 *esi);

static u8 in8(u16 port)
{
	u8 value;

	__asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port));
	return value;
}

static void out8(u16 port, u8 value)
{
	__asm__ volatile("outb %0, %1" : : "a"(value), "Nd"(port));
}

static void print(const char *text)
{
	for (; *text; text++) {
		while (!(in8(0x3fd) & 0x20)) {
			/* The transmitter is busy. */
		}
		out8(0x3f8, (u8)*text);
	}
}

static void print_number(const char *before, u64 value)
{
	char digits[17];
	unsigned at = 16;

	digits[at] = '\0';
	do {
		digits[--at] = "0123456789abcdef"[value & 15];
		value >>= 4;
	} while (value);
	print(before);
	print(digits + at);
}

static const void *pointer(u64 addr)
{
	return (const void *)(uintptr_t)addr;
}

static u64 read64(const void *at)
{
	return *(const u32 *)at | (u64)((const u32 *)at)[1] << 32;
}

static void print_module(u64 start, u64 size, u64 string)
{
	print_number("image: module of ", size);
	print(" \"");
	print(pointer(string));
	print("\" begins ");
	print(pointer(start));
	print("\n");
}

static void print_memory(u64 bytes, u32 ranges)
{
	print_number("image: memory ", bytes);
	print_number(" in ranges ", ranges);
	print("\n");
}

static void print_options(u64 addr)
{
	print("image: options \"");
	print(pointer(addr));
	print("\"\n");
}

static void multiboot(const u32 *info)
{
	const u8 *at = pointer(info[12]), *end = at + info[11];
	const u32 *module = pointer(info[6]);
	u64 bytes = 0;
	u32 ranges = 0;

	print_number("image: multiboot flags ", info[0]);
	print_number(" upper ", info[2]);
	print("\n");
	for (; at < end; at += *(const u32 *)at + 4) {
		bytes += *(const u32 *)(at + 20) == 1 ? read64(at + 12) : 0;
		ranges++;
	}
	print_memory(bytes, ranges);
	print_options(info[4]);
	for (u32 i = 0; i < info[5]; i++, module += 4) {
		print_module(module[0], module[1] - module[0], module[2]);
	}
}

static void pvh(const u32 *info)
{
	const u8 *module = pointer(read64(info + 4)), *range = pointer(read64(info + 10));
	u64 bytes = 0;

	print_number("image: pvh version ", info[1]);
	print(*(const u32 *)pointer(read64(info + 8)) == 0x20445352 ? " with ACPI\n" : "\n");
	for (u32 i = 0; i < info[12]; i++, range += 24) {
		bytes += *(const u32 *)(range + 16) == 1 ? read64(range + 8) : 0;
	}
	print_memory(bytes, info[12]);
	print_options(read64(info + 6));
	for (u32 i = 0; i < info[3]; i++, module += 32) {
		print_module(read64(module), read64(module + 8), read64(module + 16));
	}
}

static void zero_page(const u8 *params)
{
	u64 bytes = 0;

	print("image: linux\n");
	for (u32 i = 0; i < params[0x1e8]; i++) {
		const u8 *range = params + 0x2d0 + i * 20;

		bytes += *(const u32 *)(range + 16) == 1 ? read64(range + 8) : 0;
	}
	print_memory(bytes, params[0x1e8]);
	print_options(*(const u32 *)(params + 0x228));
	if (*(const u32 *)(params + 0x218)) {
		print_module(*(const u32 *)(params + 0x218), *(const u32 *)(params + 0x21c),
			     *(const u32 *)(params + 0x228));
	}
}

void run(u32 eax, const u32 *ebx, const u8 *esi)
{
	u8 value = 0x10;

	if (eax == MULTIBOOT_EAX) {
		multiboot(ebx);
	} else if (ebx && *ebx == PVH_MAGIC) {
		pvh(ebx);
	} else if (esi && *(const u32 *)(esi + 0x202) == LINUX_MAGIC) {
		zero_page(esi);
	} else {
		print("image: entered in no known way\n");
		value = 1;
	}
	out8(0xf4, value);
	for (;;) {
		print("image: still alive\n");
	}
}
