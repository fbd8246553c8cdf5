/* SPDX-License-Identifier: Apache-2.0 */
/* Offsets that assembly uses; checked where the structures are. */
#pragma once

#define VCPU_PC         248 /* struct vcpu_arch: pc, pstate */
#define VCPU_ESR        264
#define VCPU_EVENT      272 /* event, exit_next */
#define VCPU_EXIT_NEXT  276
#define VCPU_EXIT_LOG   280
#define EXIT_LOG_SIZE   64 /* of last exits, for the panic report; a power of two */
#define TRAP_FRAME_SIZE 288
