/* SPDX-License-Identifier: MIT */
/*
 * shared: several mounts that walk at once, with a fake clock, against a model of the server. As the
 * engine does, a mount asks when an answer of its own comes or its wait is over, and is not woken by
 * what another one learns. Scenarios are random; each is made again from its seed.
 */
#include <inttypes.h>

#include "base/log.h"
#include "http/shared.h"
#include "rate_server.h"
#include "runtime_dir.h"

enum { MOUNTS = 4, PARALLEL = 4, SLOTS = PARALLEL + 2, GHOSTS = 64 };

struct flight {
	bool used, counted;
	uint64_t sent, at_server, back;
	struct limit_seen seen;
};

struct mount {
	struct shared shared;
	struct flight flights[SLOTS];
	bool is_there;
	uint64_t wake; /* its wait is over */
	long pages;    /* got */
	uint64_t page_at, longest_gap;
	uint64_t save_every, save_at; /* 0: none */
	uint64_t longest_save_wait;
	enum lane walk_lane;
};

static struct {
	struct server server;
	struct mount mounts[MOUNTS];
	uint64_t now, latency;
	uint64_t ghosts[GHOSTS]; /* requests of the killed, when they reach the server; 0: none */
} run;

static const struct shared_key key = {"https://crm.example", "1|token", 7};

