// SPDX-License-Identifier: Apache-2.0
/* MC146818 data sheet, "Time, Calendar, and Alarm Locations" and "Register B". */
#include "boot/clock.h"

#include "mm/bits.h"

#define STATUS_B        0x0b
#define STATUS_B_24H    BIT(1)
#define STATUS_B_BINARY BIT(2)
#define HOUR_PM         BIT(7)
#define CENTURY         0x32

u64 clock_unix_time(const struct clock_date *t)
{
	u64 days, year, month;

	if (t->year < 1970 || t->month < 1 || t->month > 12) {
		return 0;
	}
	/* Days of the civil calendar, with years that begin in March. */
	year = t->month > 2 ? t->year : t->year - 1u;
	month = t->month > 2 ? t->month - 3u : t->month + 9u;
	days = year * 365 + year / 4 - year / 100 + year / 400 + (month * 153 + 2) / 5 + t->day - 1;
	days -= 719468; /* 1970-01-01 */
	return days * 86400 + t->hour * 3600u + t->minute * 60u + t->second;
}

static unsigned number_of(u8 value, u8 status_b)
{
	return status_b & STATUS_B_BINARY ? value : (value >> 4) * 10u + (value & 0xf);
}

/* Twelve o'clock is the first hour of its half of the day. */
static unsigned hour_of(u8 value, u8 status_b)
{
	if (status_b & STATUS_B_24H) {
		return number_of(value, status_b);
	}
	return number_of(value & (u8)~HOUR_PM, status_b) % 12 + (value & HOUR_PM ? 12 : 0);
}

struct clock_date clock_of_registers(const u8 registers[CLOCK_REGISTERS])
{
	u8 b = registers[STATUS_B];
	unsigned century = number_of(registers[CENTURY], b), year = number_of(registers[9], b);

	/* Not every PC keeps it. */
	if (century < 19 || century > 21) {
		century = year < 70 ? 20 : 19;
	}
	return (struct clock_date){
		.year = century * 100 + year,
		.month = number_of(registers[8], b),
		.day = number_of(registers[7], b),
		.hour = hour_of(registers[4], b),
		.minute = number_of(registers[2], b),
		.second = number_of(registers[0], b),
	};
}
