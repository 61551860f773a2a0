/* SPDX-License-Identifier: MIT */
/*
 * wait: park and run again (design 3.4). A caller that lacks something is linked to the thing it
 * lacks; when that settles (arrived, failed, interrupted) the caller is run again from its first
 * line, on the net thread. A waiter is settled exactly once for each time it parked.
 *
 *   park      worker or net, T held: from now on the waiter is not the caller's any more
 *   settle    net, T held: takes it off the thing, writes the result, collects it in `ready`
 *   wake_all  net, T not held: hands each to its owner's wake()
 */
#ifndef TREE_WAIT_H
#define TREE_WAIT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/list.h"
#include "base/lock.h"
#include "base/map.h"
#include "tree/caller.h"

struct tree;
struct wait_point;

struct waiter {
	/* Set by the owner before the first park. */
	uint64_t number; /* for the log, and what an interrupt names */
	uint64_t born;	 /* clock.h ns: nothing older than ttl then is stale for it */
	uint64_t deadline;
	pid_t pid;	      /* the caller's thread, 0: the kernel itself */
	struct caller caller; /* who that is, once somebody asked; else {0} */
	const char *
		crawlers; /* programs that get what is known, and no request; NULL: it is all the same */
	atomic_bool interrupted;	/* set by the interrupt callback, any thread */
	void (*wake)(struct waiter *w); /* net thread, no lock; w is the owner's again */

	/* The owner's. */
	bool is_known, is_crawler; /* whether it is one of them, once it mattered */

	/* (T) */
	struct list link;
	struct map_entry by_number;
	struct wait_point *at; /* where it is parked, or NULL */
	bool settled;	       /* result stands and was not taken yet */
	int result;
	bool asked_again;
};

/* What callers wait for: a fetch, a walk, a commit, a deletion. */
struct wait_point {
	struct list waiters; /* (T) */
	/* (T) May the last waiter leave because of a signal? Called with T held on the net thread; false:
	 * the bytes may have left, EINTR would be a lie (design 3.8). NULL: always. */
	bool (*may_leave)(struct wait_point *p);
	/* The last waiter has left: drop what is still queued. Net thread, T not held; may be NULL. */
	void (*deserted)(struct tree *t, struct wait_point *p);
};

/* All but waiter_init, wait_take_result, wait_again and what wakes need T. */
void waiter_init(struct waiter *w);
void wait_point_init(struct wait_point *p);

/* PARKED; or -EINTR, and nothing is linked, when an interrupt came first; or -ENOMEM. */
int wait_park(struct tree *t, struct wait_point *p, struct waiter *w);
void wait_settle(struct tree *t, struct wait_point *p, int result, struct list *ready);
void wait_wake_all(struct list *ready);

/*
 * May a request be spent for w? 0; -EACCES: it is a crawler (an error that they pass over without
 * another try, and by which nothing is taken for deleted); UNNAMED: that is not known yet, and whoever
 * holds T has to let it go to find out: wait_again, once T is not held, says whether a result means so.
 */
#define UNNAMED 2
int wait_may_spend(const struct waiter *w);
bool wait_again(struct waiter *w, int result);

/* Was w settled since it parked? Then its result, once. */
bool wait_take_result(struct waiter *w, int *result);

bool wait_is_parked(struct tree *t, uint64_t number); /* takes T */

/* An interrupt for the waiter of that number: settled with -EINTR if it may leave. Net thread. */
void wait_interrupt(struct tree *t, uint64_t number);

#endif
