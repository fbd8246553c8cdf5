// SPDX-License-Identifier: Apache-2.0
/*
 * What this machine offers, what Socle makes of it and what the lack of it costs: the pre-flight
 * report. Facts in, rows out, text out of rows; pure. Who reads the facts is the machine's part
 * (boot/machine.h) and inventory.c.
 */
#pragma once

#include "mm/types.h"

#define SURVEY_ROWS_MAX  32
#define SURVEY_FOUND_MAX 96
#define SURVEY_TEXT_MAX  12288

enum survey_mark {
	SURVEY_NOTE,    /* neither good nor bad */
	SURVEY_USED,    /* there, and of use */
	SURVEY_WITHOUT, /* not there, done without */
	SURVEY_MISSING, /* not there, and nothing goes without */
};

struct survey_row {
	const char *name;
	enum survey_mark mark;
	char found[SURVEY_FOUND_MAX];
	const char *says; /* what it is for, or what its absence costs; "" */
};

struct survey {
	struct survey_row row[SURVEY_ROWS_MAX];
	size_t count;
};

/* What a row of a table of things to look for is. */
struct survey_probe {
	const char *name;
	bool needed;
	const char *used, *without; /* `says` where it is there and where not */
};

/*
 * Adds a row by @probe: @there decides the mark. Its `found` is empty, for the caller to fill.
 * Returns the text, SURVEY_FOUND_MAX characters.
 */
char *survey_add(struct survey *survey, const struct survey_probe *probe, bool there);

/* Adds a row that only informs. Returns its `found`. */
char *survey_note(struct survey *survey, const char *name, const char *says);

/* What is not the CPU's. */
enum survey_secure_boot { SECURE_BOOT_UNKNOWN, SECURE_BOOT_OFF, SECURE_BOOT_ON };

struct platform_facts {
	char firmware[48];
	u64 memory, memory_free; /* bytes: all that the firmware declares, and what is free now */
	u64 memory_end;          /* above the highest of it */
	u32 cpus;                /* 0: nothing tells */
	bool has_acpi, has_fdt;
	bool has_dmar, has_ivrs, has_iort, has_smmu; /* tables; a node of the device tree */
	bool needs_tables;                           /* nothing goes without one of them */
	enum survey_secure_boot secure_boot;
	u32 screen_width, screen_height; /* 0: none */
};

void platform_survey(const struct platform_facts *facts, struct survey *survey);

/* The report as lines of at most 78 characters, into @out. Returns its length. */
size_t survey_text(const struct survey *survey, char *out, size_t size);
