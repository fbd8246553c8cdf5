// SPDX-License-Identifier: Apache-2.0
/*
 * The configuration parser. The text is foreign input: any bytes give a result or an error that
 * says where it is and what was expected. Nothing is allocated; a line is handled where it stands.
 * Comments take lines of their own, since `options` may well contain a '#'.
 */
#include "boot/config.h"

#include <errno.h>
#include <string.h>

#include "boot/span.h"
#include "boot/text.h"
#include "mm/bits.h"

#define QUOTE_MAX 40 /* characters of a wrong value that a message repeats */
#define KEYS_MAX  18

const struct config_limits config_limits_x86_64 = {
	.vms = BOOT_MAX_VMS,
	.vcpus = 8,
	.kinds = BIT(BOOT_IMAGE_LINUX) | BIT(BOOT_IMAGE_ELF) | BIT(BOOT_IMAGE_MULTIBOOT) |
		 BIT(BOOT_IMAGE_PVH),
	.nested = true,
	.debug_port = true,
	.cpus = true,
	.front = true,
	.waiting = true,
	.framebuffer = true,
};

const struct config_limits config_limits_arm64 = {
	.vms = BOOT_MAX_VMS,
	.vcpus = 8,
	.kinds = BIT(BOOT_IMAGE_LINUX) | BIT(BOOT_IMAGE_ELF) | BIT(BOOT_IMAGE_RAW),
	.cpus = true,
	.front = true,
	.waiting = true,
	.framebuffer = true,
};

struct parser {
	const struct config_limits *limits;
	struct boot_info *info;
	struct config_error *error;
	struct boot_vm *vm; /* of the keys being read; NULL before the first header */
	unsigned line;
	unsigned kernel_line, initrd_line, module_line; /* of this VM; the first module's */
	unsigned front_line;          /* of the VM that is to be in front, 0: none yet */
	unsigned framebuffer_line;    /* of the VM that has it, 0: none yet */
	unsigned seen_line[KEYS_MAX]; /* where a key stood for this VM, 0: not yet */
};

/* Before the first header, below one, both, a header itself; more than once in its place. */
enum key_place { OF_SOCLE = 1, OF_VM = 2, AS_HEADER = 4, REPEATS = 8 };

