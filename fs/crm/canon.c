/* SPDX-License-Identifier: MIT */
/*
 * canon: every form has a writer that makes one JSON value of all that mean the same; jtext_equal
 * then compares numbers by value and strings by character. What is a set to the server is sorted.
 * No state, no lock, any thread.
 */
#include "crm/canon.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "crm/jchar.h"
#include "crm/when.h"
#include "crm/words.h"

enum { CANON_MAX = 128 << 20, PICKS_MAX = 1000 };

typedef int canon_form(struct jspan value, struct buf *out);

int canon_text(struct jspan value, struct buf *out)
{
	CLEANUP(buf_fini) struct buf whole = BUF_INIT(CANON_MAX);
	int err = jtext_unescape(value, &whole);

	if (err < 0)
		return err;
	struct jspan text = words_trim((struct jspan){whole.data, whole.len});
	return buf_add(out, text.p, text.n);
}

struct jspan canon_number(struct jspan value)
{
	struct jfault fault;

	if (jtext_type(value) == J_STRING)
		value = words_trim(jraw_of(value));
	if (jtext_type(value) != J_NUMBER || jtext_check(value, &fault) < 0)
		return (struct jspan){0};
	return jtext_trim(value);
}

static bool is_blank(struct jspan string)
{
	return !words_trim(jraw_of(string)).n;
}

/* Choices */

bool pick_read(struct jspan value, struct pick *out)
{
	struct jspan id, name;

	*out = (struct pick){0};
	switch (jtext_type(value)) {
	case J_NULL:
		out->is_null = true;
		return true;
	case J_NUMBER:
		out->has_id = jtext_to_u64(value, &out->id);
		return out->has_id;
	case J_STRING:
		out->is_null = is_blank(value);
		out->name = out->is_null ? out->name : value;
		return true;
	case J_OBJECT:
		if (jtext_get(value, "id", &id) && jtext_type(id) == J_STRING)
			id = jraw_of(id);
		else if (!jtext_get(value, "id", &id))
			id.n = 0;
		out->has_id = jtext_to_u64(id, &out->id);
		if (jtext_get(value, "name", &name) && jtext_type(name) == J_STRING &&
		    !is_blank(name))
			out->name = name;
		if (jtext_get(value, "email", &name) && jtext_type(name) == J_STRING &&
		    !is_blank(name))
			out->email = name;
		return out->has_id || out->name.n || out->email.n;
	default:
		return false;
	}
}

static bool names_same(struct jspan a, struct jspan b)
{
	CLEANUP(buf_fini) struct buf ta = BUF_INIT(CANON_MAX);
	CLEANUP(buf_fini) struct buf tb = BUF_INIT(CANON_MAX);

	if (!a.n || !b.n || canon_text(a, &ta) < 0 || canon_text(b, &tb) < 0)
		return false;
	return words_same((struct jspan){ta.data, ta.len}, (struct jspan){tb.data, tb.len});
}

bool pick_same(const struct pick *a, const struct pick *b)
{
	if (a->is_null || b->is_null)
		return a->is_null && b->is_null;
	if (a->has_id && b->has_id)
		return a->id == b->id;
	return names_same(a->name, b->name);
}

static int write_folded(struct jspan string, struct buf *out)
{
	CLEANUP(buf_fini) struct buf text = BUF_INIT(CANON_MAX);
	CLEANUP(buf_fini) struct buf folded = BUF_INIT(CANON_MAX);
	int err = canon_text(string, &text);

	if (err == 0)
		err = words_fold((struct jspan){text.data, text.len}, &folded);
	return err < 0 ? err : words_put_json((struct jspan){folded.data, folded.len}, out);
}

static int write_pick(struct jspan value, struct buf *out)
{
	struct jspan digits = canon_number(value);
	struct pick pick;

	if (digits.n)
		return jtext_compact(digits, out);
	if (!pick_read(value, &pick))
		return jtext_compact(value, out);
	if (pick.is_null)
		return buf_add_str(out, "null");
	if (pick.has_id)
		return buf_printf(out, "%llu", (unsigned long long)pick.id);
	return write_folded(pick.name.n ? pick.name : pick.email, out);
}

/* What a tag is on the wire: its name. */
static int write_tag(struct jspan value, struct buf *out)
{
	struct pick pick;

	if (pick_read(value, &pick) && pick.name.n)
		return write_folded(pick.name, out);
	return jtext_compact(value, out);
}

/* Sets */

struct bag {
	struct buf bytes;
	size_t *ends; /* where each element ends */
	size_t count;
};

static void bag_fini_at(struct bag *b)
{
	buf_fini(&b->bytes);
	free(b->ends);
}

