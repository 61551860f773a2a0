/* SPDX-License-Identifier: MIT */
/*
 * commit_run: what a commit does on the net thread, in four modules that hand it on:
 *
 *   commit_run   judges the text against what is known, and again whenever more is known
 *   commit_ask   reads: the record again, what may be chosen, whether a lost request was carried out
 *   commit_send  PUT and POST, and what their answers tell
 *   commit_end   into the tree: saved, refused in words, or left local; wakes who waits
 *
 * Between commit.c, which begins it, and nobody else. Everything here but commit.c's is on the net
 * thread, T not held; each function passes the commit on or ends it, so it is gone afterwards.
 */
#ifndef TREE_COMMIT_RUN_H
#define TREE_COMMIT_RUN_H

#include "crm/api.h"
#include "crm/edit.h"
#include "tree/commit.h"

struct commit {
	struct tree *tree;
	struct coll *coll;
	struct draft *draft;   /* counted */
	struct node *node;     /* pinned: where the text is */
	struct record *record; /* counted; NULL: a new one */
	char *new_name;	       /* of a rename; else NULL */
	bool exchange;	       /* compared with what there is now, whatever it was made from */
	char *about;	       /* the name that the person knows it by */
	struct text mine;
	uint64_t writes; /* of the draft when mine was read */
	struct caller caller;
	uint64_t began, deadline; /* clock.h ns */
	bool resumed; /* by a new mount, not by a person: to find out what the last one achieved */
	bool sending; /* (T) a change is on its way */
	bool abandoned; /* its caller was interrupted before anything was sent */
	struct job *job;
	struct wait_point done;
	struct task task;

	/* The net thread's. */
	int64_t mine_time;  /* updated_at in mine, or VIEW_NO_TIME */
	bool created;	    /* by this commit */
	bool adopted;	    /* by an earlier one; it is in its place */
	bool acted;	    /* something was sent that changes the server */
	bool is_untouched;  /* mine is to the byte what it was made from */
	unsigned asked;	    /* questions so far: they must come to an end */
	struct text before; /* the server's text when the change was sent */
	char *sent;	    /* a body whose answer was lost, or that was posted once */
	size_t sent_len;
	struct {
		int err, status;
		char words[200];
		struct report report; /* what the last try was refused for, or nothing */
	} lost;			      /* how */
	struct text posted;	      /* looked for: the text of an earlier POST */
	char *next_body;	      /* goes after another PUT */
	size_t next_len;
	const struct kind *looking_up; /* whose records are being read into found */
	struct choices found;
	long page;
	struct choices tags;
	bool has_tags;
	char *yielded; /* words: members left to the server's version (conflict=theirs) */
};

/* commit_run */
void commit_run(struct task *task);  /* its task: from here on it is the net thread's */
void commit_judge(struct commit *c); /* more is known than before */
/* The record is not on the server any more. */
void commit_gone(struct commit *c);

/* commit_ask */
void commit_reread(struct commit *c);
void commit_ask(struct commit *c, const struct edit_needs *needs);
/* Asks anew for what is older than the commit; false: it is of just now, so the refusal stands. */
bool commit_doubt(struct commit *c, const struct edit_needs *doubts);
void commit_check_put(struct commit *c);  /* c->sent was PUT: did it arrive? */
void commit_check_post(struct commit *c); /* c->sent was POSTed at draft.posted: did it arrive? */
void commit_restore(struct commit *c);	  /* out of the server's trash */

/* commit_send */
void commit_put(struct commit *c, struct edit *edit);  /* takes its bodies */
void commit_post(struct commit *c, struct edit *edit); /* likewise */
/* Hands j to the net thread; changes: not to be interrupted once it has left. */
void commit_send_job(struct commit *c, struct job *j, void (*done)(struct job *j), bool changes);

/* commit_end */
void commit_succeed(struct commit *c);
/* It is saved, and yet not all of it: err and the report are told. */
void commit_succeed_but(struct commit *c, int err, const struct report *report);
void commit_stay_local(struct commit *c);
/* c->record is what an earlier POST of the draft created: it stands there from now on, whatever
 * becomes of what was written since. Looked for by its old text once more, it would not be found. */
void commit_adopt(struct commit *c);
/* err: -errno; advice: static, what to do next, or NULL. report may be empty. */
void commit_fail(struct commit *c, int err, const struct report *report, const char *advice);
void commit_refuse(struct commit *c, int err, const char *advice, const char *fmt, ...)
	PRINTF(4, 5);
/* Takes j, which failed. */
void commit_fail_sent(struct commit *c, struct job *j);
/* A reply that could not be read, or no memory. */
void commit_fail_plain(struct commit *c, int err);

#endif
