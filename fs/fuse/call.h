/* SPDX-License-Identifier: MIT */
/*
 * call: one request of the kernel that may have to wait. It belongs to exactly one of: a worker, a
 * waiter list, the net thread. `run` either ends it (call_end, then one reply) or, told PARKED by
 * the tree, returns at once: the call is not the runner's any more. When what it waited for has
 * settled, the net thread calls `run` again, from its first line.
 *
 * Interrupts: libfuse calls back with the request's own mutex held. Registering happens before the
 * first run, unregistering (which waits for a running callback) before the reply, the free last.
 */
#ifndef FUSE_CALL_H
#define FUSE_CALL_H

#include <fuse_lowlevel.h>
#include <stdint.h>

#include "tree/dirs.h"
#include "tree/file.h"
#include "tree/move.h"
#include "tree/wait.h"

struct notifier;

/* The session's user data. (I) but for next_number. */
struct fs {
	struct tree *tree;
	struct http *http;
	struct notifier *notifier;
	uint64_t timeout_ns;
	const char *crawlers; /* lent, or NULL */
	_Atomic uint64_t next_number;
};

struct call {
	struct waiter waiter;
	fuse_req_t req;
	struct fs *fs;
	void (*run)(struct call *c);
	fuse_ino_t ino;
	struct fuse_file_info fi;
	bool has_fi;
	bool saves;	   /* ends only for a signal that asks the caller to stop */
	struct file *file; /* fi->fh where there is an open file */
	enum commit_at at;
	struct file_change change;
	struct move move;
	size_t size;	  /* the room for an attribute's answer; 0: only its length is asked for */
	uint64_t held[2]; /* directories that the kernel has locked for it (notify.h); 0: none */
	char names[];	  /* what move.name and move.new_name point to */
};

/* A call for req, with room for copies of up to two names (NULL: none). NULL: no memory, and req
 * was answered. */
struct call *call_new(fuse_req_t req, void (*run)(struct call *c), const char *name,
		      const char *new_name);
/* Of one that only looks, before the first run: a crawler's costs no request. */
void call_looks(struct call *c);
/* Of UNLINK and RENAME, before the first run: released once call_done has replied. */
void call_hold(struct call *c, uint64_t dir_ino);
void call_run(struct call *c); /* the first run, on the worker */
/* Ends it: gives the request, to be answered once. */
fuse_req_t call_end(struct call *c);
void call_fail(struct call *c, int err); /* err < 0: -errno */
void call_done(struct call *c, int err); /* 0 or -errno, for operations that answer no more */

#endif
