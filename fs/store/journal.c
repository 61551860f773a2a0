/* SPDX-License-Identifier: MIT */
/* journal: knows one file of lines. Any thread, any mount: O_APPEND keeps lines whole, and a full
 * file is replaced at once under a lock that only those who shorten it take. */
#include "store/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/macros.h"
#include "store/files.h"

enum { FULL_BYTES = 1 << 20, KEEP_BYTES = 1 << 19 };

static const char file_name[] = "errors.ndjson", temporary[] = "errors.ndjson.tmp";

static int open_journal(int dir, int flags)
{
	int fd = openat(dir, file_name, flags | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK, 0600);

	return fd < 0 ? -errno : fd;
}

static int write_rest(int dir, const char *p, size_t n)
{
	CLEANUP(close_fd)
	int fd =
		openat(dir, temporary, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	int err = fd < 0 ? -errno : files_write(fd, p, n, 0);

	if (!err && renameat(dir, temporary, dir, file_name) < 0)
		err = -errno;
	if (err < 0)
		unlinkat(dir, temporary, 0);
	return err;
}

/* Keeps the newer half, from the beginning of a line. fd: the full file, which we alone shorten. */
static void shorten(int dir, int fd, off_t size)
{
	char *half = malloc(KEEP_BYTES);
	ssize_t n = half ? files_read(fd, half, KEEP_BYTES, size - KEEP_BYTES) : 0;
	char *line = n > 0 ? memchr(half, '\n', (size_t)n) : NULL;

	if (line)
		write_rest(dir, line + 1, (size_t)(half + n - line - 1));
	free(half);
}

int journal_add(int dir, const char *line, size_t n)
{
	CLEANUP(close_fd) int fd = open_journal(dir, O_RDWR | O_CREAT | O_APPEND);
	struct stat st;

	if (fd < 0)
		return fd;
	ssize_t done = write(fd, line, n);
	if (done != (ssize_t)n)
		return done < 0 ? -errno : -ENOSPC;
	if (fstat(fd, &st) == 0 && st.st_size > FULL_BYTES && flock(fd, LOCK_EX | LOCK_NB) == 0)
		shorten(dir, fd, st.st_size);
	return 0;
}

ssize_t journal_read(int dir, char *out, size_t n, off_t off)
{
	CLEANUP(close_fd) int fd = open_journal(dir, O_RDONLY);

	if (fd < 0)
		return fd == -ENOENT ? 0 : fd;
	return files_read(fd, out, n, off);
}

int journal_stat(int dir, struct stat *st)
{
	*st = (struct stat){0};
	if (fstatat(dir, file_name, st, AT_SYMLINK_NOFOLLOW) < 0 && errno != ENOENT)
		return -errno;
	return 0;
}
