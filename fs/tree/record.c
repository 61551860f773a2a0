/* SPDX-License-Identifier: MIT */
/* record: what is known of one record. Under T; the GET's end runs on the net thread. */
#include "tree/record.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "tree/listing.h"
#include "tree/name.h"
#include "tree/node.h"
#include "tree/refusal.h"
#include "tree/walk.h"

enum {
	ABSENT_MAX = 1024, /* remembered 404s */
	VERSIONS_MAX = 6,  /* earlier texts of one record that a buffer may still hold */
};
#define ABSENT_MIN_NS (2 * NS_PER_SEC)

static bool match_id(const struct map_entry *e, const void *key)
{
	return container_of(e, const struct record, by_id)->id == *(const uint64_t *)key;
}

struct record *record_find(struct coll *c, uint64_t id)
{
	struct map_entry *e = map_find(&c->records, map_hash_u64(id), match_id, &id);

	return e ? container_of(e, struct record, by_id) : NULL;
}

/* Nobody is left who waits for the answer: a queued or running GET is dropped. */
static void fetch_deserted(struct tree *t, struct wait_point *p)
{
	struct record *rec = container_of(p, struct record, fetched);

	tree_lock(t);
	struct job *j = rec->fetch;
	tree_unlock(t);
	if (j)
		http_cancel(t->config.http, j);
}

struct record *record_get(struct coll *c, uint64_t id)
{
	struct record *rec = record_find(c, id);

	if (rec)
		return rec;
	rec = calloc(1, sizeof(*rec));
	if (!rec)
		return NULL;
	rec->coll = c;
	rec->id = id;
	rec->refs = 1;
	rec->mapped = true;
	rec->updated_at = VIEW_NO_TIME;
	list_init(&rec->versions);
	list_init(&rec->in_absents);
	wait_point_init(&rec->fetched);
	wait_point_init(&rec->deleted);
	rec->fetched.deserted = fetch_deserted;
	if (map_insert(&c->records, &rec->by_id, map_hash_u64(id)) < 0) {
		free(rec);
		return NULL;
	}
	return rec;
}

struct record *record_ref(struct record *rec)
{
	rec->refs++;
	return rec;
}

static void version_free(struct version *v)
{
	list_remove(&v->link);
	text_put(&v->base);
	text_put(&v->then);
	free(v);
}

static void leave_absents(struct record *rec)
{
	if (!list_is_linked(&rec->in_absents))
		return;
	list_remove(&rec->in_absents);
	rec->coll->tree->absent_count--;
}

/* Every text comes and goes here. text: NULL: none. */
static void set_text(struct record *rec, const struct text *text)
{
	struct coll *c = rec->coll;
	struct text old = rec->text;

	c->text_count -= text_is_set(&old);
	c->text_bytes -= old.len;
	rec->text = text ? text_ref(text) : (struct text){0};
	c->text_count += text_is_set(&rec->text);
	c->text_bytes += rec->text.len;
	text_put(&old);
}

static void record_free(struct record *rec)
{
	leave_absents(rec);
	while (!list_is_empty(&rec->versions))
		version_free(container_of(rec->versions.next, struct version, link));
	set_text(rec, NULL);
	text_put(&rec->told_text);
	free(rec->via);
	free(rec->told_names);
	free(rec);
}

static void unmap(struct record *rec)
{
	map_remove(&rec->coll->records, &rec->by_id);
	rec->mapped = false;
	record_put(rec);
}

void record_put(struct record *rec)
{
	if (!rec)
		return;
	rec->refs--;
	/* What was only guessed at (a lookup of a name nobody listed) is not worth keeping. */
	if (rec->refs == 1 && rec->mapped && rec->state == RECORD_UNKNOWN)
		unmap(rec);
	else if (rec->refs == 0)
		record_free(rec);
}

void record_forget(struct record *rec)
{
	unmap(rec);
}

static void forget_oldest_absent(struct tree *t)
{
	struct record *rec = container_of(t->absents.next, struct record, in_absents);

	leave_absents(rec);
	if (rec->refs == 1 && rec->mapped)
		unmap(rec);
}

static void enter_absents(struct record *rec)
{
	struct tree *t = rec->coll->tree;

	if (!list_is_linked(&rec->in_absents)) {
		list_append(&t->absents, &rec->in_absents);
		t->absent_count++;
	}
	rec->state = RECORD_ABSENT;
	/* Long enough for the lookup that follows an ESTALE, whatever ttl says. */
	rec->absent_until =
		clock_now() + (t->config.ttl_ns > ABSENT_MIN_NS ? t->config.ttl_ns : ABSENT_MIN_NS);
	if (t->absent_count > ABSENT_MAX)
		forget_oldest_absent(t);
}

static struct version *version_find(const struct record *rec, int64_t updated_at, pid_t process)
{
	list_each(pos, &rec->versions) {
		struct version *v = container_of(pos, struct version, link);
		if (v->updated_at == updated_at && v->process == process)
			return v;
	}
	return NULL;
}

