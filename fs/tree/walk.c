/* SPDX-License-Identifier: MIT */
/* walk: see walk.h. One walk a collection; its struct belongs to the net thread once started (only
 * `phase` and `seen` are read elsewhere, under T, which also covers all it changes in the listing). */
#include "tree/walk.h"

#include <errno.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "crm/api.h"
#include "tree/listing.h"
#include "tree/pages.h"
#include "tree/record.h"

enum {
	SIDE_BY_SIDE = 4,   /* pages in flight (F14) */
	PASSES_MAX = 3,	    /* of all pages, while records keep moving */
	OVERLAP_S = 10,	    /* clocks of web nodes differ, transactions take time */
	WINDOW_S = 60,	    /* a page may have to wait for the next rate window */
	REFUSED_FOR_S = 60, /* how long a 403 is believed */
	FAILED_FOR_S = 5,   /* how long stale data is served before the server is asked again */
	TRIES_AT_THE_END = 2,
	BISECT_SLACK = 16, /* requests beyond which reading all pages is cheaper */
};

enum phase { PAGES, CHANGED, TRASHED, BISECT };

struct walk {
	struct coll *coll;
	enum phase phase; /* written under T */
	uint64_t started, timeout_ns;
	int64_t mark, next_mark;
	long per_page, total, last_page;
	int64_t newest; /* updated_at seen: the mark, where the server sends no Date */
	long answered;	/* requests so far */
	unsigned unusable;
	int err; /* the first failure */
	unsigned in_flight;
	struct pages pages;
	struct walk_progress seen; /* (T) */
	int passes, tail_tries;
	long lo, hi, steps; /* BISECT */
};

static void step(struct walk *w);

static void walk_free(struct walk *w)
{
	pages_fini(&w->pages);
	free(w);
}

bool walk_is_long(const struct walk *w)
{
	return w->phase == PAGES;
}

bool walk_progress(const struct walk *w, struct walk_progress *out)
{
	*out = w->seen;
	return walk_is_long(w);
}

static void set_phase(struct walk *w, enum phase phase)
{
	tree_lock(w->coll->tree);
	w->phase = phase;
	tree_unlock(w->coll->tree);
}

/* How long the failure is believed: no longer than a success would be. */
static uint64_t failed_for(const struct coll *c, int err)
{
	uint64_t ns = err == -EPERM	    ? REFUSED_FOR_S * NS_PER_SEC
		      : c->listing.complete ? FAILED_FOR_S * NS_PER_SEC
					    : 0;
	return ns < c->tree->config.ttl_ns ? ns : c->tree->config.ttl_ns;
}

static void note_end(struct walk *w, uint64_t now) REQUIRES(T)
{
	struct coll *c = w->coll;
	struct listing *l = &c->listing;

	l->walk = NULL;
	l->failure = w->err;
	if (w->err) {
		l->failed_until = now + failed_for(c, w->err);
		c->absent |= w->err == -ENOENT && !l->complete;
		return;
	}
	l->failed_until = 0;
	l->complete = true;
	l->checked_at = w->started < l->old_before ? w->started : now;
	l->mark = (w->next_mark ? w->next_mark : w->newest) - OVERLAP_S;
	l->unusable = w->phase == PAGES ? w->unusable : l->unusable;
	l->suspect = w->phase == PAGES && w->last_page > 1;
}

static void finish(struct walk *w, uint64_t now)
{
	struct coll *c = w->coll;
	struct tree *t = c->tree;
	struct list ready;
	int err = w->err;

	list_init(&ready);
	tree_lock(t);
	note_end(w, now);
	size_t count = c->listing.count;
	wait_settle(t, &c->listing.arrived, err, &ready);
	tree_unlock(t);
	if (err)
		log_warning("tree: listing of %s failed: err=%d", c->kind->name, -err);
	else
		log_debug(LOG_TREE, "listing of %s: records=%zu requests=%ld", c->kind->name, count,
			  w->answered);
	walk_free(w);
	wait_wake_all(&ready);
}

/* The lane: nobody waits for the rest of a walk whose askers have gone. */
static enum lane lane_of(const struct walk *w) REQUIRES(T)
{
	if (w->phase == CHANGED || w->phase == TRASHED)
		return LANE_READ;
	return list_is_empty(&w->coll->listing.arrived.waiters) ? LANE_BACKGROUND : LANE_LISTING;
}

