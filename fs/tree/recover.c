/* SPDX-License-Identifier: MIT */
/* recover: see recover.h. The main thread, before any other runs; T all the same, for the analysis. */
#include "tree/recover.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "crm/edit.h"
#include "crm/view.h"
#include "tree/draft.h"
#include "tree/local.h"
#include "tree/name.h"
#include "tree/node.h"
#include "tree/record.h"
#include "tree/refusal.h"

/* What a text says of its version: updated_at in Unix seconds, or VIEW_NO_TIME. */
static int64_t time_of(const struct text *text)
{
	struct report why = {0};
	struct edit_head head = {0};
	int64_t time;
	int err = text_is_set(text) ? edit_read_head(jspan_of(text), &head, &why) : -EINVAL;

	report_fini(&why);
	if (err < 0 || !head.updated_at.n)
		return VIEW_NO_TIME;
	return view_parse_time(head.updated_at, &time) < 0 ? VIEW_NO_TIME : time;
}

static int recover_record(struct tree *t, struct coll *c, struct draft *d, uint64_t id) REQUIRES(T)
{
	struct record *rec = record_get(c, id);
	struct node *n = rec ? node_of_record(t, rec) : NULL;

	if (!n)
		return -ENOMEM;
	if (n->draft) {
		log_warning("store: two texts of one record; the second is set aside");
		draft_reject(d);
	} else {
		d->record = record_ref(rec);
		draft_attach(t, d, n);
	}
	node_unpin(t, n);
	return 0;
}

static int recover_local(struct tree *t, struct coll *c, struct draft *d,
			 const struct spool_note *note) REQUIRES(T)
{
	local_set_aside(t, c, note->name);
	struct node *n = node_new(t, note->type == SPOOL_LINK ? NODE_LINK : NODE_FILE, c, 0);

	if (!n)
		return -ENOMEM;
	int err = local_add(t, c, note->name, n, 0);
	if (!err)
		draft_attach(t, d, n);
	node_unpin(t, n);
	return err;
}

static struct draft *draft_from_note(uint64_t key, const struct spool_note *note, off_t size)
{
	struct draft *d = calloc(1, sizeof(*d));

	if (!d)
		return NULL;
	list_init(&d->link);
	list_init(&d->unlinked);
	d->refs = 1;
	d->key = key;
	d->type = note->type;
	d->target = note->target ? strdup(note->target) : NULL;
	d->size = note->target ? (off_t)strlen(note->target) : size;
	d->mtime = note->mtime;
	d->mode = note->mode;
	d->base = text_ref(&note->base);
	d->then = text_ref(&note->base);
	d->base_time = time_of(&note->base);
	d->written = d->kept = d->sure = true;
	d->dirty = note->dirty;
	d->refused = note->refused;
	d->posted = note->posted;
	return d;
}

/* What the last mount said of it, or that it ended before anything could be said. */
static void say_again(struct draft *d, const struct spool_note *note) REQUIRES(T)
{
	char name[NAME_MAX + 1], words[NAME_MAX + 128];
	uint64_t id;
	bool for_server = name_classify(note->name, &id) <= NAME_NEW;

	if (!d->node || (!d->refused && !(d->dirty && for_server)))
		return;
	if (!d->refused) {
		d->refused = -EINTR;
		d->unfinished = true;
	}
	draft_name(d, name);
	snprintf(words, sizeof(words), "%s: the mount ended before this text was saved\n", name);
	struct refused what = {
		.err = d->refused, .words = note->words ? note->words : words, .draft = d};
	refusal_set(d->node->coll, note->about ? note->about : name, &what);
}

static int recover_one(void *arg, uint64_t key, const struct spool_note *note)
{
	struct tree *t = arg;
	struct coll *c = tree_coll(t, note->dir);
	off_t size = 0;
	uint64_t id;
	int err;

	if (!c) {
		log_warning("store: a text of a collection that is not mounted stays where it is");
		return 0;
	}
	if ((err = spool_size(t->config.spool, key, &size)) < 0)
		return err;
	struct draft *d = draft_from_note(key, note, size);
	if (!d)
		return -ENOMEM;
	d->mtime = draft_time_of_bytes(t, d);
	tree_lock(t);
	bool of_record = name_classify(note->name, &id) == NAME_RECORD;
	if (of_record && !note->dirty && !note->refused)
		err = 0; /* it was saved; only its removal is missing */
	else
		err = of_record ? recover_record(t, c, d, id) : recover_local(t, c, d, note);
	if (!err)
		say_again(d, note);
	draft_put(t, d);
	tree_unlock(t);
	draft_sweep(t);
	return err;
}

int recover_all(struct tree *t)
{
	return spool_each(t->config.spool, recover_one, t);
}