/* Another text that was served, of the same second. */
static struct version *version_other(const struct record *rec, const struct version *than)
{
	list_each(pos, &rec->versions) {
		struct version *v = container_of(pos, struct version, link);
		if (v != than && v->updated_at == than->updated_at && !v->process)
			return v;
	}
	return NULL;
}

/* The newest that somebody saved. */
static struct version *version_saved(const struct record *rec, int64_t updated_at)
{
	list_each(pos, &rec->versions) {
		struct version *v = container_of(pos, struct version, link);
		if (v->updated_at == updated_at && v->process)
			return v;
	}
	return NULL;
}

static size_t version_count(const struct record *rec)
{
	size_t n = 0;

	list_each(pos, &rec->versions)
		n++;
	return n;
}

void record_remember(struct record *rec, int64_t updated_at, pid_t process, const struct text *base,
		     const struct text *then)
{
	struct version *v = version_find(rec, updated_at, process);

	if (v && process)
		version_free(v);
	else if (v && (text_equal(&v->base, base) || version_other(rec, v)))
		return; /* two texts of one second are enough to know that it was not one */
	v = calloc(1, sizeof(*v));
	if (!v)
		return;
	v->updated_at = updated_at;
	v->process = process;
	v->base = text_ref(base);
	v->then = text_ref(then);
	list_add_before(rec->versions.next, &v->link);
	if (version_count(rec) > VERSIONS_MAX)
		version_free(container_of(rec->versions.prev, struct version, link));
}

bool record_base(const struct record *rec, int64_t updated_at, pid_t process, struct base *out)
{
	struct version *v = process ? version_find(rec, updated_at, process) : NULL, *other;

	if (v) {
		*out = (struct base){.base = &v->base, .then = &v->then};
		return true;
	}
	v = version_find(rec, updated_at, 0);
	if (rec->state == RECORD_PRESENT && rec->updated_at == updated_at) {
		bool same = !v || text_equal(&v->base, &rec->text);
		*out = (struct base){.base = &rec->text, .then = &rec->text};
		out->other = same ? NULL : &v->base;
		return true;
	}
	other = v ? version_other(rec, v) : NULL;
	*out = (struct base){.base = v ? &v->base : &rec->text,
			     .then = v ? &v->then : &rec->text,
			     .other = other ? &other->base : NULL};
	struct version *saved = v && !other ? version_saved(rec, updated_at) : NULL;
	if (saved) {
		out->saved = &saved->base;
		out->saved_then = &saved->then;
	}
	return v;
}

/* The text is about to change. Who reads the old one keeps it whole: page cache and size are an
 * inode's, so the new version gets another one. Who has it open to write stays with the record. */
static void tell_node(struct record *rec) REQUIRES(T)
{
	struct tree *t = rec->coll->tree;
	struct node *n = rec->node;
	char name[NAME_RECORD_MAX];

	if (!n || n->draft)
		return;
	if (rec->state == RECORD_PRESENT && n->readers && !n->writers) {
		name_of_record(rec->id, name);
		tree_tell_stale(t, 0, rec->coll->dir->ino, name);
		node_orphan(t, n);
		n->superseded = true;
	} else {
		tree_tell_stale(t, n->ino, 0, NULL);
	}
}

/* Somebody may still have it in an editor. */
static void remember_served(struct record *rec) REQUIRES(T)
{
	if (!rec->served)
		return;
	/* A copy: the slice would keep a whole page's blob alive for one old text. */
	struct blob *copy = blob_copy(text_data(&rec->text), rec->text.len);
	if (copy) {
		struct text old = text_of(copy, 0, rec->text.len);
		record_remember(rec, rec->updated_at, 0, &old, &old);
		text_put(&old);
		blob_put(copy);
	}
	rec->served = false;
}

static void replace_text(struct record *rec, const struct text *text) REQUIRES(T)
{
	struct tree *t = rec->coll->tree;

	remember_served(rec);
	tell_node(rec);
	set_text(rec, text);
	rec->version = ++t->next_version;
}

void record_absorb(struct record *rec, const struct record_msg *msg, uint64_t asked_at)
{
	if (asked_at < rec->asked_at)
		return;
	leave_absents(rec);
	rec->asked_at = asked_at;
	rec->doubtful = false;
	if (rec->state != RECORD_PRESENT || !text_equal(&rec->text, &msg->text))
		replace_text(rec, &msg->text);
	rec->updated_at = msg->updated_at;
	rec->has_products = msg->has_products;
	rec->state = RECORD_PRESENT;
	/* A record that we had to learn of one by one: its listing has to know it too. */
	if (rec->coll->listing.complete)
		listing_add(rec->coll, rec->id);
}

