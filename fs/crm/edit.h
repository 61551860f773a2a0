/* SPDX-License-Identifier: MIT */
/*
 * edit: what a person's saved text asks of the server (design 1.4): the smallest request body, a
 * conflict, or a refusal with a reason and a line. Pure; any thread.
 */
#ifndef CRM_EDIT_H
#define CRM_EDIT_H

#include <stdint.h>

#include "base/macros.h"
#include "crm/jtext.h"
#include "crm/kinds.h"

enum { EDIT_REASON_MAX = 400 };

struct edit {
	char *body; /* JSON for PUT or POST; NULL: nothing to send. Owned */
	size_t body_len;
	unsigned line; /* of the refused place, from 1; 0: none */
	/* Why it was refused, in the file's own names; one line, printable ASCII. */
	char reason[EDIT_REASON_MAX];
};

void edit_fini(struct edit *e);
static inline void edit_fini_at(struct edit *e)
{
	edit_fini(e);
}

/* What a saved text says of itself, before it is known what it is for. */
struct edit_head {
	bool is_object;
	bool has_id, id_is_usable;
	uint64_t id;
	struct jspan updated_at; /* the string value, with quotes; n = 0: absent or not a string */
};
/* 0, or -EINVAL with reason and line: not JSON (only then). White space only: is_object false, 0. */
int edit_read_head(struct jspan mine, struct edit_head *head, struct edit *why);

/* The three texts a save is judged by. */
struct edit_against {
	struct jspan base; /* what the person started from, as they last saw or saved it */
	struct jspan then; /* the server's text of that moment */
	struct jspan now;  /* the server's text now; the same bytes as `then` where nothing moved */
};

/*
 * mine -> PUT. Top-level members of mine that differ from base (jtext_equal) are sent in written
 * form; absent ones are left alone; null clears. A member that was changed in mine and, between
 * then and now, by somebody else to something else is a conflict; to the same, it is not sent.
 *   0        body, or NULL when the server has it all already
 *   -EINVAL  not JSON, not an object, a member twice, another id, a read-only member changed
 *            (updated_at, created_at and other times that the server keeps are ignored), or a name
 *            that the server would ignore without a word
 *   -EBUSY   conflict; reason names the members
 *   -ENOMEM
 */
int edit_update(const struct kind *kind, struct jspan mine, const struct edit_against *against,
		struct edit *out);

/* mine -> POST, its shown read-only members left out. -EINVAL as above; an object with an id is the
 * caller's to keep local. */
int edit_create(const struct kind *kind, struct jspan mine, struct edit *out);

#endif
