/* SPDX-License-Identifier: MIT */
/*
 * edit: judges a saved text member by member (design 1.4). First every member of the text is given
 * a role and turned into a part of the request, a conflict, or a refusal; then the members that
 * must travel with those parts join; then the parts are written. Concord ignores unknown and
 * read-only members without a word, so what it would swallow is refused here. No state, no lock,
 * any thread.
 */
#include "crm/edit.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "crm/form.h"
#include "crm/members.h"
#include "crm/view.h"

enum {
	GROUP_WORDS_MAX = 16, /* members that `together` can add to a request */
	CONFLICT_NAMES_MAX = 300,
	BODY_MAX = 64 << 20,
};

/* One member of the request. */
struct part {
	struct jspan name, value;
	struct jspan key; /* the name as it was spelt, escapes and all */
	enum jtype shown; /* of the member in the server's text now */
	const char *at;	  /* its place in the saved text, or NULL */
};

struct work {
	const struct kind *kind;
	struct jspan text; /* what was saved */
	struct edit *out;
	struct members mine, base, then, now;
	bool is_new;		       /* a POST: there are no other texts */
	bool asked;		       /* a member was changed that may be */
	const struct member *computed; /* display_name was changed */
	struct part *parts;
	size_t count;
	char conflicts[CONFLICT_NAMES_MAX];
	size_t conflicts_len;
};

static void work_fini(struct work *w)
{
	members_fini(&w->mine);
	members_fini(&w->base);
	members_fini(&w->then);
	members_fini(&w->now);
	free(w->parts);
}

static void work_fini_at(struct work *w)
{
	work_fini(w);
}

void edit_fini(struct edit *e)
{
	free(e->body);
	*e = (struct edit){0};
}

/* Names come from a person's text: whatever is not printable ASCII is shown as '?'. */
static void make_printable(char *s)
{
	for (; *s; s++) {
		if ((unsigned char)*s < ' ' || (unsigned char)*s > '~')
			*s = '?';
	}
}

PRINTF(4, 5)
static int refuse(struct edit *out, struct jspan text, const char *at, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(out->reason, sizeof(out->reason), fmt, ap);
	va_end(ap);
	make_printable(out->reason);
	out->line = at ? jtext_line(text, at) : 0;
	return -EINVAL;
}

/* %.*s arguments: a member's name, cut to what fits into a sentence. */
#define NAME(m) (int)((m)->name_len < 80 ? (m)->name_len : 80), (m)->name

static int check_json(struct jspan text, struct edit *why)
{
	struct jfault fault;

	if (jtext_check(text, &fault) == 0)
		return 0;
	refuse(why, text, NULL, "not JSON: %s (line %u, column %u)", fault.why, fault.line,
	       fault.column);
	why->line = fault.line;
	return -EINVAL;
}

int edit_read_head(struct jspan mine, struct edit_head *head, struct edit *why)
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

static int read_mine(struct work *w)
{
	int err = check_json(w->text, w->out);

	if (err < 0)
		return err;
	struct jspan object = jtext_trim(w->text);
	if (jtext_type(object) != J_OBJECT)
		return refuse(w->out, w->text, object.p, "not a JSON object");
	err = members_read(object, &w->mine);
	if (err < 0)
		return err;
	for (size_t i = 0; i < w->mine.count; i++) {
		const struct member *m = &w->mine.list[i];
		/* Which of the two a person means nobody can know, and one would be swallowed. */
		if (m->is_replaced)
			return refuse(w->out, w->text, m->key.p, "%.*s stands there twice",
				      NAME(m));
	}
	w->parts = calloc(w->mine.count + GROUP_WORDS_MAX, sizeof(*w->parts));
	return w->parts ? 0 : -ENOMEM;
}

/* Our own earlier texts; one that is no JSON (a base that never was) has no members. */
static int read_other(struct jspan text, struct members *out)
{
	struct jfault fault;

	if (jtext_check(text, &fault) < 0)
		return 0;
	return members_read(jtext_trim(text), out);
}

static const struct member *find(const struct members *in, const struct member *m)
{
	return members_find(in, m->name, m->name_len);
}

