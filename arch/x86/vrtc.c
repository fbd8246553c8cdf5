// SPDX-License-Identifier: Apache-2.0
/*
 * MC146818. Motorola MC146818A data sheet, "Time, Calendar, and Alarm Locations", "Update Cycle",
 * "Registers". Not modelled: square wave, daylight saving.
 *
 * While the clock runs its bytes are computed from the time. SET, or a divider held in reset,
 * freezes them into cmos[]; release starts the clock from there.
 */
#include "arch/x86/vrtc.h"

#include "arch/x86/vplatform.h"
#include "mm/bits.h"

#define NS_PER_S  1000000000u
#define S_PER_DAY 86400u
#define NEVER     (~(u64)0)
#define UIP_NS    244000u /* UIP precedes the update by this */
#define BASE_HZ   32768u

enum {
	REG_SECOND = 0x00,
	REG_SECOND_ALARM = 0x01,
	REG_MINUTE = 0x02,
	REG_MINUTE_ALARM = 0x03,
	REG_HOUR = 0x04,
	REG_HOUR_ALARM = 0x05,
	REG_WEEKDAY = 0x06,
	REG_DAY = 0x07,
	REG_MONTH = 0x08,
	REG_YEAR = 0x09,
	REG_A = 0x0a,
	REG_B = 0x0b,
	REG_C = 0x0c,
	REG_D = 0x0d,
};

#define A_UIP     0x80u
#define A_DV      0x70u
#define A_DV_RUN  0x20u
#define A_RS      0x0fu
#define B_SET     0x80u
#define B_PIE     0x40u
#define B_AIE     0x20u
#define B_UIE     0x10u
#define B_BINARY  0x04u
#define B_24H     0x02u
#define C_IRQF    0x80u
#define C_PF      0x40u
#define C_AF      0x20u
#define C_UF      0x10u
#define D_VALID   0x80u
#define HOUR_PM   0x80u
#define ALARM_ANY 0xc0u /* alarm bytes from here match everything */

static bool is_divider_on(const struct vrtc *rtc)
{
	return (rtc->cmos[REG_A] & A_DV) == A_DV_RUN;
}

static bool is_running(const struct vrtc *rtc)
{
	return is_divider_on(rtc) && !(rtc->cmos[REG_B] & B_SET);
}

static u64 subsecond_ns(const struct vrtc *rtc, u64 now_ns)
{
	return (now_ns + rtc->phase_ns) % NS_PER_S;
}

static s64 clock_s(const struct vrtc *rtc, u64 now_ns)
{
	return rtc->epoch_s + (s64)((now_ns + rtc->phase_ns) / NS_PER_S);
}

static u8 value_encode(const struct vrtc *rtc, unsigned v)
{
	return (u8)(rtc->cmos[REG_B] & B_BINARY ? v : v / 10 << 4 | v % 10);
}

static unsigned value_decode(const struct vrtc *rtc, u8 v)
{
	return rtc->cmos[REG_B] & B_BINARY ? v : (v >> 4) * 10u + (v & 15u);
}

static u8 hour_encode(const struct vrtc *rtc, unsigned hour)
{
	if (rtc->cmos[REG_B] & B_24H) {
		return value_encode(rtc, hour);
	}
	return value_encode(rtc, hour % 12 ? hour % 12 : 12) | (hour >= 12 ? HOUR_PM : 0);
}

static unsigned hour_decode(const struct vrtc *rtc, u8 v)
{
	if (rtc->cmos[REG_B] & B_24H) {
		return value_decode(rtc, v);
	}
	return value_decode(rtc, v & (u8)~HOUR_PM) % 12 + (v & HOUR_PM ? 12 : 0);
}

/* Days since 1970-01-01, Gregorian; years from 0, months 1..12, any day. March starts the year. */
static s64 days_from_date(unsigned year, unsigned month, unsigned day)
{
	s64 y = (s64)year - (month <= 2);
	s64 era = (y >= 0 ? y : y - 399) / 400;
	s64 year_of_era = y - era * 400;
	s64 day_of_year = (153 * (s64)((month + 9) % 12) + 2) / 5 + (s64)day - 1;

	return era * 146097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 +
	       day_of_year - 719468;
}

