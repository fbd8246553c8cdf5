// SPDX-License-Identifier: Apache-2.0
/* Zydis as the oracle of insn_decode(), for the host test and the fuzz target. */
#pragma once

#include "arch/x86/insn.h"

/*
 * Decode the instruction at @bytes (INSN_LEN_MAX of them) with both, for every mode, and check
 * that truncated input is refused without reading past it. Returns NULL if all agree, else what
 * does not (a static string), with both views on stderr.
 */
const char *oracle_check(const u8 *bytes, enum insn_mode mode);
