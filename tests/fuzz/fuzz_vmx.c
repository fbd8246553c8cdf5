// SPDX-License-Identifier: Apache-2.0
/* The pure half of VMX on any values: capabilities, VM-entry checks, exits. */
#include <stdlib.h>
#include <string.h>

#include "arch/x86/vmx_caps.h"
#include "arch/x86/vmx_checks.h"
#include "arch/x86/vmx_decode.h"
#include "arch/x86/vmx_insn.h"

struct input {
	struct vmx_msrs msrs;
	u64 rip, flags, word;
	u64 vmcs[16]; /* repeated over the fields, each moved by its place */
};

static unsigned reads[VMCS_SLOT_COUNT];
static struct input *vmcs_input;

static u64 vmcs_read(void *ctx, enum vmcs_field field)
{
	const struct input *in = ctx;
	int slot = vmcs_field_slot(field);

	if (slot < 0) {
		abort();
	}
	reads[slot]++;
	return in->vmcs[slot % 16] >> (in->flags >> 8) % 64;
}

u64 vmread(enum vmcs_field field)
{
	return vmcs_read(vmcs_input, field);
}

static void check(bool ok)
{
	if (!ok) {
		abort();
	}
}

static void decode(struct input *in, u64 reason)
{
	struct vmx_exit_event event;
	struct x86_exit exit = {.why = X86_WHY_COUNT};

	vmcs_input = in;
	in->vmcs[VMCS_SLOT_EXIT_REASON % 16] = reason << (in->flags >> 8) % 64;
	memset(reads, 0, sizeof(reads));
	vmx_decode(in->rip, &exit, &event);
	check(exit.why < X86_WHY_COUNT);
	check(!event.again.valid || event.again.type <= 3);
	for (unsigned i = 0; i < VMCS_SLOT_COUNT; i++) {
		check(reads[i] <= 1);
	}
	if (exit.why == X86_CR_WRITE) {
		check(exit.cr.nr < 16 && exit.cr.gpr < 16);
	}
	if (exit.why == X86_IO) {
		check(exit.io.size == 1 || exit.io.size == 2 || exit.io.size == 4);
	}
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	struct vmx_caps caps;
	struct input in = {0};
	struct vmx_check c = {.read = vmcs_read, .ctx = &in, .caps = &caps};

	memcpy(&in, data, size < sizeof(in) ? size : sizeof(in));
	check(vmx_caps_compute(&in.msrs, &caps) == !caps.missing_count);
	for (unsigned i = 0; i < VMX_WORD_COUNT; i++) {
		check(!(caps.ctl[i] & ~caps.may[i]) && !(caps.must[i] & ~caps.ctl[i]));
	}
	c.phys_bits = (u8)(36 + in.flags % 17);
	c.linear_bits = in.flags & BIT(6) ? 57 : 48;
	c.long_mode = in.flags & BIT(7);
	c.has_vtpr = c.has_link_word = c.rtm = in.flags & BIT(5);
	c.link_word = (u32)in.word;
	c.efer_allowed = in.word;
	(void)vmx_check_controls(&c);
	(void)vmx_check_host(&c);
	(void)vmx_check_guest(&c);
	for (unsigned i = 0; i < vmx_guest_rule_count; i++) {
		(void)vmx_guest_rules[i].holds(&c);
	}
	for (unsigned i = 0; i < vmx_control_rule_count; i++) {
		(void)vmx_control_rules[i].holds(&c);
	}
	decode(&in, in.word);
	decode(&in, in.word % VMX_REASON_COUNT);
	return 0;
}
