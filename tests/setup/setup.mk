# SPDX-License-Identifier: Apache-2.0
# What the targets need besides the tree: packages, the core's C library, guest kernels, a guest
# user space, a stick image. Expects ARCH and Q; CORE_CC and CORE_CFLAGS for newlib; the loader is
# $(EFI). Each script is silent when there is nothing to do.
#
#   setup-build setup-run setup-test setup-check   install the packages of that use
#   newlib kernels initramfs image usb             the files below
#   newlib-test                                    checks that library
#   run, system-test, kut                          QEMU; run with VENDOR=intel: Bochs
#   test-stick                                     the stick on machines of many shapes
#   test-nested                                    guests of guests, all of the rows
#   test-smp                                       vCPUs, CPUs and memory, all of the rows
#   bochs, test-vmx, test-bochs                    Bochs: an emulator with VMX and all of SVM

SETUP := tests/setup
BOCHS := build/cache/bochs
CORE_CC ?= gcc
EFI ?= build/$(ARCH)/$(EFI_NAME_$(ARCH))
EFI_NAME_x86_64 := BOOTX64.EFI
EFI_NAME_arm64 := BOOTAA64.EFI
MULTIBOOT_x86_64 := build/x86_64/socle.mb
NEWLIB := build/$(ARCH)/newlib
KERNELS_x86_64 := build/cache/kernels
KERNELS_arm64 := build/cache/kernels/arm64
KERNELS := $(KERNELS_$(ARCH))
GUEST_INITRD_x86_64 := build/guest/initramfs.cpio.gz
GUEST_INITRD_arm64 := build/guest/arm64/initramfs.cpio.gz
GUEST_INITRD := $(GUEST_INITRD_$(ARCH))
MADT_EFI := build/x86_64/guest/madt.efi
LA57_EFI_x86_64 := build/x86_64/guest/la57.efi

# make run's guest; KERNEL=, INITRD=, OPTIONS= and MEM= on the command line override. CPU= is the model
# that QEMU emulates.
DEFAULT_KERNEL := $(KERNELS)/6.12/vmlinuz
KERNEL ?= $(DEFAULT_KERNEL)
INITRD ?= $(GUEST_INITRD)
OPTIONS_x86_64 := console=ttyS0
OPTIONS_arm64 := console=ttyAMA0
OPTIONS ?= $(OPTIONS_$(ARCH))
MEM ?= 512M

# Package groups build-NAME and run-NAME, besides build and run.
PACKAGES_arm64 := arm64

.PHONY: setup-build setup-run setup-test setup-check newlib newlib-test kernels initramfs image \
	sign usb usb-files run system-test kut test-stick test-nested test-smp bochs test-vmx test-bochs
# One after the other, also under -j: apt has one lock.
setup-build:
	$(Q)$(SETUP)/packages.sh build $(PACKAGES_$(ARCH):%=build-%)
setup-run: | setup-build
	$(Q)$(SETUP)/packages.sh run $(PACKAGES_$(ARCH):%=run-%)
setup-test: | setup-run
	$(Q)$(SETUP)/packages.sh test build-arm64 run-arm64
setup-check: | setup-test
	$(Q)$(SETUP)/packages.sh check

# The core's C library: rebuilt when its compiler or flags change.
NEWLIB_FLAGS = $(CORE_CC) $(CORE_CFLAGS)
newlib: $(NEWLIB)/libc.a
$(NEWLIB)/libc.a: $(NEWLIB)/flags $(SETUP)/newlib.sh | setup-build
	$(Q)CROSS=$(CROSS) $(SETUP)/newlib.sh $(ARCH) $(NEWLIB) $(NEWLIB_FLAGS)
$(NEWLIB)/flags: FORCE
	$(Q)mkdir -p $(@D)
	$(Q)echo '$(NEWLIB_FLAGS)' | cmp -s - $@ || echo '$(NEWLIB_FLAGS)' >$@
.PHONY: FORCE
FORCE:

newlib-test: newlib | setup-test
	$(Q)CROSS=$(CROSS) $(SETUP)/newlib_test.sh $(ARCH) $(NEWLIB) build/$(ARCH)/newlib-test $(NEWLIB_FLAGS)

# Preprocessor flags of everything that uses it: the compiler's headers, newlib's, nothing of the
# host. Asked of the compiler once, and not before setup-build could install it.
NEWLIB_CPPFLAGS = $(eval NEWLIB_CPPFLAGS := -nostdinc \
	-isystem $(shell $(CORE_CC) -print-file-name=include) -isystem $(NEWLIB)/include)$(NEWLIB_CPPFLAGS)

