# SPDX-License-Identifier: Apache-2.0
# Socle. The README lists the targets.
ARCH ?= x86_64
Q := $(if $(V),,@)
ifeq ($(MAKELEVEL),0)
MAKEFLAGS += -j$(shell nproc) # unless the user says another
endif
WARN := -Wall -Wextra -Werror -Wconversion -Wshadow -Wundef -Wvla -Wcast-qual -Wstrict-prototypes \
	-Wmissing-prototypes -Wswitch-enum -Wframe-larger-than=1024
ifeq ($(origin CC),default)
CC := gcc
endif

# One core per architecture: its folder, its link address, its compiler flags.
CORE_DIR_x86_64 := x86
CORE_VA_x86_64 := 0xffffffff80000000
CORE_FLAGS_x86_64 := -mno-red-zone -mcmodel=kernel -fcf-protection=none
CORE_ASFLAGS_x86_64 = $(ACPI_ASFLAGS)
CORE_DIR_arm64 := arm64
CORE_VA_arm64 := 0xffff80000000
CORE_FLAGS_arm64 := -march=armv8-a -mno-outline-atomics -mbranch-protection=none
# What a waiting CPU does; with DEBUG=1 lock ranks are checked.
CORE_DEFS_x86_64 := -D'LOCK_RELAX()=__builtin_ia32_pause()'
CORE_DEFS_arm64 := -D'LOCK_RELAX()=__asm__ volatile("yield")'
CORE_DEFS := $(CORE_DEFS_$(ARCH)) $(if $(DEBUG),-DLOCK_DEBUG)
CORE_ARCH_DIR := $(CORE_DIR_$(ARCH))
ifeq ($(CORE_ARCH_DIR),)
$(error ARCH=$(ARCH): expected x86_64 or arm64)
endif

# The tools of the target: $(CC), $(LD) and $(OBJCOPY). The host's are HOST_CC and FUZZ_CC.
CROSS_arm64 := aarch64-linux-gnu-
CROSS := $(CROSS_$(ARCH))
LD := $(CROSS)ld
OBJCOPY := $(CROSS)objcopy
ifneq ($(CROSS),)
ifeq ($(CC),gcc)
override CC := $(CROSS)gcc
else ifneq ($(findstring clang,$(CC)),)
override CC := $(filter-out --target=%,$(CC)) --target=$(CROSS:%-=%)
endif
endif

BUILD := build/$(ARCH)
CORE := $(BUILD)/socle.elf
CORE_CC := $(CC)
CORE_CFLAGS := -std=gnu17 -O2 -g -ffreestanding -mgeneral-regs-only -fno-pic -fno-stack-protector \
	-fno-omit-frame-pointer -fno-asynchronous-unwind-tables -fno-strict-aliasing -fno-common \
	-ffunction-sections -fdata-sections -ffile-prefix-map=$(CURDIR)=. $(CORE_FLAGS_$(ARCH))

