/* SPDX-License-Identifier: MIT */
/* record: one record of the server: what is known of it, fetching it, its earlier versions. */
#ifndef TREE_RECORD_H
#define TREE_RECORD_H

#include "crm/api.h"
#include "tree/tree.h"

/* All but record_fetched need T. */
struct record *record_find(struct coll *c, uint64_t id) REQUIRES(T); /* lends, or NULL */
struct record *record_get(struct coll *c, uint64_t id)
	REQUIRES(T); /* lends; made if need be; NULL: no memory */
struct record *record_ref(struct record *rec);
void record_put(struct record *rec); /* NULL is fine */
void record_forget(struct record *rec)
	REQUIRES(T); /* takes it off its map, which must be its last holder */

/* Takes in what a request that left at asked_at said; older news than what is known is dropped. */
void record_absorb(struct record *rec, const struct record_msg *msg, uint64_t asked_at) REQUIRES(T);
/* The server does not have it (any more), as of asked_at. Names and caches follow. */
void record_vanish(struct record *rec, uint64_t asked_at) REQUIRES(T);

bool record_is_fresh(const struct record *rec, uint64_t now) REQUIRES(T);
/* Until when (ns) what is known may be believed without asking; 0: it is not known. */
uint64_t record_fresh_until(const struct record *rec) REQUIRES(T);
/* The name is free for a successor, the record untouched; without one it is back after a while. */
#define RECORD_VACATED_NS (60 * NS_PER_SEC)
void record_vacate(struct record *rec, uint64_t now) REQUIRES(T);
/* Is the name free because an editor moved it away just now? */
bool record_is_vacated(const struct record *rec, uint64_t now) REQUIRES(T);

/*
 * Makes sure that the record is known and fresh: 0 (PRESENT; perhaps stale, when the server cannot
 * be asked), PARKED, or -errno: -ENOENT when the server lacks it.
 */
int record_want(struct record *rec, struct waiter *w) REQUIRES(T);

/* The pair that a text which says updated_at was made from: false: none that we served. Lends. */
struct base {
	const struct text *base, *then;
	/* Another text of that same second that was served, older than base; NULL: none. */
	const struct text *other;
	/* What another process of this machine saved last that says the same of itself, and what the
	 * server made of it: perhaps mine goes on from that (a local copy that cp brings, again and
	 * again). NULL: none. */
	const struct text *saved, *saved_then;
};
bool record_base(const struct record *rec, int64_t updated_at, pid_t process, struct base *out)
	REQUIRES(T);
/* A buffer of process now holds `base` (saved) while the server has `then`. Refs both. */
void record_remember(struct record *rec, int64_t updated_at, pid_t process, const struct text *base,
		     const struct text *then) REQUIRES(T);

#endif
