/* SPDX-License-Identifier: MIT */
/*
 * files: the files of one directory that are named by a key: <key>.text, <key>.note. A key never
 * comes from a user or a server. Everything is relative to the directory's descriptor, and no
 * symlink is followed. Any thread; no state. Errors are -errno.
 */
#ifndef STORE_FILES_H
#define STORE_FILES_H

#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <unistd.h>

#include "base/blob.h"

enum { FILES_DIR_FLAGS = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC };

struct files_name {
	char s[64];
};

struct files_name files_name(uint64_t key, const char *suffix);
int files_open(int dir, uint64_t key, const char *suffix, int flags); /* gives a descriptor */
/* false only when that is sure */
bool files_exist(int dir, uint64_t key, const char *suffix);
void files_remove(int dir, uint64_t key, const char *suffix); /* a failure is logged */

int files_write(int fd, const char *p, size_t n, off_t off); /* all n bytes */
ssize_t files_read(int fd, char *out, size_t n, off_t off);  /* fewer only at the end */
/* The whole file; -EFBIG beyond max. Gives *out. */
int files_load(int dir, uint64_t key, const char *suffix, size_t max, struct text *out);
/* At every instant the file has the old bytes or the new; on return the new ones are on the
 * disk (sync), or will be unless the machine fails. */
int files_replace(int dir, uint64_t key, const char *suffix, const char *p, size_t n, bool sync);

/* Calls fn for every file with this suffix, in the order of the keys; a result other than 0 ends
 * it. fn may add and remove files. */
int files_each(int dir, const char *suffix, int (*fn)(void *arg, int dir, uint64_t key), void *arg);

static inline void close_fd_at(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

#endif
