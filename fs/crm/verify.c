/* SPDX-License-Identifier: MIT */
/*
 * verify: the second half of edit.h: did what was sent arrive? Concord drops without a word what
 * this user's role may not change and records they may not see. Forms are told by shape here: field
 * metadata is not at hand when an answer comes. No state, no lock, any thread.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crm/canon.h"
#include "crm/edit.h"
#include "crm/jchar.h"
#include "crm/kinds.h"
#include "crm/members.h"
#include "crm/words.h"

enum { VALUE_MAX = 124, PLACE_MAX = 120, BYTES_MAX = 16 << 20 };

struct check {
	const struct kind *kind;
	struct members sent, before, answer, mine;
	bool is_new;
	struct jspan text; /* the person's */
	struct report *out;
	size_t problems;
};

static void check_fini_at(struct check *c)
{
	members_fini(&c->sent);
	members_fini(&c->before);
	members_fini(&c->answer);
	members_fini(&c->mine);
}

static int read_members(struct jspan text, struct members *out)
{
	struct jfault fault;

	if (!text.p || jtext_check(text, &fault) < 0)
		return 0;
	return members_read(jtext_trim(text), out);
}

static bool is_extra(const struct member *m)
{
	return kinds_has_word("via_resource via_resource_id task_date billable", m->name,
			      m->name_len);
}

static const struct member *find_word(const struct members *in, const char *word)
{
	return members_find(in, word, strlen(word));
}

/* A member of the request in another text: user_id, or the user that is shown instead. */
static const struct member *find(const struct members *in, const struct member *m,
				 const struct slot *slot)
{
	const struct member *found = members_find(in, m->name, m->name_len);

	return found || !slot->embed ? found : find_word(in, slot->embed);
}

static void add_problem(struct check *c, const struct member *mine, const char *name,
			const char *fmt, struct jspan value)
{
	CLEANUP(buf_fini) struct buf text = BUF_INIT(BYTES_MAX);
	char shown[VALUE_MAX] = "nothing";

	if (value.n && jtext_compact(value, &text) == 0 &&
	    !words_print((struct jspan){text.data, text.len}, shown, VALUE_MAX - 4))
		strcat(shown, "...");
	report_add(c->out, c->text, mine ? mine->value.p : NULL, name, fmt, shown);
	c->problems++;
}

/* The ids of an array of records, sorted. */
struct ids {
	uint64_t *list;
	size_t count;
};

static int compare_ids(const void *pa, const void *pb)
{
	const uint64_t *a = pa, *b = pb;

	return (*a > *b) - (*a < *b);
}

static int read_ids(struct jspan records, struct ids *out)
{
	struct jiter it = {0};
	struct jspan record;
	struct pick pick;

	while (jtext_next_element(records, &it, &record)) {
		if (!pick_read(record, &pick) || !pick.has_id)
			continue;
		if ((out->count & (out->count - 1)) == 0) { /* full at every power of two */
			size_t room = out->count ? out->count * 2 : 1;
			uint64_t *list = reallocarray(out->list, room, sizeof(*list));
			if (!list)
				return -ENOMEM;
			out->list = list;
		}
		out->list[out->count++] = pick.id;
	}
	if (out->count)
		qsort(out->list, out->count, sizeof(*out->list), compare_ids);
	return 0;
}

static bool is_labelled(struct jspan records, struct jspan label)
{
	static const char *const labels[] = {"name", "email", "display_name"};
	struct pick wanted = {.name = label};
	struct jiter it = {0};
	struct jspan record, name;

	while (jtext_next_element(records, &it, &record)) {
		for (size_t i = 0; i < ARRAY_LEN(labels); i++) {
			if (jtext_get(record, labels[i], &name) && jtext_type(name) == J_STRING &&
			    pick_same(&wanted, &(struct pick){.name = name}))
				return true;
		}
	}
	return false;
}

/* Is the record that was sent as an id or a label among those of the answer? */
static bool is_among(struct jspan sent, const struct ids *ids, struct jspan records)
{
	struct pick pick;

	if (!pick_read(sent, &pick) || pick.is_null)
		return true;
	if (!pick.has_id)
		return is_labelled(records, pick.name);
	return ids->count &&
	       bsearch(&pick.id, ids->list, ids->count, sizeof(*ids->list), compare_ids);
}

/* The element of the person's list that stands where the sent one does. */
static const char *element_at(struct jspan list, unsigned index)
{
	struct jiter it = {0};
	struct jspan element;

	while (jtext_type(list) == J_ARRAY && jtext_next_element(list, &it, &element)) {
		if (!index--)
			return element.p;
	}
	return list.p;
}

static void check_records(struct check *c, const char *name, struct jspan sent, struct jspan got,
			  struct jspan mine)
{
	struct jiter it = {0};
	struct jspan id;
	char place[PLACE_MAX];
	struct ids ids = {0};

