/* SPDX-License-Identifier: MIT */
/*
 * limit: what is left of the server's rate window, and who may spend it. Pure: time is an argument
 * (clock.h ns), no lock, one owner at a time: shared.h hands it from mount to mount.
 *
 * The window (concord-api.md 1.2): so many requests a minute per user, fixed, beginning with the
 * first counted request; every answer but a 401 tells X-RateLimit-Limit and -Remaining, a 429 also
 * Retry-After. When it began is known only within bounds, since the user's browser and other
 * machines spend the same budget: a Remaining higher than expected, or of limit - 1, shows a new one.
 *
 * Until the first answer one request at a time may leave. A server that sends no such headers is
 * not limited (only what a 429 says is obeyed).
 *
 * Reserve: the lower lanes leave a part of the window to the higher: nobody but a save spends the
 * last requests, a listing leaves room for reads and saves. The reserve melts as the window ends,
 * since what is unspent then is lost.
 */
#ifndef HTTP_LIMIT_H
#define HTTP_LIMIT_H

#include <stdbool.h>
#include <stdint.h>

#include "http/lane.h"

struct limit {
	bool known;    /* an answer was seen */
	bool limited;  /* and it carried a limit */
	long size;     /* requests a window */
	int in_flight; /* taken, not yet observed, lost or given back */
	long ahead; /* what others wait for that comes before the next limit_take; set by shared */

	/* The present window. */
	long told;	  /* lowest Remaining an answer told; size in a window nobody has told of */
	uint64_t told_at; /* when that came */
	uint64_t alive_at;    /* when the last request left that was counted in this window */
	uint64_t ends_after;  /* lower bound of its end */
	uint64_t window_ends; /* upper bound; 0: no answer from this window yet */
	int lost;	      /* never answered: counted till lost_until, or a new window */
	uint64_t lost_until;

	/* The one before it: answers from there may still be under way. */
	long old_told;
	uint64_t left_old_at;

	uint64_t blocked_until; /* a 429: nothing leaves before, in any lane */
	int refusals;		/* 429s in a row that did not say until when */
};

/* What one answer said of the budget; -1: the header was absent or no number. */
struct limit_seen {
	int status;
	long size, left;
	long retry_after; /* seconds */
};

void limit_init(struct limit *l);
/* 0: go, and the request is counted; else ns to wait before asking again (at least 1 ms). Every
 * answer, loss and return may shorten the wait. */
uint64_t limit_take(struct limit *l, enum lane lane, uint64_t now);
/* The earliest moment at which limit_take can say 0 in this lane, for all that is known: a job
 * with a deadline before it may fail at once. */
uint64_t limit_earliest(struct limit *l, enum lane lane, uint64_t now);
/* An answer arrived for a request that was taken at `sent`. */
void limit_observe(struct limit *l, const struct limit_seen *seen, uint64_t sent, uint64_t now);
/* A request that was taken got no answer; whether the server counted it is not known, so it stays
 * counted until the window ends. */
void limit_lost(struct limit *l, uint64_t now);
/* A request that was taken did not leave. */
void limit_give_back(struct limit *l);
/* What nobody has spent or is about to; -1: not known, or not limited. */
long limit_left(const struct limit *l);

#endif
