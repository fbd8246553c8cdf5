// SPDX-License-Identifier: Apache-2.0
/*
 * PCI configuration mechanism #1 (ports 0xcf8, 0xcfc) with a host bridge and nothing behind it:
 * what a PC's operating system expects to find. PCI Local Bus Specification 3.0, "Software
 * Generation of Configuration Transactions".
 */
#pragma once

#include "mm/types.h"

#define VPCI_ADDRESS_PORT 0xcf8
#define VPCI_DATA_PORT    0xcfc

struct vpci {
	u32 address; /* CONFIG_ADDRESS */
};

void vpci_init(struct vpci *pci);

/* Ports 0xcf8 and 0xcfc..0xcff, @size 1, 2 or 4. */
u32 vpci_read(const struct vpci *pci, u16 port, unsigned size);
void vpci_write(struct vpci *pci, u16 port, unsigned size, u32 val);
