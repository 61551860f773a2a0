/* SPDX-License-Identifier: MIT */
/*
 * form: one writer a form. What the server would swallow or misread is refused here; what it
 * refuses itself in good words (lengths, syntax of addresses, what is required) is left to it. No
 * state, no lock, any thread.
 */
#include "crm/form.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crm/canon.h"
#include "crm/jchar.h"
#include "crm/resolve.h"
#include "crm/when.h"
#include "crm/words.h"

enum { PLACE_MAX = 48, SENTENCE_MAX = 3000, DECIMALS_MAX = 3 };

int form_refuse(struct form *f, const char *at, const char *place, const char *fmt, ...)
{
	char sentence[SENTENCE_MAX] = "", member[FORM_MEMBER_MAX + PLACE_MAX];
	bool is_within = at && at >= f->text.p && at <= f->text.p + f->text.n;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(sentence, sizeof(sentence), fmt, ap);
	va_end(ap);
	snprintf(member, sizeof(member), "%s%s", f->member, place);
	report_add(&f->out->report, f->text, is_within ? at : f->value.p, member, "%s", sentence);
	return -EINVAL;
}

static bool is_null(struct jspan value)
{
	return jtext_type(value) == J_NULL ||
	       (jtext_type(value) == J_STRING && !words_trim(jraw_of(value)).n);
}

/* Which form */

static const enum form_type custom_forms[] = {
	[FIELD_OTHER] = FORM_CUSTOM,	[FIELD_TEXT] = FORM_TEXT,
	[FIELD_TEXTAREA] = FORM_TEXT,	[FIELD_EMAIL] = FORM_TEXT,
	[FIELD_URL] = FORM_TEXT,	[FIELD_TIMEZONE] = FORM_TEXT,
	[FIELD_COLOR] = FORM_COLOR,	[FIELD_NUMBER] = FORM_INTEGER,
	[FIELD_NUMERIC] = FORM_NUMERIC, [FIELD_BOOLEAN] = FORM_BOOLEAN,
	[FIELD_DATE] = FORM_DATE,	[FIELD_DATETIME] = FORM_DATETIME,
	[FIELD_ONE] = FORM_ONE,		[FIELD_MANY] = FORM_MANY,
};

enum form_type form_of_field(enum field_type type)
{
	return custom_forms[type];
}

/* A type that is not told, or not known, and yet options: a label that is not among them would
 * become one. What cannot be told by them, null, goes by shape. */
static enum form_type form_here(const struct form *f)
{
	enum form_type form = custom_forms[f->field->type];

	if (form != FORM_CUSTOM || !choices_have_ids(&f->field->options))
		return form;
	if (jtext_type(f->value) == J_ARRAY || jtext_type(f->now) == J_ARRAY)
		return FORM_MANY;
	return is_null(f->value) ? form : FORM_ONE;
}

int form_find(struct form *f, const char *name, size_t n)
{
	const struct fields *fields = f->known->fields;

	f->slot = kinds_slot(name, n);
	f->field = NULL;
	if (f->slot.form != FORM_CUSTOM)
		return 0;
	if (!fields) {
		f->out->needs.fields = true;
		return -ENODATA;
	}
	f->field = fields_find(fields, name, n);
	if (f->field && f->field->is_readonly) {
		f->out->doubts.fields = true;
		return form_refuse(f, f->value.p, "", "cannot be changed: it is read-only");
	}
	if (f->field)
		f->slot.form = form_here(f);
	if (f->field || !fields_are_told(fields) || f->was.n || f->now.n)
		return 0;
	f->out->doubts.fields = true;
	return form_refuse(f, f->value.p, "", "not a member of %s", f->kind->name);
}

/* Scalars */

typedef int form_writer(struct form *f, struct jspan value, struct buf *out);

static int write_any(struct form *f, struct jspan value, struct buf *out)
{
	if (jtext_type(value) == J_NULL && jtext_type(f->now) == J_ARRAY)
		return buf_add_str(out, "[]"); /* the server ignores null there */
	return jtext_compact(value, out);
}

