/* SPDX-License-Identifier: MIT */
/*
 * refresh: makes what is known old, whatever ttl says, so that the next look at it asks the server
 * (design 1.5). Sends nothing itself. What left for the server before does not count as an answer.
 */
#ifndef TREE_REFRESH_H
#define TREE_REFRESH_H

#include "tree/tree.h"

/* Each line of text is a path in the mount: a collection, a record; "" or ".": all. 0; -ENOENT or
 * -EINVAL, and then nothing was done. now: clock.h ns. */
int refresh_paths(struct tree *t, const char *text, size_t n, uint64_t now) EXCLUDES(T);
void refresh_all(struct tree *t, uint64_t now) EXCLUDES(T);
/* One record. Who waits for it and came before goes on with what that brings. */
void refresh_record(struct record *rec, uint64_t now) REQUIRES(T);

#endif
