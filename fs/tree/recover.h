/* SPDX-License-Identifier: MIT */
/*
 * recover: at mount, what the spool holds is there again: texts at their names, refused ones with
 * the words of their refusal. What the last mount was about to save is marked, for commit_resume.
 */
#ifndef TREE_RECOVER_H
#define TREE_RECOVER_H

#include "tree/tree.h"

/* Before any other thread runs. 0, -ENOMEM, or what the disk says. */
int recover_all(struct tree *t) EXCLUDES(T);

#endif
