/* SPDX-License-Identifier: MIT */
/* commit_run: see commit_run.h. Net thread only; what it finds and changes in the tree, under T. */
#include "tree/commit_run.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "crm/api.h"
#include "crm/edit.h"
#include "tree/local.h"
#include "tree/name.h"
#include "tree/node.h"
#include "tree/record.h"

enum { REASON_MAX = 600 };

/* The end */

static void commit_free(struct commit *c)
{
	text_put(&c->mine);
	free(c->new_name);
	free(c);
}

static void log_refusal(const struct commit *c, int err, const char *reason)
{
	char quoted[2 * REASON_MAX], name[64];

	if (c->record)
		snprintf(name, sizeof(name), "%s/%" PRIu64, c->coll->kind->name, c->record->id);
	else
		snprintf(name, sizeof(name), "%s (new)", c->coll->kind->name);
	log_warning("tree: save refused: record=%s err=%d reason=%s", name, -err,
		    log_quote(quoted, sizeof(quoted), reason, strlen(reason)));
}

/* Puts what the commit held and wakes its callers. T was released by now. */
static void settle(struct commit *c, int result)
{
	struct tree *t = c->tree;
	struct list ready;

	list_init(&ready);
	tree_lock(t);
	struct draft *d = c->draft;
	d->commit = NULL;
	wait_settle(t, &c->done, result, &ready);
	node_unpin(t, c->node);
	record_put(c->record);
	draft_put(t, d);
	tree_unlock(t);
	draft_sweep(t);
	commit_free(c);
	wait_wake_all(&ready);
}

static void fail(struct commit *c, int err, const char *reason)
{
	struct tree *t = c->tree;
	struct draft *d = c->draft;
	bool cut_short = err == -EINTR || err == -ECANCELED;

	if (!cut_short)
		log_refusal(c, err, reason);
	tree_lock(t);
	if (!cut_short) {
		d->refused = err;
		d->dirty = d->writes != c->writes;
	}
	tree_unlock(t);
	draft_keep(t, d);
	/* Others who came to wait meanwhile begin again. */
	settle(c, cut_short ? -ECANCELED : err);
}

/* The text needs nothing from the server: it stays local and waits. */
static void stay_local(struct commit *c)
{
	struct tree *t = c->tree;
	struct draft *d = c->draft;

	tree_lock(t);
	d->dirty = d->writes != c->writes;
	d->refused = 0;
	tree_unlock(t);
	draft_keep(t, d);
	settle(c, 0);
}

/* A text written to while it was being saved goes on from what was saved. */
static void rebase(struct commit *c) REQUIRES(T)
{
	struct draft *d = c->draft;
	struct record *rec = c->record;

	if (d->record != rec) {
		record_put(STEAL(d->record));
		d->record = record_ref(rec);
	}
	text_put(&d->base);
	text_put(&d->then);
	d->base = text_ref(&c->mine);
	d->then = text_ref(&rec->text);
	d->base_time = c->mine_time == VIEW_NO_TIME ? rec->updated_at : c->mine_time;
	d->refused = 0;
	d->dirty = d->writes != c->writes;
}

/* What stands at the new name gives way, as rename(2) has it. */
static void clear_name(struct commit *c) REQUIRES(T)
{
	struct tree *t = c->tree;
	struct named named;
	struct record *rec = c->record;

	if (rec->node && rec->node != c->node && rec->node->draft)
		draft_drop(t, rec->node->draft);
	if (c->new_name && node_resolve(t, c->coll, c->new_name, clock_now(), &named) == 0 &&
	    named.local && named.node != c->node && !named.local->alias_of)
		local_unlink(t, named.local);
}

/* The node stands at <id>.json from now on; a new record's name becomes an alias. */
static void take_place(struct commit *c, bool created) REQUIRES(T)
{
	struct tree *t = c->tree;
	struct node *n = c->node;
	char name[NAME_MAX + 1] = "";

	if (n->record == c->record && !created && !c->new_name)
		return;
	clear_name(c);
	if (n->local) {
		snprintf(name, sizeof(name), "%s", n->local->name);
		local_remove(t, n->local);
		tree_tell_stale(t, 0, c->coll->dir->ino, name);
	}
	node_become(t, n, c->record);
	if (created && alias_add(t, c->coll, c->new_name ? c->new_name : name, c->record->id) < 0)
		log_warning("tree: no alias for a new record: out of memory");
}

