/* SPDX-License-Identifier: MIT */
/*
 * retry: may this request be sent again, and when; and the circuit breaker, which makes a dead
 * server fail fast instead of once per file. Pure: time and randomness are arguments. Net thread.
 *
 * GET, PUT and DELETE may be repeated (a repeated DELETE takes 404 for done). POST only if no byte
 * of it left or the answer was 429 or 503: there is no idempotency key (concord-api.md 5).
 * A keep-alive connection that the server closed meanwhile is repeated at once and not counted.
 */
#ifndef HTTP_RETRY_H
#define HTTP_RETRY_H

#include <stdbool.h>
#include <stdint.h>

enum method {
	METHOD_GET,
	METHOD_POST,
	METHOD_PUT,
	METHOD_DELETE,
};

/* How one attempt ended. */
struct attempt {
	enum method method;
	int status;	      /* HTTP status, or 0 when there was no complete answer */
	bool unreachable;     /* no connection was made */
	bool bytes_left;      /* request bytes may have reached the server */
	bool stale_keepalive; /* a reused connection was closed before any answer byte */
	bool hopeless;	      /* TLS refusal, oversized body, bad URL: repeating cannot help */
	long retry_after;     /* seconds, or -1 */
	int tries;	      /* attempts made, this one included */
};

/* -1: do not repeat; else ns to wait first. random: any 32 bits, for the jitter. */
int64_t retry_after(const struct attempt *a, uint32_t random);

enum { BREAKER_TRIPS_AT = 10 };

struct breaker {
	int failures;	 /* in a row: unreachable, no answer, 5xx */
	int unreachable; /* of these the last so many */
	uint64_t
		open_until; /* 0: closed. Past: one probe may pass (half open); urgent ones sooner */
	uint64_t open_for;  /* ns it was opened for the last time */
	bool probing;
};

void breaker_init(struct breaker *b);
/* urgent: a person waits with a text in hand, who shall not be told of a server that came back
 * meanwhile; such a request may be the probe from 2 s after the last one.
 * bars: it need not be sent to fail. allows: it may leave now (counts the probe); else wait. */
bool breaker_bars(const struct breaker *b, bool urgent, uint64_t now);
bool breaker_allows(struct breaker *b, bool urgent, uint64_t now);
void breaker_forget(struct breaker *b); /* the probe did not leave, or was cancelled: another may */
/* ok: the server answered below 500 (a 429 too). Tripped by BREAKER_TRIPS_AT failures, or by the
 * third unreachable in a row; opens for 1 s, doubling to 30 s while probes fail. */
void breaker_note(struct breaker *b, bool ok, bool unreachable, uint64_t now);

#endif
