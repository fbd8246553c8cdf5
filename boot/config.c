// SPDX-License-Identifier: Apache-2.0
/*
 * The configuration parser. The text is foreign input: any bytes give a result or an error that
 * says where it is and what was expected. Nothing is allocated; a line is handled where it stands.
 * Comments take lines of their own, since `options` may well contain a '#'.
 */
#include "boot/config.h"

#include <errno.h>
#include <string.h>

#include "boot/text.h"

#define QUOTE_MAX 40 /* characters of a wrong value that a message repeats */
#define KEYS_MAX  8

struct span {
	const char *at;
	size_t size;
};

struct parser {
	struct boot_info *info;
	struct config_error *error;
	struct boot_vm *vm; /* of the keys being read; NULL before the first header */
	unsigned line;
	unsigned seen_line[KEYS_MAX]; /* where a key stood for this VM, 0: not yet */
};

struct config_key {
	const char *name;
	const char *expects;
	int (*set)(struct parser *p, const struct config_key *key, struct span value);
	bool of_vm, repeats;
};

static void error_field_set(struct parser *p, struct span field)
{
	text_format(p->error->field, sizeof(p->error->field), "%.*s", (int)field.size, field.at);
}

static int __printf(2, 3) parse_fail(struct parser *p, const char *format, ...)
{
	va_list args;

	p->error->line = p->line;
	va_start(args, format);
	text_vformat(p->error->message, sizeof(p->error->message), format, args);
	va_end(args);
	return -EINVAL;
}

