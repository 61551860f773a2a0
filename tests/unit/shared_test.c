/* SPDX-License-Identifier: MIT */
/*
 * shared: several mounts of one account, with a fake clock, in one process: their locks are of open
 * files, so they meet as processes would. Then all of them against a model of the server.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/log.h"
#include "http/shared.h"
#include "runtime_dir.h"

#define MS NS_PER_MS
#define SEC NS_PER_SEC

static const uint64_t t = 1000 * SEC;

static const struct shared_key key = {"https://crm.example", "1|token", 7};

static void join(struct shared *s, const char *server, const char *token, uint64_t user)
{
	struct shared_key other = {server, token, user};

	shared_init(s);
	shared_join(s, &other, t);
}

static void join_at(struct shared *s, uint64_t now)
{
	shared_init(s);
	shared_join(s, &key, now);
	CHECK(s->ledger.fd >= 0);
}

static void join_all(struct shared *s, int n)
{
	for (int i = 0; i < n; i++)
		join_at(&s[i], t);
}

static void leave_all(struct shared *s, int n)
{
	for (int i = 0; i < n; i++)
		shared_leave(&s[i]);
	CHECK_EQ(runtime_files(), 0);
}

static void answer(struct shared *s, long left, uint64_t sent, uint64_t now)
{
	struct limit_seen seen = {200, 90, left, -1};

	shared_observe(s, &seen, sent, now);
}

/* As kill -9 does: the file and its locks go, nothing is said. */
static void kill_mount(struct shared *s)
{
	close(s->ledger.fd);
	s->ledger.fd = -1;
}

static void test_one_budget(void)
{
	struct shared s[3];

	join_all(s, 3);
	CHECK_EQ(shared_take(&s[0], LANE_READ, 1, t), 0);
	CHECK(shared_take(&s[1], LANE_SAVE, 1, t) > 0); /* the first of all is under way */
	answer(&s[0], 80, t, t);
	CHECK_EQ(shared_take(&s[1], LANE_SAVE, 1, t), 0);
	CHECK_EQ(shared_take(&s[2], LANE_READ, 1, t), 0);
	CHECK_EQ(shared_left(&s[2]), 78);
	answer(&s[1], 20, t + SEC, t + SEC);
	CHECK_EQ(shared_take(&s[0], LANE_READ, 1, t + SEC), 0);
	CHECK_EQ(shared_left(&s[0]), 18);
	shared_give_back(&s[0], t + SEC);
	CHECK_EQ(shared_left(&s[0]), 19);
	shared_lost(&s[2], t + SEC);
	CHECK_EQ(shared_left(&s[2]), 19);
	leave_all(s, 3);
}

/* A listing anywhere leaves room for a read and a save anywhere. */
static void test_reserve_is_common(void)
{
	struct shared s[2];
	int pages = 0;

	join_all(s, 2);
	shared_take(&s[0], LANE_READ, 1, t);
	answer(&s[0], 89, t, t);
	for (int i = 0; i < 100; i++)
		pages += shared_take(&s[i % 2], LANE_LISTING, 4, t) == 0;
	CHECK_EQ(pages, 89 - 90 / 6);
	CHECK_EQ(shared_take(&s[1], LANE_SAVE, 1, t), 0);
	CHECK_EQ(shared_take(&s[0], LANE_READ, 1, t), 0);
	while (!shared_take(&s[1], LANE_READ, 1, t))
		;
	CHECK_EQ(shared_left(&s[1]), 2);
	CHECK_EQ(shared_take(&s[0], LANE_SAVE, 1, t), 0);
	CHECK_EQ(shared_take(&s[1], LANE_SAVE, 1, t), 0);
	CHECK(shared_take(&s[0], LANE_SAVE, 1, t) > 0);
	leave_all(s, 2);
}

static void test_429_stops_all(void)
{
	struct shared s[3];
	struct limit_seen no = {429, 90, 0, 30};

	join_all(s, 2);
	shared_take(&s[0], LANE_READ, 1, t);
	shared_observe(&s[0], &no, t, t);
	CHECK(shared_take(&s[1], LANE_SAVE, 1, t) > 0);
	CHECK_EQ(shared_earliest(&s[1], LANE_SAVE, t), t + 30 * SEC);
	join_at(&s[2], t + 29 * SEC);
	CHECK(shared_take(&s[2], LANE_SAVE, 1, t + 29 * SEC) > 0);
	CHECK_EQ(shared_take(&s[2], LANE_SAVE, 1, t + 30 * SEC), 0);
	leave_all(s, 3);
}

