/* SPDX-License-Identifier: MIT */
/*
 * The checks of the unit tests: a plain program that counts its checks, says
 * which one failed and where, and goes on. CHECK may be called from several
 * threads.
 */

#ifndef TESTS_UNIT_CHECK_H
#define TESTS_UNIT_CHECK_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static atomic_int check_count, check_failures;

static inline bool check_that(bool ok, const char *file, int line, const char *what)
{
	atomic_fetch_add(&check_count, 1);
	if (!ok) {
		atomic_fetch_add(&check_failures, 1);
		fprintf(stderr, "%s:%d: failed: %s\n", file, line, what);
	}
	return ok;
}

static inline bool check_eq(long long got, long long want, const char *file, int line,
			    const char *what)
{
	bool ok = check_that(got == want, file, line, what);

	if (!ok)
		fprintf(stderr, "\tgot %lld, want %lld\n", got, want);
	return ok;
}

/* Two NULLs are equal. */
static inline bool check_str(const char *got, const char *want, const char *file, int line,
			     const char *what)
{
	bool same = got && want ? !strcmp(got, want) : got == want;
	bool ok = check_that(same, file, line, what);

	if (!ok)
		fprintf(stderr, "\tgot \"%s\", want \"%s\"\n", got ? got : "(null)",
			want ? want : "(null)");
	return ok;
}

/* The last line of main: return check_done("limit"); */
static inline int check_done(const char *name)
{
	int failed = atomic_load(&check_failures);

	printf("%s: %d checks", name, atomic_load(&check_count));
	if (failed)
		printf(", %d failed", failed);
	printf("\n");
	return failed ? 1 : 0;
}

#define CHECK(cond) check_that((cond), __FILE__, __LINE__, #cond)
#define CHECK_EQ(got, want) check_eq((got), (want), __FILE__, __LINE__, #got " == " #want)
#define CHECK_STR(got, want) check_str((got), (want), __FILE__, __LINE__, #got " is " #want)

#endif
