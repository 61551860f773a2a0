/* SPDX-License-Identifier: MIT */
/* dirs: see dirs.h. dir_open on a worker or, re-run, on the net thread; dir_read on workers. */
#include "tree/dirs.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tree/control.h"
#include "tree/draft.h"
#include "tree/help.h"
#include "tree/listing.h"
#include "tree/name.h"
#include "tree/record.h"
#include "tree/refusal.h"

static void dir_free(struct tree *t, struct dir *d) REQUIRES(T)
{
	list_remove(&d->link);
	for (size_t i = 0; i < d->name_count; i++)
		free(d->names[i]);
	free(d->names);
	roll_put(d->roll);
	node_unpin(t, d->node);
	free(d);
}

static int add_name(struct dir *d, const char *name)
{
	d->names[d->name_count] = strdup(name);
	return d->names[d->name_count] ? (int)d->name_count++ : -ENOMEM;
}

static size_t list_length(const struct list *l)
{
	size_t n = 0;

	list_each(pos, l)
		n++;
	return n;
}

static int add_locals(struct dir *d, struct coll *c) REQUIRES(T)
{
	struct map_entry *e = NULL;
	char name[256];

	d->names = calloc(c->locals.count + c->refusals.count + list_length(&c->drafts) + 1,
			  sizeof(*d->names));
	if (!d->names)
		return -ENOMEM;
	while ((e = map_next(&c->locals, e))) {
		const struct local *l = container_of(e, struct local, by_name);
		/* Somebody's own file of that name is behind the words till they go. */
		if (!refusal_at(c, l->name) && add_name(d, l->name) < 0)
			return -ENOMEM;
	}
	while ((e = map_next(&c->refusals, e))) {
		refusal_file_name(container_of(e, struct refusal, by_name), name);
		if (add_name(d, name) < 0)
			return -ENOMEM;
	}
	list_each(pos, &c->drafts) {
		struct record *rec = container_of(pos, struct draft, link)->node->record;
		if (!rec || listing_has(&c->listing, rec->id))
			continue;
		name_of_record(rec->id, name);
		if (add_name(d, name) < 0)
			return -ENOMEM;
	}
	return 0;
}

static int fill_dir(struct dir *d, struct coll *c) REQUIRES(T)
{
	d->roll = listing_roll(c);
	return d->roll ? add_locals(d, c) : -ENOMEM;
}

static int open_locked(struct tree *t, uint64_t ino, struct waiter *w, struct dir **out) REQUIRES(T)
{
	struct node *n = node_find(t, ino);

	if (!n || n->type == NODE_FILE || n->type == NODE_LINK || n->type == NODE_CONTROL)
		return -ENOTDIR;
	int r = n->type == NODE_DIR ? listing_want(n->coll, w) : 0;
	if (r)
		return r;
	struct dir *d = calloc(1, sizeof(*d));
	if (!d)
		return -ENOMEM;
	list_append(&t->dirs, &d->link);
	node_pin(t, d->node = n);
	if (n->type == NODE_DIR)
		r = fill_dir(d, n->coll);
	if (r < 0)
		dir_free(t, d);
	else
		*out = d;
	return r;
}

int dir_open(struct tree *t, uint64_t ino, struct waiter *w, struct dir **out)
{
	int r;

	do {
		tree_lock(t);
		r = open_locked(t, ino, w, out);
		tree_unlock(t);
	} while (wait_again(w, r));
	if (!r && (*out)->node->type == NODE_CONTROL_DIR && (r = control_list(t, *out)) < 0)
		dir_close(t, STEAL(*out));
	return r;
}

void dir_close(struct tree *t, struct dir *d)
{
	tree_lock(t);
	dir_free(t, d);
	tree_unlock(t);
}

/* Fills out from n. With plus the kernel gets a lookup of it. */
static void emit(struct tree *t, struct node *n, bool plus, uint64_t now, struct dirent_at *out)
	REQUIRES(T)
{
	node_entry(t, n, now, &out->entry);
	if (plus)
		n->lookups++;
}

