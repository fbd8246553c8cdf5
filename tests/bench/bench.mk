# SPDX-License-Identifier: Apache-2.0
# Speed, counted (tests/bench/bench.py) and Socle under nested KVM (tests/bench/nested_kvm.py).
BENCH := build/bench
BENCH_GUEST := $(BENCH)/guest.bin
BENCH_GUEST_CFLAGS := -std=gnu17 -O2 -ffreestanding -mgeneral-regs-only -fno-pic -mno-red-zone \
	-fno-stack-protector -fcf-protection=none -fno-asynchronous-unwind-tables $(WARN)
BENCH_GUEST_SRC := $(wildcard tests/bench/guest/*.[cS])
BENCH_GUEST_OBJ := $(BENCH_GUEST_SRC:%=$(BENCH)/%.o)

$(BENCH)/%.o: % tests/bench/guest/guest.h | setup-build
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(BENCH_GUEST_CFLAGS) -I. -c $< -o $@

$(BENCH_GUEST): $(BENCH_GUEST_OBJ) tests/bench/guest/guest.ld
	$(Q)ld -nostdlib -static --build-id=none -z noexecstack --no-warn-rwx-segments -T tests/bench/guest/guest.ld \
		-o $(@:.bin=.elf) $(BENCH_GUEST_OBJ)
	$(Q)objcopy -O binary $(@:.bin=.elf) $@

# KVM's column: a stock Linux whose init runs the same guest on /dev/kvm. The boot's: an init that
# tells when it was reached.
BENCH_KERNEL := $(KERNELS)/6.12/vmlinuz
BENCH_KVM_INITRD := $(BENCH)/kvm.cpio.gz
BENCH_BOOT_INITRD := $(BENCH)/boot.cpio.gz
BENCH_USER_CFLAGS := -std=gnu17 -O2 -static $(filter-out -Wframe-larger-than=%,$(WARN))

$(BENCH)/kvm_vmm $(BENCH)/userspace: $(BENCH)/%: tests/bench/%.c | setup-test
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(BENCH_USER_CFLAGS) -o $@ $<

$(BENCH_KVM_INITRD): $(BENCH)/kvm_vmm $(BENCH_GUEST) tests/bench/initramfs/init $(BENCH_KERNEL) \
		$(SETUP)/mkinitramfs.py
	$(Q)rm -rf $(BENCH)/kvm && mkdir -p $(BENCH)/kvm
	$(Q)cp $(BENCH)/kvm_vmm $(BENCH_GUEST) tests/bench/initramfs/init $(BENCH)/kvm
	$(Q)$(SETUP)/mkinitramfs.py $@ "$$(command -v busybox)" $(BENCH)/kvm \
		$(dir $(BENCH_KERNEL))modules

$(BENCH_BOOT_INITRD): $(BENCH)/userspace $(SETUP)/mkinitramfs.py
	$(Q)rm -rf $(BENCH)/boot && mkdir -p $(BENCH)/boot
	$(Q)cp $(BENCH)/userspace $(BENCH)/boot/init
	$(Q)$(SETUP)/mkinitramfs.py $@ "$$(command -v busybox)" $(BENCH)/boot

.PHONY: bench profile
bench: $(EFI) $(BENCH_GUEST) $(BENCH_KVM_INITRD) $(BENCH_BOOT_INITRD) $(BENCH_KERNEL)
	$(Q)PYTHONDONTWRITEBYTECODE=1 /usr/bin/python3 tests/bench/bench.py --efi $(EFI) \
		--core $(CORE) --guest $(BENCH_GUEST) --kvm-initrd $(BENCH_KVM_INITRD) \
		--boot-initrd $(BENCH_BOOT_INITRD) --kernel $(BENCH_KERNEL) --out build/bench.txt

# T="cpuid-0 lapic-read": which functions an operation's instructions go to; LINES=1: each of them.
profile: $(EFI) $(BENCH_GUEST)
	$(Q)PYTHONDONTWRITEBYTECODE=1 /usr/bin/python3 tests/bench/profile_trip.py --efi $(EFI) \
		--core $(CORE) --guest $(BENCH_GUEST) $(if $(LINES),--lines) $(or $(T),cpuid-0)

.PHONY: test-kvm
test-kvm: $(EFI) $(KERNELS)/6.12/vmlinuz $(GUEST_INITRD)
	$(Q)PYTHONDONTWRITEBYTECODE=1 /usr/bin/python3 tests/bench/nested_kvm.py --efi $(EFI) \
		--kernels $(KERNELS) --initrd $(GUEST_INITRD)