void record_vanish(struct record *rec, uint64_t asked_at)
{
	struct tree *t = rec->coll->tree;
	char name[NAME_RECORD_MAX];

	if (asked_at < rec->asked_at)
		return;
	record_ref(rec);
	rec->asked_at = asked_at;
	if (rec->node && !rec->node->draft) {
		name_of_record(rec->id, name);
		tree_tell_stale(t, rec->node->ino, rec->coll->dir->ino, name);
		/* Whoever has it open to write stays with the record: what they write is refused, and
		 * kept. Whoever was about to open it looks the name up again. */
		if (rec->state == RECORD_PRESENT && !rec->node->writers) {
			rec->node->superseded = true;
			node_orphan(t, rec->node);
		}
	}
	remember_served(rec);
	set_text(rec, NULL);
	rec->version = 0;
	/* Of a text that is nowhere any more nobody needs to know, unless it can be saved again. */
	if ((!rec->node || !rec->node->draft) && !rec->told_gone) {
		name_of_record(rec->id, name);
		refusal_lift(refusal_find(rec->coll, name));
	}
	enter_absents(rec);
	listing_drop(rec->coll, rec->id);
	record_put(rec);
}

uint64_t record_fresh_until(const struct record *rec)
{
	const struct coll *c = rec->coll;
	uint64_t asked = rec->asked_at;

	if (rec->state != RECORD_PRESENT || rec->doubtful)
		return 0;
	if (c->listing.complete && c->listing.checked_at > asked)
		asked = c->listing.checked_at;
	if (asked < c->listing.old_before)
		return 0;
	return asked + c->tree->config.ttl_ns;
}

bool record_is_fresh(const struct record *rec, uint64_t now)
{
	return record_fresh_until(rec) > now;
}

void record_vacate(struct record *rec, uint64_t now)
{
	if (rec->node)
		node_orphan(rec->coll->tree, rec->node);
	rec->vacated = true;
	rec->vacated_until = now + RECORD_VACATED_NS;
}

bool record_is_vacated(const struct record *rec, uint64_t now)
{
	return rec->vacated && rec->vacated_until > now;
}

/* The GET's end. Net thread. */
static void record_fetched(struct job *j)
{
	struct record *rec = j->arg;
	struct tree *t = rec->coll->tree;
	CLEANUP(record_msg_fini) struct record_msg msg = {0};
	int err = j->err ? j->err : api_read_record(rec->coll->kind, j, &msg);
	struct list ready;

	if (!err && msg.id != rec->id) {
		log_warning("tree: asked for %s/%" PRIu64 ", got id=%" PRIu64,
			    rec->coll->kind->name, rec->id, msg.id);
		err = -EIO;
	}
	list_init(&ready);
	tree_lock(t);
	if (!err)
		record_absorb(rec, &msg, j->started);
	else if (err == -ENOENT)
		record_vanish(rec, j->started);
	rec->fetch = NULL;
	wait_settle(t, &rec->fetched, err, &ready);
	record_put(rec);
	tree_unlock(t);
	job_free(j);
	wait_wake_all(&ready);
}

static int start_fetch(struct record *rec, const struct waiter *w) REQUIRES(T)
{
	struct job *j = api_get(rec->coll->kind, rec->id);

	if (!j)
		return -ENOMEM;
	j->done = record_fetched;
	j->arg = record_ref(rec);
	j->deadline = w->deadline;
	rec->fetch = j;
	http_submit(rec->coll->tree->config.http, j);
	return 0;
}

/* The one way to ask: the whole collection where its listing stands, else this record alone. */
static int ask(struct record *rec, struct waiter *w) REQUIRES(T)
{
	struct listing *l = &rec->coll->listing;
	int err = wait_may_spend(w);

	if (err)
		return err;
	if (l->complete && !rec->doubtful && !(l->walk && walk_is_long(l->walk)))
		return listing_want(rec->coll, w);
	if (!rec->fetch && (err = start_fetch(rec, w)) < 0)
		return err;
	return wait_park(rec->coll->tree, &rec->fetched, w);
}

/* A listing that was just confirmed lacks it. */
static int not_listed(struct record *rec) REQUIRES(T)
{
	record_vanish(rec, rec->asked_at);
	return -ENOENT;
}

/* w waited for what had left before w was told to ask anew: once more. */
static bool came_early(const struct record *rec, int result, const struct waiter *w) REQUIRES(T)
{
	const struct listing *l = &rec->coll->listing;

	if (rec->state != RECORD_PRESENT)
		return false;
	if (rec->doubtful)
		return result == 0 && rec->asked_at <= w->born;
	return rec->asked_at < l->old_before && listing_came_early(l, result, w);
}

int record_want(struct record *rec, struct waiter *w)
{
	int result;
	uint64_t now = w->born;

	if (wait_take_result(w, &result) && !came_early(rec, result, w)) {
		if (result == -EINTR || rec->state == RECORD_PRESENT)
			return result == -EINTR ? -EINTR : 0;
		return result < 0 ? result : not_listed(rec);
	}
	if (rec->coll->absent)
		return -ENOENT;
	if (record_is_fresh(rec, now))
		return 0;
	int r = ask(rec, w);
	/* Not even asked: what is known is served, but nothing is called absent. */
	if (r <= 0 && r != -EINTR && rec->state == RECORD_PRESENT)
		return 0;
	if (r == 0 && listing_is_fresh(&rec->coll->listing, now, rec->coll->tree->config.ttl_ns))
		return not_listed(rec);
	return r == 0 ? rec->coll->listing.failure : r;
}
