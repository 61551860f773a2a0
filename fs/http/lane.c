/* SPDX-License-Identifier: MIT */
/* lane: four lists and two searches. Knows a job's lane, not_before and deadline, nothing of
 * budgets. Net thread, no lock. Lists are short (what people wait for), so they are searched. */
#include "http/lane.h"

#include <stddef.h>

#include "http/http.h"

void lanes_init(struct lanes *l)
{
	for (int i = 0; i < LANE_COUNT; i++)
		list_init(&l->queue[i]);
}

void lanes_push(struct lanes *l, struct job *j)
{
	list_append(&l->queue[j->lane], &j->link);
}

void lanes_push_front(struct lanes *l, struct job *j)
{
	list_add_before(l->queue[j->lane].next, &j->link);
}

static void lower(uint64_t *next, uint64_t to)
{
	if (to < *next)
		*next = to;
}

struct job *lanes_peek(struct lanes *l, enum lane lane, uint64_t now, uint64_t *next)
{
	uint64_t earliest = UINT64_MAX;

	list_each(pos, &l->queue[lane]) {
		struct job *j = container_of(pos, struct job, link);
		if (j->not_before <= now)
			return j;
		lower(&earliest, j->not_before);
	}
	lower(next, earliest);
	return NULL;
}

struct job *lanes_expired(struct lanes *l, uint64_t now, uint64_t *next)
{
	uint64_t earliest = UINT64_MAX;

	for (int i = 0; i < LANE_COUNT; i++) {
		list_each(pos, &l->queue[i]) {
			struct job *j = container_of(pos, struct job, link);
			if (j->deadline <= now) {
				lanes_remove(j);
				return j;
			}
			lower(&earliest, j->deadline);
		}
	}
	lower(next, earliest);
	return NULL;
}

void lanes_remove(struct job *j)
{
	list_remove(&j->link);
}

unsigned lanes_count(const struct lanes *l, enum lane lane)
{
	unsigned n = 0;

	list_each(pos, &l->queue[lane])
		n++;
	return n;
}
