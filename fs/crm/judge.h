/* SPDX-License-Identifier: MIT */
/* judge: one saved text, member by member; for edit's own files. Pure; any thread. */
#ifndef CRM_JUDGE_H
#define CRM_JUDGE_H

#include "base/buf.h"
#include "base/macros.h"
#include "crm/form.h"
#include "crm/members.h"

/* One member of the request. */
struct part {
	struct jspan name;
	struct jspan key; /* the name as it was spelt, escapes and all */
	size_t from, len; /* its written form in work.bytes */
	const char *at;	  /* the person's value, or NULL */
};

struct work {
	struct form form; /* the text's side of it; the member's changes from one to the next */
	struct members mine, base, then, now;
	struct buf bytes; /* written forms */
	struct part *parts;
	size_t count;
	bool asked;		       /* a member was changed that may be */
	const struct member *computed; /* display_name was changed */
	size_t refused, conflicts;     /* problems of either sort */
	bool is_short;		       /* something has to be known first */
};

/* Of a new record: what was left empty (null, "") is not asked for, and is refused where the record
 * cannot be without. Before judge_all. 0, -ENOMEM. */
int judge_empty(struct work *w);

/* Judges every member of mine and what has to travel along. 0 (look at refused, conflicts,
 * is_short), -ENOMEM. */
int judge_all(struct work *w);

struct jspan judge_part(const struct work *w, const char *word); /* its written form, or n = 0 */

/* The rest is for judge_deal and join. */

/* A member of the request that a person asks for. */
struct ask {
	struct jspan name, key;	      /* of the request's member: user_id */
	const struct member *m;	      /* the person's: user_id, or user */
	struct jspan was;	      /* m's value in the base; n = 0: none */
	struct jspan base, then, now; /* of the request's member; n = 0: none */
};

int judge_deal(struct work *w);
int judge_link(struct work *w, const struct slot *slot); /* user_id, and user beside it */
/* user_id where it is shown, else the id of user. */
struct jspan judge_link_in(const struct members *in, const struct slot *slot);
const struct part *judge_find_part(const struct work *w, const char *word, size_t n);
struct jspan judge_value(const struct member *m);	     /* n = 0 of none */
void judge_name(struct form *f, const char *name, size_t n); /* of the member that is judged */
/* Notes what a judgement came to; gives back only what ends all: -ENOMEM. */
int judge_settle(struct work *w, int err);
int judge_refuse_name(struct work *w, const struct member *m, const char *fmt, const char *arg);
/* m: the person's member, or NULL where they have none. True: theirs stands. */
bool judge_conflict(struct work *w, const char *name, size_t n, const struct member *m,
		    const struct ask *a);

#endif
