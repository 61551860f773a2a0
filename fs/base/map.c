/* SPDX-License-Identifier: MIT */
/* map: chained buckets, doubled when full. Hashes are stored, so growing never calls back. */
#include "base/map.h"

#include <errno.h>
#include <stdlib.h>

enum { FIRST_SIZE = 16 };

uint64_t map_hash_u64(uint64_t key)
{
	key ^= key >> 33; /* murmur3's finaliser */
	key *= 0xff51afd7ed558ccdull;
	key ^= key >> 33;
	key *= 0xc4ceb9fe1a85ec53ull;
	return key ^ key >> 33;
}

uint64_t map_hash_bytes(const void *p, size_t n)
{
	const unsigned char *s = p;
	uint64_t h = 0xcbf29ce484222325ull; /* FNV-1a, then mixed */

	for (size_t i = 0; i < n; i++)
		h = (h ^ s[i]) * 0x100000001b3ull;
	return map_hash_u64(h);
}

void map_init(struct map *m)
{
	*m = (struct map){0};
}

void map_fini(struct map *m)
{
	free(m->buckets);
	*m = (struct map){0};
}

static void link_entry(struct map *m, struct map_entry *e)
{
	struct map_entry **slot = &m->buckets[e->hash & m->mask];

	e->next = *slot;
	*slot = e;
}

static int grow(struct map *m)
{
	size_t size = m->buckets ? 2 * (m->mask + 1) : FIRST_SIZE;
	struct map_entry **buckets = calloc(size, sizeof(*buckets));
	struct map old = *m;

	if (!buckets)
		return -ENOMEM;
	m->buckets = buckets;
	m->mask = size - 1;
	for (size_t i = 0; old.buckets && i <= old.mask; i++) {
		for (struct map_entry *e = old.buckets[i], *next; e; e = next) {
			next = e->next;
			link_entry(m, e);
		}
	}
	free(old.buckets);
	return 0;
}

int map_insert(struct map *m, struct map_entry *e, uint64_t hash)
{
	/* A failed growth of a map that has buckets only makes its chains longer. */
	if ((!m->buckets || m->count > m->mask) && grow(m) < 0 && !m->buckets)
		return -ENOMEM;
	e->hash = hash;
	link_entry(m, e);
	m->count++;
	return 0;
}

void map_remove(struct map *m, struct map_entry *e)
{
	struct map_entry **slot = &m->buckets[e->hash & m->mask];

	while (*slot != e)
		slot = &(*slot)->next;
	*slot = e->next;
	e->next = NULL;
	m->count--;
}

struct map_entry *map_find(const struct map *m, uint64_t hash, map_match *match, const void *key)
{
	if (!m->buckets)
		return NULL;
	for (struct map_entry *e = m->buckets[hash & m->mask]; e; e = e->next) {
		if (e->hash == hash && match(e, key))
			return e;
	}
	return NULL;
}

struct map_entry *map_next(const struct map *m, const struct map_entry *e)
{
	if (!m->buckets)
		return NULL;
	if (e && e->next)
		return e->next;
	for (size_t i = e ? (e->hash & m->mask) + 1 : 0; i <= m->mask; i++) {
		if (m->buckets[i])
			return m->buckets[i];
	}
	return NULL;
}
