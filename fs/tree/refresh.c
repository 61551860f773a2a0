/* SPDX-License-Identifier: MIT */
/* refresh: see refresh.h. Workers, and the signals' thread. Under T; the kernel is told to forget sizes
 * and times too, or a stat(2) would not come to us. */
#include "tree/refresh.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

#include "tree/node.h"
#include "tree/record.h"

enum { PATH_ROOM = 64 + NAME_MAX };

void refresh_record(struct record *rec, uint64_t now)
{
	if (rec->state == RECORD_ABSENT)
		rec->absent_until = 0;
	if (rec->state != RECORD_PRESENT)
		return;
	rec->doubtful = true;
	if (rec->asked_at < now)
		rec->asked_at = now; /* an answer to what left earlier is dropped as older news */
	if (rec->node)
		tree_tell_stale(rec->coll->tree, rec->node->ino, 0, NULL);
}

static void refresh_coll(struct coll *c, uint64_t now) REQUIRES(T)
{
	struct map_entry *e = NULL;

	c->listing.old_before = now;
	c->listing.failed_until = 0;
	while ((e = map_next(&c->records, e))) {
		struct record *rec = container_of(e, struct record, by_id);
		rec->absent_until = 0;
		if (rec->node)
			tree_tell_stale(c->tree, rec->node->ino, 0, NULL);
	}
}

static void refresh_colls(struct tree *t, uint64_t now) REQUIRES(T)
{
	for (size_t i = 0; i < t->coll_count; i++)
		refresh_coll(&t->colls[i], now);
}

void refresh_all(struct tree *t, uint64_t now)
{
	tree_lock(t);
	refresh_colls(t, now);
	tree_unlock(t);
}

/* A record's file, what a person calls it by, or a text of theirs, for which nobody can be asked. */
static int refresh_file(struct coll *c, const char *name, uint64_t now, bool do_it) REQUIRES(T)
{
	struct named named;
	int err = node_resolve(c->tree, c, name, now, &named);

	if (err < 0)
		return err;
	struct record *rec = named.record;
	if (named.local && named.local->alias_of)
		rec = record_find(c, named.local->alias_of);
	if (!rec)
		return 0;
	record_ref(rec);
	if (do_it)
		refresh_record(rec, now);
	record_put(rec); /* it may only have been guessed at */
	return 0;
}

/* line: without "/" at its ends. */
static int refresh_line(struct tree *t, char *line, uint64_t now, bool do_it) REQUIRES(T)
{
	char *name = strchr(line, '/');

	if (*line == '\0' || strcmp(line, ".") == 0) {
		if (do_it)
			refresh_colls(t, now);
		return 0;
	}
	if (name)
		*name++ = '\0';
	struct coll *c = tree_coll(t, line);
	if (!c || c->absent)
		return -ENOENT;
	if (name)
		return refresh_file(c, name, now, do_it);
	if (do_it)
		refresh_coll(c, now);
	return 0;
}

/* Copies a line without what a person or a shell's completion puts around a path. */
static int cut(const char *p, size_t n, char line[PATH_ROOM])
{
	if (n >= 2 && p[0] == '.' && p[1] == '/') {
		p += 2;
		n -= 2;
	}
	while (n && *p == '/') {
		p++;
		n--;
	}
	while (n && p[n - 1] == '/')
		n--;
	if (n >= PATH_ROOM)
		return -ENOENT;
	memcpy(line, p, n);
	line[n] = '\0';
	return strlen(line) == n ? 0 : -EINVAL;
}

static int each_line(struct tree *t, const char *text, size_t n, uint64_t now, bool do_it)
	REQUIRES(T)
{
	char line[PATH_ROOM];
	int err = 0;

	for (size_t at = 0; !err && at < n;) {
		const char *end = memchr(text + at, '\n', n - at);
		size_t len = end ? (size_t)(end - text) - at : n - at;
		err = cut(text + at, len, line);
		if (!err)
			err = refresh_line(t, line, now, do_it);
		at += len + 1;
	}
	return err;
}

int refresh_paths(struct tree *t, const char *text, size_t n, uint64_t now)
{
	tree_lock(t);
	int err = each_line(t, text, n, now, false);
	if (!err)
		err = each_line(t, text, n, now, true);
	tree_unlock(t);
	return err;
}
