/* SPDX-License-Identifier: MIT */
/* draft: see draft.h. Worker threads write; the net thread reads states and detaches. A draft's
 * file is touched with no lock held; what is known of it changes under T, after the bytes have. */
#include "tree/draft.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "crm/edit.h"
#include "crm/jtext.h"
#include "store/rejected.h"
#include "tree/local.h"
#include "tree/name.h"
#include "tree/node.h"
#include "tree/record.h"
#include "tree/refusal.h"

enum { CHECK_MAX_BYTES = 1 << 20 }; /* longer texts are judged at the commit only */

static struct timespec wall_clock(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return ts;
}

struct timespec draft_time_of_bytes(struct tree *t, const struct draft *d)
{
	struct timespec ts;

	return spool_mtime(t->config.spool, d->key, &ts) < 0 ? wall_clock() : ts;
}

struct draft *draft_ref(struct draft *d)
{
	d->refs++;
	return d;
}

static void draft_free(struct draft *d)
{
	text_put(&d->base);
	text_put(&d->then);
	free(d->target);
	free(d->kept_as);
	free(d->words);
	free(d);
}

void draft_forget(struct draft *d)
{
	record_put(STEAL(d->record));
	draft_free(d);
}

void draft_put(struct tree *t, struct draft *d)
{
	if (!d || --d->refs)
		return;
	refusal_lift(d->refusal); /* whatever way the text went */
	record_put(STEAL(d->record));
	list_append(&t->dead_drafts, &d->link);
}

/* No memory for its name is no reason to lose a text. */
static const char *name_kept_as(const struct draft *d, char room[REJECTED_NAME_MAX])
{
	if (d->kept_as)
		return d->kept_as;
	rejected_name(wall_clock(), "text", room);
	return room;
}

static void sweep_unlinked(struct tree *t)
{
	char name[REJECTED_NAME_MAX];
	struct list *entry;

	tree_lock(t);
	while ((entry = list_pop(&t->unlinked_drafts))) {
		struct draft *d = container_of(entry, struct draft, unlinked);
		bool rejected = d->rejected, aside = d->aside;
		tree_unlock(t);
		draft_note_lock(t, d);
		if (!rejected || aside)
			spool_unkeep(t->config.spool, d->key);
		else
			aside = spool_set_aside(t->config.spool, d->key, name_kept_as(d, name),
						d->words) == 0;
		draft_note_unlock(t, d);
		tree_lock(t);
		d->aside = aside;
		draft_put(t, d);
	}
	tree_unlock(t);
}

void draft_sweep(struct tree *t)
{
	char name[REJECTED_NAME_MAX];
	struct list dead, *entry;

	sweep_unlinked(t);
	list_init(&dead);
	tree_lock(t);
	list_splice(&dead, &t->dead_drafts);
	tree_unlock(t);
	while ((entry = list_pop(&dead))) {
		struct draft *d = container_of(entry, struct draft, link);
		if (d->rejected && !d->aside)
			spool_reject(t->config.spool, d->key, name_kept_as(d, name), d->words);
		else
			spool_drop(t->config.spool, d->key);
		draft_free(d);
	}
}

void draft_attach(struct tree *t, struct draft *d, struct node *n)
{
	n->draft = draft_ref(d);
	d->node = n;
	node_pin(t, n);
	n->seen_version = 0;
	list_append(&n->coll->drafts, &d->link);
}

void draft_detach(struct tree *t, struct draft *d)
{
	struct node *n = d->node;

	if (!n)
		return;
	n->draft = NULL;
	n->seen_version = 0;
	d->node = NULL;
	list_remove(&d->link);
	if (!d->loose)
		node_unpin(t, n);
	draft_put(t, d);
}

void draft_name(const struct draft *d, char out[NAME_MAX + 1])
{
	const struct node *n = d->node;

	if (d->refusal)
		snprintf(out, NAME_MAX + 1, "%s", d->refusal->name);
	else if (n->local)
		snprintf(out, NAME_MAX + 1, "%s", n->local->name);
	else
		name_of_record((n->record ? n->record : d->record)->id, out);
}

void draft_reject(struct draft *d)
{
	char name[NAME_MAX + 1], label[NAME_MAX + 64], kept[REJECTED_NAME_MAX];

	d->rejected = true;
	if (d->kept_as || !d->node)
		return;
	draft_name(d, name);
	snprintf(label, sizeof(label), "%s-%s", d->node->coll->kind->name, name);
	rejected_name(wall_clock(), label, kept);
	d->kept_as = strdup(kept);
	d->words = d->refusal ? strdup(d->refusal->words) : NULL;
}

