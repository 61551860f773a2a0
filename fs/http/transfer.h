/* SPDX-License-Identifier: MIT */
/*
 * transfer: one libcurl easy handle: what is asked of it, and what came of it. Reused for job after
 * job; a connection belongs to the multi handle, not to a transfer. Net thread only.
 */
#ifndef HTTP_TRANSFER_H
#define HTTP_TRANSFER_H

#include <stdbool.h>
#include <stdint.h>

#include <curl/curl.h>

#include "base/buf.h"
#include "base/list.h"
#include "http/errmap.h"
#include "http/http.h"
#include "http/limit.h"
#include "http/retry.h"

/* The same for every transfer; lent, until the last is freed. */
struct transfer_config {
	const char *base; /* "https://crm.example.com/sub/api" */
	const char *ca_file;
	struct curl_slist *headers;
};

struct transfer {
	CURL *easy;
	const struct transfer_config *config;
	struct list link;  /* in the engine's running or idle list */
	struct job *job;   /* NULL while idle */
	uint64_t taken_at; /* when the limiter let it go */

	/* Of this attempt. */
	struct buf body;
	size_t header_bytes;
	unsigned sends; /* how often libcurl began to send: the second time it is stopped */
	bool is_reused; /* its connection had served a request before */
	bool no_memory, too_big;
};

/* How an attempt ended. */
struct outcome {
	struct fault fault; /* err 0: a usable answer */
	struct attempt attempt;
	struct limit_seen seen; /* status 0: no answer, not even its head */
	struct blob *answer;	/* owned, or NULL */
	int64_t server_time;
	size_t bytes;
	bool is_lost;	 /* it may have been carried out, but no answer says so */
	bool is_counted; /* by the server's limit, perhaps: bytes of it left */
};

struct transfer *transfer_new(const struct transfer_config *config); /* NULL: no memory */
void transfer_free(struct transfer *t);				     /* NULL is fine */
DEFINE_CLEANUP(struct transfer *, transfer_free)

/* Makes t ready for one attempt of j, with timeout_ms for the whole of it. 0 or -ENOMEM. */
int transfer_prepare(struct transfer *t, struct job *j, long timeout_ms);
/* After libcurl is done with it. What out holds is the caller's. */
void transfer_outcome(struct transfer *t, CURLcode code, struct outcome *out);
bool transfer_has_left(const struct transfer *t); /* some byte of the request may have */
void transfer_clear(struct transfer *t);	  /* forgets the job and its bytes */

const char *method_name(enum method method);

#endif