static int write_text(struct form *f, struct jspan value, struct buf *out)
{
	if (jtext_type(value) != J_STRING && jtext_type(value) != J_NULL)
		return form_refuse(f, value.p, "", "takes text in quotes, or null");
	return jtext_compact(value, out);
}

static int write_number(struct form *f, struct jspan value, struct buf *out)
{
	struct jspan number = canon_number(value);

	if (is_null(value))
		return buf_add_str(out, "null");
	if (!number.n)
		return form_refuse(f, value.p, "", "takes a number, as 1250.5, or null");
	return jtext_compact(number, out);
}

/* Digits behind the point that say something; an exponent counts. */
static long decimals(struct jspan number)
{
	const char *end = number.p + number.n, *point = NULL, *last = NULL, *p = number.p;
	char exponent[24] = "";

	for (; p < end && (*p | 0x20) != 'e'; p++) {
		point = *p == '.' ? p : point;
		last = *p >= '1' && *p <= '9' ? p : last;
	}
	if (!last)
		return 0;
	if (p < end)
		snprintf(exponent, sizeof(exponent), "%.*s", (int)(end - p - 1), p + 1);
	const char *unit = (point ? point : p) - 1;
	long behind = last > unit ? (long)(last - unit - 1) : (long)(last - unit);
	long shift = strtol(exponent, NULL, 10);
	return shift > 1000 ? 0 : shift < -1000 ? 1000 : behind - shift;
}

static int write_numeric(struct form *f, struct jspan value, struct buf *out)
{
	struct jspan number = canon_number(value);
	bool is_zero = number.n && jtext_equal(number, (struct jspan){"0", 1});

	if (number.n && *number.p == '-' && !is_zero)
		return form_refuse(f, value.p, "", "takes no number below 0");
	if (number.n && decimals(number) > DECIMALS_MAX)
		return form_refuse(f, value.p, "", "takes %d decimals at most", DECIMALS_MAX);
	return write_number(f, value, out);
}

static int write_integer(struct form *f, struct jspan value, struct buf *out)
{
	struct jspan number = canon_number(value);

	if (is_null(value))
		return buf_add_str(out, "null");
	if (!number.n || decimals(number) > 0)
		return form_refuse(f, value.p, "", "takes a whole number, as 7, or null");
	const char *point = memchr(number.p, '.', number.n);
	if (!memchr(number.p, 'e', number.n) && !memchr(number.p, 'E', number.n) && point)
		number.n = (size_t)(point - number.p); /* 7.0 */
	return jtext_compact(number, out);
}

static int write_boolean(struct form *f, struct jspan value, struct buf *out)
{
	struct jspan number = canon_number(value);

	if (jtext_type(value) == J_BOOL)
		return jtext_compact(value, out);
	if (is_null(value) || (number.n == 1 && *number.p == '0'))
		return buf_add_str(out, "false");
	if (number.n == 1 && *number.p == '1')
		return buf_add_str(out, "true");
	return form_refuse(f, value.p, "", "takes true or false");
}

static bool read_when(struct jspan value, struct when *when)
{
	return jtext_type(value) == J_STRING && when_read(words_trim(jraw_of(value)), when) == 0;
}

static int write_date(struct form *f, struct jspan value, struct buf *out)
{
	char day[WHEN_DAY_SIZE];
	struct when when;

	if (is_null(value))
		return buf_add_str(out, "null");
	if (!read_when(value, &when))
		return form_refuse(f, value.p, "",
				   "takes a day of the calendar, as \"2025-03-31\", "
				   "or null");
	if (!when.is_midnight)
		return form_refuse(f, value.p, "", "takes a day without a time, as \"2025-03-31\"");
	when_print_day(when.at, day);
	return buf_printf(out, "\"%s\"", day);
}

