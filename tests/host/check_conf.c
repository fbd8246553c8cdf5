// SPDX-License-Identifier: Apache-2.0
/*
 * `make check-conf F=file`: the loader's parser, on the host. Says what Socle would make of a
 * configuration (exit status 0), or where it is wrong, as a compiler does (1).
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "boot/config.h"

static const char *const kind_names[BOOT_IMAGE_KINDS] = {
	[BOOT_IMAGE_LINUX] = "linux",
	[BOOT_IMAGE_ELF] = "elf",
	[BOOT_IMAGE_MULTIBOOT] = "multiboot",
	[BOOT_IMAGE_PVH] = "pvh",
	[BOOT_IMAGE_RAW] = "raw",
};

static void vm_show(const struct boot_info *info, const struct boot_vm *vm)
{
	printf("vm %s: %s %s, %lu MiB, %u vCPU%s", vm->name, kind_names[vm->kind],
	       info->modules[vm->linux_module].path, (unsigned long)(vm->memory >> 20), vm->vcpus,
	       vm->vcpus == 1 ? "" : "s");
	if (vm->initrd_module != BOOT_NO_MODULE) {
		printf(", initrd %s", info->modules[vm->initrd_module].path);
	}
	for (u32 i = 0; i < vm->module_count; i++) {
		printf(", module %s", info->modules[vm->modules[i].module].path);
	}
	if (vm->cpus) {
		printf(", CPU set %#lx", (unsigned long)vm->cpus);
	}
	if (vm->debug_exit_port) {
		printf(", debug exit at port %#x", vm->debug_exit_port);
	}
	printf("%s%s\n", vm->flags & BOOT_VM_NESTED ? ", nested" : "",
	       vm->flags & BOOT_VM_WAITING ? ", waits to be started" : "");
}

static int text_check(const char *path, const char *text, size_t size,
		      const struct config_limits *limits)
{
	static struct boot_info info;
	struct config_error error;

	if (config_parse(text, size, limits, &info, &error)) {
		fprintf(stderr, "%s:", path);
		if (error.line) {
			fprintf(stderr, "%u:", error.line);
		}
		fprintf(stderr, " %s%s%s\n", error.field, error.field[0] ? ": " : "",
			error.message);
		return 1;
	}
	if (!info.config.vm_count) {
		printf("no vm: the entries of \\loader\\entries are offered\n");
	}
	for (u32 i = 0; i < info.config.vm_count; i++) {
		vm_show(&info, &info.config.vms[i]);
	}
	return 0;
}

int main(int argc, char **argv)
{
	static char text[CONFIG_FILE_MAX + 1]; /* what is longer is refused for its length */
	const struct config_limits *limits = NULL;
	size_t size;
	FILE *file;

	if (argc == 3 && !strcmp(argv[1], "x86_64")) {
		limits = &config_limits_x86_64;
	} else if (argc == 3 && !strcmp(argv[1], "arm64")) {
		limits = &config_limits_arm64;
	}
	if (!limits) {
		fprintf(stderr, "usage: check_conf x86_64|arm64 FILE\n");
		return 2;
	}
	file = fopen(argv[2], "rb");
	if (!file) {
		fprintf(stderr, "%s: %s\n", argv[2], strerror(errno));
		return 2;
	}
	size = fread(text, 1, sizeof(text), file);
	if (ferror(file)) {
		fprintf(stderr, "%s: %s\n", argv[2], strerror(errno));
		fclose(file);
		return 2;
	}
	fclose(file);
	return text_check(argv[2], text, size, limits);
}
