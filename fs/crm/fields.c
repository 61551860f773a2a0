/* SPDX-License-Identifier: MIT */
/*
 * fields: the answer of create-fields, read for what a save is judged by: names, types, options.
 * Its shape varies by field and version (concord-api.md 4.3), so whatever is not understood is
 * passed over. Nothing here changes once it is read; no lock.
 */
#include "crm/fields.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crm/words.h"

enum { NAME_MAX_BYTES = 64 << 10, SHOWN_MAX = 30, SHOWN_NAME = 64, TAIL = 36 };

struct fields {
	struct field *list;
	size_t count, room;
	bool is_told;
};

/* Choices */

void choices_fini(struct choices *c)
{
	for (size_t i = 0; i < c->count; i++) {
		free(c->list[i].name);
		free(c->list[i].email);
	}
	free(c->list);
	*c = (struct choices){0};
}

/* The text of a JSON string, or any other value as it stands; NULL: no memory. */
static char *copy_text(struct jspan value)
{
	CLEANUP(buf_fini) struct buf text = BUF_INIT(NAME_MAX_BYTES);
	int err = buf_add(&text, "", 0);

	if (err == 0 && value.n)
		err = jtext_type(value) == J_STRING ? jtext_unescape(value, &text)
						    : buf_add(&text, value.p, value.n);
	return err < 0 && err != -EFBIG ? NULL : buf_steal(&text);
}

int choices_add(struct choices *c, uint64_t id, uint64_t of, struct jspan name_value)
{
	if (c->count == c->room) {
		size_t room = c->room ? c->room * 2 : 8;
		struct choice *list = reallocarray(c->list, room, sizeof(*list));
		if (!list)
			return -ENOMEM;
		c->list = list;
		c->room = room;
	}
	char *name = copy_text(name_value);
	if (!name)
		return -ENOMEM;
	c->list[c->count++] = (struct choice){.id = id, .of = of, .name = name};
	return 0;
}

int choices_set_email(struct choices *c, struct jspan email_value)
{
	struct choice *last = &c->list[c->count - 1];

	free(last->email);
	last->email = copy_text(email_value);
	return last->email ? 0 : -ENOMEM;
}

bool choices_have_ids(const struct choices *c)
{
	for (size_t i = 0; i < c->count; i++) {
		if (c->list[i].id)
			return true;
	}
	return false;
}

const struct choice *choices_by_id(const struct choices *c, uint64_t id)
{
	for (size_t i = 0; id && i < c->count; i++) {
		if (c->list[i].id == id)
			return &c->list[i];
	}
	return NULL;
}

static bool is_called(const char *name, struct jspan word)
{
	return name && words_same((struct jspan){name, strlen(name)}, word);
}

const struct choice *choices_by_name(const struct choices *c, const char *name, size_t n,
				     uint64_t of, size_t *count)
{
	const struct choice *found = NULL;
	struct jspan word = words_trim((struct jspan){name, n});

	*count = 0;
	for (size_t i = 0; word.n && i < c->count; i++) {
		const struct choice *one = &c->list[i];
		if ((of && one->of != of) ||
		    !(is_called(one->name, word) || is_called(one->email, word)))
			continue;
		if (found && one->id && one->id == found->id)
			continue; /* told twice, by two pages */
		found = found ? found : one;
		++*count;
	}
	return found;
}

void choices_print(const struct choices *c, uint64_t of, char *out, size_t size)
{
	char name[SHOWN_NAME], one[SHOWN_NAME + 32];
	size_t len = 0, shown = 0, left = 0;

	if (size)
		*out = '\0';
	for (size_t i = 0; i < c->count; i++) {
		const struct choice *it = &c->list[i];
		if (of && it->of != of)
			continue;
		if (left || shown == SHOWN_MAX) { /* there may be a hundred thousand */
			left++;
			continue;
		}
		words_print((struct jspan){it->name, strlen(it->name)}, name, sizeof(name));
		int n = it->id ? snprintf(one, sizeof(one), "%s (%llu)", name,
					  (unsigned long long)it->id)
			       : snprintf(one, sizeof(one), "%s", name);
		if (len + (size_t)n + 2 + TAIL > size) {
			left++;
			continue;
		}
		len += (size_t)sprintf(out + len, "%s%s", shown++ ? ", " : "", one);
	}
	if (left && len + TAIL <= size)
		snprintf(out + len, TAIL, shown ? " and %zu more" : "%zu with long names", left);
}

