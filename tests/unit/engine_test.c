/* SPDX-License-Identifier: MIT */
/* http: when requests leave: budgets, repeats, deadlines, the breaker, slots; and how jobs and the
 * engine end. Against scripted servers on loopback. */
#include "http_jobs.h"

#define LIMITED(left)                                                                              \
	"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nX-RateLimit-Limit: 90\r\n"           \
	"X-RateLimit-Remaining: " #left "\r\nContent-Length: 2\r\n\r\n{}"

/* --- budgets and repeats --- */

#define TOO_MANY(seconds)                                                                          \
	"HTTP/1.1 429 No\r\nContent-Type: application/json\r\nX-RateLimit-Limit: 90\r\n"           \
	"X-RateLimit-Remaining: 0\r\nRetry-After: " #seconds "\r\nContent-Length: 2\r\n\r\n{}"

static void test_429(void)
{
	const struct step soon[] = {{TOO_MANY(1), 0, KEEP, false}};
	const struct step late[] = {{TOO_MANY(100), 0, KEEP, false}};
	int n;

	for (enum method m = METHOD_GET; m <= METHOD_POST; m++) {
		struct job *j = once(soon, 1, make(m, "/contacts"), &n);
		EXPECT(j, 0, 200);
		CHECK_EQ(n, 2);
		CHECK(j->finished - j->started >= SEC && j->finished - j->started < 3 * SEC);
		CHECK(!j->sent_twice && !j->may_have_acted);
		drop(j);
	}
	struct job *j = once(late, 1, make(METHOD_PUT, "/contacts/1"), &n);
	EXPECT(j, -EAGAIN, 429);
	CHECK_EQ(n, 1);
	CHECK(j->finished - j->started < SEC && !j->may_have_acted);
	drop(j);
}

/* While a 429 holds, what cannot live to see its end fails at once, what can waits. */
static void test_429_holds_all(void)
{
	const struct step steps[] = {{TOO_MANY(2), 0, KEEP, false}};
	struct server *s = server_start(steps, COUNT(steps));

	open_at("http", s->port, true);
	struct job *first = make(METHOD_GET, "/contacts/1");
	http_submit(http, first);
	server_wait_requests(s, 1);
	struct job *hasty = run(make_in(LANE_SAVE, METHOD_PUT, "/contacts/2", SEC));
	EXPECT(hasty, -EAGAIN, 0);
	CHECK(hasty->finished - hasty->started < 900 * MS);
	CHECK_EQ(server_requests(s), 1);
	wait_for(first);
	EXPECT(first, 0, 200);
	drop(hasty);
	drop(first);
	close_http();
	server_stop(s);
}

#define FAILED(status)                                                                             \
	"HTTP/1.1 " #status " No\r\nContent-Type: text/html\r\nContent-Length: 4\r\n\r\noops"

static void test_5xx(void)
{
	const struct step steps[] = {{FAILED(502), 0, KEEP, false},
				     {FAILED(500), 0, KEEP, false},
				     {FAILED(504), 0, KEEP, false},
				     {FAILED(502), 0, KEEP, false}};
	const struct step busy[] = {{FAILED(503), 0, KEEP, false}};
	int n;

	struct job *j = once(steps, 3, make(METHOD_GET, "/contacts"), &n);
	EXPECT(j, 0, 200);
	CHECK_EQ(n, 4);
	drop(j);
	j = once(steps, 4, make(METHOD_PUT, "/contacts/1"), &n);
	EXPECT(j, -EIO, 502);
	CHECK_EQ(n, 4);
	CHECK(j->may_have_acted && !j->answer);
	drop(j);
	j = once(steps, 4, make(METHOD_POST, "/contacts"), &n);
	EXPECT(j, -EIO, 502);
	CHECK_EQ(n, 1);
	drop(j);
	j = once(busy, 1, make(METHOD_POST, "/contacts"), &n);
	EXPECT(j, 0, 200);
	CHECK_EQ(n, 2);
	drop(j);
}

