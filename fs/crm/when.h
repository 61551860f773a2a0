/* SPDX-License-Identifier: MIT */
/* when: the days and times of JSON texts, as Concord prints and takes them. Pure; any thread. */
#ifndef CRM_WHEN_H
#define CRM_WHEN_H

#include <stdbool.h>
#include <stdint.h>

#include "crm/jtext.h"

enum { WHEN_DAY_SIZE = 11, WHEN_TIME_SIZE = 20 };

struct when {
	bool has_time, has_seconds, has_zone;
	bool is_midnight; /* 00:00:00 of that day in UTC, or no time of day at all */
	int64_t at;	  /* Unix seconds; without a zone it is UTC */
};

/* raw: what stands between the quotes, trimmed: "2025-03-01", or that with a time: "T09:30",
 * " 09:30:00", with a fraction (cut off), with Z or an offset. 0, -EINVAL (no such day, too). */
int when_read(struct jspan raw, struct when *out);
void when_print_day(int64_t at, char out[static WHEN_DAY_SIZE]);   /* 2025-03-01 */
void when_print_time(int64_t at, char out[static WHEN_TIME_SIZE]); /* 2025-03-01 09:30:00, UTC */

#endif
