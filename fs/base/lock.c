/* SPDX-License-Identifier: MIT */
/* lock: see lock.h. Any thread. The ranks a thread holds are kept in a thread-local bit set. */
#include "base/lock.h"

#include <stdio.h>
#include <stdlib.h>

#ifdef LOCK_DEBUG
static _Thread_local unsigned held; /* bit per rank */

static void breach(const char *what)
{
	fprintf(stderr, "BUG lock order: %s (held=%#x)\n", what, held);
	abort();
}

static void note_acquire(const struct lock *l)
{
	if (held >> l->rank)
		breach("acquired a lock of the same or a lower rank");
	held |= 1u << l->rank;
}

static void note_release(const struct lock *l)
{
	if (!(held & 1u << l->rank))
		breach("released a lock that this thread does not hold");
	held &= ~(1u << l->rank);
}

void lock_assert_none(void)
{
	if (held)
		breach("a lock is held where none may be");
}
#else
static void note_acquire(const struct lock *l)
{
	(void)l;
}

static void note_release(const struct lock *l)
{
	(void)l;
}

void lock_assert_none(void)
{
}
#endif

void lock_init(struct lock *l, enum lock_rank rank)
{
	pthread_mutex_init(&l->mutex, NULL);
	l->rank = rank;
}

void lock_fini(struct lock *l)
{
	pthread_mutex_destroy(&l->mutex);
}

void lock_acquire(struct lock *l) NO_TSA
{
	note_acquire(l);
	pthread_mutex_lock(&l->mutex);
}

void lock_release(struct lock *l) NO_TSA
{
	note_release(l);
	pthread_mutex_unlock(&l->mutex);
}
