/* SPDX-License-Identifier: MIT */
/* secret: knows how the API token is read from a file that others may try to swap or to share, and taken
 * out of the environment. Main thread, before any other; no lock. */
#include "secret.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "options.h"

enum { TOKEN_MAX = 4096 };

/* Cuts the end of the line off and copies; gives. A token is one word of printable ASCII: anything
 * else would end up in a header. */
static int token_from(char *bytes, size_t n, const char *where, char **out)
{
	while (n && strchr("\r\n\t ", bytes[n - 1]))
		n--;
	if (!n)
		return options_refuse("%s: there is no token in it", where);
	for (size_t i = 0; i < n; i++) {
		if (bytes[i] <= ' ' || bytes[i] > '~')
			return options_refuse(
				"%s: not a token: it has white space, control characters or "
				"letters beyond ASCII in it",
				where);
	}
	*out = strndup(bytes, n);
	return *out ? 0 : options_refuse("out of memory");
}

/* Asked of the opened file, so that nobody can put another one there in between. */
static int check_private(int fd, const char *path)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return options_refuse("token_file %s: %s", path, strerror(errno));
	if (!S_ISREG(st.st_mode))
		return options_refuse("token_file %s is not a regular file", path);
	if (st.st_uid != geteuid() && st.st_uid != 0)
		return options_refuse("token_file %s belongs to somebody else (uid %u)", path,
				      st.st_uid);
	if (st.st_mode & 077)
		return options_refuse(
			"token_file %s has mode %04o: others can read it; chmod 600 mends it", path,
			st.st_mode & 07777);
	if (st.st_size > TOKEN_MAX)
		return options_refuse("token_file %s is longer than any token", path);
	return 0;
}

/* O_NONBLOCK: a FIFO would wait for a writer. */
static int token_from_file(const char *path, char **out)
{
	char bytes[TOKEN_MAX];
	int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);

	if (fd < 0)
		return options_refuse("token_file %s: %s", path,
				      errno == ELOOP ? "it is a symbolic link" : strerror(errno));
	int err = check_private(fd, path);
	ssize_t n = err < 0 ? 0 : read(fd, bytes, sizeof(bytes));
	if (n < 0)
		err = options_refuse("token_file %s: %s", path, strerror(errno));
	close(fd);
	if (!err)
		err = token_from(bytes, (size_t)n, path, out);
	explicit_bzero(bytes, sizeof(bytes));
	return err;
}

static int token_from_environment(char **out)
{
	char *value = getenv("CONCORDFS_TOKEN");

	if (!value || !*value)
		return options_refuse("no token: use -o token_file=FILE, or CONCORDFS_TOKEN in the "
				      "environment");
	return token_from(value, strlen(value), "CONCORDFS_TOKEN", out);
}

/* /proc shows the environment of a process as it stands in memory since its start: so it is
 * overwritten there, not only forgotten. */
static void wipe_environment(void)
{
	char *value = getenv("CONCORDFS_TOKEN");

	if (value)
		explicit_bzero(value, strlen(value));
	unsetenv("CONCORDFS_TOKEN");
}

int secret_read(const char *file, char **out)
{
	int err = file ? token_from_file(file, out) : token_from_environment(out);

	wipe_environment();
	return err;
}