static void spend_all(struct shared *s)
{
	shared_take(s, LANE_READ, 1, t);
	answer(s, 89, t, t);
	for (int i = 0; i < 89; i++)
		CHECK_EQ(shared_take(s, LANE_SAVE, 1, t), 0);
	for (int i = 0; i < 89; i++)
		answer(s, 88 - i, t, t);
	CHECK_EQ(shared_left(s), 0);
}

/* Five are there: a save that waits in one mount goes before a read that waits in another, reads
 * go in turn, and one who does not come when he said is not waited for. */
static void test_lanes_across_mounts(void)
{
	struct shared s[3];
	uint64_t end = t + 60 * SEC + 20 * MS, later = end + SEC;
	struct limit_seen few = {200, 4, 3, -1};

	join_all(s, 3);
	spend_all(&s[0]);
	shared_take(&s[0], LANE_READ, 1, end);
	shared_observe(&s[0], &few, end, end); /* now four in a minute */
	CHECK_EQ(shared_take(&s[0], LANE_SAVE, 1, end), 0);
	CHECK_EQ(shared_take(&s[0], LANE_SAVE, 1, end), 0);
	CHECK_EQ(shared_take(&s[0], LANE_SAVE, 1, end), 0);
	CHECK_EQ(shared_left(&s[0]), 0);

	CHECK(shared_take(&s[0], LANE_LISTING, 1, later) > 0);
	CHECK(shared_take(&s[1], LANE_READ, 1, later) > 0);
	CHECK(shared_take(&s[2], LANE_SAVE, 2, later) > 0);
	shared_give_back(&s[0], later);
	shared_give_back(&s[0], later);
	CHECK(shared_take(&s[0], LANE_LISTING, 1, later) > 0);
	CHECK(shared_take(&s[1], LANE_READ, 1, later) > 0);
	CHECK_EQ(shared_take(&s[2], LANE_SAVE, 2, later), 0);
	CHECK(shared_take(&s[0], LANE_LISTING, 1, later) > 0);
	CHECK_EQ(shared_take(&s[1], LANE_READ, 1, later), 0);

	CHECK(shared_take(&s[2], LANE_READ, 1, later) > 0);
	CHECK(shared_take(&s[1], LANE_READ, 1, later + MS) > 0);
	shared_give_back(&s[1], later + MS);
	CHECK(shared_take(&s[1], LANE_READ, 1, later + MS) > 0);
	CHECK_EQ(shared_take(&s[2], LANE_READ, 1, later + MS), 0);
	CHECK(shared_take(&s[2], LANE_READ, 1, later + 2 * MS) > 0);
	shared_give_back(&s[2], later + 2 * MS);
	CHECK(shared_take(&s[2], LANE_READ, 1, later + 3 * MS) > 0);
	CHECK_EQ(shared_take(&s[2], LANE_READ, 1, later + 2 * SEC), 0);
	leave_all(s, 3);
}

/* What the dead had under way may have been counted; what they waited for nobody waits for. */
static void test_killed(void)
{
	struct shared s[3];

	join_all(s, 2);
	shared_take(&s[0], LANE_READ, 1, t);
	kill_mount(&s[0]);
	CHECK_EQ(shared_take(&s[1], LANE_READ, 1, t), 0); /* nothing was known yet */
	answer(&s[1], 30, t, t);
	leave_all(&s[1], 1);

	join_all(s, 2);
	spend_all(&s[1]);
	CHECK(shared_take(&s[0], LANE_SAVE, 50, t + SEC) > 0);
	kill_mount(&s[0]);
	CHECK_EQ(shared_take(&s[1], LANE_LISTING, 1, t + 61 * SEC), 0);
	answer(&s[1], 89, t + 61 * SEC, t + 61 * SEC);

	join_at(&s[0], t + 62 * SEC);
	for (int i = 0; i < 6; i++)
		CHECK_EQ(shared_take(&s[0], LANE_LISTING, 1, t + 62 * SEC), 0);
	kill_mount(&s[0]);
	join_at(&s[2], t + 62 * SEC); /* sits down where the dead sat */
	CHECK_EQ(s[2].ledger.seat, s[0].ledger.seat);
	CHECK_EQ(shared_take(&s[1], LANE_LISTING, 1, t + 63 * SEC), 0);
	CHECK_EQ(shared_left(&s[1]), 82);
	leave_all(&s[1], 2);
}

