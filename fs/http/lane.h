/* SPDX-License-Identifier: MIT */
/*
 * lane: the order in which requests leave. A job waits in one of four lanes; a higher lane goes
 * first, and the limiter keeps a part of the window back from the lower ones. Net thread only.
 */
#ifndef HTTP_LANE_H
#define HTTP_LANE_H

#include <stdint.h>

#include "base/list.h"

struct job;

enum lane {
	LANE_SAVE, /* PUT, POST, DELETE and the re-read before them: a person waits, under a kernel lock */
	LANE_READ,	 /* one record somebody wants to read */
	LANE_LISTING,	 /* pages of a walk, refreshes */
	LANE_BACKGROUND, /* nobody waits */
	LANE_COUNT,
};

struct lanes {
	struct list queue[LANE_COUNT]; /* of job.link, oldest first */
};

void lanes_init(struct lanes *l);
void lanes_push(struct lanes *l, struct job *j);       /* at the end of j->lane */
void lanes_push_front(struct lanes *l, struct job *j); /* a repeat keeps its place */
/* Lends the first job of a lane whose not_before (its back-off) has come, or NULL; when none has,
 * *next is lowered to the earliest not_before in that lane. */
struct job *lanes_peek(struct lanes *l, enum lane lane, uint64_t now, uint64_t *next);
/* The first job in any lane whose deadline has passed, taken off, or NULL; lowers *next to the
 * earliest deadline that is left. */
struct job *lanes_expired(struct lanes *l, uint64_t now, uint64_t *next);
void lanes_remove(struct job *j);
unsigned lanes_count(const struct lanes *l, enum lane lane);

#endif