CORE_SRC := $(wildcard mm/*.c vmm/*.c nested/*.c nested/$(CORE_ARCH_DIR)/*.c arch/$(CORE_ARCH_DIR)/*.c arch/$(CORE_ARCH_DIR)/*.S \
	arch/$(CORE_ARCH_DIR)/acpi/*.S)
CORE_OBJ := $(CORE_SRC:%=$(BUILD)/obj/%.o) $(BUILD)/obj/fbcon_font.c.o

.DEFAULT_GOAL := all
include tests/setup/setup.mk
include tests/setup/libs.mk
include boot/boot.mk
include arch/x86/acpi/acpi.mk
include tests/host/host.mk
include tests/bench/bench.mk
include tests/guest/guest.mk

.PHONY: all
all: $(BOOT_EFI) $(BOOT_MULTIBOOT)
	$(Q)stat -c '%n: %s bytes' $^

# Whatever is built needs the packages first, and all of it again when compiler or flags change.
$(BOOT_OBJ) $(CORE_OBJ): $(NEWLIB)/libc.a Makefile boot/boot.mk $(LIB_HEADERS)
$(BOOT_OBJ): | $(EFI_FETCHED)
$(BOOT_OBJ) $(CORE_OBJ) $(ACPI_AML) build/fbcon_font.c: | setup-build

$(CORE): $(CORE_OBJ) $(CORE_LIBS) $(NEWLIB)/libc.a linker.ld
	$(Q)$(LD) -nostdlib -static --gc-sections --build-id=none -z noexecstack -z max-page-size=4096 \
		--defsym=CORE_VA=$(CORE_VA_$(ARCH)) -T linker.ld -Map=$(BUILD)/socle.map \
		-o $@ $(CORE_OBJ) $(CORE_LIBS) $(NEWLIB)/libc.a

$(BUILD)/obj/%.c.o: %.c $(NEWLIB)/libc.a
	$(Q)mkdir -p $(@D)
	$(Q)$(CORE_CC) $(CORE_CFLAGS) $(CORE_DEFS) -fbuiltin $(WARN) $(NEWLIB_CPPFLAGS) $(LIB_CPPFLAGS) -I. \
		-Iarch/$(CORE_ARCH_DIR)/include -MMD -MP -c $< -o $@

$(BUILD)/obj/%.S.o: %.S
	$(Q)mkdir -p $(@D)
	$(Q)$(CORE_CC) $(CORE_CFLAGS) $(CORE_ASFLAGS_$(ARCH)) -I. \
		-Iarch/$(CORE_ARCH_DIR)/include -MMD -MP -c $< -o $@

$(BUILD)/obj/fbcon_font.c.o: build/fbcon_font.c $(NEWLIB)/libc.a
	$(Q)mkdir -p $(@D)
	$(Q)$(CORE_CC) $(CORE_CFLAGS) $(WARN) $(NEWLIB_CPPFLAGS) -I. -c $< -o $@

$(BUILD)/obj/arch/x86/acpi/tables.S.o: $(ACPI_AML)

-include $(CORE_OBJ:.o=.d)

# Both architectures, unless the user names one.
ARCHES := $(if $(filter file,$(origin ARCH)),x86_64 arm64,$(ARCH))
EACH_ARCH = for arch in $(ARCHES); do $(MAKE) --no-print-directory ARCH=$$arch

# What can be checked without running the hypervisor.
CHECK_SRC = $(shell git ls-files '*.c' '*.h')
TIDY_SRC := $(wildcard arch/$(CORE_ARCH_DIR)/*.c nested/$(CORE_ARCH_DIR)/*.c) $(if $(filter x86_64,$(ARCH)),$(wildcard mm/*.c vmm/*.c nested/*.c))
TIDY_TARGET := $(if $(CROSS),--target=$(CROSS:%-=%))
TIDY_OK := $(TIDY_SRC:%=$(BUILD)/tidy/%.ok)
.PHONY: check check-core test test-files
check: $(HOST_BINS) | setup-check
	$(Q)echo "format"; clang-format --dry-run -Werror $(CHECK_SRC)
	$(Q)echo "layers, headers, sizes"; tests/check_layers.py && tests/check_headers.sh && tests/check_size.py
	+$(Q)$(EACH_ARCH) check-core || exit 1; done
	$(Q)$(MAKE) --no-print-directory host-test
check-core: $(CORE) $(TIDY_OK) | setup-check
	$(Q)echo "$(ARCH): image"; tests/check_simd.py $(CORE) && tests/check_elf.py $(CORE)
	$(Q)echo "$(ARCH): clang-tidy: $(words $(TIDY_OK)) files"

# Again when the source or a header has changed, as the object is.
$(TIDY_OK): $(BUILD)/tidy/%.ok: % $(BUILD)/obj/%.o .clang-tidy | setup-check
	$(Q)mkdir -p $(@D)
	$(Q)clang-tidy --quiet --warnings-as-errors="*" $< -- $(TIDY_TARGET) $(CORE_CFLAGS) -nostdinc \
		-isystem $$(clang -print-file-name=include) -isystem $(NEWLIB)/include $(LIB_CPPFLAGS) \
		-I. -Iarch/$(CORE_ARCH_DIR)/include
	$(Q)touch $@

# Everything; ends with the line "N passed, N failed".
test-files: $(BOOT_EFI) $(BOOT_MULTIBOOT) $(GUEST_BINS) kernels initramfs
test: $(HOST_BINS) | setup-test
	+$(Q)$(EACH_ARCH) test-files || exit 1; done
	$(Q)/usr/bin/python3 tests/run_tests.py --arch $(ARCHES) --host-tests $(HOST_BINS)

.PHONY: clean
clean:
	$(Q)rm -rf $(BUILD) build/host build/logs build/system build/run build/fbcon_font.c
