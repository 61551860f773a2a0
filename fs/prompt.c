/* SPDX-License-Identifier: MIT */
/* prompt: knows that a terminal without echo outlives the program that wanted it so, and therefore
 * catches what would end us meanwhile. Main thread, before any other; no lock. */
#include "prompt.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "base/macros.h"

static const int fatal[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
static volatile sig_atomic_t caught;

static void note(int signal_number)
{
	caught = signal_number;
}

bool prompt_is_possible(void)
{
	return isatty(STDIN_FILENO);
}

/* What was ignored stays so. All are blocked but while we wait, so that none falls between a look
 * at `caught` and the wait. */
static void catch_all(struct sigaction *before, sigset_t *mask)
{
	struct sigaction mine = {.sa_handler = note};
	sigset_t blocked;

	caught = 0;
	sigemptyset(&blocked);
	for (size_t i = 0; i < ARRAY_LEN(fatal); i++)
		sigaddset(&blocked, fatal[i]);
	sigprocmask(SIG_BLOCK, &blocked, mask);
	for (size_t i = 0; i < ARRAY_LEN(fatal); i++) {
		sigaction(fatal[i], NULL, &before[i]);
		if (before[i].sa_handler != SIG_IGN)
			sigaction(fatal[i], &mine, NULL);
	}
}

static void release_all(const struct sigaction *before, const sigset_t *mask)
{
	for (size_t i = 0; i < ARRAY_LEN(fatal); i++)
		sigaction(fatal[i], &before[i], NULL);
	sigprocmask(SIG_SETMASK, mask, NULL);
	if (caught)
		raise(caught);
}

static int read_line(char *line, size_t size, const sigset_t *mask)
{
	struct pollfd fd = {STDIN_FILENO, POLLIN, 0};
	ssize_t n = ppoll(&fd, 1, NULL, mask);

	if (n > 0)
		n = read(STDIN_FILENO, line, size);
	if (n < 0)
		return -errno;
	while (n && strchr("\r\n", line[n - 1]))
		n--;
	return (int)n;
}

int prompt_secret(const char *question, char *line, size_t size)
{
	struct sigaction before[ARRAY_LEN(fatal)];
	struct termios shown, hidden;
	sigset_t mask;

	if (tcgetattr(STDIN_FILENO, &shown) < 0)
		return -errno;
	hidden = shown;
	hidden.c_lflag &= ~(tcflag_t)ECHO;
	catch_all(before, &mask);
	int n = tcsetattr(STDIN_FILENO, TCSAFLUSH, &hidden) < 0 ? -errno : 0;
	if (!n) {
		fputs(question, stderr);
		n = read_line(line, size, &mask);
		tcsetattr(STDIN_FILENO, TCSAFLUSH, &shown);
		fputc('\n', stderr);
	}
	release_all(before, &mask);
	return n;
}
