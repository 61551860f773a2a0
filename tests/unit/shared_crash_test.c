/* SPDX-License-Identifier: MIT */
/*
 * shared: processes that spend one budget as fast as they may, while one after the other is killed
 * at any instant. The server is a word in shared memory, its clock and theirs another, which the
 * parent moves: a minute takes three seconds.
 */
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "http/shared.h"
#include "runtime_dir.h"

#define MS NS_PER_MS
#define SEC NS_PER_SEC

enum {
	MOUNTS = 6,
	SIZE = 3000,
	SPEED = 20,
	RUN_S = 8,
	KILL_MS = 40,
	HANG_S = 5,
};

/* Words, each changed at once: who is killed leaves none of them half done. */
static struct world {
	_Atomic uint64_t now;	 /* ns */
	_Atomic uint64_t window; /* its beginning in ms, << 16, and the requests counted in it */
	_Atomic int served, refused, windows, fewest;
	_Atomic int rounds[MOUNTS], turns[MOUNTS];
} * world;

static void nap(uint64_t ns)
{
	struct timespec ts = {(time_t)(ns / SEC), (long)(ns % SEC)};

	nanosleep(&ts, NULL);
}

static struct limit_seen count(uint64_t now)
{
	uint64_t old = atomic_load(&world->window), new, begun;

	do {
		begun = old >> 16;
		new = old + 1;
		if (!begun || now / MS >= begun + 60000)
			new = (now / MS) << 16 | 1;
		else if ((old & 0xffff) >= SIZE)
			break;
	} while (!atomic_compare_exchange_weak(&world->window, &old, new));
	if (new == old + 1 && (old & 0xffff) >= SIZE) {
		atomic_fetch_add(&world->refused, 1);
		return (struct limit_seen){429, SIZE, 0,
					   (long)(begun + 60000 - now / MS) / 1000 + 1};
	}
	atomic_fetch_add(&world->served, 1);
	if (new != old + 1 && begun) {
		atomic_fetch_add(&world->windows, 1);
		if ((int)(old & 0xffff) < atomic_load(&world->fewest))
			atomic_store(&world->fewest, (int)(old & 0xffff));
	}
	return (struct limit_seen){200, SIZE, SIZE - (long)(new & 0xffff), -1};
}

static void mount_main(int which, unsigned chance)
{
	static const struct shared_key key = {"https://crm.example", "1|token", 7};
	struct shared s;

	shared_init(&s);
	shared_join(&s, &key, world->now);
	for (;;) {
		enum lane lane = (enum lane)(rand_r(&chance) % LANE_COUNT);
		uint64_t sent = world->now, wait = shared_take(&s, lane, 4, sent);

		atomic_fetch_add(&world->rounds[which], 1);
		if (wait) {
			nap(wait / SPEED < 2 * MS ? wait / SPEED : 2 * MS);
			continue;
		}
		nap((uint64_t)rand_r(&chance) % MS);
		struct limit_seen seen = count(world->now);
		nap((uint64_t)rand_r(&chance) % MS);
		atomic_fetch_add(&world->turns[which], 1);
		shared_observe(&s, &seen, sent, world->now);
		if (rand_r(&chance) % 64 == 0) { /* remounted */
			shared_leave(&s);
			shared_join(&s, &key, world->now);
		}
	}
}

static pid_t spawn(int which, unsigned chance)
{
	pid_t child = fork();

	if (!child) {
		mount_main(which, chance);
		_exit(0);
	}
	return child;
}

static void end(pid_t child)
{
	int status = 0;

	kill(child, SIGKILL);
	waitpid(child, &status, 0);
	CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL); /* it did not end by itself */
}

static void let_time_pass(uint64_t real)
{
	uint64_t until = clock_now() + real;

	for (uint64_t before = clock_now(), t; before < until; before = t) {
		nap(MS / 5);
		t = clock_now();
		atomic_fetch_add(&world->now, (t - before) * SPEED);
	}
}

/* Each of them does something within the time, whoever dies. */
static void look_for_hung(int rounds[MOUNTS], uint64_t moved[MOUNTS])
{
	for (int i = 0; i < MOUNTS; i++) {
		int n = atomic_load(&world->rounds[i]);
		if (n != rounds[i])
			moved[i] = clock_now();
		rounds[i] = n;
		CHECK(clock_now() - moved[i] < HANG_S * SEC);
	}
}

static void hammer(void)
{
	pid_t mounts[MOUNTS];
	int rounds[MOUNTS] = {0}, kills = 0;
	uint64_t moved[MOUNTS], until = clock_now() + RUN_S * SEC;
	unsigned chance = 1;

	for (int i = 0; i < MOUNTS; i++) {
		mounts[i] = spawn(i, (unsigned)i);
		moved[i] = clock_now();
	}
	while (clock_now() < until) {
		let_time_pass((uint64_t)rand_r(&chance) % (2 * KILL_MS) * MS);
		int which = rand_r(&chance) % MOUNTS;
		end(mounts[which]);
		mounts[which] = spawn(which, 1000 + (unsigned)kills++);
		look_for_hung(rounds, moved);
	}
	for (int i = 0; i < MOUNTS; i++)
		end(mounts[i]);
	printf("%d kills, %d windows, %d requests, fewest in one %d\n", kills, world->windows,
	       world->served, world->fewest);
}

static void remove_what_the_dead_left(void)
{
	static const struct shared_key key = {"https://crm.example", "1|token", 7};
	struct shared s;

	shared_init(&s);
	shared_join(&s, &key, world->now);
	CHECK(s.ledger.fd >= 0);
	CHECK_EQ(runtime_files(), 1);
	shared_leave(&s);
}

int main(void)
{
	runtime_dir_make();
	log_mute(true);
	void *p = mmap(NULL, sizeof(*world), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		       0);
	CHECK(p != MAP_FAILED);
	world = p;
	world->now = 1000 * SEC;
	world->fewest = SIZE;
	hammer();
	CHECK_EQ(world->refused, 0);
	CHECK(world->windows >= 1);
	for (int i = 0; i < MOUNTS; i++)
		CHECK(world->turns[i] > 0);
	remove_what_the_dead_left();
	runtime_dir_remove();
	return check_done("shared_crash");
}
