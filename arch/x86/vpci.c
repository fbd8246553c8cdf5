// SPDX-License-Identifier: Apache-2.0
#include "arch/x86/vpci.h"

#include "mm/bits.h"

#define ADDRESS_ENABLE   BIT(31)
#define ADDRESS_DEVICE   GENMASK(23, 8) /* bus, device, function */
#define ADDRESS_REGISTER GENMASK(7, 2)
#define ADDRESS_BITS     (ADDRESS_ENABLE | ADDRESS_DEVICE | ADDRESS_REGISTER)

/* 00:00.0, by register: ids of a virtual host bridge, status and command, class, header type. */
static const u32 host_bridge[] = {0x0d578086, 0, 0x06000000, 0};

void vpci_init(struct vpci *pci)
{
	pci->address = 0;
}

u32 vpci_read(const struct vpci *pci, u16 port, unsigned size)
{
	u32 reg = (u32)FIELD_GET(ADDRESS_REGISTER, pci->address), val = 0;
	u32 ones = ~0u >> (32 - size * 8);

	if (port == VPCI_ADDRESS_PORT) {
		return size == 4 ? pci->address : ones;
	}
	if (!(pci->address & ADDRESS_ENABLE) || (pci->address & ADDRESS_DEVICE) ||
	    (port & 3) + size > 4) {
		return ones;
	}
	if (reg < ARRAY_SIZE(host_bridge)) {
		val = host_bridge[reg];
	}
	return val >> (port & 3) * 8 & ones;
}

/* Nothing of the bridge can be written. */
void vpci_write(struct vpci *pci, u16 port, unsigned size, u32 val)
{
	if (port == VPCI_ADDRESS_PORT && size == 4) {
		pci->address = val & (u32)ADDRESS_BITS;
	}
}
