// SPDX-License-Identifier: Apache-2.0
/* Text that grows in a buffer: what does not fit is cut off. */
#pragma once

#include "mm/types.h"

struct text {
	char *buf;
	size_t size, len; /* buf[len] is 0 */
};

void text_add(struct text *t, const char *fmt, ...) __printf(2, 3);
