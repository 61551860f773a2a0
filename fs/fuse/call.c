/* SPDX-License-Identifier: MIT */
/* call: see call.h. Workers and the net thread; no lock of its own. */
#include "fuse/call.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"

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

struct interrupt {
	struct task task;
	struct tree *tree;
	uint64_t number;
};

static void run_interrupt(struct task *t)
{
	struct interrupt *i = container_of(t, struct interrupt, task);

	wait_interrupt(i->tree, i->number);
	free(i);
}

/* libfuse holds the request's mutex, so the call is still there; by the time the task runs it may
 * not be, hence the number. */
static void interrupted(fuse_req_t req, void *data)
{
	struct call *c = data;
	struct interrupt *i = malloc(sizeof(*i));

	(void)req;
	atomic_store(&c->waiter.interrupted, true);
	if (!i)
		return;
	*i = (struct interrupt){
		.task.run = run_interrupt, .tree = c->fs->tree, .number = c->waiter.number};
	http_post(c->fs->http, &i->task);
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
	fuse_reply_err(call_end(c), -err);
}

void call_fail(struct call *c, int err)
{
	call_done(c, err);
}