/* Its text may be somebody's work: then it is set aside when the files go, not deleted. by: the
 * process that makes it go. */
static void judge_rejected(struct draft *d, pid_t by) REQUIRES(T)
{
	uint64_t id;
	const struct node *n = d->node;
	bool meant = n->record || d->record ||
		     (n->local && name_classify(n->local->name, &id) == NAME_NEW);

	bool counts = d->type == SPOOL_FILE && d->size > 0 && (d->refused || (d->dirty && meant)) &&
		      (n->record || d->record || n->local);
	d->rejected = false;
	if (!counts) {
		refusal_lift(d->refusal);
		return;
	}
	draft_reject(d);
	if (d->refusal)
		refusal_aside(d->refusal, d->kept_as ? d->kept_as : "", by);
}

/* Its note goes at once, or, while somebody has it open, the next mount would show it again. */
static void unkeep(struct tree *t, struct draft *d) REQUIRES(T)
{
	if (d->kept && !list_is_linked(&d->unlinked))
		list_append(&t->unlinked_drafts, &draft_ref(d)->unlinked);
}

void draft_drop(struct tree *t, struct draft *d, pid_t by)
{
	judge_rejected(d, by);
	unkeep(t, d);
	draft_detach(t, d);
}

void draft_unlink(struct tree *t, struct draft *d, pid_t by)
{
	judge_rejected(d, by);
	d->loose = true;
	unkeep(t, d);
	node_unpin(t, d->node); /* which takes the draft along when it dies */
}

/* gives a draft with one reference and a file in the spool that holds text */
static int draft_new(struct tree *t, const struct text *text, struct draft **out)
{
	struct draft *d = calloc(1, sizeof(*d));

	if (!d)
		return -ENOMEM;
	int err = spool_create(t->config.spool, &d->key);
	if (!err && text->len)
		err = spool_write(t->config.spool, d->key, text_data(text), text->len, 0);
	if (err < 0) {
		if (d->key)
			spool_drop(t->config.spool, d->key);
		free(d);
		return err;
	}
	list_init(&d->link);
	list_init(&d->unlinked);
	d->refs = 1;
	d->size = (off_t)text->len;
	d->mtime = draft_time_of_bytes(t, d);
	*out = d;
	return 0;
}

static void bind(struct draft *d, struct record *rec) REQUIRES(T)
{
	d->record = record_ref(rec);
	d->base = text_ref(&rec->text);
	d->then = text_ref(&rec->text);
	d->base_time = rec->updated_at;
}

/* d takes the place of a refused text. What only that one knew goes on: the record's text, if the
 * server does not have it any more, or that it was posted and no answer came. */
static void succeed_to(struct draft *d, const struct draft *former) REQUIRES(T)
{
	const struct record *rec = d->record;

	if (former->record != rec || (rec && rec->state == RECORD_PRESENT))
		return;
	d->base = text_ref(&former->base);
	d->then = text_ref(&former->then);
	d->base_time = former->base_time;
	d->posted = former->posted;
	d->posted_at = former->posted_at;
}

/* What n shows now, or an attached draft. gives a reference in *d or *text */
static void content_of(struct node *n, struct text *text, struct draft **d) REQUIRES(T)
{
	if (n->draft)
		*d = draft_ref(n->draft);
	else
		*text = text_ref(n->record ? &n->record->text : &n->text);
}

/* A refused text is about to be overwritten (some editors recover by writing the old text back):
 * it is somebody's work still. gives a reference to it, or NULL. */
static struct draft *set_aside(struct tree *t, struct node *n) REQUIRES(T)
{
	struct draft *d = n->draft;

	if (!d || !d->refused || !d->size || d->commit)
		return NULL;
	draft_ref(d);
	/* The words stay till it is known how the new text fares. */
	draft_drop(t, d, d->refusal ? d->refusal->process : 0);
	return d;
}

/* Gives a reference to the draft of n: fresh (taken), or that of another writer who was first. */
static struct draft *settle(struct tree *t, struct node *n, struct draft *fresh,
			    const struct draft *former, mode_t mode) REQUIRES(T)
{
	if (n->draft) {
		draft_put(t, fresh);
		return draft_ref(n->draft);
	}
	fresh->mode = mode;
	if (n->record)
		bind(fresh, n->record);
	if (former)
		succeed_to(fresh, former);
	draft_attach(t, fresh, n);
	return fresh;
}

