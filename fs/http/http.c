/* SPDX-License-Identifier: MIT */
/*
 * http: the network thread around the engine, and the inbox through which others reach it. Knows
 * threads, N and the token; of requests it knows nothing. Lock N (h->lock) covers the inbox, the
 * order to stop, a token that came and the copy of the statistics, and is never held across
 * libcurl, a log line, done() or a task.
 *
 * One round: take the token that came and what was submitted, run the tasks, let libcurl move bytes, do what can be done,
 * sleep. Whoever adds to the inbox ends the sleep.
 */
#include "http/http.h"

#include <curl/curl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/lock.h"
#include "base/log.h"
#include "http/engine.h"
#include "http/token.h"

struct http {			    /* (I) since http_new  (N) lock  (O) whoever runs the rounds */
	char *base;		    /* (I) with /api */
	char *ca_file;		    /* (I) or NULL */
	struct token token;	    /* (O) */
	void (*refused)(void *arg); /* (I) */
	void *refused_arg;	    /* (I) */
	struct curl_slist headers[4]; /* (I) ours, not libcurl's: the token is not copied */
	struct engine engine;	      /* (O) */
	struct lock lock;	      /* N */
	struct list jobs, tasks;      /* (N) the inbox */
	struct list later;	      /* (O) tasks whose time has not come */
	uint64_t numbered;	      /* (N) jobs so far */
	bool is_stopping;	      /* (N) */
	uint64_t stop_by;	      /* (N) */
	bool has_news;		      /* (N) somebody looked for another token */
	char *news;		      /* (N) what was found, or NULL */
	struct http_stats stats;      /* (N) as of the last round */
	pthread_t thread;	      /* (I) after http_start */
	bool is_started;
};

/* The http whose rounds this thread runs: the net thread's, http_run_one's or the winding-up one. */
static _Thread_local const struct http *own;

struct job *job_new(enum method method, enum lane lane, char *path)
{
	struct job *j = path ? calloc(1, sizeof(*j)) : NULL;

	if (!j) {
		free(path);
		return NULL;
	}
	j->method = method;
	j->lane = lane;
	j->path = path;
	j->reason = "";
	list_init(&j->link);
	return j;
}

void job_free(struct job *j)
{
	if (!j)
		return;
	blob_put(j->answer);
	free(j->body);
	free(j->path);
	free(j);
}

/* Without "Expect:" libcurl asks before it sends a large body, and some proxies never answer. */
static void link_headers(struct http *h)
{
	static char accept[] = "Accept: application/json";
	static char type[] = "Content-Type: application/json";
	static char expect[] = "Expect:";
	char *const lines[] = {h->token.page, accept, type, expect};

	for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
		h->headers[i].data = lines[i];
		h->headers[i].next = i + 1 < ARRAY_LEN(lines) ? &h->headers[i + 1] : NULL;
	}
}

static char *with_api(const char *url)
{
	CLEANUP(buf_fini) struct buf b = BUF_INIT(1 << 16);
	char *base = NULL;
	const char *why;

	if (http_check_url(url, &base, &why) < 0) {
		log_error("http: %s", why);
		return NULL;
	}
	int err = buf_printf(&b, "%s/api", base);
	free(base);
	return err < 0 ? NULL : buf_steal(&b);
}

static bool build(struct http *h, const struct http_config *config)
{
	h->base = with_api(config->base_url);
	if (!h->base)
		return false;
	if (config->ca_file && !(h->ca_file = strdup(config->ca_file)))
		return false;
	if (token_init(&h->token, config->token) < 0) {
		log_error("http: the token is empty, too long or holds bytes no token has");
		return false;
	}
	link_headers(h);
	struct transfer_config transfers = {h->base, h->ca_file, h->headers};
	h->refused = config->refused;
	h->refused_arg = config->refused_arg;
	return engine_init(&h->engine, &transfers, config->max_connections) == 0;
}

DEFINE_CLEANUP(struct http *, http_free)

struct http *http_new(const struct http_config *config)
{
	if (curl_global_init(CURL_GLOBAL_DEFAULT))
		return NULL;
	/* OpenSSL writes to sockets without MSG_NOSIGNAL. */
	signal(SIGPIPE, SIG_IGN);
	CLEANUP(http_free) struct http *h = calloc(1, sizeof(*h));
	if (!h)
		return NULL;
	lock_init(&h->lock, LOCK_LEAF);
	list_init(&h->jobs);
	list_init(&h->tasks);
	list_init(&h->later);
	h->stats.limit = h->stats.left = -1;
	return build(h, config) ? STEAL(h) : NULL;
}

/* --- one round --- */

static void wipe(char *secret)
{
	if (secret)
		explicit_bzero(secret, strlen(secret));
	free(secret);
}

static void take_token(struct http *h)
{
	lock_acquire(&h->lock);
	bool has_news = h->has_news;
	char *news = STEAL(h->news);
	h->has_news = false;
	lock_release(&h->lock);

	if (!has_news)
		return;
	bool is_new = news && !token_is(&h->token, news) && token_set(&h->token, news) == 0;
	wipe(news);
	engine_token(&h->engine, is_new, clock_now());
}

static void take_jobs(struct http *h)
{
	struct list taken;

	list_init(&taken);
	lock_acquire(&h->lock);
	list_splice(&taken, &h->jobs);
	bool stopping = h->is_stopping;
	uint64_t stop_by = h->stop_by;
	lock_release(&h->lock);

	for (struct list *l; (l = list_pop(&taken));)
		engine_add(&h->engine, container_of(l, struct job, link));
	if (stopping)
		engine_stop(&h->engine, stop_by);
}

