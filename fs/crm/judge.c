/* SPDX-License-Identifier: MIT */
/*
 * judge: gives every member of a saved text a role: a part of the request, a conflict, a refusal,
 * or nothing. Concord ignores unknown and read-only members without a word, so what it would
 * swallow is refused here. All members are judged, whatever became of the first. No state, no lock,
 * any thread.
 */
#include "crm/judge.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "crm/canon.h"
#include "crm/join.h"
#include "crm/resolve.h"
#include "crm/view.h"
#include "crm/words.h"

enum { SHOWN_MAX = 124, SHOWN_BYTES = 16 << 20, DONE = 1 };

static const struct member *find(const struct members *in, const char *name, size_t n)
{
	return members_find(in, name, n);
}

static const struct member *find_word(const struct members *in, const char *word)
{
	return members_find(in, word, strlen(word));
}

struct jspan judge_value(const struct member *m)
{
	return m ? m->value : (struct jspan){0};
}

static bool same_value(const struct member *a, const struct member *b)
{
	return a == b || (a && b && jtext_equal(a->value, b->value));
}

static bool is_word(const struct member *m, const char *word)
{
	return m->name_len == strlen(word) && memcmp(m->name, word, m->name_len) == 0;
}

static bool ends_with(const struct member *m, const char *tail)
{
	size_t n = strlen(tail);

	return m->name_len >= n && memcmp(m->name + m->name_len - n, tail, n) == 0;
}

static bool is_of(const struct member *m, const char *list)
{
	return kinds_has_word(list, m->name, m->name_len);
}

const struct part *judge_find_part(const struct work *w, const char *word, size_t n)
{
	for (size_t i = 0; i < w->count; i++) {
		const struct part *p = &w->parts[i];
		if (p->name.n == n && memcmp(p->name.p, word, n) == 0)
			return p;
	}
	return NULL;
}

struct jspan judge_part(const struct work *w, const char *word)
{
	const struct part *p = judge_find_part(w, word, strlen(word));

	return p ? (struct jspan){w->bytes.data + p->from, p->len} : (struct jspan){0};
}

int judge_settle(struct work *w, int err)
{
	w->asked = true;
	w->refused += err == -EINVAL;
	w->is_short = w->is_short || err == -ENODATA;
	return err == -EINVAL || err == -ENODATA ? 0 : err;
}

void judge_name(struct form *f, const char *name, size_t n)
{
	snprintf(f->member, sizeof(f->member), "%.*s", (int)(n < 100 ? n : 100), name);
}

/* A problem with the name, not with the value. */
int judge_refuse_name(struct work *w, const struct member *m, const char *fmt, const char *arg)
{
	judge_name(&w->form, m->name, m->name_len);
	w->form.value = (struct jspan){m->key.p - 1, m->key.n + 2};
	return judge_settle(w, form_refuse(&w->form, NULL, "", fmt, arg));
}

/* A value in one line of a conflict. */
static const char *shown(struct jspan value, char out[static SHOWN_MAX])
{
	CLEANUP(buf_fini) struct buf text = BUF_INIT(SHOWN_BYTES);
	bool whole = false;

	if (!value.n)
		return "nothing";
	*out = '\0';
	if (jtext_compact(value, &text) == 0)
		whole = words_print((struct jspan){text.data, text.len}, out, SHOWN_MAX - 4);
	return whole ? out : strcat(out, "...");
}

/* m: the person's member, or NULL where only the name is theirs. True: theirs stands. */
bool judge_conflict(struct work *w, const char *name, size_t n, const struct member *m,
		    const struct ask *a)
{
	char mine[SHOWN_MAX], theirs[SHOWN_MAX], before[SHOWN_MAX];
	enum edit_conflict mode = w->form.known->conflict;
	const struct member *then = find(&w->then, name, n), *now = find(&w->now, name, n);
	struct form *f = &w->form;

	if (mode == CONFLICT_MINE || kinds_has_word(f->known->told, name, n))
		return false;
	w->conflicts++;
	judge_name(f, name, n);
	shown(judge_value(m), mine);
	const char *yours = m ? mine : "as it was";
	const char *other = shown(now ? now->value : a->now, theirs);
	const char *old = shown(then ? then->value : a->then, before);
	if (mode == CONFLICT_THEIRS)
		report_add(&f->out->report, f->text, m ? m->value.p : NULL, f->member,
			   "theirs is kept: yours is %s, theirs is %s, it was %s", yours, other,
			   old);
	else
		report_add(&f->out->report, f->text, m ? m->value.p : NULL, f->member,
			   "yours is %s, theirs is %s, it was %s", yours, other, old);
	return true;
}

