/* SPDX-License-Identifier: MIT */
/*
 * edit: what a saved text asks of the server (design 1.4): the texts are read, every member is
 * judged (crm/judge), and what they came to is written as one body. No state, no lock, any thread.
 */
#include "crm/edit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "crm/judge.h"

enum {
	GROUP_WORDS_MAX = 16, /* members that can join a request */
	BODY_MAX = 128 << 20,
};

static void work_fini_at(struct work *w)
{
	members_fini(&w->mine);
	members_fini(&w->base);
	members_fini(&w->then);
	members_fini(&w->now);
	buf_fini(&w->bytes);
	free(w->parts);
}

void edit_fini(struct edit *e)
{
	free(e->first);
	free(e->body);
	report_fini(&e->report);
	*e = (struct edit){0};
}

static int check_json(struct jspan text, struct report *why)
{
	struct jfault fault;

	if (jtext_check(text, &fault) == 0)
		return 0;
	report_add_fault(why, &fault);
	return -EINVAL;
}

int edit_read_head(struct jspan mine, struct edit_head *head, struct report *why)
{
	struct jspan text = jtext_trim(mine), id, at;

	*head = (struct edit_head){0};
	if (!text.n)
		return 0;
	int err = check_json(mine, why);
	if (err < 0 || jtext_type(text) != J_OBJECT)
		return err;
	head->is_object = true;
	head->has_id = jtext_get(text, "id", &id) && jtext_type(id) != J_NULL;
	head->id_is_usable = head->has_id && jtext_to_u64(id, &head->id) && head->id;
	if (jtext_get(text, "updated_at", &at) && jtext_type(at) == J_STRING)
		head->updated_at = at;
	return 0;
}

static int refuse(struct work *w, const char *at, const char *fmt, const char *arg)
{
	report_add(&w->form.out->report, w->form.text, at, NULL, fmt, arg);
	w->refused++;
	return -EINVAL;
}

static int read_mine(struct work *w)
{
	struct jspan text = w->form.text, object = jtext_trim(text);
	int err = check_json(text, &w->form.out->report);

	if (err < 0)
		return err;
	if (jtext_type(object) != J_OBJECT)
		return refuse(w, object.p, "not a JSON object%s", "");
	err = members_read(object, &w->mine);
	if (err < 0)
		return err;
	for (size_t i = 0; i < w->mine.count; i++) {
		const struct member *m = &w->mine.list[i];
		if (!m->is_replaced)
			continue;
		/* Which of the two a person means nobody can know, and one would be swallowed. */
		char name[FORM_MEMBER_MAX] = "";
		memcpy(name, m->name, m->name_len < 100 ? m->name_len : 100);
		report_add(&w->form.out->report, text, m->key.p - 1, name, "stands there twice");
		w->refused++;
	}
	w->parts = calloc(w->mine.count + GROUP_WORDS_MAX, sizeof(*w->parts));
	return w->parts ? buf_reserve(&w->bytes, 0) : -ENOMEM;
}

/* Our own earlier texts; one that is no JSON (a base that never was) has no members. */
static int read_other(struct jspan text, struct members *out)
{
	struct jfault fault;

	if (jtext_check(text, &fault) < 0)
		return 0;
	return members_read(jtext_trim(text), out);
}

static int write_body(struct work *w)
{
	CLEANUP(buf_fini) struct buf body = BUF_INIT(BODY_MAX);
	int err = 0;

	for (size_t i = 0; i < w->count && err == 0; i++) {
		const struct part *p = &w->parts[i];
		err = buf_add_str(&body, i ? ",\"" : "{\"");
		if (err == 0)
			err = buf_add(&body, p->key.p, p->key.n);
		if (err == 0)
			err = buf_add_str(&body, "\":");
		if (err == 0)
			err = buf_add(&body, w->bytes.data + p->from, p->len);
	}
	if (err == 0 && w->count)
		err = buf_add_char(&body, '}');
	if (err < 0 || !w->count)
		return err == -EFBIG ? -ENOMEM : err;
	w->form.out->body_len = body.len;
	w->form.out->body = buf_steal(&body);
	return 0;
}