static void run_tasks(struct http *h)
{
	struct list taken;

	list_init(&taken);
	lock_acquire(&h->lock);
	list_splice(&taken, &h->tasks);
	lock_release(&h->lock);

	for (struct list *l; (l = list_pop(&taken));) {
		struct task *t = container_of(l, struct task, link);
		lock_assert_none();
		t->run(t);
	}
}

/* Runs those whose time has come, all of them at the end; when the next one wants to run, which may
 * be one that has just been put off again. */
static uint64_t run_later(struct http *h, uint64_t now)
{
	uint64_t next = UINT64_MAX;
	struct list due;

	list_init(&due);
	list_each_safe(pos, &h->later) {
		struct task *t = container_of(pos, struct task, link);
		if (!h->engine.is_stopping && t->not_before > now)
			continue;
		list_remove(pos);
		list_append(&due, pos);
	}
	for (struct list *l; (l = list_pop(&due));) {
		struct task *t = container_of(l, struct task, link);
		t->run(t);
	}
	list_each(pos, &h->later) {
		const struct task *t = container_of(pos, struct task, link);
		next = t->not_before < next ? t->not_before : next;
	}
	return next;
}

static void publish(struct http *h)
{
	struct http_stats stats;

	engine_stats(&h->engine, &stats);
	lock_acquire(&h->lock);
	h->stats = stats;
	lock_release(&h->lock);
}

static uint64_t run_round(struct http *h)
{
	take_token(h);
	take_jobs(h);
	run_tasks(h);
	engine_perform(&h->engine);
	uint64_t now = clock_now();
	uint64_t wake = engine_work(&h->engine, now);
	uint64_t later = run_later(h, now);
	publish(h);
	return later < wake ? later : wake;
}

static bool has_nothing_to_do(struct http *h)
{
	lock_acquire(&h->lock);
	bool empty = list_is_empty(&h->jobs) && list_is_empty(&h->tasks);
	lock_release(&h->lock);
	return empty && list_is_empty(&h->later) && engine_is_idle(&h->engine);
}

static bool is_over(struct http *h)
{
	lock_acquire(&h->lock);
	bool stopping = h->is_stopping;
	lock_release(&h->lock);
	return stopping && has_nothing_to_do(h);
}

static void run_rounds(struct http *h, bool (*until)(struct http *h))
{
	own = h;
	for (;;) {
		uint64_t wake = run_round(h);
		if (until(h))
			break;
		engine_wait(&h->engine, clock_now(), wake);
	}
	own = NULL;
}

/* --- the thread --- */

static void *net_main(void *arg)
{
	struct http *h = arg;

	run_rounds(h, is_over);
	return NULL;
}

int http_start(struct http *h)
{
	sigset_t all, before;

	token_lock(&h->token);
	h->engine.ask = h->refused; /* not before: nobody could answer http_run_one */
	h->engine.ask_arg = h->refused_arg;
	/* Signals are the main thread's, and once libfuse has gone it restores SIGPIPE's default. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	int err = pthread_create(&h->thread, NULL, net_main, h);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (err)
		return -err;
	h->is_started = true;
	pthread_setname_np(h->thread, "concordfs-net");
	return 0;
}

static void order_stop(struct http *h, uint64_t stop_by)
{
	lock_acquire(&h->lock);
	if (!h->is_stopping)
		h->stop_by = stop_by;
	h->is_stopping = true;
	lock_release(&h->lock);
	curl_multi_wakeup(h->engine.multi);
}

void http_stop(struct http *h, uint64_t grace_ns)
{
	order_stop(h, clock_now() + grace_ns);
	if (h->is_started)
		pthread_join(h->thread, NULL);
	h->is_started = false;
	/* What came between the thread's last look and its end, or before there was one. */
	run_rounds(h, is_over);
}

void http_free(struct http *h)
{
	if (!h)
		return;
	if (h->engine.multi)
		http_stop(h, 0);
	engine_fini(&h->engine);
	token_fini(&h->token);
	wipe(h->news);
	lock_fini(&h->lock);
	free(h->ca_file);
	free(h->base);
	free(h);
	curl_global_cleanup();
}

void http_run_one(struct http *h, struct job *j)
{
	http_submit(h, j);
	run_rounds(h, has_nothing_to_do);
}

void http_share(struct http *h, uint64_t user)
{
	struct shared_key key = {.server = h->base, .token = h->token.page, .user = user};

	shared_join(&h->engine.shared, &key, clock_now());
}

/* --- others' side of the inbox --- */

void http_submit(struct http *h, struct job *j)
{
	j->started = clock_now();
	lock_acquire(&h->lock);
	j->number = ++h->numbered;
	list_append(&h->jobs, &j->link);
	lock_release(&h->lock);
	curl_multi_wakeup(h->engine.multi);
}

bool http_cancel(struct http *h, struct job *j)
{
	take_jobs(h); /* it may have been submitted since this round began */
	return engine_cancel(&h->engine, j);
}

void http_post(struct http *h, struct task *t)
{
	lock_acquire(&h->lock);
	list_append(&h->tasks, &t->link);
	lock_release(&h->lock);
	curl_multi_wakeup(h->engine.multi);
}

void http_post_later(struct http *h, struct task *t, uint64_t at)
{
	t->not_before = at;
	list_append(&h->later, &t->link);
}

void http_set_token(struct http *h, const char *token)
{
	char *copy = token ? strdup(token) : NULL;

	lock_acquire(&h->lock);
	char *older = h->news;
	h->news = copy;
	h->has_news = true;
	lock_release(&h->lock);
	wipe(older);
	curl_multi_wakeup(h->engine.multi);
}

bool http_on_net_thread(const struct http *h)
{
	return own == h;
}

void http_stats(struct http *h, struct http_stats *out)
{
	lock_acquire(&h->lock);
	*out = h->stats;
	lock_release(&h->lock);
}
