/* SPDX-License-Identifier: MIT */
/*
 * walk: the requests that make or refresh a listing, as one machine on the net thread.
 *
 *   PAGES    every page in id order, a few side by side. order=id: an insertion appends, only a
 *            deletion shifts, and shows as a total that fell between two neighbouring pages; the
 *            earlier of the two is then read again, since what moved off the later one is on it now.
 *   CHANGED  newest change first, down to the mark; its meta.total says whether anything vanished
 *   TRASHED  what was deleted since the mark
 *   BISECT   the total is still too small: the first page that differs from ours is searched by
 *            halving, mended, and so on until the total is met
 */
#ifndef TREE_WALK_H
#define TREE_WALK_H

#include "tree/tree.h"

/* Starts one for c, whose listing has none. The listing's `arrived` settles when it ends. 0, -ENOMEM. */
int walk_start(struct coll *c, const struct waiter *w) REQUIRES(T);
/* Is it reading everything, so that one record is had sooner alone? */
bool walk_is_long(const struct walk *w) REQUIRES(T);
/* How far reading everything is. False: it reads only what changed. */
struct walk_progress {
	long done, pages; /* pages: 0 before the first one came */
};
bool walk_progress(const struct walk *w, struct walk_progress *out) REQUIRES(T);

#endif
