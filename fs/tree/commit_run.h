/* SPDX-License-Identifier: MIT */
/*
 * commit_run: what a commit does on the net thread: judge the text, read the record again if need
 * be, send, and put the end into the tree. Between commit.c, which begins it, and nobody else.
 */
#ifndef TREE_COMMIT_RUN_H
#define TREE_COMMIT_RUN_H

#include "tree/commit.h"

struct commit {
	struct tree *tree;
	struct coll *coll;
	struct draft *draft;   /* counted */
	struct node *node;     /* pinned: where the text is */
	struct record *record; /* counted; NULL: a new one */
	char *new_name;	       /* of a rename; else NULL */
	struct text mine;
	uint64_t writes; /* of the draft when mine was read */
	pid_t process;
	uint64_t deadline;
	int64_t mine_time; /* updated_at in mine, or VIEW_NO_TIME */
	bool sending;	   /* (T) a change is on its way */
	bool abandoned;	   /* its caller was interrupted before anything was sent */
	struct job *job;
	struct wait_point done;
	struct task task;
};

/* Its task: from here on it is the net thread's, and ends itself. */
void commit_run(struct task *task);

#endif
