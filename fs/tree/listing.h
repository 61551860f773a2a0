/* SPDX-License-Identifier: MIT */
/*
 * listing: which records a collection has (design 3.6, "the page-aware listing"). The first walk
 * reads every page once, in id order; afterwards only what changed is asked for, and meta.total is
 * the check. A complete listing is the authority for absence.
 */
#ifndef TREE_LISTING_H
#define TREE_LISTING_H

#include "tree/tree.h"

void listing_init(struct listing *l);
void listing_fini(struct listing *l);

bool listing_is_fresh(const struct listing *l, uint64_t now, uint64_t ttl_ns);

/* w waited for a walk that had begun before w was told to ask anew: once more. */
bool listing_came_early(const struct listing *l, int result, const struct waiter *w);

/*
 * 0 when the listing is complete and fresh, or complete and the server cannot be asked; PARKED; or
 * -errno when there is nothing to show.
 */
int listing_want(struct coll *c, struct waiter *w) REQUIRES(T);
/* gives the roll of a complete listing; NULL: no memory. */
struct roll *listing_roll(struct coll *c) REQUIRES(T);
void roll_put(struct roll *r); /* T held; NULL is fine */

bool listing_has(const struct listing *l, uint64_t id);
int listing_add(struct coll *c, uint64_t id) REQUIRES(T); /* 0 or -ENOMEM; no effect if there */
void listing_drop(struct coll *c, uint64_t id) REQUIRES(T);

#endif
