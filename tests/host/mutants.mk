# SPDX-License-Identifier: Apache-2.0
# Builds tests quickly in a mutant's tree (mutants.py): objects are there from the tree without a bug, so
# that only what the bug is in is compiled. What is there is a link that other trees share: removed, never
# written to.
HOST_TESTS :=
include tests/host/mm.mk
include tests/host/nested.mk

define TEST
build/mutant/$(1): $(patsubst %.c,build/mutant/$(1).d/%.o,tests/host/$(1).c $(SRC_$(1)))
	rm -f $$@
	gcc -o $$@ $$^ -lcmocka $(LIBS_$(1))
build/mutant/$(1).d/%.o: %.c
	mkdir -p $$(@D)
	rm -f $$@ $$(@:.o=.d)
	gcc -std=gnu17 -O1 -I. -Itests/host $(FLAGS_$(1)) -MMD -c -o $$@ $$<
endef
$(foreach test,$(HOST_TESTS),$(eval $(call TEST,$(test))))

-include $(shell find build/mutant -name '*.d' -type f 2>/dev/null)
