/* SPDX-License-Identifier: MIT */
/* tree: birth and death of what we know. Born on the main thread before, freed after all others. */
#include "tree/tree.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "tree/control.h"
#include "tree/dirs.h"
#include "tree/draft.h"
#include "tree/file.h"
#include "tree/help.h"
#include "tree/listing.h"
#include "tree/local.h"
#include "tree/node.h"
#include "tree/record.h"
#include "tree/refusal.h"
#include "tree/vocab.h"

enum { FIRST_DIR_INO = 2 };

void tree_lock(struct tree *t) NO_TSA
{
	lock_acquire(&t->lock);
}

void tree_unlock(struct tree *t) NO_TSA
{
	lock_release(&t->lock);
}

struct coll *tree_coll(struct tree *t, const char *name)
{
	for (size_t i = 0; i < t->coll_count; i++) {
		if (strcmp(t->colls[i].kind->name, name) == 0)
			return &t->colls[i];
	}
	return NULL;
}

void tree_tell_stale(struct tree *t, uint64_t ino, uint64_t dir_ino, const char *name)
{
	struct stale what = {.ino = ino, .dir_ino = dir_ino, .name = name};

	if (t->config.stale)
		t->config.stale(t->config.stale_arg, &what);
}

void tree_count_refusal(struct tree *t, int err)
{
	if (-err > 0 && -err < REFUSALS_ROOM)
		t->refusals[-err]++;
}

static int coll_init(struct tree *t, const struct kind *kind) REQUIRES(T)
{
	struct coll *c = &t->colls[t->coll_count];
	uint64_t ino = FIRST_DIR_INO + (uint64_t)(kind - kinds);

	*c = (struct coll){.kind = kind, .tree = t};
	map_init(&c->records);
	map_init(&c->locals);
	map_init(&c->refusals);
	list_init(&c->drafts);
	listing_init(&c->listing);
	c->dir = node_new(t, NODE_DIR, c, ino);
	if (!c->dir)
		return -ENOMEM;
	t->coll_count++;
	return 0;
}

static bool is_wanted(const char *list, const char *name)
{
	size_t n = strlen(name);

	for (const char *p = list; p && *p;) {
		size_t len = strcspn(p, ":");
		if (len == n && memcmp(p, name, n) == 0)
			return true;
		p += len + (p[len] == ':');
	}
	return !list;
}

static int check_collections(const char *list)
{
	for (const char *p = list; p && *p;) {
		size_t n = strcspn(p, ":");
		char *name = strndup(p, n);
		bool known = name && kind_find(name);
		if (!known)
			log_error("there is no collection \"%.40s\"", name ? name : "");
		free(name);
		if (!known)
			return -EINVAL;
		p += n + (p[n] == ':');
	}
	return 0;
}

static int fill(struct tree *t) REQUIRES(T)
{
	t->colls = calloc(kinds_count, sizeof(*t->colls));
	t->root = node_new(t, NODE_ROOT, NULL, INO_ROOT);
	if (!t->colls || !t->root)
		return -ENOMEM;
	t->root->lookups = 1; /* the kernel's own, never looked up */
	t->vocab = vocab_new();
	int failed = brake_init(&t->brake, t->config.max_deletes);
	if (!failed)
		failed = control_init(t);
	if (failed < 0 || !t->vocab)
		return -ENOMEM;
	for (size_t i = 0; i < kinds_count; i++) {
		if (!is_wanted(t->config.collections, kinds[i].name))
			continue;
		int err = coll_init(t, &kinds[i]);
		if (err < 0)
			return err;
	}
	return help_init(t);
}

