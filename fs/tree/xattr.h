/* SPDX-License-Identifier: MIT */
/*
 * xattr: what is known of a record beside its text, as extended attributes of its file:
 *
 *   user.concordfs.id          its number
 *   user.concordfs.url         its page in the CRM, where it has one
 *   user.concordfs.updated_at  the version that is shown, in UTC
 *   user.concordfs.state       clean; stale: older than ttl, and the server could not be asked; draft: a
 *                              text that is not saved; refused: a save of it was, and stands so
 *   user.concordfs.error       the words of that refusal
 *
 * A file that is to become a record has the last two. Nothing else has any, and none can be set.
 */
#ifndef TREE_XATTR_H
#define TREE_XATTR_H

#include "base/buf.h"
#include "tree/node.h"
#include "tree/tree.h"

#define XATTR_MAX_BYTES (64 << 10) /* Linux takes no more */

/* One of ours, or at least of our kind (user.)? Of the others there are none on this filesystem. */
bool xattr_is_ours(const char *name);

/* Appends the value, or the names, each with its NUL. 0; PARKED; -ENODATA: it has no such attribute;
 * -ESTALE as in file_open. */
int xattr_get(struct tree *t, uint64_t ino, const char *name, struct waiter *w, struct buf *out)
	EXCLUDES(T);
int xattr_list(struct tree *t, uint64_t ino, struct waiter *w, struct buf *out) EXCLUDES(T);

#endif
