/* SPDX-License-Identifier: MIT */
/*
 * view: which members of a server's record its file shows, how much of an embedded object, and in
 * which order. What depends on the collection is in kinds.c; the lists here hold for all: members
 * that change without the record's version (counts, permissions, the asker's own), or that only a
 * list item or only a single record has. No state, no lock, any thread.
 */
#include "crm/view.h"

#include <errno.h>
#include <string.h>

#include "crm/jchar.h"
#include "crm/members.h"
#include "crm/when.h"

static const char dropped_everywhere[] =
	"actions authorizations associations associations_count was_recently_created media path "
	"is_pinned pinned_date is_primary_associated user_display_order avatar avatar_url "
	"uploaded_avatar_url notifications guest_email guest_display_name changelog billable "
	"comments "
	"contacts companies deals notes calls activities emails documents";

static const struct embed embeds_everywhere[] = {
	{"user", "id name email"},
	{"creator", "id name email"},
	{"source", "id name"},
	{"country", "id name"},
	{"industry", "id name"},
	{"type", "id name"},
	{"outcome", "id name"},
	{"pipeline", "id name"},
	{"brand", "id name"},
	{"parent", "id name"},
	{"stage", "id name win_probability"},
	{"tags", "id name"},
	{"phones", "id number type"},
	{0},
};

enum { KEEP_MAX = 6 }; /* words of one keep list */

enum rank { RANK_ID, RANK_EDITABLE, RANK_OTHER, RANK_CREATED, RANK_UPDATED, RANK_COUNT, DROPPED };

static bool starts_with(const char *name, size_t n, const char *head)
{
	size_t len = strlen(head);

	return n >= len && memcmp(name, head, len) == 0;
}

static bool ends_with(const char *name, size_t n, const char *tail)
{
	size_t len = strlen(tail);

	return n >= len && memcmp(name + n - len, tail, len) == 0;
}

static bool is_counted_or_timeline(const char *name, size_t n)
{
	return ends_with(name, n, "_count") || starts_with(name, n, "timeline_");
}

static bool is_word(const char *name, size_t n, const char *word)
{
	return n == strlen(word) && memcmp(name, word, n) == 0;
}

bool view_is_editable(const struct kind *kind, const char *name, size_t n)
{
	return starts_with(name, n, "cf_") || kinds_has_word(kind->editable, name, n);
}

bool view_is_shown(const struct kind *kind, const char *name, size_t n)
{
	if (view_is_editable(kind, name, n)) /* first: an account may have a cf_head_count */
		return true;
	return !is_counted_or_timeline(name, n) && !kinds_has_word(dropped_everywhere, name, n) &&
	       !kinds_has_word(kind->dropped, name, n);
}

static void rank_words(struct members *m, const char *list, enum rank rank)
{
	while (list && *list) {
		size_t n = strcspn(list, " ");
		struct member *one = members_find(m, list, n);
		if (one)
			one->rank = rank;
		list += n;
		list += strspn(list, " ");
	}
}

/* The same answers as view_is_shown and view_is_editable give, asked the other way round: each word
 * of the lists is looked for among the members, which is far quicker. */
static void rank_members(const struct kind *kind, struct members *m)
{
	for (size_t i = 0; i < m->count; i++) {
		struct member *one = &m->list[i];
		if (starts_with(one->name, one->name_len, "cf_"))
			one->rank = RANK_EDITABLE;
		else if (is_counted_or_timeline(one->name, one->name_len))
			one->rank = DROPPED;
		else
			one->rank = RANK_OTHER;
	}
	rank_words(m, dropped_everywhere, DROPPED);
	rank_words(m, kind->dropped, DROPPED);
	rank_words(m, kind->editable, RANK_EDITABLE);
	rank_words(m, "id", RANK_ID);
	rank_words(m, "created_at", RANK_CREATED);
	rank_words(m, "updated_at", RANK_UPDATED);
}

static const char *find_keep(const struct embed *e, const struct member *m)
{
	for (; e && e->member; e++) {
		if (is_word(m->name, m->name_len, e->member))
			return e->keep;
	}
	return NULL;
}

/* What to keep of the objects in this member's value; NULL: all of it. */
static const char *keep_of(const struct kind *kind, const struct member *m)
{
	if (starts_with(m->name, m->name_len, "cf_")) /* chosen options; a colour is no identity */
		return jtext_type(m->value) == J_ARRAY ? "id name" : NULL;
	const char *keep = find_keep(kind->embeds, m);
	return keep ? keep : find_keep(embeds_everywhere, m);
}

/* The place of the (raw) key in the keep list, or -1. */
static int keep_index(const char *keep, struct jspan key)
{
	for (int i = 0; *keep; i++) {
		size_t len = strcspn(keep, " ");
		if (key.n == len && memcmp(key.p, keep, len) == 0)
			return i;
		keep += len;
		keep += strspn(keep, " ");
	}
	return -1;
}

static int put_name(struct buf *out, struct jspan key)
{
	struct jspan quoted = {key.p - 1, key.n + 2};
	int err = jtext_indent(quoted, 0, out);

	return err < 0 ? err : buf_add(out, ": ", 2);
}

