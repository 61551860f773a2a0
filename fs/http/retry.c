/* SPDX-License-Identifier: MIT */
/* retry: two small judgements about failed attempts. Knows methods and the few statuses that ask
 * for a repeat. Pure: time and chance are arguments; net thread, no lock. */
#include "http/retry.h"

#include "base/clock.h"

enum {
	TRIES_MAX = 4,
	UNREACHABLE_MAX = 3,
	FIRST_PAUSE_MS = 100,
	LONGEST_PAUSE_MS = 2000,
	TOLD_LONGEST_S = 366 * 24 * 3600, /* as limit.c's; it must fit into ns */
};

#define BREAKER_FIRST (1 * NS_PER_SEC)
#define BREAKER_LONGEST (30 * NS_PER_SEC)
#define BREAKER_URGENT (2 * NS_PER_SEC)

/* Doubles from 100 ms; half to one and a half of it, so that many clients do not march in step. */
static int64_t back_off(int tries, uint32_t random)
{
	uint64_t ms = FIRST_PAUSE_MS;

	for (int i = 1; i < tries && ms < LONGEST_PAUSE_MS; i++)
		ms *= 2;
	if (ms > LONGEST_PAUSE_MS)
		ms = LONGEST_PAUSE_MS;
	return (int64_t)((ms / 2 + random % ms) * NS_PER_MS);
}

static int64_t as_told(const struct attempt *a, uint32_t random)
{
	if (a->retry_after > TOLD_LONGEST_S)
		return TOLD_LONGEST_S * (int64_t)NS_PER_SEC;
	if (a->retry_after >= 0)
		return a->retry_after * (int64_t)NS_PER_SEC;
	return back_off(a->tries, random);
}

/* What the same server would say again, whatever the moment. */
static bool is_final(int status)
{
	return status == 501 || status == 505 || (status < 500 && status != 408);
}

int64_t retry_after(const struct attempt *a, uint32_t random)
{
	bool safe = a->method != METHOD_POST || !a->bytes_left;

	if (a->hopeless)
		return -1;
	if (a->status == 429) /* costs nothing there; the deadline ends it */
		return as_told(a, random);
	if (a->status == 0 && a->stale_keepalive && safe)
		return 0;
	if (a->tries >= TRIES_MAX)
		return -1;
	if (a->status == 503)
		return as_told(a, random);
	if (!safe || (a->status && is_final(a->status)))
		return -1;
	return back_off(a->tries, random);
}

void breaker_init(struct breaker *b)
{
	*b = (struct breaker){0};
}

static uint64_t rests_until(const struct breaker *b, bool urgent)
{
	if (urgent && b->open_for > BREAKER_URGENT)
		return b->open_until - b->open_for + BREAKER_URGENT;
	return b->open_until;
}

bool breaker_bars(const struct breaker *b, bool urgent, uint64_t now)
{
	return now < (b->probing ? b->open_until : rests_until(b, urgent));
}

bool breaker_allows(struct breaker *b, bool urgent, uint64_t now)
{
	if (!b->open_until)
		return true;
	if (b->probing || breaker_bars(b, urgent, now))
		return false;
	b->probing = true;
	return true;
}

void breaker_forget(struct breaker *b)
{
	b->probing = false;
}

static void open_breaker(struct breaker *b, uint64_t now)
{
	b->open_for = b->open_for ? b->open_for * 2 : BREAKER_FIRST;
	if (b->open_for > BREAKER_LONGEST)
		b->open_for = BREAKER_LONGEST;
	b->open_until = now + b->open_for;
	b->probing = false;
}

void breaker_note(struct breaker *b, bool ok, bool unreachable, uint64_t now)
{
	if (ok) {
		breaker_init(b);
		return;
	}
	b->failures++;
	b->unreachable = unreachable ? b->unreachable + 1 : 0;
	if (b->open_until) {
		/* One that left before it opened says nothing new; the probe does. */
		if (b->probing)
			open_breaker(b, now);
	} else if (b->failures >= BREAKER_TRIPS_AT || b->unreachable >= UNREACHABLE_MAX) {
		open_breaker(b, now);
	}
}
