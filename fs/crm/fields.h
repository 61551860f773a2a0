/* SPDX-License-Identifier: MIT */
/*
 * fields: what a collection's members are and what may be chosen for them (concord-api.md 4.3), as
 * read from GET /{collection}/create-fields, and the lookups that fill what it leaves out. Immutable
 * once read, owned by whoever asked; the net thread's alone.
 */
#ifndef CRM_FIELDS_H
#define CRM_FIELDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/macros.h"
#include "crm/jtext.h"

struct choice {
	uint64_t id; /* 0: it has none (a tag that is only known by name) */
	uint64_t of; /* the pipeline that a stage is of; else 0 */
	char *name;  /* UTF-8; never NULL */
	char *email; /* of a user; else NULL */
};

struct choices {
	struct choice *list;
	size_t count, room;
	bool is_partial; /* there may be others that nobody has seen */
};

/* 0 or -ENOMEM. name_value: a JSON string with its quotes (its text is copied, unescaped), or any
 * other bytes as they are. Does not look whether it is there already. */
int choices_add(struct choices *c, uint64_t id, uint64_t of, struct jspan name_value);
int choices_set_email(struct choices *c, struct jspan email_value); /* of the one added last */
void choices_fini(struct choices *c);
static inline void choices_fini_at(struct choices *c)
{
	choices_fini(c);
}
bool choices_have_ids(const struct choices *c);				  /* of any */
const struct choice *choices_by_id(const struct choices *c, uint64_t id); /* lends, or NULL */
/* By name without regard to case (ASCII and, as the API, at least Latin letters), trimmed; a user
 * also by e-mail. of: only those of this pipeline; 0: any. NULL: none. *count: how many match. */
const struct choice *choices_by_name(const struct choices *c, const char *name, size_t n,
				     uint64_t of, size_t *count);
/* "North (14), South (15) and 12 more" into out, 30 at most; "" where there are none. */
void choices_print(const struct choices *c, uint64_t of, char *out, size_t size);

enum field_type {
	FIELD_OTHER, /* not known, or none of these */
	FIELD_TEXT,
	FIELD_TEXTAREA,
	FIELD_EMAIL,
	FIELD_URL,
	FIELD_TIMEZONE,
	FIELD_COLOR,
	FIELD_NUMBER,
	FIELD_NUMERIC,
	FIELD_BOOLEAN,
	FIELD_DATE,
	FIELD_DATETIME,
	FIELD_ONE,  /* Select, Radio: one option; cannot be cleared */
	FIELD_MANY, /* Checkbox, MultiSelect */
};

struct field {
	char *name, *label;
	enum field_type type; /* of custom fields; built-in ones are kinds.c's */
	bool is_custom, is_required, is_readonly;
	bool has_options; /* the answer had a list of them, perhaps an empty one */
	struct choices options;
};

struct fields; /* of one collection */

/* answer: the bare array (or {"data": [...]}). Unknown members are ignored, an item without a usable
 * `attribute` is skipped. 0, -EINVAL (no array), -ENOMEM. Gives *out. */
int fields_read(struct jspan answer, struct fields **out);
struct fields *fields_none(void); /* of a server that does not tell; gives, NULL: no memory */
bool fields_are_told(const struct fields *f); /* false: fields_none */
void fields_free(struct fields *f);	      /* NULL is fine */
DEFINE_CLEANUP(struct fields *, fields_free)
size_t fields_count(const struct fields *f);
const struct field *fields_at(const struct fields *f, size_t i); /* lends; i < count */
const struct field *fields_find(const struct fields *f, const char *name, size_t n); /* lends */

#endif
