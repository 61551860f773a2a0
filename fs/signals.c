/* SPDX-License-Identifier: MIT */
/* signals: see signals.h. The handlers say what came in `came` and end the thread's sleep by `wake`;
 * signals_stop does the same, so that one word is all they share. */
#include "signals.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { HANG_UP = 1, REPORT = 2, STOP = 4 };

static struct { /* (I) since signals_start */
	struct signals_config config;
	int wake;
	bool has_terminal;
	struct sigaction before; /* SIGHUP's */
	pthread_t thread;
	bool is_started;
	atomic_uint came;
} state = {.wake = -1};

/* Only what a handler may call. */
static void add(unsigned what)
{
	uint64_t one = 1;

	atomic_fetch_or(&state.came, what);
	ssize_t n = write(state.wake, &one, sizeof(one));
	(void)n;
}

static bool has_terminal(void)
{
	int fd = open("/dev/tty", O_RDONLY | O_NOCTTY | O_CLOEXEC);

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

/* In the foreground of a terminal, SIGHUP may also say that somebody closed the window: then it is
 * libfuse's, as before. */
static void hang_up(int number)
{
	int saved = errno;

	if (state.has_terminal && !has_terminal())
		state.before.sa_handler(number);
	else
		add(HANG_UP);
	errno = saved;
}

static void report(int number)
{
	int saved = errno;

	(void)number;
	add(REPORT);
	errno = saved;
}

static void *signals_main(void *arg)
{
	const struct signals_config *config = arg;
	unsigned came = 0;
	uint64_t count;

	while (!(came & STOP)) {
		ssize_t n = read(state.wake, &count, sizeof(count)); /* sleeps */
		(void)n;
		came = atomic_exchange(&state.came, 0);
		if (came & HANG_UP)
			config->hang_up(config->arg);
		if (came & REPORT)
			config->report(config->arg);
	}
	return NULL;
}

/* Without SA_RESTART, like libfuse's, whose main thread has to look up when it is the end. */
static void take(int number, void (*handler)(int), struct sigaction *before)
{
	struct sigaction sa = {.sa_handler = handler};

	sigaction(number, &sa, before);
}

static void take_both(void)
{
	sigaction(SIGHUP, NULL, &state.before);
	state.has_terminal = has_terminal() && state.before.sa_handler != SIG_DFL &&
			     state.before.sa_handler != SIG_IGN;
	take(SIGHUP, hang_up, NULL);
	take(SIGUSR1, report, NULL);
}

int signals_start(const struct signals_config *config)
{
	sigset_t all, before;

	state.config = *config;
	state.wake = eventfd(0, EFD_CLOEXEC);
	if (state.wake < 0)
		return -errno;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	int err = pthread_create(&state.thread, NULL, signals_main, &state.config);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (err)
		return -err;
	state.is_started = true;
	pthread_setname_np(state.thread, "concordfs-sig");
	take_both();
	return 0;
}

void signals_stop(void)
{
	if (!state.is_started)
		return;
	signal(SIGHUP, SIG_IGN);
	signal(SIGUSR1, SIG_IGN);
	add(STOP);
	pthread_join(state.thread, NULL);
	state.is_started = false;
}
