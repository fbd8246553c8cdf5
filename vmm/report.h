// SPDX-License-Identifier: Apache-2.0
/* What the operator is told of the VMs, as text. Shares: 100 % is one CPU of the machine. */
#pragma once

#include "vmm/text.h"

struct vm;

/* One line for each VM; @front is marked. */
void report_list(struct text *t, const struct vm *front);

/* Time, shares and exits of one that is on. */
void report_statistics(struct text *t, struct vm *vm);

/* The last lines of the log. */
void report_log(struct text *t);
