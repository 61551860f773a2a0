/* SPDX-License-Identifier: MIT */
/* resolve: what people call options, tags and records -> what the API takes for them. Its own
 * resolution would make a new option, tag, source, industry or pipeline of every slip of the pen.
 * Pure; any thread. */
#ifndef CRM_RESOLVE_H
#define CRM_RESOLVE_H

#include "crm/form.h"

/* Each appends a written form; results as form_write. */
int resolve_link(struct form *f, struct jspan value, struct buf *out);
int resolve_one(struct form *f, struct jspan value, struct buf *out);
int resolve_many(struct form *f, struct jspan value, struct buf *out);
int resolve_tags(struct form *f, struct jspan value, struct buf *out);

/* The choices of f's link: *out, or NULL where nobody tells. 0, -ENODATA. */
int resolve_choices(struct form *f, const struct choices **out);

/* The element of an array (or the object itself) that has this id; false: none. */
bool resolve_find(struct jspan was, uint64_t id, struct jspan *out);

#endif
