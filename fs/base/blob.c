/* SPDX-License-Identifier: MIT */
/* blob: the count is the program's only atomic reference count; everything else counts under T. */
#include "base/blob.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

struct blob {
	atomic_size_t refs;
	size_t len;
	char *bytes;
};

struct blob *blob_adopt(char *bytes, size_t n)
{
	struct blob *b = malloc(sizeof(*b));

	if (!b) {
		free(bytes);
		return NULL;
	}
	atomic_init(&b->refs, 1);
	b->len = n;
	b->bytes = bytes;
	return b;
}

struct blob *blob_copy(const void *p, size_t n)
{
	char *bytes = malloc(n + 1);

	if (!bytes)
		return NULL;
	if (n)
		memcpy(bytes, p, n);
	bytes[n] = '\0';
	return blob_adopt(bytes, n);
}

struct blob *blob_ref(struct blob *b)
{
	if (b)
		atomic_fetch_add_explicit(&b->refs, 1, memory_order_relaxed);
	return b;
}

void blob_put(struct blob *b)
{
	if (!b || atomic_fetch_sub_explicit(&b->refs, 1, memory_order_acq_rel) > 1)
		return;
	free(b->bytes);
	free(b);
}

const char *blob_data(const struct blob *b)
{
	return b->bytes;
}

size_t blob_len(const struct blob *b)
{
	return b->len;
}

struct text text_of(struct blob *b, size_t off, size_t len)
{
	return (struct text){.blob = blob_ref(b), .off = off, .len = len};
}

struct text text_ref(const struct text *t)
{
	return text_of(t->blob, t->off, t->len);
}

void text_put(struct text *t)
{
	blob_put(t->blob);
	*t = (struct text){0};
}

const char *text_data(const struct text *t)
{
	return t->blob ? t->blob->bytes + t->off : "";
}

bool text_equal(const struct text *a, const struct text *b)
{
	if (!a->blob || !b->blob)
		return a->blob == b->blob;
	return a->len == b->len && memcmp(text_data(a), text_data(b), a->len) == 0;
}
