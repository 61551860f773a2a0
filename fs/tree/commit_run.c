/* SPDX-License-Identifier: MIT */
/* commit_run: compares. Net thread only; what it finds in the tree, under T. */
#include "tree/commit_run.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "crm/view.h"
#include "tree/help.h"
#include "tree/name.h"
#include "tree/record.h"
#include "tree/vocab.h"

enum { ASKED_MAX = 16 };

static const char advice_gone[] =
	"Saving it again takes the record out of the server's trash and saves the text there.";
static const char advice_gone_for_good[] =
	"It cannot be brought back; to make a new record of the text, save it under a new name "
	"without its \"id\".";
static const char advice_conflict[] = "Saving it again puts your values over theirs.";
static const char advice_unknown[] =
	"Saving it again puts its values over those that the server has.";

/* The three texts; each a reference. */
struct three {
	struct text base, then, now;
	struct text other;	       /* as likely a base as `base`; or absent */
	struct text saved, saved_then; /* another one, which somebody here saved; or absent */
	bool known; /* else: made from a version that is not known here; base is what there is now */
	bool told;  /* the person was told of a conflict with what there is now */
	char *names; /* and in which members; or NULL */
	bool has_products;
	struct via *via; /* lent by the record, which only this thread changes; NULL: not known */
};

static void three_fini(struct three *x)
{
	text_put(&x->base);
	text_put(&x->then);
	text_put(&x->now);
	text_put(&x->other);
	text_put(&x->saved);
	text_put(&x->saved_then);
	free(x->names);
}

static void three_fini_at(struct three *x)
{
	three_fini(x);
}

static void gather(const struct commit *c, struct three *x) REQUIRES(T)
{
	const struct draft *d = c->draft;
	const struct record *rec = c->record;
	struct base b = {.base = &rec->text, .then = &rec->text};
	bool of_draft = d->record == rec && text_is_set(&d->base);

	x->known = true;
	if (c->exchange) {
		x->known = true;
	} else if (c->created) { /* what was typed since it was posted */
		b.base = &d->base;
	} else if (c->mine_time == VIEW_NO_TIME) {
		if (of_draft)
			b = (struct base){.base = &d->base, .then = &d->then};
	} else if (!record_base(rec, c->mine_time, c->caller.process, &b)) {
		x->known = of_draft && d->base_time == c->mine_time;
		if (x->known)
			b = (struct base){.base = &d->base, .then = &d->then};
	}
	/* Told of this conflict, and saved again: knowingly. What is unknown to us counts as such only if
	 * it is the same text; an editor's recovery writes an older one back. */
	x->told = rec->told_conflict && rec->told_conflict == rec->version &&
		  !caller_retries(&c->caller) &&
		  (x->known || text_equal(&rec->told_text, &c->mine));
	x->names = x->told && rec->told_names ? strdup(rec->told_names) : NULL;
	x->base = text_ref(b.base);
	x->then = text_ref(b.then);
	x->now = text_ref(&rec->text);
	x->other = b.other ? text_ref(b.other) : (struct text){0};
	if (b.saved) {
		x->saved = text_ref(b.saved);
		x->saved_then = text_ref(b.saved_then);
	}
	x->has_products = rec->has_products;
	x->via = rec->via;
}

/* Within one mount the last close wins: a text that is as near to what was saved here before as to
 * what was served goes on from that, and does not collide with it. */
static void choose_base(const struct commit *c, struct three *x)
{
	struct jspan mine = jspan_of(&c->mine);

	if (!text_is_set(&x->saved) ||
	    edit_distance(mine, jspan_of(&x->saved), jspan_of(&x->saved_then)) >
		    edit_distance(mine, jspan_of(&x->base), jspan_of(&x->then)))
		return;
	text_put(&x->base);
	text_put(&x->then);
	x->base = text_ref(&x->saved);
	x->then = text_ref(&x->saved_then);
}

static const struct choices *look_up(void *arg, const char *kind)
{
	const struct commit *c = arg;

	return vocab_lookup(c->tree->vocab, kind);
}

static struct edit_known known_to(struct commit *c)
{
	return (struct edit_known){
		.fields = vocab_fields(c->tree->vocab, c->coll->kind),
		.lookup = look_up,
		.lookup_arg = c,
		.tags = c->has_tags ? &c->tags : NULL,
		.create_labels = c->tree->config.create_labels,
		.conflict = c->tree->config.conflict,
	};
}