static int value_fail(struct parser *p, const struct config_key *key, struct span value)
{
	bool cut = value.size > QUOTE_MAX;

	if (!value.size) {
		return parse_fail(p, "expected %s, found nothing", key->expects);
	}
	return parse_fail(p, "expected %s, found \"%.*s%s\"%s", key->expects,
			  (int)(cut ? QUOTE_MAX : value.size), value.at, cut ? "..." : "",
			  memchr(value.at, '#', value.size) ? " (a comment takes its own line)"
							    : "");
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static char char_lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static bool is_alphanumeric(char c)
{
	return (char_lower(c) >= 'a' && char_lower(c) <= 'z') || (c >= '0' && c <= '9');
}

static bool is_separator(char c)
{
	return c == '\\' || c == '/';
}

static struct span span_trim(struct span s)
{
	while (s.size && is_blank(s.at[0])) {
		s.at++;
		s.size--;
	}
	while (s.size && is_blank(s.at[s.size - 1])) {
		s.size--;
	}
	return s;
}

static bool span_is(struct span s, const char *text)
{
	return s.size == strlen(text) && !memcmp(s.at, text, s.size);
}

static unsigned digit_value(char c)
{
	c = char_lower(c);
	if (c >= '0' && c <= '9') {
		return (unsigned)(c - '0');
	}
	return c >= 'a' && c <= 'f' ? (unsigned)(c - 'a') + 10 : 16;
}

/* Takes a decimal or 0x number off the front of @s. Returns false when none is there or it
 * overflows. */
static bool span_take_number(struct span *s, u64 *value)
{
	bool hex = s->size > 2 && s->at[0] == '0' && char_lower(s->at[1]) == 'x';
	unsigned base = hex ? 16 : 10;
	size_t i = hex ? 2 : 0;
	size_t first = i;

	for (*value = 0; i < s->size && digit_value(s->at[i]) < base; i++) {
		if (__builtin_mul_overflow(*value, base, value) ||
		    __builtin_add_overflow(*value, digit_value(s->at[i]), value)) {
			return false;
		}
	}
	s->at += i;
	s->size -= i;
	return i > first;
}

static bool number_in(struct span s, u64 min, u64 max, u64 *value)
{
	return span_take_number(&s, value) && !s.size && *value >= min && *value <= max;
}

static bool span_to_size(struct span s, u64 *bytes)
{
	unsigned shift = 0;

	if (!span_take_number(&s, bytes) || s.size > 1) {
		return false;
	}
	if (s.size) {
		const char *units = "kmg";
		const char *unit = strchr(units, char_lower(s.at[0]));

		if (!unit) {
			return false;
		}
		shift = 10 * (unsigned)(unit - units + 1);
	}
	return !__builtin_mul_overflow(*bytes, (u64)1 << shift, bytes);
}

static int timeout_set(struct parser *p, const struct config_key *key, struct span value)
{
	u64 seconds;

	if (!number_in(value, 0, CONFIG_TIMEOUT_MAX_S, &seconds)) {
		return value_fail(p, key, value);
	}
	p->info->config.timeout_s = (u32)seconds;
	return 0;
}

static int debug_exit_set(struct parser *p, const struct config_key *key, struct span value)
{
	u64 port;

	if (!number_in(value, 1, 0xffff, &port)) {
		return value_fail(p, key, value);
	}
	p->info->config.debug_exit_port = (u32)port;
	return 0;
}

static int memory_set(struct parser *p, const struct config_key *key, struct span value)
{
	u64 bytes;

	if (!span_to_size(value, &bytes) || bytes % CONFIG_MEMORY_UNIT ||
	    bytes < CONFIG_MEMORY_MIN || bytes > CONFIG_MEMORY_MAX) {
		return value_fail(p, key, value);
	}
	p->vm->memory = bytes;
	return 0;
}

static int vcpus_set(struct parser *p, const struct config_key *key, struct span value)
{
	u64 count;

	if (!number_in(value, 1, CONFIG_VCPUS_MAX, &count)) {
		return value_fail(p, key, value);
	}
	p->vm->vcpus = (u32)count;
	return 0;
}

static int options_set(struct parser *p, const struct config_key *key, struct span value)
{
	char *options = p->vm->options;
	size_t used = strlen(options);

	if (!value.size) {
		return value_fail(p, key, value);
	}
	if (used + (used > 0) + value.size >= BOOT_OPTIONS_MAX) {
		return parse_fail(p, "expected at most %u characters in all options lines",
				  BOOT_OPTIONS_MAX - 1);
	}
	if (used) {
		options[used++] = ' ';
	}
	memcpy(options + used, value.at, value.size);
	options[used + value.size] = '\0';
	return 0;
}

/* FAT compares names without case; a leading separator and the kind of separator do not matter. */
static bool path_is_same(const char *a, const char *b)
{
	a += is_separator(*a);
	b += is_separator(*b);
	for (; *a && *b; a++, b++) {
		if (char_lower(*a) != char_lower(*b) && !(is_separator(*a) && is_separator(*b))) {
			return false;
		}
	}
	return *a == *b;
}

static bool path_is_valid(struct span path)
{
	if (!path.size || path.size >= BOOT_PATH_MAX || is_separator(path.at[path.size - 1])) {
		return false;
	}
	for (size_t i = 0; i < path.size; i++) {
		if (path.at[i] < ' ' || path.at[i] > '~' || strchr("#:*?\"<>|", path.at[i])) {
			return false;
		}
		if (i && is_separator(path.at[i]) && is_separator(path.at[i - 1])) {
			return false;
		}
	}
	return true;
}

static int module_set(struct parser *p, const struct config_key *key, struct span value, u32 *index)
{
	struct boot_info *info = p->info;
	char *path = info->modules[info->module_count].path;
	u32 i = 0;

	if (!path_is_valid(value)) {
		return value_fail(p, key, value);
	}
	memcpy(path, value.at, value.size);
	path[value.size] = '\0';
	while (!path_is_same(info->modules[i].path, path)) {
		i++;
	}
	if (i == info->module_count) {
		info->module_count++;
	} else {
		memset(path, 0, BOOT_PATH_MAX);
	}
	*index = i;
	return 0;
}

static int linux_set(struct parser *p, const struct config_key *key, struct span value)
{
	return module_set(p, key, value, &p->vm->linux_module);
}

static int initrd_set(struct parser *p, const struct config_key *key, struct span value)
{
	return module_set(p, key, value, &p->vm->initrd_module);
}

/* The header before a VM's keys ends here: what it cannot do without must be there. */
static int vm_finish(struct parser *p)
{
	if (p->vm && p->vm->linux_module == BOOT_NO_MODULE) {
		p->line = p->vm->line;
		error_field_set(p, (struct span){"linux", 5});
		return parse_fail(p, "expected a line `linux PATH` for vm %s", p->vm->name);
	}
	return 0;
}

static bool name_is_valid(struct span name)
{
	if (!name.size || name.size >= BOOT_NAME_MAX || !is_alphanumeric(name.at[0])) {
		return false;
	}
	for (size_t i = 0; i < name.size; i++) {
		if (!is_alphanumeric(name.at[i]) && !strchr("-_.", name.at[i])) {
			return false;
		}
	}
	return true;
}

static int vm_set(struct parser *p, const struct config_key *key, struct span value)
{
	struct boot_config *config = &p->info->config;
	struct boot_vm *vm = &config->vms[config->vm_count];

	if (vm_finish(p)) {
		return -EINVAL;
	}
	if (!name_is_valid(value)) {
		return value_fail(p, key, value);
	}
	for (u32 i = 0; i < config->vm_count; i++) {
		if (span_is(value, config->vms[i].name)) {
			return parse_fail(p, "expected a new name, \"%s\" is the VM of line %u",
					  config->vms[i].name, config->vms[i].line);
		}
	}
	if (config->vm_count == CONFIG_VMS_RUNNABLE) {
		return parse_fail(p, "this version runs one VM, and that is \"%s\" of line %u",
				  config->vms[0].name, config->vms[0].line);
	}
	*vm = (struct boot_vm){
		.memory = CONFIG_MEMORY_USUAL,
		.vcpus = 1,
		.linux_module = BOOT_NO_MODULE,
		.initrd_module = BOOT_NO_MODULE,
		.line = p->line,
	};
	memcpy(vm->name, value.at, value.size);
	memset(p->seen_line, 0, sizeof(p->seen_line));
	config->vm_count++;
	p->vm = vm;
	return 0;
}

static const struct config_key keys[] = {
	{"vm", "a name of 1 to 31 letters, digits, '-', '_' or '.'", vm_set, false, true},
	{"timeout", "seconds from 0 to 3600", timeout_set, false, false},
	{"debug-exit", "an I/O port from 0x1 to 0xffff", debug_exit_set, false, false},
	{"linux", "the path of a kernel, at most 127 ASCII characters", linux_set, true, false},
	{"initrd", "the path of an initrd, at most 127 ASCII characters", initrd_set, true, false},
	{"options", "text for the kernel's command line", options_set, true, true},
	{"memory", "a size such as 512M: a multiple of 2M from 32M to 1024G", memory_set, true,
	 false},
	{"vcpus", "1, this version's only choice", vcpus_set, true, false},
};

static_assert(ARRAY_SIZE(keys) <= KEYS_MAX, "seen_line has a place for each key");

static int key_handle(struct parser *p, size_t index, struct span value)
{
	const struct config_key *key = &keys[index];

	if (key->of_vm && !p->vm) {
		return parse_fail(p, "expected after a line `vm NAME`");
	}
	if (!key->of_vm && p->vm && key->set != vm_set) {
		return parse_fail(p, "expected before the first vm (line %u)", p->vm->line);
	}
	if (p->seen_line[index] && !key->repeats) {
		return parse_fail(p, "expected once, line %u has it already", p->seen_line[index]);
	}
	if (key->set(p, key, value)) {
		return -EINVAL;
	}
	p->seen_line[index] = p->line;
	return 0;
}

static int line_handle(struct parser *p, struct span line)
{
	struct span key, value;

	p->error->field[0] = '\0';
	for (size_t i = 0; i < line.size; i++) {
		unsigned char c = (unsigned char)line.at[i];

		if ((c < ' ' && c != '\t') || c == 0x7f) {
			return parse_fail(p, "expected plain text, found the byte 0x%02x", c);
		}
	}
	line = span_trim(line);
	if (!line.size || line.at[0] == '#') {
		return 0;
	}
	key = (struct span){line.at, 0};
	while (key.size < line.size && !is_blank(key.at[key.size])) {
		key.size++;
	}
	value = span_trim((struct span){line.at + key.size, line.size - key.size});
	error_field_set(p, key);
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		if (span_is(key, keys[i].name)) {
			return key_handle(p, i, value);
		}
	}
	return parse_fail(p, "unknown; expected %s",
			  p->vm ? "linux, initrd, options, memory, vcpus or vm"
				: "timeout, debug-exit or vm");
}