	if (jtext_type(sent) != J_ARRAY || jtext_type(got) != J_ARRAY)
		return;
	bool is_read = read_ids(got, &ids) == 0;
	for (unsigned i = 0; is_read && jtext_next_element(sent, &it, &id); i++) {
		if (is_among(id, &ids, got))
			continue;
		snprintf(place, sizeof(place), "%s[%u]", name, i);
		struct member at = {.value = {element_at(mine, i), 1}};
		add_problem(c, at.value.p ? &at : NULL, place,
			    "the server left out %s: there is none, or you may not see it", id);
	}
	free(ids.list);
}

static void check_associations(struct check *c, const struct member *m, const struct member *mine)
{
	struct jiter it = {0};
	struct jspan key, sent, own;
	char name[PLACE_MAX / 2], place[PLACE_MAX];

	while (jtext_type(m->value) == J_OBJECT && jtext_next_member(m->value, &it, &key, &sent)) {
		const struct member *got = members_find(&c->answer, key.p, key.n);
		snprintf(name, sizeof(name), "%.*s", (int)(key.n < 40 ? key.n : 40), key.p);
		if (!mine || !jtext_get(mine->value, name, &own))
			own = (struct jspan){0};
		snprintf(place, sizeof(place), "associations.%s", name);
		if (got)
			check_records(c, place, sent, got->value, own);
	}
}

/* Digits without what stands before a national number, from the end: "0701" and "+46 70 1". */
static bool numbers_are_alike(struct jspan a, struct jspan b)
{
	static const char digits[] = "0123456789";
	size_t same = 0, i = a.n, j = b.n;

	for (;; i--, j--, same++) {
		while (i && !memchr(digits, a.p[i - 1], 10))
			i--;
		while (j && !memchr(digits, b.p[j - 1], 10))
			j--;
		if (!i || !j || a.p[i - 1] != b.p[j - 1])
			break;
	}
	bool is_whole = !i || !j || a.p[i - 1] == '0' || b.p[j - 1] == '0';
	return same && is_whole;
}

/* The server may put a country's prefix before a number. */
static bool phones_are_alike(struct jspan sent, struct jspan got)
{
	struct jiter it = {0}, other = {0};
	struct jspan a, b, number, shown, type, kept;
	bool more;

	if (jtext_type(sent) != J_ARRAY || jtext_type(got) != J_ARRAY)
		return false;
	while ((more = jtext_next_element(sent, &it, &a)) == jtext_next_element(got, &other, &b)) {
		if (!more)
			return true;
		if (!jtext_get(a, "number", &number) || !jtext_get(b, "number", &shown) ||
		    !numbers_are_alike(number, shown))
			return false;
		if (jtext_get(a, "type", &type) &&
		    !(jtext_get(b, "type", &kept) && jtext_equal(type, kept)))
			return false;
	}
	return false;
}

/* Colours, addresses and hosts, which a server may write small. */
static bool differs_in_case_only(const struct member *m, const struct slot *slot, struct jspan sent,
				 struct jspan got)
{
	bool has_no_case =
		slot->form == FORM_COLOR || kinds_has_word("email domain", m->name, m->name_len);

	return has_no_case && jtext_type(sent) == J_STRING && jtext_type(got) == J_STRING &&
	       pick_same(&(struct pick){.name = sent}, &(struct pick){.name = got});
}

/* Beside the id of a link stands the record, whose name a label can be compared with. */
static bool link_is_taken(const struct check *c, const struct slot *slot, struct jspan sent,
			  struct jspan got)
{
	const struct member *embed = slot->embed ? find_word(&c->answer, slot->embed) : NULL;
	struct pick a, b;

	if (slot->form == FORM_PHONES && phones_are_alike(sent, got))
		return true;
	return canon_is_taken(slot->form, sent, got) ||
	       (embed && pick_read(sent, &a) && !a.has_id && pick_read(embed->value, &b) &&
		pick_same(&(struct pick){.name = a.name}, &(struct pick){.name = b.name}));
}

/* Without the id beside it, a record's null may only say that nobody looked for it. */
static bool is_not_loaded(const struct member *got, const struct slot *slot)
{
	return slot->embed && jtext_type(got->value) == J_NULL &&
	       got->name_len == strlen(slot->embed) &&
	       memcmp(got->name, slot->embed, got->name_len) == 0;
}

/* A new record got an id for the label that was sent, and nobody says whose it is. */
static bool is_unnamed(const struct check *c, const struct slot *slot, struct jspan sent,
		       struct jspan got)
{
	const struct member *embed = slot->embed ? find_word(&c->answer, slot->embed) : NULL;
	struct pick a, b;

	return c->is_new && slot->form == FORM_LINK && pick_read(sent, &a) && !a.has_id &&
	       pick_read(got, &b) && b.has_id && (!embed || jtext_type(embed->value) == J_NULL);
}

/* What the server takes as it is or not at all: of a new record anything else is a default. */
static bool is_exact(enum form_type form)
{
	return form == FORM_STATUS || form == FORM_LINK || form == FORM_BOOLEAN ||
	       form == FORM_DATE || form == FORM_COLOR;
}

