# SPDX-License-Identifier: Apache-2.0
# Tests of mm/; of mm/ and nested/, the coverage, and the seeded bugs that the tests must catch.
COMMA := ,
MM_SRC := mm/page.c mm/pt_dump.c mm/pt_format.c mm/pt_formats.c mm/range.c mm/tdp.c mm/tdp_iter.c \
	mm/tlb_batch.c
MM_WORLD := $(MM_SRC) tests/host/tdp_world.c tests/host/tdp_machine.c
MM_TEST_FLAGS := -DLOCK_DEBUG -include tests/host/tdp_race.h
MM_TESTS := test_range test_page test_pt_format test_tlb_batch test_tdp_oom test_tdp test_tdp_hooks

HOST_TESTS += $(MM_TESTS)
SRC_test_range := mm/range.c
SRC_test_page := mm/page.c
FLAGS_test_page := -DLOCK_DEBUG
LIBS_test_page := -lpthread
SRC_test_pt_format := mm/pt_format.c mm/pt_formats.c
SRC_test_tdp := $(MM_WORLD)
FLAGS_test_tdp := $(MM_TEST_FLAGS)
SRC_test_tdp_hooks := $(MM_SRC)
FLAGS_test_tdp_hooks := -DLOCK_DEBUG
SRC_test_tdp_oom := $(MM_WORLD)
FLAGS_test_tdp_oom := $(MM_TEST_FLAGS)
SRC_test_tlb_batch := $(MM_WORLD)
FLAGS_test_tlb_batch := $(MM_TEST_FLAGS)

# Its own sanitizer, which goes with no other.
HOST_TESTS += test_tdp_race
SRC_test_tdp_race := $(filter-out mm/page.c,$(MM_SRC))
LIBS_test_tdp_race := -lpthread
build/host/test_tdp_race: HOST_CFLAGS := $(subst address$(COMMA)undefined,thread,$(HOST_CFLAGS)) -include sched.h \
	-D'LOCK_RELAX()=sched_yield()'

# Lines and branches of mm/ and of nested/ that their tests reach; fails below these percentages. The
# branches of assert() that abort are not counted: reaching one is a failing test. Of tests
# with threads counts are atomic: gcovr refuses the negative counts that lost updates make.
COVER_LINES ?= 95
COVER_BRANCHES ?= 90

COVER_BINS = $(MM_TESTS:%=build/cover/%) $(NESTED_TESTS:%=build/cover/%)

.SECONDEXPANSION:
build/cover/%: tests/host/%.c $$(SRC_$$*) $$(wildcard mm/*.h nested/*.h vmm/guest_walk.h vmm/role.h \
		tests/host/*.h) | setup-check
	$(Q)mkdir -p $(@D) && echo "compiling $@"
	$(Q)gcc -std=gnu17 -O1 -fno-inline -g -I. -Itests/host --coverage $(FLAGS_$*) -o $@ $< $(SRC_$*) \
		$(if $(findstring -lpthread,$(LIBS_$*)),-fprofile-update=atomic) -lcmocka $(LIBS_$*)

.PHONY: cover mutants
cover: $$(COVER_BINS)
	$(Q)tests/host/cover.sh $(COVER_LINES) $(COVER_BRANCHES) $^

mutants: | setup-test
	$(Q)tests/host/mutants.py

HOST_TESTS += test_fault
SRC_test_fault := vmm/fault.c vmm/memslot.c $(MM_SRC)
