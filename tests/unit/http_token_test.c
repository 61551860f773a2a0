/* SPDX-License-Identifier: MIT */
/* http: what becomes of requests when the server refuses the token, and when there is another. */
#include <sched.h>

#include "http_jobs.h"

#define REFUSED "HTTP/1.1 401 No\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"
#define OTHER "8|aNoThErSeCrEt"

static atomic_int asked;

static void find_another(void *arg)
{
	(void)arg;
	atomic_fetch_add(&asked, 1);
	http_set_token(http, OTHER);
}

static void find_the_same(void *arg)
{
	(void)arg;
	atomic_fetch_add(&asked, 1);
	http_set_token(http, TOKEN);
}

static void find_none(void *arg)
{
	(void)arg;
	atomic_fetch_add(&asked, 1);
	http_set_token(http, NULL);
}

static void find_later(void *arg)
{
	(void)arg;
	atomic_fetch_add(&asked, 1);
}

static struct server *open_refused(int refusals, void (*ask)(void *arg))
{
	static const struct step no[] = {{REFUSED, 0, KEEP, false},
					 {REFUSED, 0, KEEP, false},
					 {REFUSED, 0, KEEP, false},
					 {REFUSED, 0, KEEP, false}};
	struct server *s = server_start(no, refusals);

	on_refusal = ask;
	atomic_store(&asked, 0);
	open_at("http", s->port, true);
	return s;
}

static void close_refused(struct server *s)
{
	close_http();
	server_stop(s);
	on_refusal = NULL;
}

static void test_refused_token(void)
{
	const struct step no[] = {{REFUSED, 0, KEEP, false}};
	struct server *s = server_start(no, 1);

	open_at("http", s->port, true);
	for (int i = 0; i < 50; i++) {
		struct job *j = run(make(METHOD_GET, "/contacts/1"));
		EXPECT(j, -EACCES, i ? 0 : 401);
		drop(j);
	}
	CHECK_EQ(server_requests(s), 1);
	close_http();
	server_stop(s);
}

/* Whatever the method: a request that was refused for its token did nothing. */
static void test_a_replaced_token_is_noticed(void)
{
	for (enum method m = METHOD_GET; m <= METHOD_DELETE; m++) {
		struct server *s = open_refused(1, find_another);
		struct job *j = run(make(m, "/contacts/1"));
		EXPECT(j, 0, 200);
		CHECK(!j->sent_twice && !j->may_have_acted);
		drop(j);
		CHECK_EQ(atomic_load(&asked), 1);
		CHECK_EQ(server_requests(s), 2);
		CHECK(strstr(s->seen[0], "Bearer " TOKEN "\r\n"));
		CHECK(strstr(s->seen[1], "Bearer " OTHER "\r\n"));
		close_refused(s);
	}
}

static void test_the_same_token_is_asked_for_once(void)
{
	void (*const answers[])(void *) = {find_the_same, find_none};

	for (int i = 0; i < COUNT(answers); i++) {
		struct server *s = open_refused(1, answers[i]);
		for (int k = 0; k < 50; k++) {
			struct job *j = run(make(METHOD_GET, "/contacts/1"));
			EXPECT(j, -EACCES, k ? 0 : 401);
			drop(j);
		}
		CHECK_EQ(server_requests(s), 1);
		CHECK_EQ(atomic_load(&asked), 1);
		/* What somebody hands in later is tried at once. */
		http_set_token(http, OTHER);
		struct job *j;
		int err;
		do {
			j = run(make(METHOD_GET, "/contacts/1"));
			err = j->err;
			drop(j);
		} while (err == -EACCES);
		CHECK_EQ(err, 0);
		close_refused(s);
	}
}

static void test_wrong_tokens_are_not_asked_for_over_and_over(void)
{
	struct server *s = open_refused(2, find_another);
	struct job *j = run(make(METHOD_GET, "/contacts/1"));

	EXPECT(j, -EACCES, 401);
	CHECK_EQ(atomic_load(&asked), 1);
	CHECK_EQ(server_requests(s), 2);
	drop(j);
	close_refused(s);
}

static void test_all_wait_for_the_token(void)
{
	struct server *s = open_refused(1, find_later);
	struct job *jobs[5];

	jobs[0] = make(METHOD_POST, "/contacts");
	http_submit(http, jobs[0]);
	while (!atomic_load(&asked))
		sched_yield();
	for (int i = 1; i < COUNT(jobs); i++) {
		jobs[i] = make(METHOD_GET, "/contacts/1");
		http_submit(http, jobs[i]);
	}
	struct job *hasty = run(make_in(LANE_READ, METHOD_GET, "/contacts/2", 100 * MS));
	EXPECT(hasty, -ETIMEDOUT, 0);
	drop(hasty);
	CHECK_EQ(server_requests(s), 1);
	http_set_token(http, OTHER);
	for (int i = 0; i < COUNT(jobs); i++) {
		wait_for(jobs[i]);
		EXPECT(jobs[i], 0, 200);
		drop(jobs[i]);
	}
	CHECK_EQ(atomic_load(&asked), 1);
	CHECK_EQ(server_requests(s), 1 + COUNT(jobs));
	close_refused(s);
}

/* The check at the start: whoever would be asked does not run yet. */
static void test_run_one_does_not_ask(void)
{
	const struct step no[] = {{REFUSED, 0, KEEP, false}};
	struct server *s = server_start(no, 1);

	on_refusal = find_later;
	atomic_store(&asked, 0);
	open_at("http", s->port, false);
	struct job *j = make(METHOD_GET, "/me");
	http_run_one(http, j);
	EXPECT(j, -EACCES, 401);
	CHECK(j->finished - j->started < 10 * SEC);
	CHECK_EQ(atomic_load(&asked), 0);
	drop(j);
	close_refused(s);
}

static void test_nobody_waits_for_a_token_at_the_end(void)
{
	struct server *s = open_refused(1, find_later);
	struct job *j = make(METHOD_GET, "/contacts/1");

	http_submit(http, j);
	while (!atomic_load(&asked))
		sched_yield();
	http_stop(http, 0);
	wait_for(j);
	CHECK_EQ(j->err, -ECANCELED);
	drop(j);
	http_set_token(http, OTHER); /* nobody takes it; it is wiped all the same */
	close_refused(s);
}

int main(void)
{
	char path[] = "/tmp/http_token_test.XXXXXX";

	CHECK_EQ(log_init("http"), 0);
	divert_log(path);
	test_refused_token();
	test_a_replaced_token_is_noticed();
	test_the_same_token_is_asked_for_once();
	test_wrong_tokens_are_not_asked_for_over_and_over();
	test_all_wait_for_the_token();
	test_run_one_does_not_ask();
	test_nobody_waits_for_a_token_at_the_end();
	inspect_log(path);
	CHECK_EQ(log_refusals, 5); /* one a server that has no other token */
	return check_done("http_token");
}
