/* SPDX-License-Identifier: MIT */
/*
 * reload: a thread that sleeps until the token may have been replaced: on SIGHUP, and when the
 * server refuses the one we have. It reads the token from where it came, has a new one checked and
 * hands it to http. It exists because that may block (a command, a file on a network, a request),
 * which the net thread must not.
 */
#ifndef RELOAD_H
#define RELOAD_H

#include <stdbool.h>

#include "base/macros.h"
#include "http/http.h"
#include "secret.h"

struct reload;

struct reload_config {
	const struct secret *secret; /* lent until reload_free */
	uint64_t limit_ns;	     /* of a token_command */
	/* May a token that was never seen be used? May block; says itself why not. reload's thread. */
	bool (*accepts)(void *arg, const char *token);
	void *arg;
};

struct reload *reload_new(const struct reload_config *config); /* NULL: no memory or descriptors */
void reload_know(struct reload *r, const char *token);	       /* the one of the start */
/* Starts the thread; after daemonising. http outlives reload_stop. */
int reload_start(struct reload *r, struct http *http);
/* It may have been replaced. For http_config.refused, too; arg is the reload. Any thread. */
void reload_ask(void *arg);
/* Ends what is being read and joins the thread, if there is one. */
void reload_stop(struct reload *r);
void reload_free(struct reload *r); /* stops; NULL is fine */
DEFINE_CLEANUP(struct reload *, reload_free)

#endif
