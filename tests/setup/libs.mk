# SPDX-License-Identifier: Apache-2.0
# Other people's libraries, built from Debian's sources with our own flags (no FP, no SIMD), where an
# architecture needs them: libfdt for the core and for the loader, zlib's inflate for the loader.
# Headers are in $(LIB_INCLUDE). To link: $(CORE_LIBS), $(BOOT_LIBS).
#
# The loader's have none of libc but what boot/string.c gives: the linker says what misses.
CACHE := build/cache
LIB_DIR := build/$(ARCH)/lib
LIB_INCLUDE := $(LIB_DIR)/include
LIB_HEADERS_arm64 := $(addprefix $(LIB_INCLUDE)/,libfdt.h zlib.h)
LIB_HEADERS := $(LIB_HEADERS_$(ARCH))
CORE_LIBS_arm64 := $(LIB_DIR)/libfdt-core.a
CORE_LIBS := $(CORE_LIBS_$(ARCH))
BOOT_LIBS_arm64 := $(LIB_DIR)/libfdt-boot.a $(LIB_DIR)/libz-boot.a
BOOT_LIBS := $(BOOT_LIBS_$(ARCH))
LIB_CPPFLAGS := $(if $(LIB_HEADERS),-isystem $(LIB_INCLUDE))

# GNU-EFI for another architecture than the host's.
EFI_ROOT_arm64 := $(CACHE)/arm64/gnu-efi/usr
ifneq ($(EFI_ROOT_$(ARCH)),)
EFI_INCLUDE := $(EFI_ROOT_$(ARCH))/include/efi
EFI_LIB := $(EFI_ROOT_$(ARCH))/lib
EFI_FETCHED := $(EFI_ROOT_$(ARCH))/include/efi/efi.h
endif

FETCHED := $(CACHE)/arm64/gnu-efi/usr/include/efi/efi.h $(CACHE)/arm64/busybox \
	$(CACHE)/src/libfdt/libfdt/libfdt.h $(CACHE)/src/zlib/zlib.h
$(filter $(CACHE)/arm64/gnu-efi/%,$(FETCHED)): | setup-build
	$(Q)$(SETUP)/fetch.sh $(CACHE) gnu-efi
$(CACHE)/arm64/busybox: | setup-build
	$(Q)$(SETUP)/fetch.sh $(CACHE) busybox
$(CACHE)/src/libfdt/libfdt/libfdt.h: | setup-build
	$(Q)$(SETUP)/fetch.sh $(CACHE) libfdt
$(CACHE)/src/zlib/zlib.h: | setup-build
	$(Q)$(SETUP)/fetch.sh $(CACHE) zlib

# Not fdt_overlay.c: it wants more of libc than the loader has, and nobody applies overlays.
FDT_SRC := $(addprefix $(CACHE)/src/libfdt/libfdt/,fdt.c fdt_ro.c fdt_wip.c fdt_sw.c fdt_rw.c \
	fdt_strerror.c fdt_empty_tree.c fdt_addresses.c fdt_check.c)
Z_SRC := $(addprefix $(CACHE)/src/zlib/,adler32.c crc32.c inffast.c inflate.c inftrees.c zutil.c)
$(FDT_SRC): $(CACHE)/src/libfdt/libfdt/libfdt.h
$(Z_SRC): $(CACHE)/src/zlib/zlib.h

LIB_OBJ_fdt-core := $(FDT_SRC:$(CACHE)/src/%=$(LIB_DIR)/core/%.o)
LIB_OBJ_fdt-boot := $(FDT_SRC:$(CACHE)/src/%=$(LIB_DIR)/boot/%.o)
LIB_OBJ_z-boot := $(Z_SRC:$(CACHE)/src/%=$(LIB_DIR)/boot/%.o)
LIB_OBJ := $(LIB_OBJ_fdt-core) $(LIB_OBJ_fdt-boot) $(LIB_OBJ_z-boot)

# Their warnings are not ours to mend.
LIB_CFLAGS_core = $(CORE_CFLAGS)
LIB_CFLAGS_boot = $(BOOT_CFLAGS)
$(LIB_OBJ): $(LIB_DIR)/%.o: $(NEWLIB)/libc.a Makefile boot/boot.mk $(LIB_HEADERS)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(LIB_CFLAGS_$(firstword $(subst /, ,$*))) $(NEWLIB_CPPFLAGS) -w -DZ_SOLO \
		-isystem $(LIB_INCLUDE) -c $(CACHE)/src/$(patsubst boot/%,%,$(*:core/%=%)) -o $@

.SECONDEXPANSION:
$(LIB_DIR)/lib%.a: $$(LIB_OBJ_$$*)
	$(Q)rm -f $@ && $(CROSS)ar rcsD $@ $^

# Z_SOLO: zlib without libc, its user gives it memory.
$(LIB_INCLUDE)/libfdt.h: $(CACHE)/src/libfdt/libfdt/libfdt.h
	$(Q)mkdir -p $(@D)
	$(Q)cp $(addprefix $(<D)/,libfdt_env.h fdt.h libfdt.h) $(@D)/
$(LIB_INCLUDE)/zlib.h: $(CACHE)/src/zlib/zlib.h
	$(Q)mkdir -p $(@D)
	$(Q)sed '1i #define Z_SOLO 1' $(<D)/zconf.h >$(@D)/zconf.h
	$(Q)cp $< $@

.PHONY: libs
libs: $(CORE_LIBS) $(BOOT_LIBS)