static int write_time(struct form *f, struct jspan value, bool takes_days, struct buf *out)
{
	char time[WHEN_TIME_SIZE];
	struct when when;

	if (is_null(value))
		return buf_add_str(out, "null");
	if (!read_when(value, &when) || (!when.has_time && !takes_days))
		return form_refuse(
			f, value.p, "",
			"takes a day%s a time in UTC, as \"2025-03-31 09:30:00\", a time "
			"with a zone, as \"2025-03-31T09:30:00+02:00\", or null",
			takes_days ? ", as \"2025-03-31\", a day with" : " with");
	if (!when.has_time)
		return write_date(f, value, out);
	when_print_time(when.at, time);
	return buf_printf(out, "\"%s\"", time);
}

static int write_datetime(struct form *f, struct jspan value, struct buf *out)
{
	return write_time(f, value, false, out);
}

static int write_when(struct form *f, struct jspan value, struct buf *out)
{
	return write_time(f, value, true, out);
}

static int write_color(struct form *f, struct jspan value, struct buf *out)
{
	struct jspan raw = words_trim(jraw_of(value));
	bool is_color = jtext_type(value) == J_STRING && raw.n == 7 && *raw.p == '#';

	for (size_t i = 1; is_color && i < raw.n; i++)
		is_color = (raw.p[i] >= '0' && raw.p[i] <= '9') ||
			   ((raw.p[i] | 0x20) >= 'a' && (raw.p[i] | 0x20) <= 'f');
	if (!is_color && !is_null(value))
		return form_refuse(f, value.p, "", "takes a colour, as \"#4ade80\", or null");
	return is_color ? jtext_compact(value, out) : buf_add_str(out, "null");
}

static int write_status(struct form *f, struct jspan value, struct buf *out)
{
	static const char *const words[] = {"\"open\"", "\"won\"", "\"lost\""};

	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		if (canon_same(FORM_STATUS, value, (struct jspan){words[i], strlen(words[i])}))
			return buf_add_str(out, words[i]);
	}
	return form_refuse(f, value.p, "", "takes \"open\", \"won\" or \"lost\"");
}

/* Lists */

typedef int form_element(struct form *f, struct jspan value, const char *place, struct buf *out);

static int write_elements(struct form *f, struct jspan array, const char *place, form_element *one,
			  struct buf *out)
{
	struct jiter it = {0};
	struct jspan element;
	char inner[PLACE_MAX];
	int result = 0, err = buf_add_char(out, '[');

	for (unsigned i = 0; err != -ENOMEM && jtext_next_element(array, &it, &element); i++) {
		snprintf(inner, sizeof(inner), "%s[%u]", place, i);
		err = i ? buf_add_char(out, ',') : 0;
		err = err < 0 ? err : one(f, element, inner, out);
		result = err < 0 ? err : result;
	}
	return result < 0 ? result : buf_add_char(out, ']');
}

/* A number or a label: what the server makes a phone's of. */
static int write_phone_number(struct form *f, struct jspan number, const char *place,
			      struct buf *out)
{
	if (jtext_type(number) == J_NUMBER)
		return buf_printf(out, "{\"number\":\"%.*s\"", (int)number.n, number.p);
	if (jtext_type(number) != J_STRING || is_null(number))
		return form_refuse(f, number.p, place, "takes a phone's number in quotes");
	int err = buf_add_str(out, "{\"number\":");
	return err < 0 ? err : jtext_compact(number, out);
}

/* What the server itself says of one of them. */
static bool is_phone_type_there(struct jspan phones, struct jspan type)
{
	struct jiter it = {0};
	struct jspan phone, has;

	while (jtext_type(phones) == J_ARRAY && jtext_next_element(phones, &it, &phone)) {
		if (jtext_get(phone, "type", &has) && jtext_equal(has, type))
			return true;
	}
	return false;
}

static int write_phone_type(struct form *f, struct jspan type, const char *place, struct buf *out)
{
	static const char *const words[] = {"\"mobile\"", "\"work\"", "\"other\""};

	if (is_null(type))
		return 0;
	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		if (canon_same(FORM_STATUS, type, (struct jspan){words[i], strlen(words[i])}))
			return buf_printf(out, ",\"type\":%s", words[i]);
	}
	if (jtext_type(type) == J_STRING && is_phone_type_there(f->now, type))
		return buf_printf(out, ",\"type\":%.*s", (int)type.n, type.p);
	return form_refuse(f, type.p, place, "takes \"mobile\", \"work\" or \"other\"");
}

