/* SPDX-License-Identifier: MIT */
/*
 * lock: a mutex that knows its owner and its rank. Ranks state the order of design 3.8: under the
 * tree's lock at most one leaf, under a leaf nothing; K comes before T. Debug builds (-DLOCK_DEBUG) abort on a
 * breach; clang's analysis checks the annotations at compile time.
 */
#ifndef BASE_LOCK_H
#define BASE_LOCK_H

#include <pthread.h>
#include <stdbool.h>

#include "base/macros.h"

enum lock_rank {
	LOCK_NOTE = 0, /* K */
	LOCK_TREE = 1, /* T */
	LOCK_LEAF = 2, /* N, S, Q, L */
};

struct CAPABILITY("mutex") lock {
	pthread_mutex_t mutex;
	enum lock_rank rank;
};

void lock_init(struct lock *l, enum lock_rank rank);
void lock_fini(struct lock *l);
void lock_acquire(struct lock *l) ACQUIRE(l);
void lock_release(struct lock *l) RELEASE(l);

/* Asserts (debug builds) that this thread holds no lock: before a reply, a notify, disk or curl. */
void lock_assert_none(void);

#endif
