/* SPDX-License-Identifier: MIT */
/* limit: its rules one by one. How it does against a server is limit_walk_test's. */
#include <stdint.h>

#include "base/clock.h"
#include "check.h"
#include "http/limit.h"

#define MS NS_PER_MS
#define SEC NS_PER_SEC

static struct limit_seen told(long left)
{
	return (struct limit_seen){200, 90, left, -1};
}

static void answer(struct limit *l, long left, uint64_t sent, uint64_t now)
{
	struct limit_seen seen = told(left);

	limit_observe(l, &seen, sent, now);
}

static void test_one_at_a_time_at_first(void)
{
	struct limit l;

	limit_init(&l);
	CHECK_EQ(limit_take(&l, LANE_READ, 100 * SEC), 0);
	CHECK(limit_take(&l, LANE_SAVE, 100 * SEC) > 0);
	limit_give_back(&l);
	CHECK_EQ(limit_take(&l, LANE_SAVE, 100 * SEC), 0);
	answer(&l, 89, 100 * SEC, 101 * SEC);
	CHECK_EQ(limit_take(&l, LANE_SAVE, 101 * SEC), 0);
	CHECK_EQ(limit_take(&l, LANE_LISTING, 101 * SEC), 0);
	CHECK_EQ(limit_left(&l), 87);
}

static void test_reserve(void)
{
	struct limit l;
	uint64_t t = 1000 * SEC;

	limit_init(&l);
	limit_take(&l, LANE_READ, t);
	answer(&l, 15, t, t);
	CHECK(limit_take(&l, LANE_BACKGROUND, t) > 0);
	CHECK(limit_take(&l, LANE_LISTING, t) > 0);
	CHECK(limit_take(&l, LANE_LISTING, t + 40 * SEC) > 0);
	CHECK_EQ(limit_take(&l, LANE_LISTING, t + 50 * SEC), 0);
	for (int i = 0; i < 12; i++)
		CHECK_EQ(limit_take(&l, LANE_READ, t + 50 * SEC), 0);
	CHECK(limit_take(&l, LANE_READ, t + 50 * SEC) > 0);
	CHECK_EQ(limit_take(&l, LANE_SAVE, t + 50 * SEC), 0);
	CHECK_EQ(limit_take(&l, LANE_SAVE, t + 50 * SEC), 0);
	CHECK(limit_take(&l, LANE_SAVE, t + 50 * SEC) > 0);
	CHECK(limit_take(&l, LANE_LISTING, t + 59 * SEC) > 0);
}

/* What others wait for and come before is left to them, in every state of the limiter. */
static void test_ahead(void)
{
	struct limit l;
	uint64_t t = 1000 * SEC;

	limit_init(&l);
	l.ahead = 1;
	CHECK(limit_take(&l, LANE_SAVE, t) > 0);
	l.ahead = 0;
	CHECK_EQ(limit_take(&l, LANE_SAVE, t), 0);
	answer(&l, 20, t, t);
	l.ahead = 5;
	CHECK(limit_take(&l, LANE_LISTING, t) > 0);
	l.ahead = 4;
	CHECK_EQ(limit_take(&l, LANE_LISTING, t), 0);
	l.ahead = 17;
	CHECK(limit_take(&l, LANE_READ, t) > 0);
	CHECK_EQ(limit_take(&l, LANE_SAVE, t), 0);
	l.ahead = 18;
	CHECK(limit_take(&l, LANE_SAVE, t) > 0);
	CHECK_EQ(limit_left(&l), 18);
	/* One may ask whether the window is a new one; it is not us. */
	limit_init(&l);
	limit_take(&l, LANE_SAVE, t);
	answer(&l, 0, t, t);
	l.ahead = 1;
	CHECK(limit_take(&l, LANE_SAVE, t + SEC) > 0);
	l.ahead = 0;
	CHECK_EQ(limit_take(&l, LANE_SAVE, t + SEC), 0);
}

static void test_429(void)
{
	struct limit l;
	uint64_t t = 1000 * SEC;
	struct limit_seen no = {429, 90, 0, 17};

	limit_init(&l);
	limit_take(&l, LANE_SAVE, t);
	limit_observe(&l, &no, t, t);
	CHECK_EQ(limit_take(&l, LANE_SAVE, t), 17 * SEC);
	CHECK_EQ(limit_earliest(&l, LANE_SAVE, t), t + 17 * SEC);
	CHECK_EQ(limit_take(&l, LANE_SAVE, t + 17 * SEC - MS), MS);
	CHECK_EQ(limit_take(&l, LANE_SAVE, t + 17 * SEC), 0);

	/* A proxy's, without a word: longer and longer, up to a minute. */
	struct limit_seen mute = {429, -1, -1, -1};
	limit_init(&l);
	uint64_t wait = 0;
	for (int i = 0; i < 9; i++) {
		CHECK_EQ(limit_take(&l, LANE_READ, t), 0);
		limit_observe(&l, &mute, t, t);
		uint64_t longer = limit_take(&l, LANE_READ, t);
		CHECK(longer >= wait && longer <= 60 * SEC);
		t += wait = longer;
	}
	CHECK_EQ(wait, 60 * SEC);

	/* Nobody's clock runs over. */
	struct limit_seen absurd = {429, 90, 0, INT64_MAX};
	limit_take(&l, LANE_READ, t);
	limit_observe(&l, &absurd, t, t);
	CHECK(limit_take(&l, LANE_SAVE, t) > 3600 * SEC);
}

