// SPDX-License-Identifier: Apache-2.0
/* The simulated hardware below tdp_world.h: memory for tables, walk cache, TLB, A and D bits. */
#pragma once

#include "mm/tdp.h"

extern const struct tdp_ops machine_ops;

void machine_start(void);
void machine_link_root(hpa_t root, unsigned level);
u64 machine_entry(void *table, u64 index);
bool machine_entry_is_sound(unsigned level, u64 entry);
void machine_check_linked(hpa_t table, unsigned level, u64 ia);
u64 machine_table_count(void);

/* Every A and D bit that was set is in the tables or was reported. */
void machine_check_aged(void);
void machine_check_flushed(void);