static int put_line(struct buf *out, unsigned depth, bool first)
{
	static const char spaces[] = "        ";
	int err = first ? 0 : buf_add_char(out, ',');

	if (err == 0)
		err = buf_add_char(out, '\n');
	return err < 0 ? err : buf_add(out, spaces, 2 * (size_t)depth);
}

/* The object's kept members, in the keep list's order. `depth` is the level of its braces. */
static int put_kept(struct buf *out, struct jspan object, const char *keep, unsigned depth)
{
	struct jspan keys[KEEP_MAX] = {0}, values[KEEP_MAX], key, value;
	struct jiter it = {0};
	bool first = true;

	while (jtext_next_member(object, &it, &key, &value)) {
		int i = keep_index(keep, key);
		if (i >= 0 && i < KEEP_MAX) {
			keys[i] = key;
			values[i] = value;
		}
	}
	int err = buf_add_char(out, '{');
	for (int i = 0; err == 0 && i < KEEP_MAX; i++) {
		if (!keys[i].p)
			continue;
		err = put_line(out, depth + 1, first);
		if (err == 0)
			err = put_name(out, keys[i]);
		if (err == 0)
			err = jtext_indent(values[i], depth + 1, out);
		first = false;
	}
	if (err == 0 && !first)
		err = put_line(out, depth, true);
	return err < 0 ? err : buf_add_char(out, '}');
}

static int put_element(struct buf *out, struct jspan value, const char *keep)
{
	if (jtext_type(value) == J_OBJECT)
		return put_kept(out, value, keep, 2);
	return jtext_indent(value, 2, out);
}

static int put_kept_array(struct buf *out, struct jspan array, const char *keep)
{
	struct jiter it = {0};
	struct jspan value;
	bool first = true;
	int err = buf_add_char(out, '[');

	while (err == 0 && jtext_next_element(array, &it, &value)) {
		err = put_line(out, 2, first);
		if (err == 0)
			err = put_element(out, value, keep);
		first = false;
	}
	if (err == 0 && !first)
		err = put_line(out, 1, true);
	return err < 0 ? err : buf_add_char(out, ']');
}

static int put_shown(struct buf *out, const struct kind *kind, const struct member *m)
{
	enum jtype type = jtext_type(m->value);
	const char *keep = type == J_OBJECT || type == J_ARRAY ? keep_of(kind, m) : NULL;
	int err = put_name(out, m->key);

	if (err < 0)
		return err;
	if (!keep)
		return jtext_indent(m->value, 1, out);
	return type == J_OBJECT ? put_kept(out, m->value, keep, 1)
				: put_kept_array(out, m->value, keep);
}

static int put_record(const struct kind *kind, const struct members *m, struct buf *out)
{
	bool first = true;
	int err = buf_add_char(out, '{');

	for (enum rank rank = 0; rank < RANK_COUNT; rank++) {
		for (size_t i = 0; err == 0 && i < m->count; i++) {
			if (m->list[i].is_replaced || m->list[i].rank != (int)rank)
				continue;
			err = put_line(out, 1, first);
			if (err == 0)
				err = put_shown(out, kind, &m->list[i]);
			first = false;
		}
	}
	return err < 0 ? err : buf_add_str(out, "\n}\n");
}

static bool read_time(const struct members *m, const char *name, int64_t *out)
{
	const struct member *one = members_find(m, name, strlen(name));

	return one && view_parse_time(one->value, out) == 0;
}

/* Its amount is then theirs. */
static bool has_products(const struct members *m)
{
	static const char name[] = "products_count";
	const struct member *count = members_find(m, name, strlen(name));
	uint64_t n;

	return count && jtext_to_u64(count->value, &n) && n;
}

static int read_facts(const struct members *m, struct view_facts *facts)
{
	const struct member *id = members_find(m, "id", 2);

	if (!id || !jtext_to_u64(id->value, &facts->id) || facts->id == 0)
		return -EINVAL;
	if (!read_time(m, "updated_at", &facts->updated_at) &&
	    !read_time(m, "created_at", &facts->updated_at))
		facts->updated_at = VIEW_NO_TIME;
	facts->has_products = has_products(m);
	return 0;
}

int view_render(const struct kind *kind, struct jspan record, struct buf *out,
		struct view_facts *facts)
{
	CLEANUP(members_fini) struct members m = {0};
	size_t before = out->len;
	int err = members_read(jtext_trim(record), &m);

	if (err == 0)
		err = read_facts(&m, facts);
	if (err < 0)
		return err;
	rank_members(kind, &m);
	err = put_record(kind, &m, out);
	if (err < 0) {
		out->len = before;
		if (out->data)
			out->data[before] = '\0';
	}
	return err;
}

int view_parse_time(struct jspan string_value, int64_t *out)
{
	struct when when;

	if (jtext_type(string_value) != J_STRING || string_value.n < 2 ||
	    when_read(jraw_of(string_value), &when) < 0 || !when.has_seconds)
		return -EINVAL;
	*out = when.at;
	return 0;
}
