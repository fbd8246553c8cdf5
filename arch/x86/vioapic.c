// SPDX-License-Identifier: Apache-2.0
/* IOAPIC. Intel 82093AA data sheet, "Register Description" and "I/O Redirection Table". */
#include "arch/x86/vioapic.h"

#include "arch/x86/vplatform.h"
#include "mm/bits.h"

#define REG_SELECT 0x00u
#define REG_WINDOW 0x10u

#define INDEX_ID      0x00u
#define INDEX_VERSION 0x01u
#define INDEX_ARB     0x02u
#define INDEX_ENTRY   0x10u

#define VERSION (0x11u | (VIOAPIC_PINS - 1) << 16)

#define ENTRY_VECTOR     GENMASK(7, 0)
#define ENTRY_MODE       GENMASK(10, 8)
#define ENTRY_LOGICAL    BIT(11)
#define ENTRY_POLARITY   BIT(13)
#define ENTRY_REMOTE_IRR BIT(14)
#define ENTRY_LEVEL      BIT(15)
#define ENTRY_MASKED     BIT(16)
#define ENTRY_DEST       GENMASK(63, 56)
#define ENTRY_WRITABLE                                                                             \
	(ENTRY_VECTOR | ENTRY_MODE | ENTRY_LOGICAL | ENTRY_POLARITY | ENTRY_LEVEL | ENTRY_MASKED | \
	 ENTRY_DEST)

void vioapic_init(struct vioapic *io)
{
	*io = (struct vioapic){0};
	for (unsigned pin = 0; pin < VIOAPIC_PINS; pin++) {
		io->entry[pin] = ENTRY_MASKED;
	}
}

static void pin_deliver(struct vioapic *io, unsigned pin)
{
	struct vplatform *vp = container_of(io, struct vplatform, ioapic);
	u64 entry = io->entry[pin];
	struct apic_msg msg = {
		.dest = (u32)FIELD_GET(ENTRY_DEST, entry),
		.vector = (u8)entry,
		.mode = (u8)FIELD_GET(ENTRY_MODE, entry),
		.logical = (entry & ENTRY_LOGICAL) != 0,
		.level = (entry & ENTRY_LEVEL) != 0,
	};

	if (entry & (ENTRY_MASKED | ENTRY_REMOTE_IRR)) {
		return;
	}
	if (vplatform_apic_send(vp, &msg) && msg.level && msg.mode <= APIC_MODE_LOWEST) {
		io->entry[pin] |= ENTRY_REMOTE_IRR;
	}
}

void vioapic_set_pin(struct vioapic *io, unsigned pin, bool level)
{
	u32 bit;

	if (pin >= VIOAPIC_PINS) {
		return;
	}
	bit = 1u << pin;
	if (!level) {
		io->lines &= ~bit;
	} else if (!(io->lines & bit)) {
		io->lines |= bit;
		pin_deliver(io, pin);
	}
}

/* A level-triggered line that is (still) asserted asks again. */
static void pin_retry(struct vioapic *io, unsigned pin)
{
	if ((io->entry[pin] & ENTRY_LEVEL) && (io->lines >> pin & 1)) {
		pin_deliver(io, pin);
	}
}

void vioapic_eoi(struct vioapic *io, u8 vector)
{
	for (unsigned pin = 0; pin < VIOAPIC_PINS; pin++) {
		if ((io->entry[pin] & ENTRY_REMOTE_IRR) && (u8)io->entry[pin] == vector) {
			io->entry[pin] &= ~ENTRY_REMOTE_IRR;
			pin_retry(io, pin);
		}
	}
}

static void entry_write(struct vioapic *io, u32 index, u32 val)
{
	unsigned pin = (index - INDEX_ENTRY) / 2;
	u64 entry = io->entry[pin];
	u64 half = index & 1 ? GENMASK(63, 32) : GENMASK(31, 0);
	u64 word = index & 1 ? (u64)val << 32 : val;

	entry = (entry & ~(half & ENTRY_WRITABLE)) | (word & ENTRY_WRITABLE);
	/* Guests clear a stuck remote IRR by passing through edge mode. */
	if (!(entry & ENTRY_LEVEL)) {
		entry &= ~ENTRY_REMOTE_IRR;
	}
	io->entry[pin] = entry;
	pin_retry(io, pin);
}

u32 vioapic_read(struct vioapic *io, u32 offset, unsigned size)
{
	u32 index = io->select;

	if (size != 4) {
		return 0;
	}
	if (offset == REG_SELECT) {
		return index;
	}
	if (offset != REG_WINDOW) {
		return 0;
	}
	if (index >= INDEX_ENTRY && index < INDEX_ENTRY + 2 * VIOAPIC_PINS) {
		return (u32)(io->entry[(index - INDEX_ENTRY) / 2] >> (index & 1 ? 32 : 0));
	}
	switch (index) {
	case INDEX_ID:
	case INDEX_ARB:
		return (u32)io->id << 24;
	case INDEX_VERSION:
		return VERSION;
	default:
		return 0;
	}
}

void vioapic_write(struct vioapic *io, u32 offset, unsigned size, u32 val)
{
	u32 index = io->select;

	if (size != 4 && offset != REG_SELECT) {
		return;
	}
	if (offset == REG_SELECT) {
		io->select = (u8)val;
	} else if (offset == REG_WINDOW && index == INDEX_ID) {
		io->id = val >> 24 & 0xf;
	} else if (offset == REG_WINDOW && index >= INDEX_ENTRY &&
		   index < INDEX_ENTRY + 2 * VIOAPIC_PINS) {
		entry_write(io, index, val);
	}
}
