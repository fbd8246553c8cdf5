// SPDX-License-Identifier: Apache-2.0
/* Power State Coordination Interface (DEN 0022): all but what ends the VM; "smc=1": by SMC. */
#include "guest.h"

#define SUSPEND32       0x84000001u
#define ON32            0x84000003u
#define AFFINITY_INFO32 0x84000004u
#define MIGRATE         0x84000005u

#define NO_CPU 0x00ffffffULL

static void features(void)
{
	static const u32 there[] = {
		PSCI_VERSION,       PSCI_CPU_SUSPEND, SUSPEND32,
		PSCI_CPU_OFF,       PSCI_CPU_ON,      ON32,
		PSCI_AFFINITY_INFO, AFFINITY_INFO32,  PSCI_SYSTEM_OFF,
		PSCI_SYSTEM_RESET,  PSCI_FEATURES,
	};
	static const u32 not_there[] = {MIGRATE, 0x840000ffu, 0xc40000ffu, 0x85000000u, 0};

	for (unsigned i = 0; i < sizeof(there) / sizeof(there[0]); i++) {
		if ((int)psci(PSCI_FEATURES, there[i], 0, 0) < 0) {
			fail("feature %x is missing", there[i]);
		}
	}
	for (unsigned i = 0; i < sizeof(not_there) / sizeof(not_there[0]); i++) {
		CHECK_EQ((int)psci(PSCI_FEATURES, not_there[i], 0, 0), PSCI_NOT_SUPPORTED);
	}
}

static void cpus(void)
{
	u64 self = sysreg_read(mpidr_el1) & 0xff00ffffffULL;
	int type = (int)psci(PSCI_MIGRATE_TYPE, 0, 0, 0);

	CHECK(type == 2 || type == PSCI_NOT_SUPPORTED);
	CHECK_EQ(psci(PSCI_AFFINITY_INFO, self, 0, 0), 0);
	CHECK_EQ((int)psci(AFFINITY_INFO32, self, 0, 0), 0);
	CHECK_EQ((int)psci(PSCI_AFFINITY_INFO, NO_CPU, 0, 0), PSCI_INVALID_PARAMS);
	CHECK_EQ(psci(PSCI_CPU_ON, self, (u64)image_start, 0), PSCI_ALREADY_ON);
	CHECK_EQ((int)psci(ON32, self, (u64)image_start, 0), PSCI_ALREADY_ON);
	CHECK_EQ(psci(PSCI_CPU_ON, NO_CPU, (u64)image_start, 0), PSCI_INVALID_PARAMS);
	CHECK_EQ(psci(PSCI_CPU_ON, ~0ULL, (u64)image_start, 0), PSCI_INVALID_PARAMS);
}

/* Standby returns when an interrupt is pending, though masked. */
static void suspend(u32 function)
{
	u64 start = counter();

	sysreg_write(cntv_cval_el0, start + counter_ms(3));
	sysreg_write(cntv_ctl_el0, TIMER_ON);
	CHECK_EQ((int)psci(function, 0, (u64)image_start, 0), 0);
	CHECK(counter() - start >= counter_ms(3));
	CHECK(sysreg_read(cntv_ctl_el0) & TIMER_STATUS);
	CHECK_EQ(irq_count[INTID_VTIMER], 0);
	sysreg_write(cntv_ctl_el0, 0);
}

void guest_main(void)
{
	u32 version = (u32)psci(PSCI_VERSION, 0, 0, 0);

	print("PSCI %u.%u\n", version >> 16, version & 0xffff);
	CHECK(version >= 0x10000 && version < 0x20000);
	features();
	cpus();
	gic_init();
	gic_enable(INTID_VTIMER);
	suspend(PSCI_CPU_SUSPEND);
	suspend(SUSPEND32);
	CHECK_EQ((int)psci(0x840000ffu, 0, 0, 0), PSCI_NOT_SUPPORTED);
	CHECK_EQ((int)psci(MIGRATE, 0, 0, 0), PSCI_NOT_SUPPORTED);
}