static void succeed(struct commit *c, bool created)
{
	struct tree *t = c->tree;
	struct draft *d = c->draft;
	struct record *rec = c->record;
	struct draft_note note;

	tree_lock(t);
	struct node *n = c->node;
	/* Its name was removed while we sent it. */
	bool gone = d->loose || (!n->draft && !n->record);
	rebase(c);
	record_remember(rec, d->base_time, c->process, &d->base, &d->then);
	rec->told_conflict = 0;
	text_put(&rec->told_text);
	if (!gone)
		take_place(c, created);
	/* The note says "saved" before the files go: a crash between the two must not bring it back. */
	draft_note(d, &note);
	if (!d->dirty && !gone)
		draft_detach(t, d);
	rec->vacated = false;
	tree_tell_stale(t, n->ino, 0, NULL);
	tree_unlock(t);
	draft_write_note(t, &note);
	settle(c, 0);
}

/* Sending */

/* Why the server refused, in its words where it has any. */
static void fail_sent(struct commit *c, struct job *j)
{
	char reason[REASON_MAX];
	int err = j->err;

	api_refusal(j, reason, sizeof(reason));
	if (!reason[0])
		snprintf(reason, sizeof(reason), "%s", j->reason);
	tree_lock(c->tree);
	if (c->record && j->may_have_acted)
		c->record->doubtful = true;
	if (c->record && err == -ENOENT) {
		record_vanish(c->record, j->started);
		err = -EBUSY; /* ENOENT from a close would speak of the name, which is there */
		snprintf(reason, sizeof(reason), "the record was deleted on the server meanwhile");
	}
	tree_unlock(c->tree);
	job_free(j);
	fail(c, err, reason);
}

static void put_done(struct job *j)
{
	struct commit *c = j->arg;
	CLEANUP(record_msg_fini) struct record_msg msg = {0};

	c->job = NULL;
	if (j->err) {
		fail_sent(c, j);
		return;
	}
	int err = api_read_record(c->coll->kind, j, &msg);
	tree_lock(c->tree);
	if (!err && msg.id == c->record->id)
		record_absorb(c->record, &msg, j->finished);
	else
		c->record->doubtful = true; /* saved, but what it is now has to be asked */
	tree_unlock(c->tree);
	job_free(j);
	succeed(c, false);
}

static void post_done(struct job *j)
{
	struct commit *c = j->arg;
	CLEANUP(record_msg_fini) struct record_msg msg = {0};

	c->job = NULL;
	if (j->err) {
		fail_sent(c, j);
		return;
	}
	int err = api_read_record(c->coll->kind, j, &msg);
	if (!err) {
		tree_lock(c->tree);
		struct record *rec = record_get(c->coll, msg.id);
		if (rec) {
			c->record = record_ref(rec);
			record_absorb(c->record, &msg, j->finished);
			c->coll->changed = rec->updated_at;
		}
		tree_unlock(c->tree);
		err = rec ? 0 : -ENOMEM;
	}
	job_free(j);
	if (err)
		fail(c, err, "the record was created, but the server's answer cannot be read");
	else
		succeed(c, true);
}

static void send_job(struct commit *c, struct job *j, void (*done)(struct job *j), bool changes)
{
	if (!j) {
		fail(c, -ENOMEM, "out of memory");
		return;
	}
	j->done = done;
	j->arg = c;
	j->lane = LANE_SAVE;
	j->deadline = c->deadline;
	c->job = j;
	tree_lock(c->tree);
	c->sending = changes;
	tree_unlock(c->tree);
	http_submit(c->tree->config.http, j);
}

/* Comparing */

/* The three texts; each a reference. */
struct three {
	struct text base, then, now;
	bool told; /* the person was told of the conflict that there may be */
};

static void three_fini(struct three *x)
{
	text_put(&x->base);
	text_put(&x->then);
	text_put(&x->now);
}

/* False: mine was made from a version that is not known here; base is then what there is now. */
static bool gather(const struct commit *c, struct three *x) REQUIRES(T)
{
	const struct draft *d = c->draft;
	const struct record *rec = c->record;
	struct base b = {.base = &rec->text, .then = &rec->text};
	bool of_draft = d->record == rec && text_is_set(&d->base);
	bool known = true;

	if (c->mine_time == VIEW_NO_TIME) {
		if (of_draft)
			b = (struct base){.base = &d->base, .then = &d->then};
	} else if (!record_base(rec, c->mine_time, c->process, &b)) {
		known = of_draft && d->base_time == c->mine_time;
		if (known)
			b = (struct base){.base = &d->base, .then = &d->then};
	}
	/* Told of this conflict, and saved again: knowingly. What is unknown to us counts as such only if
	 * it is the same text; an editor's recovery writes an older one back. */
	x->told = rec->told_conflict == rec->version &&
		  (known || text_equal(&rec->told_text, &c->mine));
	x->base = text_ref(b.base);
	x->then = text_ref(b.then);
	x->now = text_ref(&rec->text);
	return known;
}