static void test_deadline(void)
{
	const struct step held[] = {{JSON_OK, 0, KEEP, true}};
	int n;

	for (enum method m = METHOD_GET; m <= METHOD_PUT; m++) {
		struct job *j = once(held, 1, make_in(LANE_SAVE, m, "/contacts/1", 300 * MS), &n);
		EXPECT(j, -ETIMEDOUT, 0);
		CHECK_EQ(n, 1);
		CHECK(j->finished + 5 * MS >= j->deadline && j->finished < j->deadline + 3 * SEC);
		CHECK_EQ(j->may_have_acted, m != METHOD_GET);
		drop(j);
	}
}

/* Behind the first request of all, which alone may leave, time runs out in the queue. */
static void test_deadline_in_the_queue(void)
{
	const struct step held[] = {{JSON_OK, 0, KEEP, true}};
	struct server *s = server_start(held, 1);

	open_at("http", s->port, true);
	struct job *first = make(METHOD_GET, "/contacts/1");
	http_submit(http, first);
	server_wait_requests(s, 1);
	struct job *second = run(make_in(LANE_READ, METHOD_GET, "/contacts/2", 200 * MS));
	CHECK(second->err == -EAGAIN || second->err == -ETIMEDOUT);
	CHECK_EQ(server_requests(s), 1);
	server_release(s);
	wait_for(first);
	drop(first);
	drop(second);
	close_http();
	server_stop(s);
}

static void test_breaker(void)
{
	struct server *s = server_start(NULL, 0);
	struct http_stats stats;
	int port = s->port;

	server_stop(s);
	open_at("http", port, true);
	struct job *j = run(make(METHOD_POST, "/contacts"));
	EXPECT(j, -ECONNREFUSED, 0);
	CHECK(!j->may_have_acted && !j->sent_twice);
	CHECK(j->finished - j->started < 5 * SEC);
	drop(j);
	uint64_t from = clock_now();
	for (int i = 0; i < 100; i++) {
		j = run(make(METHOD_GET, "/contacts/1"));
		EXPECT(j, -ECONNREFUSED, 0);
		drop(j);
	}
	CHECK(clock_now() - from < 2 * SEC);
	http_stats(http, &stats);
	CHECK(stats.breaker_open && stats.breaker_since > stats.down_since);
	CHECK(stats.down_since && stats.down_since < from);
	CHECK(stats.down_why && stats.down_why[0]);
	CHECK(stats.requests < 10);
	/* The server comes back: the next probe finds it, and all is well. */
	s = server_start_at(port, NULL, 0);
	int err;
	do {
		j = run(make(METHOD_GET, "/contacts/1"));
		err = j->err;
		drop(j);
	} while (err && clock_now() - from < 60 * SEC);
	CHECK_EQ(err, 0);
	j = run(make(METHOD_GET, "/contacts/1"));
	EXPECT(j, 0, 200);
	drop(j);
	http_stats(http, &stats);
	CHECK(!stats.breaker_open && !stats.breaker_since && !stats.down_since);
	close_http();
	server_stop(s);
}

/* --- order, cancelling, stopping --- */

/* Four pages under way: a read and a save start beside them, a fifth page does not. */
static void test_slots(void)
{
	const struct step steps[] = {{LIMITED(80), 0, KEEP, false}, {LIMITED(79), 0, KEEP, true},
				     {LIMITED(78), 0, KEEP, true},  {LIMITED(77), 0, KEEP, true},
				     {LIMITED(76), 0, KEEP, true},  {LIMITED(75), 0, KEEP, true},
				     {LIMITED(74), 0, KEEP, true}};
	struct server *s = server_start(steps, COUNT(steps));
	struct job *jobs[7];

	open_at("http", s->port, true);
	drop(run(make(METHOD_GET, "/me")));
	for (int i = 0; i < 5; i++) {
		jobs[i] = make_in(LANE_LISTING, METHOD_GET, "/contacts?page=1", 30 * SEC);
		http_submit(http, jobs[i]);
	}
	server_wait_requests(s, 5);
	jobs[5] = make(METHOD_GET, "/contacts/7");
	jobs[6] = make(METHOD_PUT, "/contacts/8");
	http_submit(http, jobs[5]);
	http_submit(http, jobs[6]);
	server_wait_requests(s, 7);
	struct http_stats stats;
	do
		http_stats(http, &stats);
	while (stats.running != 6);
	CHECK_EQ(stats.queued[LANE_LISTING], 1);
	CHECK_EQ(stats.limit, 90);
	CHECK_EQ(stats.left, 74);
	CHECK(stats.resets_at > clock_now() + 50 * SEC);
	CHECK(stats.resets_at <= clock_now() + 60 * SEC + SEC / 10);
	server_release(s);
	for (int i = 0; i < 7; i++) {
		wait_for(jobs[i]);
		EXPECT(jobs[i], 0, 200);
		drop(jobs[i]);
	}
	close_http();
	server_stop(s);
}