static bool is_text(struct jspan name, const char *word)
{
	return name.n == strlen(word) && memcmp(name.p, word, name.n) == 0;
}

/* Members whose value is fine in itself, and yet not in this record. */
static int check_rules(struct work *w, const struct ask *a)
{
	struct form *f = &w->form;

	if (is_text(a->name, "amount") && f->known->has_products)
		return form_refuse(f, a->m->value.p, "",
				   "cannot be changed: it is the sum of the deal's products");
	return 0;
}

/* Writes it; false: it asks for nothing, or cannot be had. *err: -ENOMEM ends all. */
static bool write_form(struct work *w, const struct ask *a, size_t from, int *err)
{
	struct form *f = &w->form;
	enum form_type form = f->slot.form;
	struct jspan value = a->m->value;
	bool renamed = form_is_renamed(f, value);

	if (f->is_new && form == FORM_ONE && canon_is_nothing(value))
		return false; /* the server would ignore it, and nothing is what it has */
	if (!renamed && (canon_same(form, value, a->base) || canon_same(form, value, a->then)))
		return false;
	w->asked = true;
	if (!renamed && canon_same(form, value, a->now))
		return false;
	*err = check_rules(w, a);
	if (*err == 0)
		*err = form_write(f, value, &w->bytes);
	*err = *err < 0 ? judge_settle(w, *err) : 0;
	return *err == 0 && w->bytes.len > from;
}

/* The person wants this: send it, unless the server has it or it is disputed. */
static int want(struct work *w, const struct ask *a)
{
	struct form *f = &w->form;
	size_t from = w->bytes.len, refused = w->refused;
	bool was_short = w->is_short;
	int err = 0;

	judge_name(f, a->m->name, a->m->name_len);
	f->value = a->m->value;
	f->was = a->was;
	f->now = a->now;
	if (a->now.n && jtext_equal(a->m->value, a->now)) {
		w->asked = true;
		return 0;
	}
	err = form_find(f, a->name.p, a->name.n);
	if (err < 0)
		return judge_settle(w, err);
	bool is_written = write_form(w, a, from, &err);
	bool has_failed = refused != w->refused || (w->is_short && !was_short) || err < 0;
	struct jspan written = {w->bytes.data + from, w->bytes.len - from};
	if (!is_written || has_failed || canon_same(f->slot.form, written, a->base) ||
	    canon_same(f->slot.form, written, a->now)) {
		w->bytes.len = from;
		return err;
	}
	if (!canon_same(f->slot.form, a->then, a->now) &&
	    judge_conflict(w, a->m->name, a->m->name_len, a->m, a)) {
		w->bytes.len = from;
		return 0;
	}
	w->parts[w->count++] = (struct part){.name = a->name,
					     .key = a->key,
					     .from = from,
					     .len = written.n,
					     .at = a->m->value.p};
	return 0;
}

static int want_member(struct work *w, const struct member *m)
{
	struct ask a = {.name = {m->name, m->name_len}, .key = m->key, .m = m};

	a.base = a.was = judge_value(find(&w->base, m->name, m->name_len));
	a.then = judge_value(find(&w->then, m->name, m->name_len));
	a.now = judge_value(find(&w->now, m->name, m->name_len));
	return want(w, &a);
}

/* Links */

struct jspan judge_link_in(const struct members *in, const struct slot *slot)
{
	const struct member *id = find_word(in, slot->member);

	return judge_value(id ? id : find_word(in, slot->embed));
}

