/* SPDX-License-Identifier: MIT */
/* commit_send: requests that change the server. Net thread only. The answer is the truth: what it
 * shows is taken, and what it left out of what was asked is told. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "tree/commit_run.h"
#include "tree/record.h"

void commit_send_job(struct commit *c, struct job *j, void (*done)(struct job *j), bool changes)
{
	if (!j) {
		commit_fail_plain(c, -ENOMEM);
		return;
	}
	j->done = done;
	j->arg = c;
	j->lane = LANE_SAVE;
	j->deadline = c->deadline;
	c->job = j;
	tree_lock(c->tree);
	c->sending = changes || c->acted;
	tree_unlock(c->tree);
	http_submit(c->tree->config.http, j);
}

/* Takes the body of j, whose answer never came, to be looked for. */
static void note_lost(struct commit *c, struct job *j)
{
	c->lost.err = j->err;
	c->lost.status = j->status;
	snprintf(c->lost.words, sizeof(c->lost.words), "%s",
		 j->reason && *j->reason ? j->reason : "the server's answer cannot be read");
	report_fini(&c->lost.report);
	if (j->err == -EINVAL)
		api_problems(j, jspan_of(&c->mine), &c->lost.report);
	free(c->sent);
	c->sent = STEAL(j->body);
	c->sent_len = j->body_len;
	c->acted = true;
	job_free(j);
}

/* The answer of a PUT or POST to what c->record is: what did it leave out? */
static int verify(struct commit *c, const struct job *j, struct report *report)
{
	struct jspan answer, sent = {j->body, j->body_len};
	struct jspan before = text_is_set(&c->before) ? jspan_of(&c->before) : (struct jspan){0};

	if (!j->body || api_answer(j, &answer) < 0)
		return 0;
	return edit_verify(c->coll->kind, sent, before, answer, jspan_of(&c->mine), report);
}

static int absorb(struct commit *c, const struct job *j)
{
	CLEANUP(record_msg_fini) struct record_msg msg = {0};
	int err = api_read_record(c->coll->kind, j, &msg);

	tree_lock(c->tree);
	if (!err && msg.id == c->record->id)
		record_absorb(c->record, &msg, j->finished);
	else
		c->record->doubtful = true; /* saved, but what it is now has to be asked */
	tree_unlock(c->tree);
	return err;
}

static void put_body(struct commit *c, char *body, size_t n, void (*done)(struct job *j))
{
	tree_lock(c->tree);
	text_put(&c->before);
	c->before = text_ref(&c->record->text);
	tree_unlock(c->tree);
	commit_send_job(c, api_update(c->coll->kind, c->record->id, body, n), done, true);
}

static void put_done(struct job *j)
{
	struct commit *c = j->arg;
	struct report report = {0};

	c->job = NULL;
	if (j->err && j->may_have_acted) {
		note_lost(c, j);
		tree_lock(c->tree);
		c->record->doubtful = true;
		tree_unlock(c->tree);
		commit_check_put(c);
		return;
	}
	if (j->err) {
		commit_fail_sent(c, j);
		return;
	}
	c->acted = true;
	int left_out = absorb(c, j) == 0 ? verify(c, j, &report) : 0;
	job_free(j);
	if (left_out < 0)
		commit_fail(c, left_out, &report,
			    "Everything else was saved. Perhaps the field is closed to your role.");
	else
		commit_succeed(c);
	report_fini(&report);
}

/* The deal is open now: what it was opened for follows. */
static void first_done(struct job *j)
{
	struct commit *c = j->arg;

	c->job = NULL;
	if (j->err) {
		commit_fail_sent(c, j);
		return;
	}
	c->acted = true;
	absorb(c, j);
	job_free(j);
	size_t n = c->next_len;
	put_body(c, STEAL(c->next_body), n, put_done);
}

void commit_put(struct commit *c, struct edit *edit)
{
	if (!edit->first) {
		put_body(c, STEAL(edit->body), edit->body_len, put_done);
		return;
	}
	c->next_len = edit->body_len;
	c->next_body = STEAL(edit->body);
	put_body(c, STEAL(edit->first), edit->first_len, first_done);
}

static void post_failed(struct commit *c, struct job *j)
{
	bool lost = j->may_have_acted;

	if (lost) {
		note_lost(c, j);
		commit_check_post(c);
		return;
	}
	tree_lock(c->tree);
	c->draft->posted = 0;
	tree_unlock(c->tree);
	commit_fail_sent(c, j);
}

static int take_created(struct commit *c, const struct job *j)
{
	CLEANUP(record_msg_fini) struct record_msg msg = {0};
	int err = api_read_record(c->coll->kind, j, &msg);

	if (err < 0)
		return err;
	tree_lock(c->tree);
	struct record *rec = record_get(c->coll, msg.id);
	if (rec) {
		c->record = record_ref(rec);
		record_absorb(rec, &msg, j->finished);
		c->coll->changed = time(NULL);
		c->draft->posted = 0;
	}
	tree_unlock(c->tree);
	c->created = true;
	return rec ? 0 : -ENOMEM;
}

static void post_done(struct job *j)
{
	struct commit *c = j->arg;
	struct report report = {0};

	c->job = NULL;
	if (j->err) {
		post_failed(c, j);
		return;
	}
	c->acted = true;
	int err = take_created(c, j);
	int left_out = err ? 0 : verify(c, j, &report);
	if (err <
	    0) { /* it is there, and we cannot tell where: looked for, as if the answer was lost */
		j->err = err;
		note_lost(c, j);
		commit_check_post(c);
		return;
	}
	job_free(j);
	if (left_out < 0)
		commit_succeed_but(c, left_out, &report);
	else
		commit_succeed(c);
	report_fini(&report);
}

/* Before a POST leaves, the disk knows of it: a mount that is killed now must not make a second one. */
static int note_posting(struct commit *c)
{
	struct draft *d = c->draft;

	tree_lock(c->tree);
	d->posted = (int64_t)time(NULL);
	text_put(&d->base);
	d->base = text_ref(&c->mine);
	d->posted_at = clock_now();
	tree_unlock(c->tree);
	return draft_keep(c->tree, d);
}

void commit_post(struct commit *c, struct edit *edit)
{
	int err = note_posting(c);

	if (err < 0) {
		tree_lock(c->tree);
		c->draft->posted = 0; /* it never left: nothing to be looked for */
		tree_unlock(c->tree);
		commit_refuse(c, err, NULL, "the state directory cannot be written to");
		return;
	}
	commit_send_job(c, api_create(c->coll->kind, STEAL(edit->body), edit->body_len), post_done,
			true);
}
