// SPDX-License-Identifier: Apache-2.0
/*
 * The parser of the host's ACPI tables. Fields are read by offset from byte ranges that were
 * checked first (little-endian, any alignment); the offsets are the specification's.
 */
#include "vmm/acpi.h"

#include <errno.h>
#include <string.h>

#include "mm/bits.h"
#include "vmm/log.h"

/* "Root System Description Pointer (RSDP)" */
#define RSDP_V1_SIZE  20
#define RSDP_V2_SIZE  36
#define RSDP_REVISION 15
#define RSDP_RSDT     16
#define RSDP_XSDT     24

/* "System Description Table Header" */
#define HEADER_SIZE   36
#define HEADER_LENGTH 4

#define TABLE_LENGTH_MAX 0x100000 /* a MADT of a thousand CPUs has 20 KiB */
#define ROOT_ENTRIES_MAX 256

/* "Fixed ACPI Description Table (FADT)" */
#define FADT_DSDT         40
#define FADT_SCI_INT      46
#define FADT_SMI_CMD      48
#define FADT_ACPI_ENABLE  52
#define FADT_PM1A_CNT_BLK 64 /* PM1b's behind */
#define FADT_PM_TMR_BLK   76
#define FADT_PM_TMR_LEN   91
#define FADT_FLAGS        112
#define FADT_RESET_REG    116
#define FADT_RESET_VALUE  128
#define FADT_ARM_BOOT     129
#define FADT_X_DSDT       140
#define FADT_X_PM1A_CNT   172 /* PM1b's behind */
#define FADT_X_PM_TMR_BLK 208
#define ADDRESS_SIZE      12
#define FLAG_TMR_VAL_EXT  BIT(8)
#define FLAG_RESET_SUP    BIT(10)
#define ARM_PSCI          BIT(0)
#define ARM_PSCI_BY_HVC   BIT(1)

/* "AML Byte Stream Byte Values" */
#define AML_ZERO    0x00
#define AML_ONE     0x01
#define AML_NAME    0x08
#define AML_BYTE    0x0a
#define AML_PACKAGE 0x12
#define AML_ROOT    '\\'

/* "Multiple APIC Description Table (MADT)" */
#define MADT_LAPIC_BASE     36
#define MADT_ENTRIES        44
#define MADT_LAPIC          0
#define MADT_IOAPIC         1
#define MADT_OVERRIDE       2
#define MADT_LAPIC_OVERRIDE 5
#define MADT_X2APIC         9
#define MADT_GICC           0xb
#define MADT_GICD           0xc
#define MADT_GICR           0xe
#define MADT_ITS            0xf
#define LAPIC_ENABLED       BIT(0)
#define GICC_ENABLED        BIT(0)

/* "GIC CPU Interface (GICC) Structure", offsets in the entry */
#define GICC_FLAGS       12
#define GICC_MAINTENANCE 56
#define GICC_GICR_BASE   60
#define GICC_MPIDR       68

/* "Generic Timer Description Table (GTDT)" */
#define GTDT_PHYS 56
#define GTDT_VIRT 64
#define GTDT_HYP  72

/* "Serial Port Console Redirection Table" */
#define SPCR_TYPE     36
#define SPCR_ADDRESS  40
#define SPCR_IRQ_TYPE 52
#define SPCR_GSI      54
#define IRQ_TYPE_GSI  (BIT(1) | BIT(2) | BIT(3)) /* IOAPIC, IOSAPIC, Arm GIC */

/* A checked range of bytes. Reads beyond it give 0: older tables are shorter. */
struct bytes {
	const u8 *p;
	u64 size;
};

static u64 read_le(struct bytes b, u64 offset, u32 width)
{
	u64 value = 0;

	if (offset > b.size || width > b.size - offset) {
		return 0;
	}
	for (u32 i = 0; i < width; i++) {
		value |= (u64)b.p[offset + i] << (8 * i);
	}
	return value;
}

static u8 read_8(struct bytes b, u64 offset)
{
	return (u8)read_le(b, offset, 1);
}

static u16 read_16(struct bytes b, u64 offset)
{
	return (u16)read_le(b, offset, 2);
}

static u32 read_32(struct bytes b, u64 offset)
{
	return (u32)read_le(b, offset, 4);
}

/* "Access Size" of an address: byte, word, doubleword, quadword from 1 on. */
static u8 access_bytes(u8 code)
{
	return (u8)(code >= 1 && code <= 4 ? 1 << (code - 1) : 0);
}

static struct acpi_address read_address(struct bytes b, u64 offset)
{
	return (struct acpi_address){
		.space = read_8(b, offset),
		.bit_width = read_8(b, offset + 1),
		.access_bytes = access_bytes(read_8(b, offset + 3)),
		.address = read_le(b, offset + 4, 8),
	};
}

