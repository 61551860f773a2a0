/* SPDX-License-Identifier: MIT */
/*
 * engine: knows which job may leave, and what an attempt's end means for its job, for the limiter,
 * the breaker and the token. Net thread (or http_run_one's caller before it starts); no lock. Two
 * accounts are kept exactly: every shared_take is followed by one observe, lost or give_back, and
 * every engine_add by one done().
 */
#include "http/engine.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <sys/random.h>

#include "base/clock.h"
#include "base/lock.h"
#include "base/log.h"

#define TOKEN_PAUSE (60 * NS_PER_SEC)
#define NAP_LONGEST (10 * NS_PER_SEC)

static const char *const lane_names[LANE_COUNT] = {"save", "read", "listing", "background"};

int engine_init(struct engine *e, const struct transfer_config *config, int max_connections)
{
	*e = (struct engine){.config = *config, .down = errmap_own(FAULT_LOST)};
	e->max_connections = max_connections > 0 ? (unsigned)max_connections : 1;
	lanes_init(&e->lanes);
	shared_init(&e->shared);
	breaker_init(&e->breaker);
	list_init(&e->running);
	list_init(&e->idle);
	if (getrandom(&e->chance, sizeof(e->chance), GRND_NONBLOCK) < 0)
		e->chance = clock_now();
	e->multi = curl_multi_init();
	if (!e->multi)
		return -ENOMEM;
	/* Two more than a listing may use: one for a read, one for a save. */
	long connections = (long)e->max_connections + 2;
	curl_multi_setopt(e->multi, CURLMOPT_PIPELINING, (long)CURLPIPE_MULTIPLEX);
	curl_multi_setopt(e->multi, CURLMOPT_MAX_HOST_CONNECTIONS, connections);
	curl_multi_setopt(e->multi, CURLMOPT_MAXCONNECTS, connections);
	return 0;
}

void engine_fini(struct engine *e)
{
	if (!e->multi) /* engine_init failed or was not reached */
		return;
	for (struct list *l; (l = list_pop(&e->idle));)
		transfer_free(container_of(l, struct transfer, link));
	curl_multi_cleanup(e->multi);
	shared_leave(&e->shared);
	e->multi = NULL;
}

static void lower(uint64_t *wake, uint64_t to)
{
	if (to < *wake)
		*wake = to;
}

static uint32_t draw(struct engine *e)
{
	e->chance = e->chance * 6364136223846793005ull + 1442695040888963407ull;
	return (uint32_t)(e->chance >> 32);
}

/* A miss and a cancelled job are everyday; what fails without a request was told of once. */
static bool is_worth_a_warning(const struct job *j, bool was_sent)
{
	return was_sent && j->err != -ENOENT && j->err != -ECANCELED;
}

static void log_end(const struct engine *e, const struct job *j, bool was_sent)
{
	unsigned long ms = (unsigned long)((j->finished - j->started) / NS_PER_MS);
	const char *verb = method_name(j->method);

	if (!j->err)
		log_debug(LOG_HTTP, "job=%lu %s %s status=%d ms=%lu bytes=%zu lane=%s left=%ld",
			  (unsigned long)j->number, verb, j->path, j->status, ms,
			  j->answer ? blob_len(j->answer) : 0, lane_names[j->lane],
			  shared_left(&e->shared));
	else if (is_worth_a_warning(j, was_sent))
		log_warning("job=%lu %s %s failed: status=%d ms=%lu tries=%d reason=\"%s\"",
			    (unsigned long)j->number, verb, j->path, j->status, ms, j->tries,
			    j->reason);
	else
		log_debug(LOG_HTTP, "job=%lu %s %s failed: status=%d ms=%lu lane=%s reason=\"%s\"",
			  (unsigned long)j->number, verb, j->path, j->status, ms,
			  lane_names[j->lane], j->reason);
}

/* The job is on no list any more; afterwards it is not ours. */
static void finish(struct engine *e, struct job *j, uint64_t now)
{
	j->finished = now;
	if (!j->err)
		j->may_have_acted = false;
	else
		e->failures++;
	log_end(e, j, j->tries > 0);
	lock_assert_none();
	j->done(j);
}

static void fail(struct engine *e, struct job *j, struct fault fault, uint64_t now)
{
	j->err = fault.err;
	j->reason = fault.text;
	finish(e, j, now);
}

static void fail_queued(struct engine *e, struct job *j, struct fault fault, uint64_t now)
{
	lanes_remove(j);
	fail(e, j, fault, now);
}

void engine_add(struct engine *e, struct job *j)
{
	lanes_push(&e->lanes, j);
}

/* --- the end of an attempt --- */

/* Takes the transfer out of libcurl, which closes the connection if it is still in use. */
static struct job *detach(struct engine *e, struct transfer *t)
{
	struct job *j = t->job;