/* Fields */

static const struct {
	const char *name;
	enum field_type type;
} types[] = {
	{"Boolean", FIELD_BOOLEAN},   {"Checkbox", FIELD_MANY},	    {"ColorSwatch", FIELD_COLOR},
	{"Date", FIELD_DATE},	      {"DateTime", FIELD_DATETIME}, {"Email", FIELD_EMAIL},
	{"MultiSelect", FIELD_MANY},  {"Number", FIELD_NUMBER},	    {"Numeric", FIELD_NUMERIC},
	{"Radio", FIELD_ONE},	      {"Select", FIELD_ONE},	    {"Text", FIELD_TEXT},
	{"Textarea", FIELD_TEXTAREA}, {"Timezone", FIELD_TIMEZONE}, {"Url", FIELD_URL},
};

static bool read_flag(struct jspan item, const char *name)
{
	struct jspan value;

	return jtext_get(item, name, &value) && jtext_type(value) == J_BOOL && *value.p == 't';
}

static int read_string(struct jspan item, const char *name, char **out)
{
	struct jspan value;

	if (!jtext_get(item, name, &value) || jtext_type(value) != J_STRING)
		return 0;
	*out = copy_text(value);
	return *out ? 0 : -ENOMEM;
}

/* A number, or a string of digits. */
static uint64_t read_id(struct jspan item, const char *name)
{
	struct jspan value;
	uint64_t id;

	if (!jtext_get(item, name, &value))
		return 0;
	if (jtext_type(value) == J_STRING && value.n > 2)
		value = (struct jspan){value.p + 1, value.n - 2};
	return jtext_to_u64(value, &id) ? id : 0;
}

/* {"id": 14, "name": "North"}, or a bare string where options have no id. */
static int add_option(struct choices *c, struct jspan option, const char *keys[static 2])
{
	struct jspan name, email;
	uint64_t id = read_id(option, keys[0]);

	if (jtext_type(option) == J_STRING)
		return choices_add(c, 0, 0, option);
	if (!jtext_get(option, keys[1], &name) && !jtext_get(option, "name", &name))
		return 0;
	if (jtext_type(name) != J_STRING && jtext_type(name) != J_NUMBER)
		return 0;
	int err = choices_add(c, id ? id : read_id(option, "id"), read_id(option, "pipeline_id"),
			      name);
	if (err == 0 && jtext_get(option, "email", &email) && jtext_type(email) == J_STRING)
		err = choices_set_email(c, email);
	return err;
}

/* A list; PHP prints one with holes as an object of numbered members. */
static int add_options(struct jspan list, const char *keys[static 2], struct field *f)
{
	struct jiter it = {0};
	struct jspan key, option;
	enum jtype type = jtext_type(list);
	int err = 0;

	if (type != J_ARRAY && type != J_OBJECT)
		return 0;
	f->has_options = true;
	while (err == 0 && (type == J_ARRAY ? jtext_next_element(list, &it, &option)
					    : jtext_next_member(list, &it, &key, &option)))
		err = add_option(&f->options, option, keys);
	return err;
}

