/* SPDX-License-Identifier: MIT */
/*
 * form: Concord reads tags as objects and takes them as names (objects are a server error), reads
 * chosen options as objects and takes ids, reads guests as people and takes two lists of ids. No
 * state, no lock, any thread.
 */
#include "crm/form.h"

#include <errno.h>
#include <string.h>

#include "crm/jchar.h"

static const struct {
	const char *member, *id_member;
} pairs[] = {
	{"user", "user_id"},
	{"source", "source_id"},
	{"stage", "stage_id"},
	{"pipeline", "pipeline_id"},
	{"country", "country_id"},
	{"industry", "industry_id"},
	{"brand", "brand_id"},
	{"type", "activity_type_id"},
	{"type", "document_type_id"},
	{"outcome", "call_outcome_id"},
	{"parent", "parent_company_id"},
};

const char *form_id_member(const struct kind *kind, const char *name, size_t n)
{
	for (size_t i = 0; i < ARRAY_LEN(pairs); i++) {
		const char *id = pairs[i].id_member;
		if (strlen(pairs[i].member) == n && memcmp(pairs[i].member, name, n) == 0 &&
		    kinds_has_word(kind->editable, id, strlen(id)))
			return id;
	}
	return NULL;
}

typedef int element_form(struct jspan element, struct buf *out, const char **why);

static int refuse(const char **why, const char *sentence)
{
	*why = sentence;
	return -EINVAL;
}

static int write_list(struct jspan array, element_form *form, struct buf *out, const char **why)
{
	struct jiter it = {0};
	struct jspan element;
	bool first = true;
	int err = buf_add_char(out, '[');

	while (err == 0 && jtext_next_element(array, &it, &element)) {
		if (!first)
			err = buf_add_char(out, ',');
		if (err == 0)
			err = form(element, out, why);
		first = false;
	}
	return err < 0 ? err : buf_add_char(out, ']');
}

static int write_tag(struct jspan tag, struct buf *out, const char **why)
{
	if (jtext_type(tag) == J_OBJECT && !jtext_get(tag, "name", &tag))
		return refuse(why, "holds a tag without a name");
	if (jtext_type(tag) != J_STRING)
		return refuse(why, "takes the names of tags");
	return jtext_compact(tag, out);
}

/* A chosen option or an associated record: its id, if it is an object that has one. */
static int write_choice(struct jspan choice, struct buf *out, const char **why)
{
	struct jspan given;

	if (jtext_type(choice) != J_OBJECT)
		return jtext_compact(choice, out);
	if (jtext_get(choice, "id", &given) && jtext_type(given) != J_NULL)
		return jtext_compact(given, out);
	if (jtext_get(choice, "name", &given) && jtext_type(given) == J_STRING)
		return jtext_compact(given, out);
	return refuse(why, "holds a choice without id and name");
}

static int write_phone(struct jspan phone, struct buf *out, const char **why)
{
	struct jspan number, type;

	if (jtext_type(phone) != J_OBJECT)
		return jtext_compact(phone, out);
	if (!jtext_get(phone, "number", &number))
		return refuse(why, "holds a phone without a number");
	int err = buf_add_str(out, "{\"number\":");
	if (err == 0)
		err = jtext_compact(number, out);
	if (err == 0 && jtext_get(phone, "type", &type) && jtext_type(type) != J_NULL) {
		err = buf_add_str(out, ",\"type\":");
		if (err == 0)
			err = jtext_compact(type, out);
	}
	return err < 0 ? err : buf_add_char(out, '}');
}

/* The ids of those guests who are of one resource ("users", "contacts"). */
static int write_guests_of(struct jspan guests, const char *resource, struct buf *out)
{
	struct jiter it = {0};
	struct jspan guest, of, id;
	bool first = true;
	int err = buf_printf(out, "\"%s\":[", resource);

	while (err == 0 && jtext_next_element(guests, &it, &guest)) {
		if (!jtext_get(guest, "resource_name", &of) || !jtext_is_string(of, resource) ||
		    !jtext_get(guest, "id", &id))
			continue;
		if (!first)
			err = buf_add_char(out, ',');
		if (err == 0)
			err = jtext_compact(id, out);
		first = false;
	}
	return err < 0 ? err : buf_add_char(out, ']');
}