/* Shows the time at @now_ns in the time bytes. */
static void clock_to_bytes(struct vrtc *rtc, u64 now_ns)
{
	s64 s = clock_s(rtc, now_ns);
	s64 days = (s >= 0 ? s : s - (s64)S_PER_DAY + 1) / S_PER_DAY;
	unsigned second_of_day = (unsigned)(s - days * (s64)S_PER_DAY);
	s64 shifted = days + 719468;
	s64 era = (shifted >= 0 ? shifted : shifted - 146096) / 146097;
	unsigned doe = (unsigned)(shifted - era * 146097);
	unsigned yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	unsigned doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	unsigned mp = (5 * doy + 2) / 153;
	unsigned month = mp < 10 ? mp + 3 : mp - 9;
	unsigned year = (unsigned)(era * 400 + yoe + (month <= 2)) % 10000;

	rtc->cmos[REG_SECOND] = value_encode(rtc, second_of_day % 60);
	rtc->cmos[REG_MINUTE] = value_encode(rtc, second_of_day / 60 % 60);
	rtc->cmos[REG_HOUR] = hour_encode(rtc, second_of_day / 3600);
	rtc->cmos[REG_WEEKDAY] = value_encode(rtc, (unsigned)((days % 7 + 7 + 4) % 7) + 1);
	rtc->cmos[REG_DAY] = value_encode(rtc, doy - (153 * mp + 2) / 5 + 1);
	rtc->cmos[REG_MONTH] = value_encode(rtc, month);
	rtc->cmos[REG_YEAR] = value_encode(rtc, year % 100);
	rtc->cmos[VRTC_CENTURY] = value_encode(rtc, year / 100);
}

/* Starts the clock at @now_ns from the time bytes, @phase_ns into their second. */
static void clock_from_bytes(struct vrtc *rtc, u64 now_ns, u64 phase_ns)
{
	unsigned year = value_decode(rtc, rtc->cmos[VRTC_CENTURY]) * 100 +
			value_decode(rtc, rtc->cmos[REG_YEAR]);
	unsigned month = value_decode(rtc, rtc->cmos[REG_MONTH]);
	s64 s = days_from_date(year,
			       month < 1    ? 1
			       : month > 12 ? 12
					    : month,
			       value_decode(rtc, rtc->cmos[REG_DAY])) *
			S_PER_DAY +
		(s64)hour_decode(rtc, rtc->cmos[REG_HOUR]) * 3600 +
		(s64)value_decode(rtc, rtc->cmos[REG_MINUTE]) * 60 +
		(s64)value_decode(rtc, rtc->cmos[REG_SECOND]);

	rtc->phase_ns = (u32)((phase_ns + NS_PER_S - now_ns % NS_PER_S) % NS_PER_S);
	rtc->epoch_s = s - (s64)((now_ns + rtc->phase_ns) / NS_PER_S);
}

/* Whether @v (of 60 or 24) is one that alarm byte @alarm matches; @decoded its value. */
static bool alarm_matches(u8 alarm, unsigned decoded, unsigned v)
{
	return alarm >= ALARM_ANY || decoded == v;
}

/* First alarm strictly after clock time @after_s; a NEVER-matching alarm gives none (-1). */
static s64 next_alarm(const struct vrtc *rtc, s64 after_s)
{
	const u8 *cmos = rtc->cmos;
	unsigned hour = hour_decode(rtc, cmos[REG_HOUR_ALARM]);
	unsigned minute = value_decode(rtc, cmos[REG_MINUTE_ALARM]);
	unsigned second = value_decode(rtc, cmos[REG_SECOND_ALARM]);
	s64 t = after_s + 1;
	s64 days = (t >= 0 ? t : t - (s64)S_PER_DAY + 1) / S_PER_DAY;
	unsigned sod = (unsigned)(t - days * (s64)S_PER_DAY);

	/* Two days: today's rest may have none. Steps: at most 48 hours + 60 minutes + 60 s. */
	while (sod < 2 * S_PER_DAY) {
		if (!alarm_matches(cmos[REG_HOUR_ALARM], hour, sod / 3600 % 24)) {
			sod = (sod / 3600 + 1) * 3600;
		} else if (!alarm_matches(cmos[REG_MINUTE_ALARM], minute, sod / 60 % 60)) {
			sod = (sod / 60 + 1) * 60;
		} else if (!alarm_matches(cmos[REG_SECOND_ALARM], second, sod % 60)) {
			sod++;
		} else {
			return days * (s64)S_PER_DAY + sod;
		}
	}
	return -1;
}