static uint64_t earlier(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static int flying(const struct mount *m)
{
	int n = 0;

	for (int i = 0; i < SLOTS; i++)
		n += m->flights[i].used;
	return n;
}

static void send_one(struct mount *m)
{
	for (int i = 0; i < SLOTS; i++) {
		struct flight *f = &m->flights[i];
		if (f->used)
			continue;
		uint64_t up = MS + draw((uint32_t)(run.latency / 1000)) * 1000ull;
		uint64_t down = MS + draw((uint32_t)(run.latency / 1000)) * 1000ull;
		*f = (struct flight){.used = true,
				     .sent = run.now,
				     .at_server = run.now + up,
				     .back = run.now + up + down};
		return;
	}
}

static void note_save(struct mount *m)
{
	uint64_t waited = run.now - m->save_at;

	if (waited > m->longest_save_wait)
		m->longest_save_wait = waited;
	m->save_at = run.now + m->save_every;
}

static void note_page(struct mount *m)
{
	if (run.now - m->page_at > m->longest_gap)
		m->longest_gap = run.now - m->page_at;
	m->page_at = run.now;
	m->pages++;
}

static void ask(struct mount *m)
{
	uint64_t wait;

	m->wake = UINT64_MAX;
	while (m->save_every && run.now >= m->save_at && flying(m) < SLOTS) {
		wait = shared_take(&m->shared, LANE_SAVE, 1, run.now);
		if (wait) {
			m->wake = earlier(m->wake, run.now + wait);
			break;
		}
		note_save(m);
		send_one(m);
	}
	while (flying(m) < PARALLEL) {
		wait = shared_take(&m->shared, m->walk_lane, PARALLEL, run.now);
		if (wait) {
			m->wake = earlier(m->wake, run.now + wait);
			break;
		}
		note_page(m);
		send_one(m);
	}
}

static void land(struct mount *m, struct flight *f)
{
	f->used = false;
	expire(&run.server, run.now);
	if (run.server.tells_late && f->seen.status == 200)
		f->seen.left = run.server.size - run.server.count;
	f->seen.size = run.server.size;
	shared_observe(&m->shared, &f->seen, f->sent, run.now);
}

/* When something happens next to it; what happens now is done. */
static uint64_t move(struct mount *m)
{
	bool asks = run.now >= m->wake || (m->save_every && run.now >= m->save_at);
	uint64_t next = m->save_every && run.now < m->save_at ? m->save_at : UINT64_MAX;

	for (int i = 0; i < SLOTS; i++) {
		struct flight *f = &m->flights[i];
		if (f->used && !f->counted && run.now >= f->at_server) {
			f->counted = true;
			f->seen = count(&run.server, true, run.now);
		} else if (f->used && f->counted && run.now >= f->back) {
			land(m, f);
			asks = true;
		}
	}
	if (asks)
		ask(m);
	for (int i = 0; i < SLOTS; i++) {
		struct flight *f = &m->flights[i];
		if (f->used)
			next = earlier(next, f->counted ? f->back : f->at_server);
	}
	return earlier(next, m->wake);
}

static void count_ghosts(void)
{
	for (int i = 0; i < GHOSTS; i++) {
		if (run.ghosts[i] && run.now >= run.ghosts[i]) {
			count(&run.server, true, run.now);
			run.ghosts[i] = 0;
		}
	}
}

static void pass(uint64_t time)
{
	uint64_t until = run.now + time;

	while (run.now < until) {
		uint64_t next = until;
		int first = (int)draw(MOUNTS);
		count_ghosts();
		for (int i = 0; i < MOUNTS; i++) {
			struct mount *m = &run.mounts[(first + i) % MOUNTS];
			if (m->is_there)
				next = earlier(next, move(m));
		}
		run.now = next > run.now ? next : run.now + MS / 10;
	}
}

static void enter(struct mount *m)
{
	*m = (struct mount){.is_there = true, .page_at = run.now, .walk_lane = LANE_LISTING};
	shared_init(&m->shared);
	shared_join(&m->shared, &key, run.now);
	m->wake = run.now;
}

static void begin(uint64_t from, long size)
{
	memset(&run, 0, sizeof(run));
	seed = from * 7919 + 1;
	run.now = (1000 + draw(100000)) * SEC + draw(1000) * MS;
	run.latency = (2 + draw(300)) * MS;
	run.server.size = size;
	run.server.whole_seconds = draw(2);
	run.server.tells_late = draw(2);
	for (long n = draw((uint32_t)size); n > 0; n--)
		count(&run.server, false, run.now);
	run.now += draw(2) ? draw(59000) * MS : 0;
	for (int i = 0; i < MOUNTS; i++)
		enter(&run.mounts[i]);
}

static void finish(void)
{
	for (int i = 0; i < MOUNTS; i++) {
		if (run.mounts[i].is_there)
			shared_leave(&run.mounts[i].shared);
	}
}

static void blame(bool ok, uint64_t from, long size)
{
	if (!ok)
		fprintf(stderr, "\tseed %" PRIu64 ", size %ld\n", from, size);
}

/* Not one 429, nothing left over, and each gets his part. */
static void test_four_walk(void)
{
	static const long sizes[] = {60, 60, 90, 20};

	for (uint64_t i = 0; i < 16; i++) {
		long size = sizes[i % 4], least = INT32_MAX, all = 0;
		begin(i, size);
		pass(360 * SEC);
		blame(CHECK_EQ(run.server.refused, 0), i, size);
		for (int w = 1; w + 1 < run.server.windows; w++)
			blame(CHECK(run.server.window[w].ours >= size - 2), i, size);
		for (int m = 0; m < MOUNTS; m++) {
			long pages = run.mounts[m].pages;
			all += pages;
			least = pages < least ? pages : least;
		}
		blame(CHECK(least * MOUNTS >= all / 2), i, size);
		finish();
	}
}

/* Fewer requests than mounts in a minute: in turn, so nobody waits longer than all together. */
static void test_nobody_starves(void)
{
	for (uint64_t i = 0; i < 8; i++) {
		long size = 1 + (long)i % 4;
		begin(i, size);
		pass(3600 * SEC);
		blame(CHECK_EQ(run.server.refused, 0), i, size);
		for (int m = 0; m < MOUNTS; m++) {
			uint64_t turns = (uint64_t)(MOUNTS + size - 1) / (uint64_t)size + 1;
			blame(CHECK(run.mounts[m].longest_gap <= turns * 62 * SEC), i, size);
		}
		finish();
	}
}

/* Three mounts walk, in whichever lane; a save in the fourth goes at once. */
static void test_a_save_beside_walks(void)
{
	for (uint64_t i = 0; i < 12; i++) {
		begin(i, 60);
		struct mount *saver = &run.mounts[0];
		saver->walk_lane = LANE_BACKGROUND;
		run.mounts[1].walk_lane = LANE_BACKGROUND;
		pass(61 * SEC); /* the first window was begun by somebody else */
		saver->save_every = 31 * SEC;
		saver->save_at = run.now + 10 * SEC;
		pass(400 * SEC);
		blame(CHECK_EQ(run.server.refused, 0), i, 60);
		blame(CHECK(saver->longest_save_wait <= 100 * MS), i, 60);
		finish();
	}
}

/* What it has on the wire arrives all the same. */
static void kill_mount(struct mount *m)
{
	for (int i = 0, g = 0; i < SLOTS; i++) {
		if (!m->flights[i].used || m->flights[i].counted)
			continue;
		while (run.ghosts[g])
			g++;
		run.ghosts[g] = m->flights[i].at_server;
	}
	close(m->shared.ledger.fd);
	m->is_there = false;
}

/* Killed with its requests under way, and mounted again, again and again. */
static void test_mounts_come_and_go(void)
{
	for (uint64_t i = 0; i < 12; i++) {
		begin(i, 60);
		run.latency = (100 + draw(1500)) * MS;
		for (int n = 0; n < 40; n++) {
			struct mount *m = &run.mounts[1 + draw(MOUNTS - 1)];
			pass(draw(20000) * MS);
			if (m->is_there)
				kill_mount(m);
			else
				enter(m);
		}
		blame(CHECK_EQ(run.server.refused, 0), i, 60);
		finish();
	}
}

int main(void)
{
	runtime_dir_make();
	log_mute(true);
	test_four_walk();
	test_nobody_starves();
	test_a_save_beside_walks();
	test_mounts_come_and_go();
	runtime_dir_remove();
	return check_done("shared_walk");
}
