// SPDX-License-Identifier: Apache-2.0
/* The host's serial port, beyond what vmm/console.h asks of every architecture. */
#pragma once

#define UART_ISA_IRQ 4

/*
 * Lets the port raise ISA IRQ 4 for each byte received; nothing without a port. The handler calls
 * arch_uart_getc until it returns -1, which lowers the line. Locks: none, before other CPUs run.
 */
void arch_uart_enable_rx_irq(void);
