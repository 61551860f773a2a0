/* SPDX-License-Identifier: MIT */
/*
 * limit: driven with a fake clock against a model of the server: a fixed window that starts at its
 * first counted request. Scenarios are random in latency, in the window's age when we come, in
 * what others spend, in lost answers; each is made again from its seed.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "base/clock.h"
#include "check.h"
#include "http/limit.h"
#include "rate_server.h"

enum { PARALLEL = 4, SLOTS = 8 };

/* --- the client: a walk that always wants more, and reads and saves now and then --- */

struct flight {
	bool used, counted, lost;
	uint64_t sent, at_server, back;
	struct limit_seen seen;
};

struct run {
	struct limit limit;
	struct server server;
	struct flight flights[SLOTS];
	uint64_t now, latency; /* of one way, at most */
	long pages;	       /* still wanted by the walk */
	enum lane walk_lane;
	uint64_t read_every; /* 0: none */
	uint64_t read_next, read_wanted_since;
	long reads;
	enum lane read_lane;
	uint64_t other_every, other_next; /* mean gap of other clients' requests; 0: none */
	int losses_of_1000;
	uint64_t longest_wait;
	long lane_broken; /* a lower lane was let at the reserve */
};

static int flying(const struct run *r)
{
	int n = 0;

	for (int i = 0; i < SLOTS; i++)
		n += r->flights[i].used;
	return n;
}

static void send_one(struct run *r)
{
	for (int i = 0; i < SLOTS; i++) {
		struct flight *f = &r->flights[i];
		if (f->used)
			continue;
		uint64_t up = 1 * MS + draw((uint32_t)(r->latency / 1000)) * 1000ull;
		uint64_t down = 1 * MS + draw((uint32_t)(r->latency / 1000)) * 1000ull;
		*f = (struct flight){.used = true,
				     .sent = r->now,
				     .at_server = r->now + up,
				     .back = r->now + up + down,
				     .lost = draw(1000) < (uint32_t)r->losses_of_1000};
		return;
	}
}

