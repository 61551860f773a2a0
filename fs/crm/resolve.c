/* SPDX-License-Identifier: MIT */
/*
 * resolve: an id that was left while the name beside it was edited means the record of that name; an
 * id that was edited means itself, whatever name was left beside it. No state, no lock, any thread.
 */
#include "crm/resolve.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "crm/canon.h"
#include "crm/jchar.h"
#include "crm/words.h"

enum { LIST_MAX = 1400, VALUE_MAX = 100, PLACE_MAX = 32, TEXT_MAX = 1 << 20, ELEMENTS_MAX = 1000 };

/* What one choice is resolved with. */
struct search {
	const struct choices *list; /* NULL: nobody tells what there is */
	bool *doubt;		    /* of edit.doubts, if it is not found in the list; or NULL */
	const char *place;	    /* within the member */
	bool checks_ids;	    /* an id that is not in the list is refused */
	bool is_made;		    /* the API makes what it does not know */
};

/* The person's own spelling, for a sentence. */
static const char *shown(struct jspan value, char out[static VALUE_MAX])
{
	CLEANUP(buf_fini) struct buf text = BUF_INIT(TEXT_MAX);
	bool whole = false;

	*out = '\0';
	if (jtext_compact(value, &text) == 0)
		whole = words_print((struct jspan){text.data, text.len}, out, VALUE_MAX - 4);
	return whole ? out : strcat(out, "...");
}

bool resolve_find(struct jspan was, uint64_t id, struct jspan *out)
{
	struct jiter it = {0};
	struct pick pick;

	if (jtext_type(was) == J_ARRAY) {
		while (jtext_next_element(was, &it, out)) {
			if (pick_read(*out, &pick) && pick.has_id && pick.id == id)
				return true;
		}
		return false;
	}
	*out = was;
	return was.n && pick_read(was, &pick) && pick.has_id && pick.id == id;
}

static bool same_name(struct jspan a, struct jspan b)
{
	return pick_same(&(struct pick){.name = a}, &(struct pick){.name = b});
}

static bool has_name(const struct choice *c, struct jspan name)
{
	CLEANUP(buf_fini) struct buf text = BUF_INIT(TEXT_MAX);

	return canon_text(name, &text) == 0 && words_same((struct jspan){c->name, strlen(c->name)},
							  (struct jspan){text.data, text.len});
}

/* The name that counts instead of pick's id; n = 0: the id does. */
static struct jspan edited_name(const struct form *f, const struct pick *pick,
				const struct choices *list)
{
	const struct choice *known = list ? choices_by_id(list, pick->id) : NULL;
	struct jspan was, none = {0};
	struct pick before;

	if (!pick->has_id)
		return pick->name.n ? pick->name : pick->email;
	if (!resolve_find(f->was, pick->id, &was) || !pick_read(was, &before))
		return none;
	if (pick->name.n && (before.name.n ? !same_name(pick->name, before.name)
					   : known && !has_name(known, pick->name)))
		return pick->name;
	if (pick->email.n && before.email.n && !same_name(pick->email, before.email))
		return pick->email;
	return none;
}

static int put_choice(const struct choice *c, struct buf *out)
{
	if (c->id)
		return buf_printf(out, "%llu", (unsigned long long)c->id);
	return words_put_json((struct jspan){c->name, strlen(c->name)}, out);
}

static uint64_t pipeline_of(const struct form *f)
{
	bool is_stage = f->slot.member && strcmp(f->slot.member, "stage_id") == 0;

	return is_stage ? f->pipeline : 0;
}

static int refuse_unknown(struct form *f, struct jspan value, const struct search *s)
{
	char what[VALUE_MAX], list[LIST_MAX] = "";
	const char *made = s->is_made && jtext_type(value) == J_STRING
				   ? " (-o create_labels lets a save make it)"
				   : "";

	if (s->doubt)
		*s->doubt = true;
	shown(value, what);
	if (s->list)
		choices_print(s->list, pipeline_of(f), list, sizeof(list));
	if (!s->list)
		return form_refuse(f, value.p, s->place, "takes an id: names are not known here");
	if (!list[0])
		return form_refuse(f, value.p, s->place, "there is no %s%s", what, made);
	return form_refuse(f, value.p, s->place, "there is no %s%s; it takes %s", what, made, list);
}

