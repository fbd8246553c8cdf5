# SPDX-License-Identifier: Apache-2.0
# Speed, counted (tests/bench/bench.py, bench_intel.py, bench_arm64.py) and Socle under nested KVM (nested_kvm.py).
BENCH_x86_64 := build/bench
BENCH_arm64 := build/bench/arm64
BENCH := $(BENCH_$(ARCH))
BENCH_DIR_x86_64 := tests/bench
BENCH_DIR_arm64 := tests/bench/arm64
BENCH_DIR := $(BENCH_DIR_$(ARCH))
BENCH_GUEST := $(BENCH)/guest.bin

# The guest: on x86 of its own; on arm64 with the library of the tiny guests, compiled as they are.
BENCH_GUEST_SRC_x86_64 := $(wildcard tests/bench/guest/*.[cS])
BENCH_GUEST_SRC_arm64 := $(addprefix tests/bench/arm64/,guest.c operations.c smp.c vectors.S) \
	$(wildcard tests/guest/arm64/lib/*.[cS]) tests/guest/lib/common.c
BENCH_GUEST_HEADERS_x86_64 := tests/bench/guest/guest.h
BENCH_GUEST_HEADERS_arm64 := tests/bench/arm64/guest.h $(wildcard tests/guest/arm64/lib/*.h) \
	tests/guest/lib/common.h
BENCH_GUEST_CC_x86_64 = $(CC) -std=gnu17 -O2 -ffreestanding -mgeneral-regs-only -fno-pic -mno-red-zone \
	-fno-stack-protector -fcf-protection=none -fno-asynchronous-unwind-tables $(WARN) -I.
BENCH_GUEST_CC_arm64 = $(GUEST_CC_ALL)
BENCH_GUEST_LD_x86_64 := tests/bench/guest/guest.ld
BENCH_GUEST_LD_arm64 := tests/guest/arm64/lib/guest.ld
BENCH_GUEST_LDFLAGS_x86_64 := -static
BENCH_GUEST_LDFLAGS_arm64 := -pie --no-dynamic-linker -z max-page-size=4096
BENCH_GUEST_LD := $(BENCH_GUEST_LD_$(ARCH))
BENCH_GUEST_OBJ := $(BENCH_GUEST_SRC_$(ARCH):%=$(BENCH)/%.o)

$(BENCH_GUEST_OBJ): $(BENCH)/%.o: % $(BENCH_GUEST_HEADERS_$(ARCH)) | setup-build
	$(Q)mkdir -p $(@D)
	$(Q)$(BENCH_GUEST_CC_$(ARCH)) -c $< -o $@

$(BENCH_GUEST): $(BENCH_GUEST_OBJ) $(BENCH_GUEST_LD)
	$(Q)$(LD) -nostdlib $(BENCH_GUEST_LDFLAGS_$(ARCH)) --build-id=none -z noexecstack \
		--no-warn-rwx-segments -T $(BENCH_GUEST_LD) -o $(@:.bin=.elf) $(BENCH_GUEST_OBJ)
	$(Q)$(OBJCOPY) -O binary $(@:.bin=.elf) $@

# KVM's column: a stock Linux whose init runs the same guest on /dev/kvm. The boot's: an init that
# tells when it was reached. On arm64 KVM is no module.
BENCH_KERNEL := $(KERNELS)/6.12/vmlinuz
BENCH_MODULES_x86_64 := $(dir $(BENCH_KERNEL))modules
BENCH_KVM_INITRD := $(BENCH)/kvm.cpio.gz
BENCH_BOOT_INITRD := $(BENCH)/boot.cpio.gz
BENCH_USER_CFLAGS := -std=gnu17 -O2 -static $(filter-out -Wframe-larger-than=%,$(WARN))

$(BENCH)/kvm_vmm $(BENCH)/userspace: $(BENCH)/%: $(BENCH_DIR)/%.c | setup-test
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(BENCH_USER_CFLAGS) -o $@ $<

# The system tests' guest hypervisors use it, too.
ifeq ($(ARCH),x86_64)
test-files system-test test-nested: $(BENCH)/kvm_vmm
endif

# A folder of a kernel from before KVM's module for Intel was wanted lacks it.
BENCH_KVM_INTEL := $(if $(BENCH_MODULES_$(ARCH)),$(BENCH_MODULES_$(ARCH))/kvm-intel.ko)
ifneq ($(BENCH_KVM_INTEL),)
$(BENCH_KVM_INTEL): | $(BENCH_KERNEL)
	$(Q)$(SETUP)/kernels.sh $(ARCH) $(KERNELS) 6.12
endif
BENCH_L1_x86_64 := $(BENCH)/l1.bin
BENCH_L1 := $(BENCH_L1_$(ARCH))
$(BENCH_KVM_INITRD): $(BENCH)/kvm_vmm $(BENCH_GUEST) $(BENCH_L1) $(BENCH_DIR)/initramfs/init $(BENCH_KERNEL) \
		$(BENCH_KVM_INTEL) \
		$(GUEST_BUSYBOX_$(ARCH)) $(SETUP)/mkinitramfs.py
	$(Q)rm -rf $(BENCH)/kvm && mkdir -p $(BENCH)/kvm
	$(Q)cp $(BENCH)/kvm_vmm $(BENCH_GUEST) $(BENCH_L1) $(BENCH_DIR)/initramfs/init $(BENCH)/kvm
	$(Q)$(SETUP)/mkinitramfs.py $@ $(GUEST_BUSYBOX) $(BENCH)/kvm $(BENCH_MODULES_$(ARCH))

$(BENCH_BOOT_INITRD): $(BENCH)/userspace $(GUEST_BUSYBOX_$(ARCH)) $(SETUP)/mkinitramfs.py
	$(Q)rm -rf $(BENCH)/boot && mkdir -p $(BENCH)/boot
	$(Q)cp $(BENCH)/userspace $(BENCH)/boot/init
	$(Q)$(SETUP)/mkinitramfs.py $@ $(GUEST_BUSYBOX) $(BENCH)/boot

# Faults of several vCPUs on one table, on this machine's own CPUs. Threads are preempted, CPUs are not.
BENCH_FAULTS := build/bench/faults
BENCH_FAULTS_SRC := tests/bench/faults.c mm/tdp.c mm/tdp_iter.c mm/pt_format.c mm/pt_formats.c \
	mm/tlb_batch.c vmm/fault.c vmm/memslot.c
$(BENCH_FAULTS): $(BENCH_FAULTS_SRC) tests/bench/relax.h $(wildcard mm/*.h vmm/*.h) | setup-test
	$(Q)mkdir -p $(@D)
	$(Q)$(HOST_CC) -std=gnu17 -O2 -I. -Iarch/x86/include $(WARN) \
		-include tests/bench/relax.h -o $@ $(BENCH_FAULTS_SRC) -lpthread

# NESTED=1: the same Linux as L1 and as L2, on Socle and on KVM.
BENCH_INNER_INITRD := $(BENCH)/inner.cpio.gz
BENCH_OUTER_INITRD := $(BENCH)/outer.cpio.gz
$(BENCH_INNER_INITRD): $(BENCH_KVM_INITRD) $(BENCH_BOOT_INITRD)
	$(Q)rm -rf $(BENCH)/inner && mkdir -p $(BENCH)/inner
	$(Q)cp $(BENCH)/kvm_vmm $(BENCH_GUEST) $(BENCH_DIR)/initramfs/init $(BENCH_BOOT_INITRD) $(BENCH)/inner
	$(Q)cp $(BENCH_KERNEL) $(BENCH)/inner/vmlinuz
	$(Q)$(SETUP)/mkinitramfs.py $@ $(GUEST_BUSYBOX) $(BENCH)/inner $(BENCH_MODULES_$(ARCH))
$(BENCH_OUTER_INITRD): $(BENCH_INNER_INITRD)
	$(Q)rm -rf $(BENCH)/outer && mkdir -p $(BENCH)/outer
	$(Q)cp $(BENCH)/kvm_vmm $(BENCH_DIR)/initramfs/init $(BENCH_INNER_INITRD) $(BENCH)/outer
	$(Q)cp $(BENCH_KERNEL) $(BENCH)/outer/vmlinuz
	$(Q)$(SETUP)/mkinitramfs.py $@ $(GUEST_BUSYBOX) $(BENCH)/outer $(BENCH_MODULES_$(ARCH))

# VENDOR=intel: on Bochs.
BENCH_PY_x86_64 := $(if $(filter intel,$(VENDOR)),tests/bench/bench_intel.py,tests/bench/bench.py)
BENCH_PY_arm64 := tests/bench/bench_arm64.py
BENCH_OUT_x86_64 := build/bench$(if $(filter intel,$(VENDOR)),-intel).txt
BENCH_OUT_arm64 := build/bench-arm64.txt
BENCH_PROFILED_x86_64 := cpuid-0
BENCH_PROFILED_arm64 := hvc
BENCH_PYTHON := PYTHONDONTWRITEBYTECODE=1 SOCLE_ARCH=$(ARCH) /usr/bin/python3

BENCH_EFI_arm64 := $(BOOT_EFI)
BENCH_EFI := $(or $(BENCH_EFI_$(ARCH)),$(EFI))

.PHONY: bench profile
bench: $(BENCH_EFI) $(MULTIBOOT_$(ARCH)) $(BENCH_GUEST) $(BENCH_KVM_INITRD) $(BENCH_BOOT_INITRD) $(BENCH_KERNEL) \
		$(if $(NESTED),$(BENCH_OUTER_INITRD)) \
		$(if $(filter intel,$(VENDOR)),bochs) $(if $(filter x86_64-amd,$(ARCH)-$(VENDOR)),$(BENCH_FAULTS))
	$(Q)SOCLE_BOCHS=$(BOCHS)/bochs $(BENCH_PYTHON) $(BENCH_PY_$(ARCH)) --efi $(BENCH_EFI) \
		--core $(CORE) --guest $(BENCH_GUEST) --kvm-initrd $(BENCH_KVM_INITRD) \
		--boot-initrd $(BENCH_BOOT_INITRD) --kernel $(BENCH_KERNEL) --out $(BENCH_OUT_$(ARCH)) \
		$(if $(BENCH_L1),--l1 $(BENCH_L1)) \
		$(if $(NESTED),--inner-initrd $(BENCH_INNER_INITRD) --outer-initrd $(BENCH_OUTER_INITRD))

# T="cpuid-0 lapic-read": which functions an operation's instructions go to; LINES=1: each of them.
profile: $(BENCH_EFI) $(MULTIBOOT_$(ARCH)) $(BENCH_GUEST)
	$(Q)$(BENCH_PYTHON) tests/bench/profile_trip.py --arch $(ARCH) --efi $(BENCH_EFI) \
		--core $(CORE) --guest $(BENCH_GUEST) $(if $(LINES),--lines) \
		$(or $(T),$(BENCH_PROFILED_$(ARCH)))

.PHONY: test-kvm
test-kvm: $(EFI) $(KERNELS)/6.12/vmlinuz $(GUEST_INITRD)
	$(Q)PYTHONDONTWRITEBYTECODE=1 /usr/bin/python3 tests/bench/nested_kvm.py --efi $(EFI) \
		--kernels $(KERNELS) --initrd $(GUEST_INITRD)

# Nested SVM: a hypervisor with the library of the tiny guests, on Socle and on KVM.
$(BENCH)/l1.bin: tests/bench/nested/l1.c $$(GUEST_LIB_OBJ) tests/guest/x86/lib/svm.h
	$(Q)mkdir -p $(@D)
	$(Q)$(GUEST_CC_ALL) -I$(GUEST_DIR)/lib -c $< -o $(@:.bin=.o)
	$(Q)$(LD) -nostdlib $(GUEST_LDFLAGS_$(CORE_ARCH_DIR)) --build-id=none -z noexecstack \
		-z max-page-size=4096 --no-warn-rwx-segments -T $(GUEST_DIR)/lib/guest.ld \
		-o $(@:.bin=.elf) $(@:.bin=.o) $(GUEST_LIB_OBJ)
	$(Q)$(OBJCOPY) -O binary $(@:.bin=.elf) $@