static void land(struct run *r, struct flight *f)
{
	f->used = false;
	if (f->lost) {
		limit_lost(&r->limit, r->now);
		return;
	}
	expire(&r->server, r->now);
	if (r->server.tells_late && f->seen.status == 200 && !r->server.is_silent)
		f->seen.left = r->server.size - r->server.count;
	f->seen.size = r->server.is_silent ? -1 : r->server.size;
	limit_observe(&r->limit, &f->seen, f->sent, r->now);
	if (f->seen.status == 429)
		r->pages++; /* it has to be asked again */
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* Asks for the lanes in order; returns when to ask again. */
static uint64_t ask(struct run *r)
{
	uint64_t next = UINT64_MAX;

	while (r->read_wanted_since && flying(r) <= PARALLEL) {
		uint64_t wait = limit_take(&r->limit, r->read_lane, r->now);
		if (wait) {
			next = earlier(next, r->now + wait);
			break;
		}
		r->read_wanted_since = 0;
		r->reads++;
		send_one(r);
	}
	while (r->pages > 0 && flying(r) < PARALLEL) {
		uint64_t wait = limit_take(&r->limit, r->walk_lane, r->now);
		if (wait) {
			CHECK(wait >= MS);
			if (wait > r->longest_wait)
				r->longest_wait = wait;
			next = earlier(next, r->now + wait);
			break;
		}
		long left = limit_left(&r->limit);
		if (left >= 0 && left < 2 && r->limit.size >= 20)
			r->lane_broken++;
		r->pages--;
		send_one(r);
	}
	return next;
}

static void step(struct run *r)
{
	uint64_t next = ask(r);

	for (int i = 0; i < SLOTS; i++) {
		struct flight *f = &r->flights[i];
		if (f->used)
			next = earlier(next, f->counted ? f->back : f->at_server);
	}
	if (r->other_every)
		next = earlier(next, r->other_next);
	if (r->read_every)
		next = earlier(next, r->read_next);
	r->now = next > r->now ? next : r->now;

	if (r->other_every && r->now >= r->other_next) {
		count(&r->server, false, r->now);
		r->other_next = r->now + draw((uint32_t)(2 * r->other_every / MS)) * MS;
	}
	if (r->read_every && r->now >= r->read_next) {
		r->read_next = r->now + r->read_every;
		if (!r->read_wanted_since)
			r->read_wanted_since = r->now;
	}
	for (int i = 0; i < SLOTS; i++) {
		struct flight *f = &r->flights[i];
		if (f->used && !f->counted && r->now >= f->at_server) {
			f->counted = true;
			f->seen = count(&r->server, true, r->now);
		} else if (f->used && f->counted && r->now >= f->back) {
			land(r, f);
		}
	}
}

static void begin(struct run *r, uint64_t from, long size)
{
	*r = (struct run){.now = (1000 + draw(100000)) * SEC + draw(1000) * MS};
	seed = from * 7919 + 1;
	limit_init(&r->limit);
	r->server.size = size;
	r->latency = (2 + draw(300)) * MS;
	r->pages = 300;
	r->walk_lane = LANE_LISTING;
	r->server.whole_seconds = draw(2);
	r->server.tells_late = draw(2);
	/* Somebody has used a part of a window that began some time ago. */
	for (long n = draw((uint32_t)size); n > 0; n--)
		count(&r->server, false, r->now);
	r->now += draw(2) ? draw(59000) * MS : 0;
	r->other_next = r->now;
	r->read_next = r->now + r->read_every;
}

static void walk(struct run *r, uint64_t for_at_most)
{
	uint64_t until = r->now + for_at_most;

	while ((r->pages > 0 || flying(r)) && r->now < until)
		step(r);
	CHECK_EQ(r->pages, 0);
}

static void test_walk_alone(void)
{
	for (uint64_t i = 0; i < 400; i++) {
		struct run r;
		begin(&r, i, 90);
		walk(&r, 600 * SEC);
		if (!CHECK_EQ(r.server.refused, 0))
			fprintf(stderr, "\tseed %" PRIu64 "\n", i);
		CHECK_EQ(r.lane_broken, 0);
		/* Not the first, begun by another, nor the last, nor the one before, not wanted. */
		for (int w = 1; w + 1 < r.server.windows; w++) {
			if (!CHECK(r.server.window[w].ours >= 88))
				fprintf(stderr, "\tseed %" PRIu64 " window %d: %ld\n", i, w,
					r.server.window[w].ours);
		}
	}
}

/* 300 pages from an unused window: 88 + 88 + 88 + 36, so a little over three minutes. */
static void test_walk_is_as_quick_as_can_be(void)
{
	for (uint64_t i = 0; i < 50; i++) {
		struct run r;
		begin(&r, i, 90);
		r.server.opened = 0;
		r.server.count = 0;
		r.latency = 100 * MS;
		uint64_t from = r.now;
		walk(&r, 600 * SEC);
		CHECK_EQ(r.server.refused, 0);
		if (!CHECK(r.now - from < 183 * SEC))
			fprintf(stderr, "\tseed %" PRIu64 ": %.1f s\n", i,
				(double)(r.now - from) / 1e9);
	}
}

static void test_slow_server(void)
{
	for (uint64_t i = 0; i < 100; i++) {
		struct run r;
		begin(&r, i, 90);
		r.latency = 3 * SEC;
		walk(&r, 1200 * SEC);
		CHECK_EQ(r.server.refused, 0);
	}
}

static void test_small_and_large_limits(void)
{
	static const long sizes[] = {1, 2, 4, 5, 10, 19, 20, 60, 1000};

	for (size_t k = 0; k < sizeof(sizes) / sizeof(sizes[0]); k++) {
		for (uint64_t i = 0; i < 20; i++) {
			struct run r;
			begin(&r, i, sizes[k]);
			r.pages = 3 * sizes[k];
			walk(&r, 600 * SEC);
			CHECK_EQ(r.server.refused, 0);
		}
	}
}

static bool in_mid_window(const struct run *r)
{
	return r->server.windows > 1 && r->limit.window_ends > r->now + 16 * SEC;
}

/* A read every 7 s beside a walk finds the reserve: it never waits but in the last seconds. */
static void test_read_goes_at_once(void)
{
	for (uint64_t i = 0; i < 100; i++) {
		struct run r;
		begin(&r, i, 90);
		r.latency = 200 * MS;
		r.read_lane = draw(2) ? LANE_READ : LANE_SAVE;
		r.read_every = 7 * SEC;
		r.read_next = r.now;
		for (uint64_t until = r.now + 240 * SEC; r.now < until && r.pages;) {
			step(&r);
			if (!r.read_wanted_since || !in_mid_window(&r) || flying(&r) > PARALLEL)
				continue;
			ask(&r);
			CHECK(!r.read_wanted_since);
		}
		CHECK(r.reads >= 15);
	}
}

/* Others spend up to two thirds, in bursts as they like: a 429 now and then is theirs to cause, but
 * one tells us enough. */
static void test_others_spend(void)
{
	for (uint64_t i = 0; i < 200; i++) {
		struct run r;
		begin(&r, i, 90);
		r.other_every = (1000 + draw(4000)) * MS;
		walk(&r, 3600 * SEC);
		if (!CHECK(r.server.refused <= 2 * r.server.windows))
			fprintf(stderr, "\tseed %" PRIu64 ": %d in %d windows\n", i,
				r.server.refused, r.server.windows);
	}
}

static void test_answers_get_lost(void)
{
	for (uint64_t i = 0; i < 200; i++) {
		struct run r;
		begin(&r, i, 90);
		r.losses_of_1000 = 1 + (int)draw(300);
		walk(&r, 1200 * SEC);
		CHECK_EQ(r.server.refused, 0);
		CHECK(r.longest_wait <= 61 * SEC);
	}
}

/* Nothing ever answers: every wait ends all the same. */
static void test_all_answers_get_lost(void)
{
	struct run r;

	begin(&r, 1, 90);
	r.pages = 30;
	walk(&r, 300 * SEC);
	r.losses_of_1000 = 1000;
	r.pages = 400;
	walk(&r, 1200 * SEC);
	CHECK(r.longest_wait <= 61 * SEC);
}

static void test_limit_changes(void)
{
	for (uint64_t i = 0; i < 100; i++) {
		struct run r;
		begin(&r, i, 90);
		r.pages = 150;
		walk(&r, 600 * SEC);
		r.server.size = 30 + draw(200);
		r.pages = 300;
		walk(&r, 1200 * SEC);
		CHECK(r.server.refused <= PARALLEL);
		CHECK_EQ(r.limit.size, r.server.size);
	}
}

static void test_background_after_idle(void)
{
	for (uint64_t i = 0; i < 50; i++) {
		struct run r;
		begin(&r, i, 90);
		r.walk_lane = LANE_BACKGROUND;
		r.pages = 100;
		walk(&r, 600 * SEC);
		r.now += 3600 * SEC;
		r.pages = 60;
		uint64_t from = r.now;
		walk(&r, 600 * SEC);
		CHECK(r.now - from < 60 * SEC);
		CHECK_EQ(r.server.refused, 0);
	}
}

static void test_silent_server(void)
{
	struct run r;

	begin(&r, 3, 1000);
	r.server.is_silent = true;
	uint64_t from = r.now;
	walk(&r, 600 * SEC);
	CHECK(r.now - from < 60 * SEC);
	CHECK_EQ(limit_left(&r.limit), -1);
}

int main(void)
{
	test_walk_alone();
	test_walk_is_as_quick_as_can_be();
	test_slow_server();
	test_small_and_large_limits();
	test_read_goes_at_once();
	test_others_spend();
	test_answers_get_lost();
	test_all_answers_get_lost();
	test_limit_changes();
	test_background_after_idle();
	test_silent_server();
	return check_done("limit_walk");
}