static void test_accounts_are_apart(void)
{
	struct shared a, b, c;

	join(&a, "https://crm.example", "1|token", 7);
	join(&b, "https://crm.example", "1|token", 8);
	join(&c, "https://crm2.example", "1|token", 7);
	spend_all(&a);
	CHECK_EQ(shared_take(&b, LANE_LISTING, 1, t), 0);
	CHECK_EQ(shared_take(&c, LANE_LISTING, 1, t), 0);
	CHECK_EQ(runtime_files(), 3);
	shared_give_back(&b, t);
	shared_give_back(&c, t);
	shared_leave(&a);
	shared_leave(&b);
	leave_all(&c, 1);
}

/* Who asks who he is does not know his account yet, but what the token was used for before. */
static void test_before_the_user_is_known(void)
{
	struct shared a, b, c;
	struct shared_key known = {"https://crm.example", "2|another", 8};

	join(&a, "https://crm.example", "1|token", 7);
	join(&b, "https://crm.example", "1|token", 0);
	CHECK(b.ledger.fd >= 0 && strcmp(b.ledger.name, a.ledger.name) == 0);
	spend_all(&a);
	CHECK(shared_take(&b, LANE_READ, 1, t) > 0);
	shared_join(&b, &key, t);
	shared_leave(&b);

	join(&c, "https://crm.example", "2|another", 0);
	CHECK_EQ(c.ledger.fd, -1);
	CHECK_EQ(shared_take(&c, LANE_READ, 1, t), 0);
	answer(&c, 44, t, t);
	shared_join(&c, &known, t);
	CHECK_EQ(runtime_files(), 2);
	join(&b, "https://crm.example", "2|another", 8); /* and it was told what the first was */
	CHECK_EQ(shared_take(&b, LANE_READ, 1, t), 0);
	CHECK_EQ(shared_left(&b), 43);
	shared_give_back(&b, t);
	shared_leave(&a);
	shared_leave(&b);
	leave_all(&c, 1);
}

/* Who comes with an answer of his own tells it to those who know less. */
static void test_the_first_answer_is_passed_on(void)
{
	struct shared a, b;

	join(&a, key.server, "1|a", 7);
	shared_take(&a, LANE_READ, 1, t);
	answer(&a, 60, t, t);
	join(&b, key.server, "1|b", 0);
	CHECK_EQ(shared_take(&b, LANE_READ, 1, t + SEC), 0);
	answer(&b, 20, t + SEC, t + SEC);
	struct shared_key known = {key.server, "1|b", 7};
	shared_join(&b, &known, t + SEC);
	CHECK_EQ(shared_left(&b), 20);
	CHECK_EQ(shared_take(&a, LANE_READ, 1, t + SEC), 0);
	CHECK_EQ(shared_left(&a), 19);
	shared_give_back(&a, t + SEC);
	shared_leave(&b);
	leave_all(&a, 1);
}

static void own_path(const struct shared *s, char out[300])
{
	runtime_path(out, s->ledger.name);
}

static void test_the_file_is_damaged_or_gone(void)
{
	struct shared s[2];
	char path[300];
	static const char zeros[20000];

	join_all(s, 2);
	shared_take(&s[0], LANE_READ, 1, t);
	answer(&s[0], 50, t, t);
	CHECK_EQ(shared_take(&s[1], LANE_READ, 1, t), 0);
	CHECK(pwrite(s[0].ledger.fd, zeros, sizeof(zeros), 0) == sizeof(zeros));
	CHECK_EQ(shared_take(&s[1], LANE_READ, 1, t), 0); /* what it knew is enough */
	CHECK_EQ(shared_left(&s[1]), 48);
	own_path(&s[0], path);
	CHECK_EQ(unlink(path), 0);
	CHECK_EQ(shared_take(&s[0], LANE_READ, 1, t), 0);
	CHECK_EQ(shared_take(&s[1], LANE_READ, 1, t), 0);
	CHECK_EQ(shared_left(&s[1]), 46); /* both are in the new one */
	CHECK_EQ(runtime_files(), 1);
	answer(&s[0], 46, t, t);
	for (int i = 0; i < 3; i++)
		shared_give_back(&s[1], t);
	leave_all(s, 2);
}

