// SPDX-License-Identifier: Apache-2.0
#include "boot/bls.h"

#include <string.h>

#include "boot/span.h"
#include "boot/text.h"
#include "mm/bits.h"

#define SUFFIX     ".conf"
#define SUFFIX_LEN 5

static bool name_is(const char *a, const char *b, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		if (char_lower(a[i]) != char_lower(b[i])) {
			return false;
		}
	}
	return true;
}

bool bls_name_is_entry(const char *name)
{
	size_t length = strlen(name);

	return length > SUFFIX_LEN && name_is(name + length - SUFFIX_LEN, SUFFIX, SUFFIX_LEN);
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/*
 * "Boot counting": NAME+LEFT.conf or NAME+LEFT-DONE.conf. The counters are no part of the name, and
 * what has no tries left is offered last. Socle does not write to the volume: it counts none.
 */
static void id_set(struct bls_entry *e, const char *name)
{
	size_t length = strlen(name) - SUFFIX_LEN, end = length;
	bool zero = true, has_digit = false;

	while (end && (is_digit(name[end - 1]) || name[end - 1] == '-')) {
		end--;
	}
	if (end && name[end - 1] == '+' && end < length && is_digit(name[end])) {
		for (size_t i = end; i < length && is_digit(name[i]); i++) {
			zero &= name[i] == '0';
			has_digit = true;
		}
		e->is_bad = zero && has_digit;
		length = end - 1;
	}
	span_copy((struct span){name, length}, e->id, sizeof(e->id));
}

static bool options_add(struct bls_entry *e, struct span value)
{
	size_t used = strlen(e->options);

	if (used && used + 1 < sizeof(e->options)) {
		e->options[used++] = ' ';
	}
	return span_copy(value, e->options + used, sizeof(e->options) - used);
}

/* Returns NULL, or what is wrong. A text that is only shown or compared may be cut. */
static const char *key_set(struct bls_entry *e, struct span key, struct span value)
{
	if (span_is(key, "title")) {
		span_copy(value, e->title, sizeof(e->title));
	} else if (span_is(key, "version")) {
		span_copy(value, e->version, sizeof(e->version));
	} else if (span_is(key, "sort-key")) {
		span_copy(value, e->sort_key, sizeof(e->sort_key));
	} else if (span_is(key, "machine-id")) {
		span_copy(value, e->machine_id, sizeof(e->machine_id));
	} else if (span_is(key, "linux")) {
		return span_copy(value, e->kernel, sizeof(e->kernel)) ? NULL
								      : "its path is too long";
	} else if (span_is(key, "options")) {
		return options_add(e, value) ? NULL : "its options are too long";
	} else if (span_is(key, "initrd")) {
		if (e->initrd_count == BLS_INITRDS_MAX) {
			return "it has more than four initrds";
		}
		return span_copy(value, e->initrd[e->initrd_count++], BOOT_PATH_MAX)
			       ? NULL
			       : "an initrd's path is too long";
	}
	return NULL;
}

static bool is_for(struct span value, const char *architecture)
{
	return value.size == strlen(architecture) && name_is(value.at, architecture, value.size);
}

static bool is_plain(struct span text)
{
	return !memchr(text.at, '\0', text.size);
}

const char *bls_parse(const char *name, const char *text, size_t size, const char *architecture,
		      struct bls_entry *entry)
{
	struct span rest = span_of_text(text, size);

	*entry = (struct bls_entry){0};
	id_set(entry, name);
	if (!is_plain(rest)) {
		return "it is no text";
	}
	while (rest.size) {
		struct span value = span_trim(span_take_line(&rest));
		struct span key = span_take_word(&value);
		const char *why;

		if (!key.size || key.at[0] == '#' || !value.size) {
			continue;
		}
		if (span_is(key, "architecture") && !is_for(value, architecture)) {
			entry->is_foreign = true;
			return "it is for another architecture";
		}
		why = key_set(entry, key, value);
		if (why) {
			return why;
		}
	}
	if (!entry->kernel[0]) {
		return "it has no `linux` line";
	}
	if (!entry->title[0]) {
		span_copy((struct span){entry->id, strlen(entry->id)}, entry->title,
			  sizeof(entry->title));
	}
	return NULL;
}

void bls_settings_parse(const char *text, size_t size, struct bls_settings *settings)
{
	struct span rest = span_of_text(text, size);

	*settings = (struct bls_settings){.timeout_s = BLS_NO_TIMEOUT};
	while (rest.size) {
		struct span value = span_trim(span_take_line(&rest));
		struct span key = span_take_word(&value);
		u64 seconds;

		if (span_is(key, "timeout") && span_is_number(value, 0, 3600, &seconds)) {
			settings->timeout_s = (u32)seconds;
		} else if (span_is(key, "default")) {
			span_copy(value, settings->pattern, sizeof(settings->pattern));
		}
	}
}

static bool is_version_char(char c)
{
	return char_is_alphanumeric(c) || c == '-' || c == '.' || c == '~' || c == '^';
}

static bool is_alpha(char c)
{
	return char_is_alphanumeric(c) && !is_digit(c);
}

/* Compares the numbers in front, of any length, and takes them off. */
static int digits_compare(const char **a, const char **b)
{
	size_t la = 0, lb = 0;
	int order;

	while (**a == '0') {
		++*a;
	}
	while (**b == '0') {
		++*b;
	}
	while (is_digit((*a)[la])) {
		la++;
	}
	while (is_digit((*b)[lb])) {
		lb++;
	}
	order = la != lb ? (la < lb ? -1 : 1) : memcmp(*a, *b, la);
	*a += la;
	*b += lb;
	return order;
}

/* The same for letters: the end of a word is less than any letter. */
static int letters_compare(const char **a, const char **b)
{
	while (is_alpha(**a) && **a == **b) {
		++*a;
		++*b;
	}
	if (!is_alpha(**a) && !is_alpha(**b)) {
		return 0;
	}
	if (!is_alpha(**a) || !is_alpha(**b)) {
		return is_alpha(**a) ? 1 : -1;
	}
	return **a < **b ? -1 : 1;
}

/* A separator that only one of both has makes that one the older. */
static bool separator_decides(char c, const char **a, const char **b, int *order)
{
	if (**a == c && **b == c) {
		++*a;
		++*b;
	} else if (**a == c || **b == c) {
		*order = **a == c ? -1 : 1;
		return true;
	}
	return false;
}

/* "Version Format Specification", "Examples and comparison": the steps, in its order. */
int bls_version_compare(const char *a, const char *b)
{
	for (;;) {
		int order;

		while (*a && !is_version_char(*a)) {
			a++;
		}
		while (*b && !is_version_char(*b)) {
			b++;
		}
		if (separator_decides('~', &a, &b, &order)) {
			return order;
		}
		if (!*a || !*b) {
			return *a ? 1 : *b ? -1 : 0;
		}
		if (separator_decides('-', &a, &b, &order) ||
		    separator_decides('^', &a, &b, &order) ||
		    separator_decides('.', &a, &b, &order)) {
			return order;
		}
		order = is_digit(*a) || is_digit(*b) ? digits_compare(&a, &b)
						     : letters_compare(&a, &b);
		if (order) {
			return order;
		}
	}
}

static int text_compare(const char *a, const char *b)
{
	size_t la = strlen(a), lb = strlen(b);
	int order = memcmp(a, b, min_u64(la, lb));

	return order ? order : la < lb ? -1 : la > lb;
}

/* "Sorting": the newest comes first. */
static int entry_compare(const struct bls_entry *a, const struct bls_entry *b)
{
	int order = a->is_bad - b->is_bad;

	if (!order) {
		order = !a->sort_key[0] - !b->sort_key[0];
	}
	if (!order && a->sort_key[0]) {
		order = text_compare(a->sort_key, b->sort_key);
		order = order ? order : text_compare(a->machine_id, b->machine_id);
		order = order ? order : bls_version_compare(b->version, a->version);
	}
	return order ? order : bls_version_compare(b->id, a->id);
}

void bls_sort(struct bls_entry *entries, size_t count)
{
	static struct bls_entry moving; /* of 2 KiB: not on the firmware's stack */

	for (size_t i = 1; i < count; i++) {
		size_t to = i;

		moving = entries[i];
		for (; to && entry_compare(&moving, &entries[to - 1]) < 0; to--) {
			entries[to] = entries[to - 1];
		}
		entries[to] = moving;
	}
}

/* @pattern against all of @text; one place to come back to is enough for '*'. */
static bool pattern_fits(const char *pattern, const char *text)
{
	const char *star = NULL, *retry = NULL;

	while (*text) {
		if (*pattern == '*') {
			star = ++pattern;
			retry = text;
		} else if (*pattern &&
			   (*pattern == '?' || char_lower(*pattern) == char_lower(*text))) {
			pattern++;
			text++;
		} else if (star) {
			pattern = star;
			text = ++retry;
		} else {
			return false;
		}
	}
	while (*pattern == '*') {
		pattern++;
	}
	return !*pattern;
}

size_t bls_default(const struct bls_entry *entries, size_t count, const char *pattern)
{
	char file[BLS_NAME_MAX + SUFFIX_LEN];

	for (size_t i = 0; i < count && *pattern; i++) {
		text_format(file, sizeof(file), "%s" SUFFIX, entries[i].id);
		if (pattern_fits(pattern, entries[i].id) || pattern_fits(pattern, file)) {
			return i;
		}
	}
	return 0;
}

static void vm_name_set(const struct bls_entry *entry, char *name)
{
	size_t used = 0;

	for (const char *at = entry->id; *at && used < BOOT_NAME_MAX - 1; at++) {
		if (char_is_alphanumeric(*at) || (used && strchr("-_.", *at))) {
			name[used++] = *at;
		}
	}
	name[used] = '\0';
	if (!used) {
		memcpy(name, "linux", 6);
	}
}

/* Is there a word that begins so? */
static bool options_have(const char *options, const char *start)
{
	size_t length = strlen(start);

	for (const char *at = options; *at; at++) {
		if ((at == options || at[-1] == ' ') && strlen(at) >= length &&
		    !memcmp(at, start, length)) {
			return true;
		}
	}
	return false;
}

void bls_apply(const struct bls_entry *entry, u64 memory, const char *console,
	       struct boot_info *info)
{
	struct boot_vm *vm = &info->config.vms[0];
	size_t used;

	*vm = (struct boot_vm){.memory = memory, .vcpus = 1, .initrd_module = BOOT_NO_MODULE};
	vm_name_set(entry, vm->name);
	memcpy(vm->options, entry->options, sizeof(vm->options));
	used = strlen(vm->options);
	if (!options_have(entry->options, "console=") &&
	    used + strlen(console) + 2 <= sizeof(vm->options)) {
		text_format(vm->options + used, sizeof(vm->options) - used, "%s%s", used ? " " : "",
			    console);
	}
	memcpy(info->modules[0].path, entry->kernel, BOOT_PATH_MAX);
	info->module_count = 1;
	if (entry->initrd_count) {
		memcpy(info->modules[1].path, entry->initrd[0], BOOT_PATH_MAX);
		vm->initrd_module = 1;
		info->module_count = 2;
	}
	info->config.vm_count = 1;
	info->config.front_vm = 0;
}
