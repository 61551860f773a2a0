/* SPDX-License-Identifier: MIT */
/* node: the inode table and the meaning of names. Everything under T; never waits, never does I/O. */
#include "tree/node.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "tree/draft.h"
#include "tree/listing.h"
#include "tree/name.h"
#include "tree/control.h"
#include "tree/help.h"
#include "tree/record.h"
#include "tree/refusal.h"

enum {
	RECORD_INO_SHIFT = 48, /* collection above, id below */
	DIR_TIMEOUT_S = 3600,
};
#define FIRST_LOCAL_INO (1ull << 62)

static bool match_ino(const struct map_entry *e, const void *key)
{
	return container_of(e, const struct node, by_ino)->ino == *(const uint64_t *)key;
}

struct node *node_find(struct tree *t, uint64_t ino)
{
	struct map_entry *e = map_find(&t->inodes, map_hash_u64(ino), match_ino, &ino);

	return e ? container_of(e, struct node, by_ino) : NULL;
}

struct coll *node_coll(struct tree *t, uint64_t dir)
{
	struct node *n = node_find(t, dir);

	return n && n->type == NODE_DIR ? n->coll : NULL;
}

struct node *node_new(struct tree *t, enum node_type type, struct coll *c, uint64_t want)
{
	struct node *n = calloc(1, sizeof(*n));

	if (!n)
		return NULL;
	n->ino = want && !node_find(t, want) ? want : FIRST_LOCAL_INO + t->next_local_ino++;
	n->type = type;
	n->coll = c;
	n->pins = 1;
	if (map_insert(&t->inodes, &n->by_ino, map_hash_u64(n->ino)) < 0) {
		free(n);
		return NULL;
	}
	return n;
}

void node_set_origin(struct node *n, struct record *rec)
{
	struct record *old = n->origin;

	n->origin = rec ? record_ref(rec) : NULL;
	if (rec)
		rec->away++;
	if (old)
		old->away--;
	record_put(old);
}

static void node_free(struct tree *t, struct node *n) REQUIRES(T)
{
	struct record *rec = STEAL(n->record);

	map_remove(&t->inodes, &n->by_ino);
	if (n->draft)
		draft_detach(t, n->draft); /* an unlinked one, which does not pin us */
	if (rec && rec->node == n)
		rec->node = NULL;
	record_put(rec);
	node_set_origin(n, NULL);
	text_put(&n->text);
	free(n->target);
	free(n);
}

void node_pin(struct tree *t, struct node *n)
{
	(void)t;
	n->pins++;
}

static void free_if_unused(struct tree *t, struct node *n) REQUIRES(T)
{
	if (!n->pins && !n->lookups)
		node_free(t, n);
}

void node_unpin(struct tree *t, struct node *n)
{
	if (!n)
		return;
	n->pins--;
	free_if_unused(t, n);
}

uint64_t node_ino_of_record(const struct record *rec)
{
	size_t index = (size_t)(rec->coll - rec->coll->tree->colls);

	if (rec->node)
		return rec->node->ino;
	if (rec->id >> RECORD_INO_SHIFT)
		return 0;
	return ((uint64_t)index + 1) << RECORD_INO_SHIFT | rec->id;
}

struct node *node_of_record(struct tree *t, struct record *rec)
{
	if (rec->node) {
		node_pin(t, rec->node);
		return rec->node;
	}
	struct node *n = node_new(t, NODE_FILE, rec->coll, node_ino_of_record(rec));
	if (!n)
		return NULL;
	n->record = record_ref(rec);
	rec->node = n;
	return n;
}

void node_orphan(struct tree *t, struct node *n)
{
	struct record *rec = n->record;

	(void)t;
	if (!rec)
		return;
	text_put(&n->text);
	n->text = text_ref(&rec->text);
	n->mtime = rec->updated_at;
	n->seen_version = 0;
	if (rec->node == n)
		rec->node = NULL;
	n->record = NULL;
	record_put(rec);
}

void node_set_coll(struct node *n, struct coll *c)
{
	if (n->coll == c)
		return;
	n->coll = c;
	if (!n->draft)
		return;
	list_remove(&n->draft->link);
	list_append(&c->drafts, &n->draft->link);
}

