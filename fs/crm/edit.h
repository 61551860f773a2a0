/* SPDX-License-Identifier: MIT */
/*
 * edit: what a person's saved text asks of the server (design 1.4): the smallest request body, a
 * conflict, or a refusal in words. Pure; any thread.
 */
#ifndef CRM_EDIT_H
#define CRM_EDIT_H

#include <stdint.h>

#include "base/macros.h"
#include "crm/fields.h"
#include "crm/jtext.h"
#include "crm/kinds.h"
#include "crm/report.h"

/* What is done about a member that was changed here and there. */
enum edit_conflict { CONFLICT_ASK, CONFLICT_MINE, CONFLICT_THEIRS };

/* What is known beside the texts. All lent. What is NULL was not asked for yet: an edit that cannot
 * do without says so (-ENODATA), and is judged again once it is there. A list that is partial takes
 * ids that are not in it, but no names. */
struct edit_known {
	const struct fields *fields;
	/* The records of a lookup collection ("sources", "pipeline-stages", "users") as choices; NULL:
	 * not asked for yet. No function: nobody tells, and names are refused. */
	const struct choices *(*lookup)(void *arg, const char *kind);
	void *lookup_arg;
	const struct choices *tags; /* by name, those seen so far */
	const char *via_resource;   /* of a note: a record it is attached to; NULL: not known */
	uint64_t via_id;	    /* 0 with via_resource "": it is attached to none */
	bool has_products;	    /* of a deal: its amount is theirs */
	bool create_labels;	    /* -o create_labels: what does not exist may be made */
	enum edit_conflict conflict;
	const char *told; /* space-separated members whose conflict the person knows of; or NULL */
};

struct edit_needs {
	bool fields, tags, via;
	const char *lookup; /* a collection's name in kinds.c; static; or NULL */
};

struct edit {
	/* JSON for a PUT that has to go before body: {"status":"open"} where a won deal is lost or a lost
	 * one won. NULL: none. Owned */
	char *first;
	size_t first_len;
	char *body; /* JSON for PUT or POST; NULL: nothing to send. Owned */
	size_t body_len;
	struct edit_needs needs; /* with -ENODATA */
	/* With -EINVAL: refused because of what `known` has (an option, a tag, a lookup record is not in
	 * it): worth asking again if that is not of just now. */
	struct edit_needs doubts;
	/* -EINVAL, -EBUSY: why, every problem of the text, not only the first. 0 with CONFLICT_THEIRS:
	 * the members that were left as the server has them. */
	struct report report;
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
/* 0, or -EINVAL with a report: not JSON (only then). White space only: is_object false, 0. */
int edit_read_head(struct jspan mine, struct edit_head *head, struct report *why);

/* The three texts a save is judged by. */
struct edit_against {
	struct jspan base; /* what the person started from, as they last saw or saved it */
	struct jspan then; /* the server's text of that moment */
	struct jspan now;  /* the server's text now; the same bytes as `then` where nothing moved */
};

/*
 * mine -> PUT. Top-level members of mine that differ from base are sent in written form; absent ones
 * are left alone; null clears. A member that was changed in mine and, between then and now, by
 * somebody else to something else is a conflict; to the same, it is not sent.
 *   0        body, or NULL when the server has it all already
 *   -EINVAL  not JSON, not an object, a member twice, another id, a read-only member changed
 *            (updated_at, created_at and other times that the server keeps are ignored), a name that
 *            the server would ignore without a word, or a value that it would swallow or misread
 *   -EBUSY   conflict; the report has yours, theirs and what it was, per member
 *   -ENODATA needs
 *   -ENOMEM
 */
int edit_update(const struct kind *kind, struct jspan mine, const struct edit_against *against,
		const struct edit_known *known, struct edit *out);

/* mine -> POST, its shown read-only members and what was left empty left out. As above; an object with an id is the
 * caller's to keep local. */
int edit_create(const struct kind *kind, struct jspan mine, const struct edit_known *known,
		struct edit *out);

/*
 * After a 2xx: did the server take what `sent` (a body of ours) asked for? Members that it left as
 * they were in `before` (the file's text; NULL p for a POST) though something else was asked are put
 * into the report, with their place in mine: a field that the admin closed to this user's role, an
 * associated record that they may not see. What the server only trimmed, purified or rounded is taken.
 * answer: the whole answer's object, not the file's text. 0 or -EPERM.
 */
int edit_verify(const struct kind *kind, struct jspan sent, struct jspan before,
		struct jspan answer, struct jspan mine, struct report *out);

/* How many members were changed, if mine was made from base (of which the server made then)? For a
 * guess which of two texts it was made from. */
size_t edit_distance(struct jspan mine, struct jspan base, struct jspan then);

/* Does a record (its file's text) hold all that `sent` asks for, as far as it is shown? For a request
 * whose answer was lost; false where nothing of it is shown. */
bool edit_is_done(const struct kind *kind, struct jspan sent, struct jspan record);

#endif
