/* SPDX-License-Identifier: MIT */
/* draft_note: what stands beside a text on disk, so that the next mount knows what it is; see draft.h.
 * Any thread. Taken under T, written without it and under K, so that the older never replaces the
 * newer. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "tree/draft.h"
#include "tree/name.h"
#include "tree/refusal.h"

void draft_note(struct draft *d, struct draft_note *out)
{
	struct node *n = d->node;

	*out = (struct draft_note){0};
	if (!n || d->loose || (!n->record && !n->local) || (n->record && !d->kept && !d->written))
		return;
	if (n->record)
		name_of_record(n->record->id, out->name);
	else
		memccpy(out->name, n->local->name, '\0', sizeof(out->name) - 1);
	out->key = d->key;
	out->note = (struct spool_note){
		.type = d->type,
		.dir = n->coll->kind->name,
		.target = d->target,
		.record = d->record ? d->record->id : 0,
		.dirty = d->dirty,
		.refused = d->refused,
		.about = d->refusal ? out->about = strdup(d->refusal->name) : NULL,
		.words = d->refusal ? out->words = strdup(d->refusal->words) : NULL,
		.posted = d->posted,
		.mode = d->mode,
		.mtime = d->mtime,
		.base = text_ref(d->posted ? &d->base : &d->then),
	};
	d->kept = true;
}

static void note_fini(struct draft_note *n)
{
	text_put(&n->note.base);
	free(n->about);
	free(n->words);
}

int draft_write_note(struct tree *t, struct draft_note *n)
{
	if (!n->key)
		return 0;
	n->note.name = n->name;
	int err = spool_keep(t->config.spool, n->key, &n->note);
	note_fini(n);
	if (err < 0)
		log_error("tree: what is known of a local text in %s cannot be written: err=%d",
			  n->note.dir, -err);
	return err;
}

void draft_write_lightly(struct tree *t, struct draft_note *n)
{
	n->note.name = n->name;
	if (n->key && spool_keep_lightly(t->config.spool, n->key, &n->note) < 0)
		log_warning("tree: a new file in %s may not survive", n->note.dir);
	note_fini(n);
}

static struct lock *note_lock_of(struct tree *t, const struct draft *d)
{
	return &t->note_locks[map_hash_u64(d->key) % NOTE_LOCKS];
}

void draft_note_lock(struct tree *t, const struct draft *d) NO_TSA
{
	lock_acquire(note_lock_of(t, d));
}

void draft_note_unlock(struct tree *t, const struct draft *d) NO_TSA
{
	lock_release(note_lock_of(t, d));
}

int draft_keep(struct tree *t, struct draft *d)
{
	struct draft_note note;

	draft_note_lock(t, d);
	tree_lock(t);
	draft_note(d, &note);
	bool has_note = note.key;
	tree_unlock(t);
	int err = draft_write_note(t, &note);
	tree_lock(t);
	d->sure |= has_note && !err;
	tree_unlock(t);
	draft_note_unlock(t, d);
	return err;
}
