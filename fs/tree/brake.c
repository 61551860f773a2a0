/* SPDX-License-Identifier: MIT */
/* brake: see brake.h. Its ring begins with moments long ago, so that the first max pass. */
#include "tree/brake.h"

#include <errno.h>
#include <stdlib.h>

#include "base/clock.h"

#define WINDOW_NS (60 * NS_PER_SEC)

int brake_init(struct brake *b, unsigned max)
{
	*b = (struct brake){.max = max};
	if (max)
		b->times = calloc(max, sizeof(*b->times));
	return max && !b->times ? -ENOMEM : 0;
}

void brake_fini(struct brake *b)
{
	free(b->times);
	b->times = NULL;
}

static bool is_old(uint64_t time, uint64_t now)
{
	return !time || now > time + WINDOW_NS; /* now may be before: who waited was born earlier */
}

bool brake_passes(struct brake *b, uint64_t now)
{
	if (b->max && is_old(b->times[b->next], now)) {
		b->times[b->next] = now;
		b->next = (b->next + 1) % b->max;
	} else if (b->max && b->allowed) {
		b->allowed--;
	} else if (b->max) {
		b->refused++;
		return false;
	}
	b->refused = 0;
	return true;
}

void brake_allow(struct brake *b, uint64_t more)
{
	b->allowed = more > UINT64_MAX - b->allowed ? UINT64_MAX : b->allowed + more;
}

uint64_t brake_left(const struct brake *b, uint64_t now)
{
	uint64_t left = b->allowed;

	if (!b->max)
		return UINT64_MAX;
	for (unsigned i = 0; i < b->max; i++)
		left += is_old(b->times[i], now) && left < UINT64_MAX;
	return left;
}