/* Periodic rate in cycles of 32768 Hz, 0: off. */
static unsigned rate_cycles(const struct vrtc *rtc)
{
	unsigned rs = rtc->cmos[REG_A] & A_RS;

	if (!rs || !is_divider_on(rtc)) {
		return 0;
	}
	return 1u << (rs <= 2 ? rs + 6 : rs - 1);
}

/* Periods since the phase's origin. All rates divide a second. */
static u64 rate_count(const struct vrtc *rtc, u64 now_ns, unsigned cycles)
{
	u64 t = now_ns + rtc->phase_ns;

	return t / NS_PER_S * (BASE_HZ / cycles) + t % NS_PER_S * BASE_HZ / NS_PER_S / cycles;
}

static u64 rate_next(const struct vrtc *rtc, u64 now_ns, unsigned cycles)
{
	u64 next = rate_count(rtc, now_ns, cycles) + 1;
	u64 per_s = BASE_HZ / cycles;
	u64 ns = next / per_s * NS_PER_S +
		 (next % per_s * cycles * NS_PER_S + BASE_HZ - 1) / BASE_HZ;

	return ns - rtc->phase_ns;
}

/* VM time at which the clock reaches @s, which lies ahead. */
static u64 clock_to_vm(const struct vrtc *rtc, s64 s)
{
	return (u64)(s - rtc->epoch_s) * NS_PER_S - rtc->phase_ns;
}

/* When the next enabled interrupt is due. None while one is being reported. */
static u64 event_next(const struct vrtc *rtc)
{
	u8 b = rtc->cmos[REG_B];
	u64 now_ns = rtc->now_ns;
	u64 next = NEVER;
	unsigned cycles = rate_cycles(rtc);
	s64 alarm;

	if (rtc->cmos[REG_C] & C_IRQF) {
		return NEVER;
	}
	if ((b & B_PIE) && cycles) {
		next = rate_next(rtc, now_ns, cycles);
	}
	if (!is_running(rtc)) {
		return next;
	}
	if (b & B_UIE) {
		next = min_u64(next, clock_to_vm(rtc, clock_s(rtc, now_ns) + 1));
	}
	if (b & B_AIE) {
		alarm = next_alarm(rtc, clock_s(rtc, now_ns));
		if (alarm > clock_s(rtc, now_ns)) {
			next = min_u64(next, clock_to_vm(rtc, alarm));
		}
	}
	return next;
}

static void irq_update(struct vrtc *rtc)
{
	bool level = (rtc->cmos[REG_C] & rtc->cmos[REG_B] & (B_PIE | B_AIE | B_UIE)) != 0;

	rtc->cmos[REG_C] = (u8)((rtc->cmos[REG_C] & ~C_IRQF) | (level ? C_IRQF : 0));
	vplatform_irq_set(container_of(rtc, struct vplatform, rtc), VIRQ_RTC, level);
	rtc->event_ns = event_next(rtc);
}

/* Collects the flags that have come up since the last look. */
static void flags_collect(struct vrtc *rtc, u64 now_ns)
{
	unsigned cycles = rate_cycles(rtc);
	u8 flags = 0;
	s64 before, alarm;

	if (now_ns <= rtc->now_ns) {
		return;
	}
	if (cycles && rate_count(rtc, now_ns, cycles) > rate_count(rtc, rtc->now_ns, cycles)) {
		flags |= C_PF;
	}
	before = clock_s(rtc, rtc->now_ns);
	if (is_running(rtc) && clock_s(rtc, now_ns) > before) {
		flags |= C_UF;
		alarm = next_alarm(rtc, before);
		if (alarm > before && alarm <= clock_s(rtc, now_ns)) {
			flags |= C_AF;
		}
	}
	rtc->cmos[REG_C] |= flags;
	rtc->now_ns = now_ns;
}