static int bag_add(struct bag *b, canon_form *form, struct jspan value)
{
	if ((b->count & (b->count - 1)) == 0) { /* full at every power of two */
		size_t *ends = reallocarray(b->ends, b->count ? b->count * 2 : 1, sizeof(*ends));
		if (!ends)
			return -ENOMEM;
		b->ends = ends;
	}
	int err = form(value, &b->bytes);
	if (err == 0)
		b->ends[b->count++] = b->bytes.len;
	return err;
}

static int compare_spans(const void *pa, const void *pb)
{
	const struct jspan *a = pa, *b = pb;
	int order = memcmp(a->p, b->p, a->n < b->n ? a->n : b->n);

	return order ? order : (a->n > b->n) - (a->n < b->n);
}

static int bag_write(const struct bag *b, struct buf *out)
{
	struct jspan *sorted = calloc(b->count + 1, sizeof(*sorted));
	int err = sorted ? buf_add_char(out, '[') : -ENOMEM;

	for (size_t i = 0; err == 0 && i < b->count; i++) {
		size_t from = i ? b->ends[i - 1] : 0;
		sorted[i] = (struct jspan){b->bytes.data + from, b->ends[i] - from};
	}
	if (err == 0 && b->count)
		qsort(sorted, b->count, sizeof(*sorted), compare_spans);
	bool first = true;
	for (size_t i = 0; err == 0 && i < b->count; i++) {
		if (i && compare_spans(&sorted[i], &sorted[i - 1]) == 0)
			continue;
		err = first ? 0 : buf_add_char(out, ',');
		if (err == 0)
			err = buf_add(out, sorted[i].p, sorted[i].n);
		first = false;
	}
	free(sorted);
	return err < 0 ? err : buf_add_char(out, ']');
}

/* "Pumps, Valves" as strings of one. */
static int add_words(struct bag *b, canon_form *form, struct jspan string)
{
	struct jspan raw = jraw_of(string);
	int err = 0;

	for (size_t at = 0; err == 0 && at <= raw.n;) {
		const char *comma = memchr(raw.p + at, ',', raw.n - at);
		size_t n = comma ? (size_t)(comma - raw.p) - at : raw.n - at;
		CLEANUP(buf_fini) struct buf one = BUF_INIT(CANON_MAX);
		err = buf_printf(&one, "\"%.*s\"", (int)n, raw.p + at);
		if (err == 0 && !is_blank((struct jspan){one.data, one.len}))
			err = bag_add(b, form, (struct jspan){one.data, one.len});
		at += n + 1;
	}
	return err;
}

static int write_set(canon_form *form, struct jspan value, struct buf *out)
{
	CLEANUP(bag_fini) struct bag bag = {.bytes = BUF_INIT(CANON_MAX)};
	struct jiter it = {0};
	struct jspan element;
	int err = 0;

	switch (jtext_type(value)) {
	case J_NULL:
		break;
	case J_ARRAY:
		while (err == 0 && jtext_next_element(value, &it, &element))
			err = bag_add(&bag, form, element);
		break;
	case J_STRING:
		err = add_words(&bag, form, value);
		break;
	default:
		return jtext_compact(value, out);
	}
	return err < 0 ? err : bag_write(&bag, out);
}

static int write_picks(struct jspan value, struct buf *out)
{
	return write_set(write_pick, value, out);
}

static int write_tags(struct jspan value, struct buf *out)
{
	return write_set(write_tag, value, out);
}

/* {"number": "+46", "type": "work"} or "+46|work"; the server takes no type for mobile. */
static int write_phone(struct jspan value, struct buf *out)
{
	struct jspan number = value, type = {0};
	enum jtype kind = jtext_type(value);
	int err;

	if (kind == J_OBJECT && !jtext_get(value, "number", &number))
		return jtext_compact(value, out);
	if (kind == J_OBJECT && (!jtext_get(value, "type", &type) || jtext_type(type) != J_STRING))
		type.n = 0;
	if (jtext_type(number) != J_STRING && jtext_type(number) != J_NUMBER)
		return jtext_compact(value, out);
	struct jspan raw = jtext_type(number) == J_STRING ? jraw_of(number) : number;
	const char *bar = kind == J_STRING ? memchr(raw.p, '|', raw.n) : NULL;
	struct jspan kind_of = type.n ? jraw_of(type) : (struct jspan){0};
	if (bar) {
		kind_of = (struct jspan){bar + 1, (size_t)(raw.p + raw.n - bar - 1)};
		raw.n = (size_t)(bar - raw.p);
	}
	raw = words_trim(raw);
	kind_of = words_trim(kind_of);
	err = buf_printf(out, "[\"%.*s\",\"", (int)raw.n, raw.p);
	if (err == 0)
		err = kind_of.n ? words_fold(kind_of, out) : buf_add_str(out, "mobile");
	return err < 0 ? err : buf_add_str(out, "\"]");
}

