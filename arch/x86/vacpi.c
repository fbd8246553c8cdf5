// SPDX-License-Identifier: Apache-2.0
/*
 * Places the compiled tables in the guest and links them. ACPI 6.4, "Root System Description
 * Pointer (RSDP)", "System Description Table Header", "Multiple APIC Description Table (MADT)".
 * The RSDT is there for kernels that know only ACPI 1.0.
 */
#include "arch/x86/vacpi.h"

#include <string.h>

#include "mm/bits.h"

#define CPUS_MAX   64u
#define ALIGN      64u /* as the FACS wants; the others are content */
#define XAPIC_LAST 0xfeu

/* Of tables.S. */
extern const u8 vacpi_facp[], vacpi_facp_end[];
extern const u8 vacpi_facs[], vacpi_facs_end[];
extern const u8 vacpi_apic[], vacpi_apic_end[];
extern const u8 vacpi_dsdt[], vacpi_dsdt_end[];

struct rsdp {
	char signature[8];
	u8 checksum; /* of the first RSDP_V1_SIZE bytes */
	char oem_id[6];
	u8 revision;
	u32 rsdt;
	u32 length;
	u32 xsdt_low, xsdt_high;
	u8 checksum_all;
	u8 reserved[3];
};

#define RSDP_V1_SIZE 20
static_assert(offsetof(struct rsdp, length) == RSDP_V1_SIZE, "ACPI 1.0 part");
static_assert(sizeof(struct rsdp) == 36, "RSDP");

struct sdt_header {
	char signature[4];
	u32 length;
	u8 revision, checksum;
	char oem_id[6], oem_table_id[8];
	u32 oem_revision;
	char creator_id[4];
	u32 creator_revision;
};

static_assert(sizeof(struct sdt_header) == 36, "table header");

enum { FADT_FACS = 36, FADT_DSDT = 40, FADT_X_DSDT = 140 };

/* MADT entries, one per CPU. */
struct madt_lapic {
	u8 type, length, uid, apic_id;
	u32 flags;
};

struct madt_x2apic {
	u8 type, length;
	u16 reserved;
	u32 apic_id, flags, uid;
};

enum { MADT_LAPIC = 0, MADT_X2APIC = 9, MADT_ENABLED = 1 };

struct image {
	u8 *buf;
	size_t size, used;
	u32 base;
	bool overflow;
};

static u8 checksum(const u8 *p, size_t n)
{
	u8 sum = 0;

	while (n--) {
		sum = (u8)(sum + *p++);
	}
	return (u8)-sum;
}

/* Appends @n bytes of @data. Returns their offset. */
static size_t image_add(struct image *im, const void *data, size_t n)
{
	size_t at = im->used;

	if (im->overflow || n > im->size - at) {
		im->overflow = true;
		return 0;
	}
	memcpy(im->buf + at, data, n);
	im->used = at + n;
	return at;
}

/* Starts a new table. */
static void image_align(struct image *im)
{
	static const u8 zero[ALIGN];

	image_add(im, zero, align_up(im->used, ALIGN) - im->used);
}

static u32 image_addr(const struct image *im, size_t at)
{
	return im->base + (u32)at;
}

/* Completes length and checksum of the table from @at to the end. */
static void sdt_finish(struct image *im, size_t at)
{
	u32 length = (u32)(im->used - at);

	if (im->overflow) {
		return;
	}
	memcpy(im->buf + at + offsetof(struct sdt_header, length), &length, sizeof(length));
	im->buf[at + offsetof(struct sdt_header, checksum)] = 0;
	im->buf[at + offsetof(struct sdt_header, checksum)] = checksum(im->buf + at, length);
}

static size_t blob_add(struct image *im, const u8 *first, const u8 *end)
{
	image_align(im);
	return image_add(im, first, (size_t)(end - first));
}

static u32 fadt_add(struct image *im)
{
	u32 facs = image_addr(im, blob_add(im, vacpi_facs, vacpi_facs_end));
	u32 dsdt = image_addr(im, blob_add(im, vacpi_dsdt, vacpi_dsdt_end));
	size_t at = blob_add(im, vacpi_facp, vacpi_facp_end);

	if (!im->overflow) {
		memcpy(im->buf + at + FADT_FACS, &facs, sizeof(facs));
		memcpy(im->buf + at + FADT_DSDT, &dsdt, sizeof(dsdt));
		memcpy(im->buf + at + FADT_X_DSDT, &dsdt, sizeof(dsdt));
	}
	sdt_finish(im, at);
	return image_addr(im, at);
}

static u32 madt_add(struct image *im, const struct vacpi_config *config)
{
	size_t at = blob_add(im, vacpi_apic, vacpi_apic_end);

	for (u32 i = 0; i < config->cpu_count; i++) {
		u32 id = config->apic_ids ? config->apic_ids[i] : i;
		struct madt_lapic lapic = {MADT_LAPIC, sizeof(lapic), (u8)i, (u8)id, MADT_ENABLED};
		struct madt_x2apic x2apic = {MADT_X2APIC, sizeof(x2apic), 0, id, MADT_ENABLED, i};

		if (id <= XAPIC_LAST) {
			image_add(im, &lapic, sizeof(lapic));
		} else {
			image_add(im, &x2apic, sizeof(x2apic));
		}
	}
	sdt_finish(im, at);
	return image_addr(im, at);
}

/* XSDT or RSDT: a header and the addresses, @width bytes each. */
static u32 root_add(struct image *im, const char *signature, size_t width, const u32 tables[2])
{
	struct sdt_header header;
	size_t at;

	memcpy(&header, vacpi_facp, sizeof(header)); /* ids as in the compiled tables */
	memcpy(header.signature, signature, sizeof(header.signature));
	header.revision = 1;
	image_align(im);
	at = image_add(im, &header, sizeof(header));
	for (unsigned i = 0; i < 2; i++) {
		u64 addr = tables[i];

		image_add(im, &addr, width); /* little-endian: the low half first */
	}
	sdt_finish(im, at);
	return image_addr(im, at);
}

size_t vacpi_build(void *buf, size_t size, gpa_t base, const struct vacpi_config *config)
{
	struct image im = {.buf = buf, .size = size, .base = (u32)base.v};
	struct rsdp rsdp = {
		.signature = {'R', 'S', 'D', ' ', 'P', 'T', 'R', ' '},
		.oem_id = {'S', 'O', 'C', 'L', 'E', ' '},
		.revision = 2,
		.length = sizeof(rsdp),
	};
	u32 tables[2];

	if (!config->cpu_count || config->cpu_count > CPUS_MAX || !is_aligned(base.v, ALIGN) ||
	    base.v >= BIT(32) || size > BIT(32) - base.v) {
		return 0;
	}
	image_add(&im, &rsdp, sizeof(rsdp));
	tables[0] = fadt_add(&im);
	tables[1] = madt_add(&im, config);
	rsdp.rsdt = root_add(&im, "RSDT", sizeof(u32), tables);
	rsdp.xsdt_low = root_add(&im, "XSDT", sizeof(u64), tables);
	if (im.overflow) {
		return 0;
	}
	rsdp.checksum = checksum((const u8 *)&rsdp, RSDP_V1_SIZE);
	rsdp.checksum_all = checksum((const u8 *)&rsdp, sizeof(rsdp));
	memcpy(buf, &rsdp, sizeof(rsdp));
	return im.used;
}
