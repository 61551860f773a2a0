/* SPDX-License-Identifier: MIT */
/* lane: order, back-off and deadlines of queued jobs. */
#include "check.h"
#include "http/http.h"
#include "http/lane.h"

static struct job make(enum lane lane, uint64_t not_before, uint64_t deadline)
{
	return (struct job){.lane = lane, .not_before = not_before, .deadline = deadline};
}

static void test_order(void)
{
	struct lanes l;
	struct job a = make(LANE_READ, 0, 100), b = make(LANE_READ, 0, 100);
	struct job again = make(LANE_READ, 0, 100), other = make(LANE_SAVE, 0, 100);
	uint64_t next = UINT64_MAX;

	lanes_init(&l);
	CHECK(!lanes_peek(&l, LANE_READ, 5, &next));
	CHECK(next == UINT64_MAX);
	lanes_push(&l, &a);
	lanes_push(&l, &b);
	lanes_push(&l, &other);
	lanes_push_front(&l, &again);
	CHECK(lanes_peek(&l, LANE_READ, 5, &next) == &again);
	lanes_remove(&again);
	CHECK(lanes_peek(&l, LANE_READ, 5, &next) == &a);
	CHECK(lanes_peek(&l, LANE_SAVE, 5, &next) == &other);
	lanes_remove(&a);
	CHECK(!list_is_linked(&a.link));
	CHECK(lanes_peek(&l, LANE_READ, 5, &next) == &b);
	CHECK(!lanes_peek(&l, LANE_LISTING, 5, &next));
}

static void test_back_off(void)
{
	struct lanes l;
	struct job slow = make(LANE_LISTING, 50, 100), slower = make(LANE_LISTING, 60, 100);
	struct job ready = make(LANE_LISTING, 10, 100);
	uint64_t next = 70;

	lanes_init(&l);
	lanes_push(&l, &slower);
	lanes_push(&l, &slow);
	CHECK(!lanes_peek(&l, LANE_LISTING, 9, &next));
	CHECK_EQ((long long)next, 50);
	next = 20;
	CHECK(!lanes_peek(&l, LANE_LISTING, 9, &next));
	CHECK_EQ((long long)next, 20);
	lanes_push(&l, &ready);
	CHECK(lanes_peek(&l, LANE_LISTING, 10, &next) ==
	      &ready); /* one that waits holds up nobody */
	CHECK(lanes_peek(&l, LANE_LISTING, 60, &next) == &slower);
}

static void test_deadlines(void)
{
	struct lanes l;
	struct job a = make(LANE_BACKGROUND, 0, 30), b = make(LANE_SAVE, 0, 40);
	struct job c = make(LANE_READ, 0, 35);
	uint64_t next = 1000;

	lanes_init(&l);
	lanes_push(&l, &a);
	lanes_push(&l, &b);
	lanes_push(&l, &c);
	CHECK(!lanes_expired(&l, 29, &next));
	CHECK_EQ((long long)next, 30);
	next = 1000;
	CHECK(lanes_expired(&l, 36, &next) == &c);
	CHECK(lanes_expired(&l, 36, &next) == &a);
	CHECK(!lanes_expired(&l, 36, &next));
	CHECK_EQ((long long)next, 40);
	CHECK(!list_is_linked(&a.link));
	CHECK(list_is_linked(&b.link));
}

int main(void)
{
	test_order();
	test_back_off();
	test_deadlines();
	return check_done("lane");
}
