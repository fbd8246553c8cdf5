// SPDX-License-Identifier: Apache-2.0
/*
 * DSDT: the devices that cannot be probed. No PCI. Ports and lines as in arch/x86/vplatform.c and
 * virq.h; sleep type 0 is S5 (arch/x86/vpmtimer.h).
 */
DefinitionBlock ("dsdt.aml", "DSDT", 2, "SOCLE ", "SOCLEVM ", 1)
{
	Name (\_S5, Package () { 0, 0, 0, 0 })

	Scope (\_SB)
	{
		Device (PIC)
		{
			Name (_HID, EisaId ("PNP0000"))
			Name (_CRS, ResourceTemplate ()
			{
				IO (Decode16, 0x0020, 0x0020, 0, 2)
				IO (Decode16, 0x00A0, 0x00A0, 0, 2)
				IO (Decode16, 0x04D0, 0x04D0, 0, 2)
				IRQNoFlags () { 2 }
			})
		}

		Device (TIMR)
		{
			Name (_HID, EisaId ("PNP0100"))
			Name (_CRS, ResourceTemplate ()
			{
				IO (Decode16, 0x0040, 0x0040, 0, 4)
				IRQNoFlags () { 0 }
			})
		}

		Device (SPKR)
		{
			Name (_HID, EisaId ("PNP0800"))
			Name (_CRS, ResourceTemplate ()
			{
				IO (Decode16, 0x0061, 0x0061, 0, 1)
			})
		}

		Device (RTC)
		{
			Name (_HID, EisaId ("PNP0B00"))
			Name (_CRS, ResourceTemplate ()
			{
				IO (Decode16, 0x0070, 0x0070, 0, 2)
				IRQNoFlags () { 8 }
			})
		}

		Device (COM1)
		{
			Name (_HID, EisaId ("PNP0501"))
			Name (_UID, 1)
			Name (_CRS, ResourceTemplate ()
			{
				IO (Decode16, 0x03F8, 0x03F8, 0, 8)
				IRQNoFlags () { 4 }
			})
		}

		/* PM block and reset register */
		Device (PMIO)
		{
			Name (_HID, EisaId ("PNP0C02"))
			Name (_UID, 1)
			Name (_CRS, ResourceTemplate ()
			{
				IO (Decode16, 0x0600, 0x0600, 0, 12)
				IO (Decode16, 0x0CF9, 0x0CF9, 0, 1)
			})
		}
	}
}
