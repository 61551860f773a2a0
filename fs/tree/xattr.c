/* SPDX-License-Identifier: MIT */
/* xattr: see xattr.h. A table of attributes. Workers, and the net thread when re-run; under T. */
#include "tree/xattr.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "tree/draft.h"
#include "tree/file.h"
#include "tree/name.h"
#include "tree/record.h"
#include "tree/refusal.h"

#define PREFIX "user.concordfs."

/* Whose attributes are asked for. */
struct subject {
	const struct node *node;
	const struct record *record;   /* NULL: a new one */
	const struct draft *draft;     /* NULL: none */
	const struct refusal *refusal; /* NULL: nothing is refused */
	uint64_t now;
};

static int write_id(const struct subject *s, struct buf *out) REQUIRES(T)
{
	return s->record ? buf_printf(out, "%" PRIu64, s->record->id) : -ENODATA;
}

static int write_url(const struct subject *s, struct buf *out) REQUIRES(T)
{
	const struct record *rec = s->record;

	if (!rec || !rec->coll->kind->has_page)
		return -ENODATA;
	return buf_printf(out, "%s/%s/%" PRIu64, rec->coll->tree->config.url, rec->coll->kind->name,
			  rec->id);
}

static int write_updated_at(const struct subject *s, struct buf *out) REQUIRES(T)
{
	int64_t at = !s->record				  ? VIEW_NO_TIME
		     : s->draft				  ? s->draft->base_time
		     : s->record->state == RECORD_PRESENT ? s->record->updated_at
							  : VIEW_NO_TIME;
	char text[40];
	struct tm tm;

	if (at == VIEW_NO_TIME || !gmtime_r(&(time_t){at}, &tm))
		return -ENODATA;
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm);
	return buf_add_str(out, text);
}

static int write_state(const struct subject *s, struct buf *out) REQUIRES(T)
{
	if (s->refusal)
		return buf_add_str(out, "refused");
	if (s->draft)
		return buf_add_str(out, "draft");
	return buf_add_str(out, record_is_fresh(s->record, s->now) ? "clean" : "stale");
}

static int write_error(const struct subject *s, struct buf *out) REQUIRES(T)
{
	const char *words = s->refusal ? s->refusal->words : "";
	size_t n = strlen(words);

	while (n && words[n - 1] == '\n')
		n--;
	if (n > XATTR_MAX_BYTES)
		n = XATTR_MAX_BYTES;
	return n ? buf_add(out, words, n) : -ENODATA;
}

static const struct {
	const char *name;
	int (*write)(const struct subject *s, struct buf *out); /* T held */
} attributes[] = {
	{PREFIX "id", write_id},
	{PREFIX "url", write_url},
	{PREFIX "updated_at", write_updated_at},
	{PREFIX "state", write_state},
	{PREFIX "error", write_error},
};

bool xattr_is_ours(const char *name)
{
	return strncmp(name, "user.", 5) == 0;
}

static const struct refusal *refusal_of(const struct node *n) REQUIRES(T)
{
	char name[NAME_RECORD_MAX];

	if (n->draft && n->draft->refusal)
		return n->draft->refusal;
	if (!n->record || n->record->node != n)
		return n->local ? refusal_find(n->coll, n->local->name) : NULL;
	name_of_record(n->record->id, name);
	return refusal_find(n->coll, name);
}

/* A record's file, or one that will be: not an editor's own, not the tree's. */
static bool has_attributes(const struct node *n) REQUIRES(T)
{
	uint64_t id;

	if (n->type != NODE_FILE || n->control || n->refusal)
		return false;
	return n->record ||
	       (n->draft && n->local && name_classify(n->local->name, &id) == NAME_NEW);
}

/* 0 and *out; -ENODATA: it has none. */
static int find_subject(struct tree *t, uint64_t ino, struct waiter *w, struct subject *out)
	REQUIRES(T)
{
	struct node *n = node_find(t, ino);
	int r = !n ? -ESTALE : has_attributes(n) ? file_want(n, w) : -ENODATA;

	if (!r && !has_attributes(n)) /* by what the wait brought */
		r = -ESTALE;
	if (!r)
		*out = (struct subject){.node = n,
					.record = n->record,
					.draft = n->draft,
					.refusal = refusal_of(n),
					.now = w->born};
	return r;
}

static int get(struct tree *t, uint64_t ino, const char *name, struct waiter *w, struct buf *out)
	REQUIRES(T)
{
	struct subject s;

	for (size_t i = 0; i < ARRAY_LEN(attributes); i++) {
		if (strcmp(attributes[i].name, name) != 0)
			continue;
		int r = find_subject(t, ino, w, &s);
		return r ? r : attributes[i].write(&s, out);
	}
	return -ENODATA;
}

int xattr_get(struct tree *t, uint64_t ino, const char *name, struct waiter *w, struct buf *out)
{
	int r;

	do {
		tree_lock(t);
		r = get(t, ino, name, w, out);
		tree_unlock(t);
	} while (wait_again(w, r));
	return r;
}

static int list(struct tree *t, uint64_t ino, struct waiter *w, struct buf *out) REQUIRES(T)
{
	CLEANUP(buf_fini) struct buf value = BUF_INIT(XATTR_MAX_BYTES + 1);
	struct subject s;
	int r = find_subject(t, ino, w, &s);

	for (size_t i = 0; !r && i < ARRAY_LEN(attributes); i++) {
		int err = attributes[i].write(&s, &value);
		if (err != -ENODATA)
			r = err ? err
				: buf_add(out, attributes[i].name, strlen(attributes[i].name) + 1);
		buf_clear(&value);
	}
	return r == -ENODATA ? 0 : r;
}

int xattr_list(struct tree *t, uint64_t ino, struct waiter *w, struct buf *out)
{
	int r;

	do {
		tree_lock(t);
		r = list(t, ino, w, out);
		tree_unlock(t);
	} while (wait_again(w, r));
	return r;
}
