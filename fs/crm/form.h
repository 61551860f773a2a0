/* SPDX-License-Identifier: MIT */
/* form: a person's value in the form that the API takes for writing, or what is wrong with it in
 * words (concord-api.md 3.3, 4.2, 5). Pure; any thread. */
#ifndef CRM_FORM_H
#define CRM_FORM_H

#include "base/buf.h"
#include "base/macros.h"
#include "crm/edit.h"
#include "crm/kinds.h"

enum { FORM_MEMBER_MAX = 160 };

/* What values are judged by; all of it lent. */
struct form {
	/* Of the text. */
	const struct kind *kind;
	const struct edit_known *known;
	struct jspan text; /* the person's, for places */
	bool is_new;	   /* a POST: there is no server's value */
	uint64_t pipeline; /* whose stages are meant; 0: any */
	struct edit *out;  /* where problems, needs and doubts go */

	/* Of the member. */
	char member[FORM_MEMBER_MAX]; /* as the file names it */
	struct slot slot;
	const struct field *field; /* of a custom one; NULL: not told */
	struct jspan value; /* the person's; where a problem without a place of its own stands */
	struct jspan was;   /* what the person changed, in the shape they changed it; n = 0: none */
	struct jspan now;   /* what the server has; n = 0: none */
};

/* Of a custom field. */
enum form_type form_of_field(enum field_type type);

/* Finds the member's form; was and now are set. 0, -EINVAL (reported), -ENODATA (needs). */
int form_find(struct form *f, const char *name, size_t n);

/* Appends value (checked JSON) in written form. -EINVAL: every problem in it is reported; -ENODATA:
 * needs say what has to be known first; -ENOMEM. */
int form_write(struct form *f, struct jspan value, struct buf *out);

/* Was a name edited beside an id that was left, or the other way round? Then the written form has
 * to be seen before it is known whether anything changed. */
bool form_is_renamed(const struct form *f, struct jspan value);

/* Reports a problem of the member, or of a place in it ("[1].number"). -EINVAL. */
int form_refuse(struct form *f, const char *at, const char *place, const char *fmt, ...)
	PRINTF(4, 5);

#endif
