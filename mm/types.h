// SPDX-License-Identifier: Apache-2.0
/*
 * Address and number kinds used everywhere.
 *
 * Addresses are one-field structs, so that a guest-physical address cannot be passed where a
 * host-physical one is meant. Levels count as in KVM: 1 is the 4 KiB leaf, counting up; Arm's
 * level is 4 minus ours.
 */
#pragma once

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;
typedef int8_t s8;
typedef int16_t s16;
typedef int32_t s32;
typedef int64_t s64;

/* Guest-physical, host-physical and guest-virtual address, in bytes. */
typedef struct {
	u64 v;
} gpa_t;
typedef struct {
	u64 v;
} hpa_t;
typedef struct {
	u64 v;
} gva_t;

static inline gpa_t gpa(u64 v)
{
	return (gpa_t){v};
}

static inline hpa_t hpa(u64 v)
{
	return (hpa_t){v};
}

static inline gva_t gva(u64 v)
{
	return (gva_t){v};
}

#define PAGE_SHIFT 12
#define PAGE_SIZE  ((u64)1 << PAGE_SHIFT)
#define PAGE_MASK  (~(PAGE_SIZE - 1))

/* No such address: not page-aligned, above every physical address width. */
#define HPA_NONE (hpa(~(u64)0))

static inline bool hpa_is_none(hpa_t a)
{
	return a.v == ~(u64)0;
}

#define __must_check   __attribute__((warn_unused_result))
#define __printf(a, b) __attribute__((format(printf, a, b)))

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

#define container_of(ptr, type, member) ((type *)(void *)((char *)(ptr)-offsetof(type, member)))
