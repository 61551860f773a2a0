/* SPDX-License-Identifier: MIT */
/*
 * members: sorted by hash, then name, then place, so that repeats stand side by side and a hostile
 * object of a million equal (or equally hashed) names costs n log n like any other. No state, no
 * lock, any thread.
 */
#include "crm/members.h"

#include <errno.h>
#include <stdlib.h>

#include "crm/jchar.h"

static uint64_t hash_name(const char *name, size_t n)
{
	uint64_t h = 0xcbf29ce484222325u;

	for (size_t i = 0; i < n; i++)
		h = (h ^ (unsigned char)name[i]) * 0x100000001b3u;
	return h;
}

static int compare_names(const struct member *a, const struct member *b)
{
	if (a->hash != b->hash)
		return a->hash < b->hash ? -1 : 1;
	if (a->name_len != b->name_len)
		return a->name_len < b->name_len ? -1 : 1;
	return memcmp(a->name, b->name, a->name_len);
}

static int compare(const void *pa, const void *pb)
{
	const struct member *a = *(struct member *const *)pa, *b = *(struct member *const *)pb;
	int order = compare_names(a, b);

	return order ? order : (a > b) - (a < b);
}

static int unescape_name(struct members *m, struct member *it, size_t *used, size_t room)
{
	struct jchars c = jchars_of(it->key);

	if (!m->names && !(m->names = malloc(room)))
		return -ENOMEM;
	char *at = m->names + *used;
	it->name = at;
	for (uint32_t v; (v = jchars_next(&c)) != JCHAR_END;)
		at += jchar_encode(v, at);
	it->name_len = (size_t)(at - it->name);
	*used += it->name_len;
	return 0;
}

static int grow(struct members *m, size_t *cap)
{
	size_t more = *cap ? *cap * 2 : 64;
	struct member *list = realloc(m->list, more * sizeof(*list));

	if (!list)
		return -ENOMEM;
	m->list = list;
	*cap = more;
	return 0;
}

static int collect(struct jspan object, struct members *m)
{
	struct jiter it = {0};
	struct jspan key, value;
	size_t cap = 0, used = 0;

	while (jtext_next_member(object, &it, &key, &value)) {
		if (m->count == cap && grow(m, &cap) < 0)
			return -ENOMEM;
		struct member *one = &m->list[m->count++];
		*one = (struct member){
			.name = key.p, .name_len = key.n, .key = key, .value = value};
		/* An escape is never shorter than what it stands for, so object.n is room for all. */
		if (memchr(key.p, '\\', key.n) && unescape_name(m, one, &used, object.n) < 0)
			return -ENOMEM;
		one->hash = hash_name(one->name, one->name_len);
	}
	return 0;
}

static int sort(struct members *m)
{
	struct member **by_name = realloc(m->by_name, (m->count + 1) * sizeof(struct member *));

	if (!by_name)
		return -ENOMEM;
	m->by_name = by_name;
	m->distinct = 0;
	for (size_t i = 0; i < m->count; i++)
		m->by_name[i] = &m->list[i];
	qsort(m->by_name, m->count, sizeof(struct member *), compare);
	for (size_t i = 0; i < m->count; i++) {
		struct member *one = m->by_name[i];
		one->is_replaced = i + 1 < m->count && compare_names(one, m->by_name[i + 1]) == 0;
		if (!one->is_replaced)
			m->by_name[m->distinct++] = one;
	}
	return 0;
}

int members_read(struct jspan object, struct members *out)
{
	*out = (struct members){0};
	int err = collect(object, out);
	if (err == 0)
		err = sort(out);
	if (err < 0)
		members_fini(out);
	return err;
}

int members_inherit(struct members *m, const struct members *from)
{
	struct member *list = realloc(m->list, (m->count + from->count + 1) * sizeof(*list));

	if (!list)
		return -ENOMEM;
	m->list = list;
	int err = sort(m); /* by_name pointed into the list as it was */
	for (size_t i = 0; err == 0 && i < from->count; i++) {
		const struct member *one = &from->list[i];
		if (!one->is_replaced && !members_find(m, one->name, one->name_len))
			list[m->count++] = *one;
	}
	return err < 0 ? err : sort(m);
}

int members_keep(struct members *m, bool (*keeps)(const struct member *one, void *arg), void *arg)
{
	size_t kept = 0;

	for (size_t i = 0; i < m->count; i++) {
		if (keeps(&m->list[i], arg))
			m->list[kept++] = m->list[i];
	}
	m->count = kept;
	return sort(m);
}

void members_fini(struct members *m)
{
	free(m->list);
	free(m->by_name);
	free(m->names);
	*m = (struct members){0};
}

struct member *members_find(const struct members *m, const char *name, size_t n)
{
	struct member key = {.name = name, .name_len = n, .hash = hash_name(name, n)};
	size_t low = 0, high = m->distinct;

	while (low < high) {
		size_t mid = (low + high) / 2;
		int order = compare_names(&key, m->by_name[mid]);
		if (order == 0)
			return m->by_name[mid];
		if (order < 0)
			high = mid;
		else
			low = mid + 1;
	}
	return NULL;
}
