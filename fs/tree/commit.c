/* SPDX-License-Identifier: MIT */
/*
 * commit: see commit.h. Born on a worker, which reads the text from the spool; from then on the net
 * thread's, but for `done` (its waiters, under T). The draft points back at it until it ends.
 */
#include "tree/commit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "crm/edit.h"
#include "tree/caller.h"
#include "tree/commit_run.h"
#include "tree/name.h"
#include "tree/node.h"
#include "tree/record.h"

/* Not while a question is asked about what was sent, nor between the first change and the second. */
static bool may_leave(struct wait_point *p)
{
	const struct commit *c = container_of(p, struct commit, done);
	bool is_queued = c->job && !c->job->transfer && !c->job->may_have_acted;

	return !c->sending || (!c->acted && is_queued);
}

/* The caller was interrupted before anything left: nothing will. */
static void deserted(struct tree *t, struct wait_point *p)
{
	struct commit *c = container_of(p, struct commit, done);

	c->abandoned = true;
	if (c->job)
		http_cancel(t->config.http, c->job);
}

/* gives the name that a person knows the text by */
static char *name_of(const struct node *n) REQUIRES(T)
{
	char name[NAME_RECORD_MAX];

	if (!n->record)
		return strdup(n->local ? n->local->name : "");
	name_of_record(n->record->id, name);
	return strdup(name);
}

/* gives a commit of d that holds mine; T: it is the draft's from now on. NULL: no memory. */
static struct commit *begin(struct tree *t, struct node *n, struct draft *d, struct text *mine,
			    const struct waiter *w, const char *new_name) REQUIRES(T)
{
	struct commit *c = calloc(1, sizeof(*c));
	char *about = new_name ? strdup(new_name) : name_of(n);
	char *moved = new_name ? strdup(new_name) : NULL;

	if (!c || !about || (new_name && !moved)) {
		free(c);
		free(about);
		free(moved);
		return NULL;
	}
	c->about = about;
	c->new_name = moved;
	c->caller = w->caller;
	c->tree = t;
	c->coll = n->coll;
	c->node = n;
	node_pin(t, n);
	c->draft = draft_ref(d);
	c->mine = *mine;
	*mine = (struct text){0};
	c->deadline = w->deadline;
	c->task.run = commit_run;
	wait_point_init(&c->done);
	c->done.may_leave = may_leave;
	c->done.deserted = deserted;
	d->commit = c;
	return c;
}

/* Nobody waits for an unattended one. */
static int wait_for(struct tree *t, struct commit *c, struct waiter *w) REQUIRES(T)
{
	return w->wake ? wait_park(t, &c->done, w) : 0;
}

static int park_on(struct tree *t, struct commit *c, struct waiter *w) REQUIRES(T)
{
	int r = wait_for(t, c, w);

	c->abandoned = r < 0;
	http_post(t->config.http, &c->task);
	return r;
}

/* Nothing is to be sent: what is there to say? */
static int at_rest(const struct draft *d, enum commit_at at, bool wrote) REQUIRES(T)
{
	if (d->refused && wrote)
		return d->refused;
	bool emptied = d->size == 0 && d->node && d->node->record;
	return at == COMMIT_AT_FSYNC && emptied ? -EINVAL : 0;
}

static bool is_new_name(const struct node *n) REQUIRES(T)
{
	uint64_t id;

	return n->local && name_classify(n->local->name, &id) == NAME_NEW;
}

/* Decides what to do about n's draft. 0 or -errno or PARKED: done; 1 + PARKED: it is to be saved. */
enum { SAVE_IT = PARKED + 1 };

static int judge(struct tree *t, struct node *n, enum commit_at at, bool wrote, struct waiter *w)
	REQUIRES(T)
{
	struct draft *d = n->draft;
	int result;

	/* Written to since the commit that w waited for: that was not the last word. */
	if (wait_take_result(w, &result) && (result == -EINTR || !d || !d->dirty))
		return result;
	if (!d || d->type != SPOOL_FILE)
		return 0;
	d->judged = d->writes;
	if (d->commit)
		return wait_for(t, d->commit, w);
	if (!d->dirty)
		return at_rest(d, at, wrote);
	return n->record || is_new_name(n) ? SAVE_IT : 0;
}

/* The draft may have changed while its text was read with no lock held. */
static int begin_node(struct tree *t, struct node *n, struct draft *d, uint64_t writes,
		      struct text *mine, struct waiter *w) REQUIRES(T)
{
	if (n->draft != d || !d->dirty)
		return 0;
	if (d->commit)
		return wait_for(t, d->commit, w);
	struct commit *c = begin(t, n, d, mine, w, NULL);
	if (!c)
		return -ENOMEM;
	c->writes = writes;
	c->record = n->record ? record_ref(n->record) : NULL;
	return park_on(t, c, w);
}

