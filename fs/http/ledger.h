/* SPDX-License-Identifier: MIT */
/*
 * ledger: a small file that processes of one user have in common, changed by one at a time and
 * torn by none. What stands in it is its owner's; here it is bytes. Each call is made under the
 * lock but where it says otherwise. Any one thread.
 *
 * Why a file that is read and written, and locks of open file descriptions (F_OFD_SETLK):
 * - the kernel takes such a lock away with its holder, also from one that was killed, whatever its
 *   pid and its pid namespace, and keeps it for the child that a daemon's start leaves. A robust
 *   mutex would stand in memory that anybody's bug can overwrite;
 * - two copies are written in turn, each with a sum: whoever is killed while he writes one leaves
 *   the other. The newest whole one counts;
 * - a mapped file that somebody cuts short, or for which there is no room, is a SIGBUS. Here it is
 *   an error, and the owner goes on alone. One change costs about ten microseconds.
 *
 * Byte 0 is the lock, held for one change. Byte 1 + n is a seat: held as long as its process lives,
 * so what it left in the file can be told from what it still needs.
 */
#ifndef HTTP_LEDGER_H
#define HTTP_LEDGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { LEDGER_SIZE_MAX = 8000, LEDGER_NAME_MAX = 64 };

struct ledger {
	int fd; /* -1: closed */
	int seat;
	uint64_t boot;	 /* which run of the system: after another the clock means nothing */
	uint64_t number; /* of the copy read last */
	char name[LEDGER_NAME_MAX];
};

void ledger_init(struct ledger *l);
/* Opens or makes the file, takes one of so many seats, and returns with the lock held. Needs no
 * lock. 0 or -errno: -EBUSY: no seat is free, -EAGAIN: the lock cannot be had, -EPERM: the place is
 * not ours alone. */
int ledger_open(struct ledger *l, const char *name, int seats);
/* Leaves; removes the file if nobody else sits there. Needs no lock, and gives it up. */
void ledger_close(struct ledger *l, int seats);

/* 0; -EAGAIN: another holds it for longer than anybody should, about 50 ms; -ENOENT: somebody
 * removed the file: open it again. */
int ledger_lock(struct ledger *l);
void ledger_unlock(struct ledger *l);

/* 0, -errno, or -ENODATA: nothing stands there that can be believed. */
int ledger_read(struct ledger *l, void *state, size_t size);
int ledger_write(struct ledger *l, const void *state, size_t size);
bool ledger_is_taken(const struct ledger *l, int seat); /* by another process that lives */

/* Looks into each file whose name begins so, until one is wanted, whose name is copied to out: 0,
 * else -ENOENT. Takes no lock and changes nothing. */
int ledger_find(const char *prefix, size_t size, bool (*is_wanted)(const void *state, void *arg),
		void *arg, char out[LEDGER_NAME_MAX]);
/* Removes the files that nobody has used for minutes and nobody sits at. */
void ledger_sweep(void);

#endif
