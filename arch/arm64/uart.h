// SPDX-License-Identifier: Apache-2.0
/* The host's serial port, beyond what vmm/console.h asks of every architecture. */
#pragma once

#include "arch/arm64/host_info.h"

/* Supplied by the start-up code before console_init: what the machine is. */
extern const struct host_info *host_info;

/*
 * Lets the port raise its interrupt (host_info's uart.irq, level) while there are received bytes,
 * or not; nothing without a port. The handler calls arch_uart_getc until it returns -1, which
 * lowers the line. Locks: none, by one CPU at a time.
 */
void arch_uart_rx_irq(bool on);
