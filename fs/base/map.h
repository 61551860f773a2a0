/* SPDX-License-Identifier: MIT */
/*
 * map: intrusive hash map, keyed by u64 or by bytes. Entries embed struct map_entry and are owned
 * by the caller; the map allocates only its bucket array. Not locked: the owner's lock covers it.
 * Order of iteration is unspecified.
 */
#ifndef BASE_MAP_H
#define BASE_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct map_entry {
	struct map_entry *next;
	uint64_t hash;
};

struct map {
	struct map_entry **buckets;
	size_t mask; /* bucket count - 1, or 0 with buckets NULL */
	size_t count;
};

/* Compares an entry whose hash matched with the key looked for. */
typedef bool map_match(const struct map_entry *e, const void *key);

uint64_t map_hash_u64(uint64_t key);
uint64_t map_hash_bytes(const void *p, size_t n);

void map_init(struct map *m);
void map_fini(struct map *m); /* frees the buckets, not the entries */

/* -ENOMEM leaves the map as it was (only the first bucket array can fail an insertion). */
int map_insert(struct map *m, struct map_entry *e, uint64_t hash);
void map_remove(struct map *m, struct map_entry *e); /* e must be in m */
struct map_entry *map_find(const struct map *m, uint64_t hash, map_match *match, const void *key);

/* Iteration: start with NULL; the entry returned last may be removed before the next call only if
 * its successor was fetched first. Ends with NULL. */
struct map_entry *map_next(const struct map *m, const struct map_entry *e);

#endif
