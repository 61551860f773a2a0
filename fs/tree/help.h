/* SPDX-License-Identifier: MIT */
/*
 * help: files that explain the mount: README.md in its root, and in each collection where something can
 * be created .template.json and .template.md, which are hidden: reachable by name, not listed. Read
 * only. A template needs the fields that the server tells: they are asked for by whoever opens or stats
 * one, into the same vocabulary that saves use, and again when they are older than ttl.
 */
#ifndef TREE_HELP_H
#define TREE_HELP_H

#include "tree/tree.h"

#define HELP_README "README.md"

int help_init(struct tree *t) REQUIRES(T);  /* -ENOMEM. After the collections */
void help_fini(struct tree *t) REQUIRES(T); /* nothing having been made is fine */

/* The file of that name in c; c NULL: in the root. Lends, or NULL. */
struct node *help_find(struct tree *t, const struct coll *c, const char *name) REQUIRES(T);
/* Makes sure that n, one of ours, has its text. 0; PARKED; -errno. */
int help_want(struct node *n, struct waiter *w) REQUIRES(T);
/* Is this text c's template, as it was read and not changed? Then nothing was asked for yet. */
bool help_is_template(struct tree *t, const struct coll *c, const struct text *text) REQUIRES(T);

#endif