int draft_open(struct tree *t, struct node *n, struct draft *mine, bool empty, struct draft **out)
{
	CLEANUP(text_put) struct text text = {0};
	struct draft *fresh = NULL, *former = NULL;

	*out = NULL;
	tree_lock(t);
	mode_t mode = n->draft ? n->draft->mode : 0;
	if (empty)
		former = set_aside(t, n);
	bool detached = !n->draft && mine && !mine->node && !mine->rejected;
	/* A write after this handle's commit goes on where it was, not into the server's version. */
	if (detached && n->record && mine->record == n->record)
		draft_attach(t, mine, n);
	if (detached && !n->record) /* unlinked, and still open */
		*out = draft_ref(mine);
	else
		content_of(n, &text, out);
	tree_unlock(t);
	if (*out)
		return 0;
	int err = draft_new(t, empty ? &(struct text){0} : &text, &fresh);
	tree_lock(t);
	if (err == 0)
		*out = settle(t, n, fresh, former, mode);
	draft_put(t, former);
	tree_unlock(t);
	draft_sweep(t);
	return err;
}

/* Could this text be sent one day? Then what can never become JSON is refused at once: a shell
 * shows only what write says (F13). */
static bool is_for_server(const struct draft *d) REQUIRES(T)
{
	uint64_t id;
	const struct node *n = d->node;

	if (!n || d->type != SPOOL_FILE)
		return false;
	return n->record || (n->local && name_classify(n->local->name, &id) == NAME_NEW);
}

static int check_prefix(struct tree *t, const struct draft *d)
{
	CLEANUP(text_put) struct text text = {0};
	struct jfault fault;

	if (spool_load(t->config.spool, d->key, CHECK_MAX_BYTES, &text) < 0)
		return 0;
	return jtext_is_prefix(jspan_of(&text), &fault) ? 0 : -EINVAL;
}

struct writing {
	off_t at;
	bool check;	     /* bytes were added at the end of a text that may be sent */
	bool keep;	     /* the first ones: the note has to follow */
	bool first;	     /* without it the text does not survive */
	bool written, dirty; /* as it was before */
	off_t size;
};

static struct writing note_write(struct draft *d, size_t n, off_t off) REQUIRES(T)
{
	struct writing w = {.at = off < 0 ? d->size : off,
			    .size = d->size,
			    .written = d->written,
			    .dirty = d->dirty};

	w.check = w.at == d->size && d->size + (off_t)n <= CHECK_MAX_BYTES && is_for_server(d);
	if (d->size < w.at + (off_t)n)
		d->size = w.at + (off_t)n; /* reserved: a second appender goes behind */
	return w;
}

/* The note found no room, so the bytes do not count either: nothing of them is to be saved. */
static void undo_write(struct tree *t, struct draft *d, const struct writing *w)
{
	tree_lock(t);
	d->written = w->written;
	d->dirty = w->dirty;
	bool grown = d->size > w->size;
	d->size = w->size;
	tree_unlock(t);
	if (grown)
		spool_truncate(t->config.spool, d->key, w->size);
}

static bool has_room(const struct draft *d, size_t n, off_t off) REQUIRES(T)
{
	off_t at = off < 0 ? d->size : off;

	return at <= DRAFT_MAX_BYTES && n <= (size_t)(DRAFT_MAX_BYTES - at);
}

int draft_write(struct tree *t, struct draft *d, const char *p, size_t n, off_t off)
{
	struct writing w = {0};

	tree_lock(t);
	bool fits = has_room(d, n, off);
	if (fits)
		w = note_write(d, n, off);
	tree_unlock(t);
	if (!fits)
		return -EFBIG;
	int err = spool_write(t->config.spool, d->key, p, n, w.at);
	struct timespec mtime = draft_time_of_bytes(t, d);
	tree_lock(t);
	if (err < 0) {
		if (d->size == w.at + (off_t)n)
			d->size = w.size > w.at ? w.size : w.at;
	} else {
		d->mtime = mtime;
		d->writes++;
		d->written = d->dirty = true;
		w.first = !d->sure;
		w.keep = w.first || d->refused;
		d->refused = 0;
	}
	tree_unlock(t);
	/* The note of a refused text does for this one too, should there be no room for another. */
	if (!err && w.keep && (err = draft_keep(t, d)) < 0) {
		if (w.first)
			undo_write(t, d, &w);
		else
			err = 0;
	}
	return !err && w.check ? check_prefix(t, d) : err;
}

