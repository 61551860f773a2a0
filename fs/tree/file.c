/* SPDX-License-Identifier: MIT */
/* file: see file.h. Workers; open, getattr, setattr and commits also on the net thread when re-run. */
#include "tree/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "tree/control.h"
#include "tree/draft.h"
#include "tree/help.h"
#include "tree/local.h"
#include "tree/name.h"
#include "tree/record.h"
#include "tree/refresh.h"

int file_want(struct node *n, struct waiter *w)
{
	if (n->help)
		return help_want(n, w);
	if (n->draft || !n->record)
		return 0;
	int r = record_want(n->record, w);
	/* The VFS looks the name up again, and now LOOKUP knows: ENOENT (F6, 3.3). */
	return r == -ENOENT ? -ESTALE : r;
}

/* Who opens it past all caches means ours, too. */
static int want_opened(struct node *n, int flags, struct waiter *w) REQUIRES(T)
{
	struct record *rec = n->record;

	if ((flags & O_DIRECT) && rec && !n->draft && rec->asked_at < w->born)
		refresh_record(rec, w->born);
	return file_want(n, w);
}

static int may_open(const struct tree *t, const struct node *n, bool writes) REQUIRES(T)
{
	if (n->type == NODE_ROOT || n->type == NODE_DIR || n->type == NODE_CONTROL_DIR)
		return -EISDIR;
	if (n->type == NODE_LINK)
		return -ELOOP;
	if (writes && t->config.read_only)
		return -EROFS;
	if (writes && (n->refusal || n->help))
		return -EACCES;
	return writes && n->record && !n->record->coll->kind->updates ? -EACCES : 0;
}

static struct file *file_new(struct tree *t, struct node *n, int flags) REQUIRES(T)
{
	struct file *f = calloc(1, sizeof(*f));

	if (!f)
		return NULL;
	list_append(&t->files, &f->link);
	node_pin(t, n);
	f->node = n;
	f->writable = (flags & O_ACCMODE) != O_RDONLY;
	*(f->writable ? &n->writers : &n->readers) += 1;
	if (n->draft)
		f->draft = draft_ref(n->draft);
	return f;
}

/* From now on f reads what its node shows. */
static void take_text(struct file *f) REQUIRES(T)
{
	struct node *n = f->node;
	struct record *rec = n->record;

	text_put(&f->text);
	f->text = text_ref(rec ? &rec->text : &n->text);
	f->version = rec ? rec->version : 0;
	if (rec)
		rec->served = true;
}

/* No name leads there any more, whatever the kernel remembers: what is written there would be lost. */
static bool is_nowhere(const struct node *n) REQUIRES(T)
{
	return n->superseded ||
	       (!n->record && !n->local && !n->draft && !n->control && !n->refusal && !n->help);
}

static int open_locked(struct tree *t, uint64_t ino, int flags, struct waiter *w, struct file **out,
		       bool *keep_pages) REQUIRES(T)
{
	struct node *n = node_find(t, ino);
	bool writes = (flags & O_ACCMODE) != O_RDONLY || (flags & O_TRUNC);

	if (!n)
		return -ESTALE;
	int r = n->control ? control_open(t, n, flags) : may_open(t, n, writes);
	if (!r)
		r = want_opened(n, flags, w);
	if (!r && is_nowhere(n)) /* perhaps by what the wait brought */
		r = -ESTALE;
	if (r)
		return r;
	struct file *f = file_new(t, n, flags);
	if (!f)
		return -ENOMEM;
	if (!n->draft)
		take_text(f);
	if (n->record)
		n->record->reader = w->pid;
	*keep_pages = !writes && f->version && n->seen_version == f->version;
	n->seen_version = n->draft ? 0 : f->version;
	*out = f;
	return 0;
}

/* f writes to d from now on. Takes d's reference. */
static void use_draft(struct tree *t, struct file *f, struct draft *d) REQUIRES(T)
{
	if (f->draft != d || !f->uses) {
		if (f->uses)
			f->draft->users--;
		d->users++;
	}
	draft_put(t, f->draft);
	f->draft = d;
	f->uses = true;
}

