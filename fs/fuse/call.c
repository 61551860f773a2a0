/* SPDX-License-Identifier: MIT */
/* call: see call.h. Workers and the net thread; no lock of its own. */
#include "fuse/call.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "fuse/notify.h"
#include "tree/caller.h"

static void wake(struct waiter *w)
{
	struct call *c = container_of(w, struct call, waiter);

	c->run(c);
}

static const char *keep_name(char **room, const char *name)
{
	char *copy = *room;

	if (!name)
		return NULL;
	*room = stpcpy(copy, name) + 1;
	return copy;
}

struct call *call_new(fuse_req_t req, void (*run)(struct call *c), const char *name,
		      const char *new_name)
{
	size_t room = (name ? strlen(name) + 1 : 0) + (new_name ? strlen(new_name) + 1 : 0);
	struct call *c = calloc(1, sizeof(*c) + room);
	char *at = c ? c->names : NULL;

	if (!c) {
		fuse_reply_err(req, ENOMEM);
		return NULL;
	}
	c->req = req;
	c->fs = fuse_req_userdata(req);
	c->run = run;
	c->move.name = keep_name(&at, name);
	c->move.new_name = keep_name(&at, new_name);
	waiter_init(&c->waiter);
	c->waiter.number = ++c->fs->next_number;
	c->waiter.born = clock_now();
	c->waiter.deadline = c->waiter.born + c->fs->timeout_ns;
	c->waiter.pid = fuse_req_ctx(req)->pid;
	c->waiter.wake = wake;
	return c;
}

#define LOOK_AGAIN_NS (100 * NS_PER_MS)

struct interrupt {
	struct task task;
	struct fs *fs;
	uint64_t number, deadline;
	pid_t pid;
	bool was_away; /* it was not parked when looked at last */
};

static void run_interrupt(struct task *t)
{
	struct interrupt *i = container_of(t, struct interrupt, task);

	wait_interrupt(i->fs->tree, i->number);
	free(i);
}

/* The kernel tells of one signal only. While a save waits, whether a Ctrl-C or a kill came after the
 * news has to be looked for, or its caller could not be killed before the deadline. */
static void run_watch(struct task *t)
{
	struct interrupt *i = container_of(t, struct interrupt, task);
	uint64_t now = clock_now();
	bool away = !wait_is_parked(i->fs->tree, i->number);

	if (caller_gives_up(i->pid) || now > i->deadline || (away && i->was_away)) {
		run_interrupt(t);
		return;
	}
	i->was_away = away;
	http_post_later(i->fs->http, t, now + LOOK_AGAIN_NS);
}

/* libfuse holds the request's mutex, so the call is still there; by the time the task runs it may
 * not be, hence the number. */
static void interrupted(fuse_req_t req, void *data)
{
	struct call *c = data;
	struct interrupt *i = malloc(sizeof(*i));
	/* Who saves and is told of a child's end has not given up. */
	bool is_news = c->saves && !caller_gives_up(c->waiter.pid);

	(void)req;
	if (!is_news)
		atomic_store(&c->waiter.interrupted, true);
	if (!i)
		return;
	*i = (struct interrupt){.task.run = is_news ? run_watch : run_interrupt,
				.fs = c->fs,
				.number = c->waiter.number,
				.deadline = c->waiter.deadline,
				.pid = c->waiter.pid};
	http_post(c->fs->http, &i->task);
}

void call_looks(struct call *c)
{
	c->waiter.crawlers = c->fs->crawlers;
}

void call_hold(struct call *c, uint64_t dir_ino)
{
	if (c->held[0] == dir_ino)
		return;
	c->held[c->held[0] ? 1 : 0] = dir_ino;
	notifier_hold(c->fs->notifier, dir_ino);
}

void call_run(struct call *c)
{
	fuse_req_interrupt_func(c->req, interrupted, c);
	c->run(c);
}

fuse_req_t call_end(struct call *c)
{
	fuse_req_t req = c->req;

	lock_assert_none();
	fuse_req_interrupt_func(req, NULL, NULL);
	free(c);
	return req;
}

void call_done(struct call *c, int err)
{
	if (err < 0)
		log_debug(LOG_FUSE, "call=%llu err=%d", (unsigned long long)c->waiter.number, -err);
	struct notifier *notifier = c->fs->notifier;
	uint64_t held[2] = {c->held[0], c->held[1]};
	fuse_reply_err(call_end(c), -err);
	for (size_t i = 0; i < 2 && held[i]; i++)
		notifier_release(notifier, held[i]);
}

void call_fail(struct call *c, int err)
{
	call_done(c, err);
}