/* Which of several records of one name is meant nobody can know. */
static int refuse_ambiguous(struct form *f, struct jspan value, const struct search *s,
			    struct jspan name)
{
	char what[VALUE_MAX], list[LIST_MAX] = "";
	uint64_t of = pipeline_of(f);
	struct choices same = {0};
	int err = 0;

	for (size_t i = 0; i < s->list->count && err == 0; i++) {
		const struct choice *c = &s->list->list[i];
		size_t n;
		if ((!of || c->of == of) &&
		    choices_by_name(&(struct choices){.list = (struct choice *)c, .count = 1},
				    name.p, name.n, 0, &n))
			err = choices_add(&same, c->id, 0,
					  (struct jspan){c->name, strlen(c->name)});
	}
	choices_print(&same, 0, list, sizeof(list));
	choices_fini(&same);
	return err < 0 ? err
		       : form_refuse(f, value.p, s->place, "%s is the name of several: %s",
				     shown(value, what), list);
}

static int write_id(struct form *f, struct jspan value, uint64_t id, const struct search *s,
		    struct buf *out)
{
	char digits[24];
	size_t count = 0;

	if (!s->checks_ids || !s->list || choices_by_id(s->list, id))
		return buf_printf(out, "%llu", (unsigned long long)id);
	snprintf(digits, sizeof(digits), "%llu", (unsigned long long)id);
	const struct choice *named =
		choices_by_name(s->list, digits, strlen(digits), pipeline_of(f), &count);
	if (count == 1) /* an option that is called 2025 */
		return put_choice(named, out);
	if (s->list->is_partial)
		return buf_printf(out, "%llu", (unsigned long long)id);
	return refuse_unknown(f, value, s);
}

static int write_name(struct form *f, struct jspan value, struct jspan name, const struct search *s,
		      struct buf *out)
{
	CLEANUP(buf_fini) struct buf text = BUF_INIT(TEXT_MAX);
	size_t count = 0;
	uint64_t id;
	int err = canon_text(name, &text);

	if (err < 0)
		return err == -EFBIG ? form_refuse(f, value.p, s->place, "is too long") : err;
	struct jspan word = {text.data, text.len};
	const struct choice *found =
		s->list ? choices_by_name(s->list, word.p, word.n, pipeline_of(f), &count) : NULL;
	if (count == 1)
		return put_choice(found, out);
	if (jtext_type(value) == J_OBJECT)
		value = name;
	if (count > 1)
		return refuse_ambiguous(f, value, s, word);
	bool is_id = jtext_to_u64(word, &id) && id;
	if (is_id && (!s->checks_ids || !s->list || choices_by_id(s->list, id)))
		return buf_printf(out, "%llu", (unsigned long long)id);
	if (s->is_made && f->known->create_labels)
		return jtext_compact(name, out);
	return refuse_unknown(f, value, s);
}

/* value is not null. */
static int write_choice(struct form *f, struct jspan value, const struct search *s, struct buf *out)
{
	char what[VALUE_MAX], known_as[VALUE_MAX];
	struct pick pick;

	if (!pick_read(value, &pick) || pick.is_null)
		return form_refuse(f, value.p, s->place,
				   "takes an id, a name, or an object with one of them");
	struct jspan name = edited_name(f, &pick, s->list);
	if (name.n)
		return write_name(f, value, name, s, out);
	const struct choice *c = s->list ? choices_by_id(s->list, pick.id) : NULL;
	if (f->is_new && c && pick.name.n && !has_name(c, pick.name)) {
		words_print((struct jspan){c->name, strlen(c->name)}, known_as, sizeof(known_as));
		return form_refuse(f, value.p, s->place,
				   "%llu is \"%s\", not %s: keep only one of id "
				   "and name",
				   (unsigned long long)pick.id, known_as, shown(pick.name, what));
	}
	return write_id(f, value, pick.id, s, out);
}

