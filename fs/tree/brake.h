/* SPDX-License-Identifier: MIT */
/*
 * brake: `rm -rf` in the wrong directory must not empty a CRM (design 1.4). At most `max` deletions
 * within any minute, but for those that somebody allowed besides. Pure: time is an argument; the
 * owner's lock covers it.
 */
#ifndef TREE_BRAKE_H
#define TREE_BRAKE_H

#include <stdbool.h>
#include <stdint.h>

struct brake {
	unsigned max;	 /* 0: no brake */
	uint64_t *times; /* of the last max deletions, a ring */
	unsigned next;
	uint64_t allowed; /* besides */
	uint64_t refused; /* since the last one that passed */
};

int brake_init(struct brake *b, unsigned max); /* -ENOMEM */
void brake_fini(struct brake *b);
bool brake_passes(struct brake *b, uint64_t now); /* counts it */
void brake_allow(struct brake *b, uint64_t more);
/* How many would pass at once; UINT64_MAX: any number. */
uint64_t brake_left(const struct brake *b, uint64_t now);

#endif