static int write_phones(struct jspan value, struct buf *out)
{
	return write_set(write_phone, value, out);
}

/* A guest of either shape as ["users", 4]. */
static int write_guest(struct jspan value, struct buf *out)
{
	struct jspan of, id;

	if (!jtext_get(value, "resource_name", &of) || !jtext_get(value, "id", &id))
		return jtext_compact(value, out);
	int err = buf_add_char(out, '[');
	if (err == 0)
		err = jtext_compact(of, out);
	if (err == 0)
		err = buf_add_char(out, ',');
	if (err == 0)
		err = jtext_compact(id, out);
	return err < 0 ? err : buf_add_char(out, ']');
}

static int write_user_id(struct jspan value, struct buf *out)
{
	int err = buf_add_str(out, "[\"users\",");

	err = err < 0 ? err : write_pick(value, out);
	return err < 0 ? err : buf_add_char(out, ']');
}

static int write_contact_id(struct jspan value, struct buf *out)
{
	int err = buf_add_str(out, "[\"contacts\",");

	err = err < 0 ? err : write_pick(value, out);
	return err < 0 ? err : buf_add_char(out, ']');
}

static int write_guests(struct jspan value, struct buf *out)
{
	static const struct {
		const char *member;
		canon_form *form;
	} lists[] = {{"users", write_user_id}, {"contacts", write_contact_id}};
	CLEANUP(bag_fini) struct bag bag = {.bytes = BUF_INIT(CANON_MAX)};
	int err = 0;

	if (jtext_type(value) != J_OBJECT)
		return write_set(write_guest, value, out);
	for (size_t i = 0; i < ARRAY_LEN(lists) && err == 0; i++) {
		struct jspan list, id;
		struct jiter it = {0};
		if (!jtext_get(value, lists[i].member, &list) || jtext_type(list) != J_ARRAY)
			continue;
		while (err == 0 && jtext_next_element(list, &it, &id))
			err = bag_add(&bag, lists[i].form, id);
	}
	return err < 0 ? err : bag_write(&bag, out);
}

/* Scalars */

static int write_text(struct jspan value, struct buf *out)
{
	CLEANUP(buf_fini) struct buf text = BUF_INIT(CANON_MAX);

	if (jtext_type(value) != J_STRING)
		return jtext_compact(value, out);
	int err = canon_text(value, &text);
	if (err == 0 && !text.len)
		return buf_add_str(out, "null");
	return err < 0 ? err : words_put_json((struct jspan){text.data, text.len}, out);
}

static int write_status(struct jspan value, struct buf *out)
{
	return jtext_type(value) == J_STRING ? write_folded(value, out) : jtext_compact(value, out);
}

static int write_integer(struct jspan value, struct buf *out)
{
	struct jspan number = canon_number(value);

	return number.n ? jtext_compact(number, out) : write_text(value, out);
}

static int write_number(struct jspan value, struct buf *out)
{
	bool is_null =
		jtext_type(value) == J_NULL || (jtext_type(value) == J_STRING && is_blank(value));

	return is_null ? buf_add_char(out, '0') : write_integer(value, out);
}

static int write_boolean(struct jspan value, struct buf *out)
{
	struct jspan number = canon_number(value);

	if (jtext_type(value) == J_NULL || (number.n == 1 && *number.p == '0'))
		return buf_add_str(out, "false");
	if (number.n == 1 && *number.p == '1')
		return buf_add_str(out, "true");
	return write_text(value, out);
}

static bool read_when(struct jspan value, struct when *when)
{
	return jtext_type(value) == J_STRING && when_read(words_trim(jraw_of(value)), when) == 0;
}

static int write_date(struct jspan value, struct buf *out)
{
	char day[WHEN_DAY_SIZE];
	struct when when;

	if (!read_when(value, &when) || !when.is_midnight)
		return write_text(value, out);
	when_print_day(when.at, day);
	return buf_printf(out, "\"%s\"", day);
}

static int write_datetime(struct jspan value, struct buf *out)
{
	char time[WHEN_TIME_SIZE];
	struct when when;

	if (!read_when(value, &when))
		return write_text(value, out);
	when_print_time(when.at, time);
	return buf_printf(out, "\"%s\"", time);
}

static int write_when(struct jspan value, struct buf *out)
{
	struct when when;

	return read_when(value, &when) && !when.has_time ? write_date(value, out)
							 : write_datetime(value, out);
}