void vrtc_tick(struct vrtc *rtc, u64 now_ns)
{
	if (now_ns >= rtc->event_ns) {
		flags_collect(rtc, now_ns);
		irq_update(rtc);
	}
}

static bool is_time_byte(u8 index)
{
	return index == REG_SECOND || index == REG_MINUTE || index == REG_HOUR ||
	       (index >= REG_WEEKDAY && index <= REG_YEAR) || index == VRTC_CENTURY;
}

/* Writes of A and B may stop the clock, restart it, or change how it shows the time. */
static void control_write(struct vrtc *rtc, u8 index, u8 val, u64 now_ns)
{
	bool was_on = is_divider_on(rtc);
	bool was_running = is_running(rtc);
	u64 phase_ns = subsecond_ns(rtc, now_ns);

	if (was_running) {
		clock_to_bytes(rtc, now_ns);
	}
	if (index == REG_A) {
		rtc->cmos[REG_A] = val & (u8)~A_UIP;
	} else {
		rtc->cmos[REG_B] = val & B_SET ? val & (u8)~B_UIE : val;
	}
	/* The first update follows the release of the divider by half a second. */
	if (!was_on && is_divider_on(rtc)) {
		phase_ns = NS_PER_S / 2;
	}
	if (!was_running && is_running(rtc)) {
		clock_from_bytes(rtc, now_ns, phase_ns);
	} else if (!was_on && is_divider_on(rtc)) {
		rtc->phase_ns = (u32)((phase_ns + NS_PER_S - now_ns % NS_PER_S) % NS_PER_S);
	}
}

static void data_write(struct vrtc *rtc, u8 index, u8 val, u64 now_ns)
{
	if (index == REG_C || index == REG_D) {
		return;
	}
	flags_collect(rtc, now_ns);
	if (index == REG_A || index == REG_B) {
		control_write(rtc, index, val, now_ns);
	} else if (is_time_byte(index) && is_running(rtc)) {
		u64 phase_ns = subsecond_ns(rtc, now_ns);

		clock_to_bytes(rtc, now_ns);
		rtc->cmos[index] = val;
		clock_from_bytes(rtc, now_ns, phase_ns);
	} else {
		rtc->cmos[index] = val;
	}
	irq_update(rtc);
}

void vrtc_write(struct vrtc *rtc, u16 port, u8 val, u64 now_ns)
{
	if (port & 1) {
		data_write(rtc, rtc->index, val, now_ns);
	} else {
		rtc->index = val & 0x7f; /* bit 7 masks NMI, which we have none of */
	}
}

u32 vrtc_read(struct vrtc *rtc, u16 port, u64 now_ns)
{
	u8 index = rtc->index;
	u8 val;

	if (!(port & 1)) {
		return 0xff;
	}
	if (index == REG_A) {
		bool uip = is_running(rtc) && subsecond_ns(rtc, now_ns) >= NS_PER_S - UIP_NS;

		return rtc->cmos[REG_A] | (uip ? A_UIP : 0);
	}
	if (index == REG_C) {
		flags_collect(rtc, now_ns);
		irq_update(rtc);
		val = rtc->cmos[REG_C];
		rtc->cmos[REG_C] = 0;
		irq_update(rtc);
		return val;
	}
	if (is_time_byte(index) && is_running(rtc)) {
		clock_to_bytes(rtc, now_ns);
	}
	return rtc->cmos[index];
}

void vrtc_init(struct vrtc *rtc, u64 unix_s)
{
	*rtc = (struct vrtc){.event_ns = NEVER};
	/* No date beyond what the century byte can say. */
	rtc->epoch_s = (s64)min_u64(unix_s, 253402300799u);
	rtc->cmos[REG_A] = A_DV_RUN | 6;
	rtc->cmos[REG_B] = B_24H;
	rtc->cmos[REG_D] = D_VALID;
}
