/* SPDX-License-Identifier: MIT */
/*
 * node: inode numbers, lookup counts, attributes, and what a name in a directory stands for.
 *
 * Three identities meet here. A record is known by (collection, id), for ever. A node is what the
 * kernel holds by inode number, from the first lookup to the last forget; its number is a stable
 * function of (collection, id) wherever that number is free. A name is <id>.json or a local one.
 * An editor's save moves names between nodes (design 3.10), so record.node says which node stands
 * at <id>.json now, and a node's number may then be a local one.
 */
#ifndef TREE_NODE_H
#define TREE_NODE_H

#include "tree/tree.h"

struct entry {
	uint64_t ino;
	struct stat attr;
	double entry_timeout, attr_timeout; /* seconds */
};

/* All need T. */
struct node *node_find(struct tree *t, uint64_t ino) REQUIRES(T); /* lends, or NULL */
/* The collection whose directory that is, or NULL. */
struct coll *node_coll(struct tree *t, uint64_t dir) REQUIRES(T);
/* gives a node with one pin; want: the number it would like, 0: any local one. NULL: no memory. */
struct node *node_new(struct tree *t, enum node_type type, struct coll *c, uint64_t want)
	REQUIRES(T);
struct node *node_of_record(struct tree *t, struct record *rec) REQUIRES(T); /* gives a pin */
void node_pin(struct tree *t, struct node *n) REQUIRES(T);
void node_unpin(struct tree *t, struct node *n) REQUIRES(T); /* NULL is fine */
/* The record whose name was moved away to n's; NULL: none any more. */
void node_set_origin(struct node *n, struct record *rec) REQUIRES(T);
/* Its collection from now on; its draft goes along. */
void node_set_coll(struct node *n, struct coll *c) REQUIRES(T);
/* Makes n the node of rec (its content from now on), in the place of whatever stood there. */
void node_become(struct tree *t, struct node *n, struct record *rec) REQUIRES(T);
/* Takes the record's name away from n, which keeps the text as its own. */
void node_orphan(struct tree *t, struct node *n) REQUIRES(T);
void node_entry(struct tree *t, struct node *n, uint64_t now, struct entry *out) REQUIRES(T);
/* The number that readdir shows for a record, without making a node. */
uint64_t node_ino_of_record(const struct record *rec);
/* A name in c came or went. */
void node_dir_changed(struct coll *c) REQUIRES(T);
off_t node_size(const struct node *n);

/* What a name in a collection stands for. */
struct named {
	struct record *record;	 /* <id>.json; lent */
	struct local *local;	 /* lent */
	struct refusal *refusal; /* <name>.error; lent */
	bool is_help;		 /* one of ours that explain: not to be touched */
	struct node *node;	 /* of either, where one lives; lent */
};

/* 0, or -ENOENT. An unlisted record-shaped name is there as far as we know (design 3.3): a record
 * in state UNKNOWN is made for it. -ENOMEM. */
int node_resolve(struct tree *t, struct coll *c, const char *name, uint64_t now, struct named *out)
	REQUIRES(T);

/* The kernel's operations; they take T. now: clock.h ns. */
int node_lookup(struct tree *t, uint64_t parent, const char *name, uint64_t now, struct entry *out)
	EXCLUDES(T);
void node_forget(struct tree *t, uint64_t ino, uint64_t n) EXCLUDES(T);

#endif
