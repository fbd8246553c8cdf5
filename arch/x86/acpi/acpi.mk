# SPDX-License-Identifier: Apache-2.0
# The guest's ACPI tables: arch/x86/acpi/*.asl through iasl to $(ACPI_DIR)/*.aml, which tables.S
# embeds. Whoever assembles tables.S depends on $(ACPI_AML) and passes $(ACPI_ASFLAGS).
IASL ?= iasl
ACPI_DIR := build/x86_64/acpi
ACPI_TABLES := dsdt facp facs apic
ACPI_AML := $(ACPI_TABLES:%=$(ACPI_DIR)/%.aml)
ACPI_ASFLAGS := -Wa,-I$(ACPI_DIR)

# -we: warnings are errors; -vs: no banner. Only the listing of a failure is of interest.
$(ACPI_DIR)/%.aml: arch/x86/acpi/%.asl
	$(Q)mkdir -p $(@D)
	$(Q)$(IASL) -we -vs -p $@ $< > $@.log 2>&1 || { cat $@.log; rm -f $@; exit 1; }

build/host/test_vacpi: | $(ACPI_AML)