kernels: $(KERNELS)/6.1/vmlinuz $(KERNELS)/6.12/vmlinuz
$(KERNELS)/%/vmlinuz: | setup-run
	$(Q)$(SETUP)/kernels.sh $(ARCH) $(KERNELS) $*

GUEST_BUSYBOX_arm64 := build/cache/arm64/busybox
GUEST_BUSYBOX = $(or $(GUEST_BUSYBOX_$(ARCH)),"$$(command -v busybox)")
INITRAMFS_FILES := $(wildcard tests/system/initramfs/*)
initramfs: $(GUEST_INITRD)
$(GUEST_INITRD): $(SETUP)/mkinitramfs.py $(INITRAMFS_FILES) $(GUEST_BUSYBOX_$(ARCH)) | setup-run
	$(Q)$(SETUP)/mkinitramfs.py $@ $(GUEST_BUSYBOX) tests/system/initramfs

# A guest file that the user names is the user's; only our own defaults are made.
GUEST_FILES := $(filter $(DEFAULT_KERNEL) $(GUEST_INITRD),$(KERNEL) $(INITRD))
run system-test: export SOCLE_ARCH := $(ARCH)
run system-test: export SOCLE_CPU := $(CPU)
image run: export GUEST_OPTIONS := $(OPTIONS)
GUEST_ARGS = --kernel '$(KERNEL)' --initrd '$(INITRD)' --options "$$GUEST_OPTIONS" --memory '$(MEM)'

# With KEY= and CERT= the loader that goes on a stick is signed for Secure Boot. `make sign` makes it
# anew each time: nothing tells whether the key is still the same.
SIGNED_x86_64 := build/x86_64/signed/$(EFI_NAME_x86_64)
SIGNED_arm64 := build/arm64/signed/$(EFI_NAME_arm64)
LOADER_x86_64 := $(if $(KEY),$(SIGNED_x86_64),build/x86_64/$(EFI_NAME_x86_64))
LOADER_arm64 := $(if $(KEY),$(SIGNED_arm64),build/arm64/$(EFI_NAME_arm64))
sign: $(EFI) | setup-build
	$(Q)test -f '$(KEY)' -a -f '$(CERT)' || { echo "usage: make sign KEY=key.pem CERT=cert.pem"; exit 2; }
	$(Q)$(SETUP)/packages.sh sign
	$(Q)mkdir -p $(dir $(SIGNED_$(ARCH)))
	$(Q)sbsign --key '$(KEY)' --cert '$(CERT)' --output $(SIGNED_$(ARCH)) $(EFI)

# For a real machine: no debug-exit, which only QEMU has. The loader of the other architecture goes
# along where it has been built.
OTHER_EFI = $(wildcard $(filter-out $(LOADER_$(ARCH)),$(foreach a,x86_64 arm64,$(LOADER_$(a)))))
image: $(EFI) $(GUEST_FILES) $(if $(KEY),sign) | setup-run
	$(Q)$(SETUP)/mkimage.py build/stick.img --efi '$(LOADER_$(ARCH))' $(OTHER_EFI) $(GUEST_ARGS)
	$(Q)echo "build/stick.img: write it to a USB stick with dd or the like"

# One stick for both architectures. DEV=/dev/...: writes it there, after a question; FORCE=1 also where
# that is no removable disk, YES=1 without the question.
USB_ARCHES := x86_64 arm64
usb: | setup-run
	$(Q)for arch in $(USB_ARCHES); do $(MAKE) --no-print-directory ARCH=$$arch usb-files || exit 1; done
	$(Q)$(SETUP)/mkusb.py image build/usb.img \
		--x64 $(LOADER_x86_64) $(KERNELS_x86_64)/6.12/vmlinuz $(GUEST_INITRD_x86_64) \
		--aa64 $(LOADER_arm64) $(KERNELS_arm64)/6.12/vmlinuz $(GUEST_INITRD_arm64)
	$(Q)$(if $(DEV),$(SETUP)/mkusb.py write build/usb.img '$(DEV)' $(if $(FORCE),--force) $(if $(YES),--yes), \
		echo "build/usb.img: make usb DEV=/dev/... writes it to a stick")
usb-files: $(if $(KEY),sign,$(EFI)) $(KERNELS)/6.12/vmlinuz $(GUEST_INITRD)

# Whose virtualisation an x86 machine has; tcsh exports a variable of that name.
ifneq ($(origin VENDOR),command line)
VENDOR := amd
endif
ifeq ($(filter x86_64-amd x86_64-intel arm64-amd,$(ARCH)-$(VENDOR)),)
$(error VENDOR=$(VENDOR): expected amd or, with ARCH=x86_64, intel)
endif
run: $(EFI) $(GUEST_FILES) $(if $(filter intel,$(VENDOR)),bochs) | setup-run
	$(Q)SOCLE_BOCHS=$(BOCHS)/bochs $(SETUP)/run.py --efi '$(EFI)' --vendor $(VENDOR) $(GUEST_ARGS)

# T=name runs the tests whose name has it; JOBS says how many at a time: else one per CPU, or one more
# where machines wait now and then. QEMU's SVM is not asked that: on a busy computer it may lose a timer's
# interrupt (README, "Limits").
JOBS_MORE := $(shell expr $$(nproc) + 1)
JOBS_HERE = $(or $(JOBS),$(if $(filter arm64,$(ARCH))$(filter test-vmx test-bochs,$@),$(JOBS_MORE),auto))
PYTEST = PYTHONDONTWRITEBYTECODE=1 /usr/bin/python3 -m pytest -v -rs -p no:cacheprovider --durations=40 -n $(JOBS_HERE)
system-test: $(EFI) $(MULTIBOOT_$(ARCH)) $(LA57_EFI_$(ARCH)) kernels initramfs | setup-test
	$(Q)SOCLE_EFI=$(EFI) SOCLE_KERNELS=$(KERNELS) SOCLE_INITRD=$(GUEST_INITRD) \
		$(PYTEST) $(if $(T),-k '$(T)') --ignore=tests/system/test_bochs.py tests/system

# The user's own build of them, see run_kut.py.
kut: $(EFI) | setup-test
	$(Q)SOCLE_ARCH=$(ARCH) SOCLE_EFI=$(EFI) PYTHONDONTWRITEBYTECODE=1 /usr/bin/python3 \
		tests/system/run_kut.py '$(KUT)' '$(T)'

# Sticks and machines of many shapes; `make test` has the quick rows of it.
test-stick: export SOCLE_STICK := 1
test-stick: export SOCLE_ARCH := $(ARCH)
test-stick: $(EFI) kernels initramfs | setup-test
	$(Q)SOCLE_EFI=$(EFI) SOCLE_KERNELS=$(KERNELS) SOCLE_INITRD=$(GUEST_INITRD) \
		$(PYTEST) $(if $(T),-k '$(T)') tests/system/test_stick.py tests/system/test_usb.py

# All of the rows with guests of guests (x86-64): `make system-test` runs some.
test-nested: $(MULTIBOOT_x86_64) kernels | setup-test
	$(Q)SOCLE_KERNELS=$(KERNELS) SOCLE_NESTED_ROWS=all \
		$(PYTEST) $(if $(T),-k '$(T)') tests/system/test_nested.py

# All of the rows with several vCPUs and CPUs: `make system-test` runs some.
test-smp: export SOCLE_ARCH := $(ARCH)
test-smp: $(EFI) $(MULTIBOOT_$(ARCH)) kernels initramfs | setup-test
	$(Q)SOCLE_EFI=$(EFI) SOCLE_KERNELS=$(KERNELS) SOCLE_INITRD=$(GUEST_INITRD) SOCLE_SMP_ROWS=all \
		$(PYTEST) $(if $(T),-k '$(T)') tests/system/test_smp.py

bochs: | setup-run
	$(Q)$(SETUP)/packages.sh bochs
	$(Q)$(SETUP)/bochs.sh $(BOCHS)

# Stand before the loader: where Bochs' firmware has no ACPI tables to find its CPUs by; for a firmware
# that leaves five levels of paging on.
$(MADT_EFI) $(LA57_EFI_x86_64): build/x86_64/guest/%.efi: tests/system/%.c tests/system/chain.h | setup-build
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(BOOT_CFLAGS) -c $< -o $(@:.efi=.o)
	$(Q)$(LD) $(BOOT_LDFLAGS) $(EFI_LIB)/crt0-efi-$(BOOT_EFI_ARCH).o $(@:.efi=.o) -o $(@:.efi=.so) -lefi -lgnuefi
	$(Q)$(OBJCOPY) $(BOOT_SECTIONS) $(BOOT_OBJCOPY_$(ARCH)) $(@:.efi=.so) $@

# Of the rows on Bochs `make test` has time for those of Intel that matter (test-vmx).
BOCHS_ROWS_test-vmx := suite
BOCHS_ROWS_test-bochs := all
test-vmx test-bochs: $(EFI) $(MULTIBOOT_x86_64) $(MADT_EFI) kernels initramfs bochs | setup-test
	$(Q)SOCLE_BOCHS=$(BOCHS)/bochs SOCLE_MADT=$(MADT_EFI) SOCLE_EFI=$(EFI) SOCLE_KERNELS=$(KERNELS) \
		SOCLE_INITRD=$(GUEST_INITRD) SOCLE_BOCHS_ROWS=$(BOCHS_ROWS_$@) \
		$(PYTEST) $(if $(T),-k '$(T)') tests/system/test_bochs.py
