/* SPDX-License-Identifier: MIT */
/* commit_end: how a commit ends. Net thread only; names and nodes change under T, the disk and the
 * log are written without it. */
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "crm/event.h"
#include "store/journal.h"
#include "store/rejected.h"
#include "tree/commit_run.h"
#include "tree/local.h"
#include "tree/name.h"
#include "tree/node.h"
#include "tree/record.h"
#include "tree/refusal.h"

enum { REASON_MAX = 600, WORDS_MAX = 1 << 19 };

#define RECOVERY_NS (2 * NS_PER_SEC) /* an editor that puts the old text back does it at once */

static void commit_free(struct commit *c)
{
	text_put(&c->mine);
	text_put(&c->before);
	text_put(&c->posted);
	choices_fini(&c->found);
	choices_fini(&c->tags);
	report_fini(&c->lost.report);
	free(c->new_name);
	free(c->about);
	free(c->sent);
	free(c->next_body);
	free(c->yielded);
	free(c);
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

/* Telling */

static void tell_log(const struct commit *c, int err, const char *message)
{
	char quoted[2 * REASON_MAX], name[256];

	log_warning("tree: save refused: file=%s/%s err=%d reason=%s", c->coll->kind->name,
		    log_quote(name, sizeof(name), c->about, strlen(c->about)), -err,
		    log_quote(quoted, sizeof(quoted), message, strlen(message)));
}

static void tell_journal(const struct commit *c, int err, const struct report *report,
			 const char *message)
{
	struct buf line = BUF_INIT(WORDS_MAX);
	struct event e = {
		.time = (int64_t)time(NULL),
		.dir = c->coll->kind->name,
		.name = c->about,
		.err = err,
		.status = c->lost.status,
		.message = message,
		.report = report,
		.pid = c->caller.process,
		.command = c->caller.command,
	};

	int failed = event_write(&e, &line);
	if (!failed)
		failed = journal_add(spool_state_dir(c->tree->config.spool), line.data, line.len);
	if (failed < 0)
		log_warning("tree: errors.ndjson cannot be written: err=%d", -failed);
	buf_fini(&line);
}

/* gives the lines of <name>.error */
static char *words_of(const struct commit *c, int err, const struct report *report)
{
	struct buf words = BUF_INIT(WORDS_MAX);

	if (report->count)
		report_write(report, c->about, &words);
	else
		buf_printf(&words, "%s: %s\n", c->about, strerror(-err));
	return buf_steal(&words);
}

static void tell(struct commit *c, int err, const struct report *report, const char *advice)
{
	char message[REASON_MAX];
	struct draft *d = c->draft;
	char *words = words_of(c, err, report);
	struct refused what = {.err = err,
			       .words = words ? words : "",
			       .advice = advice,
			       .process = c->caller.process,
			       .draft = d};

	report_line(report, message, sizeof(message));
	if (!message[0])
		snprintf(message, sizeof(message), "%s", strerror(-err));
	tell_log(c, err, message);
	tell_journal(c, err, report, message);
	tree_lock(c->tree);
	tree_count_refusal(c->tree, err);
	d->refused = err;
	d->dirty = d->writes != c->writes;
	if (!d->loose && d->node)
		refusal_set(c->coll, c->about, &what);
	tree_unlock(c->tree);
	free(words);
}

/* Refused */

void commit_fail(struct commit *c, int err, const struct report *report, const char *advice)
{
	bool cut_short = err == -EINTR || err == -ECANCELED;

	if (!cut_short || c->resumed)
		tell(c, err, report, advice);
	draft_keep(c->tree, c->draft);
	/* Others who came to wait meanwhile begin again. */
	settle(c, cut_short ? -ECANCELED : err);
}

void commit_refuse(struct commit *c, int err, const char *advice, const char *fmt, ...)
{
	struct report report = {0};
	char sentence[REASON_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(sentence, sizeof(sentence), fmt, ap);
	va_end(ap);
	report_add(&report, jspan_of(&c->mine), NULL, NULL, "%s", sentence);
	commit_fail(c, err, &report, advice);
	report_fini(&report);
}

void commit_fail_plain(struct commit *c, int err)
{
	commit_refuse(c, err, NULL, "%s",
		      err == -ENOMEM ? "there is no memory" : "the server's answer cannot be read");
}

void commit_fail_sent(struct commit *c, struct job *j)
{
	struct report report = {0};
	int err = j->err;
	bool gone = c->record && err == -ENOENT;

	c->lost.status = j->status;
	tree_lock(c->tree);
	if (c->record && j->may_have_acted)
		c->record->doubtful = true;
	if (gone)
		record_vanish(c->record, j->started);
	tree_unlock(c->tree);
	if (!gone)
		api_problems(j, jspan_of(&c->mine), &report);
	if (!report.count)
		report_add(&report, jspan_of(&c->mine), NULL, NULL, "%s", j->reason);
	job_free(j);
	if (gone)
		commit_gone(c);
	else
		commit_fail(c, err, &report, NULL);
	report_fini(&report);
}

/* Left local */

void commit_stay_local(struct commit *c)
{
	struct tree *t = c->tree;
	struct draft *d = c->draft;

	tree_lock(t);
	d->dirty = d->writes != c->writes;
	d->refused = 0;
	refusal_lift(d->refusal);
	tree_unlock(t);
	draft_keep(t, d);
	settle(c, 0);
}

/* Saved */

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
	d->posted = 0;
	d->dirty = d->writes != c->writes;
}

/* What stands at the new name gives way, as rename(2) has it. */
static void clear_name(struct commit *c) REQUIRES(T)
{
	struct tree *t = c->tree;
	struct named named;
	struct record *rec = c->record;

	if (rec->node && rec->node != c->node && rec->node->draft)
		draft_drop(t, rec->node->draft, c->caller.process);
	/* The alias of what it was saved to stays; one that came to be meanwhile is another record's. */
	if (c->new_name && node_resolve(t, c->coll, c->new_name, clock_now(), &named) == 0 &&
	    named.local && named.node != c->node && (c->created || !named.local->alias_of))
		local_unlink(t, named.local, c->caller.process);
}

/* The node stands at <id>.json from now on; a new record's name becomes an alias. */
static void take_place(struct commit *c) REQUIRES(T)
{
	struct tree *t = c->tree;
	struct node *n = c->node;
	char name[NAME_MAX + 1] = "", record_name[NAME_RECORD_MAX];

	if (c->adopted || (n->record == c->record && !c->created && !c->new_name))
		return;
	clear_name(c);
	if (n->local) {
		snprintf(name, sizeof(name), "%s", n->local->name);
		tree_tell_stale(t, 0, n->local->coll->dir->ino, name);
		local_remove(t, n->local);
	}
	node_become(t, n, c->record);
	/* Renamed onto an alias, it is not where the kernel has seen it move to. */
	name_of_record(c->record->id, record_name);
	tree_tell_stale(t, 0, c->coll->dir->ino, record_name);
	if (c->created &&
	    alias_add(t, c->coll, c->new_name ? c->new_name : name, c->record->id) < 0)
		log_warning("tree: no alias for a new record: out of memory");
}

/* An editor whose save was refused writes its old text back: that is no good save, and the person
 * has not read the words yet. */
static bool is_recovery(const struct commit *c, const struct refusal *r) REQUIRES(T)
{
	return c->is_untouched && !c->acted && r->kept_as[0] && r->process &&
	       r->process == c->caller.process && clock_now() - r->told_at < RECOVERY_NS;
}

static void lift(const struct commit *c, struct refusal *r) REQUIRES(T)
{
	if (r && !is_recovery(c, r))
		refusal_lift(r);
}

static void lift_refusals(struct commit *c) REQUIRES(T)
{
	char name[NAME_RECORD_MAX];

	name_of_record(c->record->id, name);
	lift(c, c->draft->refusal);
	lift(c, refusal_find(c->coll, name));
	lift(c, refusal_find(c->coll, c->about));
}

static void keep_yielded(struct commit *c)
{
	char label[NAME_MAX + 64], name[REJECTED_NAME_MAX], quoted[256];
	struct timespec now;

	if (!c->yielded)
		return;
	clock_gettime(CLOCK_REALTIME, &now);
	snprintf(label, sizeof(label), "%s-%s", c->coll->kind->name, c->about);
	rejected_name(now, label, name);
	int err =
		rejected_put(spool_rejected_dir(c->tree->config.spool), name, &c->mine, c->yielded);
	log_info("tree: members left as the server has them: file=%s/%s kept=%s err=%d",
		 c->coll->kind->name, log_quote(quoted, sizeof(quoted), c->about, strlen(c->about)),
		 name, -err);
}

static void into_tree(struct commit *c, struct draft_note *note) REQUIRES(T)
{
	struct draft *d = c->draft;
	struct record *rec = c->record;
	struct node *n = c->node;
	/* Its name was removed while we sent it. */
	bool gone = d->loose || (!n->draft && !n->record);

	rebase(c);
	record_remember(rec, d->base_time, c->caller.process, &d->base, &d->then);
	rec->told_conflict = 0;
	rec->told_gone = false;
	text_put(&rec->told_text);
	free(STEAL(rec->told_names));
	lift_refusals(c);
	if (!gone)
		take_place(c);
	/* The note says "saved" before the files go: a crash between the two must not bring it back. */
	draft_note(d, note);
	if (!d->dirty && !gone)
		draft_detach(c->tree, d);
	rec->vacated = false;
	tree_tell_stale(c->tree, n->ino, 0, NULL);
}

static void adopt(struct commit *c, struct draft_note *note) REQUIRES(T)
{
	struct draft *d = c->draft;
	char name[NAME_RECORD_MAX];

	*note = (struct draft_note){0};
	if (d->loose || !d->node)
		return;
	take_place(c);
	c->adopted = true;
	name_of_record(c->record->id, name);
	char *about = strdup(name);
	if (about) {
		refusal_lift(refusal_find(c->coll, c->about));
		free(c->about);
		c->about = about;
	}
	record_put(d->record);
	d->record = record_ref(c->record);
	text_put(&d->then);
	d->then = text_ref(&c->record->text);
	d->base_time = c->record->updated_at;
	d->posted = 0;
	draft_note(d, note);
}

void commit_adopt(struct commit *c)
{
	struct draft_note note;

	draft_note_lock(c->tree, c->draft);
	tree_lock(c->tree);
	adopt(c, &note);
	tree_unlock(c->tree);
	draft_write_note(c->tree, &note);
	draft_note_unlock(c->tree, c->draft);
}

static void save_in_tree(struct commit *c)
{
	struct draft_note note;

	draft_note_lock(c->tree, c->draft);
	tree_lock(c->tree);
	into_tree(c, &note);
	tree_unlock(c->tree);
	draft_write_note(c->tree, &note);
	draft_note_unlock(c->tree, c->draft);
	keep_yielded(c);
}

void commit_succeed(struct commit *c)
{
	save_in_tree(c);
	settle(c, 0);
}

void commit_succeed_but(struct commit *c, int err, const struct report *report)
{
	char name[NAME_RECORD_MAX], message[REASON_MAX];
	char *words = words_of(c, err, report);
	struct refused what = {
		.err = err, .words = words ? words : "", .process = c->caller.process};

	save_in_tree(c);
	report_line(report, message, sizeof(message));
	tell_log(c, err, message);
	tell_journal(c, err, report, message);
	name_of_record(c->record->id, name);
	tree_lock(c->tree);
	tree_count_refusal(c->tree, err);
	refusal_set(c->coll, name, &what);
	tree_unlock(c->tree);
	free(words);
	settle(c, err);
}