/* gives in *out a reference to the draft that f writes to */
static int writable_draft(struct tree *t, struct file *f, bool empty, struct draft **out)
{
	tree_lock(t);
	struct draft *mine = f->draft ? draft_ref(f->draft) : NULL;
	tree_unlock(t);
	int err = draft_open(t, f->node, mine, empty, out);
	tree_lock(t);
	if (!err)
		use_draft(t, f, draft_ref(*out));
	draft_put(t, mine);
	tree_unlock(t);
	draft_sweep(t);
	return err;
}

static int truncate_file(struct tree *t, struct file *f, off_t size)
{
	struct draft *d = NULL;
	int err = writable_draft(t, f, size == 0, &d);

	if (err < 0)
		return err;
	err = draft_truncate(t, d, size);
	tree_lock(t);
	draft_put(t, d);
	tree_unlock(t);
	draft_sweep(t);
	return err;
}

static int take_snapshot(struct tree *t, struct file *f)
{
	struct text text = {0};
	int err = control_snapshot(t, f->node, &text);

	tree_lock(t);
	f->text = text;
	tree_unlock(t);
	return err;
}

int file_open(struct tree *t, uint64_t ino, int flags, struct waiter *w, struct file **out,
	      bool *keep_pages)
{
	struct file *f = NULL;
	int r;

	do {
		tree_lock(t);
		r = open_locked(t, ino, flags, w, &f, keep_pages);
		tree_unlock(t);
	} while (wait_again(w, r));
	if (!r && f->node->control && (r = take_snapshot(t, f)) < 0)
		file_close(t, STEAL(f));
	if (!r && (flags & O_TRUNC) && !f->node->control && (r = truncate_file(t, f, 0)) < 0)
		file_close(t, STEAL(f));
	*out = f;
	return r;
}

static int dir_of(struct tree *t, uint64_t dir, struct coll **out) REQUIRES(T)
{
	struct node *n = node_find(t, dir);

	if (t->config.read_only)
		return -EROFS;
	if (!n || n->type != NODE_DIR)
		return -EPERM;
	*out = n->coll;
	return 0;
}

static void enter(struct tree *t, struct node *n, uint64_t now, struct entry *entry) REQUIRES(T)
{
	n->lookups++;
	node_entry(t, n, now, entry);
	node_unpin(t, n);
}

/* A new local file or symlink. gives a pin on the node and a reference to the draft */
static int make(struct tree *t, uint64_t dir, const char *name, mode_t mode, const char *target,
		struct node **n, struct draft **d)
{
	struct coll *c = NULL;

	tree_lock(t);
	int err = dir_of(t, dir, &c);
	tree_unlock(t);
	return err < 0 ? err : draft_create(t, c, name, mode, target, n, d);
}

int file_create(struct tree *t, uint64_t dir, const char *name, mode_t mode, int flags,
		uint64_t now, struct file **out, struct entry *entry)
{
	struct node *n = NULL;
	struct draft *d = NULL;
	uint64_t id;

	/* cp gives a copy of a template the template's mode, and an editor takes that at its word. */
	if (name_classify(name, &id) == NAME_NEW)
		mode |= S_IWUSR;
	int err = make(t, dir, name, mode, NULL, &n, &d);

	if (err < 0)
		return err;
	tree_lock(t);
	struct file *f = file_new(t, n, flags);
	if (f) {
		enter(t, n, now, entry);
		use_draft(t, f, d);
	} else {
		draft_put(t, d);
		node_unpin(t, n);
	}
	tree_unlock(t);
	*out = f;
	return f ? 0 : -ENOMEM;
}

int file_symlink(struct tree *t, uint64_t dir, const char *name, const char *target, uint64_t now,
		 struct entry *entry)
{
	struct node *n = NULL;
	struct draft *d = NULL;
	int err = make(t, dir, name, 0777, target, &n, &d);

	if (err < 0)
		return err;
	err = draft_keep(t, d);
	tree_lock(t);
	draft_put(t, d);
	if (!err)
		enter(t, n, now, entry);
	else if (n->local)
		local_unlink(t, n->local, 0);
	if (err < 0)
		node_unpin(t, n);
	tree_unlock(t);
	draft_sweep(t);
	return err;
}

