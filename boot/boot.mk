# SPDX-License-Identifier: Apache-2.0
# The loader, which carries the core: a GNU-EFI application and, for x86-64, a Multiboot image. Set
# before: ARCH, WARN, Q, CC, LD, OBJCOPY, MULTIBOOT_x86_64; ISO C headers are newlib's
# (NEWLIB_CPPFLAGS), the host's are not needed. For arm64 also EFI_INCLUDE and EFI_LIB, zlib's headers
# (LIB_CPPFLAGS) and its inflate (BOOT_LIBS).
EFI_INCLUDE ?= /usr/include/efi
EFI_LIB ?= /usr/lib

BOOT_DIR := build/$(ARCH)/boot
BOOT_CORE := build/$(ARCH)/socle.boot.elf

BOOT_SRC := main.c bls.c choice.c clock.c config.c console.c core_elf.c inventory.c memmap.c report.c span.c \
	string.c survey.c text.c \
	core_image.S
BOOT_SRC_UEFI := crash.c firmware.c menu.c uefi_console.c volume.c

# Of the core: what both have to know of images and ACPI tables, and, by the same rules, what VMX
# must offer.
BOOT_SHARED = vmm/acpi.c vmm/guest_image.c $(BOOT_SHARED_$(ARCH))
BOOT_SRC_x86_64 := x86_64.c x86_64_cpu.c x86_64_image.c x86_64_paging.c x86_64_survey.c x86_64_jump.S
BOOT_SHARED_x86_64 := arch/x86/vmx_caps.c
BOOT_SRC_MULTIBOOT_x86_64 := multiboot.c multiboot_console.c multiboot_info.c multiboot_start.S
BOOT_EFI_ARCH_x86_64 := x86_64
BOOT_EFI_x86_64 := BOOTX64.EFI
BOOT_CFLAGS_x86_64 := -mno-red-zone -mgeneral-regs-only -DGNU_EFI_USE_MS_ABI -fcf-protection=none
BOOT_CFLAGS_gcc_x86_64 := -maccumulate-outgoing-args
BOOT_OBJCOPY_x86_64 := --target=efi-app-x86_64 --subsystem=10

# The arm64 start-up code brings the PE header, with the subsystem (EFI application) in it. Its
# linker script has code, read-only data and data each in one segment, the first two as code.
BOOT_SRC_arm64 := arm64.c arm64_cpu.c arm64_image.c arm64_paging.c arm64_survey.c arm64_jump.S gzip.c
BOOT_EFI_ARCH_arm64 := aarch64
BOOT_EFI_arm64 := BOOTAA64.EFI
BOOT_CFLAGS_arm64 := -march=armv8-a -mgeneral-regs-only -mstrict-align -mbranch-protection=none \
	-mno-outline-atomics
BOOT_LDFLAGS_arm64 := --defsym=EFI_SUBSYSTEM=0xa --no-warn-rwx-segments
BOOT_OBJCOPY_arm64 := -O binary

BOOT_EFI_ARCH := $(BOOT_EFI_ARCH_$(ARCH))
BOOT_EFI := build/$(ARCH)/$(BOOT_EFI_$(ARCH))
BOOT_MULTIBOOT := $(MULTIBOOT_$(ARCH))
BOOT_COMMON_OBJ := $(patsubst %,$(BOOT_DIR)/%.o,$(BOOT_SRC) $(BOOT_SRC_$(ARCH)) $(BOOT_SHARED))
BOOT_UEFI_OBJ := $(patsubst %,$(BOOT_DIR)/%.o,$(BOOT_SRC_UEFI))
BOOT_MULTIBOOT_OBJ := $(patsubst %,$(BOOT_DIR)/%.o,$(BOOT_SRC_MULTIBOOT_$(ARCH)))
BOOT_OBJ := $(BOOT_COMMON_OBJ) $(BOOT_UEFI_OBJ) $(BOOT_MULTIBOOT_OBJ)
BOOT_COMPILER := $(if $(findstring clang,$(CC)),clang,gcc)

