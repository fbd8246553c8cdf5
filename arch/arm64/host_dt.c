// SPDX-License-Identifier: Apache-2.0
/*
 * The host by its device tree. libfdt checks the whole tree first; what its properties say is
 * checked here. Two walks: the interrupt controller, then all that refers to it.
 *
 * Devicetree Specification 0.4, "Standard Properties" and "Interrupts and Interrupt Mapping"; the
 * bindings of arm,gic-v3, arm,arch_timer, arm,psci, arm,pl011, 8250. Not read: interrupt nexuses.
 */
#include <errno.h>
#include <libfdt.h>
#include <string.h>

#include "arch/arm64/host_info.h"
#include "mm/bits.h"
#include "vmm/log.h"

#define DEPTH_MAX 12
#define NO_RANGES (-1)

/* arm,gic-v3: first cell of an interrupt specifier. */
enum { CELL_SPI, CELL_PPI, CELL_ESPI, CELL_EPPI };
#define GIC_CELLS 3

/* What a node says of its children. */
struct level {
	u32 address_cells, size_cells;
	const fdt32_t *ranges;
	int ranges_size; /* 0: one to one */
	u32 interrupt_parent;
	bool off; /* it, or a node above, is not in use */
};

struct reader {
	const void *fdt;
	struct host_info *host;
	int depth; /* of the node that the walk is at */
	struct level level[DEPTH_MAX];
	u32 gic_phandle, gic_cells;
	int stdout_node; /* negative: not told */
};

static u64 read_cells(const fdt32_t *p, u32 count)
{
	u64 v = 0;

	for (u32 i = 0; i < count; i++) {
		v = v << 32 | fdt32_ld(p + i);
	}
	return v;
}

static const fdt32_t *get_cells(const struct reader *r, int node, const char *name, int *size)
{
	return fdt_getprop(r->fdt, node, name, size);
}

static u32 get_cell(const struct reader *r, int node, const char *name, u32 absent)
{
	int size;
	const fdt32_t *p = get_cells(r, node, name, &size);

	return p && size >= 4 ? fdt32_ld(p) : absent;
}

/* Properties are not sure to end in NUL; libfdt's string lists check that. */
static const char *get_string(const struct reader *r, int node, const char *name)
{
	return fdt_stringlist_get(r->fdt, node, name, 0, NULL);
}

static bool is_string(const struct reader *r, int node, const char *name, const char *val)
{
	const char *s = get_string(r, node, name);

	return s && strcmp(s, val) == 0;
}

static bool is_one_of(const struct reader *r, int node, const char *const *list, u32 count)
{
	for (u32 i = 0; i < count; i++) {
		if (fdt_node_check_compatible(r->fdt, node, list[i]) == 0) {
			return true;
		}
	}
	return false;
}

#define IS_ONE_OF(r, node, list) is_one_of(r, node, list, ARRAY_SIZE(list))

static bool is_in_use(const struct reader *r, int node)
{
	return !fdt_getprop(r->fdt, node, "status", NULL) || is_string(r, node, "status", "okay") ||
	       is_string(r, node, "status", "ok");
}

static void enter_node(struct reader *r, int node)
{
	struct level *own = &r->level[r->depth];
	const struct level *above = r->depth ? own - 1 : NULL;

	own->address_cells = get_cell(r, node, "#address-cells", 2);
	own->size_cells = get_cell(r, node, "#size-cells", 1);
	own->ranges = get_cells(r, node, "ranges", &own->ranges_size);
	if (!own->ranges) {
		own->ranges_size = NO_RANGES;
	}
	own->interrupt_parent =
		get_cell(r, node, "interrupt-parent", above ? above->interrupt_parent : 0);
	own->off = (above && above->off) || !is_in_use(r, node);
}

static int first_node(struct reader *r)
{
	r->depth = 0;
	enter_node(r, 0);
	return 0;
}

/* The next node in use, r->depth its depth; negative: no more. */
static int next_node(struct reader *r, int node)
{
	for (;;) {
		node = fdt_next_node(r->fdt, node, &r->depth);
		if (node < 0 || r->depth <= 0) {
			return -1;
		}
		if (r->depth >= DEPTH_MAX) {
			continue;
		}
		enter_node(r, node);
		if (!r->level[r->depth].off) {
			return node;
		}
	}
}

