/* SPDX-License-Identifier: MIT */
/*
 * template: see template.h. The members come in one order, in the object and in the words: what is
 * required, what else can be written, custom fields, what is sent and never shown. No state, no lock.
 */
#include "crm/template.h"

#include <errno.h>
#include <string.h>

#include "crm/form.h"
#include "crm/words.h"

enum { NAME_MAX_BYTES = 200 };

/* What is written of a new record and makes little sense in a form to be filled in. */
static const char unusual[] = "associations billable stages task_date";

struct item {
	const char *name;
	size_t n;
	const struct field *field; /* NULL: not told */
	bool is_required;
};

struct walk {
	const struct kind *kind;
	const struct fields *fields; /* or NULL */
	struct buf *out;
	size_t count; /* so far */
	int (*visit)(struct walk *w, const struct item *item);
};

static struct item item_of(const struct walk *w, const char *name, size_t n)
{
	struct item item = {.name = name, .n = n};

	item.field = w->fields ? fields_find(w->fields, name, n) : NULL;
	item.is_required = kinds_has_word(w->kind->required, name, n) ||
			   (item.field && item.field->is_required);
	return item;
}

static int visit(struct walk *w, const struct item *item, bool required)
{
	if (item->is_required != required || (item->field && item->field->is_readonly))
		return 0;
	int err = w->visit(w, item);
	w->count++;
	return err;
}

static int visit_words(struct walk *w, const char *list, bool required)
{
	int err = 0;

	for (const char *p = list; p && *p && !err; p += strspn(p, " ")) {
		struct item item = item_of(w, p, strcspn(p, " "));
		err = visit(w, &item, required);
		p += item.n;
	}
	return err;
}

static int visit_custom(struct walk *w, bool required)
{
	int err = 0;

	for (size_t i = 0; w->fields && i < fields_count(w->fields) && !err; i++) {
		const struct field *f = fields_at(w->fields, i);
		struct item item = {f->name, strlen(f->name), f, f->is_required};
		if (f->is_custom)
			err = visit(w, &item, required);
	}
	return err;
}

static int visit_all(struct walk *w)
{
	static const bool passes[] = {true, false};
	int err = 0;

	for (size_t i = 0; i < ARRAY_LEN(passes) && !err; i++) {
		err = visit_words(w, w->kind->editable, passes[i]);
		if (!err)
			err = visit_custom(w, passes[i]);
		if (!err)
			err = visit_words(w, w->kind->accepts, passes[i]);
	}
	return err;
}

/* The object */

static int write_member(struct walk *w, const struct item *item)
{
	if (kinds_has_word(unusual, item->name, item->n))
		return 0;
	return buf_printf(w->out, "%s\n  \"%.*s\": %s", w->out->len > 1 ? "," : "", (int)item->n,
			  item->name, item->is_required ? "\"\"" : "null");
}

int template_write(const struct kind *k, const struct fields *fields, struct buf *out)
{
	struct walk w = {.kind = k, .fields = fields, .out = out, .visit = write_member};
	int err = buf_add_char(out, '{');

	if (!err)
		err = visit_all(&w);
	return err ? err : buf_add_str(out, "\n}\n");
}

/* The words */

static const char *const takes[FORM_COUNT] = {
	[FORM_ANY] = "as the API takes it",
	[FORM_TEXT] = "text",
	[FORM_HTML] = "text or HTML",
	[FORM_NUMBER] = "a number, as 1250.5",
	[FORM_NUMERIC] = "a number from 0 on, three decimals at most",
	[FORM_INTEGER] = "a whole number",
	[FORM_BOOLEAN] = "true or false",
	[FORM_DATE] = "a day, as \"2025-03-31\"",
	[FORM_DATETIME] = "day and time in UTC, as \"2025-03-31 09:30:00\"",
	[FORM_WHEN] = "a day, as \"2025-03-31\", or with a time in UTC, as \"2025-03-31 09:30:00\"",
	[FORM_COLOR] = "a colour, as \"#3366ff\"",
	[FORM_STATUS] = "\"open\", \"won\" or \"lost\"",
	[FORM_ONE] = "one of these, by name or number",
	[FORM_MANY] = "a list of these, by name or number",
	[FORM_LINK] = "a record, by name or number",
	[FORM_TAGS] = "a list of names, as [\"VIP\"]",
	[FORM_PHONES] =
		"a list, as [{\"number\": \"+4670123\", \"type\": \"work\"}] (mobile, other)",
	[FORM_GUESTS] = "{\"users\": [2], \"contacts\": [41]}",
	[FORM_RECORDS] = "a list of ids, as [41, 42]",
	[FORM_ASSOCIATIONS] = "lists of ids, as {\"contacts\": [41]}",
	[FORM_CUSTOM] = "as the API takes it",
};