# No loop of ours may become a call of memset() or the like inside memset() itself.
BOOT_CFLAGS_gcc := -fno-tree-loop-distribute-patterns
BOOT_CFLAGS_clang := -fno-builtin

BOOT_CFLAGS := -std=gnu17 -O2 -g -I. -isystem $(EFI_INCLUDE) \
	-isystem $(EFI_INCLUDE)/$(BOOT_EFI_ARCH) $(WARN) \
	-ffreestanding -fpic -fshort-wchar -fvisibility=hidden -fno-stack-protector \
	-fno-strict-aliasing -fno-asynchronous-unwind-tables -ffile-prefix-map=$(CURDIR)=. \
	$(BOOT_CFLAGS_$(ARCH)) $(BOOT_CFLAGS_$(BOOT_COMPILER)) \
	$(BOOT_CFLAGS_$(BOOT_COMPILER)_$(ARCH))

BOOT_LDFLAGS := -nostdlib -znocombreloc -shared -Bsymbolic -z noexecstack --no-undefined \
	--build-id=none -T $(EFI_LIB)/elf_$(BOOT_EFI_ARCH)_efi.lds -L$(EFI_LIB) \
	$(BOOT_LDFLAGS_$(ARCH))

BOOT_SECTIONS := $(addprefix -j ,.text .sdata .data .rodata .dynamic .dynsym .rel .rela '.rel.*' \
	'.rela.*' .reloc)

.PHONY: boot
boot: $(BOOT_EFI) $(BOOT_MULTIBOOT)

$(BOOT_EFI): $(BOOT_DIR)/loader.so
	$(Q)$(OBJCOPY) $(BOOT_SECTIONS) $(BOOT_OBJCOPY_$(ARCH)) $< $@

$(BOOT_DIR)/loader.so: $(BOOT_COMMON_OBJ) $(BOOT_UEFI_OBJ) $(BOOT_LIBS)
	$(Q)$(LD) $(BOOT_LDFLAGS) $(EFI_LIB)/crt0-efi-$(BOOT_EFI_ARCH).o $(BOOT_COMMON_OBJ) \
		$(BOOT_UEFI_OBJ) -o $@ $(BOOT_LIBS) -lgnuefi

# The same objects behind another front end.
$(BOOT_MULTIBOOT): $(BOOT_DIR)/multiboot.elf
	$(Q)$(OBJCOPY) -O elf32-i386 --strip-debug $< $@

$(BOOT_DIR)/multiboot.elf: $(BOOT_COMMON_OBJ) $(BOOT_MULTIBOOT_OBJ) boot/multiboot.ld
	$(Q)$(LD) -nostdlib -static -z noexecstack -z max-page-size=4096 --no-undefined \
		--build-id=none -T boot/multiboot.ld -o $@ $(BOOT_COMMON_OBJ) $(BOOT_MULTIBOOT_OBJ)

$(BOOT_DIR)/%.c.o: boot/%.c | $(BOOT_DIR)/
	$(Q)$(CC) $(BOOT_CFLAGS) $(NEWLIB_CPPFLAGS) $(LIB_CPPFLAGS) -MMD -MP -c $< -o $@

$(BOOT_SHARED:%=$(BOOT_DIR)/%.o): $(BOOT_DIR)/%.o: %
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(BOOT_CFLAGS) $(NEWLIB_CPPFLAGS) $(LIB_CPPFLAGS) -MMD -MP -c $< -o $@

$(BOOT_DIR)/%.S.o: boot/%.S | $(BOOT_DIR)/
	$(Q)$(CC) $(BOOT_CFLAGS) -DCORE_IMAGE='"$(BOOT_CORE)"' -MMD -MP -c $< -o $@

# Without debug information, with the symbols that backtraces need.
$(BOOT_CORE): build/$(ARCH)/socle.elf
	$(Q)$(OBJCOPY) --strip-debug $< $@

$(BOOT_DIR)/core_image.S.o: $(BOOT_CORE)

$(BOOT_DIR)/:
	$(Q)mkdir -p $@

-include $(BOOT_OBJ:.o=.d)