int commit_node(struct tree *t, struct node *n, enum commit_at at, bool wrote, struct waiter *w)
{
	CLEANUP(text_put) struct text mine = {0};
	struct draft *d = NULL;
	uint64_t writes = 0;

	tree_lock(t);
	int r = judge(t, n, at, wrote, w);
	if (r == SAVE_IT) {
		d = draft_ref(n->draft);
		writes = d->writes;
	}
	tree_unlock(t);
	if (r != SAVE_IT)
		return r;
	if (!w->caller.process)
		caller_of(w->pid, &w->caller);
	r = at == COMMIT_AT_FSYNC ? spool_sync(t->config.spool, d->key) : 0;
	if (!r)
		r = spool_load(t->config.spool, d->key, DRAFT_MAX_BYTES, &mine);
	tree_lock(t);
	if (!r)
		r = begin_node(t, n, d, writes, &mine, w);
	draft_put(t, d);
	tree_unlock(t);
	draft_sweep(t);
	return r;
}

void commit_unattended(struct tree *t, struct node *n)
{
	struct waiter nobody;

	waiter_init(&nobody);
	nobody.born = clock_now();
	nobody.deadline = nobody.born + t->config.timeout_ns;
	int err = commit_node(t, n, COMMIT_AT_FLUSH, false, &nobody);
	if (err < 0)
		log_warning("tree: a text written after its last close is not saved: err=%d", -err);
}

bool commit_is_new_record(const struct text *text)
{
	struct report why = {0};
	struct edit_head head = {0};
	bool is_new =
		edit_read_head(jspan_of(text), &head, &why) == 0 && head.is_object && !head.has_id;

	report_fini(&why);
	return is_new;
}

/* The first draft whose end the last mount did not see; counted. */
static struct draft *next_unfinished(struct tree *t) REQUIRES(T)
{
	for (size_t i = 0; i < t->coll_count; i++) {
		list_each(pos, &t->colls[i].drafts) {
			struct draft *d = container_of(pos, struct draft, link);
			if (d->unfinished)
				return draft_ref(d);
		}
	}
	return NULL;
}

static void resume(struct tree *t, struct draft *d, struct text *mine)
{
	struct waiter nobody;

	waiter_init(&nobody);
	nobody.deadline = clock_now() + t->config.timeout_ns;
	tree_lock(t);
	struct node *n = d->node;
	struct commit *c = n && !d->commit ? begin(t, n, d, mine, &nobody, NULL) : NULL;
	if (c) {
		c->resumed = true;
		c->writes = d->writes;
		c->record = n->record ? record_ref(n->record) : NULL;
		http_post(t->config.http, &c->task);
	}
	draft_put(t, d);
	tree_unlock(t);
}

void commit_resume(struct tree *t)
{
	struct draft *d;

	do {
		CLEANUP(text_put) struct text mine = {0};
		tree_lock(t);
		d = next_unfinished(t);
		if (d)
			d->unfinished = false;
		tree_unlock(t);
		int err = d ? spool_load(t->config.spool, d->key, DRAFT_MAX_BYTES, &mine) : 0;
		if (d && !err) {
			resume(t, d, &mine);
		} else if (d) {
			tree_lock(t);
			draft_put(t, d);
			tree_unlock(t);
		}
	} while (d);
	draft_sweep(t);
}

int commit_wait(struct tree *t, const struct node *n, struct waiter *w)
{
	int result;
	bool ended = wait_take_result(w, &result);

	if (!n->draft || !n->draft->commit)
		return 0;
	return ended && result < 0 ? result : wait_park(t, &n->draft->commit->done, w);
}

static int begin_rename(struct tree *t, const struct commit_rename *what, struct draft *d,
			struct text *mine, struct waiter *w) REQUIRES(T)
{
	if (what->src->draft != d || d->commit)
		return -EBUSY;
	struct commit *c = begin(t, what->src, d, mine, w, what->new_name);
	if (!c)
		return -ENOMEM;
	c->coll = what->coll;
	c->exchange = what->exchange;
	c->writes = d->writes;
	c->record = what->record ? record_ref(what->record) : NULL;
	return park_on(t, c, w);
}

int commit_rename(struct tree *t, const struct commit_rename *what, struct waiter *w)
{
	CLEANUP(text_put) struct text mine = {0};
	struct draft *d = NULL;

	tree_lock(t);
	if (what->src->draft)
		d = draft_ref(what->src->draft);
	tree_unlock(t);
	if (!d)
		return -EBUSY;
	if (!w->caller.process)
		caller_of(w->pid, &w->caller);
	int r = spool_load(t->config.spool, d->key, DRAFT_MAX_BYTES, &mine);
	tree_lock(t);
	if (!r)
		r = begin_rename(t, what, d, &mine, w);
	draft_put(t, d);
	tree_unlock(t);
	draft_sweep(t);
	return r;
}