/* "+46|work" */
static int write_phone_string(struct form *f, struct jspan string, const char *place,
			      struct buf *out)
{
	struct jspan raw = jraw_of(string);
	const char *bar = memchr(raw.p, '|', raw.n);
	struct jspan number = {raw.p, bar ? (size_t)(bar - raw.p) : raw.n};
	struct jspan type = {bar ? bar + 1 : NULL, bar ? raw.n - number.n - 1 : 0};
	CLEANUP(buf_fini) struct buf quoted = BUF_INIT(1 << 20);

	number = words_trim(number);
	type = words_trim(type);
	if (!number.n)
		return form_refuse(f, string.p, place, "a phone has no number");
	int err = buf_printf(&quoted, "\"%.*s\"", (int)type.n, type.p ? type.p : "");
	if (err == 0)
		err = buf_printf(out, "{\"number\":\"%.*s\"", (int)number.n, number.p);
	if (err == 0)
		err = write_phone_type(f, (struct jspan){quoted.data, quoted.len}, place, out);
	return err < 0 ? err : buf_add_char(out, '}');
}

static int write_phone(struct form *f, struct jspan phone, const char *place, struct buf *out)
{
	struct jspan number, type;
	char inner[PLACE_MAX];
	int err = 0;

	if (jtext_type(phone) == J_STRING)
		return write_phone_string(f, phone, place, out);
	if (jtext_type(phone) != J_OBJECT)
		return form_refuse(f, phone.p, place,
				   "takes a phone, as {\"number\": \"+4670000001\", "
				   "\"type\": \"work\"}");
	if (!jtext_get(phone, "number", &number))
		return form_refuse(f, phone.p, place, "a phone has no number");
	snprintf(inner, sizeof(inner), "%s.number", place);
	int result = write_phone_number(f, number, inner, out);
	snprintf(inner, sizeof(inner), "%s.type", place);
	if (jtext_get(phone, "type", &type))
		err = write_phone_type(f, type, inner, out);
	err = result < 0 ? result : err;
	return err < 0 ? err : buf_add_char(out, '}');
}

static int write_phone_words(struct form *f, struct jspan string, struct buf *out)
{
	struct jspan raw = jraw_of(string);
	int result = 0, err = buf_add_char(out, '[');

	for (size_t at = 0; at <= raw.n && err != -ENOMEM;) {
		const char *comma = memchr(raw.p + at, ',', raw.n - at);
		size_t n = comma ? (size_t)(comma - raw.p) - at : raw.n - at;
		struct jspan word = words_trim((struct jspan){raw.p + at, n});
		CLEANUP(buf_fini) struct buf quoted = BUF_INIT(1 << 20);
		at += n + 1;
		if (!word.n)
			continue;
		err = buf_printf(&quoted, "\"%.*s\"", (int)word.n, word.p);
		if (err == 0 && out->data[out->len - 1] != '[')
			err = buf_add_char(out, ',');
		if (err == 0)
			err = write_phone(f, (struct jspan){quoted.data, quoted.len}, "", out);
		result = err < 0 ? err : result;
	}
	return result < 0 ? result : buf_add_char(out, ']');
}

static int write_phones(struct form *f, struct jspan value, struct buf *out)
{
	if (is_null(value))
		return buf_add_str(out, "[]");
	if (jtext_type(value) == J_STRING)
		return write_phone_words(f, value, out);
	if (jtext_type(value) != J_ARRAY)
		return form_refuse(f, value.p, "", "takes a list of phones");
	return write_elements(f, value, "", write_phone, out);
}

static int write_record(struct form *f, struct jspan value, const char *place, struct buf *out)
{
	const char *of = f->slot.form == FORM_ASSOCIATIONS ? place + 1 : f->member;
	bool has_labels = strncmp(of, "contacts", 8) == 0 || strncmp(of, "companies", 9) == 0;
	struct jspan number = canon_number(value);
	struct pick pick;

	if (jtext_type(value) == J_STRING && !number.n && !is_null(value) && has_labels)
		return jtext_compact(value, out); /* by name or e-mail address */
	if (jtext_type(value) == J_STRING && number.n)
		value = number;
	if (!pick_read(value, &pick) || !pick.has_id)
		return form_refuse(f, value.p, place, "takes the id of a record");
	return buf_printf(out, "%llu", (unsigned long long)pick.id);
}

