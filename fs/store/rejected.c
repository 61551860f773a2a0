/* SPDX-License-Identifier: MIT */
/* rejected: knows names that begin with their time, and nothing of what refused them. Any thread; no
 * state, no lock: a name is made once, and whoever lists may meet one that has just gone. */
#include "store/rejected.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/macros.h"
#include "store/files.h"

enum {
	KEPT_FOR_S = 7 * 86400,
	NAME_ROOM = 150, /* a number and .error may follow */
};

static const char words_suffix[] = ".error";

static bool is_plain(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '.' || c == '_' || c == '-';
}

void rejected_name(struct timespec when, const char *label, char out[REJECTED_NAME_MAX])
{
	struct tm tm;
	size_t at = strftime(out, 24, "%Y%m%dT%H%M%S", gmtime_r(&when.tv_sec, &tm));

	at += (size_t)snprintf(out + at, 16, ".%03dZ-", (int)(when.tv_nsec / 1000000 % 1000));
	for (; *label && at < NAME_ROOM; label++)
		out[at++] = is_plain(*label) ? *label : '_';
	out[at] = '\0';
}

/* When the text of that name was set aside; INT64_MAX: it is none of ours. */
static int64_t time_of(const char *name)
{
	struct tm tm = {0};
	const char *end = strptime(name, "%Y%m%dT%H%M%S", &tm);

	if (!end || (*end != '.' && *end != 'Z') || strchr(name, '/'))
		return INT64_MAX;
	return (int64_t)timegm(&tm);
}

static int write_file(int dir, const char *name, const char *p, size_t n)
{
	int fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (fd < 0)
		return -errno;
	int err = files_write(fd, p, n, 0);
	return close(fd) < 0 && !err ? -errno : err;
}

/* What it was refused for is worth having, but the text is what counts. */
static void put_words(int dir, const char *name, const char *words)
{
	char file[REJECTED_NAME_MAX + sizeof(words_suffix)];

	if (!words || !*words)
		return;
	snprintf(file, sizeof(file), "%s%s", name, words_suffix);
	write_file(dir, file, words, strlen(words));
}

/* Two texts of one name within a millisecond: the second one gets a number. */
static bool next_name(const char *name, int try, char out[REJECTED_NAME_MAX])
{
	snprintf(out, REJECTED_NAME_MAX, try ? "%.*s-%d" : "%.*s", NAME_ROOM, name, try + 1);
	return try < 99;
}

int rejected_move(int dir, int from_dir, const char *from, const char *name, const char *words)
{
	char to[REJECTED_NAME_MAX];
	int err = -EEXIST;

	for (int i = 0; err == -EEXIST && next_name(name, i, to); i++)
		err = renameat2(from_dir, from, dir, to, RENAME_NOREPLACE) < 0 ? -errno : 0;
	/* A filesystem that cannot do that: the millisecond has to be enough. */
	if (err == -EINVAL)
		err = renameat(from_dir, from, dir, to) < 0 ? -errno : 0;
	if (!err)
		put_words(dir, to, words);
	return err;
}

int rejected_link(int dir, int from_dir, const char *from, const char *name, const char *words)
{
	char to[REJECTED_NAME_MAX];
	int err = -EEXIST;

	for (int i = 0; err == -EEXIST && next_name(name, i, to); i++)
		err = linkat(from_dir, from, dir, to, 0) < 0 ? -errno : 0;
	if (!err)
		put_words(dir, to, words);
	return err;
}

int rejected_put(int dir, const char *name, const struct text *text, const char *words)
{
	char to[REJECTED_NAME_MAX];
	int err = -EEXIST;

	for (int i = 0; err == -EEXIST && next_name(name, i, to); i++)
		err = write_file(dir, to, text_data(text), text->len);
	if (!err)
		put_words(dir, to, words);
	return err;
}

int rejected_stat(int dir, const char *name, struct stat *st)
{
	if (time_of(name) == INT64_MAX)
		return -ENOENT;
	if (fstatat(dir, name, st, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	return S_ISREG(st->st_mode) ? 0 : -ENOENT;
}

ssize_t rejected_read(int dir, const char *name, char *out, size_t n, off_t off)
{
	if (time_of(name) == INT64_MAX)
		return -ENOENT;
	CLEANUP(close_fd)
	int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
	return fd < 0 ? -errno : files_read(fd, out, n, off);
}

int rejected_remove(int dir, const char *name)
{
	if (time_of(name) == INT64_MAX)
		return -ENOENT;
	return unlinkat(dir, name, 0) < 0 ? -errno : 0;
}

static void close_dir_at(DIR **d)
{
	if (*d)
		closedir(*d);
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static int collect(DIR *d, struct buf *names)
{
	struct dirent *e;
	int err = 0;

	while (!err && (e = readdir(d))) {
		if (time_of(e->d_name) == INT64_MAX)
			continue;
		char *copy = strdup(e->d_name);
		err = copy ? buf_add(names, &copy, sizeof(copy)) : -ENOMEM;
		if (err < 0)
			free(copy);
	}
	return err;
}

int rejected_list(int dir, char ***names, size_t *count)
{
	int fd = openat(dir, ".", FILES_DIR_FLAGS);
	CLEANUP(close_dir) DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct buf found = BUF_INIT(SIZE_MAX / 2);

	if (!d) {
		int err = -errno;
		close_fd_at(&fd);
		return err;
	}
	int err = collect(d, &found);
	*count = found.len / sizeof(char *);
	*names = (char **)buf_steal(&found);
	if (*count)
		qsort(*names, *count, sizeof(char *), compare_names);
	return err;
}

void rejected_forget_old(int dir)
{
	int64_t limit = (int64_t)time(NULL) - KEPT_FOR_S;
	char **names = NULL;
	size_t count = 0;

	rejected_list(dir, &names, &count);
	for (size_t i = 0; i < count; i++) {
		if (time_of(names[i]) < limit)
			unlinkat(dir, names[i], 0);
		free(names[i]);
	}
	free(names);
}
