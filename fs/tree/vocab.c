/* SPDX-License-Identifier: MIT */
/* vocab: see vocab.h. Net thread; no lock but T while texts are referenced. */
#include "tree/vocab.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "crm/api.h"
#include "crm/jtext.h"
#include "tree/tree.h"

struct topic {
	struct fields *fields;
	uint64_t fields_at;
	struct choices records; /* as choices */
	bool has_records;
	uint64_t records_at;
};

struct vocab {
	struct topic *topics; /* as kinds[] */
};

struct vocab *vocab_new(void)
{
	struct vocab *v = calloc(1, sizeof(*v));

	if (v && !(v->topics = calloc(kinds_count, sizeof(*v->topics)))) {
		free(v);
		return NULL;
	}
	return v;
}

static void forget_records(struct topic *topic)
{
	choices_fini(&topic->records);
	topic->records = (struct choices){0};
	topic->has_records = false;
}

void vocab_free(struct vocab *v)
{
	for (size_t i = 0; v && i < kinds_count; i++) {
		fields_free(v->topics[i].fields);
		choices_fini(&v->topics[i].records);
	}
	if (v)
		free(v->topics);
	free(v);
}

const struct fields *vocab_fields(const struct vocab *v, const struct kind *k)
{
	return v->topics[k - kinds].fields;
}

void vocab_set_fields(struct vocab *v, const struct kind *k, struct fields *f, uint64_t now)
{
	struct topic *topic = &v->topics[k - kinds];

	fields_free(topic->fields);
	topic->fields = f;
	topic->fields_at = now;
}

uint64_t vocab_fields_at(const struct vocab *v, const struct kind *k)
{
	return v->topics[k - kinds].fields ? v->topics[k - kinds].fields_at : 0;
}

bool vocab_is_untold(int err)
{
	return err == -ENOENT || err == -EPERM;
}

int vocab_read_fields(struct vocab *v, const struct kind *k, const struct job *j)
{
	bool is_told = !vocab_is_untold(j->err);
	struct fields *f = NULL;
	int err = is_told ? j->err : 0;

	if (!is_told) {
		log_warning("tree: the server does not tell the fields of %s: options are not "
			    "checked",
			    k->name);
		f = fields_none();
	} else if (!err) {
		err = api_read_fields(j, &f);
	}
	if (!err && !f)
		err = -ENOMEM;
	if (!err)
		vocab_set_fields(v, k, f, j->started);
	return err;
}

const struct choices *vocab_lookup(const struct vocab *v, const char *kind)
{
	const struct kind *k = kind_find(kind);

	return k && v->topics[k - kinds].has_records ? &v->topics[k - kinds].records : NULL;
}

void vocab_set_lookup(struct vocab *v, const struct kind *k, struct choices *c, uint64_t now)
{
	struct topic *topic = &v->topics[k - kinds];

	forget_records(topic);
	topic->records = *c;
	*c = (struct choices){0};
	topic->has_records = true;
	topic->records_at = now;
}

bool vocab_doubt_fields(struct vocab *v, const struct kind *k, uint64_t now)
{
	struct topic *topic = &v->topics[k - kinds];

	if (!topic->fields || topic->fields_at >= now || !fields_are_told(topic->fields))
		return false;
	fields_free(topic->fields);
	topic->fields = NULL;
	return true;
}

bool vocab_doubt_lookup(struct vocab *v, const char *kind, uint64_t now)
{
	const struct kind *k = kind_find(kind);
	struct topic *topic = k ? &v->topics[k - kinds] : NULL;

	if (!topic || !topic->has_records || topic->records_at >= now)
		return false;
	forget_records(topic);
	return true;
}

/* Deals have tags of their own; all others share one set (concord-api.md 3.4 to 3.6). */
static bool share_tags(const struct coll *a, const struct coll *b)
{
	bool a_has = kinds_has_word(a->kind->editable, "tags", 4);
	bool b_has = kinds_has_word(b->kind->editable, "tags", 4);
	bool a_deals = strcmp(a->kind->name, "deals") == 0;
	bool b_deals = strcmp(b->kind->name, "deals") == 0;

	return a_has && b_has && a_deals == b_deals;
}

/* The texts of all records known, referenced: they are read without the lock. gives */
static struct text *texts_of(const struct coll *c, size_t *count) REQUIRES(T)
{
	struct text *texts = calloc(c->records.count + 1, sizeof(*texts));

	*count = 0;
	for (struct map_entry *e = map_next(&c->records, NULL); texts && e;
	     e = map_next(&c->records, e)) {
		const struct record *rec = container_of(e, struct record, by_id);
		if (rec->state == RECORD_PRESENT)
			texts[(*count)++] = text_ref(&rec->text);
	}
	return texts;
}

/* The ids that were added: open addressing, at most half full. */
struct seen {
	uint64_t *ids; /* 0: free */
	size_t count, size;
};

static uint64_t *place_of(uint64_t *ids, size_t size, uint64_t id)
{
	size_t i = map_hash_u64(id) & (size - 1);

	while (ids[i] && ids[i] != id)
		i = (i + 1) & (size - 1);
	return &ids[i];
}

static int grow(struct seen *s)
{
	size_t size = s->size ? 2 * s->size : 256;
	uint64_t *ids = calloc(size, sizeof(*ids));

	if (!ids)
		return -ENOMEM;
	for (size_t i = 0; i < s->size; i++) {
		if (s->ids[i])
			*place_of(ids, size, s->ids[i]) = s->ids[i];
	}
	free(s->ids);
	s->ids = ids;
	s->size = size;
	return 0;
}

/* 1: it is new; 0: it was seen; or -ENOMEM. */
static int see(struct seen *s, uint64_t id)
{
	if (2 * s->count >= s->size && grow(s) < 0)
		return -ENOMEM;
	uint64_t *place = place_of(s->ids, s->size, id);
	if (*place)
		return 0;
	*place = id;
	s->count++;
	return 1;
}

static int add_tags_of(struct jspan record, struct seen *seen, struct choices *out)
{
	struct jspan tags, tag, name, id;
	struct jiter it = {0};
	uint64_t number;
	int err = 0;

	if (!jtext_get(jtext_trim(record), "tags", &tags) || jtext_type(tags) != J_ARRAY)
		return 0;
	while (!err && jtext_next_element(tags, &it, &tag)) {
		if (jtext_type(tag) != J_OBJECT || !jtext_get(tag, "name", &name) ||
		    jtext_type(name) != J_STRING || !jtext_get(tag, "id", &id) ||
		    !jtext_to_u64(id, &number) || !number)
			continue;
		err = see(seen, number);
		if (err > 0)
			err = choices_add(out, number, 0, name);
	}
	return err;
}

static int add_tags(struct tree *t, const struct coll *c, struct seen *seen, struct choices *out)
{
	size_t count;
	int err = 0;

	tree_lock(t);
	struct text *texts = texts_of(c, &count);
	out->is_partial |= !c->listing.complete;
	tree_unlock(t);
	if (!texts)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++) {
		if (!err)
			err = add_tags_of(jspan_of(&texts[i]), seen, out);
		text_put(&texts[i]);
	}
	free(texts);
	return err;
}

int vocab_tags(struct tree *t, const struct coll *of, struct choices *out)
{
	struct seen seen = {0};
	int err = 0;

	*out = (struct choices){0};
	for (size_t i = 0; !err && i < t->coll_count; i++) {
		if (share_tags(&t->colls[i], of))
			err = add_tags(t, &t->colls[i], &seen, out);
	}
	free(seen.ids);
	if (err < 0)
		choices_fini(out);
	return err;
}
