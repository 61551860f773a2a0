/* SPDX-License-Identifier: MIT */
/*
 * limit: keeps one fact, the lowest Remaining told in the present window, and two bounds, before
 * and after which that window ends. Pure: no thread, no lock, no clock.
 *
 * In one window the server's counter only rises, so a request that left after `told` had come must
 * be told less. If it is told as much or more, there is a new window. A request that left earlier
 * proves nothing (answers overtake each other); the next one will. At the upper bound the window
 * is over even if no answer says so, and a full one is assumed until one does.
 *
 * The counter may be read when a request is counted or when its answer is written (Laravel: the
 * latter), so a request counted in the last moment of a window can be told the whole limit.
 */
#include "http/limit.h"

#include "base/clock.h"

#define WINDOW (60 * NS_PER_SEC)
#define SLACK (20 * NS_PER_MS)	    /* its clock and ours do not run alike */
#define GRAIN (1 * NS_PER_SEC)	    /* some servers count their minute in whole seconds */
#define MELT_FROM (16 * NS_PER_SEC) /* before the window's end: the reserve is whole */
#define MELT_TO (4 * NS_PER_SEC)    /* and gone, with time for the last to be counted */
#define LOOSE (5 * NS_PER_SEC)	    /* bounds so far apart are worth a question */
#define ASK_AGAIN (1 * NS_PER_SEC)
#define WAIT_LEAST (1 * NS_PER_MS)
#define BLOCK_LONGEST_S (366 * 24 * 3600L)

