/* SPDX-License-Identifier: MIT */
/*
 * refusal: why the text at a name was not saved: the file <name>.error beside it (design 1.4). It is
 * there while the refused text is, and after an editor's recovery has put the old text back, till the
 * next good save. Removing it drops the refused text. Everything under T; memory only.
 */
#ifndef TREE_REFUSAL_H
#define TREE_REFUSAL_H

#include <time.h>

#include "tree/tree.h"

struct refusal {
	struct map_entry by_name; /* (T) in coll.refusals */
	struct coll *coll;	  /* (I) */
	struct node *node;	  /* (T) the .error file; pinned */
	struct draft *draft;	  /* (T) whose text it is; NULL: that was set aside. Not counted */
	int err;		  /* (T) */
	time_t at;		  /* (T) */
	uint64_t told_at;	  /* (T) clock.h ns */
	pid_t process;		  /* (T) whose save it was; 0: not known */
	char *words;		  /* (T) lines: what was wrong */
	const char *advice;	  /* (T) static: what to do next; NULL: by err */
	char kept_as[176];	  /* (T) in .concordfs/rejected; "": it is at its name */
	char name[];		  /* (I) of the file it speaks of: "41.json" */
};

struct refused {
	int err;
	const char *words;  /* lent */
	const char *advice; /* static, or NULL */
	pid_t process;
	struct draft *draft; /* where the text is, or NULL */
};

/* Says it at name, instead of what was said there before. A name too long for ".error" has none;
 * -ENAMETOOLONG, -ENOMEM. */
int refusal_set(struct coll *c, const char *name, const struct refused *what) REQUIRES(T);
struct refusal *refusal_find(struct coll *c, const char *name) REQUIRES(T); /* lends, or NULL */
/* The one whose file is called that: "41.json.error". Lends, or NULL. */
struct refusal *refusal_at(struct coll *c, const char *error_name) REQUIRES(T);
void refusal_file_name(const struct refusal *r, char out[256]);
/* It is saved, or dropped: the file goes. NULL is fine. */
void refusal_lift(struct refusal *r) REQUIRES(T);
/* Its text has another name now: says so. NULL is fine. */
void refusal_moved(struct refusal *r) REQUIRES(T);
/* Its text was set aside under that name: by whom the save was tried (an editor's recovery), so the
 * words stay; or by somebody else, who does not want it: they go. */
void refusal_aside(struct refusal *r, const char *kept_as, pid_t by) REQUIRES(T);

#endif
