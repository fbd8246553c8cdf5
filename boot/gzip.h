// SPDX-License-Identifier: Apache-2.0
/*
 * Unpacks one gzip stream (RFC 1952) piece by piece, by zlib. One at a time: its working memory is
 * static. Pure; any bytes are allowed.
 */
#pragma once

#include "mm/types.h"

enum gzip_result {
	GZIP_MORE,    /* the buffer is full, the stream goes on */
	GZIP_END,     /* that was the end, and the checksum is right */
	GZIP_CUT,     /* the bytes end before the stream does */
	GZIP_CORRUPT, /* see gzip_problem() */
};

/* Starts with the stream at the front of the @size bytes at @from, which stay the caller's. */
void gzip_start(const void *from, u64 size);

/* Unpacks the next up to @size bytes (not 0) to @to; *@got are stored, whatever the result. */
enum gzip_result gzip_read(void *to, u64 size, u64 *got) __must_check;

/* How much of the packed bytes has been used. */
u64 gzip_used(void);

/* What is wrong with a corrupt stream, in zlib's words. */
const char *gzip_problem(void);
