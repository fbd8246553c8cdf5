// SPDX-License-Identifier: Apache-2.0
/* The pure parts of an ARM64 exit on any input: instruction, call, system register, exception. */
#include <stdlib.h>
#include <string.h>

#include "arch/arm64/inject.h"
#include "arch/arm64/insn.h"
#include "arch/arm64/psci.h"
#include "arch/arm64/sysreg_trap.h"

struct input {
	u32 word, imm;
	u64 x[4];
	u64 esr, val;
	u64 pc, pstate, sctlr, vbar;
	struct psci_cpu cpus[2];
};

static void check(bool ok)
{
	if (!ok) {
		abort();
	}
}

static void check_insn(const struct input *in)
{
	struct insn i, again;

	insn_decode(in->word, &i);
	insn_decode(in->word, &again);
	check(!memcmp(&i, &again, sizeof(i)));
	check(i.kind <= INSN_UNPREDICTABLE && i.writeback <= INSN_POST_INDEX && i.shift <= 4);
	check(i.rt < 32 && (i.rn < 32 || i.rn == INSN_REG_PC));
	check(i.offset >= -(1 << 20) && i.offset < 1 << 20);
	if (i.kind == INSN_LOAD || i.kind == INSN_STORE || i.kind == INSN_LOAD_PAIR ||
	    i.kind == INSN_STORE_PAIR) {
		check(i.size && i.size <= 8 && !(i.size & (i.size - 1)));
		check((i.rt2 < 32) == (i.kind == INSN_LOAD_PAIR || i.kind == INSN_STORE_PAIR));
		check(i.sf || insn_load_value(&i, in->val) <= ~(u32)0);
	}
	if (i.writeback == INSN_PRE_INDEX) {
		check(insn_address(&i, in->x[0], in->x[1]) == insn_base_after(&i, in->x[0]));
	}
	(void)insn_address(&i, in->x[0], in->x[1]);
}

static void check_call(struct input *in)
{
	struct psci_vm vm = {.cpus = in->cpus, .cpu_count = 2, .unaffected = (u8)in->val};
	u64 x[4] = {in->x[0], in->x[1], in->x[2], in->x[3]};
	struct psci_start s;
	enum psci_action action;

	for (unsigned i = 0; i < 2; i++) {
		in->cpus[i].power %= PSCI_IS_ON_PENDING + 1;
	}
	action = psci_call(&vm, in->imm, x, &s);
	check(action != PSCI_CPU_ON || (s.target < 2 && vm.cpus[s.target].power == PSCI_IS_OFF));
	check(in->imm == 0 || (action == PSCI_RESUME && x[0] == ~(u64)0));
	in->x[0] = 0x84000000 | (in->x[0] & 0x4000001f); /* and once more, a likely number */
	memcpy(x, in->x, sizeof(x));
	action = psci_call(&vm, 0, x, &s);
	check(action != PSCI_CPU_ON || (s.target < 2 && vm.cpus[s.target].power == PSCI_IS_OFF));
	check(!memcmp(&x[1], &in->x[1], 3 * sizeof(u64)));
}

static void check_sysreg(const struct input *in)
{
	static struct idregs host, guest;
	struct sysreg_access a = sysreg_access_decode(in->esr);
	struct sysreg_state state;

	host.reg[in->val % IDREGS_COUNT] = in->pc;
	idregs_guest(&host, 32 + in->val % 32, &guest);
	sysreg_reset(&state, &guest);
	a.val = a.is_read ? 0 : in->val;
	switch (sysreg_trap(&state, &a)) {
	case SYSREG_DONE:
	case SYSREG_UNDEF:
		break;
	case SYSREG_CALL:
		check(a.call <= SYSREG_CALL_DEBUG_OWN);
		check(sysreg_name(a.key) != NULL);
		break;
	}
}

static void check_inject(const struct input *in)
{
	struct inject_regs r = {
		.pc = in->pc,
		.pstate = in->pstate,
		.sctlr_el1 = in->sctlr,
		.vbar_el1 = in->vbar,
		.features = (u8)in->val,
	};
	u64 pc = in->pc, pstate = in->pstate;

	inject_undef(&r);
	check((r.pstate & (PSTATE_M | PSTATE_NRW)) == PSTATE_EL1H);
	check((r.pstate & PSTATE_DAIF) == PSTATE_DAIF && r.elr_el1 == in->pc);
	inject_skip_insn(&pc, &pstate, in->imm & 1);
	check((pstate & PSTATE_NRW) == (in->pstate & PSTATE_NRW));
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	struct input in = {0};

	memcpy(&in, data, size < sizeof(in) ? size : sizeof(in));
	check_insn(&in);
	check_call(&in);
	check_sysreg(&in);
	check_inject(&in);
	return 0;
}
