/* SPDX-License-Identifier: MIT */
/* unlink: see unlink.h. Workers first, the net thread on a re-run; the DELETE's end on the net thread. */
#include "tree/unlink.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "crm/api.h"
#include "crm/event.h"
#include "store/journal.h"
#include "tree/caller.h"
#include "tree/control.h"
#include "tree/draft.h"
#include "tree/local.h"
#include "tree/name.h"
#include "tree/node.h"
#include "tree/record.h"
#include "tree/refusal.h"

static void unlink_draft(struct tree *t, struct record *rec, const struct waiter *w) REQUIRES(T)
{
	struct node *n = rec->node;

	draft_drop(t, n->draft, w->caller.process);
	if (rec->vacated)
		rec->vacated_until = w->born + RECORD_VACATED_NS;
	tree_tell_stale(t, n->ino, 0, NULL);
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
		node_dir_changed(rec->coll);
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

/* What a deletion comes to that the brake stops: told without T. */
enum { BRAKED = PARKED + 1 };

static int delete_record(struct tree *t, struct record *rec, struct waiter *w) REQUIRES(T)
{
	if (!rec->coll->kind->deletes)
		return -EPERM;
	if (!rec->deletion) {
		if (!brake_passes(&t->brake, w->born))
			return BRAKED;
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

struct unlink {
	uint64_t dir;
	const char *name;
	enum caller_unlink meant;
};

/* The refused text at the name itself: another one may have been refused there since, by rename. */
static struct draft *refused_at(struct coll *c, const char *name) REQUIRES(T)
{
	uint64_t id;
	const struct record *rec =
		name_classify(name, &id) == NAME_RECORD ? record_find(c, id) : NULL;
	struct draft *d = rec && rec->node ? rec->node->draft : NULL;

	return d && d->refused && !d->refusal ? d : NULL;
}

/* `rm 41.json.error`: the person gives the refused text up. */
static void drop_refused(struct tree *t, struct refusal *r, const struct waiter *w) REQUIRES(T)
{
	struct draft *own = refused_at(r->coll, r->name), *d = own ? own : r->draft;
	struct node *n = d && !d->commit ? d->node : NULL;
	/* A text that could not be renamed to that name has one of its own, and stays there. */
	struct local *local =
		n && n->local && strcmp(n->local->name, r->name) == 0 ? n->local : NULL;

	refusal_lift(r);
	if (n && n->record)
		unlink_draft(t, n->record, w);
	else if (local)
		local_unlink(t, local, w->caller.process);
}

/* Told once a stop: a thousand lines would hide the one that matters. */
static void tell_braked(struct tree *t, const struct unlink *u, const struct waiter *w)
{
	struct event e = {.time = (int64_t)time(NULL),
			  .name = u->name,
			  .err = -EPERM,
			  .message =
				  "more deletions within a minute than max_deletes: write a number "
				  "to .concordfs/allow_deletes to allow that many more",
			  .pid = w->caller.process,
			  .command = w->caller.command};
	struct buf line = BUF_INIT(1 << 16);

	tree_lock(t);
	const struct coll *c = node_coll(t, u->dir);
	e.dir = c ? c->kind->name : "";
	bool first = t->brake.refused == 1;
	tree_count_refusal(t, e.err);
	tree_unlock(t);
	if (first && event_write(&e, &line) == 0)
		journal_add(spool_state_dir(t->config.spool), line.data, line.len);
	if (first)
		log_warning("tree: deletions are refused: more than %u within a minute",
			    t->config.max_deletes);
	buf_fini(&line);
}

static int unlink_locked(struct tree *t, const struct unlink *u, struct waiter *w) REQUIRES(T)
{
	struct coll *c = node_coll(t, u->dir);
	struct named named;
	int result;

	if (wait_take_result(w, &result))
		return result;
	if (!c)
		return -EPERM;
	int err = node_resolve(t, c, u->name, w->born, &named);
	if (err < 0)
		return err;
	if (named.is_help)
		return -EPERM;
	if (named.refusal) {
		drop_refused(t, named.refusal, w);
		return 0;
	}
	if (named.local) {
		local_unlink(t, named.local, w->caller.process);
		return 0;
	}
	if (named.node && named.node->draft) {
		unlink_draft(t, named.record, w);
		return 0;
	}
	/* What it has read just now is a source of mv, to be removed in earnest. */
	bool read = named.record->reader == w->pid;
	if (u->meant == UNLINK_DELETES || (u->meant == UNLINK_REPLACES_UNREAD && read))
		return delete_record(t, named.record, w);
	record_vacate(named.record, w->born);
	return 0;
}

/* In .concordfs/: *err is what came of it. */
static bool unlink_control(struct tree *t, const struct unlink *u, int *err)
{
	tree_lock(t);
	struct node *dir = node_find(t, u->dir);
	bool is_control = dir && dir->type == NODE_CONTROL_DIR;
	if (is_control)
		node_pin(t, dir);
	tree_unlock(t);
	if (!is_control)
		return false;
	*err = control_unlink(t, dir, u->name);
	tree_lock(t);
	node_unpin(t, dir);
	tree_unlock(t);
	return true;
}

int unlink_name(struct tree *t, uint64_t dir, const char *name, struct waiter *w)
{
	struct unlink u = {.dir = dir, .name = name};
	int r;

	if (unlink_control(t, &u, &r))
		return r;
	if (!w->caller.process)
		caller_of(w->pid, &w->caller);
	u.meant = caller_unlink(&w->caller);
	tree_lock(t);
	r = unlink_locked(t, &u, w);
	tree_unlock(t);
	draft_sweep(t);
	if (r != BRAKED)
		return r;
	tell_braked(t, &u, w);
	return -EPERM;
}