/* @region of a bus's children, seen from above the bus. */
static bool translate(const struct level *bus, const struct level *above,
		      struct host_region *region)
{
	u32 cells = bus->address_cells + above->address_cells + bus->size_cells;
	const fdt32_t *p = bus->ranges;

	if (bus->ranges_size <= 0) {
		return bus->ranges_size == 0;
	}
	for (int i = 0; i < bus->ranges_size / (int)(4 * cells); i++, p += cells) {
		u64 child = read_cells(p, bus->address_cells);
		u64 parent = read_cells(p + bus->address_cells, above->address_cells);
		u64 size = read_cells(p + cells - bus->size_cells, bus->size_cells);

		if (region->base >= child && region->base - child < size &&
		    region->size <= size - (region->base - child)) {
			region->base = parent + (region->base - child);
			return true;
		}
	}
	return false;
}

static bool are_cells_sane(const struct level *l)
{
	return l->address_cells >= 1 && l->address_cells <= 2 && l->size_cells <= 2;
}

/* Entry @index of @node's reg as physical addresses. */
static bool get_reg(const struct reader *r, int node, u32 index, struct host_region *region)
{
	const struct level *bus = &r->level[r->depth - 1];
	u32 cells = bus->address_cells + bus->size_cells;
	int size;
	const fdt32_t *p = get_cells(r, node, "reg", &size);

	if (!p || !are_cells_sane(bus) || ((u64)index + 1) * cells * 4 > (u64)size) {
		return false;
	}
	p += (size_t)index * cells;
	region->base = read_cells(p, bus->address_cells);
	region->size = read_cells(p + bus->address_cells, bus->size_cells);
	for (; bus > r->level; bus--) {
		if (!are_cells_sane(bus - 1) || !translate(bus, bus - 1, region)) {
			return false;
		}
	}
	return region->base + region->size >= region->base;
}

static u32 to_intid(const fdt32_t *spec)
{
	u32 kind = fdt32_ld(spec), number = fdt32_ld(spec + 1);

	switch (kind) {
	case CELL_SPI:
		return number < 988 ? 32 + number : 0;
	case CELL_PPI:
		return number < 16 ? 16 + number : 0;
	case CELL_ESPI:
		return number < 1024 ? 4096 + number : 0;
	case CELL_EPPI:
		return number < 64 ? 1056 + number : 0;
	default:
		return 0;
	}
}

/* The INTID of @node's interrupt @index, 0: none at the GIC. */
static u32 get_interrupt(const struct reader *r, int node, u32 index)
{
	u32 cells = r->gic_cells, skip = 0;
	int size;
	const fdt32_t *p = get_cells(r, node, "interrupts-extended", &size);

	if (p) {
		skip = 1; /* each specifier has its own phandle in front */
	} else {
		p = get_cells(r, node, "interrupts", &size);
	}
	if (!p || cells < GIC_CELLS || ((u64)index + 1) * (skip + cells) * 4 > (u64)size) {
		return 0;
	}
	/* An extended list is followed as long as it refers to the GIC alone. */
	for (u32 i = 0; skip && i < index; i++) {
		if (fdt32_ld(p + (size_t)i * (1 + cells)) != r->gic_phandle) {
			return 0;
		}
	}
	p += (size_t)index * (skip + cells);
	if ((skip ? fdt32_ld(p) : r->level[r->depth].interrupt_parent) != r->gic_phandle) {
		return 0;
	}
	return to_intid(p + skip);
}

/* Redistributor regions follow the distributor in reg. */
static void take_gicv3(struct reader *r, int node)
{
	struct host_info *host = r->host;
	u32 regions = get_cell(r, node, "#redistributor-regions", 1);
	int size;
	const fdt32_t *stride = get_cells(r, node, "redistributor-stride", &size);

	if (!get_reg(r, node, 0, &host->gicd)) {
		log_warn("device tree: GICv3: reg is wrong");
		return;
	}
	host->gic_version = 3;
	for (u32 i = 0; i < regions && i < HOST_MAX_GICR; i++) {
		if (!get_reg(r, node, i + 1, &host->gicr[i])) {
			log_warn("device tree: GICv3: reg has no redistributor region %u",
				 (unsigned)i);
			break;
		}
		host->gicr_count = i + 1;
	}
	if (stride && (size == 4 || size == 8)) {
		host->gicr_stride = read_cells(stride, (u32)size / 4);
	}
}