void node_become(struct tree *t, struct node *n, struct record *rec)
{
	if (rec->node && rec->node != n)
		node_orphan(t, rec->node);
	if (n->record != rec) {
		record_put(STEAL(n->record));
		n->record = record_ref(rec);
	}
	node_set_origin(n, NULL);
	node_set_coll(n, rec->coll);
	text_put(&n->text);
	n->seen_version = 0;
	rec->node = n;
	rec->vacated = false;
}

static bool is_writable(const struct tree *t, const struct node *n)
{
	return !n->refusal && !n->help && !t->config.read_only &&
	       (!n->record || n->record->coll->kind->updates);
}

off_t node_size(const struct node *n)
{
	if (n->draft)
		return n->draft->size;
	if (n->record)
		return (off_t)n->record->text.len;
	return n->target ? (off_t)strlen(n->target) : (off_t)n->text.len;
}

static void fill_times(struct stat *st, struct timespec ts)
{
	st->st_atim = st->st_mtim = st->st_ctim = ts;
}

static struct timespec node_mtime(const struct tree *t, const struct node *n)
{
	if (n->draft)
		return n->draft->mtime;
	time_t sec = n->record ? n->record->updated_at : n->mtime;
	return (struct timespec){.tv_sec = sec == VIEW_NO_TIME || !sec ? t->born : sec};
}

void node_dir_changed(struct coll *c)
{
	clock_gettime(CLOCK_REALTIME, &c->touched);
}

static struct timespec dir_mtime(const struct tree *t, const struct coll *c)
{
	if (c && c->touched.tv_sec && c->touched.tv_sec >= c->changed)
		return c->touched;
	return (struct timespec){.tv_sec = c && c->changed ? c->changed : t->born};
}

static void fill_dir(const struct tree *t, const struct node *n, struct stat *st)
{
	mode_t mode = t->config.read_only ? 0555 : 0755;

	st->st_mode = S_IFDIR | (mode & ~t->config.umask);
	st->st_nlink = 2;
	fill_times(st, dir_mtime(t, n->coll));
}

static void fill_file(const struct tree *t, const struct node *n, struct stat *st)
{
	mode_t mode = is_writable(t, n) ? 0644 : 0444;

	/* 0: removed, and still open */
	st->st_nlink = n->record || n->local || n->refusal || n->control || n->help;
	st->st_size = node_size(n);
	st->st_blocks = (st->st_size + 511) / 512;
	fill_times(st, node_mtime(t, n));
	if (n->type == NODE_LINK)
		st->st_mode = S_IFLNK | 0777;
	else if (n->draft && !n->draft->record && n->draft->mode)
		st->st_mode = S_IFREG | (n->draft->mode & 07777);
	else
		st->st_mode = S_IFREG | (mode & ~t->config.umask);
}

/* A name that is not a record's own may mean something else at any moment: never cached. */
static double timeout_of(const struct node *n, uint64_t now) REQUIRES(T)
{
	if (!n->record || n->draft || n->record->state != RECORD_PRESENT)
		return 0;
	uint64_t until = record_fresh_until(n->record);
	return until > now ? (double)(until - now) / (double)NS_PER_SEC : 0;
}

void node_entry(struct tree *t, struct node *n, uint64_t now, struct entry *out)
{
	bool is_dir = n->type != NODE_FILE && n->type != NODE_LINK && n->type != NODE_CONTROL;

	*out = (struct entry){.ino = n->ino};
	out->attr.st_ino = n->ino;
	out->attr.st_uid = t->config.uid;
	out->attr.st_gid = t->config.gid;
	out->attr.st_blksize = 4096;
	if (is_dir) {
		fill_dir(t, n, &out->attr);
		/* Both: every path walk asks for the permissions of the directories on its way. */
		out->entry_timeout = out->attr_timeout = DIR_TIMEOUT_S;
	} else {
		fill_file(t, n, &out->attr);
		out->entry_timeout = out->attr_timeout = timeout_of(n, now);
	}
}

static bool match_local(const struct map_entry *e, const void *key)
{
	return strcmp(container_of(e, const struct local, by_name)->name, key) == 0;
}

static int resolve_local(struct coll *c, const char *name, struct named *out) REQUIRES(T)
{
	uint64_t hash = map_hash_bytes(name, strlen(name));
	struct map_entry *e = map_find(&c->locals, hash, match_local, name);

	if (!e)
		return -ENOENT;
	out->local = container_of(e, struct local, by_name);
	out->node = out->local->node;
	return 0;
}

