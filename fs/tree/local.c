/* SPDX-License-Identifier: MIT */
/* local: see local.h. Memory only; what a draft leaves on disk, draft_sweep removes afterwards. */
#include "tree/local.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

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
	l->node = n;
	l->alias_of = alias_of;
	n->local = l;
	node_pin(t, n);
	c->changed = time(NULL);
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

	map_remove(&n->coll->locals, &l->by_name);
	n->coll->changed = time(NULL);
	if (n->local == l)
		n->local = NULL;
	free(l);
	node_unpin(t, n);
}

void local_unlink(struct tree *t, struct local *l)
{
	struct node *n = l->node;
	struct record *origin = n->origin;

	/* The last text that the name was moved away with: the record is seen again. Not before: another
	 * editor may be about to create its successor. */
	if (origin && origin->away == 1)
		origin->vacated = false;
	node_set_origin(n, NULL);
	if (n->draft)
		draft_unlink(t, n->draft);
	local_remove(t, l);
}