/* By shape alone: chosen options are objects and mean their ids. */
static int write_custom(struct jspan value, struct buf *out)
{
	return jtext_type(value) == J_ARRAY ? write_picks(value, out) : write_text(value, out);
}

static canon_form *const writers[FORM_COUNT] = {
	[FORM_TEXT] = write_text,
	[FORM_HTML] = write_text,
	[FORM_NUMBER] = write_number,
	[FORM_NUMERIC] = write_number,
	[FORM_INTEGER] = write_integer,
	[FORM_BOOLEAN] = write_boolean,
	[FORM_DATE] = write_date,
	[FORM_DATETIME] = write_datetime,
	[FORM_WHEN] = write_when,
	[FORM_COLOR] = write_text,
	[FORM_STATUS] = write_status,
	[FORM_ONE] = write_pick,
	[FORM_MANY] = write_picks,
	[FORM_LINK] = write_pick,
	[FORM_TAGS] = write_tags,
	[FORM_PHONES] = write_phones,
	[FORM_GUESTS] = write_guests,
	[FORM_RECORDS] = write_picks,
	[FORM_ASSOCIATIONS] = jtext_compact,
	[FORM_CUSTOM] = write_custom,
	[FORM_ANY] = jtext_compact,
};

int canon_write(enum form_type form, struct jspan value, struct buf *out)
{
	int err = writers[form](value, out);

	return err == -EFBIG ? -ENOMEM : err;
}

bool canon_same(enum form_type form, struct jspan a, struct jspan b)
{
	CLEANUP(buf_fini) struct buf fa = BUF_INIT(CANON_MAX);
	CLEANUP(buf_fini) struct buf fb = BUF_INIT(CANON_MAX);

	if (!a.n || !b.n)
		return !a.n && !b.n;
	if (jtext_equal(a, b))
		return true;
	if (canon_write(form, a, &fa) < 0 || canon_write(form, b, &fb) < 0)
		return false;
	return jtext_equal((struct jspan){fa.data, fa.len}, (struct jspan){fb.data, fb.len});
}

bool canon_is_nothing(struct jspan value)
{
	switch (jtext_type(value)) {
	case J_NONE:
	case J_NULL:
		return true;
	case J_BOOL:
		return *value.p == 'f';
	case J_STRING:
		return is_blank(value);
	case J_NUMBER:
		return jtext_equal(value, (struct jspan){"0", 1});
	case J_ARRAY:
		return !jtext_next_element(value, &(struct jiter){0}, &(struct jspan){0});
	default:
		return false;
	}
}

static double number_of(struct jspan value)
{
	char digits[64] = "";
	struct jspan number = canon_number(value);

	if (!number.n || number.n >= sizeof(digits))
		return NAN;
	memcpy(digits, number.p, number.n);
	return strtod(digits, NULL);
}

static size_t count_elements(struct jspan array)
{
	struct jiter it = {0};
	struct jspan element;
	size_t count = 0;

	while (jtext_next_element(array, &it, &element))
		count++;
	return count;
}

/* Is every choice that was sent there, by id or by name, and nothing else? */
static bool picks_are_taken(struct jspan sent, struct jspan got)
{
	struct jiter it = {0};
	struct jspan a, b;
	struct pick pa, pb;

	if (count_elements(sent) != count_elements(got) || count_elements(got) > PICKS_MAX)
		return false;
	while (jtext_next_element(sent, &it, &a)) {
		struct jiter other = {0};
		bool found = false;
		while (!found && pick_read(a, &pa) && jtext_next_element(got, &other, &b))
			found = pick_read(b, &pb) && pick_same(&pa, &pb);
		if (!found)
			return false;
	}
	return true;
}

bool canon_is_taken(enum form_type form, struct jspan sent, struct jspan got)
{
	static const enum form_type looser[] = {FORM_DATE, FORM_DATETIME, FORM_MANY};
	double diff = number_of(sent) - number_of(got);

	if (canon_same(form, sent, got) || (canon_is_nothing(sent) && canon_is_nothing(got)))
		return true;
	if (form != FORM_TEXT && diff > -0.01 && diff < 0.01)
		return true;
	if (form == FORM_WHEN && canon_same(FORM_DATE, sent, got)) /* a day, and its midnight */
		return true;
	for (size_t i = 0; form == FORM_CUSTOM && i < ARRAY_LEN(looser); i++) {
		if (canon_same(looser[i], sent, got))
			return true;
	}
	return jtext_type(sent) == J_ARRAY && jtext_type(got) == J_ARRAY &&
	       (form == FORM_CUSTOM || form == FORM_MANY) && picks_are_taken(sent, got);
}