int draft_truncate(struct tree *t, struct draft *d, off_t size)
{
	if (size > DRAFT_MAX_BYTES)
		return -EFBIG;
	int err = spool_truncate(t->config.spool, d->key, size);
	if (err < 0)
		return err;
	struct timespec mtime = draft_time_of_bytes(t, d);
	tree_lock(t);
	if (size && size != d->size) {
		d->writes++;
		d->written = d->dirty = true;
	}
	d->size = size;
	d->mtime = mtime;
	tree_unlock(t);
	return 0;
}

ssize_t draft_read(struct tree *t, struct draft *d, char *out, size_t n, off_t off)
{
	return spool_read(t->config.spool, d->key, out, n, off);
}

/* The record that a new file of that name is an edit of: its name was moved away (design 3.10). */
static struct record *successor_of(struct coll *c, const char *name, uint64_t now) REQUIRES(T)
{
	uint64_t id;

	if (name_classify(name, &id) == NAME_RECORD) {
		struct record *rec = record_find(c, id);
		/* Or it was deleted on the server, and the person was told what saving it again does. */
		bool may_come_back = rec && rec->state == RECORD_ABSENT && rec->told_gone &&
				     c->kind->has_trash && refusal_find(c, name);
		return may_come_back || (rec && record_is_vacated(rec, now)) ? rec : NULL;
	}
	if (c->moved_alias && c->moved_alias_until > now && strcmp(c->moved_alias, name) == 0)
		return record_find(c, c->moved_alias_of);
	return NULL;
}

/* Is the name free for a new text? *rec: the record it is the successor of. */
static int claim(struct tree *t, struct coll *c, const char *name, struct record **rec) REQUIRES(T)
{
	struct named named;
	uint64_t id, now = clock_now();
	enum name_class class = name_classify(name, &id);

	*rec = successor_of(c, name, now);
	if (*rec)
		return (*rec)->node && (*rec)->node->draft ? -EEXIST : 0;
	if (class == NAME_RECORD || class == NAME_NUMBER)
		return -EPERM;
	return node_resolve(t, c, name, now, &named) == -ENOENT ? 0 : -EEXIST;
}

/* The successor of an alias that was moved away: its name leads to the record again. */
static int restore_alias(struct tree *t, struct coll *c, const char *name, struct record *rec)
	REQUIRES(T)
{
	uint64_t id;

	return name_classify(name, &id) == NAME_RECORD ? 0 : alias_add(t, c, name, rec->id);
}

static int place(struct tree *t, struct coll *c, const char *name, struct draft *d,
		 struct node **out) REQUIRES(T)
{
	struct record *rec;
	int err = claim(t, c, name, &rec);

	if (err < 0)
		return err;
	struct node *n = node_new(t, d->type == SPOOL_LINK ? NODE_LINK : NODE_FILE, c, 0);
	if (!n)
		return -ENOMEM;
	err = rec ? restore_alias(t, c, name, rec) : local_add(t, c, name, n, 0);
	if (!err && rec) {
		bool vacated = rec->vacated;
		node_become(t, n, rec);
		rec->vacated =
			vacated; /* should this successor be dropped, the name is free again */
		bind(d, rec);
	} else if (err < 0) {
		node_unpin(t, n);
		return err;
	}
	draft_attach(t, d, n);
	*out = n;
	return 0;
}

int draft_create(struct tree *t, struct coll *c, const char *name, mode_t mode, const char *target,
		 struct node **out, struct draft **draft)
{
	struct draft_note note = {0};
	struct draft *d = NULL;
	int err = draft_new(t, &(struct text){0}, &d);

	if (err < 0)
		return err;
	d->mode = mode;
	d->type = target ? SPOOL_LINK : SPOOL_FILE;
	d->target = target ? strdup(target) : NULL;
	d->size = target ? (off_t)strlen(target) : 0;
	draft_note_lock(t, d);
	tree_lock(t);
	err = target && !d->target ? -ENOMEM : place(t, c, name, d, out);
	if (!err)
		draft_note(d, &note);
	if (!err && draft)
		*draft = draft_ref(d);
	tree_unlock(t);
	draft_write_lightly(t, &note);
	draft_note_unlock(t, d);
	tree_lock(t);
	draft_put(t, d);
	tree_unlock(t);
	draft_sweep(t);
	return err;
}
