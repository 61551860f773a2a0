/* SPDX-License-Identifier: MIT */
/*
 * dirs: one open directory: a snapshot taken at opendir, so that an offset is an index and a reader
 * meets each name once. Owned by the kernel's open directory (fi->fh).
 */
#ifndef TREE_DIRS_H
#define TREE_DIRS_H

#include "tree/node.h"
#include "tree/tree.h"

struct dir {
	struct list link;  /* (T) tree.dirs */
	struct node *node; /* pinned */
	struct roll *roll; /* counted; NULL: the root */
	/* Names that are not in the roll: local ones, and records known only by their draft. */
	char **names;
	size_t name_count;
};

/* 0 and *out; PARKED; -errno. */
int dir_open(struct tree *t, uint64_t ino, struct waiter *w, struct dir **out) EXCLUDES(T);
void dir_close(struct tree *t, struct dir *d) EXCLUDES(T);

/* The entry at index, or the next one that is still there. */
struct dirent_at {
	char name[256];
	struct entry entry; /* with plus: a lookup was taken; else only ino and the type are set */
	size_t next;	    /* index to go on with */
};
/* 1: an entry; 0: the end; -errno. plus: takes a lookup for it (not for . and ..). */
int dir_read(struct tree *t, struct dir *d, size_t index, bool plus, uint64_t now,
	     struct dirent_at *out) EXCLUDES(T);

#endif