static void conflict(struct commit *c, const char *reason)
{
	struct record *rec = c->record;

	tree_lock(c->tree);
	rec->told_conflict = rec->version;
	text_put(&rec->told_text);
	rec->told_text = text_ref(&c->mine);
	tree_unlock(c->tree);
	fail(c, -EBUSY, reason);
}

/* The members that the person changed, whatever the server has in them now, are sent when knowingly. */
static int judge(const struct commit *c, const struct three *x, bool known, struct edit *edit)
{
	const struct kind *kind = c->coll->kind;
	struct edit_against against = {
		.base = jspan_of(&x->base), .then = jspan_of(&x->then), .now = jspan_of(&x->now)};
	int err = known ? edit_update(kind, jspan_of(&c->mine), &against, edit) : -EBUSY;

	if (err == -EBUSY && x->told) {
		edit_fini(edit);
		against.then = against.now;
		err = edit_update(kind, jspan_of(&c->mine), &against, edit);
	}
	return err;
}

static void compare(struct commit *c)
{
	CLEANUP(edit_fini) struct edit edit = {0};
	struct three x = {0};

	tree_lock(c->tree);
	bool known = gather(c, &x);
	tree_unlock(c->tree);
	int err = judge(c, &x, known, &edit);
	three_fini(&x);
	if (err == -EBUSY)
		conflict(c, known ? edit.reason
				  : "it was made from a version that is not known here; read the "
				    "record again, or save once more to override");
	else if (err < 0)
		fail(c, err, edit.reason);
	else if (!edit.body)
		succeed(c, false);
	else
		send_job(c,
			 api_update(c->coll->kind, c->record->id, STEAL(edit.body), edit.body_len),
			 put_done, true);
}

static void reread_done(struct job *j)
{
	struct commit *c = j->arg;
	CLEANUP(record_msg_fini) struct record_msg msg = {0};

	c->job = NULL;
	int err = j->err ? 0 : api_read_record(c->coll->kind, j, &msg);
	if (j->err) {
		fail_sent(c, j);
		return;
	}
	if (!err && msg.id != c->record->id)
		err = -EIO;
	if (!err) {
		tree_lock(c->tree);
		record_absorb(c->record, &msg, j->started);
		tree_unlock(c->tree);
	}
	job_free(j);
	if (err)
		fail(c, err, "the server's answer cannot be read");
	else
		compare(c);
}

static void update(struct commit *c, const struct edit_head *head, uint64_t now)
{
	struct record *rec = c->record;

	if (!head->is_object) {
		fail(c, -EINVAL, "a record is one JSON object");
		return;
	}
	if (head->has_id && (!head->id_is_usable || head->id != rec->id)) {
		fail(c, -EINVAL, "the text has the id of another record");
		return;
	}
	tree_lock(c->tree);
	bool fresh = rec->state == RECORD_PRESENT && record_is_fresh(rec, now);
	tree_unlock(c->tree);
	if (fresh)
		compare(c);
	else
		send_job(c, api_get(c->coll->kind, rec->id), reread_done, false);
}

static void create(struct commit *c, const struct edit_head *head)
{
	CLEANUP(edit_fini) struct edit edit = {0};
	const struct kind *kind = c->coll->kind;

	if (head->has_id || c->mine.len == 0 || jtext_trim(jspan_of(&c->mine)).n == 0) {
		stay_local(c);
		return;
	}
	if (!head->is_object) {
		fail(c, -EINVAL, "a record is one JSON object");
		return;
	}
	if (!kind->creates) {
		fail(c, -EPERM, "records of this collection are not created here");
		return;
	}
	int err = edit_create(kind, jspan_of(&c->mine), &edit);
	if (err < 0)
		fail(c, err, edit.reason);
	else
		send_job(c, api_create(kind, STEAL(edit.body), edit.body_len), post_done, true);
}

void commit_run(struct task *task)
{
	struct commit *c = container_of(task, struct commit, task);
	CLEANUP(edit_fini) struct edit why = {0};
	struct edit_head head = {0};

	int err = c->abandoned ? -EINTR : edit_read_head(jspan_of(&c->mine), &head, &why);
	if (err < 0) {
		fail(c, err, why.reason);
		return;
	}
	c->mine_time = VIEW_NO_TIME;
	if (head.updated_at.n && view_parse_time(head.updated_at, &c->mine_time) < 0)
		c->mine_time = VIEW_NO_TIME;
	if (c->record)
		update(c, &head, clock_now());
	else
		create(c, &head);
}
