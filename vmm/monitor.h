// SPDX-License-Identifier: Apache-2.0
/*
 * The operator's keys: what is typed behind Ctrl-A looks after the VMs.
 *
 * All of it happens on CPU 0, where typed bytes come in. Answers are lines of the console only;
 * what changes a VM is told in the log, by whoever does it.
 */
#pragma once

#include "mm/types.h"

struct vm;

/* Takes a typed byte. False: it is for the VM in front. */
bool monitor_takes(u8 byte) __must_check;

/* Something was typed for a VM that is off. */
void monitor_typed_to_off(const struct vm *vm);

/* All that is to be started has been. */
void monitor_greet(void);

/* vm->paging is there. On any CPU. */
void monitor_paging_noted(void);

/* What waited for another CPU. On CPU 0, when it has been interrupted. */
void monitor_service(void);
