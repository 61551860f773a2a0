/* SPDX-License-Identifier: MIT */
/*
 * secret: knows the places a token may be in, and how it is read from a file that others may try to
 * swap or to share. The main thread, and later reload's; no lock: what is taken from the environment
 * is used before there is a second thread.
 */
#include "secret.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "home.h"
#include "prompt.h"
#include "refuse.h"

enum { TOKEN_MAX = 4096 };

static char *from_environment; /* NULL: it was not there, or is used */

static const char *const names[] = {
	[SECRET_FILE] = "token_file",		[SECRET_COMMAND] = "token_command",
	[SECRET_CREDENTIAL] = "the credential", [SECRET_ENVIRONMENT] = "CONCORDFS_TOKEN",
	[SECRET_HOME_FILE] = "token file",	[SECRET_PROMPT] = "what was typed",
};

/* --- finding it --- */

/* /proc shows the environment of a process as it stands in memory since its start: so it is
 * overwritten there, not only forgotten. */
void secret_take_environment(void)
{
	char *value = getenv("CONCORDFS_TOKEN");

	if (value && *value) {
		secret_wipe(from_environment);
		from_environment = strdup(value);
		explicit_bzero(value, strlen(value));
	}
	unsetenv("CONCORDFS_TOKEN");
}

/* A file that is there and cannot be read is the one all the same, and says why. */
static bool is_there(const char *path)
{
	return path && (access(path, F_OK) == 0 || (errno != ENOENT && errno != ENOTDIR));
}

static char *credential_path(void)
{
	const char *dir = getenv("CREDENTIALS_DIRECTORY");
	char *path;

	if (!dir || !*dir || asprintf(&path, "%s/concordfs-token", dir) < 0)
		return NULL;
	return path;
}

static bool take(struct secret *out, enum secret_kind kind, const char *where)
{
	*out = (struct secret){kind, where ? strdup(where) : NULL};
	return !where || out->where;
}

int secret_find(const char *token_file, const char *token_command, struct secret *out)
{
	CLEANUP(free_string) char *credential = credential_path();
	CLEANUP(free_string) char *own = home_path("XDG_CONFIG_HOME", ".config", "/token");
	bool ok;

	if (token_file)
		ok = take(out, SECRET_FILE, token_file);
	else if (token_command)
		ok = take(out, SECRET_COMMAND, token_command);
	else if (is_there(credential))
		ok = take(out, SECRET_CREDENTIAL, credential);
	else if (from_environment)
		ok = take(out, SECRET_ENVIRONMENT, NULL);
	else if (is_there(own))
		ok = take(out, SECRET_HOME_FILE, own);
	else if (prompt_is_possible())
		ok = take(out, SECRET_PROMPT, NULL);
	else
		return refuse("no token: use -o token_file=FILE, -o token_command=COMMAND, "
			      "CONCORDFS_TOKEN in the environment, or %s",
			      own ? own : "a terminal");
	return ok ? 0 : refuse("out of memory");
}

void secret_fini(struct secret *s)
{
	free(s->where);
	s->where = NULL;
}

bool secret_is_lasting(const struct secret *s)
{
	return s->kind != SECRET_ENVIRONMENT && s->kind != SECRET_PROMPT;
}

const char *secret_name(const struct secret *s)
{
	return names[s->kind];
}

void secret_wipe(char *token)
{
	if (token)
		explicit_bzero(token, strlen(token));
	free(token);
}

/* --- reading it --- */

/* Cuts the end of the line off and copies; gives. A token is one word of printable ASCII: anything
 * else would end up in a header. */
static int token_from(const char *bytes, size_t n, const char *what, char **out)
{
	while (n && strchr("\r\n\t ", bytes[n - 1]))
		n--;
	if (!n)
		return refuse("%s: there is no token in it", what);
	for (size_t i = 0; i < n; i++) {
		if (bytes[i] <= ' ' || bytes[i] > '~')
			return refuse("%s: not a token: it has white space, control characters or "
				      "letters beyond ASCII in it",
				      what);
	}
	*out = strndup(bytes, n);
	return *out ? 0 : refuse("out of memory");
}