static bool window_get(const struct acpi_window *w, u64 address, u64 size, struct bytes *out)
{
	if (address < w->start || address - w->start > w->size ||
	    size > w->size - (address - w->start)) {
		return false;
	}
	if (w->reach) {
		w->reach(address, size);
	}
	*out = (struct bytes){(const u8 *)w->base + (address - w->start), size};
	return true;
}

static bool sums_to_zero(struct bytes b)
{
	u8 sum = 0;

	for (u64 i = 0; i < b.size; i++) {
		sum = (u8)(sum + b.p[i]);
	}
	return sum == 0;
}

/* The whole table at @address, its length and checksum right. */
static bool get_table(const struct acpi_window *w, u64 address, struct bytes *table)
{
	u32 length;

	if (!window_get(w, address, HEADER_SIZE, table)) {
		log_warn("ACPI: table at 0x%lx is out of reach", (unsigned long)address);
		return false;
	}
	length = read_32(*table, HEADER_LENGTH);
	if (length < HEADER_SIZE || length > TABLE_LENGTH_MAX ||
	    !window_get(w, address, length, table)) {
		log_warn("ACPI: table %.4s at 0x%lx: length %u is wrong", (const char *)table->p,
			 (unsigned long)address, (unsigned)length);
		return false;
	}
	if (!sums_to_zero(*table)) {
		log_warn("ACPI: table %.4s at 0x%lx: checksum is wrong", (const char *)table->p,
			 (unsigned long)address);
		return false;
	}
	return true;
}

/* A port, from the 64-bit field at @extended or, where that is empty, the 32-bit one at @field. */
static u16 read_port(struct bytes t, u64 extended, u64 field)
{
	struct acpi_address a = read_address(t, extended);

	if (a.address == 0) {
		a = (struct acpi_address){.address = read_32(t, field), .space = ACPI_SPACE_IO};
	}
	return a.space == ACPI_SPACE_IO && a.address <= 0xfffc ? (u16)a.address : 0;
}

static void parse_power(struct acpi_info *info, struct bytes t)
{
	u64 dsdt = read_le(t, FADT_X_DSDT, 8);

	for (u32 i = 0; i < 2; i++) {
		info->pm1_control[i] =
			read_port(t, FADT_X_PM1A_CNT + i * ADDRESS_SIZE, FADT_PM1A_CNT_BLK + i * 4);
	}
	if (read_32(t, FADT_SMI_CMD) <= 0xffff) {
		info->smi_command = read_16(t, FADT_SMI_CMD);
		info->acpi_enable = read_8(t, FADT_ACPI_ENABLE);
	}
	info->dsdt = dsdt ? dsdt : read_32(t, FADT_DSDT);
}

static void parse_fadt(struct acpi_info *info, struct bytes t)
{
	u32 flags = read_32(t, FADT_FLAGS);

	info->has_fadt = true;
	info->sci_irq = read_16(t, FADT_SCI_INT);
	info->pm_timer_bits = flags & FLAG_TMR_VAL_EXT ? 32 : 24;
	info->pm_timer_port = read_port(t, FADT_X_PM_TMR_BLK,
					read_8(t, FADT_PM_TMR_LEN) == 4 ? FADT_PM_TMR_BLK : t.size);
	parse_power(info, t);
	if (flags & FLAG_RESET_SUP) {
		info->reset_register = read_address(t, FADT_RESET_REG);
		info->reset_value = read_8(t, FADT_RESET_VALUE);
	}
	info->has_psci = read_16(t, FADT_ARM_BOOT) & ARM_PSCI;
	info->psci_by_hvc = read_16(t, FADT_ARM_BOOT) & ARM_PSCI_BY_HVC;
}

static void add_cpu(struct acpi_info *info, u32 apic_id, u32 flags)
{
	if (!(flags & LAPIC_ENABLED)) {
		return;
	}
	for (u32 i = 0; i < info->cpu_count; i++) {
		if (info->cpu_apic_ids[i] == apic_id) {
			return; /* firmware may list a CPU in both forms */
		}
	}
	if (info->cpu_count < ACPI_MAX_CPUS) {
		info->cpu_apic_ids[info->cpu_count++] = apic_id;
	}
}

static void add_ioapic(struct acpi_info *info, struct bytes e)
{
	if (info->ioapic_count < ACPI_MAX_IOAPICS) {
		info->ioapics[info->ioapic_count++] = (struct acpi_ioapic){
			.id = read_8(e, 2), .address = read_32(e, 4), .gsi_base = read_32(e, 8)};
	}
}

