# SPDX-License-Identifier: Apache-2.0
# Tests of nested/ (the shadow engine). Coverage and mutants: mm.mk.
NESTED_SRC := $(wildcard nested/*.c) vmm/guest_walk.c vmm/memslot.c
NESTED_TESTS := test_guest_walk test_shadow test_audit test_svm_checks test_svm_merge
NESTED_FLAGS := -DLOCK_DEBUG -include tests/host/walk_race.h
WALK_SRC := vmm/guest_walk.c vmm/memslot.c $(MM_SRC) tests/host/walk_ref.c tests/host/walk_world.c
NESTED_WORLD := $(NESTED_SRC) $(MM_SRC) tests/host/walk_ref.c tests/host/nested_world.c \
	tests/host/nested_ops.c

HOST_TESTS += $(NESTED_TESTS) test_explain
SRC_test_explain := vmm/explain.c vmm/text.c arch/arm64/paging.c vmm/guest_walk.c vmm/memslot.c $(MM_SRC)
SRC_test_guest_walk := $(WALK_SRC)
FLAGS_test_guest_walk := $(NESTED_FLAGS)
SRC_test_shadow := $(NESTED_WORLD)
FLAGS_test_shadow := $(NESTED_FLAGS)
SRC_test_audit := $(NESTED_WORLD)
FLAGS_test_audit := $(NESTED_FLAGS)

# Nested SVM's pure half; what L1 is offered is documented by the test that checks it.
SRC_test_svm_checks := nested/x86/svm_checks.c nested/x86/svm_contract.c
SRC_test_svm_merge := nested/x86/svm_merge.c

.PHONY: docs
docs: build/host/test_svm_checks
	$(Q)$< --print >nested/x86/svm_contract.md
