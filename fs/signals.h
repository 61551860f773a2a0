/* SPDX-License-Identifier: MIT */
/*
 * signals: a thread that sleeps until SIGHUP (look at everything anew: the token, and what was read)
 * or SIGUSR1 (say in the log how things stand). It exists because a handler may do neither.
 */
#ifndef SIGNALS_H
#define SIGNALS_H

struct signals_config {
	void (*hang_up)(void *arg); /* on this thread, as all */
	void (*report)(void *arg);
	void *arg;
};

/* Takes both signals; after daemonising, and once in a process. config is copied. 0 or -errno. */
int signals_start(const struct signals_config *config);
/* Joins the thread, if there is one; from then on both are ignored. */
void signals_stop(void);

#endif
