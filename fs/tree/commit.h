/* SPDX-License-Identifier: MIT */
/*
 * commit: one conditional step: compare, re-read if the base is old, send (design 1.4, 3.10). It
 * runs on the net thread from the text that the caller's thread read; at most one at a time for a
 * draft. Its end changes names and nodes under T; whoever waits is settled with 0 or -errno.
 */
#ifndef TREE_COMMIT_H
#define TREE_COMMIT_H

#include "tree/draft.h"
#include "tree/tree.h"

/* What asks for it. */
enum commit_at {
	COMMIT_AT_FLUSH, /* a close: a text that was only emptied is not one yet (F8) */
	COMMIT_AT_FSYNC, /* a person's :w : an emptied record is refused in so many words */
};

/*
 * Saves what was written to n's draft since its last commit. 0 (also when there is nothing to save,
 * or the text stays local), PARKED, or -errno.
 * wrote: this handle wrote, so a refusal that stands is told again.
 */
int commit_node(struct tree *t, struct node *n, enum commit_at at, bool wrote, struct waiter *w)
	EXCLUDES(T);

/* The last handle goes, and bytes came after its last FLUSH: through a memory map, say, which is
 * written back when it is unmapped. Nobody is there to be told, so the log is. */
void commit_unattended(struct tree *t, struct node *n) EXCLUDES(T);

/* A rename: src's text is to be saved as what new_name stands for. */
struct commit_rename {
	struct node *src;      /* with a local name; its draft is attached */
	struct record *record; /* the record to be saved to, or NULL: a new one */
	struct coll *coll;     /* where new_name is */
	bool exchange;	       /* what record has now is kept: no conflict is possible */
	const char
		*new_name; /* as the kernel will have it: <id>.json, an alias, or the new one's */
};
int commit_rename(struct tree *t, const struct commit_rename *what, struct waiter *w) EXCLUDES(T);

/* Whatever n's text is being saved as has an end: PARKED till then, 0 if it is not being saved. */
int commit_wait(struct tree *t, const struct node *n, struct waiter *w) REQUIRES(T);

/* After a mount that was killed: asks the server what became of the texts that it was about to save,
 * one request each. What arrived is saved; what did not stays refused. Once, when threads run. */
void commit_resume(struct tree *t) EXCLUDES(T);

/* Would this text become a record under a NAME_NEW name? (An object without an id.) */
bool commit_is_new_record(const struct text *text);

#endif
