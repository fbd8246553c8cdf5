// SPDX-License-Identifier: Apache-2.0
/* struct trap as assembly sees it. */
#pragma once

#define FRAME_LR     240
#define FRAME_PC     256
#define FRAME_ESR    272
#define FRAME_VECTOR 288
#define FRAME_SIZE   336
