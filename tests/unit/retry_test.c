/* SPDX-License-Identifier: MIT */
/* retry: which attempts are repeated, how long is waited, and when the breaker opens. */
#include "base/clock.h"
#include "check.h"
#include "http/retry.h"

static struct attempt attempt(enum method method, int status)
{
	return (struct attempt){.method = method,
				.status = status,
				.bytes_left = true,
				.retry_after = -1,
				.tries = 1};
}

static bool repeats(struct attempt a)
{
	return retry_after(&a, 12345) >= 0;
}

static void test_by_status(void)
{
	static const int never[] = {200, 204, 301, 302, 400, 401, 403, 404,
				    405, 409, 410, 413, 419, 422, 501, 505};
	static const int idempotent[] = {0, 408, 500, 502, 504, 520};
	static const int always[] = {429, 503};

	for (enum method m = METHOD_GET; m <= METHOD_DELETE; m++) {
		for (size_t i = 0; i < sizeof(never) / sizeof(*never); i++)
			CHECK(!repeats(attempt(m, never[i])));
		for (size_t i = 0; i < sizeof(idempotent) / sizeof(*idempotent); i++)
			CHECK(repeats(attempt(m, idempotent[i])) == (m != METHOD_POST));
		for (size_t i = 0; i < sizeof(always) / sizeof(*always); i++)
			CHECK(repeats(attempt(m, always[i])));
	}
}

static void test_post(void)
{
	struct attempt a = attempt(METHOD_POST, 0);

	CHECK(!repeats(a));
	a.stale_keepalive = true;
	CHECK(!repeats(a));
	a.bytes_left = false;
	CHECK_EQ(retry_after(&a, 1), 0);
	a.stale_keepalive = false;
	a.unreachable = true;
	CHECK(repeats(a));
}

static void test_pauses(void)
{
	struct attempt a = attempt(METHOD_GET, 502);
	static const int most_ms[] = {150, 300, 600};

	for (a.tries = 1; a.tries <= 3; a.tries++) {
		for (uint32_t chance = 0; chance < 5000; chance += 7) {
			int64_t ms = retry_after(&a, chance * 2654435761u) / (int64_t)NS_PER_MS;
			CHECK(ms >= most_ms[a.tries - 1] / 3 && ms < most_ms[a.tries - 1]);
		}
	}
	a.tries = 4;
	CHECK(!repeats(a));
	a.status = 429;
	a.tries = 40;
	CHECK(repeats(a));
	a.retry_after = 17;
	CHECK_EQ(retry_after(&a, 99), 17 * (int64_t)NS_PER_SEC);
	a.status = 503;
	a.tries = 1;
	CHECK_EQ(retry_after(&a, 99), 17 * (int64_t)NS_PER_SEC);
	a.retry_after = 18446744074; /* in ns it would be a third of a second */
	CHECK(retry_after(&a, 99) > 300 * 24 * 3600 * (int64_t)NS_PER_SEC);
	a.retry_after = INT64_MAX;
	CHECK(retry_after(&a, 99) > 300 * 24 * 3600 * (int64_t)NS_PER_SEC);
	a.hopeless = true;
	CHECK(!repeats(a));
}

static void test_breaker_by_failures(void)
{
	struct breaker b;
	uint64_t t = NS_PER_SEC;

	breaker_init(&b);
	for (int i = 0; i < BREAKER_TRIPS_AT - 1; i++)
		breaker_note(&b, false, false, t);
	CHECK(breaker_allows(&b, false, t));
	breaker_note(&b, true, false, t);
	for (int i = 0; i < BREAKER_TRIPS_AT; i++) {
		CHECK(breaker_allows(&b, false, t));
		breaker_note(&b, false, false, t);
	}
	CHECK(!breaker_allows(&b, false, t));
	CHECK(!breaker_allows(&b, false, t + NS_PER_SEC - 1));
}

static void test_breaker_half_open(void)
{
	struct breaker b;
	uint64_t t = NS_PER_SEC;

	breaker_init(&b);
	for (int i = 0; i < 3; i++)
		breaker_note(&b, false, true, t);
	breaker_note(&b, false, true, t); /* a straggler does not lengthen it */
	for (uint64_t pause = 1; pause <= 64; pause *= 2) {
		uint64_t ns = (pause < 30 ? pause : 30) * NS_PER_SEC;
		CHECK(!breaker_allows(&b, false, t + ns - 1));
		t += ns;
		CHECK(breaker_allows(&b, false, t));
		CHECK(!breaker_allows(&b, false, t)); /* one probe */
		breaker_forget(&b);
		CHECK(breaker_allows(&b, false, t)); /* it did not leave: another */
		breaker_note(&b, false, true, t);
	}
	t += 30 * NS_PER_SEC;
	CHECK(breaker_allows(&b, false, t));
	breaker_note(&b, true, false, t);
	CHECK(breaker_allows(&b, false, t));
	CHECK(breaker_allows(&b, false, t));
	breaker_note(&b, false, true, t);
	breaker_note(&b, false, false, t); /* answered, badly: not unreachable */
	breaker_note(&b, false, true, t);
	breaker_note(&b, false, true, t);
	CHECK(breaker_allows(&b, false, t));
}

static void test_a_save_probes_sooner(void)
{
	struct breaker b;
	uint64_t t = NS_PER_SEC;

	breaker_init(&b);
	for (int i = 0; i < 3; i++)
		breaker_note(&b, false, true, t);
	CHECK(breaker_bars(&b, true, t + NS_PER_SEC - 1)); /* the first rest is short anyway */
	while (b.open_for < 8 * NS_PER_SEC) {
		t = b.open_until;
		CHECK(breaker_allows(&b, false, t));
		breaker_note(&b, false, true, t);
	}
	CHECK(breaker_bars(&b, true, t + 2 * NS_PER_SEC - 1));
	t += 2 * NS_PER_SEC;
	CHECK(breaker_bars(&b, false, t) && !breaker_allows(&b, false, t));
	CHECK(!breaker_bars(&b, true, t) && breaker_allows(&b, true, t));
	CHECK(breaker_bars(&b, true, t) && !breaker_allows(&b, true, t)); /* one probe */
	breaker_note(&b, false, true, t);
	CHECK(breaker_bars(&b, true, t + 2 * NS_PER_SEC - 1));
	CHECK(breaker_allows(&b, true, t + 2 * NS_PER_SEC));
	breaker_note(&b, true, false, t);
	CHECK(!breaker_bars(&b, false, t) && breaker_allows(&b, false, t));
}

int main(void)
{
	test_by_status();
	test_post();
	test_pauses();
	test_breaker_by_failures();
	test_breaker_half_open();
	test_a_save_probes_sooner();
	return check_done("retry");
}
