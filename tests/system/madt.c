// SPDX-License-Identifier: Apache-2.0
/*
 * A UEFI application that gives a machine whose firmware has no ACPI tables (Bochs' before 3.1) a
 * MADT with its CPUs and its I/O APIC, and then starts \EFI\BOOT\SOCLE.EFI from its own volume.
 * ACPI 6.5, "Root System Description Pointer (RSDP)", "Multiple APIC Description Table (MADT)";
 * UEFI PI 1.8, volume 2, "MP Services Protocol".
 */
#include "tests/system/chain.h"

#define MP_SERVICES                                                    \
	{                                                              \
		0x3fdda605, 0xa76e, 0x4f46,                            \
		{                                                      \
			0xad, 0x29, 0x12, 0xf4, 0x53, 0x1b, 0x3d, 0x08 \
		}                                                      \
	}
#define CPUS_MAX       64
#define LAPIC_ADDRESS  0xfee00000
#define IOAPIC_ADDRESS 0xfec00000
#define PCAT_COMPAT    1 /* there is an 8259, too */
#define CPU_ENABLED    1

EFI_STATUS efi_main(EFI_HANDLE image, EFI_SYSTEM_TABLE *table);

struct header {
	CHAR8 signature[4];
	UINT32 length;
	UINT8 revision, checksum;
	CHAR8 oem[6], oem_table[8];
	UINT32 oem_revision, creator, creator_revision;
} __attribute__((packed));

struct tables {
	struct {
		CHAR8 signature[8];
		UINT8 checksum;
		CHAR8 oem[6];
		UINT8 revision;
		UINT32 rsdt, length;
		UINT64 xsdt;
		UINT8 checksum_all, reserved[3];
	} __attribute__((packed)) rsdp;
	struct {
		struct header header;
		UINT64 madt;
	} __attribute__((packed)) xsdt;
	struct {
		struct header header;
		UINT32 lapic, flags;
		struct {
			UINT8 type, length, id, reserved;
			UINT32 address, gsi;
		} __attribute__((packed)) ioapic;
		struct {
			UINT8 type, length, uid, apic_id;
			UINT32 flags;
		} __attribute__((packed)) cpu[CPUS_MAX];
	} __attribute__((packed)) madt;
};

struct mp_services {
	EFI_STATUS(EFIAPI *count)(struct mp_services *this, UINTN *all, UINTN *enabled);
};

static UINT8 checksum(const void *bytes, UINTN size)
{
	UINT8 sum = 0;

	for (UINTN i = 0; i < size; i++) {
		sum = (UINT8)(sum + ((const UINT8 *)bytes)[i]);
	}
	return (UINT8)-sum;
}

static void header_make(struct header *h, const char *signature, UINT8 revision, UINTN size)
{
	CopyMem(h->signature, signature, sizeof(h->signature));
	CopyMem(h->oem, "SOCLE ", sizeof(h->oem));
	CopyMem(h->oem_table, "TEST    ", sizeof(h->oem_table));
	h->revision = revision;
	h->length = (UINT32)size;
	h->checksum = checksum(h, size);
}

/* APIC ids as Bochs and QEMU give them: 0, 1, ...; the I/O APIC's comes after them. */
static void tables_make(struct tables *t, UINTN cpus)
{
	t->madt.lapic = LAPIC_ADDRESS;
	t->madt.flags = PCAT_COMPAT;
	t->madt.ioapic.type = 1;
	t->madt.ioapic.length = sizeof(t->madt.ioapic);
	t->madt.ioapic.id = (UINT8)cpus;
	t->madt.ioapic.address = IOAPIC_ADDRESS;
	for (UINTN i = 0; i < cpus; i++) {
		t->madt.cpu[i].length = sizeof(t->madt.cpu[i]);
		t->madt.cpu[i].uid = t->madt.cpu[i].apic_id = (UINT8)i;
		t->madt.cpu[i].flags = CPU_ENABLED;
	}
	header_make(&t->madt.header, "APIC", 5,
		    sizeof(t->madt) - (CPUS_MAX - cpus) * sizeof(t->madt.cpu[0]));
	t->xsdt.madt = (UINTN)&t->madt;
	header_make(&t->xsdt.header, "XSDT", 1, sizeof(t->xsdt));
	CopyMem(t->rsdp.signature, "RSD PTR ", sizeof(t->rsdp.signature));
	t->rsdp.revision = 2;
	t->rsdp.length = sizeof(t->rsdp);
	t->rsdp.xsdt = (UINTN)&t->xsdt;
	t->rsdp.checksum = checksum(&t->rsdp, 20);
	t->rsdp.checksum_all = checksum(&t->rsdp, sizeof(t->rsdp));
}

static EFI_STATUS tables_install(void)
{
	EFI_GUID mp_guid = MP_SERVICES, acpi_guid = ACPI_20_TABLE_GUID;
	EFI_PHYSICAL_ADDRESS pages = 0;
	struct mp_services *mp;
	UINTN cpus, enabled;
	EFI_STATUS status = BS->LocateProtocol(&mp_guid, NULL, (void **)&mp);

	status = EFI_ERROR(status) ? status : mp->count(mp, &cpus, &enabled);
	if (EFI_ERROR(status) || cpus > CPUS_MAX) {
		return EFI_UNSUPPORTED;
	}
	status = BS->AllocatePages(AllocateAnyPages, EfiACPIReclaimMemory,
				   EFI_SIZE_TO_PAGES(sizeof(struct tables)), &pages);
	if (EFI_ERROR(status)) {
		return status;
	}
	ZeroMem((void *)pages, sizeof(struct tables));
	tables_make((struct tables *)pages, cpus);
	return BS->InstallConfigurationTable(&acpi_guid, (void *)pages);
}

EFI_STATUS efi_main(EFI_HANDLE image, EFI_SYSTEM_TABLE *table)
{
	EFI_STATUS status;

	InitializeLib(image, table);
	status = tables_install();
	status = EFI_ERROR(status) ? status : socle_start(image);
	Print(L"madt: %r\n", status);
	return status;
}
