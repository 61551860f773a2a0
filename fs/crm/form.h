/* SPDX-License-Identifier: MIT */
/* form: the written form of a member, where it differs from the one that is read (concord-api.md
 * 3.3, 4.2, 5). Judged by shape, without field metadata. Pure; any thread. */
#ifndef CRM_FORM_H
#define CRM_FORM_H

#include "base/buf.h"
#include "crm/jtext.h"
#include "crm/kinds.h"

/* Appends the written form of value (compact JSON). shown: the type the member has in the file now,
 * for null must empty a list by []. -EINVAL with *why (static, to follow the member's name). */
int form_write(struct jspan name, struct jspan value, enum jtype shown, struct buf *out,
	       const char **why);

/* The member that changes which object is embedded as `name` ("user" -> "user_id"), if this kind
 * lets a person change it; else NULL. */
const char *form_id_member(const struct kind *kind, const char *name, size_t n);

/* Do both say the same to the server? */
bool form_equal(struct jspan name, struct jspan a, struct jspan b);

#endif
