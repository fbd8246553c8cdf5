// SPDX-License-Identifier: Apache-2.0
/*
 * What newlib expects of its user. Its formatter can ask for memory in cases that the core never
 * uses (it allocates only for streams and wide output): the answer is that there is none.
 */
#include "vmm/libc.h"

#include <assert.h>
#include <errno.h>

#include "vmm/panic.h"

void *_malloc_r(struct _reent *reent, size_t size)
{
	(void)reent;
	(void)size;
	return NULL;
}

void *_realloc_r(struct _reent *reent, void *old, size_t size)
{
	(void)reent;
	(void)old;
	(void)size;
	return NULL;
}

void _free_r(struct _reent *reent, void *p)
{
	(void)reent;
	(void)p;
}

void abort(void)
{
	panic("abort");
}

void __assert_func(const char *file, int line, const char *function, const char *expression)
{
	panic("%s:%d: %s: assertion failed: %s", file, line, function ? function : "?", expression);
}
