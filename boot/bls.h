// SPDX-License-Identifier: Apache-2.0
/*
 * The Boot Loader Specification's entries of type 1, as far as a guest can be made of them: one
 * text file each in \loader\entries, `key value` lines. UAPI.1 "The Boot Loader Specification",
 * "Type #1 Boot Loader Entries" and "Sorting"; UAPI.10 "Version Format Specification". Pure.
 */
#pragma once

#include "vmm/boot_info.h"

#define BLS_FOLDER      "\\loader\\entries"
#define BLS_LOADER_CONF "\\loader\\loader.conf"
#define BLS_FILE_MAX    (16 * 1024)
#define BLS_NAME_MAX    96
#define BLS_ENTRIES_MAX 32
#define BLS_INITRDS_MAX 4
#define BLS_NO_TIMEOUT  0xffffffffu

struct bls_entry {
	char id[BLS_NAME_MAX]; /* the file's name, without ".conf" and tries */
	char title[BLS_NAME_MAX], version[64], sort_key[64], machine_id[40];
	char kernel[BOOT_PATH_MAX];
	char initrd[BLS_INITRDS_MAX][BOOT_PATH_MAX];
	u32 initrd_count;
	char options[BOOT_OPTIONS_MAX];
	bool is_bad;     /* no tries are left: sorted last */
	bool is_foreign; /* of another architecture: not to be spoken of */
};

/* \loader\loader.conf. */
struct bls_settings {
	u32 timeout_s; /* BLS_NO_TIMEOUT: not said */
	char pattern[BLS_NAME_MAX];
};

/* Is @name an entry's file? It ends in ".conf", in whatever case. */
bool bls_name_is_entry(const char *name);

/*
 * Reads the entry file @name of @size bytes at @text, for machines of @architecture ("x64",
 * "aa64"). Returns NULL, or why it cannot be offered.
 */
const char *bls_parse(const char *name, const char *text, size_t size, const char *architecture,
		      struct bls_entry *entry);

/* What is not understood is not there. */
void bls_settings_parse(const char *text, size_t size, struct bls_settings *settings);

/* Less than 0: version @a is older than @b; 0: neither. */
int bls_version_compare(const char *a, const char *b);

/* Puts @entries into the order of the menu. */
void bls_sort(struct bls_entry *entries, size_t count);

/* The first of the entries whose id the pattern (with '*' and '?') fits; 0 where none does. */
size_t bls_default(const struct bls_entry *entries, size_t count, const char *pattern);

/*
 * Makes @info's configuration one VM of @entry, of @memory bytes; its initrds are one module, named
 * by the first. Settings that are Socle's own stay. @console is added to options without one.
 */
void bls_apply(const struct bls_entry *entry, u64 memory, const char *console,
	       struct boot_info *info);
