# SPDX-License-Identifier: Apache-2.0
# Builds one test quickly in a mutant's tree: see mutants.py.
HOST_TESTS :=
include tests/host/mm.mk
include tests/host/nested.mk

build/mutant/%: tests/host/%.c $$(SRC_$$*)
	mkdir -p $(@D)
	gcc -std=gnu17 -O1 -I. -Itests/host $(FLAGS_$*) -o $@ $< $(SRC_$*) \
		-lcmocka $(LIBS_$*)