static int emit_record(struct tree *t, struct record *rec, bool plus, uint64_t now,
		       struct dirent_at *out) REQUIRES(T)
{
	name_of_record(rec->id, out->name);
	if (!plus && node_ino_of_record(rec)) {
		out->entry = (struct entry){.ino = node_ino_of_record(rec)};
		out->entry.attr.st_ino = out->entry.ino;
		out->entry.attr.st_mode = S_IFREG;
		return 1;
	}
	struct node *n = node_of_record(t, rec);
	if (!n)
		return -ENOMEM;
	emit(t, n, plus, now, out);
	node_unpin(t, n);
	return 1;
}

/* 1: out is filled; 0: it has gone since the directory was opened. */
static int emit_name(struct tree *t, struct coll *c, const char *name, bool plus, uint64_t now,
		     struct dirent_at *out) REQUIRES(T)
{
	struct named named;

	if (node_resolve(t, c, name, now, &named) < 0 || !named.node)
		return 0;
	snprintf(out->name, sizeof(out->name), "%s", name);
	emit(t, named.node, plus, now, out);
	return 1;
}

static int emit_coll(struct tree *t, struct coll *c, bool plus, uint64_t now, struct dirent_at *out)
	REQUIRES(T)
{
	if (c->absent)
		return 0;
	snprintf(out->name, sizeof(out->name), "%s", c->kind->name);
	emit(t, c->dir, plus, now, out);
	return 1;
}

/* The README, after the collections. */
static int emit_readme(struct tree *t, bool plus, uint64_t now, struct dirent_at *out) REQUIRES(T)
{
	struct node *n = help_find(t, NULL, HELP_README);

	if (!n)
		return 0;
	snprintf(out->name, sizeof(out->name), "%s", HELP_README);
	emit(t, n, plus, now, out);
	return 1;
}

static bool is_seen(const struct record *rec, uint64_t now) REQUIRES(T)
{
	if (rec->node && rec->node->draft)
		return true;
	return rec->state == RECORD_PRESENT && !record_is_vacated(rec, now);
}

/* The kernel looks it up if it wants to know more: number 0 takes no lookup. */
static int emit_control(const struct dir *d, size_t i, struct dirent_at *out)
{
	if (i >= d->name_count)
		return 0;
	snprintf(out->name, sizeof(out->name), "%s", d->names[i]);
	out->entry = (struct entry){0};
	out->entry.attr.st_ino = INO_ROOT;
	out->entry.attr.st_mode = control_is_dir(out->name) ? S_IFDIR : S_IFREG;
	return 1;
}

static int emit_at(struct tree *t, struct dir *d, size_t i, bool plus, uint64_t now,
		   struct dirent_at *out) REQUIRES(T)
{
	struct coll *c = d->node->coll;

	if (d->node->type == NODE_CONTROL_DIR)
		return emit_control(d, i, out);
	if (!d->roll && i == t->coll_count)
		return emit_readme(t, plus, now, out);
	if (!d->roll)
		return emit_coll(t, &t->colls[i], plus, now, out);
	if (i >= d->roll->count)
		return emit_name(t, c, d->names[i - d->roll->count], plus, now, out);
	struct record *rec = d->roll->records[i];
	return is_seen(rec, now) ? emit_record(t, rec, plus, now, out) : 0;
}

int dir_read(struct tree *t, struct dir *d, size_t index, bool plus, uint64_t now,
	     struct dirent_at *out)
{
	int r = 0;

	tree_lock(t);
	size_t count = d->roll			    ? d->roll->count
		       : d->node->type == NODE_ROOT ? t->coll_count + 1
						    : 0;
	count += d->name_count;
	for (; !r && index < count; index++)
		r = emit_at(t, d, index, plus, now, out);
	out->next = index;
	tree_unlock(t);
	return r;
}
