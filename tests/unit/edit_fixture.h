/* SPDX-License-Identifier: MIT */
/* What the tests of edit share: one result, what is known beside the texts, and how to look at it. */
#ifndef TESTS_UNIT_EDIT_FIXTURE_H
#define TESTS_UNIT_EDIT_FIXTURE_H

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "crm/edit.h"

static struct edit last;
static struct edit_known known __attribute__((unused));

static inline struct jspan span(const char *s)
{
	return (struct jspan){s, strlen(s)};
}

static inline int update3(const char *kind, const char *mine, const char *base, const char *then,
			  const char *now)
{
	struct edit_against against = {span(base), span(then), span(now)};

	edit_fini(&last);
	return edit_update(kind_find(kind), span(mine), &against, &known, &last);
}

/* Nothing moved on the server. */
static inline int update(const char *kind, const char *mine, const char *base)
{
	return update3(kind, mine, base, base, base);
}

static inline int create(const char *kind, const char *mine)
{
	edit_fini(&last);
	return edit_create(kind_find(kind), span(mine), &known, &last);
}

/* Every problem, as lines of a file f. */
static inline const char *why(void)
{
	static struct buf b = {.max = 1 << 20};

	buf_clear(&b);
	report_write(&last.report, "f", &b);
	return b.data ? b.data : "";
}

#define SENDS(call, expected)                                                                      \
	do {                                                                                       \
		CHECK_EQ(call, 0);                                                                 \
		CHECK_STR(last.body, expected);                                                    \
		CHECK(!last.body || last.body_len == strlen(last.body));                           \
		CHECK_STR(why(), "");                                                              \
	} while (0)
#define FAILS(call, err, expected)                                                                 \
	do {                                                                                       \
		CHECK_EQ(call, err);                                                               \
		CHECK_STR(why(), expected);                                                        \
		CHECK(!last.body && !last.first);                                                  \
	} while (0)
#define REFUSES(call, expected) FAILS(call, -EINVAL, expected)

#endif