/* A record that was only emptied, and then closed: nothing was saved, so nothing changes. */
static void forget_emptied(struct tree *t, struct draft *d) REQUIRES(T)
{
	if (!d->users && !d->written && !d->commit && d->node && d->node->record) {
		tree_tell_stale(t, d->node->ino, 0, NULL);
		draft_detach(t, d);
	}
}

/* Bytes came since anybody was asked to save them, and nobody is left who could be. */
static bool is_late(const struct tree *t, const struct draft *d) REQUIRES(T)
{
	return !t->closing && d->node && !d->users && d->dirty && d->writes != d->judged;
}

void file_close(struct tree *t, struct file *f)
{
	tree_lock(t);
	list_remove(&f->link);
	*(f->writable ? &f->node->writers : &f->node->readers) -= 1;
	if (f->uses) {
		f->draft->users--;
		forget_emptied(t, f->draft);
	}
	bool late = f->uses && is_late(t, f->draft);
	draft_put(t, f->draft);
	text_put(&f->text);
	tree_unlock(t);
	if (late)
		commit_unattended(t, f->node);
	tree_lock(t);
	node_unpin(t, f->node);
	tree_unlock(t);
	draft_sweep(t);
	free(f);
}

/* What f reads now: gives a reference in *d or *text. */
static void source_of(struct tree *t, struct file *f, off_t off, struct draft **d,
		      struct text *text) REQUIRES(T)
{
	struct node *n = f->node;

	if (n->draft || (f->draft && !n->record)) {
		*d = draft_ref(n->draft ? n->draft : f->draft);
		return;
	}
	uint64_t version = n->record ? n->record->version : 0;
	/* A reader that begins anew gets the new version; one in the middle goes on with its own, and
	 * the pages that this leaves behind are thrown out. */
	if (version && version != f->version) {
		if (off == 0 || !text_is_set(&f->text))
			take_text(f);
		else
			tree_tell_stale(t, n->ino, 0, NULL);
	}
	*text = text_ref(&f->text);
}

static ssize_t copy_out(const struct text *text, char *room, size_t n, off_t off)
{
	if ((size_t)off >= text->len)
		return 0;
	size_t rest = text->len - (size_t)off;
	size_t take = n < rest ? n : rest;
	memcpy(room, text_data(text) + off, take);
	return (ssize_t)take;
}

ssize_t file_read(struct tree *t, struct file *f, char *room, size_t n, off_t off)
{
	CLEANUP(text_put) struct text text = {0};
	struct draft *d = NULL;

	tree_lock(t);
	if (f->node->control)
		text = text_ref(&f->text);
	else
		source_of(t, f, off, &d, &text);
	tree_unlock(t);
	if (f->node->control && !text_is_set(&text))
		return control_read(t, f->node, room, n, off);
	if (!d)
		return copy_out(&text, room, n, off);
	ssize_t got = draft_read(t, d, room, n, off);
	tree_lock(t);
	draft_put(t, d);
	tree_unlock(t);
	draft_sweep(t);
	return got;
}

ssize_t file_write(struct tree *t, struct file *f, const char *p, size_t n, off_t off)
{
	struct draft *d = NULL;

	if (f->node->control)
		return control_write(t, f->node, p, n);
	int err = writable_draft(t, f, false, &d);
	if (err < 0)
		return err;
	err = draft_write(t, d, p, n, off);
	tree_lock(t);
	draft_put(t, d);
	tree_unlock(t);
	return err < 0 ? err : (ssize_t)n;
}

/* A text that is not to be sent, made sure of on the disk. */
static int sync_local(struct tree *t, struct node *n)
{
	tree_lock(t);
	struct draft *d = n->draft && !n->record ? draft_ref(n->draft) : NULL;
	bool keep = d && !d->sure;
	tree_unlock(t);
	if (!d)
		return 0;
	int err = spool_sync(t->config.spool, d->key);
	if (!err && keep)
		err = draft_keep(t, d);
	tree_lock(t);
	draft_put(t, d);
	tree_unlock(t);
	draft_sweep(t);
	return err;
}