static int read_options(struct jspan item, struct jspan custom, struct field *f)
{
	char *value_key = NULL, *label_key = NULL;
	struct jspan list;
	int err = read_string(item, "valueKey", &value_key);

	if (err == 0)
		err = read_string(item, "labelKey", &label_key);
	const char *keys[2] = {value_key ? value_key : "id", label_key ? label_key : "name"};
	static const char *plain[2] = {"id", "name"};
	/* The definition's own have ids, which an item's labels may lack. */
	if (err == 0 && jtext_type(custom) == J_OBJECT && jtext_get(custom, "options", &list))
		err = add_options(list, plain, f);
	if (err == 0 && !f->options.count && jtext_get(item, "options", &list))
		err = add_options(list, keys, f);
	free(value_key);
	free(label_key);
	return err;
}

static enum field_type read_type(struct jspan custom)
{
	struct jspan type;

	if (jtext_type(custom) != J_OBJECT || !jtext_get(custom, "field_type", &type))
		return FIELD_OTHER;
	for (size_t i = 0; i < ARRAY_LEN(types); i++) {
		if (jtext_is_string(type, types[i].name))
			return types[i].type;
	}
	return FIELD_OTHER;
}

static void field_fini(struct field *f)
{
	free(f->name);
	free(f->label);
	choices_fini(&f->options);
}

static int read_field(struct jspan item, struct field *f)
{
	struct jspan custom = {0};
	int err = read_string(item, "attribute", &f->name);

	if (err < 0 || !f->name || !*f->name)
		return err;
	err = read_string(item, "label", &f->label);
	if (err == 0 && !f->label && !(f->label = strdup(f->name)))
		err = -ENOMEM;
	if (!jtext_get(item, "customField", &custom) || jtext_type(custom) != J_OBJECT)
		custom = (struct jspan){0};
	f->is_custom = custom.n || strncmp(f->name, "cf_", 3) == 0;
	f->is_required = read_flag(item, "isRequired");
	f->is_readonly = read_flag(item, "readonly");
	f->type = read_type(custom);
	return err < 0 ? err : read_options(item, custom, f);
}

static int add_field(struct fields *fields, struct jspan item)
{
	struct field f = {0};

	if (fields->count == fields->room) {
		size_t room = fields->room ? fields->room * 2 : 16;
		struct field *list = reallocarray(fields->list, room, sizeof(*list));
		if (!list)
			return -ENOMEM;
		fields->list = list;
		fields->room = room;
	}
	int err = jtext_type(item) == J_OBJECT ? read_field(item, &f) : 0;
	if (err == 0 && f.name && *f.name)
		fields->list[fields->count++] = f;
	else
		field_fini(&f);
	return err;
}

int fields_read(struct jspan answer, struct fields **out)
{
	CLEANUP(fields_free) struct fields *f = fields_none();
	struct jspan list = jtext_trim(answer), item;
	struct jiter it = {0};
	struct jfault fault;
	int err = 0;

	*out = NULL;
	if (!f)
		return -ENOMEM;
	if (jtext_check(answer, &fault) < 0)
		return -EINVAL;
	if (jtext_type(list) == J_OBJECT && !jtext_get(list, "data", &list))
		return -EINVAL;
	if (jtext_type(list) != J_ARRAY)
		return -EINVAL;
	f->is_told = true;
	while (err == 0 && jtext_next_element(list, &it, &item))
		err = add_field(f, item);
	if (err == 0)
		*out = STEAL(f);
	return err;
}

struct fields *fields_none(void)
{
	return calloc(1, sizeof(struct fields));
}

bool fields_are_told(const struct fields *f)
{
	return f->is_told;
}

void fields_free(struct fields *f)
{
	if (!f)
		return;
	for (size_t i = 0; i < f->count; i++)
		field_fini(&f->list[i]);
	free(f->list);
	free(f);
}

size_t fields_count(const struct fields *f)
{
	return f->count;
}

const struct field *fields_at(const struct fields *f, size_t i)
{
	return &f->list[i];
}

const struct field *fields_find(const struct fields *f, const char *name, size_t n)
{
	for (size_t i = 0; i < f->count; i++) {
		const char *one = f->list[i].name;
		if (strncmp(one, name, n) == 0 && !one[n])
			return &f->list[i];
	}
	return NULL;
}
