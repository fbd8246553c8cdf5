// SPDX-License-Identifier: Apache-2.0
/*
 * The hypervisor's log: one message, one line, on every console and in a ring of the last 32 KiB.
 *
 *     [socle 1.042] warning: vm debian: unknown MSR 0xc0011029 read
 *
 * Severities: ERROR is our failure or the machine's, WARN something the user should know, INFO what
 * happens once, DEBUG what happens often. A guest, however malicious, never causes an ERROR: what
 * it does is logged with log_vm, which caps the level at WARN. Control characters in a message come
 * out as '?', so that no guest string acts on the terminal.
 */
#pragma once

#include "mm/types.h"

#define LOG_LINE_MAX  256 /* bytes of a message; the rest is cut off and marked "..." */
#define LOG_RING_SIZE 32768

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };

/* Drops messages of less weight than @level from now on. LOG_INFO at start. */
void log_set_level(enum log_level level);

/*
 * Logs one line; no newline at the end of @fmt is needed. Locks: the console's, inside; so not from
 * an interrupt handler that may have interrupted a holder.
 */
void log_print(enum log_level level, const char *fmt, ...) __printf(2, 3);

/* Logs what the VM @vm_name did. LOG_ERROR becomes LOG_WARN. */
void log_vm(enum log_level level, const char *vm_name, const char *fmt, ...) __printf(3, 4);

#define log_error(...) log_print(LOG_ERROR, __VA_ARGS__)
#define log_warn(...)  log_print(LOG_WARN, __VA_ARGS__)
#define log_info(...)  log_print(LOG_INFO, __VA_ARGS__)
#define log_debug(...) log_print(LOG_DEBUG, __VA_ARGS__)

/*
 * Copies up to @len bytes of the log from position *@pos on to @buf and advances *@pos; begin with
 * 0. What the ring has lost is skipped: the copy then begins at the oldest whole line.
 * Returns the number of bytes, 0 at the end of the log. Locks: the console's, inside.
 */
size_t log_read(u64 *pos, char *buf, size_t len);

/* Supplied by the architecture: time since the start; 0 until its clock is known. */
u64 arch_uptime_ns(void);
