/* SPDX-License-Identifier: MIT */
/* files: knows names, whole reads and writes, and how to replace a file at once. Any thread; no
 * state, no lock: the caller orders what it does to one key. */
#include "store/files.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "base/log.h"

struct files_name files_name(uint64_t key, const char *suffix)
{
	struct files_name n;

	snprintf(n.s, sizeof(n.s), "%" PRIu64 "%s", key, suffix);
	return n;
}

/* A file name of ours with this suffix: its key; else 0. */
static uint64_t key_of(const char *name, const char *suffix)
{
	char *end;
	uint64_t key = strtoull(name, &end, 10);
	bool ours = name[0] > '0' && name[0] <= '9' && strcmp(end, suffix) == 0;

	return ours && strcmp(files_name(key, suffix).s, name) == 0 ? key : 0;
}

int files_open(int dir, uint64_t key, const char *suffix, int flags)
{
	int fd = openat(dir, files_name(key, suffix).s, flags | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK,
			0600);

	return fd < 0 ? -errno : fd;
}

bool files_exist(int dir, uint64_t key, const char *suffix)
{
	struct stat st;

	return fstatat(dir, files_name(key, suffix).s, &st, AT_SYMLINK_NOFOLLOW) == 0 ||
	       errno != ENOENT;
}

void files_remove(int dir, uint64_t key, const char *suffix)
{
	if (unlinkat(dir, files_name(key, suffix).s, 0) < 0 && errno != ENOENT)
		log_warning("store: cannot remove key=%" PRIu64 "%s err=%d", key, suffix, errno);
}

int files_write(int fd, const char *p, size_t n, off_t off)
{
	while (n) {
		ssize_t done = pwrite(fd, p, n, off);
		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0)
			return done < 0 ? -errno : -EIO;
		p += done;
		n -= (size_t)done;
		off += done;
	}
	return 0;
}

/* Up to n bytes, fewer only at the end of the file. */
ssize_t files_read(int fd, char *out, size_t n, off_t off)
{
	size_t got = 0;

	while (got < n) {
		ssize_t more = pread(fd, out + got, n - got, off + (off_t)got);
		if (more < 0 && errno == EINTR)
			continue;
		if (more < 0)
			return -errno;
		if (!more)
			break;
		got += (size_t)more;
	}
	return (ssize_t)got;
}

int files_load(int dir, uint64_t key, const char *suffix, size_t max, struct text *out)
{
	CLEANUP(close_fd) int fd = files_open(dir, key, suffix, O_RDONLY);
	struct stat st;

	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EIO;
	if ((uint64_t)st.st_size > max)
		return -EFBIG;
	char *bytes = malloc((size_t)st.st_size + 1);
	if (!bytes)
		return -ENOMEM;
	ssize_t n = files_read(fd, bytes, (size_t)st.st_size, 0);
	if (n < 0) {
		free(bytes);
		return (int)n;
	}
	bytes[n] = '\0';
	CLEANUP(blob_put) struct blob *blob = blob_adopt(bytes, (size_t)n);
	if (!blob)
		return -ENOMEM;
	*out = text_of(blob, 0, (size_t)n);
	return 0;
}

static int write_temporary(int dir, uint64_t key, const char *p, size_t n, bool sync)
{
	int fd = files_open(dir, key, ".tmp", O_WRONLY | O_CREAT | O_TRUNC);

	if (fd < 0)
		return fd;
	int err = files_write(fd, p, n, 0);
	if (!err && sync && fsync(fd) < 0)
		err = -errno;
	return close(fd) < 0 && !err ? -errno : err;
}

int files_replace(int dir, uint64_t key, const char *suffix, const char *p, size_t n, bool sync)
{
	struct files_name temporary = files_name(key, ".tmp"), name = files_name(key, suffix);
	int err = write_temporary(dir, key, p, n, sync);

	if (!err && renameat(dir, temporary.s, dir, name.s) < 0)
		err = -errno;
	if (err < 0)
		unlinkat(dir, temporary.s, 0);
	else if (sync && fsync(dir) < 0)
		err = -errno;
	return err;
}

static void close_dir_at(DIR **d)
{
	if (*d)
		closedir(*d);
}

/* The keys of the files with this suffix, in order of age; gives. */
static int list_keys(int dir, const char *suffix, uint64_t **out, size_t *count)
{
	int fd = openat(dir, ".", FILES_DIR_FLAGS);
	CLEANUP(close_dir) DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct buf keys = BUF_INIT(SIZE_MAX / 2);
	struct dirent *e;
	int err = 0;

	if (!d) {
		err = -errno;
		close_fd_at(&fd);
		return err;
	}
	while (!err && (e = readdir(d))) {
		uint64_t key = key_of(e->d_name, suffix);
		if (key)
			err = buf_add(&keys, &key, sizeof(key));
	}
	*count = keys.len / sizeof(uint64_t);
	*out = (uint64_t *)buf_steal(&keys);
	return err;
}

static int compare_keys(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

int files_each(int dir, const char *suffix, int (*fn)(void *arg, int dir, uint64_t key), void *arg)
{
	uint64_t *keys = NULL;
	size_t count = 0;
	int err = list_keys(dir, suffix, &keys, &count);

	if (count)
		qsort(keys, count, sizeof(*keys), compare_keys);
	for (size_t i = 0; !err && i < count; i++)
		err = fn(arg, dir, keys[i]);
	free(keys);
	return err;
}