	curl_multi_remove_handle(e->multi, t->easy);
	list_remove(&t->link);
	e->running_count--;
	e->running_in[j->lane]--;
	j->transfer = NULL;
	return j;
}

static void shelve(struct engine *e, struct transfer *t)
{
	transfer_clear(t);
	list_append(&e->idle, &t->link);
}

static void account_limit(struct engine *e, const struct outcome *o, uint64_t sent, uint64_t now)
{
	if (o->seen.status)
		shared_observe(&e->shared, &o->seen, sent, now);
	else if (o->is_counted)
		shared_lost(&e->shared, now);
	else
		shared_give_back(&e->shared, now);
}

static void account_breaker(struct engine *e, const struct outcome *o, uint64_t now)
{
	uint64_t before = e->breaker.open_until;
	int status = o->attempt.status;

	/* Our own want, or a kept connection's age, says nothing of the server. */
	if (o->fault.err == -ENOMEM || o->attempt.stale_keepalive) {
		breaker_forget(&e->breaker);
		return;
	}
	bool ok = status && status < 500;
	breaker_note(&e->breaker, ok, o->attempt.unreachable, now);
	e->down_since = ok ? 0 : e->down_since ? e->down_since : now;
	if (!ok)
		e->down = o->fault;
	if (!e->breaker.open_until)
		e->breaker_since = 0;
	else if (!before)
		e->breaker_since = now;
	if (!before && e->breaker.open_until)
		log_warning("http: the server fails, requests pause: %s", o->fault.text);
	if (before && !e->breaker.open_until)
		log_info("http: the server answers again");
}

/* The server comes back to its senses or the token does not: one request a minute finds out. */
static void refuse_token(struct engine *e, uint64_t now)
{
	if (!e->refused_until)
		log_error("http: the server refuses the token (status 401); "
			  "it was revoked, or is not one of this server's");
	e->refused_until = now + TOKEN_PAUSE;
}

static void accept_token(struct engine *e)
{
	if (e->refused_until)
		log_info("http: the server accepts the token again");
	e->refused_until = 0;
	if (e->is_unproven)
		e->ask_after = 0;
	e->is_unproven = false;
}

/* A token may have been replaced where it comes from. Asked once, however many are refused; and
 * not for each of the wrong tokens that a command may print. */
static void account_token(struct engine *e, int status, uint64_t sent, uint64_t now)
{
	if (!status || status >= 500 || sent < e->token_since)
		return;
	if (status != 401) {
		accept_token(e);
	} else if (e->ask && !e->is_asking && now >= e->ask_after) {
		e->is_asking = true;
		e->ask_after = now + TOKEN_PAUSE;
		e->ask(e->ask_arg);
	} else if (!e->is_asking) {
		refuse_token(e, now);
	}
}

void engine_token(struct engine *e, bool is_new, uint64_t now)
{
	bool was_asking = e->is_asking;

	e->is_asking = false;
	if (is_new) {
		log_info("http: the token was replaced");
		e->token_since = now;
		e->is_unproven = true;
		e->refused_until = 0;
	} else if (was_asking) {
		refuse_token(e, now);
	}
}

/* A refusal of the old token, or of one that is being looked for: nothing was done, so that even a
 * POST may go again. */
static bool waits_for_token(const struct engine *e, const struct job *j, int status, uint64_t sent,
			    uint64_t now)
{
	if (status != 401 || e->is_stopping || j->deadline <= now)
		return false;
	return e->is_asking || sent < e->token_since;
}

static void record(struct job *j, struct outcome *o)
{
	blob_put(j->answer);
	j->answer = STEAL(o->answer);
	j->err = o->fault.err;
	j->reason = o->fault.text;
	if (o->seen.status)
		j->status = o->seen.status;
	if (o->server_time)
		j->server_time = o->server_time;
}

/* Queues j for another attempt, if that is allowed and can come in time. */
static bool repeat(struct engine *e, struct job *j, const struct outcome *o, uint64_t now)
{
	int64_t wait = retry_after(&o->attempt, draw(e));

	if (!o->fault.err || wait < 0 || e->is_stopping)
		return false;
	if (j->deadline <= now || j->deadline - now <= (uint64_t)wait)
		return false;
	j->sent_twice |= o->is_lost;
	j->wants_fresh = !o->attempt.status;
	j->not_before = now + (uint64_t)wait;
	if (o->attempt.stale_keepalive && !wait)
		j->tries--;
	e->retries++;
	log_debug(LOG_HTTP, "job=%lu again in ms=%lu status=%d reason=\"%s\"",
		  (unsigned long)j->number, (unsigned long)wait / (unsigned long)NS_PER_MS,
		  o->attempt.status, o->fault.text);
	lanes_push_front(&e->lanes, j);
	return true;
}

