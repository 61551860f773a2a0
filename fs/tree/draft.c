/* SPDX-License-Identifier: MIT */
/* draft: see draft.h. Worker threads write; the net thread reads states and detaches. A draft's
 * file is touched with no lock held; what is known of it changes under T, after the bytes have. */
#include "tree/draft.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "crm/edit.h"
#include "crm/jtext.h"
#include "tree/local.h"
#include "tree/name.h"
#include "tree/node.h"
#include "tree/record.h"

enum { CHECK_MAX_BYTES = 1 << 20 }; /* longer texts are judged at the commit only */

static struct timespec wall_clock(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return ts;
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
	free(d);
}

void draft_put(struct tree *t, struct draft *d)
{
	if (!d || --d->refs)
		return;
	record_put(STEAL(d->record));
	list_append(&t->dead_drafts, &d->link);
}

static void sweep_unlinked(struct tree *t)
{
	struct list *entry;

	tree_lock(t);
	while ((entry = list_pop(&t->unlinked_drafts))) {
		struct draft *d = container_of(entry, struct draft, unlinked);
		tree_unlock(t);
		spool_unkeep(t->config.spool, d->key);
		tree_lock(t);
		draft_put(t, d);
	}
	tree_unlock(t);
}

void draft_sweep(struct tree *t)
{
	struct list dead, *entry;

	sweep_unlinked(t);
	list_init(&dead);
	tree_lock(t);
	list_splice(&dead, &t->dead_drafts);
	tree_unlock(t);
	while ((entry = list_pop(&dead))) {
		struct draft *d = container_of(entry, struct draft, link);
		if (d->rejected)
			spool_reject(t->config.spool, d->key);
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

/* Its text may be somebody's work: then it is set aside when the files go, not deleted. */
static void judge_rejected(struct draft *d) REQUIRES(T)
{
	uint64_t id;
	const struct node *n = d->node;
	bool meant = n->record || d->record ||
		     (n->local && name_classify(n->local->name, &id) == NAME_NEW);

	d->rejected = d->type == SPOOL_FILE && d->size > 0 && meant && (d->refused || d->dirty);
}

void draft_drop(struct tree *t, struct draft *d)
{
	judge_rejected(d);
	draft_detach(t, d);
}

void draft_unlink(struct tree *t, struct draft *d)
{
	judge_rejected(d);
	d->loose = true;
	if (d->kept && !d->rejected)
		list_append(&t->unlinked_drafts, &draft_ref(d)->unlinked);
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
	d->mtime = wall_clock();
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

/* What n shows now, or an attached draft. gives a reference in *d or *text */
static void content_of(struct node *n, struct text *text, struct draft **d) REQUIRES(T)
{
	if (n->draft)
		*d = draft_ref(n->draft);
	else
		*text = text_ref(n->record ? &n->record->text : &n->text);
}

/* A refused text is about to be overwritten (some editors recover by writing the old text back):
 * it is somebody's work still. */
static void set_aside(struct tree *t, struct node *n) REQUIRES(T)
{
	struct draft *d = n->draft;

	if (d && d->refused && d->size && !d->commit)
		draft_drop(t, d);
}

int draft_open(struct tree *t, struct node *n, struct draft *mine, bool empty, struct draft **out)
{
	CLEANUP(text_put) struct text text = {0};
	struct draft *d = NULL, *fresh = NULL;

	*out = NULL;
	tree_lock(t);
	if (empty)
		set_aside(t, n);
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
	if (err < 0)
		return err;
	tree_lock(t);
	if (n->draft) { /* another writer was first */
		d = draft_ref(n->draft);
		draft_put(t, fresh);
	} else {
		d = fresh;
		if (n->record)
			bind(d, n->record);
		draft_attach(t, d, n);
	}
	tree_unlock(t);
	draft_sweep(t);
	*out = d;
	return 0;
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
	bool check; /* bytes were added at the end of a text that may be sent */
	bool keep;  /* the first ones: the note has to follow */
};

static struct writing note_write(struct draft *d, size_t n, off_t off) REQUIRES(T)
{
	struct writing w = {.at = off < 0 ? d->size : off};

	w.check = w.at == d->size && d->size + (off_t)n <= CHECK_MAX_BYTES && is_for_server(d);
	if (d->size < w.at + (off_t)n)
		d->size = w.at + (off_t)n; /* reserved: a second appender goes behind */
	return w;
}

int draft_write(struct tree *t, struct draft *d, const char *p, size_t n, off_t off)
{
	if (off > DRAFT_MAX_BYTES || n > (size_t)DRAFT_MAX_BYTES - (size_t)(off < 0 ? 0 : off))
		return -EFBIG;
	tree_lock(t);
	off_t old = d->size;
	struct writing w = note_write(d, n, off);
	tree_unlock(t);
	int err = spool_write(t->config.spool, d->key, p, n, w.at);
	tree_lock(t);
	if (err < 0) {
		if (d->size == w.at + (off_t)n)
			d->size = old > w.at ? old : w.at;
	} else {
		d->mtime = wall_clock();
		d->writes++;
		d->written = d->dirty = true;
		w.keep = !d->kept || d->refused;
		d->refused = 0;
	}
	tree_unlock(t);
	if (!err && w.keep)
		err = draft_keep(t, d);
	return !err && w.check ? check_prefix(t, d) : err;
}

int draft_truncate(struct tree *t, struct draft *d, off_t size)
{
	if (size > DRAFT_MAX_BYTES)
		return -EFBIG;
	int err = spool_truncate(t->config.spool, d->key, size);
	if (err < 0)
		return err;
	tree_lock(t);
	if (size && size != d->size) {
		d->writes++;
		d->written = d->dirty = true;
	}
	d->size = size;
	d->mtime = wall_clock();
	tree_unlock(t);
	return 0;
}

ssize_t draft_read(struct tree *t, struct draft *d, char *out, size_t n, off_t off)
{
	return spool_read(t->config.spool, d->key, out, n, off);
}

void draft_note(struct draft *d, struct draft_note *out)
{
	struct node *n = d->node;

	*out = (struct draft_note){0};
	if (!n || d->loose || (!n->record && !n->local) ||
	    (!d->kept && !d->written && d->type == SPOOL_FILE))
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
		.mode = d->mode,
		.mtime = d->mtime,
		.base = text_ref(&d->then),
	};
	d->kept = true;
}

int draft_write_note(struct tree *t, struct draft_note *n)
{
	if (!n->key)
		return 0;
	n->note.name = n->name;
	int err = spool_keep(t->config.spool, n->key, &n->note);
	text_put(&n->note.base);
	if (err < 0)
		log_error("tree: what is known of a local text in %s cannot be written: err=%d",
			  n->note.dir, -err);
	return err;
}

int draft_keep(struct tree *t, struct draft *d)
{
	struct draft_note note;

	tree_lock(t);
	draft_note(d, &note);
	tree_unlock(t);
	return draft_write_note(t, &note);
}

/* The record that a new file of that name is an edit of: its name was moved away (design 3.10). */
static struct record *successor_of(struct coll *c, const char *name, uint64_t now) REQUIRES(T)
{
	uint64_t id;

	if (name_classify(name, &id) == NAME_RECORD) {
		struct record *rec = record_find(c, id);
		return rec && record_is_vacated(rec, now) ? rec : NULL;
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
	struct draft *d = NULL;
	int err = draft_new(t, &(struct text){0}, &d);

	if (err < 0)
		return err;
	d->mode = mode;
	d->type = target ? SPOOL_LINK : SPOOL_FILE;
	d->target = target ? strdup(target) : NULL;
	d->size = target ? (off_t)strlen(target) : 0;
	tree_lock(t);
	err = target && !d->target ? -ENOMEM : place(t, c, name, d, out);
	if (!err && draft)
		*draft = draft_ref(d);
	draft_put(t, d);
	tree_unlock(t);
	draft_sweep(t);
	return err;
}

static int recover_record(struct tree *t, struct coll *c, struct draft *d, uint64_t id) REQUIRES(T)
{
	struct record *rec = record_get(c, id);
	struct node *n = rec ? node_of_record(t, rec) : NULL;

	if (!n)
		return -ENOMEM;
	if (n->draft) {
		log_warning("store: two texts of one record; the second is set aside");
		d->rejected = true;
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
	struct node *n = node_new(t, note->type == SPOOL_LINK ? NODE_LINK : NODE_FILE, c, 0);

	if (!n)
		return -ENOMEM;
	int err = local_add(t, c, note->name, n, 0);
	if (!err)
		draft_attach(t, d, n);
	node_unpin(t, n);
	return err;
}

int64_t draft_time_of(const struct text *text)
{
	CLEANUP(edit_fini) struct edit why = {0};
	struct edit_head head;
	int64_t time;

	if (!text_is_set(text) || edit_read_head(jspan_of(text), &head, &why) < 0 ||
	    !head.updated_at.n)
		return VIEW_NO_TIME;
	return view_parse_time(head.updated_at, &time) < 0 ? VIEW_NO_TIME : time;
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
	d->base_time = draft_time_of(&note->base);
	d->written = d->kept = true;
	d->dirty = note->dirty;
	d->refused = note->refused;
	return d;
}

int draft_recover(struct tree *t, uint64_t key, const struct spool_note *note)
{
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
	tree_lock(t);
	bool of_record = name_classify(note->name, &id) == NAME_RECORD;
	if (of_record && !note->dirty && !note->refused)
		err = 0; /* it was saved; only its removal is missing */
	else
		err = of_record ? recover_record(t, c, d, id) : recover_local(t, c, d, note);
	draft_put(t, d);
	tree_unlock(t);
	draft_sweep(t);
	return err;
}
