// SPDX-License-Identifier: Apache-2.0
/*
 * The instruction decoder on bytes of the fuzzer's choice, Zydis as the oracle; what decodes is
 * executed as well, on a device that answers with more of those bytes.
 *
 * Sources: arch/x86/insn.c, insn_table.c, insn_mmio.c, tests/host/test_insn_oracle.c; -lZydis.
 */
#include "arch/x86/insn_mmio.h"
#include "tests/host/test_insn_oracle.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

static int fuzz_read(void *ctx, u64 linear, unsigned size, u64 *val)
{
	(void)size;
	memcpy(val, ctx, sizeof(*val));
	return linear % 5 == 0;
}

static int fuzz_write(void *ctx, u64 linear, unsigned size, u64 val)
{
	(void)ctx;
	(void)size;
	return (linear ^ val) % 5 == 0;
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	static const struct insn_mem_ops ops = {.read = fuzz_read, .write = fuzz_write};
	u8 bytes[INSN_LEN_MAX + sizeof(struct insn_regs) + 8] = {0};
	struct insn_regs regs, before;
	enum insn_mode mode;
	struct insn insn;

	if (size < 2) {
		return 0;
	}
	mode = (enum insn_mode)(data[0] % 3);
	memcpy(bytes, data + 1, size - 1 < sizeof(bytes) ? size - 1 : sizeof(bytes));
	if (oracle_check(bytes, mode)) {
		abort();
	}
	if (insn_decode(bytes, INSN_LEN_MAX, mode, &insn)) {
		return 0;
	}
	memcpy(&regs, bytes + INSN_LEN_MAX, sizeof(regs));
	before = regs;
	switch (insn_mmio_exec(&insn, &regs, &ops, bytes + sizeof(bytes) - 8)) {
	case INSN_FAULT:
	case INSN_UNSUPPORTED:
		if (memcmp(&regs, &before, sizeof(regs)) != 0) {
			abort();
		}
		break;
	case INSN_DONE:
	case INSN_REPEAT:
	default:
		break;
	}
	return 0;
}