static uint64_t max_of(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

static uint64_t min_of(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static uint64_t till(uint64_t then, uint64_t now)
{
	return then > now + WAIT_LEAST ? then - now : WAIT_LEAST;
}

/* What is never spent by anything but a save. */
static long floor_of(const struct limit *l, enum lane lane)
{
	if (lane == LANE_SAVE)
		return 0;
	return l->size >= 20 ? 2 : l->size >= 5 ? 1 : 0;
}

static long whole_reserve(const struct limit *l, enum lane lane)
{
	long part = lane == LANE_LISTING ? l->size / 6 : lane == LANE_BACKGROUND ? l->size / 3 : 0;
	long least = floor_of(l, lane);

	return part > least ? part : least;
}

static long reserve_of(const struct limit *l, enum lane lane, uint64_t now)
{
	long least = floor_of(l, lane);
	long above = whole_reserve(l, lane) - least;
	uint64_t time_left = l->window_ends > now ? l->window_ends - now : 0;

	if (!l->window_ends || time_left >= MELT_FROM)
		return least + above;
	if (time_left <= MELT_TO)
		return least;
	double share = (double)(time_left - MELT_TO) / (double)(MELT_FROM - MELT_TO);
	long part = (long)(share * (double)above) + 1;
	return least + (part < above ? part : above);
}

static long unspent(const struct limit *l)
{
	return l->told - l->lost - l->in_flight;
}

/* Nobody has told of the window that runs now, if one does. */
static void leave_window(struct limit *l, uint64_t now)
{
	l->old_told = l->told;
	l->left_old_at = now;
	l->told = l->size;
	l->told_at = now;
	l->window_ends = 0;
	l->lost = 0;
}

static void pass_time(struct limit *l, uint64_t now)
{
	if (l->limited && l->window_ends && now >= l->window_ends)
		leave_window(l, now);
	if (l->lost && now >= l->lost_until)
		l->lost = 0;
}

void limit_init(struct limit *l)
{
	*l = (struct limit){0};
}

/* Nothing is left and the end may be now or most of a minute away: for a waiting person one
 * request may find out. Either it is served, or its 429 tells the end to the second and costs
 * nothing. */
static bool may_ask(const struct limit *l, enum lane lane, uint64_t now)
{
	return lane <= LANE_READ && unspent(l) <= 0 && !l->in_flight && !l->ahead &&
	       l->window_ends && now + GRAIN >= l->ends_after &&
	       l->window_ends - l->ends_after > LOOSE;
}

/* When the reserve has melted so far that one more may go; the window's end if it never will. */
static uint64_t melted_at(const struct limit *l, enum lane lane)
{
	long least = floor_of(l, lane);
	long above = whole_reserve(l, lane) - least;
	long spare = unspent(l) - l->ahead - 1 - least;

	if (spare < 0 || above <= 0)
		return l->window_ends;
	double share = (double)spare / (double)above;
	uint64_t before = MELT_TO + (uint64_t)(share * (double)(MELT_FROM - MELT_TO));
	return l->window_ends > before ? l->window_ends - before : l->window_ends;
}

static uint64_t wait_for(const struct limit *l, enum lane lane, uint64_t now)
{
	if (now < l->blocked_until)
		return till(l->blocked_until, now);
	if (!l->known)
		return l->in_flight || l->ahead ? ASK_AGAIN : 0;
	if (!l->limited || unspent(l) - l->ahead > reserve_of(l, lane, now) ||
	    may_ask(l, lane, now))
		return 0;
	if (!l->window_ends)
		return l->lost ? till(min_of(l->lost_until, now + ASK_AGAIN), now) : ASK_AGAIN;
	return min_of(till(melted_at(l, lane), now), till(l->window_ends, now));
}

uint64_t limit_take(struct limit *l, enum lane lane, uint64_t now)
{
	pass_time(l, now);
	uint64_t wait = wait_for(l, lane, now);
	if (!wait)
		l->in_flight++;
	return wait;
}

uint64_t limit_earliest(struct limit *l, enum lane lane, uint64_t now)
{
	pass_time(l, now);
	uint64_t wait = wait_for(l, lane, now);
	if (!wait || now < l->blocked_until)
		return now + wait;
	if (!l->limited || !l->window_ends)
		return now;
	/* A window that began unseen may end as soon as its lower bound allows. */
	uint64_t end = max_of(l->ends_after, GRAIN) - GRAIN;
	return min_of(now + wait, max_of(end, now));
}

/* The answer at `now` to a request that left at `sent` is the first from a new window. */
static void enter_window(struct limit *l, long left, uint64_t sent, uint64_t now)
{
	uint64_t old_end = l->ends_after;

	if (l->window_ends)
		leave_window(l, now);
	l->told = left;
	l->told_at = now;
	l->window_ends = now + WINDOW + SLACK;
	l->ends_after = sent;
	if (old_end)
		l->ends_after = max_of(sent, max_of(old_end, l->alive_at) + WINDOW);
	if (left == l->size - 1)
		l->ends_after = max_of(l->ends_after, sent + WINDOW);
	l->ends_after = min_of(l->ends_after, l->window_ends);
	l->alive_at = sent;
}

/* An answer that was under way when we left the window before this: its Remaining is nearer to
 * where that one stood than to a full one. */
static bool is_from_old_window(const struct limit *l, long left, uint64_t sent)
{
	return sent < l->left_old_at && left - l->old_told < l->size - left;
}

/* Told as much as or more than before, by a request that left after that was known. */
static void note_new_counter(struct limit *l, long left, uint64_t sent, uint64_t now)
{
	bool too_early = now + GRAIN < l->ends_after;

	if (!too_early && left >= l->size) { /* the old one ended meanwhile, no new one has begun */
		leave_window(l, now);
	} else if (!too_early) {
		enter_window(l, left, sent, now);
	} else { /* a limit raised, a counter reset: the minute is the same */
		l->told = left;
		l->told_at = now;
	}
}

static void note_left(struct limit *l, const struct limit_seen *seen, uint64_t sent, uint64_t now)
{
	bool first = !l->limited;

	l->known = l->limited = true;
	if (first)
		l->told = seen->size;
	if (l->told > seen->size)
		l->told = seen->size;
	l->size = seen->size;
	if (!first && is_from_old_window(l, seen->left, sent))
		return;
	if (!l->window_ends) {
		if (seen->left < seen->size)
			enter_window(l, seen->left, sent, now);
		return;
	}
	if (sent >= l->told_at && seen->left >= l->told) {
		note_new_counter(l, seen->left, sent, now);
		return;
	}
	if (seen->left < l->told) {
		l->told = seen->left;
		l->told_at = now;
	}
	l->alive_at = max_of(l->alive_at, sent);
}

static uint64_t refused_until(struct limit *l, long retry_after, uint64_t now)
{
	if (retry_after > BLOCK_LONGEST_S)
		retry_after = BLOCK_LONGEST_S;
	if (retry_after >= 0) { /* 0 means: within this second */
		l->refusals = 0;
		return now + (uint64_t)(retry_after ? retry_after : 1) * NS_PER_SEC;
	}
	if (l->limited && l->window_ends > now)
		return l->window_ends;
	uint64_t pause = NS_PER_SEC << (l->refusals < 6 ? l->refusals : 6);
	l->refusals++;
	return now + min_of(pause, WINDOW);
}

/* A 429 of the API's own tells when its window ends; a proxy's, without a limit, tells only when
 * to come back. */
static void note_refusal(struct limit *l, const struct limit_seen *seen, uint64_t sent,
			 uint64_t now)
{
	uint64_t until = refused_until(l, seen->retry_after, now);

	l->blocked_until = max_of(l->blocked_until, until);
	if (seen->size <= 0)
		return;
	l->known = l->limited = true;
	l->size = seen->size;
	l->told = 0;
	l->told_at = now;
	l->alive_at = max_of(l->alive_at, sent);
	if (seen->retry_after >= 0) {
		l->window_ends = until;
		l->ends_after = until - min_of(now - sent, until);
	} else if (!l->window_ends) {
		l->window_ends = now + WINDOW;
		l->ends_after = now;
	}
}

void limit_observe(struct limit *l, const struct limit_seen *seen, uint64_t sent, uint64_t now)
{
	if (seen->status == 401) { /* comes before the counter */
		limit_give_back(l);
		return;
	}
	pass_time(l, now);
	if (seen->status == 429) {
		l->in_flight--;
		note_refusal(l, seen, sent, now);
		return;
	}
	l->refusals = 0;
	if (seen->size <= 0 || seen->left < 0) { /* perhaps a proxy's, perhaps counted */
		limit_lost(l, now);
		l->known = l->known || (seen->status >= 200 && seen->status < 300);
		return;
	}
	l->in_flight--;
	note_left(l, seen, sent, now);
}

void limit_lost(struct limit *l, uint64_t now)
{
	pass_time(l, now);
	l->in_flight--;
	if (!l->limited)
		return;
	l->lost++;
	l->lost_until = now + WINDOW;
}

void limit_give_back(struct limit *l)
{
	l->in_flight--;
}

long limit_left(const struct limit *l)
{
	if (!l->limited)
		return -1;
	return unspent(l) > 0 ? unspent(l) : 0;
}
