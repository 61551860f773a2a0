/* SPDX-License-Identifier: MIT */
/* canon: what a member's value means, whichever of its forms it stands in: read, written, or a
 * person's. Needs no field metadata, so a name and the id it stands for are not the same here.
 * Pure; any thread. */
#ifndef CRM_CANON_H
#define CRM_CANON_H

#include "base/buf.h"
#include "crm/jtext.h"
#include "crm/kinds.h"

/* A choice as it is written: 14, "North", {"id": 14, "name": "North"}, null. */
struct pick {
	bool is_null;
	bool has_id;
	uint64_t id;
	struct jspan name, email; /* JSON strings that are not blank; n = 0: none */
};
/* False: it is none of these. "" is null; "14" is a name. */
bool pick_read(struct jspan value, struct pick *out);
/* Do both have the same id, or, where one has none, the same name? */
bool pick_same(const struct pick *a, const struct pick *b);

/* Appends the meaning as JSON, in one form for all that mean the same. What does not fit the form
 * is itself. 0, -ENOMEM. */
int canon_write(enum form_type form, struct jspan value, struct buf *out);
/* Do both mean the same? Absent (n = 0) is only like absent. Without memory they count as
 * different. */
bool canon_same(enum form_type form, struct jspan a, struct jspan b);
/* The same with what a server may make of it: rounded, null for 0, dates in any form, a name for
 * an id's object. */
bool canon_is_taken(enum form_type form, struct jspan sent, struct jspan got);
/* null, "", 0, false, [] */
bool canon_is_nothing(struct jspan value);

/* The text of a JSON string, trimmed, to out. */
int canon_text(struct jspan value, struct buf *out);
/* A JSON number, or the one in a string ("12.50"); n = 0: neither. */
struct jspan canon_number(struct jspan value);

#endif