struct cancel_task {
	struct task task;
	struct job *job;
	bool submits; /* first: the cancelled one is still in the inbox */
	bool answer, ran;
};

static void run_cancel(struct task *t)
{
	struct cancel_task *c = container_of(t, struct cancel_task, task);

	if (c->submits)
		http_submit(http, c->job);
	bool answer = http_cancel(http, c->job);
	pthread_mutex_lock(&lock);
	c->answer = answer;
	c->ran = true;
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&lock);
}

static bool cancel(struct job *j, bool submits)
{
	struct cancel_task c = {.task.run = run_cancel, .job = j, .submits = submits};

	http_post(http, &c.task);
	pthread_mutex_lock(&lock);
	while (!c.ran)
		pthread_cond_wait(&changed, &lock);
	pthread_mutex_unlock(&lock);
	CHECK_EQ(is_done(j), c.answer);
	return c.answer;
}

static void test_cancel(void)
{
	const struct step steps[] = {{LIMITED(80), 0, KEEP, false},
				     {LIMITED(79), 0, KEEP, true},
				     {LIMITED(78), 0, KEEP, true}};
	struct server *s = server_start(steps, COUNT(steps));

	open_at("http", s->port, true);
	drop(run(make(METHOD_GET, "/me")));
	struct job *get = make(METHOD_GET, "/contacts/1");
	http_submit(http, get);
	server_wait_requests(s, 2);
	CHECK(cancel(get, false));
	EXPECT(get, -ECANCELED, 0);

	struct job *put = make(METHOD_PUT, "/contacts/1");
	http_submit(http, put);
	server_wait_requests(s, 3);
	CHECK(!cancel(put, false));
	server_release(s);
	wait_for(put);
	EXPECT(put, 0, 200);

	struct job *after = run(make(METHOD_GET, "/contacts/3"));
	EXPECT(after, 0, 200);
	drop(after);
	drop(get);
	drop(put);
	close_http();
	server_stop(s);
}

/* Not yet sent: behind the first request of all, which alone may leave, or not even taken in. */
static void test_cancel_in_the_queue(void)
{
	const struct step held[] = {{JSON_OK, 0, KEEP, true}};
	struct server *s = server_start(held, 1);

	open_at("http", s->port, true);
	struct job *first = make(METHOD_GET, "/contacts/1");
	http_submit(http, first);
	server_wait_requests(s, 1);
	for (int i = 0; i < 50; i++) {
		bool submits = i % 2;
		struct job *j = make(i % 3 ? METHOD_PUT : METHOD_GET, "/contacts/2");
		if (!submits)
			http_submit(http, j);
		CHECK(cancel(j, submits));
		EXPECT(j, -ECANCELED, 0);
		CHECK(!j->may_have_acted);
		drop(j);
	}
	CHECK_EQ(server_requests(s), 1);
	server_release(s);
	wait_for(first);
	EXPECT(first, 0, 200);
	drop(first);
	close_http();
	server_stop(s);
}

struct numbered_task {
	struct task task;
	int poster, number;
};

static int last_number[2];

static void run_numbered(struct task *t)
{
	struct numbered_task *n = container_of(t, struct numbered_task, task);

	CHECK(http_on_net_thread(http));
	CHECK_EQ(n->number, last_number[n->poster] + 1);
	last_number[n->poster] = n->number;
	free(n);
}