static struct span text_start(const char *text, size_t size)
{
	size_t skip = size >= 3 && !memcmp(text, "\xef\xbb\xbf", 3) ? 3 : 0;

	return (struct span){text + skip, size - skip};
}

static bool text_is_utf16(struct span text)
{
	return text.size >= 2 &&
	       (!memcmp(text.at, "\xff\xfe", 2) || !memcmp(text.at, "\xfe\xff", 2));
}

/* Takes one line off @text, without its LF or CR LF. */
static struct span line_take(struct span *text)
{
	const char *end = memchr(text->at, '\n', text->size);
	struct span line = {text->at, end ? (size_t)(end - text->at) : text->size};

	text->at += line.size + (end != NULL);
	text->size -= line.size + (end != NULL);
	if (line.size && line.at[line.size - 1] == '\r') {
		line.size--;
	}
	return line;
}

int config_parse(const char *text, size_t size, struct boot_info *info, struct config_error *error)
{
	struct parser p = {.info = info, .error = error};
	struct span rest;

	memset(&info->config, 0, sizeof(info->config));
	info->module_count = 0;
	*error = (struct config_error){0};
	if (size > CONFIG_FILE_MAX) {
		return parse_fail(&p, "expected at most %u KiB, found %zu bytes",
				  CONFIG_FILE_MAX / 1024, size);
	}
	rest = text_start(text, size);
	if (text_is_utf16(rest)) {
		return parse_fail(&p, "expected ASCII or UTF-8 text, found UTF-16");
	}
	while (rest.size) {
		p.line++;
		if (line_handle(&p, line_take(&rest))) {
			return -EINVAL;
		}
	}
	if (vm_finish(&p)) {
		return -EINVAL;
	}
	if (!p.vm) {
		p.line = 0;
		error_field_set(&p, (struct span){"vm", 2});
		return parse_fail(&p, "expected a line `vm NAME` and below it `linux PATH`");
	}
	return 0;
}