static void check_member(struct check *c, const struct member *m)
{
	struct slot slot = kinds_slot(m->name, m->name_len);
	const struct member *got = find(&c->answer, m, &slot), *before = find(&c->before, m, &slot);
	const struct member *mine = find(&c->mine, m, &slot);
	char name[PLACE_MAX];

	snprintf(name, sizeof(name), "%.*s", (int)(m->name_len < 100 ? m->name_len : 100), m->name);
	if (slot.form == FORM_ASSOCIATIONS)
		check_associations(c, m, mine);
	if (!got || is_extra(m) || slot.form == FORM_HTML || slot.form == FORM_ASSOCIATIONS)
		return;
	if (slot.form == FORM_RECORDS) {
		check_records(c, name, m->value, got->value,
			      mine ? mine->value : (struct jspan){0});
		return;
	}
	if (is_not_loaded(got, &slot) || link_is_taken(c, &slot, m->value, got->value) ||
	    differs_in_case_only(m, &slot, m->value, got->value) ||
	    is_unnamed(c, &slot, m->value, got->value))
		return;
	struct jspan was = before ? before->value : (struct jspan){0};
	bool is_empty = canon_is_nothing(got->value);
	bool is_left = c->is_new ? is_empty || is_exact(slot.form)
				 : canon_same(slot.form, was, got->value) ||
					   (is_empty && canon_is_nothing(was));
	if (is_left)
		add_problem(c, mine, name,
			    c->is_new ? "the server made it %s: perhaps you may not set it"
				      : "the server left it as it was, %s: perhaps you may not "
					"change it",
			    got->value);
}

static int read_texts(struct check *c, struct jspan sent, struct jspan before, struct jspan answer)
{
	int err = read_members(sent, &c->sent);

	if (err == 0)
		err = read_members(before, &c->before);
	if (err == 0)
		err = read_members(answer, &c->answer);
	return err < 0 ? err : read_members(c->text, &c->mine);
}

int edit_verify(const struct kind *kind, struct jspan sent, struct jspan before,
		struct jspan answer, struct jspan mine, struct report *out)
{
	CLEANUP(check_fini)
	struct check c = {.kind = kind, .text = mine, .out = out, .is_new = !before.p};

	if (read_texts(&c, sent, before, answer) < 0)
		return 0; /* no memory to doubt it with */
	for (size_t i = 0; i < c.sent.count; i++) {
		if (!c.sent.list[i].is_replaced)
			check_member(&c, &c.sent.list[i]);
	}
	return c.problems ? -EPERM : 0;
}

/* What of a text a reader sees, without its tags: the server writes those anew. */
static int strip_html(struct jspan value, struct buf *out)
{
	CLEANUP(buf_fini) struct buf text = BUF_INIT(BYTES_MAX);
	int err = jtext_type(value) == J_STRING ? jtext_unescape(value, &text) : 0;
	bool in_tag = false;

	for (size_t i = 0; err == 0 && i < text.len; i++) {
		unsigned char ch = (unsigned char)text.data[i];
		bool is_letter = (ch >= '0' && ch <= '9') ||
				 ((ch | 0x20) >= 'a' && (ch | 0x20) <= 'z') || ch >= 0x80;
		if (ch == '<' || ch == '>')
			in_tag = ch == '<';
		else if (!in_tag && is_letter)
			err = buf_add_char(out, (char)ch);
	}
	return err;
}

static bool html_is_same(struct jspan a, struct jspan b)
{
	CLEANUP(buf_fini) struct buf ta = BUF_INIT(BYTES_MAX);
	CLEANUP(buf_fini) struct buf tb = BUF_INIT(BYTES_MAX);

	if (canon_same(FORM_HTML, a, b))
		return true;
	if (strip_html(a, &ta) < 0 || strip_html(b, &tb) < 0 || !ta.len)
		return false;
	return ta.len == tb.len && memcmp(ta.data, tb.data, ta.len) == 0;
}

/* The option that a label was made into shows as its id alone. */
static bool is_new_label(const struct slot *slot, const struct member *sent,
			 const struct member *got)
{
	return slot->form == FORM_CUSTOM && jtext_type(sent->value) == J_STRING &&
	       jtext_type(got->value) == J_NUMBER;
}

bool edit_is_done(const struct kind *kind, struct jspan sent, struct jspan record)
{
	CLEANUP(check_fini) struct check c = {.kind = kind};
	bool is_shown = false;

	if (read_texts(&c, sent, (struct jspan){0}, record) < 0)
		return false;
	for (size_t i = 0; i < c.sent.count; i++) {
		const struct member *m = &c.sent.list[i];
		struct slot slot = kinds_slot(m->name, m->name_len);
		const struct member *got = find(&c.answer, m, &slot);
		if (!got || m->is_replaced || is_extra(m) || is_new_label(&slot, m, got))
			continue;
		is_shown = true;
		if (slot.form == FORM_HTML ? !html_is_same(m->value, got->value)
					   : !link_is_taken(&c, &slot, m->value, got->value))
			return false;
	}
	return is_shown;
}
