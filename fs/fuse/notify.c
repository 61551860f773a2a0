/* SPDX-License-Identifier: MIT */
/* notify: see notify.h. Lock Q over the queue only. */
#include "fuse/notify.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/list.h"
#include "base/lock.h"

enum { STOP_WAIT_S = 2 };

struct notice {
	struct list link;
	uint64_t ino, dir_ino;
	char name[]; /* of the entry, if dir_ino */
};

struct notifier {
	struct fuse_session *session; /* (I) */
	struct lock lock;	      /* Q */
	pthread_cond_t filled;
	struct list queue; /* (Q) */
	bool stopping;	   /* (Q) */
	bool running;	   /* (I) */
	pthread_t thread;
};

struct notifier *notifier_new(struct fuse_session *se)
{
	struct notifier *n = calloc(1, sizeof(*n));

	if (!n)
		return NULL;
	n->session = se;
	lock_init(&n->lock, LOCK_LEAF);
	pthread_cond_init(&n->filled, NULL);
	list_init(&n->queue);
	return n;
}

void notifier_tell(void *notifier, const struct stale *what)
{
	struct notifier *n = notifier;
	size_t size = what->name ? strlen(what->name) + 1 : 1;
	struct notice *notice = malloc(sizeof(*notice) + size);

	if (!notice)
		return;
	notice->ino = what->ino;
	notice->dir_ino = what->dir_ino;
	memcpy(notice->name, what->name ? what->name : "", size);
	lock_acquire(&n->lock);
	list_append(&n->queue, &notice->link);
	pthread_cond_signal(&n->filled);
	lock_release(&n->lock);
}

/* The next notice, or NULL to stop. */
static struct notice *next(struct notifier *n)
{
	struct list *entry = NULL;

	lock_acquire(&n->lock);
	while (!n->stopping && !(entry = list_pop(&n->queue)))
		pthread_cond_wait(&n->filled, &n->lock.mutex);
	lock_release(&n->lock);
	return entry ? container_of(entry, struct notice, link) : NULL;
}

/* Errors mean that the kernel did not know it (ENOENT) or has gone: nothing is left to forget. */
static void *run(void *arg)
{
	struct notifier *n = arg;
	struct notice *notice;

	while ((notice = next(n))) {
		lock_assert_none();
		if (notice->dir_ino)
			fuse_lowlevel_notify_inval_entry(n->session, notice->dir_ino, notice->name,
							 strlen(notice->name));
		if (notice->ino)
			fuse_lowlevel_notify_inval_inode(n->session, notice->ino, 0, 0);
		free(notice);
	}
	return NULL;
}

int notifier_start(struct notifier *n)
{
	int err = pthread_create(&n->thread, NULL, run, n);

	n->running = !err;
	return -err;
}

bool notifier_stop(struct notifier *n)
{
	struct timespec until;

	if (!n->running)
		return true;
	lock_acquire(&n->lock);
	n->stopping = true;
	pthread_cond_signal(&n->filled);
	lock_release(&n->lock);
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += STOP_WAIT_S;
	n->running = pthread_timedjoin_np(n->thread, NULL, &until) != 0;
	return !n->running;
}

void notifier_free(struct notifier *n)
{
	struct list *entry;

	if (!n || n->running)
		return;
	while ((entry = list_pop(&n->queue)))
		free(container_of(entry, struct notice, link));
	pthread_cond_destroy(&n->filled);
	lock_fini(&n->lock);
	free(n);
}
