/* SPDX-License-Identifier: MIT */
/*
 * shared: the limiter of one account, in common to all mounts of it on this machine. Answers as
 * limit.h does, but what any of them was told, has under way or waits for counts for all: a 429
 * stops all, a listing here leaves room for a save there, and in one lane who has waited longer
 * goes first. One owner (the net thread); each call takes microseconds, and never above 50 ms.
 *
 * Alone it works too: until shared_join, and whenever the common file cannot be had. That is told
 * once in the log, and tried again soon, then every few seconds.
 *
 * A mount that is killed holds up nobody: what it waited for is forgotten, and what it had under
 * way counts as lost (limit_lost).
 */
#ifndef HTTP_SHARED_H
#define HTTP_SHARED_H

#include <stdbool.h>
#include <stdint.h>

#include "http/lane.h"
#include "http/ledger.h"
#include "http/limit.h"

enum { SHARED_SEATS = 32, SHARED_TAGS = 8 };

/* What a mount waits for in one lane. */
struct want {
	uint32_t count;	  /* jobs; 0: it does not wait */
	uint64_t since;	  /* its last turn, or when it came */
	uint64_t asks_at; /* when it means to ask again: not much later it is forgotten */
};

struct seat {
	uint32_t in_flight;
	uint64_t heard_at; /* its last change */
	struct want wants[LANE_COUNT];
};

struct shared_state {
	uint64_t latest; /* no change is of an earlier time */
	struct limit limit;
	struct seat seats[SHARED_SEATS];
	uint16_t tags[SHARED_TAGS]; /* of the tokens it was joined with */
	uint32_t next_tag;
};

struct shared_answer {
	struct limit_seen seen;
	uint64_t sent, at; /* at 0: there was none */
};

struct shared {
	struct limit limit; /* as seen last; alone, all there is */
	struct seat own;
	struct ledger ledger;
	struct shared_state state; /* only between enter and leave */
	struct shared_answer last; /* told again to those who did not hear it */
	uint16_t tag;
	bool is_wanted;	  /* shared_join was called */
	bool is_told;	  /* in the log, that it is alone */
	bool is_new_here; /* our seat may still hold its last owner's */
	bool has_news;	  /* the others have not heard of our last answer */
	uint64_t alone_until, alone_for;
};

/* Whose budget it is. */
struct shared_key {
	const char *server; /* the base URL */
	const char *token;  /* 16 bits of its hash are kept, to know it again */
	uint64_t user;	    /* 0: not known yet */
};

void shared_init(struct shared *s); /* alone */
/* From now on shares with the mounts of that account, to whom the last answer is told. While the
 * user is not known, with those of the account that used this token last, if there are any. */
void shared_join(struct shared *s, const struct shared_key *key, uint64_t now);
void shared_leave(struct shared *s); /* nothing may be under way */

/* As in limit.h. waiting: jobs that would go in this lane, the one asked for included. While a wait
 * lasts it should be asked again when it says, or others need not leave room any more. */
uint64_t shared_take(struct shared *s, enum lane lane, unsigned waiting, uint64_t now);
uint64_t shared_earliest(const struct shared *s, enum lane lane, uint64_t now);
void shared_observe(struct shared *s, const struct limit_seen *seen, uint64_t sent, uint64_t now);
void shared_lost(struct shared *s, uint64_t now);
void shared_give_back(struct shared *s, uint64_t now);
long shared_left(const struct shared *s); /* as seen last */

#endif
