/* SPDX-License-Identifier: MIT */
/* wait: waiter lists and the table of parked waiters by number. T covers all of it; settling and
 * waking happen on the net thread only, so a waiter is run by one thread at a time. */
#include "tree/wait.h"

#include <errno.h>
#include <inttypes.h>

#include "base/log.h"
#include "tree/caller.h"
#include "tree/tree.h"

void waiter_init(struct waiter *w)
{
	*w = (struct waiter){0};
	list_init(&w->link);
}

void wait_point_init(struct wait_point *p)
{
	*p = (struct wait_point){0};
	list_init(&p->waiters);
}

static bool match_number(const struct map_entry *e, const void *key)
{
	return container_of(e, const struct waiter, by_number)->number == *(const uint64_t *)key;
}

int wait_park(struct tree *t, struct wait_point *p, struct waiter *w)
{
	/* The interrupt's callback sets the flag, then posts the number: one of the two is seen. */
	if (atomic_load(&w->interrupted))
		return -EINTR;
	if (t->closing)
		return -ECANCELED;
	if (map_insert(&t->parked, &w->by_number, map_hash_u64(w->number)) < 0)
		return -ENOMEM;
	w->settled = false;
	w->at = p;
	list_append(&p->waiters, &w->link);
	return PARKED;
}

static void settle_one(struct tree *t, struct waiter *w, int result, struct list *ready)
{
	map_remove(&t->parked, &w->by_number);
	list_remove(&w->link);
	w->at = NULL;
	w->settled = true;
	w->result = result;
	list_append(ready, &w->link);
}

void wait_settle(struct tree *t, struct wait_point *p, int result, struct list *ready)
{
	list_each_safe(pos, &p->waiters)
		settle_one(t, container_of(pos, struct waiter, link), result, ready);
}

void wait_wake_all(struct list *ready)
{
	struct list *entry;

	while ((entry = list_pop(ready))) {
		struct waiter *w = container_of(entry, struct waiter, link);
		w->wake(w);
	}
}

int wait_may_spend(const struct waiter *w)
{
	if (!w->crawlers || !*w->crawlers)
		return 0;
	if (!w->is_known)
		return UNNAMED;
	return w->is_crawler ? -EACCES : 0;
}

bool wait_again(struct waiter *w, int result)
{
	if (result != UNNAMED)
		return false;
	w->is_crawler = caller_is_one_of(w->pid, w->crawlers);
	w->is_known = true;
	if (w->is_crawler)
		log_debug(LOG_TREE, "call=%" PRIu64 " pid=%d: a crawler, gets what is known",
			  w->number, (int)w->pid);
	return true;
}

bool wait_take_result(struct waiter *w, int *result)
{
	bool settled = w->settled;

	w->settled = false;
	*result = settled ? w->result : 0;
	/* The thing was dropped just as w came to wait for it: it is asked for once more. */
	if (settled && *result == -ECANCELED && !w->asked_again) {
		w->asked_again = true;
		return false;
	}
	return settled;
}

static struct waiter *find_parked(struct tree *t, uint64_t number) REQUIRES(T)
{
	struct map_entry *e = map_find(&t->parked, map_hash_u64(number), match_number, &number);

	return e ? container_of(e, struct waiter, by_number) : NULL;
}

bool wait_is_parked(struct tree *t, uint64_t number)
{
	tree_lock(t);
	bool parked = find_parked(t, number);
	tree_unlock(t);
	return parked;
}

/* Settles the waiter of that number with -EINTR, if it may leave or must. */
static void let_go(struct tree *t, uint64_t number, bool dying, pid_t *stays)
{
	struct list ready;
	struct wait_point *deserted = NULL;

	list_init(&ready);
	*stays = 0;
	tree_lock(t);
	struct waiter *w = find_parked(t, number);
	struct wait_point *p = w ? w->at : NULL;
	bool may_leave = p && (!p->may_leave || p->may_leave(p));
	if (p && (may_leave || dying)) {
		settle_one(t, w, -EINTR, &ready);
		deserted = may_leave && list_is_empty(&p->waiters) ? p : NULL;
	} else if (p) {
		*stays = w->pid;
	}
	tree_unlock(t);
	if (deserted && deserted->deserted)
		deserted->deserted(t, deserted);
	wait_wake_all(&ready);
}

void wait_interrupt(struct tree *t, uint64_t number)
{
	pid_t stays, ignored;

	let_go(t, number, false, &stays);
	/* Even while what it sent is on its way: nobody is left whom EINTR could mislead. */
	if (stays && caller_is_dying(stays))
		let_go(t, number, true, &ignored);
}