/* Links */

static bool knows_pipelines(const struct choices *c)
{
	for (size_t i = 0; i < c->count; i++) {
		if (c->list[i].of)
			return true;
	}
	return false;
}

static int find_choices(struct form *f, const struct choices **out, bool **doubt)
{
	const struct edit_known *k = f->known;
	const struct slot *slot = &f->slot;
	bool is_stage = strcmp(slot->member, "stage_id") == 0;

	*out = NULL;
	if (!k->fields && !is_stage) {
		f->out->needs.fields = true;
		return -ENODATA;
	}
	const struct field *field =
		k->fields ? fields_find(k->fields, slot->member, strlen(slot->member)) : NULL;
	if (field && field->options.count && (!is_stage || knows_pipelines(&field->options))) {
		*out = &field->options;
		*doubt = &f->out->doubts.fields;
		return 0;
	}
	if (!slot->lookup || !k->lookup)
		return 0;
	*out = k->lookup(k->lookup_arg, slot->lookup);
	if (!*out) {
		f->out->needs.lookup = slot->lookup;
		return -ENODATA;
	}
	return 0;
}

int resolve_choices(struct form *f, const struct choices **out)
{
	bool *doubt;

	return find_choices(f, out, &doubt);
}

int resolve_link(struct form *f, struct jspan value, struct buf *out)
{
	struct search s = {.place = "", .checks_ids = f->slot.is_made, .is_made = f->slot.is_made};
	struct pick pick;

	if (!pick_read(value, &pick))
		return form_refuse(f, value.p, "",
				   "takes an id, a name, null, or an object with id or name");
	if (pick.is_null)
		return buf_add_str(out, "null");
	if (edited_name(f, &pick, NULL).n || s.checks_ids) {
		int err = find_choices(f, &s.list, &s.doubt);
		if (err < 0)
			return err;
	} else if (f->known->fields && f->is_new) { /* free to look at */
		const struct field *field =
			fields_find(f->known->fields, f->slot.member, strlen(f->slot.member));
		s.list = field && field->options.count ? &field->options : NULL;
		s.doubt = &f->out->doubts.fields;
	}
	int err = write_choice(f, value, &s, out);
	if (err == -EINVAL && s.list && !s.doubt)
		f->out->doubts.lookup = f->slot.lookup;
	return err;
}

/* Options */

static struct search options_of(struct form *f)
{
	const struct choices *list =
		f->field && f->field->options.count ? &f->field->options : NULL;

	return (struct search){.list = list,
			       .doubt = &f->out->doubts.fields,
			       .place = "",
			       .checks_ids = true,
			       .is_made = true};
}

int resolve_one(struct form *f, struct jspan value, struct buf *out)
{
	char list[LIST_MAX] = "";
	struct search s = options_of(f);
	struct pick pick;

	if (!pick_read(value, &pick) || !pick.is_null)
		return write_choice(f, value, &s, out);
	if (s.list)
		choices_print(s.list, 0, list, sizeof(list));
	return form_refuse(f, value.p, "", "the server cannot clear it%s%s",
			   list[0] ? "; it takes " : "", list);
}

/* Elements of an array, or words between commas; each is written by `one`. */
typedef int write_element(struct form *f, struct jspan value, const struct search *s,
			  struct buf *out);

static int write_one_of(struct form *f, struct jspan value, const struct search *s,
			write_element *one, struct buf *out)
{
	size_t before = out->len;
	int err = out->data[before - 1] == '[' ? 0 : buf_add_char(out, ',');

	err = err < 0 ? err : one(f, value, s, out);
	if (err == -EINVAL || err == -ENODATA)
		out->len = before; /* the others are judged as well */
	return err;
}

