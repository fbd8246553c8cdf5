// SPDX-License-Identifier: Apache-2.0
/* Names for code addresses, from the symbol table of an ELF64 file in memory: the core's own. */
#pragma once

#include "mm/types.h"

/*
 * Takes the symbols of the ELF file at @elf, which stays mapped and unchanged from now on.
 * Returns 0; -EINVAL where it is no ELF64 of this byte order or a header points outside of it,
 * -ENOENT where it has no symbol table: ksym_find then finds nothing.
 */
int ksyms_init(const void *elf, size_t size) __must_check;

/*
 * Returns the name of the function that @addr lies in, and how far it is from its start; NULL where
 * no function is known there. A return address is looked up less 1: the call may be the last
 * instruction of its function.
 */
const char *ksym_find(u64 addr, u64 *offset);