/* Of another clock, by far: it would never run out. */
static void test_a_state_from_the_future(void)
{
	struct shared s[2];

	join_all(s, 1);
	shared_take(&s[0], LANE_READ, 1, t);
	answer(&s[0], 0, t + 10000 * SEC, t + 10000 * SEC);
	join_all(&s[1], 1);
	CHECK_EQ(shared_take(&s[1], LANE_READ, 1, t), 0);
	shared_give_back(&s[1], t);
	leave_all(s, 2);
}

static void test_the_lock_is_not_let_go(void)
{
	struct shared s, other;
	uint64_t start = clock_now();

	join_all(&other, 1);
	shared_take(&other, LANE_READ, 1, t);
	answer(&other, 50, t, t);
	CHECK_EQ(ledger_lock(&other.ledger), 0);
	shared_init(&s);
	shared_join(&s, &key, t);
	CHECK_EQ(shared_take(&s, LANE_READ, 1, t), 0);
	answer(&s, 30, t, t);
	for (uint64_t i = 0; i < 100; i++) {
		CHECK_EQ(shared_take(&s, LANE_READ, 1, t + i * 100 * MS), 0);
		shared_give_back(&s, t + i * 100 * MS);
	}
	CHECK(clock_now() - start < 2 * SEC); /* a few tries in ten seconds */
	ledger_unlock(&other.ledger);
	CHECK_EQ(shared_take(&s, LANE_READ, 1, t + 10 * SEC), 0);
	CHECK_EQ(s.ledger.fd, -1);
	CHECK_EQ(shared_take(&s, LANE_READ, 1, t + 19 * SEC), 0); /* tries again, and tells */
	CHECK(s.ledger.fd >= 0);
	CHECK_EQ(shared_take(&other, LANE_READ, 1, t + 19 * SEC), 0);
	CHECK_EQ(shared_left(&other), 27);
	shared_leave(&s);
	leave_all(&other, 1);
}

static void check_alone(struct shared *s)
{
	CHECK_EQ(shared_take(s, LANE_READ, 1, t), 0);
	answer(s, 50, t, t);
	CHECK_EQ(shared_left(s), 50);
	CHECK_EQ(shared_take(s, LANE_LISTING, 1, t + SEC), 0);
	CHECK_EQ(shared_left(s), 49);
	shared_give_back(s, t + SEC);
	CHECK_EQ(shared_left(s), 50);
}

static void test_there_is_no_place(void)
{
	struct shared s;
	char path[300];

	runtime_path(path, "");
	path[strlen(path) - 1] = '\0';
	CHECK_EQ(rmdir(path), 0);
	CHECK_EQ(close(open(path, O_CREAT | O_WRONLY, 0600)), 0);
	join(&s, key.server, key.token, key.user);
	CHECK_EQ(s.ledger.fd, -1);
	check_alone(&s);
	shared_leave(&s);
	CHECK_EQ(unlink(path), 0);
	CHECK_EQ(mkdir(path, 0700), 0);
}

static void test_there_is_no_room(void)
{
	struct shared s;
	struct rlimit before, none;

	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &before);
	none = (struct rlimit){0, before.rlim_max};
	CHECK_EQ(setrlimit(RLIMIT_FSIZE, &none), 0);
	join_all(&s, 1);
	check_alone(&s);
	CHECK_EQ(setrlimit(RLIMIT_FSIZE, &before), 0);
	leave_all(&s, 1);
}

int main(void)
{
	runtime_dir_make();
	log_mute(true);
	test_one_budget();
	test_reserve_is_common();
	test_429_stops_all();
	test_lanes_across_mounts();
	test_killed();
	test_accounts_are_apart();
	test_before_the_user_is_known();
	test_the_first_answer_is_passed_on();
	test_the_file_is_damaged_or_gone();
	test_a_state_from_the_future();
	test_the_lock_is_not_let_go();
	test_there_is_no_place();
	test_there_is_no_room();
	runtime_dir_remove();
	return check_done("shared");
}