static int write_words(struct form *f, struct jspan string, const struct search *s,
		       write_element *one, struct buf *out)
{
	struct jspan raw = jraw_of(string);
	int result = 0, err = 0;

	for (size_t at = 0; at <= raw.n && err != -ENOMEM;) {
		const char *comma = memchr(raw.p + at, ',', raw.n - at);
		size_t n = comma ? (size_t)(comma - raw.p) - at : raw.n - at;
		struct jspan word = words_trim((struct jspan){raw.p + at, n});
		CLEANUP(buf_fini) struct buf quoted = BUF_INIT(TEXT_MAX);
		at += n + 1;
		if (!word.n)
			continue;
		err = buf_printf(&quoted, "\"%.*s\"", (int)word.n, word.p);
		struct jspan value = {quoted.data, quoted.len};
		if (err == 0)
			err = write_one_of(f, value, s, one, out);
		result = err < 0 && result != -ENODATA ? err : result;
	}
	return result;
}

static bool is_too_long(struct jspan value)
{
	struct jiter it = {0};
	struct jspan element;
	size_t count = 0;

	for (size_t i = 0; jtext_type(value) == J_STRING && i < value.n; i++)
		count += value.p[i] == ',';
	while (jtext_type(value) == J_ARRAY && count <= ELEMENTS_MAX &&
	       jtext_next_element(value, &it, &element))
		count++;
	return count > ELEMENTS_MAX;
}

static int write_list(struct form *f, struct jspan value, struct search s, write_element *one,
		      struct buf *out)
{
	struct jiter it = {0};
	struct jspan element;
	char place[PLACE_MAX];
	int result = buf_add_char(out, '['), err = 0;

	if (result < 0)
		return result;
	if (is_too_long(value)) /* each is looked for among the others */
		return form_refuse(f, value.p, "", "takes %d elements at most", ELEMENTS_MAX);
	if (jtext_type(value) == J_STRING)
		result = write_words(f, value, &s, one, out);
	for (unsigned i = 0; jtext_type(value) == J_ARRAY && err != -ENOMEM &&
			     jtext_next_element(value, &it, &element);
	     i++) {
		snprintf(place, sizeof(place), "[%u]", i);
		s.place = place;
		err = write_one_of(f, element, &s, one, out);
		result = err < 0 && result != -ENODATA ? err : result;
	}
	return result < 0 ? result : buf_add_char(out, ']');
}

/* A list's type, for what is neither null, list nor string. */
static bool is_list(struct jspan value)
{
	enum jtype type = jtext_type(value);

	return type == J_NULL || type == J_ARRAY || type == J_STRING;
}

int resolve_many(struct form *f, struct jspan value, struct buf *out)
{
	CLEANUP(buf_fini) struct buf text = BUF_INIT(TEXT_MAX);
	struct search s = options_of(f);
	size_t count = 0;

	if (!is_list(value))
		return form_refuse(f, value.p, "", "takes a list of options, or null");
	if (jtext_type(value) != J_STRING || !s.list)
		return write_list(f, value, s, write_choice, out);
	int err = canon_text(value, &text);
	if (err == 0)
		choices_by_name(s.list, text.data ? text.data : "", text.len, 0, &count);
	if (err < 0 || count != 1) /* a name that has a comma in it is one name */
		return err == -ENOMEM ? err : write_list(f, value, s, write_choice, out);
	err = buf_add_char(out, '[');
	err = err < 0 ? err : write_choice(f, value, &s, out);
	return err < 0 ? err : buf_add_char(out, ']');
}

/* Tags */

static bool has_tag(struct jspan tags, struct jspan name)
{
	struct jiter it = {0};
	struct jspan tag;
	struct pick pick;

	while (jtext_type(tags) == J_ARRAY && jtext_next_element(tags, &it, &tag)) {
		if (pick_read(tag, &pick) && same_name(pick.name, name))
			return true;
	}
	return false;
}

static int need_tags(struct form *f)
{
	f->out->needs.tags = true;
	return -ENODATA;
}

static int refuse_tag(struct form *f, struct jspan value, const char *place, const char *what)
{
	char list[LIST_MAX];
	const struct choices *tags = f->known->tags;

	f->out->doubts.tags = true;
	choices_print(tags, 0, list, sizeof(list));
	return form_refuse(f, value.p, place, "%s %s (-o create_labels lets a save make tags)%s%s",
			   tags->is_partial ? "no record read so far has the tag"
					    : "there is no tag",
			   what, list[0] ? "; known are " : "", list);
}

