# SPDX-License-Identifier: Apache-2.0
# What the targets need besides the tree: packages, the core's C library, guest kernels, a guest
# user space, a stick image. Expects ARCH and Q; CORE_CC and CORE_CFLAGS for newlib; the loader is
# $(EFI). Each script is silent when there is nothing to do.
#
#   setup-build setup-run setup-test setup-check   install the packages of that use
#   newlib kernels initramfs image                 the files below
#   newlib-test                                    checks that library
#   run, system-test                               QEMU

SETUP := tests/setup
CORE_CC ?= gcc
EFI ?= build/$(ARCH)/BOOTX64.EFI
NEWLIB := build/$(ARCH)/newlib
KERNELS := build/cache/kernels
GUEST_INITRD := build/guest/initramfs.cpio.gz

# make run's guest; KERNEL=, INITRD=, OPTIONS= and MEM= on the command line override.
DEFAULT_KERNEL := $(KERNELS)/6.12/vmlinuz
KERNEL ?= $(DEFAULT_KERNEL)
INITRD ?= $(GUEST_INITRD)
OPTIONS ?= console=ttyS0
MEM ?= 512M

.PHONY: setup-build setup-run setup-test setup-check newlib newlib-test kernels initramfs image \
	run system-test
# One after the other, also under -j: apt has one lock.
setup-build:
	$(Q)$(SETUP)/packages.sh build
setup-run: | setup-build
	$(Q)$(SETUP)/packages.sh run
setup-test: | setup-run
	$(Q)$(SETUP)/packages.sh test
setup-check: | setup-test
	$(Q)$(SETUP)/packages.sh check

# The core's C library: rebuilt when its compiler or flags change.
NEWLIB_FLAGS = $(CORE_CC) $(CORE_CFLAGS)
newlib: $(NEWLIB)/libc.a
$(NEWLIB)/libc.a: $(NEWLIB)/flags $(SETUP)/newlib.sh | setup-build
	$(Q)$(SETUP)/newlib.sh $(ARCH) $(NEWLIB) $(NEWLIB_FLAGS)
$(NEWLIB)/flags: FORCE
	$(Q)mkdir -p $(@D)
	$(Q)echo '$(NEWLIB_FLAGS)' | cmp -s - $@ || echo '$(NEWLIB_FLAGS)' >$@
.PHONY: FORCE
FORCE:

newlib-test: | setup-test
	$(Q)$(SETUP)/newlib_test.sh build/$(ARCH)/newlib-test $(NEWLIB_FLAGS)

# Preprocessor flags of everything that uses it: the compiler's headers, newlib's, nothing of the
# host. Asked of the compiler once, and not before setup-build could install it.
NEWLIB_CPPFLAGS = $(eval NEWLIB_CPPFLAGS := -nostdinc \
	-isystem $(shell $(CORE_CC) -print-file-name=include) -isystem $(NEWLIB)/include)$(NEWLIB_CPPFLAGS)

kernels: $(KERNELS)/6.1/vmlinuz $(KERNELS)/6.12/vmlinuz
$(KERNELS)/%/vmlinuz: | setup-run
	$(Q)$(SETUP)/kernels.sh $(KERNELS) $*

INITRAMFS_FILES := $(wildcard tests/system/initramfs/*)
initramfs: $(GUEST_INITRD)
$(GUEST_INITRD): $(SETUP)/mkinitramfs.py $(INITRAMFS_FILES) | setup-run
	$(Q)$(SETUP)/mkinitramfs.py $@ "$$(command -v busybox)" tests/system/initramfs

# A guest file that the user names is the user's; only our own defaults are made.
GUEST_FILES := $(filter $(DEFAULT_KERNEL) $(GUEST_INITRD),$(KERNEL) $(INITRD))
image run: export GUEST_OPTIONS := $(OPTIONS)
GUEST_ARGS = --efi '$(EFI)' --kernel '$(KERNEL)' --initrd '$(INITRD)' \
	--options "$$GUEST_OPTIONS" --memory '$(MEM)'

# For a real machine: no debug-exit port, which only QEMU has.
image: $(EFI) $(GUEST_FILES) | setup-run
	$(Q)$(SETUP)/mkimage.py build/stick.img $(GUEST_ARGS)
	$(Q)echo "build/stick.img: write it to a USB stick with dd or the like"

run: $(EFI) $(GUEST_FILES) | setup-run
	$(Q)$(SETUP)/run.py $(GUEST_ARGS)

# T=name runs the tests whose name has it.
system-test: $(EFI) kernels initramfs | setup-test
	$(Q)SOCLE_EFI=$(EFI) SOCLE_KERNELS=$(KERNELS) SOCLE_INITRD=$(GUEST_INITRD) \
		PYTHONDONTWRITEBYTECODE=1 /usr/bin/python3 -m pytest -v -p no:cacheprovider \
		$(if $(T),-k '$(T)') tests/system
