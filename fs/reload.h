/* SPDX-License-Identifier: MIT */
/*
 * reload: a thread that sleeps until the token may have been replaced: on SIGHUP, and when the
 * server refuses the one we have. It reads the token from where it came and hands it to http. It
 * exists because reading may block (a command, a file on a network), which the net thread must not.
 */
#ifndef RELOAD_H
#define RELOAD_H

#include "base/macros.h"
#include "http/http.h"
#include "secret.h"

struct reload;

/* secret is lent until reload_free. limit_ns: of a token_command. NULL: no memory or descriptors. */
struct reload *reload_new(const struct secret *secret, uint64_t limit_ns);
/* Starts the thread and takes SIGHUP; after daemonising. http outlives reload_stop. */
int reload_start(struct reload *r, struct http *http);
/* For http_config.refused; arg is the reload. Any thread. */
void reload_ask(void *arg);
/* Ends what is being read and joins the thread, if there is one. SIGHUP is ignored from then on. */
void reload_stop(struct reload *r);
void reload_free(struct reload *r); /* stops; NULL is fine */
DEFINE_CLEANUP(struct reload *, reload_free)

#endif
