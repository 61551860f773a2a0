/* SPDX-License-Identifier: MIT */
/* move: see move.h. Workers first, the net thread on a re-run. */
#include "tree/move.h"

#include <errno.h>
#include <stdio.h> /* RENAME_... */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "tree/commit.h"
#include "tree/draft.h"
#include "tree/local.h"
#include "tree/name.h"
#include "tree/node.h"
#include "tree/record.h"
#include "tree/help.h"
#include "tree/refusal.h"

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
	struct node *touched[2]; /* pinned: their notes are to be written again */
};

/* Out of .concordfs/rejected a text can be copied, and what it was is removed then, as mv does. */
static bool leaves_control(const struct rename *r) REQUIRES(T)
{
	const struct node *from = node_find(r->t, r->m->dir);

	return from && from->type == NODE_CONTROL_DIR && r->to && !r->t->config.read_only;
}

static int resolve(struct rename *r) REQUIRES(T)
{
	r->from = node_coll(r->t, r->m->dir);
	r->to = node_coll(r->t, r->m->new_dir);
	if (!r->from || !r->to)
		return leaves_control(r) ? -EXDEV : -EPERM;
	return node_resolve(r->t, r->from, r->m->name, r->w->born, &r->src);
}

static int replace_local(struct rename *r) REQUIRES(T)
{
	struct named dst;

	if (node_resolve(r->t, r->to, r->m->new_name, r->w->born, &dst) == 0 && dst.local &&
	    dst.node != r->src.node)
		local_unlink(r->t, dst.local, r->w->caller.process);
	return 0;
}

static void touch(struct rename *r, struct node *n) REQUIRES(T)
{
	node_pin(r->t, n);
	r->touched[r->touched[0] ? 1 : 0] = n;
}

static bool is_taken(const struct rename *r) REQUIRES(T)
{
	struct named dst;

	return node_resolve(r->t, r->to, r->m->new_name, r->w->born, &dst) == 0;
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
	if ((r->m->flags & RENAME_NOREPLACE) && is_taken(r))
		return -EEXIST;
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
		record_vacate(rec, r->w->born);
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
		draft_drop(r->t, r->target->node->draft, r->w->caller.process);
	touch(r, n);
	n->local = NULL;
	node_become(r->t, n, r->target);
	local_remove(r->t, r->src.local);
}

/* A record's alias, backup or successor stays in its collection; mv copies it then. */
static int may_cross(const struct local *l) REQUIRES(T)
{
	const struct node *n = l->node;

	if (l->alias_of || n->origin || (n->draft && n->draft->record))
		return -EXDEV;
	return n->draft && n->draft->commit ? -EBUSY : 0; /* it is becoming a record where it is */
}

static int move_local(struct rename *r) REQUIRES(T)
{
	struct node *n = r->src.node;
	struct local *old = r->src.local;

	replace_local(r);
	int err = local_add(r->t, r->to, r->m->new_name, n, old->alias_of);
	if (err < 0)
		return err;
	if (old->alias_of) {
		/* An editor's backup: the file it creates at the old name is the record's next text. */
		free(r->from->moved_alias);
		r->from->moved_alias = strdup(old->name);
		r->from->moved_alias_of = old->alias_of;
		r->from->moved_alias_until = r->w->born + RECORD_VACATED_NS;
	}
	touch(r, n);
	local_remove(r->t, old);
	return 0;
}

/* The record that a text moved to this name would be saved to. -EPERM: none, and none may be made.
 * Or PARKED. */
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
	/* It may be a record by then: not to be created twice. */
	int wait = !err && dst.local && dst.node != r->src.node ? commit_wait(r->t, dst.node, r->w)
								: 0;
	if (wait)
		return wait;
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

static bool is_new(const char *name)
{
	uint64_t id;

	return name_classify(name, &id) == NAME_NEW;
}

/* Would what is at l, moved to that name, have to be sent, if its text is a new record's? */
static bool may_create(const struct local *l, const struct coll *to, const char *name) REQUIRES(T)
{
	return l->node->draft && l->node->type == NODE_FILE && to->kind->creates && is_new(name);
}

