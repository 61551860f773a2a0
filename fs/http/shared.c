/* SPDX-License-Identifier: MIT */
/*
 * shared: each call is enter, one step of limit.c, leave. Enter takes the lock and puts together
 * from the seats what limit.c has to know: how much is under way everywhere. Leave writes the limit
 * and our seat. What is ours is kept here (own) and only copied there, so a file that was lost or
 * torn is whole again after one call of each mount. Net thread (or before it, whoever starts it).
 *
 * CLOCK_BOOTTIME is one clock for the system; calls of two mounts may still reach the file in
 * another order than they read it, so time never goes back here (state.latest).
 */
#include "http/shared.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/map.h"

#define ASK_OFTEN (500 * NS_PER_MS)   /* another's news may end a wait early */
#define PATIENCE (250 * NS_PER_MS)    /* with one who is late to ask */
#define RETRY_FIRST (250 * NS_PER_MS) /* a busy machine may have kept the lock's holder waiting */
#define RETRY_LAST (10 * NS_PER_SEC)
#define NEWS_FOR (20 * NS_PER_SEC)
#define FUTURE (5 * NS_PER_SEC)	      /* no system's clock; a container may have one of its own */
#define DEAF_AFTER (150 * NS_PER_SEC) /* a stopped mount's requests were counted long ago */
#define IN_FLIGHT_MAX 64u	      /* of one mount; more is nonsense */

_Static_assert(sizeof(struct shared_state) <= LEDGER_SIZE_MAX, "the state fits into the ledger");

void shared_init(struct shared *s)
{
	*s = (struct shared){0};
	limit_init(&s->limit);
	ledger_init(&s->ledger);
}

static void go_alone(struct shared *s, int err, uint64_t now)
{
	s->limit.in_flight = (int)s->own.in_flight;
	s->limit.ahead = 0;
	s->alone_for = s->alone_for ? 2 * s->alone_for : RETRY_FIRST;
	if (s->alone_for > RETRY_LAST)
		s->alone_for = RETRY_LAST;
	s->alone_until = now + s->alone_for;
	s->has_news = true;
	if (!s->is_told)
		log_warning("http: the rate limit is not shared with other mounts for now: %s",
			    strerror(-err));
	s->is_told = true;
}

/* --- the seats of the others --- */

/* Its process has gone: whether the server counted its requests nobody will tell. */
static void bury(struct seat *seat, struct limit *l, uint64_t now)
{
	for (uint32_t i = 0; i < seat->in_flight && i < IN_FLIGHT_MAX; i++) {
		l->in_flight++;
		limit_lost(l, now);
	}
	*seat = (struct seat){0};
}

static bool is_blank(const struct seat *seat)
{
	if (seat->in_flight)
		return false;
	for (int lane = 0; lane < LANE_COUNT; lane++) {
		if (seat->wants[lane].count)
			return false;
	}
	return true;
}

static void count_others(struct shared *s, uint64_t now)
{
	struct limit *l = &s->limit;

	l->in_flight = (int)s->own.in_flight;
	l->ahead = 0;
	for (int i = 0; i < SHARED_SEATS; i++) {
		struct seat *seat = &s->state.seats[i];
		if (i == s->ledger.seat || is_blank(seat))
			continue;
		if (!ledger_is_taken(&s->ledger, i))
			bury(seat, l, now);
		else if (seat->in_flight <= IN_FLIGHT_MAX && now < seat->heard_at + DEAF_AFTER)
			l->in_flight += (int)seat->in_flight;
	}
}

static bool is_waiting(const struct want *w, uint64_t now)
{
	return w->count && now <= w->asks_at + PATIENCE;
}

/* In a lane who has waited longer goes first, and once he went he is the last: in turn, and nobody
 * is forgotten. */
static long ahead_of_us(const struct shared *s, enum lane lane, uint64_t now)
{
	const struct want *ours = &s->own.wants[lane];
	uint64_t since = ours->count ? ours->since : now;
	long n = 0;

	for (int i = 0; i < SHARED_SEATS; i++) {
		const struct want *wants = s->state.seats[i].wants;
		if (i == s->ledger.seat)
			continue;
		for (enum lane above = LANE_SAVE; above < lane; above++)
			n += is_waiting(&wants[above], now) ? wants[above].count : 0;
		if (is_waiting(&wants[lane], now) && wants[lane].since < since)
			n += wants[lane].count;
	}
	return n;
}

/* --- enter and leave --- */

/* An answer that came while we were alone, or before we joined; an old one is of no use. */
static void tell(struct shared *s, uint64_t now)
{
	const struct shared_answer *a = &s->last;

	if (!a->at || now > a->at + NEWS_FOR)
		return;
	s->limit.in_flight++;
	limit_observe(&s->limit, &a->seen, a->sent, a->at);
}

static bool is_of_this_clock(const struct shared_state *state, uint64_t now)
{
	return state->latest <= now + FUTURE;
}

/* The lock is held. What cannot be believed is begun anew, with what we know. */
static int read_locked(struct shared *s, uint64_t *now)
{
	int err = ledger_read(&s->ledger, &s->state, sizeof(s->state));

	if (err < 0 && err != -ENODATA)
		return err;
	bool is_good = !err && is_of_this_clock(&s->state, *now);
	if (is_good)
		s->limit = s->state.limit;
	else
		memset(&s->state, 0, sizeof(s->state));
	if (s->state.latest > *now)
		*now = s->state.latest;
	count_others(s, *now);
	if (s->is_new_here) /* who sat there before may have been killed */
		bury(&s->state.seats[s->ledger.seat], &s->limit, *now);
	if (is_good && s->has_news)
		tell(s, *now);
	s->is_new_here = s->has_news = false;
	return 0;
}

