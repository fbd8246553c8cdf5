# SPDX-License-Identifier: Apache-2.0
# Host tests: the shipped sources under ASan and UBSan. One name per test program and one line of
# the sources under test; no discovery, so that a test cannot vanish silently.
HOST_CC ?= gcc
HOST_CFLAGS := -std=gnu17 -O1 -g -I. -Iarch/x86/include -Itests/host $(WARN) \
	-fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer

HOST_TESTS :=

HOST_TESTS += test_fbcon test_ksyms test_log test_acpi
SRC_test_fbcon := vmm/fbcon.c build/fbcon_font.c
SRC_test_ksyms := vmm/ksyms.c
SRC_test_log := vmm/log.c vmm/console.c vmm/panic.c vmm/ksyms.c vmm/fbcon.c build/fbcon_font.c
SRC_test_acpi := vmm/acpi.c
include tests/setup/font.mk
HOST_TESTS += test_config test_memmap test_core_elf test_boot_x86
SRC_test_config := boot/config.c boot/span.c boot/text.c
SRC_test_memmap := boot/memmap.c
SRC_test_core_elf := boot/core_elf.c
SRC_test_boot_x86 := boot/x86_64_cpu.c boot/x86_64_survey.c boot/survey.c arch/x86/vmx_caps.c boot/x86_64_image.c boot/x86_64_paging.c boot/text.c
HOST_TESTS += test_boot_arm64 test_boot_image
SRC_test_boot_arm64 := boot/arm64_cpu.c boot/arm64_survey.c boot/survey.c boot/arm64_paging.c boot/text.c
SRC_test_boot_image := boot/arm64_image.c boot/gzip.c boot/text.c
LIBS_test_boot_image := -lz
HOST_TESTS += test_multiboot
SRC_test_multiboot := boot/multiboot_info.c boot/clock.c boot/config.c boot/memmap.c boot/span.c boot/text.c
HOST_TESTS += test_bls
SRC_test_bls := boot/bls.c boot/span.c boot/text.c
HOST_TESTS += test_guest_image
SRC_test_guest_image := vmm/guest_image.c
HOST_TESTS += test_memslot test_bzimage
SRC_test_memslot := vmm/memslot.c
SRC_test_bzimage := arch/x86/bzimage.c
HOST_TESTS += test_vacpi
SRC_test_vacpi := arch/x86/vacpi.c arch/x86/acpi/tables.S
LIBS_test_vacpi = $(ACPI_ASFLAGS)
HOST_TESTS += test_sched
SRC_test_sched := vmm/sched.c
# Threads for CPUs, ThreadSanitizer for ASan.
HOST_TESTS += test_race_vms
SRC_test_race_vms = vmm/vm.c vmm/cpu.c vmm/vcpu.c vmm/vconsole.c vmm/monitor.c vmm/report.c vmm/console.c \
	vmm/log.c vmm/fbcon.c build/fbcon_font.c $(SRC_test_explain) $(SRC_test_sched)
FLAGS_test_race_vms := -iquote tests/host/race -DLOCK_DEBUG -fno-sanitize=address,undefined -fsanitize=thread
LIBS_test_race_vms := -lpthread
HOST_TESTS += test_keyboard
SRC_test_keyboard := vmm/keyboard.c
HOST_TESTS += test_vuart
SRC_test_vuart := vmm/vuart.c
HOST_TESTS += test_vpic
SRC_test_vpic := arch/x86/vpic.c
HOST_TESTS += test_vpit
SRC_test_vpit := arch/x86/vpit.c
HOST_TESTS += test_vpm
SRC_test_vpm := arch/x86/vpmtimer.c
HOST_TESTS += test_vrtc
SRC_test_vrtc := arch/x86/vrtc.c
HOST_TESTS += test_vioapic
SRC_test_vioapic := arch/x86/vioapic.c
HOST_TESTS += test_vlapic
SRC_test_vlapic := arch/x86/vlapic.c arch/x86/vlapic_reg.c arch/x86/vlapic_timer.c arch/x86/virq.c
HOST_TESTS += test_vlapic_live
SRC_test_vlapic_live := $(SRC_test_vlapic) arch/x86/vlapic_live.c
HOST_TESTS += test_vplatform
SRC_test_vplatform := $(SRC_test_vlapic) arch/x86/vioapic.c arch/x86/vpic.c arch/x86/vpit.c \
	arch/x86/vrtc.c arch/x86/vpmtimer.c arch/x86/vpci.c arch/x86/vplatform.c vmm/vuart.c

