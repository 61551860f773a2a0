/* SPDX-License-Identifier: MIT */
/* commit_ask: the questions of a commit, one at a time; each answer hands it on. Net thread only. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "crm/view.h"
#include "tree/commit_run.h"
#include "tree/record.h"
#include "tree/vocab.h"

enum {
	NEWEST_PER_PAGE = 100,
	SKEW_S = 600, /* how far the server's clock may be from ours */
};

static const char advice_lost[] = "The connection broke before the answer came, and the server "
				  "could not be asked since. The next "
				  "save looks first.";

/* The record again */

/* Is what it is attached to wanted with it? (Notes: every PUT names that.) */
static bool wants_via(const struct kind *kind)
{
	return kinds_has_word(kind->accepts, "via_resource", strlen("via_resource"));
}

static void remember_via(struct record *rec, const struct job *j)
{
	struct via via;
	struct via *kept = api_read_via(j, &via) == 0 ? malloc(sizeof(via)) : NULL;

	if (!kept)
		return;
	*kept = via;
	free(rec->via);
	rec->via = kept;
}

/* Takes j. 0, or the commit was handed on. */
static int take_record(struct commit *c, struct job *j)
{
	CLEANUP(record_msg_fini) struct record_msg msg = {0};
	int err = api_read_record(c->coll->kind, j, &msg);

	if (!err && msg.id != c->record->id)
		err = -EIO;
	if (!err && wants_via(c->coll->kind))
		remember_via(c->record, j);
	if (!err) {
		tree_lock(c->tree);
		record_absorb(c->record, &msg, j->started);
		c->record->told_gone = false;
		tree_unlock(c->tree);
	}
	job_free(j);
	if (err)
		commit_fail_plain(c, err);
	return err;
}

static void reread_done(struct job *j)
{
	struct commit *c = j->arg;

	c->job = NULL;
	if (j->err)
		commit_fail_sent(c, j);
	else if (take_record(c, j) == 0)
		commit_judge(c);
}

static struct job *reading(const struct commit *c)
{
	const struct kind *kind = c->coll->kind;

	return wants_via(kind) ? api_via(kind, c->record->id) : api_get(kind, c->record->id);
}

void commit_reread(struct commit *c)
{
	commit_send_job(c, reading(c), reread_done, false);
}

/* Out of the trash */

static void restore_done(struct job *j)
{
	struct commit *c = j->arg;

	c->job = NULL;
	if (j->err == -ENOENT) {
		job_free(j);
		commit_refuse(c, -EBUSY,
			      "To make a new record of the text, save it under a new name without "
			      "its \"id\".",
			      "the record was deleted on the server, and is not in its trash");
	} else if (j->err) {
		commit_fail_sent(c, j);
	} else if (take_record(c, j) == 0) {
		c->acted = true;
		commit_judge(c);
	}
}

void commit_restore(struct commit *c)
{
	commit_send_job(c, api_restore(c->coll->kind, c->record->id), restore_done, true);
}

/* What may be chosen */

static void fields_done(struct job *j)
{
	struct commit *c = j->arg;

	c->job = NULL;
	if (j->err && !vocab_is_untold(j->err)) {
		commit_fail_sent(c, j);
		return;
	}
	int err = vocab_read_fields(c->tree->vocab, c->coll->kind, j);
	job_free(j);
	if (err < 0)
		commit_fail_plain(c, err);
	else
		commit_judge(c);
}

static void ask_page(struct commit *c);

static void lookup_done(struct job *j)
{
	struct commit *c = j->arg;
	bool last = true;
	int err = 0;

	c->job = NULL;
	if (j->err && !vocab_is_untold(j->err)) {
		commit_fail_sent(c, j);
		return;
	}
	if (j->err)
		c->found.is_partial = true; /* not for this user: unknown is not wrong */
	else
		err = api_read_lookup(j, c->page, &c->found, &last);
	job_free(j);
	if (err < 0) {
		commit_fail_plain(c, err);
	} else if (!last) {
		ask_page(c);
	} else {
		vocab_set_lookup(c->tree->vocab, c->looking_up, &c->found, c->began);
		commit_judge(c);
	}
}

static void ask_page(struct commit *c)
{
	commit_send_job(c, api_lookup(c->looking_up, ++c->page), lookup_done, false);
}

static void look_up(struct commit *c, const char *kind)
{
	c->looking_up = kind_find(kind);
	c->page = 0;
	choices_fini(&c->found);
	c->found = (struct choices){0};
	if (c->looking_up)
		ask_page(c);
	else
		commit_fail_plain(c, -EIO);
}

static void count_tags(struct commit *c)
{
	int err = vocab_tags(c->tree, c->coll, &c->tags);

	c->has_tags = !err;
	if (err < 0)
		commit_fail_plain(c, err);
	else
		commit_judge(c);
}

void commit_ask(struct commit *c, const struct edit_needs *needs)
{
	if (needs->fields)
		commit_send_job(c, api_fields(c->coll->kind), fields_done, false);
	else if (needs->lookup)
		look_up(c, needs->lookup);
	else if (needs->tags)
		count_tags(c);
	else if (needs->via && c->record)
		commit_reread(c);
	else
		commit_fail_plain(c, -EIO);
}

