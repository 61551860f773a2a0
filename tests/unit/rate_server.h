/* SPDX-License-Identifier: MIT */
/* A model of the server's budget: a fixed window that starts at its first counted request. And
 * chance that can be had again from its seed. */

#ifndef TESTS_UNIT_RATE_SERVER_H
#define TESTS_UNIT_RATE_SERVER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "http/limit.h"

#define MS NS_PER_MS
#define SEC NS_PER_SEC

enum { WINDOWS_MAX = 400 };

static uint64_t seed;

static inline uint32_t draw(uint32_t below)
{
	seed = seed * 6364136223846793005ull + 1442695040888963407ull;
	return below ? (uint32_t)(seed >> 33) % below : 0;
}

struct server {
	long size, count;
	uint64_t opened;    /* 0: no window */
	bool whole_seconds; /* counts its minute from the second's beginning */
	bool tells_late;    /* Remaining is read when the answer is written */
	bool is_silent;	    /* sends no rate headers */
	/* what it saw, a row a window */
	struct {
		uint64_t from;
		long ours, others;
	} window[WINDOWS_MAX];
	int windows;
	int refused;
};

static inline uint64_t ends(const struct server *s)
{
	uint64_t from = s->whole_seconds ? s->opened / SEC * SEC : s->opened;

	return from + 60 * SEC;
}

static inline void expire(struct server *s, uint64_t now)
{
	if (s->opened && now >= ends(s)) {
		s->opened = 0;
		s->count = 0;
	}
}

static inline struct limit_seen count(struct server *s, bool ours, uint64_t now)
{
	struct limit_seen seen = {200, s->size, 0, -1};

	expire(s, now);
	if (!s->opened) {
		s->opened = now;
		if (s->windows < WINDOWS_MAX)
			s->window[s->windows++].from = now;
	}
	if (s->count >= s->size) {
		s->refused += ours;
		seen.status = 429;
		seen.retry_after = (long)((ends(s) - now + SEC - 1) / SEC);
	} else {
		s->count++;
		if (ours)
			s->window[s->windows - 1].ours++;
		else
			s->window[s->windows - 1].others++;
		seen.left = s->size - s->count;
	}
	if (s->is_silent)
		seen.size = seen.left = -1;
	return seen;
}

#endif
