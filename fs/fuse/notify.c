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

struct hold {
	struct list link;
	uint64_t dir_ino;
	unsigned count;
};

struct notifier {
	struct fuse_session *session; /* (I) */
	struct lock lock;	      /* Q */
	pthread_cond_t filled;
	struct list queue; /* (Q) */
	struct list holds; /* (Q) */
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
	list_init(&n->holds);
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

static struct hold *find_hold(struct notifier *n, uint64_t dir_ino)
{
	list_each(pos, &n->holds) {
		struct hold *h = container_of(pos, struct hold, link);
		if (h->dir_ino == dir_ino)
			return h;
	}
	return NULL;
}

void notifier_hold(struct notifier *n, uint64_t dir_ino)
{
	lock_acquire(&n->lock);
	struct hold *h = find_hold(n, dir_ino);
	if (!h && (h = calloc(1, sizeof(*h)))) {
		h->dir_ino = dir_ino;
		list_append(&n->holds, &h->link);
	}
	if (h)
		h->count++;
	lock_release(&n->lock);
}

void notifier_release(struct notifier *n, uint64_t dir_ino)
{
	lock_acquire(&n->lock);
	struct hold *h = find_hold(n, dir_ino);
	if (h && --h->count == 0) {
		list_remove(&h->link);
		free(h);
		pthread_cond_signal(&n->filled);
	}
	lock_release(&n->lock);
}

/* The first one that need not wait for a directory. */
static struct notice *take(struct notifier *n)
{
	list_each(pos, &n->queue) {
		struct notice *notice = container_of(pos, struct notice, link);
		if (notice->dir_ino && find_hold(n, notice->dir_ino))
			continue;
		list_remove(pos);
		return notice;
	}
	return NULL;
}

/* The next notice, or NULL to stop. */
static struct notice *next(struct notifier *n)
{
	struct notice *notice = NULL;

	lock_acquire(&n->lock);
	while (!n->stopping && !(notice = take(n)))
		pthread_cond_wait(&n->filled, &n->lock.mutex);
	lock_release(&n->lock);
	return notice;
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
	while ((entry = list_pop(&n->holds)))
		free(container_of(entry, struct hold, link));
	pthread_cond_destroy(&n->filled);
	lock_fini(&n->lock);
	free(n);
}
