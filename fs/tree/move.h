/* SPDX-License-Identifier: MIT */
/*
 * move: unlink and rename: they act on what the name is now (F7). An uncommitted draft, bound to a
 * record or not, goes locally; only a name that is the record itself sends DELETE. A record's name
 * moved away leaves the record untouched; its text moved back puts the name back, without traffic.
 * Both run under the kernel's directory lock, so what they send goes in the first lane.
 */
#ifndef TREE_MOVE_H
#define TREE_MOVE_H

#include "tree/tree.h"

struct move {
	uint64_t dir; /* inode number of the directory */
	const char *name;
	uint64_t new_dir; /* of a rename */
	const char *new_name;
	unsigned flags; /* renameat2's */
	bool sent;	/* ours: what it parks on now ends it */
	bool replaces;	/* ours: the caller unlinks in order to write anew */
};

/* 0, PARKED, or -errno. */
int move_unlink(struct tree *t, struct move *m, struct waiter *w) EXCLUDES(T);
int move_rename(struct tree *t, struct move *m, struct waiter *w) EXCLUDES(T);

#endif