/* GICv2's interrupt specifiers are the same: a machine that has one is told of that alone. */
static void take_interrupts(struct reader *r, int node)
{
	r->gic_phandle = fdt_get_phandle(r->fdt, node);
	r->gic_cells = get_cell(r, node, "#interrupt-cells", 0);
	r->host->maintenance_irq = get_interrupt(r, node, 0);
}

static void find_gic(struct reader *r)
{
	static const char *const gicv3[] = {"arm,gic-v3"};
	static const char *const gicv2[] = {"arm,gic-400", "arm,cortex-a15-gic",
					    "arm,cortex-a9-gic", "arm,cortex-a7-gic"};
	struct host_info *host = r->host;

	for (int node = first_node(r); node >= 0; node = next_node(r, node)) {
		if (r->depth == 0) {
			continue;
		}
		if (host->gic_version != 3 && IS_ONE_OF(r, node, gicv3)) {
			take_gicv3(r, node);
			take_interrupts(r, node);
		} else if (host->gic_version == 0 && IS_ONE_OF(r, node, gicv2)) {
			host->gic_version = 2;
			(void)get_reg(r, node, 0, &host->gicd);
			take_interrupts(r, node);
		}
	}
}

/* By name where the node has names, else at the place that the binding fixes. */
static u32 timer_irq(const struct reader *r, int node, const char *name, u32 place)
{
	int found;

	if (fdt_getprop(r->fdt, node, "interrupt-names", NULL)) {
		found = fdt_stringlist_search(r->fdt, node, "interrupt-names", name);
		return found < 0 ? 0 : get_interrupt(r, node, (u32)found);
	}
	return get_interrupt(r, node, place);
}

static void take_timer(const struct reader *r, int node)
{
	r->host->timer_phys_irq = timer_irq(r, node, "phys", 1);
	r->host->timer_virt_irq = timer_irq(r, node, "virt", 2);
	r->host->timer_hyp_irq = timer_irq(r, node, "hyp-phys", 3);
}

static void take_psci(const struct reader *r, int node)
{
	if (is_string(r, node, "method", "smc")) {
		r->host->psci = HOST_PSCI_SMC;
	} else if (is_string(r, node, "method", "hvc")) {
		r->host->psci = HOST_PSCI_HVC;
	}
}

static void take_cpu(const struct reader *r, int node)
{
	struct host_info *host = r->host;
	u32 cells = r->level[r->depth - 1].address_cells;
	int size;
	const fdt32_t *p = get_cells(r, node, "reg", &size);

	if (!p || cells < 1 || cells > 2 || (u32)size < cells * 4) {
		log_warn("device tree: CPU without a right reg");
	} else if (host->cpu_count < HOST_MAX_CPUS) {
		host->cpu_mpidr[host->cpu_count++] = read_cells(p, cells);
	}
}

static void take_its(const struct reader *r, int node)
{
	struct host_info *host = r->host;
	struct host_region region;

	if (host->its_count < HOST_MAX_ITS && get_reg(r, node, 0, &region)) {
		host->its[host->its_count++] = region.base;
	}
}

static enum host_uart_kind uart_kind(const struct reader *r, int node)
{
	static const char *const pl011[] = {"arm,pl011"};
	static const char *const sbsa[] = {"arm,sbsa-uart"};
	static const char *const ns16550[] = {"ns16550a", "ns16550", "snps,dw-apb-uart", "ns16850",
					      "ns16450"};

	if (IS_ONE_OF(r, node, pl011)) {
		return HOST_UART_PL011;
	}
	if (IS_ONE_OF(r, node, sbsa)) {
		return HOST_UART_SBSA;
	}
	return IS_ONE_OF(r, node, ns16550) ? HOST_UART_16550 : HOST_UART_NONE;
}