static int write_tag_name(struct form *f, struct jspan name, const char *place, struct jspan value,
			  struct buf *out)
{
	CLEANUP(buf_fini) struct buf text = BUF_INIT(TEXT_MAX);
	char what[VALUE_MAX];
	size_t count = 0;

	if (has_tag(f->now, name))
		return jtext_compact(name, out);
	const struct field *field =
		f->known->fields ? fields_find(f->known->fields, "tags", 4) : NULL;
	int err = canon_text(name, &text);
	if (err < 0)
		return err == -EFBIG ? form_refuse(f, value.p, place, "is too long") : err;
	const struct choice *c =
		field ? choices_by_name(&field->options, text.data, text.len, 0, &count) : NULL;
	if (!c && f->known->create_labels)
		return jtext_compact(name, out);
	if (!c && !f->known->tags)
		return need_tags(f);
	if (!c)
		c = choices_by_name(f->known->tags, text.data, text.len, 0, &count);
	if (c)
		return words_put_json((struct jspan){c->name, strlen(c->name)}, out);
	return refuse_tag(f, value, place, shown(name, what));
}

static int write_tag_id(struct form *f, struct jspan value, uint64_t id, const char *place,
			struct buf *out)
{
	struct jspan tag;
	struct pick pick;
	char what[40];

	if (resolve_find(f->now, id, &tag) && pick_read(tag, &pick) && pick.name.n)
		return jtext_compact(pick.name, out);
	if (!f->known->tags)
		return need_tags(f);
	const struct choice *c = choices_by_id(f->known->tags, id);
	if (c)
		return words_put_json((struct jspan){c->name, strlen(c->name)}, out);
	snprintf(what, sizeof(what), "with the id %llu", (unsigned long long)id);
	return refuse_tag(f, value, place, what);
}

/* An id that is new beside a name that is not: the id was edited. */
static bool id_was_edited(const struct form *f, const struct pick *pick)
{
	struct jspan was;

	return pick->has_id && pick->name.n && !resolve_find(f->was, pick->id, &was) &&
	       has_tag(f->was, pick->name);
}

static int write_tag(struct form *f, struct jspan value, const struct search *s, struct buf *out)
{
	const char *place = s->place;
	struct pick pick;

	if (!pick_read(value, &pick) || (!pick.has_id && !pick.name.n))
		return form_refuse(f, value.p, place, "takes the name of a tag");
	if (pick.name.n && !id_was_edited(f, &pick))
		return write_tag_name(f, pick.name, place, value, out);
	return write_tag_id(f, value, pick.id, place, out);
}

int resolve_tags(struct form *f, struct jspan value, struct buf *out)
{
	if (!is_list(value))
		return form_refuse(f, value.p, "", "takes a list of names of tags, or null");
	return write_list(f, value, (struct search){.place = ""}, write_tag, out);
}

static bool element_is_renamed(const struct form *f, struct jspan value)
{
	struct pick pick;

	if (jtext_type(value) != J_OBJECT || !pick_read(value, &pick) || !pick.has_id)
		return false;
	if (f->slot.form == FORM_TAGS)
		return id_was_edited(f, &pick);
	/* Beside a bare id no name stood that could tell; the options will. */
	struct jspan was;
	struct pick before;
	bool is_bare = resolve_find(f->was, pick.id, &was) && pick_read(was, &before) &&
		       !before.name.n && pick.name.n;
	return is_bare || edited_name(f, &pick, NULL).n;
}

bool form_is_renamed(const struct form *f, struct jspan value)
{
	enum form_type form = f->slot.form;
	struct jiter it = {0};
	struct jspan element;

	if (form != FORM_LINK && form != FORM_ONE && form != FORM_MANY && form != FORM_TAGS)
		return false;
	if (jtext_type(value) != J_ARRAY)
		return element_is_renamed(f, value);
	while (jtext_next_element(value, &it, &element)) {
		if (element_is_renamed(f, element))
			return true;
	}
	return false;
}