int file_commit(struct tree *t, struct file *f, enum commit_at at, struct waiter *w)
{
	int r = commit_node(t, f->node, at, f->uses, w);

	return r || at != COMMIT_AT_FSYNC ? r : sync_local(t, f->node);
}

/* Takes n's pin. */
static void refresh_control(struct tree *t, struct node *n, struct entry *out)
{
	control_refresh(t, n, out);
	tree_lock(t);
	node_unpin(t, n);
	tree_unlock(t);
}

/* A control file's node is given with a pin, in *control: what it shows is on the disk. */
static int getattr(struct tree *t, uint64_t ino, struct waiter *w, struct entry *out,
		   struct node **control) REQUIRES(T)
{
	struct node *n = node_find(t, ino);
	int r = n ? file_want(n, w) : -ESTALE;

	if (!r && n->control)
		node_pin(t, *control = n);
	else if (!r)
		node_entry(t, n, w->born, out);
	return r;
}

int file_getattr(struct tree *t, uint64_t ino, struct waiter *w, struct entry *out)
{
	struct node *control = NULL;
	int r;

	do {
		tree_lock(t);
		r = getattr(t, ino, w, out, &control);
		tree_unlock(t);
	} while (wait_again(w, r));
	if (control)
		refresh_control(t, control, out);
	return r;
}

static int change_draft(struct tree *t, struct draft *d, const struct file_change *change)
{
	int err = change->has_mtime ? spool_set_mtime(t->config.spool, d->key, &change->mtime) : 0;

	if (err < 0 || (!change->has_mode && !change->has_mtime))
		return err;
	tree_lock(t);
	if (change->has_mode)
		d->mode = S_IFREG | change->mode;
	if (change->has_mtime)
		d->mtime = change->mtime;
	tree_unlock(t);
	return draft_keep(t, d);
}

/* truncate(2), without an open file: one for the moment, which leaves its draft behind. */
static int truncate_node(struct tree *t, struct node *n, off_t size)
{
	struct draft *d = NULL;
	int err = draft_open(t, n, NULL, size == 0, &d);

	if (err < 0)
		return err;
	err = draft_truncate(t, d, size);
	tree_lock(t);
	draft_put(t, d);
	tree_unlock(t);
	return err;
}

/* Finds the node and whether it may change. gives a pin */
static int start_change(struct tree *t, uint64_t ino, const struct file_change *change,
			struct waiter *w, struct node **out) REQUIRES(T)
{
	struct node *n = node_find(t, ino);

	if (!n)
		return -ESTALE;
	int r = change->has_size && !n->control ? may_open(t, n, true) : 0;
	if (!r)
		r = file_want(n, w);
	if (!r)
		node_pin(t, *out = n);
	return r;
}

int file_change(struct tree *t, uint64_t ino, struct file *f, const struct file_change *change,
		struct waiter *w, struct entry *out)
{
	struct node *n = NULL;

	tree_lock(t);
	int r = start_change(t, ino, change, w, &n);
	tree_unlock(t);
	if (r)
		return r;
	if (n->control) {
		refresh_control(t, n, out);
		return 0;
	}
	if (change->has_size)
		r = f ? truncate_file(t, f, change->size) : truncate_node(t, n, change->size);
	tree_lock(t);
	struct draft *d = n->draft ? draft_ref(n->draft) : NULL;
	tree_unlock(t);
	if (!r && d)
		r = change_draft(t, d, change);
	tree_lock(t);
	draft_put(t, d);
	node_entry(t, n, w->born, out);
	node_unpin(t, n);
	tree_unlock(t);
	draft_sweep(t);
	return r;
}

int file_readlink(struct tree *t, uint64_t ino, char **out)
{
	tree_lock(t);
	struct node *n = node_find(t, ino);
	const char *target = !n ? NULL : n->draft ? n->draft->target : n->target;
	*out = target ? strdup(target) : NULL;
	tree_unlock(t);
	return *out ? 0 : target ? -ENOMEM : -EINVAL;
}
