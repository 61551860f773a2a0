/* SPDX-License-Identifier: MIT */
/* move: see move.h. Workers first, the net thread on a re-run; the DELETE's end on the net thread. */
#include "tree/move.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "crm/api.h"
#include "tree/caller.h"
#include "tree/commit.h"
#include "tree/draft.h"
#include "tree/local.h"
#include "tree/name.h"
#include "tree/node.h"
#include "tree/record.h"

enum {
	VACATED_FOR_S = 60, /* then a name that an editor moved away and did not replace is back */
	BRAKE_WINDOW_S = 60,
};

static struct coll *coll_of(struct tree *t, uint64_t dir) REQUIRES(T)
{
	struct node *n = node_find(t, dir);

	return n && n->type == NODE_DIR ? n->coll : NULL;
}

/* Unlink */

static void unlink_draft(struct tree *t, struct record *rec, uint64_t now) REQUIRES(T)
{
	struct node *n = rec->node;

	draft_drop(t, n->draft);
	if (rec->vacated)
		rec->vacated_until = now + VACATED_FOR_S * NS_PER_SEC;
	tree_tell_stale(t, n->ino, 0, NULL);
}

static int brake(struct tree *t, uint64_t now) REQUIRES(T)
{
	if (!t->config.max_deletes)
		return 0;
	if (now - t->deletes_since > BRAKE_WINDOW_S * NS_PER_SEC) {
		t->deletes_since = now;
		t->deletes = 0;
	}
	if (t->deletes >= t->config.max_deletes)
		return -EPERM;
	t->deletes++;
	return 0;
}

static void deletion_done(struct job *j)
{
	struct record *rec = j->arg;
	struct tree *t = rec->coll->tree;
	struct list ready;
	int err = j->err;

	list_init(&ready);
	tree_lock(t);
	if (err == -ENOENT && (rec->state == RECORD_PRESENT || j->sent_twice))
		err = 0; /* gone already is gone */
	if (!err || err == -ENOENT) {
		record_vanish(rec, j->finished);
		rec->coll->changed = time(NULL);
	} else if (j->may_have_acted) {
		rec->doubtful = true;
	}
	rec->deletion = NULL;
	wait_settle(t, &rec->deleted, err, &ready);
	record_put(rec);
	tree_unlock(t);
	job_free(j);
	wait_wake_all(&ready);
}

static bool deletion_may_leave(struct wait_point *p)
{
	const struct job *j = container_of(p, struct record, deleted)->deletion;

	return j && !j->transfer && !j->may_have_acted;
}

static void deletion_deserted(struct tree *t, struct wait_point *p)
{
	struct job *j = container_of(p, struct record, deleted)->deletion;

	if (j)
		http_cancel(t->config.http, j);
}

static int delete_record(struct tree *t, struct record *rec, struct waiter *w) REQUIRES(T)
{
	if (!rec->coll->kind->deletes)
		return -EPERM;
	if (!rec->deletion) {
		if (brake(t, w->born) < 0) {
			log_warning(
				"tree: deletion refused: more than %u within a minute; mount with "
				"-o max_deletes=N to allow more",
				t->config.max_deletes);
			return -EPERM;
		}
		struct job *j = api_delete(rec->coll->kind, rec->id);
		if (!j)
			return -ENOMEM;
		j->done = deletion_done;
		j->arg = record_ref(rec);
		j->deadline = w->deadline;
		rec->deletion = j;
		rec->deleted.may_leave = deletion_may_leave;
		rec->deleted.deserted = deletion_deserted;
		http_submit(t->config.http, j);
	}
	return wait_park(t, &rec->deleted, w);
}

/* The name is free for a successor, the record untouched; without one the name is back in a minute. */
static int vacate(struct tree *t, struct record *rec, uint64_t now) REQUIRES(T)
{
	if (rec->node)
		node_orphan(t, rec->node);
	rec->vacated = true;
	rec->vacated_until = now + VACATED_FOR_S * NS_PER_SEC;
	return 0;
}

static int unlink_locked(struct tree *t, struct move *m, struct waiter *w) REQUIRES(T)
{
	struct coll *c = coll_of(t, m->dir);
	struct named named;
	int result;

	if (wait_take_result(w, &result))
		return result;
	if (!c)
		return -EPERM;
	int err = node_resolve(t, c, m->name, w->born, &named);
	if (err < 0)
		return err;
	if (named.local) {
		local_unlink(t, named.local);
		return 0;
	}
	if (named.node && named.node->draft) {
		unlink_draft(t, named.record, w->born);
		return 0;
	}
	/* Not what it has read just now: that is a source of mv, to be removed in earnest. */
	if (m->replaces && named.record->reader != w->pid)
		return vacate(t, named.record, w->born);
	return delete_record(t, named.record, w);
}