static void ask(struct walk *w, struct job *j, void (*done)(struct job *j), uint64_t now)
{
	struct tree *t = w->coll->tree;

	if (!j) {
		w->err = w->err ? w->err : -ENOMEM;
		return;
	}
	j->done = done;
	j->arg = w;
	j->deadline = now + w->timeout_ns;
	tree_lock(t);
	if (w->phase == PAGES || w->phase == BISECT)
		j->deadline += WINDOW_S * NS_PER_SEC;
	j->lane = lane_of(w);
	w->coll->listing.requests++;
	tree_unlock(t);
	w->in_flight++;
	http_submit(t->config.http, j);
}

/* What every answer brings: 0 and a page, or the walk's failure. */
static int take_answer(struct walk *w, struct job *j, struct page_msg *m)
{
	w->in_flight--;
	w->answered++;
	int err = j->err ? j->err : api_read_page(w->coll->kind, j, m);
	if (err) {
		w->err = w->err ? w->err : err;
		return err;
	}
	w->total = m->total;
	w->last_page = m->last_page > 1 ? m->last_page : 1;
	if (m->per_page > 0)
		w->per_page = m->per_page;
	if (w->answered == 1)
		w->next_mark = j->server_time;
	for (size_t i = 0; i < m->count; i++) {
		if (m->records[i].updated_at > w->newest)
			w->newest = m->records[i].updated_at;
	}
	return 0;
}

static int absorb_page(struct walk *w, const struct page_msg *m, uint64_t asked_at, bool add)
	REQUIRES(T)
{
	for (size_t i = 0; i < m->count; i++) {
		struct record *rec = record_get(w->coll, m->records[i].id);
		if (!rec)
			return -ENOMEM;
		record_absorb(rec, &m->records[i], asked_at);
		if (add && rec->state == RECORD_PRESENT && listing_add(w->coll, rec->id) < 0)
			return -ENOMEM;
	}
	return 0;
}

/* PAGES */

static void start_pass(struct walk *w, long from)
{
	pages_restart(&w->pages, from);
	w->unusable = 0;
	if (from == 1)
		w->started = clock_now(); /* what only an earlier pass saw may be gone */
}

static void page_done(struct job *j)
{
	struct walk *w = j->arg;
	CLEANUP(page_msg_fini) struct page_msg m = {0};

	if (take_answer(w, j, &m) == 0) {
		if (!pages_was_asked(&w->pages, m.page)) {
			log_warning("tree: %s: asked for one page, got page=%ld",
				    w->coll->kind->name, m.page);
			w->err = -EIO;
		} else {
			pages_came(&w->pages, m.page, m.total);
			w->unusable += m.unusable;
			tree_lock(w->coll->tree);
			w->seen = (struct walk_progress){w->pages.done, w->last_page};
			int err = absorb_page(w, &m, j->started, false);
			tree_unlock(w->coll->tree);
			w->err = w->err ? w->err : err;
		}
	}
	uint64_t now = j->finished;
	job_free(j);
	if (w->err && !w->in_flight)
		finish(w, now);
	else if (!w->err)
		step(w);
}

static void ask_pages(struct walk *w, uint64_t now)
{
	/* Page 1 goes alone: it tells how many there are. */
	unsigned side_by_side = w->answered ? SIDE_BY_SIDE : 1;
	unsigned size = w->coll->tree->config.page_size;
	long number = 1;

	while (!w->err && w->in_flight < side_by_side && number > 0) {
		number = pages_next(&w->pages, w->last_page);
		if (number > 0)
			ask(w, api_list(w->coll->kind, number, size), page_done, now);
		else if (number < 0)
			w->err = (int)number;
	}
}