/* The members in the report, and those that the person was told of before. gives */
static char *names_told(const struct report *report, const char *before)
{
	struct buf names = BUF_INIT(1 << 16);

	if (before)
		buf_printf(&names, "%s ", before);
	for (size_t i = 0; i < report->count; i++) {
		if (report->list[i].member)
			buf_printf(&names, "%s ", report->list[i].member);
	}
	return buf_steal(&names);
}

static void conflict(struct commit *c, const struct report *report, const char *advice)
{
	struct record *rec = c->record;

	tree_lock(c->tree);
	char *before = rec->told_conflict == rec->version ? rec->told_names : NULL;
	char *names = names_told(report, before);
	free(rec->told_names);
	rec->told_names = names;
	rec->told_conflict = rec->version;
	text_put(&rec->told_text);
	rec->told_text = text_ref(&c->mine);
	tree_unlock(c->tree);
	commit_fail(c, -EBUSY, report, advice);
}

/* What is in the way of sending is told, asked for, or, if it is of long ago, asked for again. */
static void hindered(struct commit *c, int err, const struct edit *edit)
{
	if (err == -ENODATA && c->asked++ < ASKED_MAX)
		commit_ask(c, &edit->needs);
	else if (err == -EINVAL && commit_doubt(c, &edit->doubts))
		commit_judge(c);
	else if (err == -EBUSY)
		conflict(c, &edit->report, advice_conflict);
	else
		commit_fail(c, err == -ENODATA ? -EIO : err, &edit->report, NULL);
}

static void note_yielded(struct commit *c, const struct report *report)
{
	struct buf words = BUF_INIT(1 << 20);

	if (!report->count || report_write(report, c->about, &words) < 0)
		return;
	free(c->yielded);
	c->yielded = buf_steal(&words);
}

static void told_unknown(struct commit *c)
{
	struct report report = {0};

	report_add(&report, jspan_of(&c->mine), NULL, "updated_at",
		   "the text was made from a version of the record that is not known here");
	conflict(c, &report, advice_unknown);
	report_fini(&report);
}

/* A new mount sends nothing that nobody asks it to. */
static void not_saved(struct commit *c)
{
	commit_refuse(c, -EINTR, NULL, "the mount ended before this text was saved");
}

/* The record changed twice within a second, and both texts were served: does it matter which of the
 * two mine was made from? */
static bool is_ambiguous(struct commit *c, const struct three *x, const struct edit *edit,
			 const struct edit_known *known)
{
	struct edit_against against = {
		.base = jspan_of(&x->other), .then = jspan_of(&x->other), .now = jspan_of(&x->now)};
	struct edit second = {0};

	if (!text_is_set(&x->other) || x->told || known->conflict == CONFLICT_MINE)
		return false;
	int err = edit_update(c->coll->kind, jspan_of(&c->mine), &against, known, &second);
	bool same = err == 0 && edit->body_len == second.body_len &&
		    (!edit->body || memcmp(edit->body, second.body, edit->body_len) == 0);
	edit_fini(&second);
	return !same;
}

static void told_ambiguous(struct commit *c)
{
	struct report report = {0};

	report_add(&report, jspan_of(&c->mine), NULL, "updated_at",
		   "the record was changed twice within this second, and which of the two texts "
		   "this one was made from cannot be told");
	conflict(c, &report, advice_unknown);
	report_fini(&report);
}

static void compare(struct commit *c)
{
	CLEANUP(three_fini) struct three x = {0};
	struct edit edit = {0};

	tree_lock(c->tree);
	gather(c, &x);
	tree_unlock(c->tree);
	choose_base(c, &x);
	c->is_untouched = text_equal(&x.base, &c->mine);
	struct edit_known known = known_to(c);
	known.has_products = x.has_products;
	known.via_resource = x.via ? x.via->resource : NULL;
	known.via_id = x.via ? x.via->id : 0;
	known.told = x.names;
	if (x.told && !x.known)
		known.conflict = CONFLICT_MINE;
	if (!x.known && known.conflict != CONFLICT_MINE) {
		told_unknown(c);
		return;
	}
	struct edit_against against = {
		.base = jspan_of(&x.base), .then = jspan_of(&x.then), .now = jspan_of(&x.now)};
	int err = edit_update(c->coll->kind, jspan_of(&c->mine), &against, &known, &edit);
	if (err < 0) {
		hindered(c, err, &edit);
	} else if (is_ambiguous(c, &x, &edit, &known)) {
		told_ambiguous(c);
	} else {
		note_yielded(c, &edit.report);
		if (edit.body && c->resumed)
			not_saved(c);
		else if (edit.body)
			commit_put(c, &edit);
		else
			commit_succeed(c);
	}
	edit_fini(&edit);
}