/* Something else than id, name and e-mail was edited in an embedded object. */
static int check_inside(struct work *w, const struct member *m, const struct member *base)
{
	struct jiter it = {0};
	struct jspan key, value, before;
	char name[FORM_MEMBER_MAX], place[FORM_MEMBER_MAX + 1];

	if (!base || jtext_type(m->value) != J_OBJECT || jtext_type(base->value) != J_OBJECT)
		return 0;
	while (jtext_next_member(m->value, &it, &key, &value)) {
		snprintf(name, sizeof(name), "%.*s", (int)(key.n < 40 ? key.n : 40), key.p);
		if (kinds_has_word("id name email", key.p, key.n) ||
		    (jtext_get(base->value, name, &before) && jtext_equal(value, before)))
			continue;
		judge_name(&w->form, m->name, m->name_len);
		snprintf(place, sizeof(place), ".%s", name);
		w->form.value = value;
		return judge_settle(w, form_refuse(&w->form, value.p, place,
						   "cannot be changed here, only which one it is"));
	}
	return 0;
}

/* Do user_id and user, both changed, lead to the same record? */
static int check_agreement(struct work *w, const struct slot *slot, const struct member *id,
			   const struct member *embed, struct jspan was)
{
	struct form *f = &w->form;
	size_t from = w->bytes.len;

	if (canon_same(FORM_LINK, id->value, embed->value) && !form_is_renamed(f, embed->value))
		return 0;
	judge_name(f, embed->name, embed->name_len);
	f->slot = *slot;
	f->was = was;
	int err = form_write(f, id->value, &w->bytes);
	size_t middle = w->bytes.len;
	if (err == 0)
		err = form_write(f, embed->value, &w->bytes);
	bool same = err == 0 &&
		    jtext_equal((struct jspan){w->bytes.data + from, middle - from},
				(struct jspan){w->bytes.data + middle, w->bytes.len - middle});
	w->bytes.len = from;
	f->value = embed->value;
	if (err == 0 && !same)
		err = form_refuse(f, embed->value.p, "",
				  "says something else than %s: change only one", slot->member);
	return err;
}

/* The record as the person had it before them: where they named it by its id alone, the server's. */
static const struct member *embed_before(const struct work *w, const struct slot *slot)
{
	const struct member *base = find_word(&w->base, slot->embed);
	const struct member *then = find_word(&w->then, slot->embed);
	struct jspan name;
	bool is_bare = base && jtext_type(base->value) == J_OBJECT &&
		       !jtext_get(base->value, "name", &name);

	return is_bare && then && canon_same(FORM_LINK, base->value, then->value) ? then : base;
}

static void set_done(struct member *m)
{
	if (m)
		m->rank = DONE;
}

/* Does it say otherwise than both the text that was opened and the one that was read then? */
static bool differs(const struct member *m, struct jspan base, struct jspan then)
{
	return !canon_same(FORM_LINK, m->value, base) && !canon_same(FORM_LINK, m->value, then);
}

int judge_link(struct work *w, const struct slot *slot)
{
	struct form *f = &w->form;
	struct member *id = members_find(&w->mine, slot->member, strlen(slot->member));
	struct member *embed = members_find(&w->mine, slot->embed, strlen(slot->embed));
	const struct member *was = embed_before(w, slot);
	struct ask a = {.key = {slot->member, strlen(slot->member)}};

	a.name = a.key;
	a.base = judge_link_in(&w->base, slot);
	a.then = judge_link_in(&w->then, slot);
	a.now = judge_link_in(&w->now, slot);
	set_done(id);
	set_done(embed);
	f->slot = *slot;
	f->was = judge_value(was);
	bool id_changed = id && (f->is_new || differs(id, a.base, a.then));
	bool embed_changed =
		embed && (f->is_new ? !id
				    : !same_value(embed, was) &&
					      !same_value(embed, find_word(&w->then, slot->embed)));
	bool moved =
		embed_changed && (form_is_renamed(f, embed->value) ||
				  !canon_same(FORM_LINK, embed->value, was ? was->value : a.base));
	if (embed_changed && !moved && !f->is_new && !id_changed)
		return check_inside(w, embed, was);
	if (id_changed && moved && !f->is_new) {
		int err = check_agreement(w, slot, id, embed, judge_value(was));
		if (err < 0)
			return judge_settle(w, err);
	}
	if (f->is_new && !id && embed && jtext_type(embed->value) == J_NULL)
		return 0;
	a.m = id_changed ? id : moved || (f->is_new && embed_changed) ? embed : NULL;
	if (!a.m)
		return 0;
	a.was = was ? was->value : a.base;
	return want(w, &a);
}

