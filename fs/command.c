/* SPDX-License-Identifier: MIT */
/*
 * command: knows how a program is started from a process that has threads, locked memory and a
 * secret: posix_spawn shares our memory until the exec and copies nothing of it. The main thread at
 * the start, the reloading one later; no lock.
 */
#include "command.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "refuse.h"

/* --- words --- */

/* One word from *text on, unquoted into out. False: a quote is not closed. */
static bool take_word(const char **text, char *out)
{
	const char *p = *text;
	char quote = '\0';

	for (; *p && (quote || !strchr(" \t", *p)); p++) {
		if (quote ? *p == quote : *p == '\'' || *p == '"') {
			quote = quote ? '\0' : *p;
			continue;
		}
		if (*p == '\\' && p[1] && quote != '\'')
			p++;
		*out++ = *p;
	}
	*out = '\0';
	*text = p;
	return !quote;
}

static void wipe(char *word)
{
	if (word)
		explicit_bzero(word, strlen(word));
	free(word);
}

DEFINE_CLEANUP(char *, wipe)

int command_split(const char *text, char ***out)
{
	size_t room = strlen(text) / 2 + 2, n = 0; /* a blank between any two */
	CLEANUP(command_free) char **argv = calloc(room, sizeof(*argv));
	CLEANUP(wipe) char *word = calloc(strlen(text) + 1, 1);

	if (!argv || !word)
		return -ENOMEM;
	while (*(text += strspn(text, " \t"))) {
		if (!take_word(&text, word))
			return -EINVAL;
		argv[n] = strdup(word);
		if (!argv[n++])
			return -ENOMEM;
	}
	if (!n || !*argv[0])
		return -EINVAL;
	*out = STEAL(argv);
	return 0;
}

void command_free(char **argv)
{
	for (char **p = argv; p && *p; p++)
		wipe(*p); /* somebody may have put a secret there */
	free(argv);
}

/* --- the child --- */

/* Signals that we block or ignore would stay so in it, and our descriptors are not its business. */
static int spawn(char **argv, int out_fd, pid_t *pid)
{
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attributes;
	sigset_t none, defaults;

	sigemptyset(&none);
	sigemptyset(&defaults);
	sigaddset(&defaults, SIGPIPE);
	sigaddset(&defaults, SIGHUP);
	posix_spawn_file_actions_init(&files);
	posix_spawnattr_init(&attributes);
	int err = posix_spawn_file_actions_adddup2(&files, out_fd, STDOUT_FILENO);
	if (!err)
		err = posix_spawn_file_actions_addclosefrom_np(&files, STDERR_FILENO + 1);
	posix_spawnattr_setsigmask(&attributes, &none);
	posix_spawnattr_setsigdefault(&attributes, &defaults);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	if (!err)
		err = posix_spawnp(pid, argv[0], &files, &attributes, argv, environ);
	posix_spawnattr_destroy(&attributes);
	posix_spawn_file_actions_destroy(&files);
	return -err;
}

struct line {
	char *bytes;
	size_t len, size;
	bool is_whole, is_too_long;
};

/* Reads what is there. False: the end of it. */
static bool read_some(int fd, struct line *l)
{
	char bytes[512];
	ssize_t n = read(fd, bytes, sizeof(bytes));

	for (ssize_t i = 0; i < n && !l->is_whole; i++) {
		if (bytes[i] == '\n')
			l->is_whole = true;
		else if (l->len < l->size)
			l->bytes[l->len++] = bytes[i];
		else
			l->is_too_long = true;
	}
	explicit_bzero(bytes, sizeof(bytes));
	return n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR));
}

/* Until the child has ended: it may leave others behind that keep the pipe open. 0, -ETIMEDOUT or
 * -ECANCELED. */
static int follow(int child, int fd, const struct command_limits *limits, struct line *l)
{
	uint64_t end = clock_now() + limits->ns;
	struct pollfd fds[] = {{fd, POLLIN, 0}, {child, POLLIN, 0}, {limits->stop_fd, POLLIN, 0}};

	for (uint64_t now; (now = clock_now()) < end;) {
		uint64_t ms = (end - now) / NS_PER_MS + 1;
		int n = poll(fds, ARRAY_LEN(fds), ms < 60000 ? (int)ms : 60000);
		if (n < 0 && errno != EINTR)
			return -errno;
		if (n <= 0)
			continue;
		if (fds[2].revents)
			return -ECANCELED;
		if (fds[0].revents && !read_some(fd, l))
			fds[0].fd = -1;
		if (fds[1].revents && (!fds[0].revents || fds[0].fd < 0))
			return 0;
	}
	return -ETIMEDOUT;
}

static int judge(const char *what, const char *program, int status, const struct line *l)
{
	if (WIFSIGNALED(status))
		return refuse("%s %s: ended by signal %d", what, program, WTERMSIG(status));
	if (WEXITSTATUS(status))
		return refuse("%s %s: failed with exit status %d", what, program,
			      WEXITSTATUS(status));
	if (l->is_too_long)
		return refuse("%s %s: its first line is longer than any token", what, program);
	return 0;
}

static int attend(const char *what, const char *program, pid_t pid, int fd,
		  const struct command_limits *limits, struct line *l)
{
	int child = pidfd_open(pid, 0), status = 0;
	int err = child < 0 ? -errno : follow(child, fd, limits, l);

	if (err < 0)
		kill(pid, SIGKILL);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (child >= 0)
		close(child);
	if (err == -ETIMEDOUT)
		return refuse("%s %s: took longer than %.3g s and was ended", what, program,
			      (double)limits->ns / (double)NS_PER_SEC);
	if (err < 0)
		return refuse("%s %s: %s", what, program, strerror(-err));
	return judge(what, program, status, l);
}

int command_run(const char *what, char **argv, const struct command_limits *limits, char *bytes,
		size_t size, size_t *len)
{
	struct line l = {.bytes = bytes, .size = size};
	pid_t pid;
	int fds[2];

	if (pipe2(fds, O_CLOEXEC) < 0)
		return refuse("%s: %s", what, strerror(errno));
	fcntl(fds[0], F_SETFL, O_NONBLOCK);
	int err = spawn(argv, fds[1], &pid);
	close(fds[1]);
	err = err < 0 ? refuse("%s %s: %s", what, argv[0], strerror(-err))
		      : attend(what, argv[0], pid, fds[0], limits, &l);
	close(fds[0]);
	*len = l.len;
	return err;
}