int move_unlink(struct tree *t, struct move *m, struct waiter *w)
{
	m->replaces = caller_replaces(w->pid);
	tree_lock(t);
	int r = unlink_locked(t, m, w);
	tree_unlock(t);
	draft_sweep(t);
	return r;
}

/* Rename */

/* What a rename has found out, under T, and what is left to do without it. */
enum plan { PLAN_DONE, PLAN_SAVE = PARKED + 1, PLAN_MAYBE_NEW };

struct rename {
	struct tree *t;
	struct move *m;
	struct waiter *w;
	struct coll *from, *to;
	struct named src;
	struct record *
		target; /* the record that new_name stands for, or NULL; counted by a pin on none */
	struct node *touched; /* pinned: its note is to be written again */
};

static int replace_local(struct rename *r) REQUIRES(T)
{
	struct named dst;

	if (node_resolve(r->t, r->to, r->m->new_name, r->w->born, &dst) == 0 && dst.local &&
	    dst.node != r->src.node)
		local_unlink(r->t, dst.local);
	return 0;
}

static void touch(struct rename *r, struct node *n) REQUIRES(T)
{
	node_pin(r->t, n);
	r->touched = n;
}

/* <id>.json moved to a local name: the record is untouched, its name free for a successor. */
static int move_away(struct rename *r) REQUIRES(T)
{
	struct record *rec = r->src.record;
	uint64_t id;

	if (r->from != r->to || name_classify(r->m->new_name, &id) == NAME_NUMBER)
		return -EPERM;
	if (name_classify(r->m->new_name, &id) == NAME_RECORD)
		return -EINVAL;
	bool has_draft = rec->node && rec->node->draft;
	int err = rec->state == RECORD_PRESENT || has_draft ? 0 : record_want(rec, r->w);
	if (err != 0)
		return err;
	replace_local(r);
	struct node *n = node_of_record(r->t, rec);
	if (!n)
		return -ENOMEM;
	err = local_add(r->t, r->to, r->m->new_name, n, 0);
	if (!err) {
		vacate(r->t, rec, r->w->born);
		node_set_origin(n, rec);
		touch(r, n);
	}
	node_unpin(r->t, n);
	return err;
}

/* What was moved away comes back, untouched since: no traffic. */
static bool is_put_back(const struct rename *r) REQUIRES(T)
{
	const struct node *n = r->src.node;

	if (n->origin != r->target || !r->target->vacated)
		return false;
	return !n->draft || (n->draft->record == r->target && !n->draft->dirty);
}

static void put_back(struct rename *r) REQUIRES(T)
{
	struct node *n = r->src.node;

	if (r->target->node && r->target->node->draft)
		draft_drop(r->t, r->target->node->draft);
	touch(r, n);
	n->local = NULL;
	node_become(r->t, n, r->target);
	local_remove(r->t, r->src.local);
}

static int move_local(struct rename *r) REQUIRES(T)
{
	struct node *n = r->src.node;
	struct local *old = r->src.local;

	if (r->from != r->to)
		return -EXDEV;
	replace_local(r);
	int err = local_add(r->t, r->to, r->m->new_name, n, old->alias_of);
	if (err < 0)
		return err;
	if (old->alias_of) {
		/* An editor's backup: the file it creates at the old name is the record's next text. */
		free(r->from->moved_alias);
		r->from->moved_alias = strdup(old->name);
		r->from->moved_alias_of = old->alias_of;
		r->from->moved_alias_until = r->w->born + VACATED_FOR_S * NS_PER_SEC;
	}
	touch(r, n);
	local_remove(r->t, old);
	return 0;
}

