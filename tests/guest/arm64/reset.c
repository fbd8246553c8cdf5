// SPDX-License-Identifier: Apache-2.0
/*
 * Ends of the VM by PSCI: "how=0" SYSTEM_RESET; 1 SYSTEM_OFF by HVC; 2 by SMC; 3 SYSTEM_RESET by
 * SMC; 4 CPU_OFF of the only CPU; 5 SYSTEM_RESET2.
 */
#include "guest.h"

#define SYSTEM_RESET2 0xc4000012u

static void call(bool smc, u32 function)
{
	smccc(smc, (struct smc_regs){.x = {function}});
}

void guest_main(void)
{
	volatile u64 *mark = (volatile u64 *)SCRATCH;
	u64 how = option("how", 0);

	/* Memory and devices are as at the first start. */
	CHECK_EQ(*mark, 0);
	*mark = 0x600d;
	cache_clean((const void *)SCRATCH, 8);
	CHECK_EQ(mmio_read(UART_BASE + UART_IMSC), 0);
	CHECK_EQ(mmio_read(GICD_BASE + GICD_CTLR) & 3, 0);
	CHECK_EQ(sysreg_read(cntv_ctl_el0) & 1, 0);
	mmio_write(UART_BASE + UART_IMSC, 0x10);
	gic_init();
	gic_enable(INTID_VTIMER);
	sysreg_write(cntv_ctl_el0, TIMER_ON);
	switch (how) {
	case 1:
		print("\ntiny: pass\n");
		call(false, PSCI_SYSTEM_OFF);
		break;
	case 2:
		print("\ntiny: pass\n");
		call(true, PSCI_SYSTEM_OFF);
		break;
	case 3:
		print("tiny: resetting\n");
		call(true, PSCI_SYSTEM_RESET);
		break;
	case 4: /* there is no other that could wake it: refused */
		CHECK_EQ((int)psci(PSCI_CPU_OFF, 0, 0, 0), PSCI_DENIED);
		return;
	case 5:
		print("tiny: resetting\n");
		call(false, SYSTEM_RESET2);
		break;
	default:
		print("tiny: resetting\n");
		call(false, PSCI_SYSTEM_RESET);
	}
	fail("still here");
}
