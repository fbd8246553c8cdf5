// SPDX-License-Identifier: Apache-2.0
/*
 * UEFI's runtime services, called at the machine's end only: UEFI Specification 2.10, "Runtime
 * Services": ResetSystem() and SetVariable(), by the firmware's calling convention, at its own
 * addresses.
 */
#include "arch/x86/firmware.h"

#include "arch/cpu.h"
#include "arch/x86/hostpt.h"
#include "arch/x86/x86.h"
#include "mm/bits.h"

#define EFI_RESET_SHUTDOWN 2
#define EFI_ERROR_BIT      BIT(63)

static u64 set_variable;

void firmware_init(const struct boot_info *bi)
{
	set_variable = bi->efi_set_variable;
}

/*
 * The firmware knows neither SMEP nor SMAP, and may work in system management mode, whose interrupt
 * is held while GIF is 0 (APM volume 2, "Global Interrupt Flag, STGI and CLGI Instructions").
 */
static u64 firmware_enter(void)
{
	u64 cr4 = read_cr4();

	irq_disable();
	if (rdmsr(MSR_EFER) & EFER_SVME) {
		__asm__ volatile("stgi" ::: "memory");
	}
	hostpt_runtime(true);
	write_cr4(cr4 & ~(CR4_SMEP | CR4_SMAP));
	return cr4;
}

static void firmware_leave(u64 cr4)
{
	write_cr4(cr4);
	hostpt_runtime(false);
}

bool firmware_record_keep(const char *text, size_t size)
{
	typedef u64 __attribute__((ms_abi))
	set_variable_fn(const u16 *name, const struct boot_guid *guid, u32 attributes, u64 size,
			const void *data);
	static const u16 name[] = BOOT_CRASH_NAME;
	static const struct boot_guid guid = BOOT_CRASH_GUID;
	set_variable_fn *set = (set_variable_fn *)set_variable;
	u64 cr4, status;

	if (!set) {
		return false;
	}
	cr4 = firmware_enter();
	status = set(name, &guid, BOOT_CRASH_ATTRIBUTES, size, text);
	if (status & EFI_ERROR_BIT) {
		status = set(name, &guid, BOOT_CRASH_ATTRIBUTES, min_u64(size, BOOT_CRASH_MIN),
			     text);
	}
	firmware_leave(cr4);
	return !(status & EFI_ERROR_BIT);
}

void firmware_power_off(const struct boot_info *bi)
{
	typedef void __attribute__((ms_abi)) reset_fn(u32 type, u64 status, u64 size, void *data);
	u64 cr4;

	if (bi->efi_reset_system) {
		cr4 = firmware_enter();
		((reset_fn *)bi->efi_reset_system)(EFI_RESET_SHUTDOWN, 0, 0, NULL);
		firmware_leave(cr4);
	}
}
