/* SPDX-License-Identifier: MIT */
/* listing: the ids of a collection, the roll made of them, and who waits for it. Under T. */
#include "tree/listing.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tree/record.h"
#include "tree/walk.h"

void listing_init(struct listing *l)
{
	*l = (struct listing){0};
	wait_point_init(&l->arrived);
}

void listing_fini(struct listing *l)
{
	roll_put(STEAL(l->roll));
	free(l->ids);
	l->ids = NULL;
}

bool listing_is_fresh(const struct listing *l, uint64_t now, uint64_t ttl_ns)
{
	return l->complete && l->checked_at >= l->old_before && l->checked_at + ttl_ns > now;
}

bool listing_came_early(const struct listing *l, int result, const struct waiter *w)
{
	return result == 0 && l->checked_at < l->old_before && l->old_before <= w->born;
}

/* A refused list is there and closed (1.1). */
static int as_directory(int err)
{
	return err == -EPERM ? -EACCES : err;
}

/* The server was asked, or cannot be: what stands is served, however old. */
static int settle_for(const struct listing *l, int err)
{
	return l->complete ? 0 : as_directory(err);
}

int listing_want(struct coll *c, struct waiter *w)
{
	struct listing *l = &c->listing;
	int result;

	if (wait_take_result(w, &result) && !listing_came_early(l, result, w))
		return result == -EINTR ? -EINTR : settle_for(l, result);
	if (listing_is_fresh(l, w->born, c->tree->config.ttl_ns))
		return 0;
	if (c->absent)
		return -ENOENT;
	if (l->failed_until > w->born)
		return settle_for(l, l->failure);
	int err = wait_may_spend(w);
	if (err)
		return err < 0 ? settle_for(l, err) : err;
	err = l->walk ? 0 : walk_start(c, w);
	return err < 0 ? err : wait_park(c->tree, &l->arrived, w);
}

/* The place of id, or of the first one above it. */
static size_t place_of(const struct listing *l, uint64_t id)
{
	size_t lo = 0, hi = l->count;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (l->ids[mid] < id)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

bool listing_has(const struct listing *l, uint64_t id)
{
	size_t at = place_of(l, id);

	return at < l->count && l->ids[at] == id;
}

static int make_room(struct listing *l)
{
	if (l->count < l->room)
		return 0;
	size_t room = l->room ? 2 * l->room : 64;
	uint64_t *ids = realloc(l->ids, room * sizeof(*ids));
	if (!ids)
		return -ENOMEM;
	l->ids = ids;
	l->room = room;
	return 0;
}

int listing_add(struct coll *c, uint64_t id)
{
	struct listing *l = &c->listing;
	size_t at = place_of(l, id);

	if (at < l->count && l->ids[at] == id)
		return 0;
	int err = make_room(l);
	if (err < 0)
		return err;
	memmove(l->ids + at + 1, l->ids + at, (l->count - at) * sizeof(*l->ids));
	l->ids[at] = id;
	l->count++;
	roll_put(STEAL(l->roll));
	return 0;
}

void listing_drop(struct coll *c, uint64_t id)
{
	struct listing *l = &c->listing;
	size_t at = place_of(l, id);

	if (at == l->count || l->ids[at] != id)
		return;
	memmove(l->ids + at, l->ids + at + 1, (l->count - at - 1) * sizeof(*l->ids));
	l->count--;
	roll_put(STEAL(l->roll));
}

struct roll *listing_roll(struct coll *c)
{
	struct listing *l = &c->listing;

	if (!l->roll) {
		struct roll *r = malloc(sizeof(*r) + l->count * sizeof(r->records[0]));
		if (!r)
			return NULL;
		*r = (struct roll){.refs = 1};
		for (size_t i = 0; i < l->count; i++) {
			struct record *rec = record_find(c, l->ids[i]);
			if (rec)
				r->records[r->count++] = record_ref(rec);
		}
		l->roll = r;
	}
	l->roll->refs++;
	return l->roll;
}

void roll_put(struct roll *r)
{
	if (!r || --r->refs)
		return;
	for (size_t i = 0; i < r->count; i++)
		record_put(r->records[i]);
	free(r);
}
