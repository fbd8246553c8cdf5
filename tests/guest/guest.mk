# SPDX-License-Identifier: Apache-2.0
# Tiny guests: one behaviour each, tests/guest/x86/NAME.c and the library beside it, as bzImages in
# build/x86_64/guest/. By name, no discovery, so that none vanishes silently; tests/system/test_tiny.py
# has a row for each. Expects BUILD, CORE_ARCH_DIR, WARN and Q.
GUEST_CC ?= $(CC)
GUEST_CFLAGS := -std=gnu17 -O2 -ffreestanding -mgeneral-regs-only -fno-pic -fno-pie -mno-red-zone \
	-mcmodel=small -fno-stack-protector -fno-asynchronous-unwind-tables -fno-strict-aliasing \
	-fcf-protection=none -fno-common $(WARN)

GUESTS := cpuid hypercall msr
GUESTS += nmi nmi_hlt nmi_iret_fault window cr8 ipi reinject singlestep
GUESTS += mmio_forms mmio_page port_width string_io decode codepage fpu smap
GUESTS += modes die reset mode_rules
GUESTS += apic_timer ioapic_pit pic_pit rtc uart x2apic xapic tsc pvclock
GUESTS += efer cr0 cr3 cr4 xcr0 dr regs undefined memory tlb hlt
GUESTS += hostile_msr hostile_io hostile_memory hostile_cr hostile_random hostile_tables hostile_timer

GUEST_DIR := tests/guest/$(CORE_ARCH_DIR)
GUEST_OUT := $(BUILD)/guest
GUEST_LIB := start.S trap.S modes.S lib.c trap.c paging.c devices.c
GUEST_LIB_OBJ := $(GUEST_LIB:%=$(GUEST_OUT)/lib/%.o)
GUEST_BINS := $(GUESTS:%=$(GUEST_OUT)/%.bin)

.PHONY: guest
guest: $(GUEST_BINS)

$(GUEST_OUT)/%.bin: $(GUEST_OUT)/%.elf
	$(Q)objcopy -O binary $< $@

.SECONDARY: $(GUEST_LIB_OBJ) $(GUESTS:%=$(GUEST_OUT)/%.elf) $(GUESTS:%=$(GUEST_OUT)/%.c.o)
$(GUEST_OUT)/%.elf: $(GUEST_OUT)/%.c.o $(GUEST_LIB_OBJ) $(GUEST_DIR)/lib/guest.ld
	$(Q)ld -nostdlib -static --build-id=none -z noexecstack -z max-page-size=4096 \
		--no-warn-rwx-segments -T $(GUEST_DIR)/lib/guest.ld -o $@ $(filter %.o,$^)

$(GUEST_OUT)/%.c.o: $(GUEST_DIR)/%.c
	$(Q)mkdir -p $(@D)
	$(Q)$(GUEST_CC) $(GUEST_CFLAGS) -I$(GUEST_DIR)/lib -MMD -MP -c $< -o $@

$(GUEST_OUT)/%.S.o: $(GUEST_DIR)/%.S
	$(Q)mkdir -p $(@D)
	$(Q)$(GUEST_CC) $(GUEST_CFLAGS) -MMD -MP -c $< -o $@

-include $(GUEST_LIB_OBJ:.o=.d) $(GUESTS:%=$(GUEST_OUT)/%.c.d)

# What the system tests need of this.
test system-test: $(GUEST_BINS)
test system-test: export SOCLE_GUESTS := $(GUEST_OUT)
