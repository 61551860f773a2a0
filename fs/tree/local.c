/* SPDX-License-Identifier: MIT */
/* local: see local.h. Memory only; what a draft leaves on disk, draft_sweep removes afterwards. */
#include "tree/local.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "tree/draft.h"
#include "tree/name.h"
#include "tree/node.h"

int local_add(struct tree *t, struct coll *c, const char *name, struct node *n, uint64_t alias_of)
{
	size_t size = strlen(name) + 1;
	struct local *l = calloc(1, sizeof(*l) + size);

	if (!l || map_insert(&c->locals, &l->by_name, map_hash_bytes(name, size - 1)) < 0) {
		free(l);
		return -ENOMEM;
	}
	memcpy(l->name, name, size);
	l->coll = c;
	l->node = n;
	l->alias_of = alias_of;
	n->local = l;
	node_set_coll(n, c);
	node_pin(t, n);
	node_dir_changed(c);
	return 0;
}

int alias_add(struct tree *t, struct coll *c, const char *name, uint64_t id)
{
	char target[NAME_RECORD_MAX];

	name_of_record(id, target);
	struct node *n = node_new(t, NODE_LINK, c, 0);
	if (!n)
		return -ENOMEM;
	n->target = strdup(target);
	int err = n->target ? local_add(t, c, name, n, id) : -ENOMEM;
	node_unpin(t, n);
	return err;
}

void local_remove(struct tree *t, struct local *l)
{
	struct node *n = l->node;

	map_remove(&l->coll->locals, &l->by_name);
	node_dir_changed(l->coll);
	if (n->local == l)
		n->local = NULL;
	free(l);
	node_unpin(t, n);
}

static void stand_for(struct local *l, struct node *n) REQUIRES(T)
{
	l->node = n;
	n->local = l;
	node_set_coll(n, l->coll);
	node_dir_changed(l->coll);
}

void local_exchange(struct local *a, struct local *b)
{
	struct node *of_a = a->node;

	stand_for(a, b->node); /* each name keeps its pin, on the other node */
	stand_for(b, of_a);
}

void local_unlink(struct tree *t, struct local *l, pid_t by)
{
	struct node *n = l->node;
	struct record *origin = n->origin;

	/* The last text that the name was moved away with: the record is seen again. Not before: another
	 * editor may be about to create its successor. */
	if (origin && origin->away == 1)
		origin->vacated = false;
	node_set_origin(n, NULL);
	if (n->draft)
		draft_unlink(t, n->draft, by);
	local_remove(t, l);
}

void local_set_aside(struct tree *t, struct coll *c, const char *name)
{
	struct named named;

	if (node_resolve(t, c, name, clock_now(), &named) < 0 || !named.local)
		return;
	log_warning("store: two texts of one name; the older is set aside");
	if (named.node->draft) {
		draft_reject(named.node->draft);
		draft_detach(t, named.node->draft);
	}
	local_remove(t, named.local);
}
