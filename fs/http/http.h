/* SPDX-License-Identifier: MIT */
/*
 * http: the network thread. One thread owns one curl multi handle (F4), the lanes, the limiter,
 * the retry clock and the breaker; nobody else ever waits on a socket. It also runs small tasks
 * for others (re-runs of parked calls, interrupts), so whatever runs on it must not block.
 *
 * A job belongs to its submitter, from http_submit on to the net thread, and in done() to done().
 * done() is called exactly once for every submitted job, on the net thread, with no lock held.
 * It may submit, cancel and post.
 *
 * Security: the token goes only to the scheme, host and port of the base URL; redirects are not
 * followed; plain http only to loopback; TLS 1.2+, verified; no netrc, no proxy from the
 * environment, no Referer, no Origin, no cookies. The token and bodies are never logged.
 */
#ifndef HTTP_HTTP_H
#define HTTP_HTTP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/blob.h"
#include "base/buf.h"
#include "base/list.h"
#include "http/lane.h"
#include "http/retry.h"

struct http;

struct job {
	/* Set by the submitter. */
	enum method method;
	enum lane lane;
	char *path; /* "/contacts?page=2", appended to the base URL's /api; owned */
	char *body; /* JSON or NULL; owned */
	size_t body_len;
	size_t max_answer; /* bytes after decompression; more is -EFBIG */
	uint64_t deadline; /* clock.h ns; the waits for budget and back-off included */
	void (*done)(struct job *j);
	void *arg;

	/* The result, valid in done(). */
	int err; /* 0 for 2xx with a usable body, else -errno from errmap, -ECANCELED, -ETIMEDOUT,
			      -EAGAIN (budget not regained before the deadline), -ENOMEM */
	int status; /* of the last answer, 0 if none */
	struct blob *
		answer; /* its body (also of a refusal, when it is JSON); NULL if none. Owned by job */
	bool may_have_acted; /* the server may have carried it out though err < 0 (lost answer) */
	bool sent_twice;     /* repeated after bytes had left: a DELETE's 404 then means done */
	int64_t server_time; /* Date header, Unix seconds; 0: none */
	uint64_t started, finished; /* clock.h ns: submitted, done */
	const char *reason;	    /* static sentence for err, never NULL in done() */

	/* The net thread's own. */
	uint64_t number; /* for the log: job=17 */
	uint64_t not_before;
	int tries;	  /* attempts that count */
	bool wants_fresh; /* the next one must not reuse a connection */
	struct list link;
	struct transfer *transfer; /* NULL while queued */
};

/* A unit of work to be run on the net thread; the caller owns it and must keep it until run. */
struct task {
	struct list link;
	void (*run)(struct task *t);
	uint64_t not_before; /* http_post_later's */
};

struct http_config {
	const char *base_url; /* "https://crm.example.com/sub"; "/api" is appended */
	const char *token;    /* copied into one locked page, wiped at http_free */
	const char *ca_file;  /* or NULL: the system's */
	int max_connections;  /* e.g. 4 */
	/* The server refuses the token. Net thread (never in http_run_one): must not block, and http_set_token has to follow;
	 * till then requests wait. At most once a minute for a token that never worked. NULL: nobody
	 * knows another one, and requests fail at once. */
	void (*refused)(void *arg);
	void *refused_arg;
};

/* Checks a CRM address: scheme, host, no user:password, no query; plain http only to loopback
 * (localhost, 127.0.0.0/8, ::1). Strips a trailing "/" and "/api". 0 and *out (free it), or
 * -EINVAL and *why (static sentence). */
int http_check_url(const char *url, char **out, const char **why);

/* NULL: no memory or curl refused. Call before any thread starts (curl_global_init inside). */
struct http *http_new(const struct http_config *config);
int http_start(struct http *h); /* starts the thread, after daemonising */
/* Refuses new jobs, runs what is queued to an end with -ECANCELED (running saves get
 * grace_ns first), runs the tasks posted by then, joins the thread. */
void http_stop(struct http *h, uint64_t grace_ns);
void http_free(struct http *h); /* after http_stop, or if never started; NULL is fine */

/* Runs one job on the calling thread, before http_start (the check with GET /me). Blocks until
 * its done() has run. */
void http_run_one(struct http *h, struct job *j);

/* Before http_start: shares the rate limit with the mounts of this account on this machine, also
 * what http_run_one was told. user 0, before it is known: with those that use this token, so that
 * the request that asks who we are does not come on top of what they spend. */
void http_share(struct http *h, uint64_t user);

struct job *job_new(enum method method, enum lane lane,
		    char *path); /* takes path; NULL: no memory */
void job_free(struct job *j);	 /* NULL is fine */
DEFINE_CLEANUP(struct job *, job_free)

/* Takes j. Any thread; takes N. After http_stop began, done() runs with -ECANCELED; once the thread
 * has ended, inside http_free. */
void http_submit(struct http *h, struct job *j);
/* Net thread only (a done() or a task). A job still queued, or a running GET, ends with -ECANCELED
 * before this returns; returns false for a running PUT, POST or DELETE, which goes on. done() runs inside this
 * call, so no lock may be held. */
bool http_cancel(struct http *h, struct job *j);
/* Any thread; takes N; async-signal-unsafe. Tasks run in the order posted. */
void http_post(struct http *h, struct task *t);
/* Net thread only: t runs at that time (clock.h ns), or when the thread is told to stop. */
void http_post_later(struct http *h, struct task *t, uint64_t at);
/* What was found where the token comes from: copied, used from the next request on, and requests
 * that the old one was refused for are sent again. The same one, or NULL (none was found), changes
 * nothing but that they fail. Any thread; takes N. */
void http_set_token(struct http *h, const char *token);
bool http_on_net_thread(const struct http *h);

/* For status files and tests. Any thread; takes N. */
struct http_stats {
	long limit, left;   /* -1: not known or none */
	uint64_t resets_at; /* clock.h ns; 0 if not limited. Past: all of it is there again */
	unsigned queued[LANE_COUNT], running;
	uint64_t requests, retries, failures;
	bool breaker_open;	/* it pauses: */
	uint64_t breaker_since; /* clock.h ns, likewise; 0: it does not */
	uint64_t down_since;	/* of the requests since none was answered below 500; 0: one was */
	const char *down_why;	/* static sentence */
};
void http_stats(struct http *h, struct http_stats *out);

#endif
