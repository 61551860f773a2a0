/* SPDX-License-Identifier: MIT */
/*
 * reload: see reload.h. Its thread and whoever asks share two eventfds and no lock: `wake` counts
 * the occasions, `stop` becomes readable once and stays so, which also ends a token_command under way.
 */
#include "reload.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/log.h"
#include "base/map.h"
#include "base/supervisor.h"
#include "refuse.h"

struct reload { /* (I) since reload_new or, marked *, reload_start */
	struct reload_config config;
	struct command_limits limits; /* its stop_fd is `stop` */
	uint64_t known;		      /* (*) a hash of the token in use, then its thread's */
	int wake, stop;
	struct http *http; /* (*) */
	bool is_started;
	pthread_t thread;
};

static void add_one(int fd)
{
	uint64_t one = 1;
	ssize_t n =
		write(fd, &one, sizeof(one)); /* full: it is readable then, which is the point */

	(void)n;
}

/* True: this thread has something to read. */
static bool sleep_till_asked(struct reload *r)
{
	struct pollfd fds[] = {{r->wake, POLLIN, 0}, {r->stop, POLLIN, 0}};
	uint64_t count;

	while (poll(fds, ARRAY_LEN(fds), -1) < 0)
		;
	if (fds[1].revents)
		return false;
	ssize_t n = read(r->wake, &count, sizeof(count));
	(void)n;
	return true;
}

/* The same one costs no request. */
static bool is_usable(struct reload *r, const char *token)
{
	uint64_t hash = map_hash_bytes(token, strlen(token));

	if (hash != r->known && !r->config.accepts(r->config.arg, token))
		return false;
	r->known = hash;
	return true;
}

static void read_again(struct reload *r)
{
	char *token = NULL;

	if (secret_read(r->config.secret, &r->limits, &token) == 0)
		log_debug(LOG_MAIN, "the token was read again: %s", secret_name(r->config.secret));
	http_set_token(r->http, token && is_usable(r, token) ? token : NULL);
	secret_wipe(token);
}

static void *reload_main(void *arg)
{
	struct reload *r = arg;

	while (sleep_till_asked(r)) {
		supervisor_reloading();
		if (secret_is_lasting(r->config.secret))
			read_again(r);
		else
			log_info("main: the token came from %s and cannot be read again",
				 secret_name(r->config.secret));
		supervisor_ready();
	}
	return NULL;
}

struct reload *reload_new(const struct reload_config *config)
{
	CLEANUP(reload_free) struct reload *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	r->config = *config;
	r->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	r->stop = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	r->limits = (struct command_limits){config->limit_ns, r->stop};
	return r->wake < 0 || r->stop < 0 ? NULL : STEAL(r);
}

void reload_know(struct reload *r, const char *token)
{
	r->known = map_hash_bytes(token, strlen(token));
}

int reload_start(struct reload *r, struct http *http)
{
	sigset_t all, before;

	r->http = http;
	refuse_to_log();
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	int err = pthread_create(&r->thread, NULL, reload_main, r);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (err)
		return -err;
	r->is_started = true;
	pthread_setname_np(r->thread, "concordfs-token");
	return 0;
}

void reload_ask(void *arg)
{
	struct reload *r = arg;

	add_one(r->wake);
}

void reload_stop(struct reload *r)
{
	if (!r->is_started)
		return;
	add_one(r->stop);
	pthread_join(r->thread, NULL);
	r->is_started = false;
}

void reload_free(struct reload *r)
{
	if (!r)
		return;
	reload_stop(r);
	if (r->wake >= 0)
		close(r->wake);
	if (r->stop >= 0)
		close(r->stop);
	free(r);
}