static bool is_guest(struct jspan guest)
{
	struct jspan of, id;
	uint64_t number;

	return jtext_get(guest, "resource_name", &of) &&
	       (jtext_is_string(of, "users") || jtext_is_string(of, "contacts")) &&
	       jtext_get(guest, "id", &id) && jtext_to_u64(id, &number);
}

static int write_guests(struct jspan guests, struct buf *out, const char **why)
{
	struct jiter it = {0};
	struct jspan guest;

	while (jtext_next_element(guests, &it, &guest)) {
		if (!is_guest(guest))
			return refuse(why, "holds a guest without id and resource_name (users or "
					   "contacts)");
	}
	int err = buf_add_char(out, '{');
	if (err == 0)
		err = write_guests_of(guests, "users", out);
	if (err == 0)
		err = buf_add_char(out, ',');
	if (err == 0)
		err = write_guests_of(guests, "contacts", out);
	return err < 0 ? err : buf_add_char(out, '}');
}

/* "2025-03-31T00:00:00.000000Z" is how a date reads back; anything else is the person's own. */
static int write_date(struct jspan date, struct buf *out)
{
	static const char midnight[] = "T00:00:00";
	struct jspan raw = jraw_of(date);

	if (jtext_type(date) != J_STRING || raw.n < 20 || memcmp(raw.p + 10, midnight, 9) != 0 ||
	    raw.p[raw.n - 1] != 'Z')
		return jtext_compact(date, out);
	for (size_t i = 19; i < raw.n - 1; i++) {
		if (raw.p[i] != (i == 19 ? '.' : '0'))
			return jtext_compact(date, out);
	}
	return buf_printf(out, "\"%.10s\"", raw.p);
}

static bool is_named(struct jspan name, const char *list)
{
	return kinds_has_word(list, name.p, name.n);
}

int form_write(struct jspan name, struct jspan value, enum jtype shown, struct buf *out,
	       const char **why)
{
	bool custom = name.n > 3 && memcmp(name.p, "cf_", 3) == 0;
	bool related = is_named(name, "contacts companies deals");
	enum jtype type = jtext_type(value);

	if (type == J_NULL && is_named(name, "guests"))
		return buf_add_str(out, "{\"users\":[],\"contacts\":[]}");
	if (type == J_NULL && (is_named(name, "tags phones") || related || shown == J_ARRAY))
		return buf_add_str(out, "[]"); /* the server ignores null there */
	if (is_named(name, "expected_close_date"))
		return write_date(value, out);
	if (type != J_ARRAY)
		return jtext_compact(value, out);
	if (is_named(name, "tags"))
		return write_list(value, write_tag, out, why);
	if (is_named(name, "phones"))
		return write_list(value, write_phone, out, why);
	if (is_named(name, "guests"))
		return write_guests(value, out, why);
	if (custom || related)
		return write_list(value, write_choice, out, why);
	return jtext_compact(value, out);
}

bool form_equal(struct jspan name, struct jspan a, struct jspan b)
{
	CLEANUP(buf_fini) struct buf fa = BUF_INIT(SIZE_MAX / 2);
	CLEANUP(buf_fini) struct buf fb = BUF_INIT(SIZE_MAX / 2);
	const char *why;

	if (jtext_equal(a, b))
		return true;
	if (form_write(name, a, jtext_type(b), &fa, &why) < 0 ||
	    form_write(name, b, jtext_type(a), &fb, &why) < 0)
		return false;
	return jtext_equal((struct jspan){fa.data, fa.len}, (struct jspan){fb.data, fb.len});
}