/* Absence is believed as long as presence would be. */
static bool is_known_absent(const struct coll *c, const struct record *rec, uint64_t now)
	REQUIRES(T)
{
	uint64_t ttl = c->tree->config.ttl_ns;

	if (c->absent || listing_is_fresh(&c->listing, now, ttl))
		return !rec || rec->state != RECORD_PRESENT;
	return rec && rec->state == RECORD_ABSENT && rec->absent_until > now;
}

int node_resolve(struct tree *t, struct coll *c, const char *name, uint64_t now, struct named *out)
{
	uint64_t id;

	*out = (struct named){.refusal = refusal_at(c, name)};
	if (out->refusal)
		out->node = out->refusal->node;
	if (out->refusal)
		return 0;
	if ((out->node = help_find(t, c, name))) {
		out->is_help = true;
		return 0;
	}
	if (name_classify(name, &id) != NAME_RECORD)
		return resolve_local(c, name, out);
	struct record *rec = record_find(c, id);
	bool has_draft = rec && rec->node && rec->node->draft;
	if (!has_draft && is_known_absent(c, rec, now))
		return -ENOENT;
	if (!has_draft && rec && record_is_vacated(rec, now))
		return -ENOENT;
	if (!rec && !(rec = record_get(c, id)))
		return -ENOMEM;
	if (rec->state == RECORD_ABSENT && !has_draft)
		rec->state = RECORD_UNKNOWN;
	out->record = rec;
	out->node = rec->node;
	return 0;
}

/* gives a pin on the node that stands at that name */
static int node_at(struct tree *t, struct node *dir, const char *name, uint64_t now,
		   struct node **out) REQUIRES(T)
{
	struct named named;

	if (dir->type == NODE_ROOT && strcmp(name, CONTROL_NAME) == 0) {
		node_pin(t, *out = t->control_dir);
		return 0;
	}
	if (dir->type == NODE_ROOT && (*out = help_find(t, NULL, name))) {
		node_pin(t, *out);
		return 0;
	}
	if (dir->type == NODE_ROOT) {
		struct coll *c = tree_coll(t, name);
		if (!c || c->absent)
			return -ENOENT;
		node_pin(t, *out = c->dir);
		return 0;
	}
	if (dir->type != NODE_DIR)
		return -ENOTDIR;
	if (strlen(name) > NAME_MAX) /* the kernel would pass on 1024 bytes */
		return -ENAMETOOLONG;
	int err = node_resolve(t, dir->coll, name, now, &named);
	if (err < 0)
		return err;
	if (named.node)
		node_pin(t, *out = named.node);
	else
		*out = node_of_record(t, named.record);
	return *out ? 0 : -ENOMEM;
}

/* One of .concordfs/'s: its directory is on the disk. Takes dir's pin. */
static int lookup_control(struct tree *t, struct node *dir, const char *name, struct entry *out)
{
	struct node *n = NULL;
	int err = control_lookup(t, dir, name, &n);

	if (!err)
		control_refresh(t, n, out);
	tree_lock(t);
	if (!err) {
		n->lookups++;
		node_unpin(t, n);
	}
	node_unpin(t, dir);
	tree_unlock(t);
	return err;
}

int node_lookup(struct tree *t, uint64_t parent, const char *name, uint64_t now, struct entry *out)
{
	struct node *n = NULL;

	tree_lock(t);
	struct node *dir = node_find(t, parent);
	bool is_control = dir && dir->type == NODE_CONTROL_DIR;
	if (is_control)
		node_pin(t, dir);
	int err = !dir ? -ENOENT : is_control ? 0 : node_at(t, dir, name, now, &n);
	if (n) {
		n->lookups++;
		node_entry(t, n, now, out);
		node_unpin(t, n);
	}
	tree_unlock(t);
	return is_control ? lookup_control(t, dir, name, out) : err;
}

void node_forget(struct tree *t, uint64_t ino, uint64_t count)
{
	tree_lock(t);
	struct node *n = node_find(t, ino);
	if (n) {
		n->lookups -= count < n->lookups ? count : n->lookups;
		free_if_unused(t, n);
	}
	tree_unlock(t);
}