/* The record that a text moved to this name would be saved to. -EPERM: none, and none may be made. */
static int find_target(struct rename *r) REQUIRES(T)
{
	struct named dst;
	uint64_t id;
	enum name_class class = name_classify(r->m->new_name, &id);
	int err = node_resolve(r->t, r->to, r->m->new_name, r->w->born, &dst);

	if (err == -ENOMEM)
		return err;
	if (!err && (r->m->flags & RENAME_NOREPLACE))
		return -EEXIST;
	r->target = NULL;
	if (!err && dst.local && dst.local->alias_of)
		r->target = record_get(r->to, dst.local->alias_of);
	else if (class == NAME_RECORD)
		r->target = err ? record_find(r->to, id) : dst.record;
	if (class == NAME_NUMBER)
		return -EPERM;
	if (class == NAME_RECORD && err && !(r->target && r->target->vacated))
		return -EPERM;
	return 0;
}

/* PLAN_..., PARKED is not among them; or -errno. */
static int plan_local(struct rename *r) REQUIRES(T)
{
	struct node *n = r->src.node;
	uint64_t id;
	int err = find_target(r);

	if (err < 0)
		return err;
	if (r->target) {
		if (n->type != NODE_FILE)
			return -EPERM;
		if (r->from != r->to)
			return -EXDEV;
		if (!is_put_back(r))
			return PLAN_SAVE;
		put_back(r);
		return PLAN_DONE;
	}
	if (n->draft && n->type == NODE_FILE && r->to->kind->creates && r->from == r->to &&
	    name_classify(r->m->new_name, &id) == NAME_NEW)
		return PLAN_MAYBE_NEW;
	err = move_local(r);
	return err < 0 ? err : PLAN_DONE;
}

static int resolve(struct rename *r) REQUIRES(T)
{
	r->from = coll_of(r->t, r->m->dir);
	r->to = coll_of(r->t, r->m->new_dir);
	if (!r->from || !r->to)
		return -EPERM;
	return node_resolve(r->t, r->from, r->m->name, r->w->born, &r->src);
}

/* Writes the note of what has another name now. */
static void write_touched(struct rename *r)
{
	struct draft_note note = {0};

	if (!r->touched)
		return;
	tree_lock(r->t);
	if (r->touched->draft)
		draft_note(r->touched->draft, &note);
	node_unpin(r->t, r->touched);
	tree_unlock(r->t);
	draft_write_note(r->t, &note);
}

/* The text at src, which has no draft of its own where an editor moved a record's name away. */
static int save(struct rename *r)
{
	struct draft *d = NULL;
	int err = draft_open(r->t, r->src.node, NULL, false, &d);

	if (err < 0)
		return err;
	struct commit_rename what = {
		.src = r->src.node, .record = r->target, .new_name = r->m->new_name};
	r->m->sent = true;
	int result = commit_rename(r->t, &what, r->w);
	tree_lock(r->t);
	draft_put(r->t, d);
	tree_unlock(r->t);
	return result;
}

static int save_new_or_move(struct rename *r)
{
	CLEANUP(text_put) struct text text = {0};
	struct draft *d = NULL;
	int err = draft_open(r->t, r->src.node, NULL, false, &d);

	if (!err)
		err = spool_load(r->t->config.spool, d->key, DRAFT_MAX_BYTES, &text);
	tree_lock(r->t);
	draft_put(r->t, d);
	tree_unlock(r->t);
	if (!err && commit_is_new_record(&text))
		return save(r);
	tree_lock(r->t);
	err = move_local(r);
	tree_unlock(r->t);
	return err;
}

static int start(struct rename *r) REQUIRES(T)
{
	int err = resolve(r);

	if (err < 0)
		return err;
	if (r->m->flags & ~(unsigned)RENAME_NOREPLACE)
		return -EINVAL;
	if (r->from == r->to && strcmp(r->m->name, r->m->new_name) == 0)
		return PLAN_DONE;
	if (r->src.local)
		return plan_local(r);
	return move_away(r);
}

int move_rename(struct tree *t, struct move *m, struct waiter *w)
{
	struct rename r = {.t = t, .m = m, .w = w};
	int result;

	if (m->sent && wait_take_result(w, &result))
		return result;
	tree_lock(t);
	int plan = start(&r); /* or PARKED, or -errno */
	struct node *src = plan >= PLAN_SAVE && r.src.local ? r.src.node : NULL;
	if (src)
		node_pin(t, src);
	struct record *target = src && r.target ? record_ref(r.target) : NULL;
	tree_unlock(t);
	if (src)
		plan = plan == PLAN_SAVE ? save(&r) : save_new_or_move(&r);
	write_touched(&r);
	tree_lock(t);
	node_unpin(t, src);
	record_put(target);
	tree_unlock(t);
	draft_sweep(t);
	return plan;
}
