/* SPDX-License-Identifier: MIT */
/*
 * control: .concordfs/ in the root of the mount: what a program or a person reads and writes to look
 * after it (design 1.1). Hidden: the root does not list it. Nothing in it can be triggered by reading.
 *
 *   status.json     the mount at the moment of its opening (tree/census.h, crm/status.h)
 *   metrics         the same for Prometheus
 *   errors.ndjson   one line for each refusal, from the state directory
 *   allow_deletes   how many deletions the brake would let pass now; a number written to it allows
 *                   that many more
 *   refresh         a path written to it, or nothing but a newline: the next look asks the server
 *   rejected/       refused texts that were removed, for a week (store/rejected.h)
 *
 * Workers. What these files show is on disk, or counted and printed: functions hold no lock meanwhile.
 */
#ifndef TREE_CONTROL_H
#define TREE_CONTROL_H

#include "tree/node.h"
#include "tree/tree.h"

struct dir;

#define CONTROL_NAME ".concordfs"

int control_init(struct tree *t) REQUIRES(T); /* -ENOMEM */
void control_fini(struct tree *t) REQUIRES(T);

/* gives a pin on the node of that name in dir, one of ours. -ENOENT, -ENOMEM. */
int control_lookup(struct tree *t, struct node *dir, const char *name, struct node **out)
	EXCLUDES(T);
/* Its size and times as they are now. n: pinned by the caller. */
void control_refresh(struct tree *t, struct node *n, struct entry *out) EXCLUDES(T);
/* Fills an open directory's names. */
int control_list(struct tree *t, struct dir *d) EXCLUDES(T);
int control_unlink(struct tree *t, struct node *dir, const char *name) EXCLUDES(T);

/* Of a name in .concordfs/ itself. */
bool control_is_dir(const char *name);

int control_open(const struct tree *t, const struct node *n, int flags); /* 0 or -errno */
/* What an open file shows from its opening on, so that no reader meets a mixture of two moments: gives
 * it in *out, which stays absent for a file that is read as it is (control_read). 0, -ENOMEM, -EFBIG. */
int control_snapshot(struct tree *t, const struct node *n, struct text *out) EXCLUDES(T);
ssize_t control_read(struct tree *t, const struct node *n, char *out, size_t size, off_t off)
	EXCLUDES(T);
/* A whole text at once, as echo does. */
ssize_t control_write(struct tree *t, const struct node *n, const char *p, size_t size) EXCLUDES(T);

#endif