/* Asked of the opened file, so that nobody can put another one there in between. A credential's
 * group bits are the mask of the access list by which systemd lets the service's user read it. */
static int check_private(const struct secret *s, int fd)
{
	mode_t others = s->kind == SECRET_CREDENTIAL ? 037 : 077;
	const char *what = names[s->kind];
	struct stat st;

	if (fstat(fd, &st) < 0)
		return refuse("%s %s: %s", what, s->where, strerror(errno));
	if (!S_ISREG(st.st_mode))
		return refuse("%s %s is not a regular file", what, s->where);
	if (st.st_uid != geteuid() && st.st_uid != 0)
		return refuse("%s %s belongs to somebody else (uid %u)", what, s->where, st.st_uid);
	if (st.st_mode & others)
		return refuse("%s %s has mode %04o: others can read it; chmod 600 mends it", what,
			      s->where, st.st_mode & 07777);
	if (st.st_size > TOKEN_MAX)
		return refuse("%s %s is longer than any token", what, s->where);
	return 0;
}

/* O_NONBLOCK: a FIFO would wait for a writer. */
static int read_file(const struct secret *s, char *bytes, size_t *n)
{
	int fd = open(s->where, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);

	if (fd < 0)
		return refuse("%s %s: %s", names[s->kind], s->where,
			      errno == ELOOP ? "it is a symbolic link" : strerror(errno));
	int err = check_private(s, fd);
	ssize_t got = err < 0 ? 0 : read(fd, bytes, TOKEN_MAX);
	if (got < 0)
		err = refuse("%s %s: %s", names[s->kind], s->where, strerror(errno));
	close(fd);
	*n = err < 0 ? 0 : (size_t)got;
	return err;
}

static int read_command(const struct secret *s, const struct command_limits *limits, char *bytes,
			size_t *n)
{
	CLEANUP(command_free) char **argv = NULL;
	int err = command_split(s->where, &argv);

	if (err == -EINVAL)
		return refuse("token_command wants a program and its arguments, and every quote "
			      "closed");
	if (err < 0)
		return refuse("out of memory");
	return command_run("token_command", argv, limits, bytes, TOKEN_MAX, n);
}

static int read_prompt(char *bytes, size_t *n)
{
	int got = prompt_secret("Concord API token: ", bytes, TOKEN_MAX);

	*n = got < 0 ? 0 : (size_t)got;
	return got < 0 ? refuse("the terminal: %s", strerror(-got)) : 0;
}

/* What is said of the bytes names a file, but not a command, whose arguments are its own. */
static int read_into(const struct secret *s, const struct command_limits *limits, char *bytes,
		     char **token)
{
	const char *what = names[s->kind];
	size_t n = 0;
	int err;

	switch (s->kind) {
	case SECRET_COMMAND:
		err = read_command(s, limits, bytes, &n);
		return err < 0 ? err : token_from(bytes, n, what, token);
	case SECRET_PROMPT:
		err = read_prompt(bytes, &n);
		return err < 0 ? err : token_from(bytes, n, what, token);
	case SECRET_ENVIRONMENT:
		return token_from(from_environment, strlen(from_environment), what, token);
	default:
		err = read_file(s, bytes, &n);
		return err < 0 ? err : token_from(bytes, n, s->where, token);
	}
}

int secret_read(const struct secret *s, const struct command_limits *limits, char **token)
{
	char bytes[TOKEN_MAX];

	if (s->kind == SECRET_ENVIRONMENT && !from_environment)
		return refuse("CONCORDFS_TOKEN was used already");
	int err = read_into(s, limits, bytes, token);
	explicit_bzero(bytes, sizeof(bytes));
	secret_wipe(STEAL(from_environment)); /* whoever won */
	return err;
}
