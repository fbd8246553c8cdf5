# SPDX-License-Identifier: Apache-2.0
# Fuzz targets: libFuzzer, ASan, UBSan. `make fuzz` gives each of them FUZZ_SECONDS and keeps what
# it learns in build/fuzz/corpus. To replay a finding: build/fuzz/NAME FILE.
FUZZ_CC ?= clang
FUZZ_SECONDS ?= 20
FUZZ_CFLAGS := -std=gnu17 -O1 -g -I. -Iarch/x86/include -Itests/host $(WARN) \
	-fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all

FUZZ_TARGETS := fuzz_tdp fuzz_config fuzz_insn
FUZZ_TARGETS += fuzz_arm64_image fuzz_arm64_exit fuzz_host_info
FUZZ_TARGETS += fuzz_linux_image fuzz_vgic fuzz_vmx fuzz_guest_image fuzz_bls
FUZZ_TARGETS += fuzz_walk fuzz_nested fuzz_svm
SRC_fuzz_svm := $(SRC_test_svm_checks) $(SRC_test_svm_merge)
SRC_fuzz_nested := $(NESTED_WORLD)
FLAGS_fuzz_nested := $(NESTED_FLAGS)
SRC_fuzz_walk := $(WALK_SRC)
SRC_fuzz_tdp := $(MM_SRC) tests/host/tdp_world.c tests/host/tdp_machine.c
FLAGS_fuzz_tdp := $(MM_TEST_FLAGS)
SRC_fuzz_config := $(SRC_test_config)
SRC_fuzz_arm64_image := $(SRC_test_boot_image)
LIBS_fuzz_arm64_image := $(LIBS_test_boot_image)
SRC_fuzz_insn := $(SRC_test_insn) arch/x86/insn_mmio.c
LIBS_fuzz_insn := $(LIBS_test_insn)
SRC_fuzz_arm64_exit := $(addprefix arch/arm64/,insn.c psci.c sysreg_trap.c idregs.c inject.c)
SRC_fuzz_host_info := $(SRC_test_host_info) $(SRC_test_guest_dt) vmm/acpi.c
LIBS_fuzz_host_info := -lfdt
SRC_fuzz_linux_image := $(SRC_test_linux_image)
SRC_fuzz_bls := $(SRC_test_bls)
SRC_fuzz_guest_image := $(SRC_test_guest_image)
SRC_fuzz_vgic := $(SRC_test_vgic)
SRC_fuzz_vmx := $(addprefix arch/x86/,vmcs.c vmx_caps.c vmx_checks.c vmx_checks_guest.c vmx_decode.c)
FLAGS_fuzz_vmx := $(FLAGS_test_vmx_decode)

FUZZ_BINS := $(FUZZ_TARGETS:%=build/fuzz/%)

.SECONDEXPANSION:
build/fuzz/%: tests/fuzz/%.c $$(SRC_$$*) | build/fuzz/corpus/ setup-test
	$(Q)echo "compiling $@"
	$(Q)$(FUZZ_CC) $(FUZZ_CFLAGS) $(FLAGS_$*) -o $@ $< $(SRC_$*) $(LIBS_$*)

build/fuzz/corpus/:
	$(Q)mkdir -p $@

.PHONY: fuzz
fuzz: $(FUZZ_BINS)
	$(Q)test -n "$^" && printf '%s\n' $^ | xargs -P "$$(nproc)" -I {} sh -c ' \
		t={}; n=$$(basename $$t); mkdir -p build/fuzz/corpus/$$n; \
		$$t -max_total_time=$(FUZZ_SECONDS) -max_len=400 -timeout=30 -rss_limit_mb=4096 \
			-print_final_stats=1 -artifact_prefix=build/fuzz/$$n- \
			build/fuzz/corpus/$$n >build/fuzz/$$n.log 2>&1 || \
			{ tail -60 build/fuzz/$$n.log; exit 1; }; \
		echo "$$n: $$(grep executed_units build/fuzz/$$n.log), no finding"'
