// SPDX-License-Identifier: Apache-2.0
/* Calendar dates, and the PC's real-time clock (MC146818) as bytes. Pure. */
#pragma once

#include "mm/types.h"

struct clock_date {
	unsigned year, month, day, hour, minute, second; /* month and day from 1 */
};

/* Seconds from 1970 to @date, which is UTC; 0: no date from then on. */
u64 clock_unix_time(const struct clock_date *date);

/* Registers of the clock up to and with the century's, where ACPI's FADT usually says it is. */
#define CLOCK_REGISTERS 0x33

/* The date that the clock's @registers tell, in whatever of its formats. */
struct clock_date clock_of_registers(const u8 registers[CLOCK_REGISTERS]);
