/* SPDX-License-Identifier: MIT */
/*
 * mountpoint: knows mountinfo, and what is left when a daemon was killed: a mount that answers
 * ENOTCONN to everything, on which nobody can mount and which no shell completes. Ours is detached,
 * anybody else's never. Main thread; no lock.
 */
#include "mountpoint.h"

#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/macros.h"
#include "refuse.h"

#define OUR_TYPE "fuse.concordfs"

enum { STACKED_MAX = 32, TYPE_MAX = 64 };

/* --- names --- */

static char *absolute(const char *path)
{
	char *cwd, *out;

	if (path[0] == '/')
		return strdup(path);
	cwd = getcwd(NULL, 0);
	if (!cwd || asprintf(&out, "%s/%s", cwd, path) < 0)
		out = NULL;
	free(cwd);
	return out;
}

/* Resolves all but the last name of an absolute path, which is cut up. */
static char *resolve_parent(char *path)
{
	size_t n = strlen(path);
	char *out = NULL;

	while (n > 1 && path[n - 1] == '/')
		path[--n] = '\0';
	char *slash = strrchr(path, '/'), *name = slash + 1;
	if (!*name || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return NULL;
	*slash = '\0';
	char *parent = realpath(slash == path ? "/" : path, NULL);
	if (parent && asprintf(&out, "%s/%s", parent[1] ? parent : "", name) < 0)
		out = NULL;
	free(parent);
	return out;
}

char *mountpoint_resolve(const char *path)
{
	char *real = realpath(path, NULL);

	if (real)
		return real;
	char *whole = absolute(path), *copy = whole ? strdup(whole) : NULL;
	real = copy ? resolve_parent(copy) : NULL;
	free(copy);
	if (!real)
		return whole;
	free(whole);
	return real;
}

/* --- what is mounted there --- */

static bool is_octal(char c)
{
	return c >= '0' && c <= '7';
}

/* mountinfo writes blanks, line breaks and backslashes as \ooo. Compares n bytes of it. */
static bool names_path(const char *field, size_t n, const char *path)
{
	const char *end = field + n;

	while (field < end && *path) {
		char c = *field;
		if (c == '\\' && end - field >= 4 && is_octal(field[1]) && is_octal(field[2]) &&
		    is_octal(field[3])) {
			c = (char)((field[1] - '0') << 6 | (field[2] - '0') << 3 |
				   (field[3] - '0'));
			field += 3;
		}
		if (c != *path++)
			return false;
		field++;
	}
	return field == end && !*path;
}

/* "36 35 98:0 /root /mount/point rw,nosuid shared:1 - fuse.concordfs https://... rw" */
static bool read_mount(const char *line, const char *path, char *type)
{
	const char *point = line, *dash = strstr(line, " - ");

	for (int i = 0; i < 4 && point; i++) {
		point = strchr(point, ' ');
		point += point != NULL;
	}
	if (!point || !dash || !names_path(point, strcspn(point, " "), path))
		return false;
	snprintf(type, TYPE_MAX, "%.*s", (int)strcspn(dash + 3, " \n"), dash + 3);
	return true;
}

/* The type of what lies on top at `path`; false: nothing is mounted there, or nobody can tell. */
static bool find_top(const char *path, char *type)
{
	FILE *f = fopen("/proc/self/mountinfo", "re");
	bool found = false;
	char *line = NULL;
	size_t size = 0;

	while (f && getline(&line, &size, f) > 0)
		found |= read_mount(line, path, type); /* later lines lie on earlier ones */
	free(line);
	if (f)
		fclose(f);
	return found;
}

/* --- putting it away --- */

static int run_fusermount(const char *path)
{
	char *argv[] = {"fusermount3", "-u", "-z", "-q", "--", (char *)path, NULL};
	int status = 0;
	pid_t pid;
	int err = posix_spawnp(&pid, argv[0], NULL, NULL, argv, environ);

	if (err)
		return -err;
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -EPERM;
}

static int detach(const char *path)
{
	return umount2(path, MNT_DETACH | UMOUNT_NOFOLLOW) == 0 ? 0 : run_fusermount(path);
}

/* ECONNABORTED is what a request gets that waits while the daemon dies. */
static bool is_dead(const char *path)
{
	struct stat st;

	return stat(path, &st) != 0 && (errno == ENOTCONN || errno == ECONNABORTED);
}

static int clear_dead(const char *path)
{
	char type[TYPE_MAX];

	for (int i = 0; i < STACKED_MAX && find_top(path, type); i++) {
		if (strcmp(type, OUR_TYPE) != 0 || !is_dead(path)) {
			refuse("something is mounted on %s already", path);
			return -EBUSY;
		}
		int err = detach(path);
		if (err < 0) {
			refuse("the dead mount on %s cannot be detached: %s", path, strerror(-err));
			return err;
		}
	}
	return 0;
}

int mountpoint_prepare(const char *path)
{
	struct stat st;
	int err = clear_dead(path);

	if (err < 0)
		return err;
	if (stat(path, &st) != 0) {
		err = -errno;
		refuse("mountpoint %s: %s", path, strerror(-err));
		return err;
	}
	if (!S_ISDIR(st.st_mode)) {
		refuse("mountpoint %s is not a directory", path);
		return -ENOTDIR;
	}
	return 0;
}
