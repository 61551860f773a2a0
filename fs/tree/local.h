/* SPDX-License-Identifier: MIT */
/*
 * local: names in a collection that are not a record's own: an editor's files, new records before
 * they are saved, and the alias that a create leaves. Each pins its node. All under T.
 */
#ifndef TREE_LOCAL_H
#define TREE_LOCAL_H

#include "tree/tree.h"

int local_add(struct tree *t, struct coll *c, const char *name, struct node *n, uint64_t alias_of)
	REQUIRES(T); /* 0 or -ENOMEM; the name must be free */
/* A symlink at that name to <id>.json: what a create leaves at the name that was used. */
int alias_add(struct tree *t, struct coll *c, const char *name, uint64_t id) REQUIRES(T);
/* Takes the name away and nothing else; the node lives on while it is held. */
void local_remove(struct tree *t, struct local *l) REQUIRES(T);
/* Each name stands for what the other one stood for. Neither is an alias. */
void local_exchange(struct local *a, struct local *b) REQUIRES(T);
/* As unlink(2) has it, and rename(2) for what it replaces: its text goes too (set aside where it may
 * be somebody's work), and a record whose name it was moved away with is seen again. by: draft.h. */
void local_unlink(struct tree *t, struct local *l, pid_t by) REQUIRES(T);
/* Makes way at mount for a text of that name: killed in a rename, before the note of what it replaced
 * was removed, there are two. The one that has the name came here last: its note was written then. */
void local_set_aside(struct tree *t, struct coll *c, const char *name) REQUIRES(T);

#endif