/* What the table of forms has no word for. */
static const struct {
	const char *member, *takes;
} others[] = {
	{"via_resource", "where it belongs: \"contacts\", \"companies\" or \"deals\""},
	{"via_resource_id", "the id of the record there"},
};

static const char *words_for(const struct item *item, const struct slot *slot)
{
	for (size_t i = 0; i < ARRAY_LEN(others); i++) {
		if (strlen(others[i].member) == item->n &&
		    memcmp(others[i].member, item->name, item->n) == 0)
			return others[i].takes;
	}
	return takes[slot->form];
}

static int add_plain(struct buf *out, const char *text)
{
	char line[NAME_MAX_BYTES];

	words_print((struct jspan){text, strlen(text)}, line, sizeof(line));
	return buf_add_str(out, line);
}

static int add_label(const struct item *item, struct buf *out)
{
	const char *label = item->field ? item->field->label : NULL;

	if (!label || !*label || (strlen(label) == item->n && strcmp(label, item->name) == 0))
		return 0;
	int err = buf_add_str(out, " (");
	if (!err)
		err = add_plain(out, label);
	return err ? err : buf_add_char(out, ')');
}

/* Every one on a line: they are there to be found with grep. */
static int add_options(const struct item *item, struct buf *out)
{
	const struct choices *options = item->field ? &item->field->options : NULL;
	int err = 0;

	for (size_t i = 0; options && i < options->count && !err; i++) {
		const struct choice *one = &options->list[i];
		err = buf_add_str(out, "    - ");
		if (!err)
			err = add_plain(out, one->name);
		if (!err)
			err = one->id ? buf_printf(out, ": %llu\n", (unsigned long long)one->id)
				      : buf_add_char(out, '\n');
	}
	return err;
}

static int explain_member(struct walk *w, const struct item *item)
{
	struct slot slot = kinds_slot(item->name, item->n);

	if (slot.form == FORM_CUSTOM && item->field)
		slot.form = form_of_field(item->field->type);
	int err = buf_printf(w->out, "- `%.*s`", (int)item->n, item->name);
	if (!err)
		err = add_label(item, w->out);
	if (!err)
		err = buf_printf(w->out, "%s: %s", item->is_required ? ", required" : "",
				 words_for(item, &slot));
	if (!err && slot.lookup)
		err = buf_printf(w->out, " of ../%s/", slot.lookup);
	if (!err)
		err = buf_add_char(w->out, '\n');
	return err ? err : add_options(item, w->out);
}

int template_explain(const struct kind *k, const struct fields *fields, struct buf *out)
{
	struct walk w = {.kind = k, .fields = fields, .out = out, .visit = explain_member};
	bool is_told = fields && fields_are_told(fields);
	int err = buf_printf(
		out,
		"# What a new record of %s takes\n\n"
		"    cp .template.json new.json     # any name that ends in .json and is no "
		"number\n"
		"    $EDITOR new.json               # fill in what has \"\", and of the rest what "
		"you "
		"like\n\n"
		"What is still \"\" or null when you save is not sent; a member may be removed as "
		"well. A copy of\nthe template that was not changed stays a local file. Other "
		"forms "
		"than those below are taken too.\n%s\n",
		k->name,
		is_told ? ""
			: "The server does not tell its fields: custom ones (cf_...) are missing "
			  "here.\n");
	return err ? err : visit_all(&w);
}