/* Members of all sorts */

static bool is_known(const struct work *w, const struct member *m)
{
	return find(&w->base, m->name, m->name_len) || find(&w->now, m->name, m->name_len) ||
	       is_of(m, w->form.kind->readonly) || is_of(m, "display_name created_at updated_at");
}

/* A changed member that a person cannot change. */
static int judge_readonly(struct work *w, const struct member *m)
{
	bool is_shown = view_is_shown(w->form.kind, m->name, m->name_len);

	if (is_known(w, m)) {
		if (w->form.is_new || ends_with(m, "_at") || ends_with(m, "_date"))
			return 0; /* a copy's, or the server's clock */
		if (is_word(m, "display_name")) {
			w->computed = m;
			return 0;
		}
		return judge_refuse_name(w, m, "cannot be changed%s", "");
	}
	if (w->form.is_new && !is_shown)
		return 0; /* the API's own output, pasted */
	if (is_shown)
		return judge_refuse_name(w, m, "not a member of %s", w->form.kind->name);
	return judge_refuse_name(w, m, "cannot be written%s", "");
}

static int judge(struct work *w, const struct member *m)
{
	const struct kind *kind = w->form.kind;
	const struct member *base = find(&w->base, m->name, m->name_len);
	const struct member *now = find(&w->now, m->name, m->name_len);
	/* Whoever saved, and then read the file again, began from what the server made of it. */
	const struct member *then = find(&w->then, m->name, m->name_len);

	if (is_word(m, "id")) {
		if (w->form.is_new || same_value(m, w->now.count ? now : base))
			return 0;
		return judge_refuse_name(w, m, "cannot be changed%s", "");
	}
	if (!w->form.is_new && (same_value(m, base) || same_value(m, then)))
		return 0;
	if (is_of(m, "via_resource via_resource_id") && is_of(m, kind->accepts))
		return 0; /* tells where a note belongs; joins when something is sent */
	struct slot slot = kinds_slot(m->name, m->name_len);
	if (slot.form == FORM_LINK && is_of(m, kind->editable))
		return judge_link(w, &slot);
	if (is_of(m, kind->accepts) || view_is_editable(kind, m->name, m->name_len))
		return want_member(w, m);
	const struct slot *link = kinds_link(kind, m->name, m->name_len);
	if (link)
		return judge_link(w, link);
	if (now && same_value(m, now))
		return 0;
	return judge_readonly(w, m);
}

static bool is_left_empty(const struct work *w, const struct member *m)
{
	const struct kind *kind = w->form.kind;
	bool is_blank = jtext_type(m->value) == J_NULL ||
			(jtext_type(m->value) == J_STRING && canon_is_nothing(m->value));

	return is_blank && (is_of(m, kind->accepts) || kinds_link(kind, m->name, m->name_len) ||
			    view_is_editable(kind, m->name, m->name_len));
}

static bool is_filled(const struct member *m, void *arg)
{
	return !is_left_empty(arg, m);
}

int judge_empty(struct work *w)
{
	for (size_t i = 0; i < w->mine.count; i++) {
		const struct member *m = &w->mine.list[i];
		if (!is_of(m, w->form.kind->required) || !is_left_empty(w, m))
			continue;
		int err = judge_refuse_name(w, m, "is required%s", "");
		if (err < 0)
			return err;
	}
	return members_keep(&w->mine, is_filled, w);
}

int judge_all(struct work *w)
{
	int err = strcmp(w->form.kind->name, "deals") == 0 ? judge_deal(w) : 0;

	for (size_t i = 0; i < w->mine.count && err == 0; i++) {
		const struct member *m = &w->mine.list[i];
		if (m->rank != DONE && !m->is_replaced)
			err = judge(w, m);
	}
	return err < 0 ? err : join_all(w);
}
