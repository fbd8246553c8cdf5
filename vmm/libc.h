// SPDX-License-Identifier: Apache-2.0
/* The core's side of newlib: called by it and by assert(), not to be called by name. */
#pragma once

#include "mm/types.h"

struct _reent; /* newlib's per-thread state; the core has one */

/* No heap: always NULL, and nothing to free. */
void *_malloc_r(struct _reent *reent, size_t size);
void *_realloc_r(struct _reent *reent, void *old, size_t size);
void _free_r(struct _reent *reent, void *p);

/* Both panic. */
_Noreturn void abort(void);
_Noreturn void __assert_func(const char *file, int line, const char *function,
			     const char *expression);
