/* SPDX-License-Identifier: MIT */
/*
 * vocab: what a save may choose from: the field metadata of each collection and the records of the
 * lookups, as choices. Asked for when a save first needs it, and kept; asked for again when a save
 * would be refused because of it. The net thread's alone, but for birth and death.
 */
#ifndef TREE_VOCAB_H
#define TREE_VOCAB_H

#include <stdint.h>

#include "crm/fields.h"
#include "crm/kinds.h"

struct tree;
struct coll;
struct job;
struct vocab;

struct vocab *vocab_new(void);
void vocab_free(struct vocab *v); /* NULL is fine */

const struct fields *vocab_fields(const struct vocab *v, const struct kind *k); /* NULL: not yet */
/* takes f, which was asked for at `now` */
void vocab_set_fields(struct vocab *v, const struct kind *k, struct fields *f, uint64_t now);
uint64_t vocab_fields_at(const struct vocab *v, const struct kind *k); /* when that was asked; 0 */
/* Does a server say so that does not tell this user, or is of another version? That stays so. (A refused
 * token does not.) */
bool vocab_is_untold(int err);
/* Takes in what a job of api_fields came to: what the server does not tell this user counts as told to
 * be nothing. 0, or -errno and nothing has changed. */
int vocab_read_fields(struct vocab *v, const struct kind *k, const struct job *j);
/* By a collection's name; NULL: not yet. Lends. */
const struct choices *vocab_lookup(const struct vocab *v, const char *kind);
/* takes what c holds */
void vocab_set_lookup(struct vocab *v, const struct kind *k, struct choices *c, uint64_t now);
/* Forgets what is older than `now`: false: nothing was. */
bool vocab_doubt_fields(struct vocab *v, const struct kind *k, uint64_t now);
bool vocab_doubt_lookup(struct vocab *v, const char *kind, uint64_t now);

/* The tags that the records known here have (contacts and companies share theirs, deals have their
 * own), each once. Takes T for a moment. Gives *out; -ENOMEM. */
int vocab_tags(struct tree *t, const struct coll *of, struct choices *out);

#endif