static void settle(struct engine *e, struct transfer *t, CURLcode code, uint64_t now)
{
	struct outcome o;
	uint64_t sent = t->taken_at;

	t->job->tries++;
	transfer_outcome(t, code, &o);
	struct job *j = detach(e, t);
	shelve(e, t);
	account_limit(e, &o, sent, now);
	account_breaker(e, &o, now);
	account_token(e, o.seen.status, sent, now);
	record(j, &o);
	j->may_have_acted |= o.is_lost;
	if (waits_for_token(e, j, o.seen.status, sent, now))
		lanes_push_front(&e->lanes, j);
	else if (!repeat(e, j, &o, now))
		finish(e, j, now);
}

/* Ends a running job on our own account. */
static void abort_running(struct engine *e, struct transfer *t, uint64_t now)
{
	bool left = transfer_has_left(t);
	struct job *j = detach(e, t);

	shelve(e, t);
	if (left)
		shared_lost(&e->shared, now);
	else
		shared_give_back(&e->shared, now);
	breaker_forget(&e->breaker);
	j->may_have_acted |= left && j->method != METHOD_GET;
	fail(e, j, errmap_own(FAULT_CANCELED), now);
}

bool engine_cancel(struct engine *e, struct job *j)
{
	uint64_t now = clock_now(); /* called from a done() or a task, which were not told */

	if (!j->transfer)
		fail_queued(e, j, errmap_own(FAULT_CANCELED), now);
	else if (j->method == METHOD_GET)
		abort_running(e, j->transfer, now);
	else
		return false;
	return true;
}

/* --- the beginning of an attempt --- */

static struct transfer *take_transfer(struct engine *e)
{
	struct list *l = list_pop(&e->idle);

	return l ? container_of(l, struct transfer, link) : transfer_new(&e->config);
}

static int launch(struct engine *e, struct job *j, uint64_t now)
{
	struct transfer *t = take_transfer(e);
	uint64_t ms = (j->deadline - now) / NS_PER_MS + 1;

	if (!t)
		return -ENOMEM;
	if (transfer_prepare(t, j, ms < INT_MAX ? (long)ms : INT_MAX) < 0 ||
	    curl_multi_add_handle(e->multi, t->easy) != CURLM_OK) {
		transfer_free(t);
		return -ENOMEM;
	}
	lanes_remove(j);
	t->taken_at = now;
	j->transfer = t;
	list_append(&e->running, &t->link);
	e->running_count++;
	e->running_in[j->lane]++;
	e->requests++;
	return 0;
}

/* Room for this lane beside what runs in it and in those below: a read may start beside a full
 * house of listing pages, a save beside these and a read. */
static bool has_room(const struct engine *e, enum lane lane)
{
	const unsigned most[LANE_COUNT] = {
		[LANE_SAVE] = e->max_connections + 2,
		[LANE_READ] = e->max_connections + 1,
		[LANE_LISTING] = e->max_connections,
		[LANE_BACKGROUND] = e->max_connections > 1 ? e->max_connections - 1 : 1,
	};
	unsigned running = 0;

	for (int i = lane; i < LANE_COUNT; i++)
		running += e->running_in[i];
	return running < most[lane] && e->running_count < most[LANE_SAVE];
}

/* The token was refused or the server is down: then a job need not be sent to fail. */
static bool is_barred(struct engine *e, enum lane lane, uint64_t now, struct fault *why)
{
	if (e->refused_until > now) {
		*why = errmap_status(401);
		return true;
	}
	if (breaker_bars(&e->breaker, lane == LANE_SAVE, now)) {
		*why = e->down;
		return true;
	}
	return false;
}

/* False: the lane's first job waits, and *wake is when to ask again. */
static bool may_spend(struct engine *e, struct job *j, uint64_t now, uint64_t *wake)
{
	if (!breaker_allows(&e->breaker, j->lane == LANE_SAVE, now)) /* the probe's end wakes us */
		return false;
	uint64_t wait = shared_take(&e->shared, j->lane, lanes_count(&e->lanes, j->lane), now);
	if (!wait)
		return true;
	breaker_forget(&e->breaker);
	e->is_short[j->lane] = true;
	lower(wake, now + wait);
	return false;
}