static const struct member *find_word(const struct members *in, const char *word)
{
	return members_find(in, word, strlen(word));
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

static bool part_is(const struct part *p, const char *word, size_t n)
{
	return p->name.n == n && memcmp(p->name.p, word, n) == 0;
}

static bool has_part(const struct work *w, const char *word, size_t n)
{
	for (size_t i = 0; i < w->count; i++) {
		if (part_is(&w->parts[i], word, n))
			return true;
	}
	return false;
}

static void add_conflict(struct work *w, const char *name, size_t n)
{
	size_t room = sizeof(w->conflicts) - w->conflicts_len;
	int len = snprintf(w->conflicts + w->conflicts_len, room, "%s%.*s",
			   w->conflicts_len ? ", " : "", (int)(n < 80 ? n : 80), name);

	w->conflicts_len += (size_t)len < room ? (size_t)len : room - 1;
}

/* Did somebody else change it since the person began? */
static bool has_moved(const struct work *w, const char *name, size_t n)
{
	const struct member *then = members_find(&w->then, name, n);
	const struct member *now = members_find(&w->now, name, n);

	return !same_value(then, now);
}

/* The person wants this: send it, unless the server has it or it is disputed. */
static void want(struct work *w, struct part part)
{
	struct jspan name = part.name;
	const struct member *now = members_find(&w->now, name.p, name.n);

	w->asked = true;
	if (now && form_equal(name, part.value, now->value))
		return;
	if (has_moved(w, name.p, name.n)) {
		add_conflict(w, name.p, name.n);
		return;
	}
	part.shown = now ? jtext_type(now->value) : J_NONE;
	w->parts[w->count++] = part;
}

static bool embedded_id(const struct member *m, struct jspan *id)
{
	uint64_t number;

	if (!m)
		return false;
	*id = m->value;
	if (jtext_type(m->value) == J_OBJECT && !jtext_get(m->value, "id", id))
		return false;
	return jtext_type(*id) == J_NULL || jtext_to_u64(*id, &number);
}

static bool same_id(const struct member *a, const struct member *b)
{
	struct jspan ia, ib;

	return embedded_id(a, &ia) && embedded_id(b, &ib) && jtext_equal(ia, ib);
}

/* {"user": {...}} was changed; what counts is its id and `user_id`. */
static int judge_embedded(struct work *w, const struct member *m, const char *id_member)
{
	const struct member *given = find_word(&w->mine, id_member);
	const struct member *base_embed = find(&w->base, m);
	const struct member *base_id = find_word(&w->base, id_member);
	bool id_changed = given && !same_value(given, base_id);
	bool follows = same_id(m, given), stands = same_id(m, base_embed);
	struct jspan id;

	if (w->is_new && given)
		return 0;
	if (id_changed && !follows && !stands)
		return refuse(w->out, w->text, m->key.p, "%.*s and %s disagree: change only %s",
			      NAME(m), id_member, id_member);
	if (id_changed)
		return 0;
	if (stands || !embedded_id(m, &id) || (w->is_new && jtext_type(id) == J_NULL))
		return w->is_new ? 0
				 : refuse(w->out, w->text, m->key.p,
					  "%.*s shows another record: change %s instead", NAME(m),
					  id_member);
	struct jspan name = {id_member, strlen(id_member)};
	want(w, (struct part){.name = name, .key = name, .value = id, .at = m->key.p});
	return 0;
}

static bool is_known(const struct work *w, const struct member *m)
{
	return find(&w->base, m) || find(&w->now, m) || is_of(m, w->kind->readonly) ||
	       is_word(m, "display_name") || is_word(m, "created_at") || is_word(m, "updated_at");
}

/* A changed member that a person cannot change. */
static int judge_readonly(struct work *w, const struct member *m)
{
	bool is_shown = view_is_shown(w->kind, m->name, m->name_len);

	if (is_known(w, m)) {
		if (w->is_new || ends_with(m, "_at") || ends_with(m, "_date"))
			return 0; /* a copy's, or the server's clock */
		if (is_word(m, "display_name")) {
			w->computed = m;
			return 0;
		}
		return refuse(w->out, w->text, m->key.p, "%.*s cannot be changed", NAME(m));
	}
	if (w->is_new && !is_shown)
		return 0; /* the API's own output, pasted */
	if (is_shown)
		return refuse(w->out, w->text, m->key.p, "%.*s is not a member of %s", NAME(m),
			      w->kind->name);
	return refuse(w->out, w->text, m->key.p, "%.*s cannot be written", NAME(m));
}

static int judge(struct work *w, const struct member *m)
{
	if (is_word(m, "id")) {
		const struct member *id = find(w->now.count ? &w->now : &w->base, m);
		if (w->is_new || same_value(m, id))
			return 0;
		return refuse(w->out, w->text, m->key.p, "id cannot be changed");
	}
	if (!w->is_new && (same_value(m, find(&w->base, m))))
		return 0;
	if (is_of(m, "via_resource via_resource_id") && is_of(m, w->kind->accepts))
		return 0; /* tells where a note belongs; joins when something is sent */
	if (is_of(m, w->kind->accepts) || view_is_editable(w->kind, m->name, m->name_len)) {
		want(w, (struct part){.name = {m->name, m->name_len},
				      .key = m->key,
				      .value = m->value,
				      .at = m->key.p});
		return 0;
	}
	if (find(&w->now, m) && same_value(m, find(&w->now, m)))
		return 0;
	const char *id_member = form_id_member(w->kind, m->name, m->name_len);
	return id_member ? judge_embedded(w, m, id_member) : judge_readonly(w, m);
}

/* A member that must travel along: the person's if changed, else as the server has it. */
static void join(struct work *w, const char *word, size_t n, bool always)
{
	const struct member *mine = members_find(&w->mine, word, n);
	const struct member *base = members_find(&w->base, word, n);
	const struct member *now = members_find(&w->now, word, n);

	if (has_part(w, word, n) || (!mine && !now))
		return;
	if (!always && has_moved(w, word, n)) {
		add_conflict(w, word, n);
		return;
	}
	const struct member *from = now && (!mine || same_value(mine, base)) ? now : mine;
	w->parts[w->count++] =
		(struct part){.name = {word, n}, .key = {word, n}, .value = from->value};
}

static size_t word_length(const char *p)
{
	return strcspn(p, " ;>");
}

/* One group of kind->together: "due_date end_date", "*body via_resource", "pipeline_id>stage_id". */
static void join_group(struct work *w, const char *group, size_t len)
{
	bool always = *group == '*', is_wanted = always;
	const char *end = group + len, *only = memchr(group, '>', len);

	group += always;
	for (const char *p = group; p < (only ? only : end) && !is_wanted; p += word_length(p) + 1)
		is_wanted = has_part(w, p, word_length(p));
	for (const char *p = group; is_wanted && p < end; p += word_length(p) + 1)
		join(w, p, word_length(p), always);
}

static void join_groups(struct work *w)
{
	const char *p = w->kind->together;

	while (p && *p && w->count) {
		size_t len = strcspn(p, ";");
		join_group(w, p, len);
		p += len + (p[len] == ';');
	}
}

static int write_part(struct work *w, const struct part *p, struct buf *body)
{
	const char *why = "cannot be sent";
	int err = buf_add_char(body, body->len ? ',' : '{');

	if (err == 0)
		err = buf_add_char(body, '"');
	if (err == 0)
		err = buf_add(body, p->key.p, p->key.n);
	if (err == 0)
		err = buf_add(body, "\":", 2);
	if (err == 0)
		err = form_write(p->name, p->value, p->shown, body, &why);
	if (err == -EINVAL)
		return refuse(w->out, w->text, p->at, "%.*s %s",
			      (int)(p->name.n < 80 ? p->name.n : 80), p->name.p, why);
	return err == -EFBIG ? -ENOMEM : err;
}

static int write_body(struct work *w)
{
	CLEANUP(buf_fini) struct buf body = BUF_INIT(BODY_MAX);
	int err = 0;

	for (size_t i = 0; i < w->count && err == 0; i++)
		err = write_part(w, &w->parts[i], &body);
	if (err < 0 || !w->count)
		return err;
	err = buf_add_char(&body, '}');
	if (err < 0)
		return err;
	w->out->body_len = body.len;
	w->out->body = buf_steal(&body);
	return 0;
}

static int judge_all(struct work *w)
{
	int err = 0;

	for (size_t i = 0; i < w->mine.count && err == 0; i++)
		err = judge(w, &w->mine.list[i]);
	if (err < 0)
		return err;
	join_groups(w);
	if (!w->conflicts_len)
		return write_body(w);
	refuse(w->out, w->text, NULL, "changed on the server meanwhile: %s", w->conflicts);
	return -EBUSY;
}

int edit_update(const struct kind *kind, struct jspan mine, const struct edit_against *against,
		struct edit *out)
{
	CLEANUP(work_fini) struct work w = {.kind = kind, .text = mine, .out = out};

	*out = (struct edit){0};
	int err = read_mine(&w);
	if (err == 0)
		err = read_other(against->base, &w.base);
	if (err == 0)
		err = read_other(against->then, &w.then);
	if (err == 0)
		err = read_other(against->now, &w.now);
	if (err == 0)
		err = judge_all(&w);
	if (err == 0 && w.computed && !w.asked)
		return refuse(out, mine, w.computed->key.p,
			      "display_name is made by the server from the other members");
	return err;
}

int edit_create(const struct kind *kind, struct jspan mine, struct edit *out)
{
	CLEANUP(work_fini) struct work w = {.kind = kind, .text = mine, .out = out, .is_new = true};

	*out = (struct edit){0};
	int err = read_mine(&w);
	if (err == 0)
		err = judge_all(&w);
	if (err == 0 && !w.count)
		return refuse(out, mine, NULL, "nothing in it can be written to %s", kind->name);
	return err;
}