static void take_uart(const struct reader *r, int node, enum host_uart_kind kind)
{
	struct host_region region;
	u32 width = 4, shift = 0;

	if (!get_reg(r, node, 0, &region)) {
		log_warn("device tree: serial port's reg is wrong");
		return;
	}
	if (kind == HOST_UART_16550) {
		width = get_cell(r, node, "reg-io-width", 1);
		shift = get_cell(r, node, "reg-shift", 0);
		region.base += get_cell(r, node, "reg-offset", 0);
	}
	if ((width != 1 && width != 2 && width != 4) || shift > 4) {
		log_warn("device tree: serial port with registers of %u bytes, shift %u",
			 (unsigned)width, (unsigned)shift);
		return;
	}
	r->host->uart = (struct host_uart){
		.kind = kind,
		.base = region.base,
		.irq = get_interrupt(r, node, 0),
		.reg_width = (u8)width,
		.reg_shift = (u8)shift,
	};
}

/* What the alias of @len characters stands for, a path; NULL: there is none. */
static const char *find_alias(const void *fdt, const char *name, int len)
{
	int aliases = fdt_path_offset(fdt, "/aliases"), size;
	const char *path;

	if (aliases < 0) {
		return NULL;
	}
	/* Not fdt_get_alias and the like: an alias of itself would keep libfdt busy for ever. */
	path = fdt_getprop_namelen(fdt, aliases, name, len, &size);
	return path && size > 0 && path[0] == '/' && path[size - 1] == '\0' ? path : NULL;
}

/* "/chosen Node": a path or an alias, options behind a colon. */
static int find_stdout(const void *fdt)
{
	int chosen = fdt_path_offset(fdt, "/chosen"), len;
	const char *path;

	if (chosen < 0) {
		return -1;
	}
	path = fdt_stringlist_get(fdt, chosen, "stdout-path", 0, NULL);
	if (!path) {
		path = fdt_stringlist_get(fdt, chosen, "linux,stdout-path", 0, NULL);
	}
	if (!path) {
		return -1;
	}
	len = (int)strcspn(path, ":");
	if (path[0] == '/') {
		return fdt_path_offset_namelen(fdt, path, len);
	}
	path = find_alias(fdt, path, len);
	return path ? fdt_path_offset(fdt, path) : -1;
}

/* The console's port; where none is named, the first that we know. */
static void consider_uart(const struct reader *r, int node)
{
	enum host_uart_kind kind;

	if (r->host->uart.kind != HOST_UART_NONE ||
	    (r->stdout_node >= 0 && r->stdout_node != node)) {
		return;
	}
	kind = uart_kind(r, node);
	if (kind != HOST_UART_NONE) {
		take_uart(r, node, kind);
	} else if (r->stdout_node == node) {
		log_warn("device tree: stdout-path: %s is not supported",
			 get_string(r, node, "compatible") ? get_string(r, node, "compatible")
							   : "a node without compatible");
	}
}

static void find_rest(struct reader *r)
{
	static const char *const timer[] = {"arm,armv8-timer", "arm,armv7-timer"};
	static const char *const psci[] = {"arm,psci-1.0", "arm,psci-0.2", "arm,psci"};
	static const char *const its[] = {"arm,gic-v3-its"};

	for (int node = first_node(r); node >= 0; node = next_node(r, node)) {
		if (r->depth == 0) {
			continue;
		}
		if (IS_ONE_OF(r, node, timer)) {
			take_timer(r, node);
		} else if (IS_ONE_OF(r, node, psci)) {
			take_psci(r, node);
		} else if (IS_ONE_OF(r, node, its)) {
			take_its(r, node);
		} else if (is_string(r, node, "device_type", "cpu")) {
			take_cpu(r, node);
		} else {
			consider_uart(r, node);
		}
	}
}

/* "Flattened Devicetree (DTB) Format", "Alignment": libfdt takes it for granted. */
static bool are_blocks_aligned(const void *fdt, u64 size)
{
	return is_aligned((uintptr_t)fdt, 8) && size >= sizeof(struct fdt_header) &&
	       is_aligned(fdt_off_mem_rsvmap(fdt), 8) && is_aligned(fdt_off_dt_struct(fdt), 4);
}

int host_info_from_fdt(struct host_info *host, const void *fdt, u64 size)
{
	struct reader r = {.fdt = fdt, .host = host};
	int err = are_blocks_aligned(fdt, size) ? fdt_check_full(fdt, size) : -FDT_ERR_ALIGNMENT;

	memset(host, 0, sizeof(*host));
	if (err) {
		log_warn("device tree: %s", fdt_strerror(err));
		return -EINVAL;
	}
	r.stdout_node = find_stdout(fdt);
	find_gic(&r);
	find_rest(&r);
	return 0;
}
