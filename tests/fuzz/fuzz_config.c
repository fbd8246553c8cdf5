// SPDX-License-Identifier: Apache-2.0
/* Any bytes as a configuration: a result within its bounds, or an error that says something. */
#include <stdlib.h>
#include <string.h>

#include "boot/config.h"

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

static void check_vm(const struct boot_info *info, const struct boot_vm *vm)
{
	require(vm->name[0] && text_ends(vm->name, sizeof(vm->name)));
	require(text_ends(vm->options, sizeof(vm->options)));
	require(vm->memory >= CONFIG_MEMORY_MIN && vm->memory <= CONFIG_MEMORY_MAX);
	require(vm->memory % CONFIG_MEMORY_UNIT == 0);
	require(vm->vcpus >= 1 && vm->vcpus <= CONFIG_VCPUS_MAX);
	require(vm->linux_module < info->module_count);
	require(vm->initrd_module < info->module_count || vm->initrd_module == BOOT_NO_MODULE);
	require(vm->line >= 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct boot_info info;
	struct config_error error;

	if (config_parse((const char *)data, size, &info, &error)) {
		require(text_ends(error.field, sizeof(error.field)));
		require(error.message[0] && text_ends(error.message, sizeof(error.message)));
		return 0;
	}
	require(info.config.vm_count >= 1 && info.config.vm_count <= CONFIG_VMS_RUNNABLE);
	require(info.config.timeout_s <= CONFIG_TIMEOUT_MAX_S);
	require(info.config.debug_exit_port <= 0xffff);
	require(info.module_count >= 1 && info.module_count <= BOOT_MAX_MODULES);
	for (u64 i = 0; i < info.module_count; i++) {
		require(info.modules[i].path[0]);
		require(text_ends(info.modules[i].path, BOOT_PATH_MAX));
	}
	for (u32 i = 0; i < info.config.vm_count; i++) {
		check_vm(&info, &info.config.vms[i]);
	}
	return 0;
}