static void learn_tag(struct shared *s)
{
	for (int i = 0; i < SHARED_TAGS; i++) {
		if (s->state.tags[i] == s->tag)
			return;
	}
	s->state.tags[s->state.next_tag++ % SHARED_TAGS] = s->tag;
}

static int lock(struct shared *s)
{
	char name[LEDGER_NAME_MAX];
	int err = s->ledger.fd < 0 ? -ENOENT : ledger_lock(&s->ledger);

	if (err != -ENOENT)
		return err;
	memcpy(name, s->ledger.name, sizeof(name));
	if (s->ledger.fd >= 0)
		ledger_close(&s->ledger, SHARED_SEATS);
	err = ledger_open(&s->ledger, name, SHARED_SEATS);
	memcpy(s->ledger.name, name, sizeof(name));
	s->is_new_here = true;
	return err;
}

/* True: the file is locked and read; else we are alone. */
static bool enter(struct shared *s, uint64_t *now)
{
	if (!s->is_wanted || *now < s->alone_until)
		return false;
	int err = lock(s);
	if (err < 0) {
		go_alone(s, err, *now);
		return false;
	}
	err = read_locked(s, now);
	if (err < 0) {
		ledger_unlock(&s->ledger);
		go_alone(s, err, *now);
	}
	return !err;
}

static void leave(struct shared *s, uint64_t now)
{
	s->own.heard_at = now;
	s->state.latest = now;
	s->state.limit = s->limit;
	s->state.seats[s->ledger.seat] = s->own;
	learn_tag(s);
	int err = ledger_write(&s->ledger, &s->state, sizeof(s->state));
	ledger_unlock(&s->ledger);
	if (err < 0)
		go_alone(s, err, now);
	else
		s->alone_for = 0;
}

/* --- joining --- */

static uint64_t hash_of(const char *s)
{
	return map_hash_bytes(s, strlen(s));
}

static bool has_tag(const void *state, void *arg)
{
	const struct shared_state *found = state;
	const struct shared *s = arg;

	for (int i = 0; i < SHARED_TAGS; i++) {
		if (found->tags[i] == s->tag)
			return true;
	}
	return false;
}

static bool find_name(struct shared *s, const struct shared_key *key, char name[LEDGER_NAME_MAX])
{
	char prefix[24];

	snprintf(prefix, sizeof(prefix), "limit-%016" PRIx64 "-", hash_of(key->server));
	if (!key->user)
		return ledger_find(prefix, sizeof(s->state), has_tag, s, name) == 0;
	snprintf(name, LEDGER_NAME_MAX, "%s%" PRIu64, prefix, key->user);
	return true;
}

void shared_join(struct shared *s, const struct shared_key *key, uint64_t now)
{
	char name[LEDGER_NAME_MAX];

	s->tag = (uint16_t)(hash_of(key->token) | 1); /* 0 is no tag */
	if (!find_name(s, key, name) || strcmp(name, s->ledger.name) == 0)
		return;
	ledger_close(&s->ledger, SHARED_SEATS);
	ledger_sweep();
	memcpy(s->ledger.name, name, sizeof(name));
	s->is_wanted = true;
	s->has_news = true;
	s->alone_until = 0;
	if (enter(s, &now))
		leave(s, now);
}

void shared_leave(struct shared *s)
{
	ledger_close(&s->ledger, SHARED_SEATS);
	s->is_wanted = false;
}

/* --- limit.h's questions --- */

static void want(struct shared *s, enum lane lane, unsigned waiting, uint64_t wait, uint64_t now)
{
	struct want *w = &s->own.wants[lane];

	if (!wait) {
		*w = (struct want){0};
		return;
	}
	if (!is_waiting(w, now))
		w->since = now;
	w->count = waiting;
	w->asks_at = now + wait;
}

uint64_t shared_take(struct shared *s, enum lane lane, unsigned waiting, uint64_t now)
{
	bool is_in = enter(s, &now);

	if (is_in)
		s->limit.ahead = ahead_of_us(s, lane, now);
	uint64_t wait = limit_take(&s->limit, lane, now);
	if (!wait)
		s->own.in_flight++;
	if (is_in && wait > ASK_OFTEN)
		wait = ASK_OFTEN;
	want(s, lane, waiting, wait, now);
	if (is_in)
		leave(s, now);
	return wait;
}

uint64_t shared_earliest(const struct shared *s, enum lane lane, uint64_t now)
{
	struct limit l = s->limit;

	l.ahead = 0; /* others may give up at any time */
	return limit_earliest(&l, lane, now);
}

void shared_observe(struct shared *s, const struct limit_seen *seen, uint64_t sent, uint64_t now)
{
	bool is_in = enter(s, &now);

	limit_observe(&s->limit, seen, sent, now);
	s->own.in_flight--;
	s->last = (struct shared_answer){*seen, sent, now};
	if (is_in)
		leave(s, now);
}

void shared_lost(struct shared *s, uint64_t now)
{
	bool is_in = enter(s, &now);

	limit_lost(&s->limit, now);
	s->own.in_flight--;
	if (is_in)
		leave(s, now);
}

void shared_give_back(struct shared *s, uint64_t now)
{
	bool is_in = enter(s, &now);

	limit_give_back(&s->limit);
	s->own.in_flight--;
	if (is_in)
		leave(s, now);
}

long shared_left(const struct shared *s)
{
	return limit_left(&s->limit);
}