struct tree *tree_new(const struct tree_config *config, int *err)
{
	*err = check_collections(config->collections);
	struct tree *t = *err ? NULL : calloc(1, sizeof(*t));
	if (!t) {
		*err = *err ? *err : -ENOMEM;
		return NULL;
	}
	lock_init(&t->lock, LOCK_TREE);
	for (size_t i = 0; i < NOTE_LOCKS; i++)
		lock_init(&t->note_locks[i], LOCK_NOTE);
	t->config = *config;
	t->born = time(NULL);
	t->born_at = clock_now();
	map_init(&t->inodes);
	map_init(&t->parked);
	list_init(&t->absents);
	list_init(&t->dead_drafts);
	list_init(&t->unlinked_drafts);
	list_init(&t->files);
	list_init(&t->dirs);
	tree_lock(t);
	*err = fill(t);
	tree_unlock(t);
	if (*err) {
		tree_free(t);
		return NULL;
	}
	return t;
}

/* Attached drafts stay on disk: that is what the spool is for. */
static void free_drafts(struct tree *t, struct coll *c) REQUIRES(T)
{
	while (!list_is_empty(&c->drafts)) {
		struct draft *d = container_of(c->drafts.next, struct draft, link);
		bool keep = d->kept && d->refs == 1;
		if (keep)
			draft_ref(d);
		draft_detach(t, d);
		if (keep)
			draft_forget(d);
	}
}

static void free_locals(struct tree *t, struct coll *c) REQUIRES(T)
{
	for (struct map_entry *e = map_next(&c->locals, NULL), *next; e; e = next) {
		next = map_next(&c->locals, e);
		local_remove(t, container_of(e, struct local, by_name));
	}
}

static void free_refusals(struct coll *c) REQUIRES(T)
{
	for (struct map_entry *e = map_next(&c->refusals, NULL), *next; e; e = next) {
		next = map_next(&c->refusals, e);
		refusal_lift(container_of(e, struct refusal, by_name));
	}
}

static void free_records(struct coll *c) REQUIRES(T)
{
	listing_fini(&c->listing);
	for (struct map_entry *e = map_next(&c->records, NULL), *next; e; e = next) {
		next = map_next(&c->records, e);
		record_forget(container_of(e, struct record, by_id));
	}
}

/* What the kernel still knew when it went away. */
static void free_inodes(struct tree *t) REQUIRES(T)
{
	for (struct map_entry *e = map_next(&t->inodes, NULL), *next; e; e = next) {
		struct node *n = container_of(e, struct node, by_ino);
		next = map_next(&t->inodes, e);
		assert(n->pins == 0 || n->type == NODE_ROOT || n->type == NODE_DIR);
		n->lookups = 0;
		n->pins = 1;
		node_unpin(t, n);
	}
}

void tree_close(struct tree *t)
{
	tree_lock(t);
	t->closing = true;
	tree_unlock(t);
}

void tree_free(struct tree *t)
{
	if (!t)
		return;
	while (!list_is_empty(&t->files))
		file_close(t, container_of(t->files.next, struct file, link));
	while (!list_is_empty(&t->dirs))
		dir_close(t, container_of(t->dirs.next, struct dir, link));
	tree_lock(t);
	for (size_t i = 0; i < t->coll_count; i++)
		free_refusals(&t->colls[i]); /* which may speak of drafts in another one */
	for (size_t i = 0; i < t->coll_count; i++) {
		free_drafts(t, &t->colls[i]);
		free_locals(t, &t->colls[i]);
	}
	control_fini(t);
	help_fini(t);
	free_inodes(t);
	for (size_t i = 0; i < t->coll_count; i++) {
		free_records(&t->colls[i]);
		map_fini(&t->colls[i].records);
		map_fini(&t->colls[i].locals);
		map_fini(&t->colls[i].refusals);
		free(t->colls[i].moved_alias);
	}
	assert(t->parked.count == 0);
	tree_unlock(t);
	draft_sweep(t);
	map_fini(&t->inodes);
	map_fini(&t->parked);
	brake_fini(&t->brake);
	vocab_free(t->vocab);
	lock_fini(&t->lock);
	for (size_t i = 0; i < NOTE_LOCKS; i++)
		lock_fini(&t->note_locks[i]);
	free(t->helps);
	free(t->colls);
	free(t);
}
