/* SPDX-License-Identifier: MIT */
/*
 * status: a mount at one moment, as numbers and names, and the two ways to print it: status.json and
 * metrics (Prometheus' text format, in metrics.c). Whoever fills it in (tree/census.h) holds the lock
 * for that long and no longer: printing needs none. Pure; any thread.
 *
 * Durations are seconds; below 0: there is none. Errors are -errno; 0: there is none.
 */
#ifndef CRM_STATUS_H
#define CRM_STATUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/macros.h"
#include "http/lane.h"

struct status_coll {
	const char *name; /* static */
	bool is_complete, is_absent;
	uint64_t records;	/* as listed; where there is no listing, those that are known */
	uint64_t requests;	/* its listing took so far */
	bool is_walked;		/* every page is being read now: */
	long pages_done, pages; /* pages 0: not known yet */
	double age;		/* of the last check */
	int64_t mark;		/* all changes up to then were seen (Unix); 0: none */
	int err;		/* how the last attempt ended */
	double again_in;	/* no new one before */
	uint64_t texts, text_bytes;
};

/* A text that the server does not have. Names are any bytes; owned. */
struct status_draft {
	char *path;   /* "contacts/41.json" */
	bool is_new;  /* it would become a record */
	bool is_sent; /* it is being saved now */
	int err;
	int64_t since; /* its last change, or the refusal (Unix) */
	uint64_t bytes;
	char *message; /* why it was refused, first line; or NULL. Owned */
	char *kept_as; /* in .concordfs/rejected; NULL: it is at its path. Owned */
};

enum { STATUS_ERRNOS = 134 };

struct status {
	const char *version, *url, *user_name; /* static, or outlive it */
	uint64_t user_id;
	bool is_read_only;
	int64_t now, since; /* Unix */
	double uptime, ttl;

	struct status_coll *colls; /* owned */
	size_t coll_count;

	long limit, remaining; /* of the rate window; -1: not known, or none */
	double resets_in;
	unsigned running, waiting[LANE_COUNT];
	uint64_t requests, retries, failures;
	double down_for; /* so long no request was answered; */
	double breaker_open_for;
	const char *down_why; /* static */

	struct status_draft *pending, *refused; /* owned */
	size_t pending_count, refused_count;
	size_t rejected;
	uint64_t refusals[STATUS_ERRNOS]; /* by errno */
	uint64_t deletions_left;	  /* UINT64_MAX: any number */
};

void status_fini(struct status *s);
static inline void status_fini_at(struct status *s)
{
	status_fini(s);
}

/* indent 0: on one line. Each adds to out: 0, -ENOMEM, -EFBIG. */
int status_write(const struct status *s, unsigned indent, struct buf *out);
int metrics_write(const struct status *s, struct buf *out);

/* "save", "read", "listing", "background" */
extern const char *const status_lanes[LANE_COUNT];

#endif
