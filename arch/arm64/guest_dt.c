// SPDX-License-Identifier: Apache-2.0
/*
 * Written front to back by libfdt's sequential-write functions. The first error sticks in the
 * writer, so that the tree below reads as the tree.
 */
#include "arch/arm64/guest_dt.h"

#include <errno.h>
#include <libfdt.h>
#include <stdio.h>
#include <string.h>

#include "mm/bits.h"

#define PHANDLE_GIC   1
#define PHANDLE_CLOCK 2
#define CLOCK_HZ      24000000

#define CELLS_SPI  0
#define CELLS_PPI  1
#define FIRST_SPI  32u
#define FIRST_PPI  16u
#define LEVEL_HIGH 4

/* A string list's bytes and its length, the last NUL with it. */
#define STRINGS(list) (list), sizeof(list)

struct writer {
	void *fdt;
	int err;
};

/* @call unless one before it has failed: libfdt does not check what a failed one left. */
#define TRY(w, call) ((void)((w)->err = (w)->err ? (w)->err : (call)))

static void begin(struct writer *w, const char *name)
{
	TRY(w, fdt_begin_node(w->fdt, name));
}

static void begin_at(struct writer *w, const char *name, u64 address)
{
	char text[40];

	(void)snprintf(text, sizeof(text), "%s@%lx", name, (unsigned long)address);
	begin(w, text);
}

static void end(struct writer *w)
{
	TRY(w, fdt_end_node(w->fdt));
}

static void bytes(struct writer *w, const char *name, const void *val, size_t size)
{
	TRY(w, fdt_property(w->fdt, name, val, (int)size));
}

static void string(struct writer *w, const char *name, const char *val)
{
	bytes(w, name, val, strlen(val) + 1);
}

static void cell(struct writer *w, const char *name, u32 val)
{
	TRY(w, fdt_property_u32(w->fdt, name, val));
}

static void cells(struct writer *w, const char *name, const u32 *val, u32 count)
{
	fdt32_t out[16];

	assert(count <= ARRAY_SIZE(out));
	for (u32 i = 0; i < count; i++) {
		out[i] = cpu_to_fdt32(val[i]);
	}
	bytes(w, name, out, count * sizeof(out[0]));
}

static void reg(struct writer *w, const struct guest_dt_range *ranges, u32 count)
{
	void *space = NULL;
	fdt64_t pair[2];

	TRY(w, fdt_property_placeholder(w->fdt, "reg", (int)(count * sizeof(pair)), &space));
	for (u32 i = 0; i < count && !w->err; i++) {
		pair[0] = cpu_to_fdt64(ranges[i].base);
		pair[1] = cpu_to_fdt64(ranges[i].size);
		memcpy((char *)space + i * sizeof(pair), pair, sizeof(pair));
	}
}

/* The binding simple-framebuffer; Linux looks for it in /chosen only. */
static void add_screen(struct writer *w, const struct guest_dt_screen *screen)
{
	cell(w, "#address-cells", 2);
	cell(w, "#size-cells", 2);
	bytes(w, "ranges", NULL, 0);
	begin_at(w, "framebuffer", screen->memory.base);
	string(w, "compatible", "simple-framebuffer");
	reg(w, &screen->memory, 1);
	cell(w, "width", screen->width);
	cell(w, "height", screen->height);
	cell(w, "stride", screen->stride);
	string(w, "format", screen->red_first ? "x8b8g8r8" : "x8r8g8b8");
	end(w);
}

static void add_chosen(struct writer *w, const struct guest_dt *dt)
{
	begin(w, "chosen");
	string(w, "bootargs", dt->bootargs);
	string(w, "stdout-path", "/pl011@9000000");
	if (dt->initrd_end > dt->initrd_start) {
		TRY(w, fdt_property_u64(w->fdt, "linux,initrd-start", dt->initrd_start));
		TRY(w, fdt_property_u64(w->fdt, "linux,initrd-end", dt->initrd_end));
	}
	if (dt->screen.memory.size) {
		add_screen(w, &dt->screen);
	}
	end(w);
}

static void add_memory(struct writer *w, const struct guest_dt *dt)
{
	begin_at(w, "memory", dt->memory[0].base);
	string(w, "device_type", "memory");
	reg(w, dt->memory, dt->memory_count);
	end(w);
}

static void add_cpus(struct writer *w, u32 count)
{
	begin(w, "cpus");
	cell(w, "#address-cells", 1);
	cell(w, "#size-cells", 0);
	for (u32 i = 0; i < count; i++) {
		begin_at(w, "cpu", guest_mpidr(i));
		string(w, "device_type", "cpu");
		string(w, "compatible", "arm,armv8");
		string(w, "enable-method", "psci");
		cell(w, "reg", (u32)guest_mpidr(i));
		end(w);
	}
	end(w);
}

static void add_psci(struct writer *w)
{
	begin(w, "psci");
	bytes(w, "compatible", STRINGS("arm,psci-1.0\0arm,psci-0.2"));
	string(w, "method", "hvc");
	end(w);
}

