// SPDX-License-Identifier: Apache-2.0
/* Any bytes as a configuration: a result within its bounds, or an error that says something. */
#include <stdlib.h>
#include <string.h>

#include "boot/config.h"
#include "mm/bits.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition)
{
	if (!condition) {
		abort();
	}
}

static bool text_ends(const char *text, size_t size)
{
	return memchr(text, '\0', size) != NULL;
}

static const struct config_limits all = {
	.vms = BOOT_MAX_VMS,
	.vcpus = CONFIG_CPUS_MAX,
	.kinds = BIT(BOOT_IMAGE_KINDS) - 1,
	.cpus = true,
	.nested = true,
	.waiting = true,
	.front = true,
	.debug_port = true,
};

static void check_modules(const struct boot_info *info, const struct boot_vm *vm)
{
	bool takes = vm->kind == BOOT_IMAGE_MULTIBOOT || vm->kind == BOOT_IMAGE_PVH;

	require(vm->linux_module < info->module_count);
	require(vm->initrd_module < info->module_count || vm->initrd_module == BOOT_NO_MODULE);
	require(vm->module_count <= BOOT_VM_MODULES);
	require(takes ? vm->initrd_module == BOOT_NO_MODULE : !vm->module_count);
	for (u32 i = 0; i < vm->module_count; i++) {
		require(vm->modules[i].module < info->module_count);
		require(text_ends(vm->modules[i].text, BOOT_TEXT_MAX));
	}
}

static void check_vm(const struct boot_info *info, const struct boot_vm *vm,
		     const struct config_limits *limits)
{
	require(vm->name[0] && text_ends(vm->name, sizeof(vm->name)));
	require(text_ends(vm->options, sizeof(vm->options)));
	require(vm->memory >= CONFIG_MEMORY_MIN && vm->memory <= CONFIG_MEMORY_MAX);
	require(vm->memory % CONFIG_MEMORY_UNIT == 0);
	require(vm->vcpus >= 1 && vm->vcpus <= limits->vcpus);
	require(vm->kind < BOOT_IMAGE_KINDS && (limits->kinds & BIT(vm->kind)));
	require(limits->cpus || !vm->cpus);
	require(limits->nested || !(vm->flags & BOOT_VM_NESTED));
	require(limits->waiting || !(vm->flags & BOOT_VM_WAITING));
	require(vm->debug_exit_port <= (limits->debug_port ? 0xffff : 0));
	require(vm->line >= 1);
	check_modules(info, vm);
}

/* What one version accepts, every one that has more accepts, too. */
static bool check_limits(const uint8_t *data, size_t size, const struct config_limits *limits)
{
	static struct boot_info info;
	struct config_error error;

	if (config_parse((const char *)data, size, limits, &info, &error)) {
		require(text_ends(error.field, sizeof(error.field)));
		require(error.message[0] && text_ends(error.message, sizeof(error.message)));
		return false;
	}
	require(info.config.vm_count <= limits->vms);
	require(!info.config.front_vm || info.config.front_vm < info.config.vm_count);
	require(info.config.timeout_s <= CONFIG_TIMEOUT_MAX_S ||
		info.config.timeout_s == CONFIG_NO_TIMEOUT);
	require(info.config.debug_exit_port <= 0xffff);
	require(info.module_count <= BOOT_MAX_MODULES);
	for (u64 i = 0; i < info.module_count; i++) {
		require(info.modules[i].path[0]);
		require(text_ends(info.modules[i].path, BOOT_PATH_MAX));
	}
	for (u32 i = 0; i < info.config.vm_count; i++) {
		check_vm(&info, &info.config.vms[i], limits);
	}
	return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	bool good = check_limits(data, size, &all);

	require(!check_limits(data, size, &config_limits_x86_64) || good);
	require(!check_limits(data, size, &config_limits_arm64) || good);
	return 0;
}
