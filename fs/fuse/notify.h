/* SPDX-License-Identifier: MIT */
/*
 * notify: the one thread that tells the kernel to forget. It holds nothing while it does: these
 * calls take the kernel's inode locks, and from a thread that answers requests, or under a lock
 * that such a thread needs, they freeze the mount for good (F9, F12).
 */
#ifndef FUSE_NOTIFY_H
#define FUSE_NOTIFY_H

#include <fuse_lowlevel.h>

#include "tree/tree.h"

struct notifier;

struct notifier *notifier_new(struct fuse_session *se); /* NULL: no memory */
int notifier_start(struct notifier *n);
/* Queues; any thread, under T if need be; takes Q. Lost when there is no memory: the kernel's own
 * timeouts end staleness then. */
/* A request is under way under the kernel's lock of that directory (UNLINK, RENAME), perhaps for as
 * long as the server takes: till the release no entry of it is invalidated. The notifier would wait
 * for that lock, and were the daemon killed then, neither it nor the caller would ever come back: what
 * sleeps in the kernel keeps /dev/fuse open [seen]. Any thread; takes Q. */
void notifier_hold(struct notifier *n, uint64_t dir_ino);
void notifier_release(struct notifier *n, uint64_t dir_ino);

void notifier_tell(void *notifier, const struct stale *what);
/* Drops what is queued and joins the thread. False: it is stuck in the kernel, waiting for an answer
 * that a session which has ended will not give; only the end of the connection frees it. */
bool notifier_stop(struct notifier *n);
void notifier_free(struct notifier *n); /* NULL is fine */

#endif
