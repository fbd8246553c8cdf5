# SPDX-License-Identifier: Apache-2.0
# Tiny guests: one behaviour each, tests/guest/ARCH/NAME.c and the libraries beside it, as bzImages or
# arm64 Images in build/ARCH/guest/. By name, no discovery, so that none vanishes silently;
# tests/system/test_tiny.py has a row for each. Expects BUILD, CORE_ARCH_DIR, CC, LD, OBJCOPY, WARN, Q.
# gcc: clang takes no FP or SIMD assembly under -mgeneral-regs-only.
GUEST_CC ?= $(CROSS)gcc
GUEST_CFLAGS := -std=gnu17 -O2 -ffreestanding -mgeneral-regs-only -fno-stack-protector \
	-fno-asynchronous-unwind-tables -fno-strict-aliasing -fno-common $(WARN)
GUEST_CFLAGS_x86 := -fno-pic -fno-pie -mno-red-zone -mcmodel=small -fcf-protection=none
# Relocates itself; runs with the MMU off too; built for the first version, so that it runs anywhere.
GUEST_CFLAGS_arm64 := -fpie -mstrict-align -march=armv8-a -mno-outline-atomics
GUEST_LDFLAGS_x86 := -static
GUEST_LDFLAGS_arm64 := -pie --no-dynamic-linker

GUESTS_x86 := cpuid hypercall msr
GUESTS_x86 += nmi nmi_hlt nmi_iret_fault window once test_lines cr8 ipi reinject singlestep
GUESTS_x86 += mmio_forms mmio_page port_width string_io decode codepage fpu smap
GUESTS_x86 += modes die reset mode_rules
GUESTS_x86 += apic_timer ioapic_pit ioapic_level pic_pit rtc uart x2apic xapic tsc pvclock
GUESTS_x86 += efer cr0 cr3 cr4 xcr0 dr regs undefined memory tlb hlt
GUESTS_x86 += spin life load sweep
GUESTS_x86 += nested_vmrun nested_undefined nested_checks nested_state nested_intercepts nested_inject
GUESTS_x86 += nested_virq nested_gif nested_timer nested_tsc nested_npt nested_tlb nested_modes
GUESTS_x86 += nested_hostile nested_race
GUESTS_x86 += hostile_msr hostile_io hostile_memory hostile_cr hostile_random hostile_tables hostile_timer

GUESTS_arm64 := hello hvc psci undefined wfi regs fp
GUESTS_arm64 += memory hole mmu
GUESTS_arm64 += gicd spi sgi priority active many_irqs vtimer timers pl011 pl031
GUESTS_arm64 += mmio_forms sysreg_traps cache tlb reset
GUESTS_arm64 += idregs debug pauth el0
GUESTS_arm64 += spin life load sweep
GUESTS_arm64 += hostile_sysreg hostile_call hostile_memory hostile_tables hostile_gic hostile_timer hostile_random

GUEST_LIB_x86 := start.S trap.S modes.S svm.S lib.c trap.c paging.c devices.c svm.c
GUEST_LIB_arm64 := start.S trap.S lib.c trap.c paging.c devices.c

GUESTS := $(GUESTS_$(CORE_ARCH_DIR))
GUEST_DIR := tests/guest/$(CORE_ARCH_DIR)
GUEST_OUT := $(BUILD)/guest
GUEST_LIB_OBJ := $(GUEST_LIB_$(CORE_ARCH_DIR):%=$(GUEST_OUT)/lib/%.o) $(GUEST_OUT)/common/common.c.o
GUEST_BINS := $(GUESTS:%=$(GUEST_OUT)/%.bin)
GUEST_CC_ALL := $(GUEST_CC) $(GUEST_CFLAGS) $(GUEST_CFLAGS_$(CORE_ARCH_DIR)) -I.

.PHONY: guest
guest: $(GUEST_BINS)

$(GUEST_OUT)/%.bin: $(GUEST_OUT)/%.elf
	$(Q)$(OBJCOPY) -O binary $< $@

.SECONDARY: $(GUEST_LIB_OBJ) $(GUESTS:%=$(GUEST_OUT)/%.elf) $(GUESTS:%=$(GUEST_OUT)/%.c.o)
$(GUEST_OUT)/%.elf: $(GUEST_OUT)/%.c.o $(GUEST_LIB_OBJ) $(GUEST_DIR)/lib/guest.ld
	$(Q)$(LD) -nostdlib $(GUEST_LDFLAGS_$(CORE_ARCH_DIR)) --build-id=none -z noexecstack \
		-z max-page-size=4096 --no-warn-rwx-segments -T $(GUEST_DIR)/lib/guest.ld \
		-o $@ $(filter %.o,$^)

$(GUEST_OUT)/common/%.c.o: tests/guest/lib/%.c
	$(Q)mkdir -p $(@D)
	$(Q)$(GUEST_CC_ALL) -MMD -MP -c $< -o $@

$(GUEST_OUT)/%.c.o: $(GUEST_DIR)/%.c
	$(Q)mkdir -p $(@D)
	$(Q)$(GUEST_CC_ALL) -I$(GUEST_DIR)/lib -MMD -MP -c $< -o $@

$(GUEST_OUT)/%.S.o: $(GUEST_DIR)/%.S
	$(Q)mkdir -p $(@D)
	$(Q)$(GUEST_CC_ALL) -MMD -MP -c $< -o $@

-include $(GUEST_LIB_OBJ:.o=.d) $(GUESTS:%=$(GUEST_OUT)/%.c.d)

# A 32-bit kernel for test_images.py.
IMAGE_BINS := $(if $(filter x86,$(CORE_ARCH_DIR)),$(GUEST_OUT)/image.elf32)
GUEST_BINS += $(IMAGE_BINS)
$(GUEST_OUT)/image.elf32: $(GUEST_DIR)/image.c
	$(Q)mkdir -p $(@D)
	$(Q)$(GUEST_CC) $(filter-out -mno-red-zone -mcmodel=small,$(GUEST_CFLAGS) \
		$(GUEST_CFLAGS_$(CORE_ARCH_DIR))) -m32 -march=i686 -I. -nostdlib -static \
		-Wl,-m,elf_i386,-Ttext=0x200000,--section-start=.head=0x1ff000,--section-start=.note.Xen=0x204000,--build-id=none,-z,noexecstack -o $@ $<

# What the system tests need of this.
test system-test test-vmx test-bochs: $(GUEST_BINS)
test system-test test-vmx test-bochs: export SOCLE_GUESTS := $(GUEST_OUT)
test system-test test-vmx test-bochs: export SOCLE_ARCH := $(ARCH)