/* Sends or fails the first job of a lane; false when there is none that can be moved now. */
static bool move_one(struct engine *e, enum lane lane, uint64_t now, uint64_t *wake)
{
	struct job *j = has_room(e, lane) ? lanes_peek(&e->lanes, lane, now, wake) : NULL;
	struct fault why;

	if (!j)
		return false;
	if (is_barred(e, lane, now, &why)) {
		fail_queued(e, j, why, now);
		return true;
	}
	if (!may_spend(e, j, now, wake)) {
		if (!e->is_short[lane] || shared_earliest(&e->shared, lane, now) <= j->deadline)
			return false;
		fail_queued(e, j, errmap_own(FAULT_BUDGET), now);
		return true;
	}
	if (e->refused_until) /* this one asks, the others wait another minute */
		e->refused_until = now + TOKEN_PAUSE;
	if (launch(e, j, now) < 0) {
		shared_give_back(&e->shared, now);
		breaker_forget(&e->breaker);
		fail_queued(e, j, errmap_own(FAULT_MEMORY), now);
	}
	return true;
}

static void dispatch(struct engine *e, uint64_t now, uint64_t *wake)
{
	if (e->is_asking) /* engine_token comes with a wake-up */
		return;
	for (enum lane lane = LANE_SAVE; lane < LANE_COUNT; lane++) {
		do
			e->is_short[lane] = false;
		while (move_one(e, lane, now, wake));
	}
}

/* --- deadlines and the end --- */

/* What an attempt failed of says more than that time was up. */
static void expire(struct engine *e, struct job *j, uint64_t now)
{
	if (j->err)
		finish(e, j, now);
	else
		fail(e, j, errmap_own(e->is_short[j->lane] ? FAULT_BUDGET : FAULT_DEADLINE), now);
}

static void expire_all(struct engine *e, uint64_t now, uint64_t *wake)
{
	struct job *j;

	while ((j = lanes_expired(&e->lanes, now, wake)))
		expire(e, j, now);
}

static struct transfer *first_to_stop(struct engine *e, uint64_t now)
{
	list_each(pos, &e->running) {
		struct transfer *t = container_of(pos, struct transfer, link);
		if (t->job->method == METHOD_GET || now >= e->stop_by)
			return t;
	}
	return NULL;
}

static void wind_down(struct engine *e, uint64_t now, uint64_t *wake)
{
	for (int lane = 0; lane < LANE_COUNT; lane++) {
		for (struct list *l; (l = list_pop(&e->lanes.queue[lane]));)
			fail(e, container_of(l, struct job, link), errmap_own(FAULT_CANCELED), now);
	}
	for (struct transfer *t; (t = first_to_stop(e, now));)
		abort_running(e, t, now);
	if (e->running_count)
		lower(wake, e->stop_by);
}

void engine_stop(struct engine *e, uint64_t stop_by)
{
	e->is_stopping = true;
	e->stop_by = stop_by;
}

void engine_perform(struct engine *e)
{
	int running;

	curl_multi_perform(e->multi, &running);
}

static void settle_all(struct engine *e, uint64_t now)
{
	int rest;
	struct CURLMsg *msg;

	while ((msg = curl_multi_info_read(e->multi, &rest))) {
		struct transfer *t;
		CURLcode code = msg->data.result; /* msg dies with the handle's removal */
		curl_easy_getinfo(msg->easy_handle, CURLINFO_PRIVATE, &t);
		settle(e, t, code, now);
	}
}

uint64_t engine_work(struct engine *e, uint64_t now)
{
	uint64_t wake = now + NAP_LONGEST;

	settle_all(e, now);
	if (e->is_stopping) {
		wind_down(e, now, &wake);
	} else {
		expire_all(e, now, &wake);
		dispatch(e, now, &wake);
	}
	return wake;
}

void engine_wait(struct engine *e, uint64_t now, uint64_t wake)
{
	uint64_t ms = wake > now ? (wake - now + NS_PER_MS - 1) / NS_PER_MS : 0;

	/* libcurl shortens this by its own timers. If it cannot poll, do not spin. */
	if (curl_multi_poll(e->multi, NULL, 0, (int)ms, NULL) != CURLM_OK)
		poll(NULL, 0, 100);
}

bool engine_is_idle(const struct engine *e)
{
	for (int lane = 0; lane < LANE_COUNT; lane++) {
		if (!list_is_empty(&e->lanes.queue[lane]))
			return false;
	}
	return !e->running_count;
}

void engine_stats(const struct engine *e, struct http_stats *out)
{
	const struct limit *l = &e->shared.limit;
	uint64_t ends = l->blocked_until > l->window_ends ? l->blocked_until : l->window_ends;

	*out = (struct http_stats){
		.limit = l->limited ? l->size : -1,
		.left = shared_left(&e->shared),
		.resets_at = ends,
		.running = e->running_count,
		.requests = e->requests,
		.retries = e->retries,
		.failures = e->failures,
		.breaker_open = e->breaker.open_until != 0,
		.breaker_since = e->breaker_since,
		.down_since = e->down_since,
		.down_why = e->down.text,
	};
	for (enum lane lane = 0; lane < LANE_COUNT; lane++)
		out->queued[lane] = lanes_count(&e->lanes, lane);
}