struct config_key {
	const char *name;
	const char *expects;
	int (*set)(struct parser *p, const struct config_key *key, struct span value);
	u32 place; /* of enum key_place */
	u32 arg;   /* of set() */
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

static bool is_separator(char c)
{
	return c == '\\' || c == '/';
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

	if (!span_is_number(value, 0, CONFIG_TIMEOUT_MAX_S, &seconds)) {
		return value_fail(p, key, value);
	}
	p->info->config.timeout_s = (u32)seconds;
	return 0;
}

static int debug_exit_set(struct parser *p, const struct config_key *key, struct span value)
{
	u64 port;

	if (!span_is_number(value, 1, 0xffff, &port)) {
		return value_fail(p, key, value);
	}
	if (!p->vm) {
		p->info->config.debug_exit_port = (u32)port;
		return 0;
	}
	if (!p->limits->debug_port) {
		return parse_fail(p, "expected before the first vm: guests of this machine have "
				     "no such port");
	}
	p->vm->debug_exit_port = (u32)port;
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

	if (!span_is_number(value, 1, CONFIG_CPUS_MAX, &count)) {
		return value_fail(p, key, value);
	}
	if (count > p->limits->vcpus) {
		return parse_fail(p,
				  "expected at most %u, which is what this version runs, found %lu",
				  p->limits->vcpus, count);
	}
	p->vm->vcpus = (u32)count;
	return 0;
}

/* Takes `N` or `N-M` off the front of @s into the set. */
static bool span_take_cpus(struct span *s, u64 *set)
{
	u64 first, last;

	if (!span_take_number(s, &first)) {
		return false;
	}
	last = first;
	if (s->size && s->at[0] == '-') {
		s->at++;
		s->size--;
		if (!span_take_number(s, &last)) {
			return false;
		}
	}
	if (first > last || last >= CONFIG_CPUS_MAX) {
		return false;
	}
	*set |= GENMASK(last, first);
	return true;
}

static int cpus_set(struct parser *p, const struct config_key *key, struct span value)
{
	struct span rest = value;
	u64 set = 0;

	while (span_take_cpus(&rest, &set) && rest.size && rest.at[0] == ',') {
		rest.at++;
		rest.size--;
		if (!rest.size) {
			return value_fail(p, key, value);
		}
	}
	if (rest.size || !set) {
		return value_fail(p, key, value);
	}
	if (!p->limits->cpus) {
		return parse_fail(p, "this version does not pin vCPUs: expected no such line");
	}
	p->vm->cpus = set;
	return 0;
}

/* The words of @key in their two senses: true for the one that @yes is. */
static bool span_is_one_of(struct span s, const char *yes, const char *no, bool *sense)
{
	*sense = span_is(s, yes);
	return *sense || span_is(s, no);
}

static int nested_set(struct parser *p, const struct config_key *key, struct span value)
{
	bool on;

	if (!span_is_one_of(value, "on", "off", &on)) {
		return value_fail(p, key, value);
	}
	if (on && !p->limits->nested) {
		return parse_fail(p, "expected off: this version's guests cannot be hypervisors");
	}
	p->vm->flags |= on ? BOOT_VM_NESTED : 0;
	return 0;
}

static int autostart_set(struct parser *p, const struct config_key *key, struct span value)
{
	bool waits;

	if (!span_is_one_of(value, "no", "yes", &waits)) {
		return value_fail(p, key, value);
	}
	if (waits && !p->limits->waiting) {
		return parse_fail(p, "expected yes: this version has no key that starts a VM");
	}
	p->vm->flags |= waits ? BOOT_VM_WAITING : 0;
	return 0;
}

static int console_set(struct parser *p, const struct config_key *key, struct span value)
{
	if (!span_is(value, "front")) {
		return value_fail(p, key, value);
	}
	if (!p->limits->front) {
		return parse_fail(p,
				  "this version has one VM at the console: expected no such line");
	}
	if (p->front_line) {
		return parse_fail(p, "expected for one VM, line %u has it already", p->front_line);
	}
	p->front_line = p->line;
	p->info->config.front_vm = p->info->config.vm_count - 1;
	return 0;
}

static int framebuffer_set(struct parser *p, const struct config_key *key, struct span value)
{
	bool on;

	if (!span_is_one_of(value, "on", "off", &on)) {
		return value_fail(p, key, value);
	}
	if (on && !p->limits->framebuffer) {
		return parse_fail(p, "expected off: this version gives no VM the screen");
	}
	if (on && p->framebuffer_line) {
		return parse_fail(p, "expected for one VM, line %u has it already",
				  p->framebuffer_line);
	}
	if (on) {
		p->framebuffer_line = p->line;
		p->vm->flags |= BOOT_VM_FRAMEBUFFER;
	}
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

bool config_path_is_same(const char *a, const char *b)
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

static int file_set(struct parser *p, const struct config_key *key, struct span value, u32 *index)
{
	struct boot_info *info = p->info;
	char *path = info->modules[info->module_count].path;
	u32 i = 0;

	if (!path_is_valid(value)) {
		return value_fail(p, key, value);
	}
	memcpy(path, value.at, value.size);
	path[value.size] = '\0';
	while (!config_path_is_same(info->modules[i].path, path)) {
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

/* What each kind of kernel is called in the file. */
static const char *const kind_names[BOOT_IMAGE_KINDS] = {
	[BOOT_IMAGE_LINUX] = "linux",
	[BOOT_IMAGE_ELF] = "elf",
	[BOOT_IMAGE_MULTIBOOT] = "multiboot",
	[BOOT_IMAGE_PVH] = "pvh",
	[BOOT_IMAGE_RAW] = "raw",
};

static bool kind_takes_modules(u32 kind)
{
	return kind == BOOT_IMAGE_MULTIBOOT || kind == BOOT_IMAGE_PVH;
}

/* "linux, elf or raw", by what the machine's guests can be. */
static void kinds_list(u32 kinds, char *out, size_t size)
{
	size_t used = 0;

	out[0] = '\0';
	for (u32 kind = 0; kind < BOOT_IMAGE_KINDS; kind++) {
		if (kinds & BIT(kind)) {
			const char *joint = kinds >> kind == 1 ? " or " : ", ";

			used += text_format(out + used, size - used, "%s%s", used ? joint : "",
					    kind_names[kind]);
		}
	}
}

static int kernel_set(struct parser *p, const struct config_key *key, struct span value)
{
	char kinds[64];

	if (p->vm->linux_module != BOOT_NO_MODULE) {
		return parse_fail(p, "expected one kernel for vm %s, line %u has it already",
				  p->vm->name, p->kernel_line);
	}
	if (!(p->limits->kinds & BIT(key->arg))) {
		kinds_list(p->limits->kinds, kinds, sizeof(kinds));
		return parse_fail(p, "expected %s: guests of this machine are not entered so",
				  kinds);
	}
	p->vm->kind = key->arg;
	p->kernel_line = p->line;
	return file_set(p, key, value, &p->vm->linux_module);
}

static int initrd_set(struct parser *p, const struct config_key *key, struct span value)
{
	p->initrd_line = p->line;
	return file_set(p, key, value, &p->vm->initrd_module);
}

/* The path ends at the first blank; what follows is for the kernel to read. */
static int module_set(struct parser *p, const struct config_key *key, struct span value)
{
	struct boot_vm_module *module = &p->vm->modules[p->vm->module_count];
	struct span text = value, path = span_take_word(&text);

	if (text.size >= BOOT_TEXT_MAX) {
		return parse_fail(p, "expected at most %u characters behind the path",
				  BOOT_TEXT_MAX - 1);
	}
	if (p->vm->module_count == BOOT_VM_MODULES) {
		return parse_fail(p, "expected at most %u modules for a VM", BOOT_VM_MODULES);
	}
	if (file_set(p, key, path, &module->module)) {
		return -EINVAL;
	}
	memcpy(module->text, text.at, text.size);
	module->text[text.size] = '\0';
	p->module_line = p->module_line ? p->module_line : p->line;
	p->vm->module_count++;
	return 0;
}

static int vm_fail(struct parser *p, unsigned line, const char *field, const char *expected)
{
	p->line = line;
	error_field_set(p, (struct span){field, strlen(field)});
	return parse_fail(p, "expected %s for vm %s", expected, p->vm->name);
}

/* The header before a VM's keys ends here: what it cannot do without must be there. */
static int vm_finish(struct parser *p)
{
	const struct boot_vm *vm = p->vm;

	if (!vm) {
		return 0;
	}
	if (vm->linux_module == BOOT_NO_MODULE) {
		return vm_fail(p, vm->line, "linux",
			       "a line `linux PATH`, or another kind of kernel,");
	}
	if (vm->initrd_module != BOOT_NO_MODULE && kind_takes_modules(vm->kind)) {
		return vm_fail(p, p->initrd_line, "initrd",
			       "`module PATH` in place of `initrd PATH` with this kind of kernel");
	}
	if (vm->module_count && !kind_takes_modules(vm->kind)) {
		return vm_fail(p, p->module_line, "module", "no module with this kind of kernel");
	}
	return 0;
}

static bool name_is_valid(struct span name)
{
	if (!name.size || name.size >= BOOT_NAME_MAX || !char_is_alphanumeric(name.at[0])) {
		return false;
	}
	for (size_t i = 0; i < name.size; i++) {
		if (!char_is_alphanumeric(name.at[i]) && !strchr("-_.", name.at[i])) {
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
	if (config->vm_count == min_u64(p->limits->vms, BOOT_MAX_VMS)) {
		return p->limits->vms == 1
			       ? parse_fail(p,
					    "this version runs one VM, and that is \"%s\" of "
					    "line %u",
					    config->vms[0].name, config->vms[0].line)
			       : parse_fail(p, "expected at most %u VMs", config->vm_count);
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
	p->kernel_line = p->initrd_line = p->module_line = 0;
	config->vm_count++;
	p->vm = vm;
	return 0;
}

#define EXPECT_KERNEL "the path of a kernel, at most 127 ASCII characters"

static const struct config_key keys[] = {
	{"vm", "a name of 1 to 31 letters, digits, '-', '_' or '.'", vm_set, AS_HEADER | REPEATS,
	 0},
	{"timeout", "seconds from 0 to 3600", timeout_set, OF_SOCLE, 0},
	{"debug-exit", "an I/O port from 0x1 to 0xffff", debug_exit_set, OF_SOCLE | OF_VM, 0},
	{"linux", EXPECT_KERNEL, kernel_set, OF_VM, BOOT_IMAGE_LINUX},
	{"elf", EXPECT_KERNEL, kernel_set, OF_VM, BOOT_IMAGE_ELF},
	{"multiboot", EXPECT_KERNEL, kernel_set, OF_VM, BOOT_IMAGE_MULTIBOOT},
	{"pvh", EXPECT_KERNEL, kernel_set, OF_VM, BOOT_IMAGE_PVH},
	{"raw", EXPECT_KERNEL, kernel_set, OF_VM, BOOT_IMAGE_RAW},
	{"initrd", "the path of an initrd, at most 127 ASCII characters", initrd_set, OF_VM, 0},
	{"module", "the path of a module, without blanks, and text for the kernel", module_set,
	 OF_VM | REPEATS, 0},
	{"options", "text for the kernel's command line", options_set, OF_VM | REPEATS, 0},
	{"memory", "a size such as 512M: a multiple of 2M from 32M to 1024G", memory_set, OF_VM, 0},
	{"vcpus", "a number from 1 to 64", vcpus_set, OF_VM, 0},
	{"cpus", "numbers from 0 to 63 such as 0-1 or 0,2-3", cpus_set, OF_VM, 0},
	{"nested", "on or off", nested_set, OF_VM, 0},
	{"autostart", "yes or no", autostart_set, OF_VM, 0},
	{"console", "front", console_set, OF_VM, 0},
	{"framebuffer", "on or off", framebuffer_set, OF_VM, 0},
};

static_assert(ARRAY_SIZE(keys) <= KEYS_MAX, "seen_line has a place for each key");

static int key_handle(struct parser *p, size_t index, struct span value)
{
	const struct config_key *key = &keys[index];

	if (!p->vm && !(key->place & (OF_SOCLE | AS_HEADER))) {
		return parse_fail(p, "expected after a line `vm NAME`");
	}
	if (p->vm && !(key->place & (OF_VM | AS_HEADER))) {
		return parse_fail(p, "expected before the first vm (line %u)", p->vm->line);
	}
	if (p->seen_line[index] && !(key->place & REPEATS)) {
		return parse_fail(p, "expected once, line %u has it already", p->seen_line[index]);
	}
	if (key->set(p, key, value)) {
		return -EINVAL;
	}
	p->seen_line[index] = p->line;
	return 0;
}

/* Names the keys that could have stood there. */
static int key_fail(struct parser *p)
{
	u32 here = p->vm ? OF_VM : OF_SOCLE;
	char list[CONFIG_MESSAGE_MAX];
	size_t used = 0;

	for (size_t i = 1; i < ARRAY_SIZE(keys); i++) {
		if (keys[i].place & here) {
			used += text_format(list + used, sizeof(list) - used, "%s%s",
					    used ? ", " : "", keys[i].name);
		}
	}
	return parse_fail(p, "unknown; expected %s or vm", list);
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
	value = line;
	key = span_take_word(&value);
	error_field_set(p, key);
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		if (span_is(key, keys[i].name)) {
			return key_handle(p, i, value);
		}
	}
	return key_fail(p);
}

static bool text_is_utf16(struct span text)
{
	return text.size >= 2 &&
	       (!memcmp(text.at, "\xff\xfe", 2) || !memcmp(text.at, "\xfe\xff", 2));
}

int config_parse(const char *text, size_t size, const struct config_limits *limits,
		 struct boot_info *info, struct config_error *error)
{
	struct parser p = {.limits = limits, .info = info, .error = error};
	struct span rest;

	memset(&info->config, 0, sizeof(info->config));
	info->config.timeout_s = CONFIG_NO_TIMEOUT;
	info->module_count = 0;
	*error = (struct config_error){0};
	if (size > CONFIG_FILE_MAX) {
		return parse_fail(&p, "expected at most %u KiB, found %zu bytes",
				  CONFIG_FILE_MAX / 1024, size);
	}
	rest = span_of_text(text, size);
	if (text_is_utf16(rest)) {
		return parse_fail(&p, "expected ASCII or UTF-8 text, found UTF-16");
	}
	while (rest.size) {
		p.line++;
		if (line_handle(&p, span_take_line(&rest))) {
			return -EINVAL;
		}
	}
	return vm_finish(&p);
}
