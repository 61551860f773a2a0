/* SPDX-License-Identifier: MIT */
/* Which pages a walk asks for, and which it has to read again when records fall out meanwhile. */
#include "check.h"

#include "tree/pages.h"

static void test_pages_are_asked_for_once_and_in_order(void)
{
	struct pages p = {.next = 1};

	for (long i = 1; i <= 40; i++)
		CHECK_EQ(pages_next(&p, 40), i);
	CHECK_EQ(pages_next(&p, 40), 0);
	CHECK(pages_was_asked(&p, 40));
	CHECK(!pages_was_asked(&p, 41));
	CHECK(!pages_was_asked(&p, 0));
	CHECK(!pages_was_asked(&p, 4711));
	pages_fini(&p);
}

static void test_a_total_that_fell_between_two_pages_reads_the_earlier_again(void)
{
	struct pages p = {.next = 1};

	for (long i = 1; i <= 3; i++)
		pages_next(&p, 3);
	pages_came(&p, 1, 300);
	pages_came(&p, 2, 300);
	pages_came(&p, 3, 299);
	CHECK_EQ(pages_next(&p, 3), 2);
	pages_came(&p, 2, 299);
	CHECK_EQ(pages_next(&p, 3), 0);
	pages_fini(&p);
}

static void test_the_order_of_answers_does_not_matter(void)
{
	struct pages p = {.next = 1};

	for (long i = 1; i <= 3; i++)
		pages_next(&p, 3);
	pages_came(&p, 3, 299);
	pages_came(&p, 1, 300);
	CHECK_EQ(pages_next(&p, 3), 0);
	pages_came(&p, 2, 300);
	CHECK_EQ(pages_next(&p, 3), 2);
	pages_fini(&p);
}

static void test_a_total_that_grew_moves_nothing(void)
{
	struct pages p = {.next = 1};

	for (long i = 1; i <= 2; i++)
		pages_next(&p, 2);
	pages_came(&p, 1, 150);
	pages_came(&p, 2, 151);
	CHECK_EQ(pages_next(&p, 2), 0);
	pages_fini(&p);
}

static void test_a_new_pass_asks_again_from_where_it_is_told(void)
{
	struct pages p = {.next = 1};

	for (long i = 1; i <= 5; i++)
		pages_came(&p, pages_next(&p, 5), 500);
	CHECK_EQ(p.done, 5);
	pages_came(&p, 3, 500);
	CHECK_EQ(p.done, 5);
	pages_restart(&p, 5);
	CHECK_EQ(p.done, 4);
	CHECK_EQ(pages_next(&p, 6), 5);
	CHECK_EQ(pages_next(&p, 6), 6);
	CHECK_EQ(pages_next(&p, 6), 0);
	pages_fini(&p);
}

int main(void)
{
	test_pages_are_asked_for_once_and_in_order();
	test_a_total_that_fell_between_two_pages_reads_the_earlier_again();
	test_the_order_of_answers_does_not_matter();
	test_a_total_that_grew_moves_nothing();
	test_a_new_pass_asks_again_from_where_it_is_told();
	return check_done("pages");
}