static void add_override(struct acpi_info *info, struct bytes e)
{
	if (info->override_count < ACPI_MAX_OVERRIDES && read_8(e, 2) == 0) {
		info->overrides[info->override_count++] = (struct acpi_override){
			.isa_irq = read_8(e, 3), .gsi = read_32(e, 4), .flags = read_16(e, 8)};
	}
}

static void add_gicc(struct acpi_info *info, struct bytes e)
{
	if ((read_32(e, GICC_FLAGS) & GICC_ENABLED) && info->gicc_count < ACPI_MAX_CPUS) {
		info->giccs[info->gicc_count++] =
			(struct acpi_gicc){.mpidr = read_le(e, GICC_MPIDR, 8),
					   .gicr_base = read_le(e, GICC_GICR_BASE, 8),
					   .maintenance_gsi = read_32(e, GICC_MAINTENANCE)};
	}
}

static void add_gicr(struct acpi_info *info, struct bytes e)
{
	if (info->gicr_count < ACPI_MAX_GICRS) {
		info->gicrs[info->gicr_count++] =
			(struct acpi_gicr){.base = read_le(e, 4, 8), .size = read_32(e, 12)};
	}
}

static void add_its(struct acpi_info *info, struct bytes e)
{
	if (info->its_count < ACPI_MAX_ITS) {
		info->its[info->its_count++] = read_le(e, 8, 8);
	}
}

/* The smallest length of each entry type that we read. */
static u8 madt_entry_size(u8 type)
{
	switch (type) {
	case MADT_LAPIC:
		return 8;
	case MADT_IOAPIC:
	case MADT_LAPIC_OVERRIDE:
		return 12;
	case MADT_OVERRIDE:
		return 10;
	case MADT_X2APIC:
	case MADT_GICR:
		return 16;
	case MADT_ITS:
		return 20;
	case MADT_GICD:
		return 24;
	case MADT_GICC:
		return 76; /* ACPI 5.1's: up to the MPIDR */
	default:
		return 2;
	}
}

static void parse_madt_entry(struct acpi_info *info, struct bytes e)
{
	switch (read_8(e, 0)) {
	case MADT_LAPIC:
		add_cpu(info, read_8(e, 3), read_32(e, 4));
		break;
	case MADT_X2APIC:
		add_cpu(info, read_32(e, 4), read_32(e, 8));
		break;
	case MADT_IOAPIC:
		add_ioapic(info, e);
		break;
	case MADT_OVERRIDE:
		add_override(info, e);
		break;
	case MADT_LAPIC_OVERRIDE:
		info->lapic_base = read_le(e, 4, 8);
		break;
	case MADT_GICC:
		add_gicc(info, e);
		break;
	case MADT_GICD:
		info->gicd_base = read_le(e, 8, 8);
		info->gic_version = read_8(e, 20);
		break;
	case MADT_GICR:
		add_gicr(info, e);
		break;
	case MADT_ITS:
		add_its(info, e);
		break;
	default:
		break;
	}
}

static void parse_madt(struct acpi_info *info, struct bytes t)
{
	u64 offset = MADT_ENTRIES;

	info->has_madt = true;
	info->lapic_base = read_32(t, MADT_LAPIC_BASE);
	while (offset + 2 <= t.size) {
		u8 type = t.p[offset], length = t.p[offset + 1];

		if (length < madt_entry_size(type) || length > t.size - offset) {
			log_warn("ACPI: table APIC: entry of type %u at offset %lu: length %u is "
				 "wrong",
				 type, (unsigned long)offset, length);
			return;
		}
		parse_madt_entry(info, (struct bytes){t.p + offset, length});
		offset += length;
	}
}

static void parse_spcr(struct acpi_info *info, struct bytes t)
{
	info->has_spcr = true;
	info->serial_type = read_8(t, SPCR_TYPE);
	info->serial = read_address(t, SPCR_ADDRESS);
	if (read_8(t, SPCR_IRQ_TYPE) & IRQ_TYPE_GSI) {
		info->serial_gsi = read_32(t, SPCR_GSI);
	}
}

static void parse_gtdt(struct acpi_info *info, struct bytes t)
{
	info->has_gtdt = true;
	info->timer_phys_gsi = read_32(t, GTDT_PHYS);
	info->timer_virt_gsi = read_32(t, GTDT_VIRT);
	info->timer_hyp_gsi = read_32(t, GTDT_HYP);
}

/* A number of AML's at *@at, which moves behind it. */
static bool read_aml_byte(struct bytes t, u64 *at, u8 *value)
{
	u8 op = read_8(t, *at);

	if (op != AML_ZERO && op != AML_ONE && op != AML_BYTE) {
		return false;
	}
	*value = op == AML_BYTE ? read_8(t, *at + 1) : op;
	*at += op == AML_BYTE ? 2 : 1;
	return *at <= t.size;
}

