/* SPDX-License-Identifier: MIT */
/*
 * rejected: refused texts that an editor's recovery or a person removed: plain files in
 * <state>/rejected, each with the words of its refusal beside it (<name>.error), for a week.
 *
 * dir: the directory's descriptor (spool_rejected_dir). Any thread, no state; names are made by
 * rejected_name, and nothing else is touched. Errors are -errno.
 */
#ifndef STORE_REJECTED_H
#define STORE_REJECTED_H

#include <stdbool.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <time.h>

#include "base/blob.h"

enum { REJECTED_NAME_MAX = 176 };

/* "20261125T224107.123Z-contacts-41.json": what a text set aside at `when` is to be called. Of label
 * only [A-Za-z0-9._-] is kept, and no more than fits. */
void rejected_name(struct timespec when, const char *label, char out[REJECTED_NAME_MAX]);

/* Moves the file `from` of from_dir here. words: of the refusal, or NULL. */
int rejected_move(int dir, int from_dir, const char *from, const char *name, const char *words);
/* The same, but the file stays there too: one text with two names. */
int rejected_link(int dir, int from_dir, const char *from, const char *name, const char *words);
/* The same of a text in memory. */
int rejected_put(int dir, const char *name, const struct text *text, const char *words);

int rejected_stat(int dir, const char *name, struct stat *st); /* -ENOENT: none of ours */
ssize_t rejected_read(int dir, const char *name, char *out, size_t n, off_t off);
int rejected_remove(int dir, const char *name);
/* gives the names, sorted (oldest first): free each and the array */
int rejected_list(int dir, char ***names, size_t *count);

void rejected_forget_old(int dir); /* those of more than a week ago */

#endif
