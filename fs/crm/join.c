/* SPDX-License-Identifier: MIT */
/*
 * join: not every PUT is partial (kind->together), and a note's wants to know a record that it is
 * attached to. No state, no lock, any thread.
 */
#include "crm/join.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "crm/canon.h"

/* A member that must travel along: the person's if changed, else as the server has it. */
static int join(struct work *w, const char *word, size_t n, bool always)
{
	const struct member *mine = members_find(&w->mine, word, n),
			    *base = members_find(&w->base, word, n);
	const struct member *now = members_find(&w->now, word, n),
			    *then = members_find(&w->then, word, n);
	enum form_type form = kinds_slot(word, n).form;
	size_t from = w->bytes.len;
	int err;

	if (judge_find_part(w, word, n) || (!mine && !now))
		return 0;
	bool has_moved = !always && !canon_same(form, judge_value(then), judge_value(now));
	bool takes_mine = has_moved && mine && w->form.known->conflict == CONFLICT_MINE;
	if (has_moved && judge_conflict(w, word, n, mine, &(struct ask){0}) &&
	    w->form.known->conflict == CONFLICT_ASK)
		return 0;
	const struct member *source =
		now && !takes_mine &&
				(!mine || (base && jtext_equal(mine->value, base->value)) ||
				 has_moved || canon_same(form, mine->value, now->value))
			? now
			: mine;
	err = form == FORM_WHEN ? canon_write(form, source->value, &w->bytes)
				: jtext_compact(source->value, &w->bytes);
	if (err < 0)
		return err == -EFBIG ? -ENOMEM : err;
	w->parts[w->count++] = (struct part){
		.name = {word, n}, .key = {word, n}, .from = from, .len = w->bytes.len - from};
	return 0;
}

static size_t word_length(const char *p)
{
	return strcspn(p, " ;");
}

/* One group of kind->together: "due_date end_date", "*name icon". */
static int join_group(struct work *w, const char *group, size_t len)
{
	bool always = *group == '*', is_wanted = always;
	const char *end = group + len;
	int err = 0;

	group += always;
	for (const char *p = group; p < end && !is_wanted; p += word_length(p) + 1)
		is_wanted = judge_find_part(w, p, word_length(p));
	for (const char *p = group; err == 0 && is_wanted && p < end; p += word_length(p) + 1)
		err = join(w, p, word_length(p), always);
	return err;
}

static int join_groups(struct work *w)
{
	const char *p = w->form.kind->together;
	int err = 0;

	while (p && *p && w->count && err == 0) {
		size_t len = strcspn(p, ";");
		err = join_group(w, p, len);
		p += len + (p[len] == ';');
	}
	return err;
}

PRINTF(3, 4)
static int add_part(struct work *w, const char *name, const char *fmt, ...)
{
	char value[64];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(value, sizeof(value), fmt, ap);
	va_end(ap);
	struct part p = {.name = {name, strlen(name)}, .from = w->bytes.len, .len = strlen(value)};
	p.key = p.name;
	int err = buf_add_str(&w->bytes, value);
	if (err == 0)
		w->parts[w->count++] = p;
	return err;
}

/* A note's PUT wants to know a record that it is attached to, which no answer shows. */
static int add_known_via(struct work *w)
{
	const struct edit_known *known = w->form.known;

	if (!known->via_resource) {
		w->form.out->needs.via = true;
		return judge_settle(w, -ENODATA);
	}
	if (!*known->via_resource) {
		report_add(&w->form.out->report, w->form.text, NULL, NULL,
			   "the server wants to know a record that this is attached to: add "
			   "via_resource (\"contacts\", \"companies\" or \"deals\") and "
			   "via_resource_id");
		return judge_settle(w, -EINVAL);
	}
	int err = add_part(w, "via_resource", "\"%s\"", known->via_resource);
	return err < 0 ? err
		       : add_part(w, "via_resource_id", "%llu", (unsigned long long)known->via_id);
}

static int add_via(struct work *w)
{
	const struct kind *kind = w->form.kind;
	const struct member *of = members_find(&w->mine, "via_resource", 12);
	const struct member *id = members_find(&w->mine, "via_resource_id", 15);
	bool is_note = strcmp(kind->name, "notes") == 0;

	if (!w->count || !kinds_has_word(kind->accepts, "via_resource", 12))
		return 0;
	of = of && !canon_is_nothing(of->value) ? of : NULL;
	id = id && !canon_is_nothing(id->value) ? id : NULL;
	if (!of && !id)
		return is_note && !w->form.is_new ? add_known_via(w) : 0;
	if (!of || !id)
		return judge_refuse_name(w, of ? of : id, "needs %s beside it",
					 of ? "via_resource_id" : "via_resource");
	int err = join(w, "via_resource", 12, true);
	return err < 0 ? err : join(w, "via_resource_id", 15, true);
}

int join_all(struct work *w)
{
	int err = join_groups(w);

	return err < 0 ? err : add_via(w);
}