static void *post_many(void *arg)
{
	int poster = *(int *)arg;

	for (int i = 1; i <= 1000; i++) {
		struct numbered_task *n = calloc(1, sizeof(*n));
		n->task.run = run_numbered;
		n->poster = poster;
		n->number = i;
		http_post(http, &n->task);
	}
	return NULL;
}

static void test_tasks_in_order(void)
{
	struct server *s = server_start(NULL, 0);
	int names[2] = {0, 1};
	pthread_t t[2];

	open_at("http", s->port, true);
	CHECK(!http_on_net_thread(http));
	for (int i = 0; i < 2; i++)
		pthread_create(&t[i], NULL, post_many, &names[i]);
	for (int i = 0; i < 2; i++)
		pthread_join(t[i], NULL);
	http_stop(http, 0); /* runs what is left */
	CHECK_EQ(last_number[0], 1000);
	CHECK_EQ(last_number[1], 1000);
	http_free(http);
	server_stop(s);
}

/* A job whose done() submits another, also when all is coming to its end. */
static struct job *follower;

static void submit_follower(struct job *j)
{
	http_submit(http, follower);
	note_done(j);
}

static void test_stop(void)
{
	const struct step steps[] = {{LIMITED(80), 0, KEEP, false},
				     {LIMITED(79), 0, KEEP, true},
				     {LIMITED(78), 0, KEEP, true}};
	struct server *s = server_start(steps, COUNT(steps));

	open_at("http", s->port, true);
	drop(run(make(METHOD_GET, "/me")));
	struct job *get = make(METHOD_GET, "/contacts/1"), *put = make(METHOD_PUT, "/contacts/1");
	follower = make(METHOD_GET, "/contacts/9");
	get->done = submit_follower;
	http_submit(http, get);
	http_submit(http, put);
	server_wait_requests(s, 3);
	uint64_t from = clock_now();
	http_stop(http, 300 * MS);
	CHECK(clock_now() - from >= 290 * MS && clock_now() - from < 3 * SEC);
	wait_for(get);
	wait_for(put);
	wait_for(follower);
	EXPECT(get, -ECANCELED, 0);
	EXPECT(put, -ECANCELED, 0);
	EXPECT(follower, -ECANCELED, 0);
	CHECK(put->may_have_acted && !get->may_have_acted);
	CHECK(get->finished - from < 290 * MS);
	struct job *late = make(METHOD_GET, "/contacts/3");
	http_submit(http, late);
	http_free(http);
	CHECK(is_done(late));
	EXPECT(late, -ECANCELED, 0);
	drop(get);
	drop(put);
	drop(follower);
	drop(late);
	server_stop(s);
}

static void *stop_patiently(void *arg)
{
	(void)arg;
	http_stop(http, 20 * SEC);
	return NULL;
}

static void test_stop_lets_a_save_end(void)
{
	const struct step steps[] = {{JSON_OK, 0, KEEP, true}};
	struct server *s = server_start(steps, 1);
	pthread_t stopper;

	open_at("http", s->port, true);
	struct job *put = make(METHOD_PUT, "/contacts/1");
	http_submit(http, put);
	server_wait_requests(s, 1);
	pthread_create(&stopper, NULL, stop_patiently, NULL);
	struct job *probe; /* refused: the stop was noticed */
	do {
		probe = make_in(LANE_READ, METHOD_GET, "/x", 50 * MS);
		run(probe);
		int err = probe->err;
		drop(probe);
		if (err == -ECANCELED)
			break;
	} while (true);
	CHECK(!is_done(put));
	server_release(s);
	pthread_join(stopper, NULL);
	EXPECT(put, 0, 200);
	drop(put);
	http_free(http);
	server_stop(s);
}

int main(void)
{
	char path[] = "/tmp/http_test.XXXXXX";

	CHECK_EQ(log_init("http"), 0);
	divert_log(path);
	test_429();
	test_429_holds_all();
	test_5xx();
	test_deadline();
	test_deadline_in_the_queue();
	test_breaker();
	test_slots();
	test_cancel();
	test_cancel_in_the_queue();
	test_tasks_in_order();
	test_stop();
	test_stop_lets_a_save_end();
	inspect_log(path);
	CHECK_EQ(log_refusals, 0);
	return check_done("engine");
}
