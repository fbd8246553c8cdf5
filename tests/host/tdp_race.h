// SPDX-License-Identifier: Apache-2.0
/* Forced into mm/ by the build of the tdp tests: hardware acts between a look and a store. */
#pragma once

struct tdp;

void world_race_point(struct tdp *tdp, void *ptep);

#undef TDP_RACE_POINT
#define TDP_RACE_POINT(tdp, ptep) world_race_point(tdp, ptep)
