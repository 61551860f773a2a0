/* SPDX-License-Identifier: MIT */
/* brake: at most so many deletions within any minute, but for those that were allowed. */
#include "tree/brake.h"

#include "base/clock.h"
#include "check.h"

#define START (1000 * NS_PER_SEC)

static int passed(struct brake *b, int tries, uint64_t now)
{
	int n = 0;

	for (int i = 0; i < tries; i++)
		n += brake_passes(b, now);
	return n;
}

static void any_minute_has_at_most_max(void)
{
	struct brake b;
	int within = 0;

	CHECK_EQ(brake_init(&b, 25), 0);
	CHECK_EQ(brake_left(&b, START), 25);
	CHECK_EQ(passed(&b, 20, START), 20);
	/* Not 25 more when a fixed minute would begin anew: only the 5 that are left of this one. */
	CHECK_EQ(passed(&b, 100, START + 59 * NS_PER_SEC), 5);
	CHECK_EQ(passed(&b, 100, START + 60 * NS_PER_SEC), 0);
	CHECK_EQ(passed(&b, 100, START + 61 * NS_PER_SEC), 20);
	for (int s = 200; s < 260; s++)
		within += passed(&b, 10, START + (uint64_t)s * NS_PER_SEC);
	CHECK_EQ(within, 25);
	brake_fini(&b);
}

static void who_was_born_before_the_last_one_is_counted_too(void)
{
	struct brake b;

	CHECK_EQ(brake_init(&b, 1), 0);
	CHECK_EQ(passed(&b, 1, START), 1);
	CHECK_EQ(passed(&b, 1, START - 1), 0);
	CHECK_EQ(brake_left(&b, START - 1), 0);
	brake_fini(&b);
}

static void what_is_allowed_passes_besides(void)
{
	struct brake b;

	CHECK_EQ(brake_init(&b, 2), 0);
	CHECK_EQ(passed(&b, 5, START), 2);
	CHECK_EQ(b.refused, 3);
	brake_allow(&b, 3);
	CHECK_EQ(brake_left(&b, START), 3);
	CHECK_EQ(passed(&b, 5, START), 3);
	CHECK_EQ(b.refused, 2); /* counted anew since one passed */
	brake_allow(&b, UINT64_MAX);
	brake_allow(&b, UINT64_MAX);
	CHECK_EQ(brake_left(&b, START), UINT64_MAX);
	CHECK_EQ(passed(&b, 1000, START), 1000);
	brake_fini(&b);
}

static void none_means_any_number(void)
{
	struct brake b;

	CHECK_EQ(brake_init(&b, 0), 0);
	CHECK_EQ(passed(&b, 1000, START), 1000);
	CHECK_EQ(brake_left(&b, START), UINT64_MAX);
	brake_fini(&b);
}

int main(void)
{
	any_minute_has_at_most_max();
	who_was_born_before_the_last_one_is_counted_too();
	what_is_allowed_passes_besides();
	none_means_any_number();
	return check_done("brake");
}
