// SPDX-License-Identifier: Apache-2.0
/* Forced into nested/ by the build of its tests: another vCPU acts between a look and a store. */
#pragma once

void walk_race_point(void *ptr);

#undef WALK_RACE_POINT
#define WALK_RACE_POINT(ptr) walk_race_point(ptr)
