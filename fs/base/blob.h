/* SPDX-License-Identifier: MIT */
/*
 * blob: immutable bytes, counted; any thread. text: a slice of a blob that owns one reference, so
 * a record's text keeps the page it was cut from alive, and nothing else of that page's tree.
 */
#ifndef BASE_BLOB_H
#define BASE_BLOB_H

#include <stdbool.h>
#include <stddef.h>

#include "base/macros.h"

struct blob;

struct blob *blob_adopt(char *bytes,
			size_t n); /* takes malloc'd bytes even on failure; NULL: no memory */
struct blob *blob_copy(const void *p, size_t n); /* NULL: no memory */
struct blob *blob_ref(struct blob *b);		 /* gives a reference; NULL is fine */
void blob_put(struct blob *b);			 /* NULL is fine */
const char *blob_data(
	const struct blob *b); /* lends, until the last put; NUL-terminated if adopted so */
size_t blob_len(const struct blob *b);
DEFINE_CLEANUP(struct blob *, blob_put)

/* {0} is the absent text: text_is_set tells it from an empty one. */
struct text {
	struct blob *blob;
	size_t off, len;
};

struct text text_of(struct blob *b, size_t off, size_t len); /* refs b */
struct text text_ref(const struct text *t);		     /* a second slice of the same bytes */
void text_put(struct text *t);				     /* becomes absent */
const char *text_data(const struct text *t);		     /* lends; not NUL-terminated */
bool text_equal(const struct text *a, const struct text *b); /* by bytes; absent equals absent */

static inline bool text_is_set(const struct text *t)
{
	return t->blob;
}

static inline void text_put_at(struct text *t)
{
	text_put(t);
}

#endif
