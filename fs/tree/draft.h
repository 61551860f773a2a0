/* SPDX-License-Identifier: MIT */
/*
 * draft: a text that somebody is editing, or whose save was refused: a spool file, attached to the
 * node whose content it is. After a good save it is detached: the node shows the server's version
 * at once, while handles that wrote still reach their bytes, in case they write on (a shell's
 * `{ a; b; } >file` commits at each close, F8). What is attached survives the daemon.
 *
 * The bytes are read and written on the caller's thread with no lock held; T covers the rest.
 */
#ifndef TREE_DRAFT_H
#define TREE_DRAFT_H

#include <limits.h>

#include "tree/tree.h"

enum { DRAFT_MAX_BYTES = 16 << 20 };

/*
 * Makes sure that n has a draft to write to, holding its content of now (or nothing, if empty).
 * `mine`: the draft this handle wrote to before, or NULL; it is attached again where it was only
 * detached by a commit. Gives a reference in *out. The record's text must be known (record_want).
 */
int draft_open(struct tree *t, struct node *n, struct draft *mine, bool empty, struct draft **out)
	EXCLUDES(T);
struct draft *draft_ref(struct draft *d) REQUIRES(T);
void draft_put(struct tree *t, struct draft *d) REQUIRES(T); /* NULL is fine */
void draft_forget(struct draft *d) REQUIRES(T); /* frees the last reference; its files stay */
/* Removes the files of drafts that died since. After every operation that may have put the last
 * reference: the lock is not held across the disk. */
void draft_sweep(struct tree *t) EXCLUDES(T);

/*
 * A new, empty text (or a symlink to target) at a name of c's. -EEXIST when it is taken, -EPERM when
 * it is a record's name that the server does not have (ids are the server's). A name that an
 * editor moved away gets a draft of that record. Gives a pin on the node, and in *draft, if
 * wanted, a reference to what is attached.
 */
int draft_create(struct tree *t, struct coll *c, const char *name, mode_t mode, const char *target,
		 struct node **out, struct draft **draft) EXCLUDES(T);

/* off < 0: at the end. n bytes written, or -errno. -EINVAL: kept, but no JSON can come of it. */
int draft_write(struct tree *t, struct draft *d, const char *p, size_t n, off_t off) EXCLUDES(T);
int draft_truncate(struct tree *t, struct draft *d, off_t size) EXCLUDES(T);
ssize_t draft_read(struct tree *t, struct draft *d, char *out, size_t n, off_t off);

/* What stands beside a text on disk: taken under T, written without it. Empty (key 0) for a draft
 * that is not attached or was never written. */
struct draft_note {
	uint64_t key;
	struct spool_note note;
	char name[NAME_MAX + 1];
	char *about, *words; /* owned */
};
/* K, from before T is taken till the note is written. */
void draft_note_lock(struct tree *t, const struct draft *d) EXCLUDES(T);
void draft_note_unlock(struct tree *t, const struct draft *d) EXCLUDES(T);
void draft_note(struct draft *d, struct draft_note *out) REQUIRES(T);
int draft_write_note(struct tree *t, struct draft_note *n)
	EXCLUDES(T); /* once; puts what it holds */
/* The same for a new file: it is there from its creation on, the first write makes sure of it. */
void draft_write_lightly(struct tree *t, struct draft_note *n) EXCLUDES(T);
int draft_keep(struct tree *t, struct draft *d) EXCLUDES(T); /* both, with K */

/* When its bytes changed: by the spool's clock, so that it is the same after a crash. */
struct timespec draft_time_of_bytes(struct tree *t, const struct draft *d);
/* The name that a person knows the text by. */
void draft_name(const struct draft *d, char out[NAME_MAX + 1]) REQUIRES(T);
/* Its text is to be set aside when the files go, not deleted. */
void draft_reject(struct draft *d) REQUIRES(T);

void draft_attach(struct tree *t, struct draft *d, struct node *n) REQUIRES(T);
/* Its name was removed: what is open still reads and writes it, the next mount does not see it.
 * by: the process that did, or 0; whose own save was refused (an editor that recovers) still needs
 * to be told why. */
void draft_unlink(struct tree *t, struct draft *d, pid_t by) REQUIRES(T);
/* The node stops showing it, and nobody saved it: set aside where it may be somebody's work. */
void draft_drop(struct tree *t, struct draft *d, pid_t by) REQUIRES(T);
/* The node stops showing it. The files go with the last reference. */
void draft_detach(struct tree *t, struct draft *d) REQUIRES(T);

#endif