/* PLAN_..., PARKED or -errno. */
static int plan_local(struct rename *r) REQUIRES(T)
{
	struct node *n = r->src.node;
	int err = find_target(r);

	if (err != 0)
		return err;
	if (r->target) {
		if (n->type != NODE_FILE)
			return -EPERM;
		if (r->from != r->to)
			return -EXDEV;
		if (!is_put_back(r))
			return r->to->kind->updates ? PLAN_SAVE : -EACCES;
		put_back(r);
		return PLAN_DONE;
	}
	if (r->from != r->to && (err = may_cross(r->src.local)) < 0)
		return err;
	if (may_create(r->src.local, r->to, r->m->new_name))
		return PLAN_MAYBE_NEW;
	err = move_local(r);
	return err < 0 ? err : PLAN_DONE;
}

/* Exchange */

static bool is_exchange(const struct rename *r)
{
	return r->m->flags & RENAME_EXCHANGE;
}

/* The two names the other way round; it means the same. */
static void turn(struct rename *r) REQUIRES(T)
{
	struct move *m = r->m;
	const char *name = m->name;
	uint64_t dir = m->dir;

	m->name = m->new_name;
	m->dir = m->new_dir;
	m->new_name = name;
	m->new_dir = dir;
	resolve(r);
}

static int exchange_locals(struct rename *r) REQUIRES(T)
{
	struct named dst;
	int err = node_resolve(r->t, r->to, r->m->new_name, r->w->born, &dst);

	if (err < 0)
		return err;
	local_exchange(r->src.local, dst.local);
	touch(r, r->src.node);
	touch(r, dst.node);
	return PLAN_DONE;
}

/* Two local names. What comes from a new record's name was judged already. */
static int plan_exchange_locals(struct rename *r, const struct named *dst) REQUIRES(T)
{
	const char *here = r->m->name, *there = r->m->new_name;
	int err = 0;

	if (r->src.local->alias_of || dst->local->alias_of)
		return -EINVAL;
	if (r->from != r->to)
		err = may_cross(r->src.local);
	if (!err && r->from != r->to)
		err = may_cross(dst->local);
	if (err < 0)
		return err;
	if (is_new(here) == is_new(there))
		return exchange_locals(r);
	if (is_new(here))
		turn(r);
	return may_create(r->src.local, r->to, r->m->new_name) ? PLAN_MAYBE_NEW
							       : exchange_locals(r);
}

/* The text at src is to be saved to dst's record; what that name shows now goes to src's. */
static int plan_exchange_record(struct rename *r, const struct named *dst) REQUIRES(T)
{
	struct record *rec = dst->record;
	struct move *m = r->m;

	if (r->from != r->to)
		return -EXDEV;
	if (r->src.local->alias_of)
		return -EINVAL;
	if (r->src.node->type != NODE_FILE)
		return -EPERM;
	if (!r->to->kind->updates)
		return -EACCES;
	struct draft *edit = rec->node ? rec->node->draft : NULL;
	int err = edit ? (edit->commit ? -EBUSY : 0) : record_want(rec, r->w);
	if (err != 0)
		return err;
	m->displaced = node_of_record(r->t, rec);
	if (!m->displaced)
		return -ENOMEM;
	m->edit = edit ? draft_ref(edit) : NULL;
	m->text = text_ref(&rec->text);
	m->mtime = rec->updated_at;
	r->target = rec;
	return PLAN_SAVE;
}

static int plan_exchange(struct rename *r) REQUIRES(T)
{
	struct named dst;
	int err = node_resolve(r->t, r->to, r->m->new_name, r->w->born, &dst);

	if (err < 0)
		return err;
	if (r->src.local && dst.local)
		return plan_exchange_locals(r, &dst);
	if (!r->src.local && !dst.local)
		return -EINVAL;
	if (dst.local) {
		dst = r->src;
		turn(r);
	}
	return plan_exchange_record(r, &dst);
}

/* It was saved: what stood at the record's name is at m->name from now on. */
static void place_displaced(struct tree *t, struct move *m) REQUIRES(T)
{
	struct coll *c = node_coll(t, m->dir);
	struct node *n = m->displaced;
	struct named taken;

	if (!c || n->record || n->draft ||
	    node_resolve(t, c, m->name, clock_now(), &taken) != -ENOENT)
		return;
	text_put(&n->text);
	n->text = m->text;
	m->text = (struct text){0};
	n->mtime = m->mtime;
	n->superseded = false;
	if (m->edit) {
		m->edit->rejected = false;
		record_put(STEAL(m->edit->record));
		draft_attach(t, m->edit, n);
	}
	if (local_add(t, c, m->name, n, 0) < 0)
		log_error("tree: an exchanged text is lost: out of memory");
}