HOST_TESTS += test_vpl011 test_vpl031 test_linux_image test_guest_dt
SRC_test_vpl011 := arch/arm64/vpl011.c
SRC_test_vpl031 := arch/arm64/vpl031.c
SRC_test_linux_image := arch/arm64/linux_image.c
SRC_test_guest_dt := arch/arm64/guest_dt.c
LIBS_test_guest_dt := -lfdt
HOST_TESTS += test_vgic
SRC_test_vgic := arch/arm64/vgic.c arch/arm64/vgic_reg.c tests/host/test_vgic_model.c
HOST_TESTS += test_linux_boot
SRC_test_linux_boot := arch/arm64/linux_boot.c vmm/guest_image.c $(SRC_test_linux_image) $(SRC_test_guest_dt)
LIBS_test_linux_boot := -lfdt
HOST_TESTS += test_host_info
SRC_test_host_info := arch/arm64/host_info.c arch/arm64/host_dt.c
LIBS_test_host_info := -lfdt
HOST_TESTS += test_vtimer
SRC_test_vtimer := arch/arm64/vtimer.c $(SRC_test_vgic)

include tests/host/mm.mk
include tests/host/nested.mk

HOST_TESTS += test_insn
SRC_test_insn := arch/x86/insn.c arch/x86/insn_table.c tests/host/test_insn_oracle.c
LIBS_test_insn := -lZydis
HOST_TESTS += test_insn_mmio
SRC_test_insn_mmio := arch/x86/insn.c arch/x86/insn_table.c arch/x86/insn_mmio.c
HOST_TESTS += test_tlb_tag test_event
SRC_test_event := arch/x86/event.c
HOST_TESTS += test_vmx_caps test_vmx_checks test_vmx_decode
SRC_test_vmx_caps := arch/x86/vmx_caps.c arch/x86/vmcs.c
SRC_test_vmx_checks := arch/x86/vmx_checks.c arch/x86/vmx_checks_guest.c arch/x86/vmcs.c
SRC_test_vmx_decode := arch/x86/vmx_decode.c arch/x86/vmcs.c
FLAGS_test_vmx_decode := -iquote tests/host/vmx
HOST_TESTS += test_arm64_vmid
SRC_test_arm64_vmid := arch/arm64/vmid.c

HOST_TESTS += test_arm64_insn
SRC_test_arm64_insn := arch/arm64/insn.c
HOST_TESTS += test_arm64_idregs test_arm64_sysreg test_arm64_inject test_arm64_psci
SRC_test_arm64_idregs := arch/arm64/idregs.c arch/arm64/el2_controls.c
SRC_test_arm64_sysreg := arch/arm64/sysreg_trap.c arch/arm64/idregs.c
SRC_test_arm64_inject := arch/arm64/inject.c
SRC_test_arm64_psci := arch/arm64/psci.c

# The longest first, so that they do not keep everybody waiting at the end.
HOST_LONG := test_audit test_tdp test_shadow
HOST_BINS := $(addprefix build/host/,$(HOST_LONG) $(filter-out $(HOST_LONG),$(HOST_TESTS)))

.SECONDEXPANSION:
build/host/%: tests/host/%.c $$(SRC_$$*) | build/host/ setup-test
	$(Q)echo "compiling $@"
	$(Q)$(HOST_CC) $(HOST_CFLAGS) $(FLAGS_$*) -MMD -MP -MT $@ -MF $@.d -o $@ $< $(SRC_$*) -lcmocka $(LIBS_$*)

build/host/:
	$(Q)mkdir -p $@

-include $(HOST_BINS:%=%.d) build/host/check_conf.d

# `make check-conf F=file [ARCH=arm64]`: would Socle take this configuration?
.PHONY: check-conf
check-conf: build/host/check_conf
	$(Q)test -n "$(F)" || { echo "usage: make check-conf F=socle.conf [ARCH=arm64]"; exit 2; }
	$(Q)$< $(ARCH) "$(F)"

build/host/check_conf: tests/host/check_conf.c $(SRC_test_config) | build/host/
	$(Q)$(HOST_CC) -std=gnu17 -O1 -g -I. $(WARN) -MMD -MP -MT $@ -MF $@.d -o $@ $(filter %.c,$^)

# Two at a time; a program's output is shown whole when it has failed, else its closing line.
.PHONY: host-test
host-test: $(HOST_BINS)
	$(Q)test -n "$^" && printf '%s\n' $^ | xargs -P 2 -I {} sh -c '{} >{}.log 2>&1; code=$$?; \
		if [ $$code != 0 ]; then cat {}.log; fi; echo "{}: $$(tail -n 1 {}.log)"; exit $$code'

include tests/fuzz/fuzz.mk