static void add_timer(struct writer *w)
{
	/* The binding's order: secure, non-secure, virtual, hypervisor. */
	static const u32 interrupts[] = {
		CELLS_PPI, GUEST_PPI_SEC_TIMER - FIRST_PPI,  LEVEL_HIGH,
		CELLS_PPI, GUEST_PPI_PHYS_TIMER - FIRST_PPI, LEVEL_HIGH,
		CELLS_PPI, GUEST_PPI_VIRT_TIMER - FIRST_PPI, LEVEL_HIGH,
		CELLS_PPI, GUEST_PPI_HYP_TIMER - FIRST_PPI,  LEVEL_HIGH,
	};

	begin(w, "timer");
	string(w, "compatible", "arm,armv8-timer");
	cells(w, "interrupts", interrupts, ARRAY_SIZE(interrupts));
	bytes(w, "always-on", "", 0);
	end(w);
}

static void add_gic(struct writer *w, u32 vcpu_count)
{
	struct guest_dt_range ranges[] = {
		{GUEST_GICD_BASE, GUEST_GICD_SIZE},
		{GUEST_GICR_BASE, (u64)GUEST_GICR_SIZE * vcpu_count},
	};

	begin_at(w, "intc", GUEST_GICD_BASE);
	string(w, "compatible", "arm,gic-v3");
	bytes(w, "interrupt-controller", "", 0);
	cell(w, "#interrupt-cells", 3);
	cell(w, "#redistributor-regions", 1);
	cell(w, "#address-cells", 2);
	cell(w, "#size-cells", 2);
	bytes(w, "ranges", "", 0);
	reg(w, ranges, ARRAY_SIZE(ranges));
	cell(w, "phandle", PHANDLE_GIC);
	end(w);
}

static void add_clock(struct writer *w)
{
	begin(w, "apb-pclk");
	string(w, "compatible", "fixed-clock");
	cell(w, "#clock-cells", 0);
	cell(w, "clock-frequency", CLOCK_HZ);
	string(w, "clock-output-names", "clk24mhz");
	cell(w, "phandle", PHANDLE_CLOCK);
	end(w);
}

static void interrupt(struct writer *w, u32 intid)
{
	const u32 spec[] = {CELLS_SPI, intid - FIRST_SPI, LEVEL_HIGH};

	cells(w, "interrupts", spec, ARRAY_SIZE(spec));
}

static void add_uart(struct writer *w)
{
	static const struct guest_dt_range range = {GUEST_PL011_BASE, GUEST_PL011_SIZE};
	static const u32 clocks[] = {PHANDLE_CLOCK, PHANDLE_CLOCK};

	begin_at(w, "pl011", GUEST_PL011_BASE);
	bytes(w, "compatible", STRINGS("arm,pl011\0arm,primecell"));
	reg(w, &range, 1);
	interrupt(w, GUEST_PL011_INTID);
	cells(w, "clocks", clocks, 2);
	bytes(w, "clock-names", STRINGS("uartclk\0apb_pclk"));
	end(w);
}

static void add_rtc(struct writer *w)
{
	static const struct guest_dt_range range = {GUEST_PL031_BASE, GUEST_PL031_SIZE};

	begin_at(w, "pl031", GUEST_PL031_BASE);
	bytes(w, "compatible", STRINGS("arm,pl031\0arm,primecell"));
	reg(w, &range, 1);
	interrupt(w, GUEST_PL031_INTID);
	cell(w, "clocks", PHANDLE_CLOCK);
	string(w, "clock-names", "apb_pclk");
	end(w);
}

int guest_dt_build(const struct guest_dt *dt, void *buf, u32 size)
{
	struct writer w = {.fdt = buf};

	if (!dt->memory_count || !dt->vcpu_count || dt->vcpu_count > GUEST_DT_MAX_VCPUS) {
		return -EINVAL;
	}
	if (size > INT32_MAX) {
		size = INT32_MAX;
	}
	TRY(&w, fdt_create(buf, (int)size));
	TRY(&w, fdt_finish_reservemap(buf));
	begin(&w, "");
	string(&w, "compatible", "linux,dummy-virt");
	string(&w, "model", "linux,dummy-virt");
	cell(&w, "#address-cells", 2);
	cell(&w, "#size-cells", 2);
	cell(&w, "interrupt-parent", PHANDLE_GIC);
	/* Nothing reaches guest memory past the caches, as Linux would have to assume. */
	bytes(&w, "dma-coherent", NULL, 0);
	add_chosen(&w, dt);
	add_memory(&w, dt);
	add_cpus(&w, dt->vcpu_count);
	add_psci(&w);
	add_timer(&w);
	add_gic(&w, dt->vcpu_count);
	add_clock(&w);
	add_uart(&w);
	add_rtc(&w);
	end(&w);
	TRY(&w, fdt_finish(buf));
	return w.err ? -ENOSPC : (int)fdt_totalsize(buf);
}