/* A text that was posted before, by this mount or an earlier one, is looked for first. */
static void create(struct commit *c)
{
	const struct kind *kind = c->coll->kind;
	struct edit_known known = known_to(c);
	bool looks = text_is_set(&c->posted);
	struct edit edit = {0};

	int err = edit_create(kind, jspan_of(looks ? &c->posted : &c->mine), &known, &edit);
	if (err < 0) {
		hindered(c, err, &edit);
	} else if (looks) {
		c->sent_len = edit.body_len;
		c->sent = STEAL(edit.body);
		commit_check_post(c);
	} else if (c->resumed) {
		not_saved(c);
	} else {
		commit_post(c, &edit);
	}
	edit_fini(&edit);
}

void commit_judge(struct commit *c)
{
	if (c->record)
		compare(c);
	else
		create(c);
}

/* Once: a server that has it, and then has not, is not asked for ever. */
static bool may_restore(struct commit *c)
{
	enum edit_conflict policy = c->tree->config.conflict;

	tree_lock(c->tree);
	bool told = c->record->told_gone;
	c->record->told_gone = true;
	tree_unlock(c->tree);
	return c->coll->kind->has_trash && !c->resumed && !c->acted &&
	       (policy == CONFLICT_MINE || (policy == CONFLICT_ASK && told));
}

void commit_gone(struct commit *c)
{
	bool has_trash = c->coll->kind->has_trash;
	bool by_hand = has_trash && c->tree->config.conflict == CONFLICT_THEIRS;

	if (may_restore(c))
		commit_restore(c);
	else
		commit_refuse(
			c, -EBUSY,
			by_hand	    ? "Take the record out of the server's trash, then save again."
			: has_trash ? advice_gone
				    : advice_gone_for_good,
			"the record was deleted on the server meanwhile");
}

static void update(struct commit *c, const struct edit_head *head, uint64_t now)
{
	struct record *rec = c->record;

	if (!head->is_object) {
		commit_refuse(c, -EINVAL, NULL, "a record is one JSON object");
		return;
	}
	if (head->has_id && (!head->id_is_usable || head->id != rec->id)) {
		commit_refuse(c, -EINVAL, NULL, "the text has the id of another record");
		return;
	}
	tree_lock(c->tree);
	bool fresh = rec->state == RECORD_PRESENT && record_is_fresh(rec, now);
	tree_unlock(c->tree);
	if (fresh)
		compare(c);
	else
		commit_reread(c);
}

static void begin_create(struct commit *c, const struct edit_head *head)
{
	tree_lock(c->tree);
	bool is_untouched = help_is_template(c->tree, c->coll, &c->mine);
	tree_unlock(c->tree);
	if (head->has_id || is_untouched || jtext_trim(jspan_of(&c->mine)).n == 0) {
		commit_stay_local(c);
		return;
	}
	if (!head->is_object) {
		commit_refuse(c, -EINVAL, NULL, "a record is one JSON object");
		return;
	}
	if (!c->coll->kind->creates) {
		commit_refuse(c, -EPERM, NULL, "records of this collection are not created here");
		return;
	}
	tree_lock(c->tree);
	if (c->draft->posted)
		c->posted = text_ref(&c->draft->base);
	tree_unlock(c->tree);
	create(c);
}

void commit_run(struct task *task)
{
	struct commit *c = container_of(task, struct commit, task);
	struct report why = {0};
	struct edit_head head = {0};

	c->began = clock_now();
	int err = c->abandoned ? -EINTR : edit_read_head(jspan_of(&c->mine), &head, &why);
	if (err < 0) {
		commit_fail(c, err, &why, NULL);
		report_fini(&why);
		return;
	}
	c->mine_time = VIEW_NO_TIME;
	if (head.updated_at.n && view_parse_time(head.updated_at, &c->mine_time) < 0)
		c->mine_time = VIEW_NO_TIME;
	if (c->record)
		update(c, &head, c->began);
	else
		begin_create(c, &head);
}