static int by_id(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

/* What this walk saw becomes the listing; what it did not see is gone. */
static int collect(struct walk *w) REQUIRES(T)
{
	struct coll *c = w->coll;
	struct listing *l = &c->listing;
	size_t room = c->records.count + 1, count = 0, gone = room;
	uint64_t *ids = malloc(room * sizeof(*ids));

	if (!ids)
		return -ENOMEM;
	/* Seen ones from the front, others from the back: vanishing may unmap, so it comes after. */
	for (struct map_entry *e = map_next(&c->records, NULL); e; e = map_next(&c->records, e)) {
		struct record *rec = container_of(e, struct record, by_id);
		if (rec->state == RECORD_PRESENT)
			ids[rec->asked_at >= w->started ? count++ : --gone] = rec->id;
	}
	for (; gone < room; gone++)
		record_vanish(record_find(c, ids[gone]), w->started);
	qsort(ids, count, sizeof(*ids), by_id);
	free(l->ids);
	l->ids = ids;
	l->room = room;
	l->count = count;
	roll_put(STEAL(l->roll));
	return 0;
}

static long surplus(const struct walk *w, unsigned unusable) REQUIRES(T)
{
	return (long)w->coll->listing.count + (long)unusable - w->total;
}

static void start_bisect(struct walk *w) REQUIRES(T)
{
	w->phase = BISECT;
	w->lo = 1;
	w->hi = ((long)w->coll->listing.count + w->per_page - 1) / w->per_page;
	w->steps = 0;
}

/* All pages are in. True: the walk is over (w->err says how). */
static bool end_of_pages(struct walk *w) REQUIRES(T)
{
	long more = 0;

	w->err = collect(w);
	if (w->err || (more = surplus(w, w->unusable)) == 0)
		return true;
	if (more > 0 && !w->unusable) {
		start_bisect(w);
		return false;
	}
	if (more < 0 && w->tail_tries++ < TRIES_AT_THE_END) {
		start_pass(w, w->last_page); /* records were appended while we read */
		return false;
	}
	if (++w->passes >= PASSES_MAX) {
		w->err = -EAGAIN;
		return true;
	}
	start_pass(w, 1);
	return false;
}

/* CHANGED and TRASHED */

static void fall_back_to_pages(struct walk *w)
{
	set_phase(w, PAGES);
	w->err = 0;
	w->last_page = 1;
	start_pass(w, 1);
	step(w);
}

static bool reaches_mark(const struct walk *w, const struct page_msg *m)
{
	return m->count == 0 || m->page >= m->last_page ||
	       m->records[m->count - 1].updated_at < w->mark;
}

static void since_done(struct job *j);

static void ask_since(struct walk *w, long page, uint64_t now)
{
	unsigned size = w->coll->tree->config.page_size;

	ask(w,
	    w->phase == CHANGED ? api_changed(w->coll->kind, page, size)
				: api_trashed(w->coll->kind, page, size),
	    since_done, now);
}

static void vanish_page(struct walk *w, const struct page_msg *m, uint64_t asked_at) REQUIRES(T)
{
	for (size_t i = 0; i < m->count; i++) {
		struct record *rec = record_find(w->coll, m->records[i].id);
		if (rec && rec->state == RECORD_PRESENT && m->records[i].updated_at >= w->mark)
			record_vanish(rec, asked_at);
	}
}

/* After the last page of CHANGED or TRASHED: what is left to find out? */
static void end_of_since(struct walk *w, uint64_t now)
{
	struct tree *t = w->coll->tree;
	bool over = false;

	tree_lock(t);
	struct listing *l = &w->coll->listing;
	long more = surplus(w, l->unusable);
	bool suspect = l->suspect;
	l->suspect = false;
	enum phase was = w->phase;
	if (was == CHANGED && w->coll->kind->has_trash && (more > 0 || suspect))
		w->phase = TRASHED;
	else if (more > 0 && !l->unusable)
		start_bisect(w);
	else
		over = more == 0;
	enum phase now_in = w->phase;
	tree_unlock(t);
	if (over)
		finish(w, now);
	else if (now_in == was)
		fall_back_to_pages(w);
	else
		step(w);
}

static void since_done(struct job *j)
{
	struct walk *w = j->arg;
	CLEANUP(page_msg_fini) struct page_msg m = {0};
	long total = w->total;
	uint64_t now = j->finished;
	bool trash = w->phase == TRASHED;

	if (take_answer(w, j, &m) == 0) {
		tree_lock(w->coll->tree);
		if (trash)
			vanish_page(w, &m, j->started);
		else
			w->err = absorb_page(w, &m, j->started, true);
		tree_unlock(w->coll->tree);
	}
	if (trash)
		w->total = total; /* the trash's own total is of no use */
	int status = j->status;
	job_free(j);
	if (status == 500 || (!w->err && m.count && m.records[0].updated_at == VIEW_NO_TIME))
		fall_back_to_pages(w); /* a collection without updated_at, or without that trash */
	else if (w->err)
		finish(w, now);
	else if (!reaches_mark(w, &m))
		ask_since(w, m.page + 1, now);
	else
		end_of_since(w, now);
}

/* BISECT */

static bool page_is_ours(const struct listing *l, size_t at, const struct page_msg *m)
{
	if (at > l->count || l->count - at < m->count)
		return false;
	for (size_t i = 0; i < m->count; i++) {
		if (l->ids[at + i] != m->records[i].id)
			return false;
	}
	return m->count > 0;
}

static bool page_has(const struct page_msg *m, uint64_t id)
{
	for (size_t i = 0; i < m->count; i++) {
		if (m->records[i].id == id)
			return true;
	}
	return false;
}

/* The page stands where our ids at `at` do: what is not on it, up to its last id, is gone. */
static void mend_page(struct walk *w, size_t at, const struct page_msg *m, uint64_t asked_at)
	REQUIRES(T)
{
	struct listing *l = &w->coll->listing;
	bool last = m->page >= m->last_page;
	uint64_t end = last || !m->count ? UINT64_MAX : m->records[m->count - 1].id;

	while (at < l->count && l->ids[at] <= end) {
		struct record *rec = record_find(w->coll, l->ids[at]);
		if (page_has(m, l->ids[at]) || (rec && rec->asked_at > asked_at))
			at++;
		else if (rec)
			record_vanish(rec, asked_at);
		else
			listing_drop(w->coll, l->ids[at]);
	}
}

/* Takes one page in. True: the total is met. */
static bool bisect(struct walk *w, const struct page_msg *m, uint64_t asked_at) REQUIRES(T)
{
	struct listing *l = &w->coll->listing;
	size_t at = (size_t)(m->page - 1) * (size_t)w->per_page;

	if (page_is_ours(l, at, m)) {
		w->lo = m->page + 1;
	} else if (w->lo < m->page) {
		w->hi = m->page;
	} else {
		w->err = absorb_page(w, m, asked_at, true);
		mend_page(w, at, m, asked_at);
		w->lo = m->page + 1;
		w->hi = ((long)l->count + w->per_page - 1) / w->per_page;
	}
	return surplus(w, 0) == 0;
}

static void bisect_done(struct job *j)
{
	struct walk *w = j->arg;
	CLEANUP(page_msg_fini) struct page_msg m = {0};
	bool met = false;
	uint64_t now = j->finished;

	if (take_answer(w, j, &m) == 0) {
		tree_lock(w->coll->tree);
		met = bisect(w, &m, j->started);
		tree_unlock(w->coll->tree);
	}
	job_free(j);
	if (w->err || met)
		finish(w, now);
	else
		step(w);
}

static void ask_bisect(struct walk *w, uint64_t now)
{
	if (w->lo > w->hi || w->steps++ > w->last_page + BISECT_SLACK) {
		if (++w->passes >= PASSES_MAX) {
			w->err = -EAGAIN;
			return;
		}
		set_phase(w, PAGES);
		start_pass(w, 1);
		ask_pages(w, now);
		return;
	}
	ask(w, api_list(w->coll->kind, (w->lo + w->hi) / 2, w->coll->tree->config.page_size),
	    bisect_done, now);
}

/* Sends what comes next; ends the walk when nothing does. */
static void step(struct walk *w)
{
	uint64_t now = clock_now();

	if (w->phase == PAGES) {
		ask_pages(w, now);
		if (w->in_flight)
			return;
		bool over = true;
		if (!w->err) {
			tree_lock(w->coll->tree);
			over = end_of_pages(w);
			tree_unlock(w->coll->tree);
		}
		if (over)
			finish(w, now);
		else
			step(w);
		return;
	}
	if (w->phase == BISECT)
		ask_bisect(w, now);
	else
		ask_since(w, 1, now);
	if (w->err && !w->in_flight)
		finish(w, now);
}

struct start {
	struct task task;
	struct walk *walk;
};

static void run_start(struct task *t)
{
	struct start *s = container_of(t, struct start, task);
	struct walk *w = s->walk;

	free(s);
	step(w);
}

int walk_start(struct coll *c, const struct waiter *waiter)
{
	struct listing *l = &c->listing;

	if (c->tree->closing)
		return -ECANCELED;
	struct walk *w = calloc(1, sizeof(*w));
	struct start *s = calloc(1, sizeof(*s));

	if (!w || !s) {
		free(w);
		free(s);
		return -ENOMEM;
	}
	w->coll = c;
	w->per_page = c->tree->config.page_size;
	/* One page tells all of a small collection, hard deletions and renamed labels included. */
	w->phase = l->complete && l->count >= (size_t)w->per_page ? CHANGED : PAGES;
	w->started = waiter->born;
	w->timeout_ns = c->tree->config.timeout_ns;
	w->mark = l->mark;
	w->pages.next = 1;
	w->last_page = 1;
	l->walk = w;
	s->walk = w;
	s->task.run = run_start;
	http_post(c->tree->config.http, &s->task);
	return 0;
}