/* It exists nowhere else now: a draft, which survives. */
static void keep_displaced(struct tree *t, struct move *m)
{
	struct timespec mtime = {.tv_sec = m->mtime};
	struct draft *d = NULL;

	if (draft_open(t, m->displaced, NULL, false, &d) < 0)
		return;
	if (!m->edit && m->mtime != VIEW_NO_TIME)
		spool_set_mtime(t->config.spool, d->key, &mtime);
	tree_lock(t);
	if (!m->edit && m->mtime != VIEW_NO_TIME)
		d->mtime = mtime;
	tree_unlock(t);
	draft_keep(t, d);
	tree_lock(t);
	draft_put(t, d);
	tree_unlock(t);
}

static void end_exchange(struct tree *t, struct move *m, int result)
{
	tree_lock(t);
	if (!result)
		place_displaced(t, m);
	bool placed = m->displaced->local;
	tree_unlock(t);
	if (placed)
		keep_displaced(t, m);
	tree_lock(t);
	node_unpin(t, STEAL(m->displaced));
	draft_put(t, STEAL(m->edit));
	text_put(&m->text);
	tree_unlock(t);
	draft_sweep(t);
}

/* Writes what is noted and said of what has another name now. */
static void write_touched(struct rename *r, struct node *n)
{
	if (!n)
		return;
	tree_lock(r->t);
	struct draft *d = n->draft ? draft_ref(n->draft) : NULL;
	refusal_moved(d ? d->refusal : NULL);
	tree_unlock(r->t);
	if (d)
		draft_keep(r->t, d);
	tree_lock(r->t);
	draft_put(r->t, d);
	node_unpin(r->t, n);
	tree_unlock(r->t);
}

/* The text at src, which has no draft of its own where an editor moved a record's name away. */
static int save(struct rename *r)
{
	struct draft *d = NULL;
	int err = draft_open(r->t, r->src.node, NULL, false, &d);

	if (err < 0)
		return err;
	struct commit_rename what = {.src = r->src.node,
				     .record = r->target,
				     .coll = r->to,
				     .exchange = is_exchange(r),
				     .new_name = r->m->new_name};
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
	/* A record cannot come to be at a name and another text leave it, at once. */
	if (!err && commit_is_new_record(&text))
		return is_exchange(r) ? -EINVAL : save(r);
	if (err < 0 && err != -EFBIG)
		return err;
	tree_lock(r->t);
	err = resolve(r); /* it may have become a record meanwhile */
	if (!err && !r->src.local)
		err = -EBUSY;
	if (!err && r->from != r->to)
		err = may_cross(r->src.local);
	if (!err)
		err = is_exchange(r) ? exchange_locals(r) : move_local(r);
	tree_unlock(r->t);
	return err;
}

static int start(struct rename *r) REQUIRES(T)
{
	int err = resolve(r);

	if (err < 0)
		return err;
	if (r->src.refusal || refusal_at(r->to, r->m->new_name) || r->src.is_help ||
	    help_find(r->t, r->to, r->m->new_name))
		return -EPERM;
	if (r->m->flags & ~(unsigned)(RENAME_NOREPLACE | RENAME_EXCHANGE))
		return -EINVAL;
	if (r->from == r->to && strcmp(r->m->name, r->m->new_name) == 0)
		return PLAN_DONE;
	if (is_exchange(r))
		return plan_exchange(r);
	return r->src.local ? plan_local(r) : move_away(r);
}

int move_rename(struct tree *t, struct move *m, struct waiter *w)
{
	struct rename r = {.t = t, .m = m, .w = w};
	int result;

	if (m->sent) {
		bool ended = wait_take_result(w, &result);
		if (m->displaced)
			end_exchange(t, m, ended ? result : -ECANCELED);
		if (ended)
			return result;
	}
	if (!w->caller.process)
		caller_of(w->pid, &w->caller);
	tree_lock(t);
	int plan = start(&r); /* or PARKED, or -errno */
	struct node *src = plan >= PLAN_SAVE && r.src.local ? r.src.node : NULL;
	if (src)
		node_pin(t, src);
	struct record *target = src && r.target ? record_ref(r.target) : NULL;
	tree_unlock(t);
	if (src)
		plan = plan == PLAN_SAVE ? save(&r) : save_new_or_move(&r);
	write_touched(&r, r.touched[0]);
	write_touched(&r, r.touched[1]);
	tree_lock(t);
	node_unpin(t, src);
	record_put(target);
	tree_unlock(t);
	draft_sweep(t);
	if (plan != PARKED && m->displaced)
		end_exchange(t, m, plan);
	return plan;
}