/* Name (\_S5, Package () {a, b, ...}): "Type 1 Opcodes Encoding", "Package Length Encoding". */
static bool parse_s5(struct acpi_info *info, struct bytes t, u64 name)
{
	u64 before = name - (t.p[name - 1] == AML_ROOT), at = name + 4;

	if (t.p[before - 1] != AML_NAME || read_8(t, at) != AML_PACKAGE) {
		return false;
	}
	at += 1;
	at += 1 + (read_8(t, at) >> 6); /* the length, of up to four bytes */
	return read_8(t, at++) >= 2 && read_aml_byte(t, &at, &info->s5_type[0]) &&
	       read_aml_byte(t, &at, &info->s5_type[1]);
}

/* Of a table of definitions: DSDT or, as of SeaBIOS, an SSDT. */
static void find_s5(struct acpi_info *info, struct bytes t)
{
	for (u64 at = HEADER_SIZE; at + 4 <= t.size && !info->has_s5; at++) {
		info->has_s5 = memcmp(t.p + at, "_S5_", 4) == 0 && parse_s5(info, t, at);
	}
}

/* The first table of a kind counts. */
static void parse_table(struct acpi_info *info, struct bytes t)
{
	if (memcmp(t.p, "FACP", 4) == 0 && !info->has_fadt) {
		parse_fadt(info, t);
	} else if (memcmp(t.p, "APIC", 4) == 0 && !info->has_madt) {
		parse_madt(info, t);
	} else if (memcmp(t.p, "SPCR", 4) == 0 && !info->has_spcr) {
		parse_spcr(info, t);
	} else if (memcmp(t.p, "GTDT", 4) == 0 && !info->has_gtdt) {
		parse_gtdt(info, t);
	}
	if (memcmp(t.p, "SSDT", 4) == 0) {
		find_s5(info, t);
	}
	info->has_dmar |= memcmp(t.p, "DMAR", 4) == 0;
	info->has_ivrs |= memcmp(t.p, "IVRS", 4) == 0;
	info->has_iort |= memcmp(t.p, "IORT", 4) == 0;
}

/* XSDT (entries of 8 bytes) or RSDT (of 4). */
static bool parse_root(struct acpi_info *info, const struct acpi_window *w, u64 root, u32 width)
{
	struct bytes t, entry;

	if (!get_table(w, root, &t) || memcmp(t.p, width == 8 ? "XSDT" : "RSDT", 4) != 0) {
		return false;
	}
	for (u32 i = 0; i < ROOT_ENTRIES_MAX; i++) {
		u64 offset = HEADER_SIZE + (u64)i * width;

		if (offset + width > t.size) {
			break;
		}
		if (get_table(w, read_le(t, offset, width), &entry)) {
			parse_table(info, entry);
		}
	}
	return true;
}

static bool get_rsdp(const struct acpi_window *w, u64 address, struct bytes *rsdp)
{
	struct bytes v1;

	if (!window_get(w, address, RSDP_V1_SIZE, &v1) || memcmp(v1.p, "RSD PTR ", 8) != 0 ||
	    !sums_to_zero(v1)) {
		return false;
	}
	*rsdp = v1;
	/* The extended checksum covers the first 36 bytes and decides whether there is an XSDT. */
	if (read_8(v1, RSDP_REVISION) >= 2) {
		struct bytes v2;

		if (window_get(w, address, RSDP_V2_SIZE, &v2) && sums_to_zero(v2)) {
			*rsdp = v2;
		}
	}
	return true;
}

int acpi_init(struct acpi_info *info, u64 rsdp_address, const struct acpi_window *window)
{
	struct bytes rsdp, dsdt;
	u64 xsdt, rsdt;

	memset(info, 0, sizeof(*info));
	if (!get_rsdp(window, rsdp_address, &rsdp)) {
		log_warn("ACPI: no usable RSDP at 0x%lx", (unsigned long)rsdp_address);
		return -ENOENT;
	}
	xsdt = read_le(rsdp, RSDP_XSDT, 8);
	rsdt = read_32(rsdp, RSDP_RSDT);
	if (!(xsdt && parse_root(info, window, xsdt, 8)) &&
	    !(rsdt && parse_root(info, window, rsdt, 4))) {
		log_warn("ACPI: neither XSDT nor RSDT is usable");
		return -ENOENT;
	}
	if (info->dsdt && get_table(window, info->dsdt, &dsdt)) {
		find_s5(info, dsdt);
	}
	return 0;
}

u32 acpi_isa_gsi(const struct acpi_info *info, u8 irq, u16 *flags)
{
	for (u32 i = 0; i < info->override_count; i++) {
		if (info->overrides[i].isa_irq == irq) {
			*flags = info->overrides[i].flags;
			return info->overrides[i].gsi;
		}
	}
	*flags = 0;
	return irq;
}