static int write_records(struct form *f, struct jspan value, struct buf *out)
{
	if (jtext_type(value) == J_NULL)
		return buf_add_str(out, "[]"); /* the server ignores null there */
	if (jtext_type(value) != J_ARRAY)
		return form_refuse(f, value.p, "", "takes a list of ids");
	return write_elements(f, value, "", write_record, out);
}

static int write_associations(struct form *f, struct jspan value, struct buf *out)
{
	struct jiter it = {0};
	struct jspan key, list;
	int result = 0, err = 0;
	const char *comma = "{";

	if (jtext_type(value) != J_OBJECT)
		return form_refuse(f, value.p, "",
				   "takes an object of lists, as {\"contacts\": [41]}");
	while (err != -ENOMEM && jtext_next_member(value, &it, &key, &list)) {
		char place[PLACE_MAX];
		snprintf(place, sizeof(place), ".%.*s", (int)(key.n < 30 ? key.n : 30), key.p);
		err = buf_printf(out, "%s\"%.*s\":", comma, (int)key.n, key.p);
		comma = ",";
		if (err == 0 && jtext_type(list) == J_NULL)
			err = buf_add_str(out, "[]");
		else if (err == 0 && jtext_type(list) == J_ARRAY)
			err = write_elements(f, list, place, write_record, out);
		else if (err == 0)
			err = form_refuse(f, list.p, place, "takes a list of ids");
		result = err < 0 ? err : result;
	}
	return result < 0 ? result : buf_add_str(out, *comma == '{' ? "{}" : "}");
}

/* A guest that was already there has to be left as it is: only the id and what it is of count. */
static int check_guest(struct form *f, struct jspan guest, const char *place)
{
	struct jspan of, id, was, was_of, was_id;
	struct jiter it = {0};
	uint64_t number;

	if (jtext_type(guest) != J_OBJECT || !jtext_get(guest, "id", &id) ||
	    !jtext_to_u64(id, &number) || !jtext_get(guest, "resource_name", &of) ||
	    !(jtext_is_string(of, "users") || jtext_is_string(of, "contacts")))
		return form_refuse(f, guest.p, place,
				   "takes a guest with id and resource_name "
				   "(\"users\" or \"contacts\")");
	while (jtext_type(f->was) == J_ARRAY && jtext_next_element(f->was, &it, &was)) {
		struct jiter inner = {0};
		struct jspan key, value, before;
		if (!jtext_get(was, "id", &was_id) || !jtext_equal(id, was_id) ||
		    !jtext_get(was, "resource_name", &was_of) || !jtext_equal(of, was_of))
			continue;
		while (jtext_next_member(guest, &inner, &key, &value)) {
			char name[FORM_MEMBER_MAX];
			snprintf(name, sizeof(name), "%.*s", (int)(key.n < 80 ? key.n : 80), key.p);
			if (jtext_get(was, name, &before) && !jtext_equal(value, before))
				return form_refuse(f, value.p, place,
						   "%s cannot be changed here: another guest has "
						   "another id",
						   name);
		}
	}
	return 0;
}

/* The ids of those guests who are of one resource. */
static int write_guests_of(struct form *f, struct jspan guests, const char *resource,
			   struct buf *out)
{
	struct jiter it = {0};
	struct jspan guest, of, id;
	bool first = true;
	int err = buf_printf(out, "\"%s\":[", resource);

