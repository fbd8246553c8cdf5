// SPDX-License-Identifier: Apache-2.0
#include "guest.h"

#define PM_TIMER    0x608
#define PM_TIMER_HZ 3579545ULL

void pic_mask(void)
{
	outb(0x21, 0xff);
	outb(0xa1, 0xff);
}

bool x2apic;

/* The ICR's upper half is a destination in either mode's own form. */
void apic_write(u32 reg, u32 v)
{
	static u32 icr2;

	if (!x2apic) {
		mmio_write(APIC_BASE + reg, v);
	} else if (reg == APIC_ICR2) {
		icr2 = v;
	} else {
		wrmsr(0x800 + reg / 16, v | (reg == APIC_ICR ? (u64)icr2 << 32 : 0));
	}
}

void apic_init(void)
{
	pic_mask();
	if (option("x2apic", 0)) {
		wrmsr(0x1b, rdmsr(0x1b) | 0x400);
		x2apic = true;
	}
	apic_write(APIC_SVR, 0x1ff);
	apic_write(APIC_TPR, 0);
	apic_write(APIC_TDCR, 0xb);
}

#define AP_BASE  0x8000
#define ICR_INIT 0x4500
#define ICR_SIPI (0x4600 | AP_BASE >> 12)

void ap_start(u32 apic_id, void (*fn)(void))
{
	extern const u8 ap_code[], ap_code_end[];
	extern u32 ap_cr3;
	extern u64 ap_fn, ap_stack;

	ap_cr3 = (u32)read_cr3();
	ap_fn = (u64)fn;
	ap_stack = (u64)page_alloc() + PAGE;
	memcpy((void *)AP_BASE, ap_code, (size_t)(ap_code_end - ap_code));
	apic_write(APIC_ICR2, apic_id << 24);
	apic_write(APIC_ICR, ICR_INIT);
	delay_us(10000);
	apic_write(APIC_ICR2, apic_id << 24);
	apic_write(APIC_ICR, ICR_SIPI);
}

u32 ioapic_read(u32 reg)
{
	mmio_write(IOAPIC_BASE, reg);
	return mmio_read(IOAPIC_BASE + 0x10);
}

void ioapic_write(u32 reg, u32 v)
{
	mmio_write(IOAPIC_BASE, reg);
	mmio_write(IOAPIC_BASE + 0x10, v);
}

void ioapic_route(unsigned pin, u64 entry)
{
	ioapic_write(0x10 + pin * 2, APIC_MASKED);
	ioapic_write(0x11 + pin * 2, (u32)(entry >> 32));
	ioapic_write(0x10 + pin * 2, (u32)entry);
}

void pit_set(unsigned channel, unsigned mode, u16 count)
{
	outb(0x43, (u8)(channel << 6 | 3 << 4 | mode << 1));
	outb((u16)(0x40 + channel), (u8)count);
	outb((u16)(0x40 + channel), (u8)(count >> 8));
}

u32 pm_timer(void)
{
	return inl(PM_TIMER);
}

void delay_us(u32 us)
{
	u32 start = pm_timer(), ticks = (u32)(us * PM_TIMER_HZ / 1000000) + 1;

	while (((pm_timer() - start) & 0xffffff) < ticks) {
	}
}

u64 tsc_khz(void)
{
	static u64 khz;

	if (!khz) {
		u32 start = pm_timer(), ticks;
		u64 tsc = rdtsc();

		delay_us(10000);
		ticks = (pm_timer() - start) & 0xffffff;
		khz = (rdtsc() - tsc) * PM_TIMER_HZ / ticks / 1000;
	}
	return khz;
}

struct deadline deadline_ms(u64 ms)
{
	return (struct deadline){rdtsc() + ms * tsc_khz()};
}

void deadline_check(const struct deadline *d, const char *what)
{
	if (rdtsc() > d->tsc) {
		fail("%s", what);
	}
}