/* The last is spent in a window of unknown age: a save may ask, a listing waits. */
static void test_remaining_zero(void)
{
	struct limit l;
	uint64_t t = 1000 * SEC;

	limit_init(&l);
	limit_take(&l, LANE_SAVE, t);
	answer(&l, 0, t, t);
	CHECK(limit_take(&l, LANE_LISTING, t) > 0);
	CHECK(limit_earliest(&l, LANE_LISTING, t) <= t + SEC);
	CHECK_EQ(limit_take(&l, LANE_SAVE, t + SEC), 0);
	CHECK(limit_take(&l, LANE_SAVE, t + SEC) > 0);
	struct limit_seen no = {429, 90, 0, 30};
	limit_observe(&l, &no, t + SEC, t + SEC);
	CHECK_EQ(limit_take(&l, LANE_SAVE, t + SEC), 30 * SEC);
	CHECK_EQ(limit_take(&l, LANE_SAVE, t + 31 * SEC), 0);
	/* In a window of known age it does not ask, and knows when. */
	limit_init(&l);
	limit_take(&l, LANE_SAVE, t);
	answer(&l, 89, t, t);
	limit_take(&l, LANE_SAVE, t);
	answer(&l, 0, t, t);
	CHECK(limit_take(&l, LANE_SAVE, t + SEC) > 58 * SEC);
	CHECK(limit_earliest(&l, LANE_SAVE, t + SEC) >= t + 59 * SEC);
}

/* Sent in the window before and told there: not the new one's. */
static void test_late_answer(void)
{
	struct limit l;
	uint64_t t = 1000 * SEC;

	limit_init(&l);
	limit_take(&l, LANE_READ, t);
	answer(&l, 89, t, t);
	limit_take(&l, LANE_READ, t + SEC);
	answer(&l, 4, t + SEC, t + SEC);
	limit_take(&l, LANE_READ, t + 59 * SEC);
	CHECK_EQ(limit_take(&l, LANE_LISTING, t + 61 * SEC), 0);
	answer(&l, 3, t + 59 * SEC, t + 61 * SEC);
	CHECK_EQ(limit_left(&l), 89);
	CHECK_EQ(limit_take(&l, LANE_LISTING, t + 61 * SEC), 0);
	answer(&l, 89, t + 61 * SEC, t + 62 * SEC);
	answer(&l, 5, t + 1 * SEC, t + 63 * SEC);
	CHECK(limit_left(&l) > 80);
}

/* Counted in the last moment of a window and told after it: no window runs, so none ends. */
static void test_told_the_whole_limit(void)
{
	struct limit l;
	uint64_t t = 1000 * SEC;

	limit_init(&l);
	limit_take(&l, LANE_READ, t);
	answer(&l, 89, t, t + SEC);
	limit_take(&l, LANE_READ, t + 59 * SEC);
	answer(&l, 90, t + 59 * SEC, t + 60 * SEC + 10 * MS);
	CHECK_EQ(limit_left(&l), 90);
	CHECK_EQ(l.window_ends, 0);
	limit_take(&l, LANE_SAVE, t + 70 * SEC);
	answer(&l, 0, t + 70 * SEC, t + 71 * SEC);
	CHECK(limit_take(&l, LANE_LISTING, t + 125 * SEC) > 4 * SEC);
}

/* The administrator raises the limit: more is left, but the minute is the same. */
static void test_limit_raised_in_the_window(void)
{
	struct limit l;
	uint64_t t = 1000 * SEC;
	struct limit_seen raised = {200, 200, 150, -1};

	limit_init(&l);
	limit_take(&l, LANE_READ, t);
	answer(&l, 89, t, t);
	limit_take(&l, LANE_READ, t + SEC);
	answer(&l, 40, t + SEC, t + SEC);
	uint64_t end = l.window_ends;
	limit_take(&l, LANE_READ, t + 2 * SEC);
	limit_observe(&l, &raised, t + 2 * SEC, t + 2 * SEC);
	CHECK_EQ(limit_left(&l), 150);
	CHECK_EQ(l.window_ends, end);
}

static void test_401_and_headless_answers(void)
{
	struct limit l;
	struct limit_seen unauthorised = {401, -1, -1, -1}, gateway = {502, -1, -1, -1};

	limit_init(&l);
	limit_take(&l, LANE_READ, SEC);
	limit_observe(&l, &unauthorised, SEC, SEC);
	CHECK(!l.known);
	limit_take(&l, LANE_READ, SEC);
	limit_observe(&l, &gateway, SEC, SEC);
	CHECK(!l.known);
	limit_take(&l, LANE_READ, SEC);
	answer(&l, 50, SEC, SEC);
	limit_take(&l, LANE_READ, SEC);
	limit_observe(&l, &unauthorised, SEC, SEC);
	CHECK_EQ(limit_left(&l), 50);
	limit_take(&l, LANE_READ, SEC);
	limit_observe(&l, &gateway, SEC, SEC);
	CHECK_EQ(limit_left(&l), 49);
	CHECK_EQ(l.in_flight, 0);
}

int main(void)
{
	test_one_at_a_time_at_first();
	test_reserve();
	test_ahead();
	test_429();
	test_remaining_zero();
	test_late_answer();
	test_told_the_whole_limit();
	test_limit_raised_in_the_window();
	test_401_and_headless_answers();
	return check_done("limit");
}