	if (jtext_type(guests) == J_OBJECT) {
		char place[PLACE_MAX];
		snprintf(place, sizeof(place), ".%s", resource);
		out->len--; /* write_elements has brackets of its own */
		if (!jtext_get(guests, resource, &of) || jtext_type(of) == J_NULL)
			return buf_add_str(out, "[]");
		return jtext_type(of) == J_ARRAY
			       ? write_elements(f, of, place, write_record, out)
			       : form_refuse(f, of.p, place, "takes a list of ids");
	}
	while (err == 0 && jtext_next_element(guests, &it, &guest)) {
		if (!jtext_get(guest, "resource_name", &of) || !jtext_is_string(of, resource) ||
		    !jtext_get(guest, "id", &id))
			continue;
		err = first ? 0 : buf_add_char(out, ',');
		err = err < 0 ? err : jtext_compact(id, out);
		first = false;
	}
	return err < 0 ? err : buf_add_char(out, ']');
}

static int check_guests(struct form *f, struct jspan value)
{
	struct jiter it = {0};
	struct jspan element, key;
	char place[PLACE_MAX];
	int result = 0;

	for (unsigned i = 0;
	     jtext_type(value) == J_ARRAY && jtext_next_element(value, &it, &element); i++) {
		snprintf(place, sizeof(place), "[%u]", i);
		int err = check_guest(f, element, place);
		result = err < 0 ? err : result;
	}
	while (jtext_type(value) == J_OBJECT && jtext_next_member(value, &it, &key, &element)) {
		if (!kinds_has_word("users contacts", key.p, key.n))
			result = form_refuse(f, key.p - 1, "", "takes \"users\" and \"contacts\"");
	}
	return result;
}

static int write_guests(struct form *f, struct jspan value, struct buf *out)
{
	enum jtype type = jtext_type(value);

	if (type == J_NULL)
		return buf_add_str(out, "{\"users\":[],\"contacts\":[]}");
	if (type != J_ARRAY && type != J_OBJECT)
		return form_refuse(f, value.p, "", "takes a list of guests");
	int err = check_guests(f, value);
	if (err == 0)
		err = buf_add_char(out, '{');
	if (err == 0)
		err = write_guests_of(f, value, "users", out);
	if (err == 0)
		err = buf_add_char(out, ',');
	if (err == 0)
		err = write_guests_of(f, value, "contacts", out);
	return err < 0 ? err : buf_add_char(out, '}');
}

/* By shape alone */

static int write_shaped(struct form *f, struct jspan value, const char *place, struct buf *out)
{
	struct pick pick;

	if (jtext_type(value) != J_OBJECT)
		return jtext_compact(value, out);
	if (!pick_read(value, &pick) || (!pick.has_id && !pick.name.n))
		return form_refuse(f, value.p, place, "a choice has neither id nor name");
	return pick.has_id ? buf_printf(out, "%llu", (unsigned long long)pick.id)
			   : jtext_compact(pick.name, out);
}

static int write_custom(struct form *f, struct jspan value, struct buf *out)
{
	if (jtext_type(value) == J_ARRAY)
		return write_elements(f, value, "", write_shaped, out);
	return write_any(f, value, out);
}

static form_writer *const writers[FORM_COUNT] = {
	[FORM_ANY] = write_any,		  [FORM_TEXT] = write_text,
	[FORM_HTML] = write_text,	  [FORM_NUMBER] = write_number,
	[FORM_NUMERIC] = write_numeric,	  [FORM_INTEGER] = write_integer,
	[FORM_BOOLEAN] = write_boolean,	  [FORM_DATE] = write_date,
	[FORM_DATETIME] = write_datetime, [FORM_WHEN] = write_when,
	[FORM_COLOR] = write_color,	  [FORM_STATUS] = write_status,
	[FORM_ONE] = resolve_one,	  [FORM_MANY] = resolve_many,
	[FORM_LINK] = resolve_link,	  [FORM_TAGS] = resolve_tags,
	[FORM_PHONES] = write_phones,	  [FORM_GUESTS] = write_guests,
	[FORM_RECORDS] = write_records,	  [FORM_ASSOCIATIONS] = write_associations,
	[FORM_CUSTOM] = write_custom,
};

int form_write(struct form *f, struct jspan value, struct buf *out)
{
	f->value = value;
	int err = writers[f->slot.form](f, value, out);
	return err == -EFBIG ? -ENOMEM : err;
}