bool commit_doubt(struct commit *c, const struct edit_needs *doubts)
{
	struct vocab *v = c->tree->vocab;
	bool doubted = false;

	if (doubts->fields)
		doubted |= vocab_doubt_fields(v, c->coll->kind, c->began);
	if (doubts->lookup)
		doubted |= vocab_doubt_lookup(v, doubts->lookup, c->began);
	return doubted;
}

/* Lost answers */

static bool has_it(const struct commit *c, const struct text *record)
{
	struct jspan sent = {c->sent, c->sent_len};

	return edit_is_done(c->coll->kind, sent, jspan_of(record));
}

static void check_put_done(struct job *j)
{
	struct commit *c = j->arg;
	struct text now = {0};

	c->job = NULL;
	if (j->err && j->err != -ENOENT) {
		job_free(j);
		commit_refuse(c, c->lost.err, advice_lost, "%s", c->lost.words);
		return;
	}
	if (j->err) {
		commit_fail_sent(c, j);
		return;
	}
	if (take_record(c, j) < 0)
		return;
	tree_lock(c->tree);
	now = text_ref(&c->record->text);
	tree_unlock(c->tree);
	if (has_it(c, &now))
		commit_succeed(c);
	else if (c->lost.report.count) /* the first try was lost, the second one refused */
		commit_fail(c, c->lost.err, &c->lost.report, NULL);
	else
		commit_refuse(c, c->lost.err, NULL,
			      "%s; the server was asked since, and does not have it",
			      c->lost.words);
	text_put(&now);
}

void commit_check_put(struct commit *c)
{
	commit_send_job(c, reading(c), check_put_done, false);
}

static bool is_created_since(const struct text *record, int64_t since)
{
	struct jspan value;
	int64_t at;

	return !jtext_get(jtext_trim(jspan_of(record)), "created_at", &value) ||
	       view_parse_time(value, &at) < 0 || at >= since - SKEW_S;
}

/* Was it there before we sent ours? */
static bool was_known(const struct commit *c, uint64_t id) REQUIRES(T)
{
	const struct record *rec = record_find(c->coll, id);

	return rec && rec->state == RECORD_PRESENT && rec->asked_at < c->draft->posted_at;
}

struct finding {
	const struct record_msg *one;
	unsigned count;
	struct report report;
};

static void find(struct commit *c, const struct page_msg *page, struct finding *f)
{
	tree_lock(c->tree);
	int64_t since = c->draft->posted;
	for (size_t i = 0; i < page->count; i++) {
		const struct record_msg *m = &page->records[i];
		if (was_known(c, m->id) || !is_created_since(&m->text, since) ||
		    !has_it(c, &m->text))
			continue;
		f->one = m;
		f->count++;
		report_add(&f->report, jspan_of(&c->mine), NULL, NULL,
			   "perhaps it was created as %" PRIu64 ".json", m->id);
	}
	tree_unlock(c->tree);
}

/* That is ours. What was written since it was posted is a change to it. */
static void adopt(struct commit *c, const struct record_msg *msg, uint64_t asked_at)
{
	tree_lock(c->tree);
	struct record *rec = record_get(c->coll, msg->id);
	if (rec) {
		c->record = record_ref(rec);
		record_absorb(rec, msg, asked_at);
	}
	tree_unlock(c->tree);
	c->created = true;
	if (!rec) {
		commit_fail_plain(c, -ENOMEM);
		return;
	}
	commit_adopt(c);
	commit_judge(c);
}

static void not_found(struct commit *c)
{
	if (!text_is_set(&c->posted)) {
		commit_refuse(c, c->lost.err, NULL,
			      "%s; the server was asked since, and has no such record",
			      c->lost.words);
		return;
	}
	text_put(&c->posted);
	free(STEAL(c->sent));
	if (c->resumed)
		commit_refuse(
			c, -EINTR, NULL,
			"the mount ended while this was being created, and the server does not "
			"have it");
	else
		commit_judge(c);
}

static void check_post_done(struct job *j)
{
	CLEANUP(page_msg_fini) struct page_msg page = {0};
	struct commit *c = j->arg;
	struct finding f = {0};
	uint64_t asked_at = j->started;

	c->job = NULL;
	int err = j->err ? j->err : api_read_page(c->coll->kind, j, &page);
	job_free(j);
	if (err < 0) {
		commit_refuse(c, c->lost.err ? c->lost.err : err, advice_lost, "%s",
			      c->lost.err ? c->lost.words
					  : "whether it was created before is not known");
		return;
	}
	find(c, &page, &f);
	if (f.count == 1) {
		adopt(c, f.one, asked_at);
	} else if (f.count == 0) {
		not_found(c);
	} else {
		tree_lock(c->tree);
		c->draft->posted = 0; /* told: saved again, it is sent again */
		tree_unlock(c->tree);
		commit_fail(c, -EIO, &f.report,
			    "If it is one of these, remove this file; saving it "
			    "again creates another one.");
	}
	report_fini(&f.report);
}

void commit_check_post(struct commit *c)
{
	commit_send_job(c, api_newest(c->coll->kind, NEWEST_PER_PAGE), check_post_done, false);
}
