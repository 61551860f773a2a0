/* SPDX-License-Identifier: MIT */
/*
 * file: one open file. A reader keeps the version that it opened; who writes gets a draft at the
 * first byte (opening for writing costs nothing). Owned by the kernel's open file (fi->fh): dies in
 * file_close, after the last other operation on it.
 */
#ifndef TREE_FILE_H
#define TREE_FILE_H

#include "tree/commit.h"
#include "tree/node.h"
#include "tree/tree.h"

struct file {
	struct list link;    /* (T) tree.files */
	struct node *node;   /* pinned */
	bool writable;	     /* (I) */
	struct text text;    /* (T) the version it reads */
	uint64_t version;    /* (T) of text */
	struct draft *draft; /* (T) counted: what it reads or writes besides */
	bool uses;	     /* (T) it wrote or truncated: counted in draft.users */
};

/* 0 and *out; PARKED; -ESTALE: the name was guessed and is not there, look it up again (3.3).
 * *keep_pages: what the kernel has cached of it is this version. */
int file_open(struct tree *t, uint64_t ino, int flags, struct waiter *w, struct file **out,
	      bool *keep_pages) EXCLUDES(T);
/* Creates it, takes a lookup. now: clock.h ns. */
int file_create(struct tree *t, uint64_t dir, const char *name, mode_t mode, int flags,
		uint64_t now, struct file **out, struct entry *entry) EXCLUDES(T);
void file_close(struct tree *t, struct file *f) EXCLUDES(T);

/* A lent slice of text (valid while f is open and not read again), or bytes in room. Never waits. */
ssize_t file_read(struct tree *t, struct file *f, char *room, size_t n, off_t off) EXCLUDES(T);
/* off < 0: at the end. */
ssize_t file_write(struct tree *t, struct file *f, const char *p, size_t n, off_t off) EXCLUDES(T);
int file_commit(struct tree *t, struct file *f, enum commit_at at, struct waiter *w) EXCLUDES(T);

/* Sees to it that what n shows is known and fresh. 0; PARKED; -ESTALE as in file_open. */
int file_want(struct node *n, struct waiter *w) REQUIRES(T);

/* stat(2). 0 and *out; PARKED; -ESTALE as in file_open. */
int file_getattr(struct tree *t, uint64_t ino, struct waiter *w, struct entry *out) EXCLUDES(T);

/* What setattr is to change; the rest is accepted and has no effect on a record. */
struct file_change {
	bool has_size, has_mode, has_mtime;
	off_t size;
	mode_t mode;
	struct timespec mtime;
};
/* f: the open file it came through, or NULL. 0 and *out; PARKED; -errno. */
int file_change(struct tree *t, uint64_t ino, struct file *f, const struct file_change *change,
		struct waiter *w, struct entry *out) EXCLUDES(T);

int file_symlink(struct tree *t, uint64_t dir, const char *name, const char *target, uint64_t now,
		 struct entry *entry) EXCLUDES(T);
/* gives a copy of where it points (free it) */
int file_readlink(struct tree *t, uint64_t ino, char **out) EXCLUDES(T);

#endif
