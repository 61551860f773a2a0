/* SPDX-License-Identifier: MIT */
/*
 * engine: from a queued job to its done(): lanes, limiter, breaker, transfers, repeats. It has one
 * owner (the net thread), takes no lock and never waits but in engine_wait. done() may call back
 * into engine_cancel; every loop here starts over after a done().
 */
#ifndef HTTP_ENGINE_H
#define HTTP_ENGINE_H

#include <stdbool.h>
#include <stdint.h>

#include <curl/curl.h>

#include "base/list.h"
#include "http/errmap.h"
#include "http/http.h"
#include "http/lane.h"
#include "http/retry.h"
#include "http/shared.h"
#include "http/transfer.h"

struct engine {
	struct transfer_config config;
	CURLM *multi;
	struct lanes lanes;
	struct shared shared; /* the limiter */
	struct breaker breaker;
	struct fault down;	/* how the last request failed that had no answer below 500 */
	uint64_t down_since;	/* the first such; 0: the last answer was one */
	uint64_t breaker_since; /* 0: closed */
	uint64_t refused_until; /* the token was: 0, or when one request may ask again */
	void (*ask)(void *arg); /* for another token, or NULL; engine_token answers */
	void *ask_arg;
	bool is_asking;		   /* nothing leaves meanwhile */
	bool is_unproven;	   /* the token is new and was not accepted yet */
	uint64_t ask_after;	   /* not before */
	uint64_t token_since;	   /* what left before had another one */
	bool is_short[LANE_COUNT]; /* its first job waits for budget */
	struct list running, idle; /* of transfer.link */
	unsigned running_count, running_in[LANE_COUNT];
	unsigned max_connections;
	bool is_stopping;
	uint64_t stop_by; /* running saves may go on till then */
	uint64_t chance;  /* state of the jitter */
	uint64_t requests, retries, failures;
};

int engine_init(struct engine *e, const struct transfer_config *config, int max_connections);
void engine_fini(struct engine *e); /* nothing may be queued or running */

void engine_add(struct engine *e, struct job *j);    /* takes j until its done() */
bool engine_cancel(struct engine *e, struct job *j); /* as http_cancel */
/* From now on jobs end with -ECANCELED, running saves at stop_by. */
void engine_stop(struct engine *e, uint64_t stop_by);

/* The answer to ask, or somebody else's idea: the token is another one now, or still the same. */
void engine_token(struct engine *e, bool is_new, uint64_t now);

void engine_perform(struct engine *e); /* moves bytes */
/* Does what can be done at `now` and returns when, at the latest, it wants to be called again. */
uint64_t engine_work(struct engine *e, uint64_t now);
/* Sleeps till `wake`, or something happens on a socket, or curl_multi_wakeup. */
void engine_wait(struct engine *e, uint64_t now, uint64_t wake);
bool engine_is_idle(const struct engine *e);
void engine_stats(const struct engine *e, struct http_stats *out);

#endif
