/* SPDX-License-Identifier: MIT */
/*
 * clock: the one reading of time for waits and ages. CLOCK_BOOTTIME, so a night's suspend makes
 * cached data old (faults.md); never the wall clock, which may jump. Only thread loops and the
 * entry of a FUSE request read it; everything else takes `now` as an argument.
 */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdint.h>
#include <time.h>

#define NS_PER_SEC 1000000000ull
#define NS_PER_MS 1000000ull

static inline uint64_t clock_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_BOOTTIME, &ts);
	return (uint64_t)ts.tv_sec * NS_PER_SEC + (uint64_t)ts.tv_nsec;
}

#endif