/* Won to lost, and back, goes through open. */
static int write_first(struct work *w)
{
	static const char open[] = "{\"status\":\"open\"}";
	struct jspan wanted = judge_part(w, "status");
	const struct member *now = members_find(&w->now, "status", 6);
	struct edit *out = w->form.out;

	if (!wanted.n || !now || strcmp(w->form.kind->name, "deals") != 0)
		return 0;
	bool flips = (jtext_is_string(now->value, "won") && jtext_is_string(wanted, "lost")) ||
		     (jtext_is_string(now->value, "lost") && jtext_is_string(wanted, "won"));
	if (!flips)
		return 0;
	out->first = strdup(open);
	out->first_len = strlen(open);
	return out->first ? 0 : -ENOMEM;
}

static int judge_text(struct work *w)
{
	struct edit *out = w->form.out;
	int err = judge_all(w);

	if (err < 0)
		return err == -EFBIG ? -ENOMEM : err;
	if (w->is_short) {
		report_fini(&out->report); /* half a report would be a wrong one */
		out->doubts = (struct edit_needs){0};
		return -ENODATA;
	}
	if (w->computed && !w->asked)
		refuse(w, w->computed->key.p - 1,
		       "display_name is made by the server from the other "
		       "members%s",
		       "");
	if (w->form.is_new && !w->refused && !w->count)
		refuse(w, jtext_trim(w->form.text).p, "nothing in it can be written to %s",
		       w->form.kind->name);
	if (w->refused)
		return -EINVAL;
	out->doubts = (struct edit_needs){0};
	if (w->conflicts && w->form.known->conflict == CONFLICT_ASK)
		return -EBUSY;
	err = write_first(w);
	return err < 0 ? err : write_body(w);
}

int edit_update(const struct kind *kind, struct jspan mine, const struct edit_against *against,
		const struct edit_known *known, struct edit *out)
{
	CLEANUP(work_fini)
	struct work w = {
		.form = {.kind = kind, .text = mine, .known = known, .out = out},
		.bytes = BUF_INIT(BODY_MAX),
	};

	*out = (struct edit){0};
	int err = read_mine(&w);
	if (err == 0)
		err = read_other(against->base, &w.base);
	if (err == 0)
		err = read_other(against->then, &w.then);
	/* What an earlier text of the person left out was, to them, as the server had it. */
	if (err == 0)
		err = members_inherit(&w.base, &w.then);
	if (err == 0)
		err = read_other(against->now, &w.now);
	return err < 0 ? err : judge_text(&w);
}

size_t edit_distance(struct jspan mine, struct jspan base, struct jspan then)
{
	CLEANUP(members_fini) struct members m = {0}, b = {0}, t = {0};
	size_t n = 0;

	if (read_other(mine, &m) < 0 || read_other(base, &b) < 0 || read_other(then, &t) < 0 ||
	    members_inherit(&b, &t) < 0)
		return 0;
	for (size_t i = 0; i < m.count; i++) {
		const struct member *one = &m.list[i];
		const struct member *was = members_find(&b, one->name, one->name_len);
		n += !one->is_replaced && (!was || !jtext_equal(one->value, was->value));
	}
	return n;
}

int edit_create(const struct kind *kind, struct jspan mine, const struct edit_known *known,
		struct edit *out)
{
	CLEANUP(work_fini)
	struct work w = {
		.form = {.kind = kind, .text = mine, .known = known, .out = out, .is_new = true},
		.bytes = BUF_INIT(BODY_MAX),
	};

	*out = (struct edit){0};
	int err = read_mine(&w);
	if (err == 0)
		err = judge_empty(&w);
	return err < 0 ? err : judge_text(&w);
}
