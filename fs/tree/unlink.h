/* SPDX-License-Identifier: MIT */
/*
 * unlink: a name is removed, as what it is now (F7): an uncommitted draft, bound to a record or not,
 * goes locally; only a name that is the record itself sends DELETE. Runs under the kernel's
 * directory lock, so what it sends goes in the first lane.
 */
#ifndef TREE_UNLINK_H
#define TREE_UNLINK_H

#include "tree/tree.h"

/* In the directory with that inode number. 0, PARKED, or -errno. */
int unlink_name(struct tree *t, uint64_t dir, const char *name, struct waiter *w) EXCLUDES(T);

#endif
