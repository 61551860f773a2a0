/* SPDX-License-Identifier: MIT */
/*
 * journal: errors.ndjson in the state directory: one line a refusal, appended whole. Kept below a
 * megabyte: when it is full, its older half goes. Mounts of one account share it.
 *
 * dir: the state directory's descriptor (spool_state_dir). Any thread, no state. -errno.
 */
#ifndef STORE_JOURNAL_H
#define STORE_JOURNAL_H

#include <sys/stat.h>
#include <sys/types.h>

int journal_add(int dir, const char *line, size_t n); /* line ends with its newline */
ssize_t journal_read(int dir, char *out, size_t n, off_t off);
int journal_stat(int dir, struct stat *st); /* an absent one is empty */

#endif
