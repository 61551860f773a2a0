/* SPDX-License-Identifier: MIT */
/*
 * move: rename, which acts on what the names are now (F7). A local text moved onto a record's name
 * is saved to it; onto a new record's name, it is created; anywhere else it is moved, to another
 * collection too. A record's name moved away leaves the record untouched; its text moved back puts
 * the name back, without traffic. An exchange with a record is a save that leaves what stood there
 * under the other name. Runs under the kernel's directory locks, so what it sends goes in the first
 * lane.
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
	/* Ours, of an exchange with a record while it is being saved: what stood at its name. */
	struct node *displaced; /* pinned */
	struct draft *edit;	/* counted: its text, or NULL: `text` is it */
	struct text text;
	int64_t mtime; /* of text */
};

/* 0, PARKED, or -errno. */
int move_rename(struct tree *t, struct move *m, struct waiter *w) EXCLUDES(T);

#endif
