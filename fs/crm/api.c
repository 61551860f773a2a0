/* SPDX-License-Identifier: MIT */
/*
 * api: paths, bodies and answers of Concord's REST API. Records are cut out of the answer's own
 * bytes into one blob (design 3.5); jansson reads only what is small: a page's meta, a refusal.
 * Everything an answer claims is checked here, once. No state, no lock; readers run on the net
 * thread.
 */
#include "crm/api.h"

#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "crm/view.h"
#include "crm/words.h"

enum {
	WORDS_MAX_BYTES = 1 << 20, /* of a refusal: jansson reads it whole */
	SMALL_MAX_BYTES = 1 << 20,
	REFUSAL_MAX = 16 << 10,
	LOOKUP_PAGE = 100,
	LOOKUP_PAGES_MAX = 20,
};

#define ORDER_NEWEST(field)                                                                        \
	"order%%5B0%%5D%%5Bfield%%5D=" field "&order%%5B0%%5D%%5Bdirection%%5D=desc"               \
	"&order%%5B1%%5D%%5Bfield%%5D=id&order%%5B1%%5D%%5Bdirection%%5D=desc"

static void json_put(json_t *j)
{
	json_decref(j);
}
DEFINE_CLEANUP(json_t *, json_put)

void page_msg_fini(struct page_msg *m)
{
	for (size_t i = 0; i < m->count; i++)
		text_put(&m->records[i].text);
	free(m->records);
	*m = (struct page_msg){0};
}

PRINTF(4, 5)
static struct job *request(enum method method, enum lane lane, size_t max, const char *fmt, ...)
{
	char *path;
	va_list ap;

	va_start(ap, fmt);
	int n = vasprintf(&path, fmt, ap);
	va_end(ap);
	if (n < 0)
		return NULL;
	struct job *j = job_new(method, lane, path);
	if (j)
		j->max_answer = max;
	return j;
}

struct job *api_me(void)
{
	return request(METHOD_GET, LANE_READ, SMALL_MAX_BYTES, "/me");
}

struct job *api_list(const struct kind *k, long page, long per_page)
{
	return request(METHOD_GET, LANE_LISTING, API_PAGE_MAX_BYTES,
		       "/%s?order=id&per_page=%ld&page=%ld", k->name, per_page, page);
}

struct job *api_changed(const struct kind *k, long page, long per_page)
{
	return request(METHOD_GET, LANE_LISTING, API_PAGE_MAX_BYTES,
		       "/%s?" ORDER_NEWEST("updated_at") "&per_page=%ld&page=%ld", k->name,
		       per_page, page);
}

struct job *api_trashed(const struct kind *k, long page, long per_page)
{
	return request(METHOD_GET, LANE_LISTING, API_PAGE_MAX_BYTES,
		       "/trashed/%s?" ORDER_NEWEST("deleted_at") "&per_page=%ld&page=%ld", k->name,
		       per_page, page);
}

struct job *api_get(const struct kind *k, uint64_t id)
{
	return request(METHOD_GET, LANE_READ, API_RECORD_MAX_BYTES, "/%s/%llu", k->name,
		       (unsigned long long)id);
}

static struct job *with_body(struct job *j, char *body, size_t n)
{
	CLEANUP(free_string) char *taken = body;

	if (!j)
		return NULL;
	j->body = STEAL(taken);
	j->body_len = n;
	return j;
}

struct job *api_create(const struct kind *k, char *body, size_t n)
{
	struct job *j = request(METHOD_POST, LANE_SAVE, API_RECORD_MAX_BYTES, "/%s", k->name);

	return with_body(j, body, n);
}

struct job *api_update(const struct kind *k, uint64_t id, char *body, size_t n)
{
	struct job *j = request(METHOD_PUT, LANE_SAVE, API_RECORD_MAX_BYTES, "/%s/%llu", k->name,
				(unsigned long long)id);

	return with_body(j, body, n);
}

struct job *api_delete(const struct kind *k, uint64_t id)
{
	return request(METHOD_DELETE, LANE_SAVE, API_RECORD_MAX_BYTES, "/%s/%llu", k->name,
		       (unsigned long long)id);
}

struct job *api_restore(const struct kind *k, uint64_t id)
{
	return request(METHOD_POST, LANE_SAVE, API_RECORD_MAX_BYTES, "/trashed/%s/%llu", k->name,
		       (unsigned long long)id);
}

struct job *api_newest(const struct kind *k, long per_page)
{
	return request(METHOD_GET, LANE_READ, API_PAGE_MAX_BYTES,
		       "/%s?" ORDER_NEWEST("created_at") "&per_page=%ld&page=1", k->name, per_page);
}

struct job *api_via(const struct kind *k, uint64_t id)
{
	return request(METHOD_GET, LANE_READ, API_RECORD_MAX_BYTES,
		       "/%s/%llu?with=contacts%%3Bcompanies%%3Bdeals", k->name,
		       (unsigned long long)id);
}

struct job *api_fields(const struct kind *k)
{
	return request(METHOD_GET, LANE_READ, API_RECORD_MAX_BYTES, "/%s/create-fields", k->name);
}

struct job *api_lookup(const struct kind *k, long page)
{
	return request(METHOD_GET, LANE_READ, API_PAGE_MAX_BYTES,
		       "/%s?order=id&per_page=%d&page=%ld", k->name, LOOKUP_PAGE, page);
}

static int not_the_api(const struct job *j, const char *why, size_t offset)
{
	log_error("job=%llu path=%s event=bad_answer offset=%zu why=\"%s\"",
		  (unsigned long long)j->number, j->path ? j->path : "", offset, why);
	return -EIO;
}

/* The answer's JSON object; 0 or -EIO. */
static int read_object(const struct job *j, struct jspan *out)
{
	struct jfault fault;

	if (!j->answer)
		return not_the_api(j, "there is no body", 0);
	struct jspan text = {blob_data(j->answer), blob_len(j->answer)};
	if (jtext_check(text, &fault) < 0)
		return not_the_api(j, fault.why, fault.offset);
	*out = jtext_trim(text);
	return jtext_type(*out) == J_OBJECT ? 0 : not_the_api(j, "not an object", 0);
}

/* The record itself, or the one in {"data": {...}}. */
static struct jspan unwrap(struct jspan object)
{
	struct jspan id, data;

	if (!jtext_get(object, "id", &id) && jtext_get(object, "data", &data) &&
	    jtext_type(data) == J_OBJECT)
		return data;
	return object;
}

int api_answer(const struct job *j, struct jspan *out)
{
	int err = read_object(j, out);

	if (err == 0)
		*out = unwrap(*out);
	return err;
}

int api_read_me(const struct job *j, struct me *out)
{
	CLEANUP(buf_fini) struct buf text = BUF_INIT(sizeof(out->name) - 1);
	struct jspan object, id, name;
	int err = read_object(j, &object);

	*out = (struct me){0};
	if (err < 0)
		return err;
	if (!jtext_get(unwrap(object), "id", &id) || !jtext_to_u64(id, &out->id) || !out->id)
		return not_the_api(j, "the user has no id", 0);
	if (jtext_get(unwrap(object), "name", &name) && jtext_type(name) == J_STRING &&
	    jtext_unescape(name, &text) == 0 && text.len)
		memcpy(out->name, text.data, text.len);
	return 0;
}

/* A count in meta: 97, 97.0 or "97"; -1: absent or none. */
static long read_count(const json_t *meta, const char *key)
{
	const json_t *v = json_object_get(meta, key);
	double d = -1;

	if (json_is_number(v)) {
		d = json_number_value(v);
	} else if (json_is_string(v)) {
		char *end;
		d = strtod(json_string_value(v), &end);
		if (end == json_string_value(v) || *end)
			return -1;
	}
	return d >= 0 && d < 1e15 && d == floor(d) ? (long)d : -1;
}

static int read_meta(const struct job *j, struct jspan object, struct page_msg *out)
{
	struct jspan span;

	if (!jtext_get(object, "meta", &span) || jtext_type(span) != J_OBJECT)
		return not_the_api(j, "the page has no meta", 0);
	CLEANUP(json_put) json_t *meta = json_loadb(span.p, span.n, JSON_DECODE_INT_AS_REAL, NULL);
	out->page = read_count(meta, "current_page");
	out->per_page = read_count(meta, "per_page");
	out->total = read_count(meta, "total");
	out->last_page = read_count(meta, "last_page");
	if (out->page < 1 || out->per_page < 1 || out->total < 0)
		return not_the_api(j, "meta lacks current_page, per_page or total", 0);
	if (out->last_page < 1)
		out->last_page = out->total ? (out->total + out->per_page - 1) / out->per_page : 1;
	return 0;
}

static int add_record(struct page_msg *m, const struct record_msg *one)
{
	if ((m->count & (m->count - 1)) == 0) { /* full at every power of two */
		size_t cap = m->count ? m->count * 2 : 1;
		struct record_msg *records = reallocarray(m->records, cap, sizeof(*records));
		if (!records)
			return -ENOMEM;
		m->records = records;
	}
	m->records[m->count++] = *one;
	return 0;
}

/* Renders every element; the texts' offsets are noted, their blob comes when all is written. */
static int render_all(const struct kind *k, struct jspan data, struct buf *out, struct page_msg *m)
{
	struct jiter it = {0};
	struct jspan element;
	int err = buf_reserve(out, data.n / 2);

	while (err == 0 && jtext_next_element(data, &it, &element)) {
		struct view_facts facts;
		size_t from = out->len;
		err = view_render(k, element, out, &facts);
		if (err == -EINVAL) {
			m->unusable++;
			err = 0;
			continue;
		}
		if (err == 0)
			err = add_record(m, &(struct record_msg){
						    .id = facts.id,
						    .updated_at = facts.updated_at,
						    .has_products = facts.has_products,
						    .text = {.off = from, .len = out->len - from},
					    });
	}
	return err;
}

/* Gives the finished bytes to one blob and every record its slice. */
static int share_blob(struct buf *bytes, struct record_msg *records, size_t count)
{
	size_t n = bytes->len;
	char *data = buf_steal(bytes);
	char *fitting = data ? realloc(data, n + 1) : NULL;
	CLEANUP(blob_put) struct blob *blob = blob_adopt(fitting ? fitting : data, n);

	if (!blob)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++)
		records[i].text = text_of(blob, records[i].text.off, records[i].text.len);
	return 0;
}

static int by_id_then_age(const void *pa, const void *pb)
{
	const struct record_msg *a = *(struct record_msg *const *)pa;
	const struct record_msg *b = *(struct record_msg *const *)pb;

	if (a->id != b->id)
		return a->id < b->id ? -1 : 1;
	if (a->updated_at != b->updated_at)
		return a->updated_at < b->updated_at ? -1 : 1;
	return (a > b) - (a < b);
}

static bool ids_ascend(const struct page_msg *m)
{
	for (size_t i = 1; i < m->count; i++) {
		if (m->records[i].id <= m->records[i - 1].id)
			return false;
	}
	return true;
}

/* A page that shifted under the server's feet can name a record twice: the newer one stands. */
static int drop_repeats(struct page_msg *m)
{
	if (ids_ascend(m))
		return 0;
	struct record_msg **sorted = malloc(m->count * sizeof(struct record_msg *));
	if (!sorted)
		return -ENOMEM;
	for (size_t i = 0; i < m->count; i++)
		sorted[i] = &m->records[i];
	qsort(sorted, m->count, sizeof(struct record_msg *), by_id_then_age);
	for (size_t i = 0; i + 1 < m->count; i++) {
		if (sorted[i]->id == sorted[i + 1]->id)
			sorted[i]->text.len = 0; /* no rendered text is empty */
	}
	free(sorted);
	size_t kept = 0;
	for (size_t i = 0; i < m->count; i++) {
		if (m->records[i].text.len)
			m->records[kept++] = m->records[i];
	}
	m->unusable += (unsigned)(m->count - kept);
	m->count = kept;
	return 0;
}

static int read_records(const struct kind *k, const struct job *j, struct jspan data,
			struct page_msg *m)
{
	CLEANUP(buf_fini) struct buf bytes = BUF_INIT(API_PAGE_MAX_BYTES);
	int err = render_all(k, data, &bytes, m);

	if (err == -EFBIG)
		err = not_the_api(j, "the page grows too large", 0);
	if (err == 0)
		err = drop_repeats(m);
	if (err == 0 && m->count)
		err = share_blob(&bytes, m->records, m->count);
	return err;
}

int api_read_page(const struct kind *k, const struct job *j, struct page_msg *out)
{
	CLEANUP(page_msg_fini) struct page_msg m = {0};
	struct jspan object, data;

	*out = (struct page_msg){0};
	int err = read_object(j, &object);
	if (err < 0)
		return err;
	if (!jtext_get(object, "data", &data) || jtext_type(data) != J_ARRAY)
		return not_the_api(j, "the page has no data", 0);
	err = read_meta(j, object, &m);
	if (err == 0)
		err = read_records(k, j, data, &m);
	if (err < 0)
		return err;
	if (m.unusable)
		log_warning("job=%llu path=%s event=unusable_records count=%u",
			    (unsigned long long)j->number, j->path ? j->path : "", m.unusable);
	*out = m;
	m = (struct page_msg){0};
	return 0;
}

int api_read_record(const struct kind *k, const struct job *j, struct record_msg *out)
{
	CLEANUP(buf_fini) struct buf bytes = BUF_INIT(API_PAGE_MAX_BYTES);
	struct view_facts facts;
	struct jspan object;

	*out = (struct record_msg){0};
	int err = read_object(j, &object);
	if (err < 0)
		return err;
	err = view_render(k, unwrap(object), &bytes, &facts);
	if (err == -EINVAL)
		return not_the_api(j, "the record has no usable id", 0);
	if (err == -EFBIG)
		return not_the_api(j, "the record grows too large", 0);
	if (err < 0)
		return err;
	struct record_msg m = {
		.id = facts.id, .updated_at = facts.updated_at, .has_products = facts.has_products};
	m.text.len = bytes.len;
	err = share_blob(&bytes, &m, 1);
	if (err == 0)
		*out = m;
	return err;
}

/* Adds "; name: words". What does not fit is left out: the reader has the log. */
static void add_words(struct buf *b, const char *name, const json_t *words)
{
	if (!json_is_string(words) || !*json_string_value(words))
		return;
	buf_printf(b, "%s%s%s%s", b->len ? "; " : "", name, *name ? ": " : "",
		   json_string_value(words));
}

static void add_errors(struct buf *b, json_t *errors)
{
	for (void *it = json_object_iter(errors); it; it = json_object_iter_next(errors, it)) {
		const char *member = json_object_iter_key(it);
		json_t *words = json_object_iter_value(it);
		add_words(b, member, words);
		for (size_t i = 0; i < json_array_size(words); i++)
			add_words(b, member, json_array_get(words, i));
	}
}

void api_refusal(const struct job *j, char *out, size_t size)
{
	CLEANUP(buf_fini) struct buf b = BUF_INIT(REFUSAL_MAX);

	if (size)
		*out = '\0';
	if (!size || !j->answer || blob_len(j->answer) > WORDS_MAX_BYTES)
		return;
	const char *bytes = blob_data(j->answer);
	size_t n = blob_len(j->answer);
	CLEANUP(json_put) json_t *body = json_loadb(bytes, n, JSON_DECODE_INT_AS_REAL, NULL);
	add_words(&b, "", json_object_get(body, "message"));
	add_words(&b, "", json_object_get(body, "error"));
	add_errors(&b, json_object_get(body, "errors"));
	if (b.len)
		words_print((struct jspan){b.data, b.len}, out, size);
}

int api_read_fields(const struct job *j, struct fields **out)
{
	*out = NULL;
	if (!j->answer)
		return not_the_api(j, "there is no body", 0);
	int err = fields_read((struct jspan){blob_data(j->answer), blob_len(j->answer)}, out);
	return err == -EINVAL ? not_the_api(j, "no list of fields", 0) : err;
}

/* An item without id or name is nothing to choose. */
static int add_lookup(struct choices *out, struct jspan item)
{
	struct jspan id, name, of, email;
	uint64_t number, pipeline = 0;

	if (!jtext_get(item, "id", &id) || !jtext_to_u64(id, &number) || !number ||
	    (!jtext_get(item, "name", &name) && !jtext_get(item, "display_name", &name)) ||
	    jtext_type(name) != J_STRING)
		return 0;
	if (jtext_get(item, "pipeline_id", &of))
		jtext_to_u64(of, &pipeline);
	int err = choices_add(out, number, pipeline, name);
	if (err == 0 && jtext_get(item, "email", &email) && jtext_type(email) == J_STRING)
		err = choices_set_email(out, email);
	return err;
}

int api_read_lookup(const struct job *j, long page, struct choices *out, bool *last)
{
	struct page_msg meta = {0};
	struct jspan object, data, item;
	struct jiter it = {0};

	*last = true;
	int err = read_object(j, &object);
	if (err < 0)
		return err;
	if (!jtext_get(object, "data", &data) || jtext_type(data) != J_ARRAY)
		return not_the_api(j, "the page has no data", 0);
	err = read_meta(j, object, &meta);
	if (err < 0)
		return err;
	*last = meta.page >= meta.last_page || !jtext_next_element(data, &(struct jiter){0}, &item);
	/* A server that answers with the same page for ever is not asked for ever. */
	if (meta.page != page || (!*last && page >= LOOKUP_PAGES_MAX))
		*last = out->is_partial = true;
	while (err == 0 && jtext_next_element(data, &it, &item)) {
		if (jtext_type(item) == J_OBJECT)
			err = add_lookup(out, item);
	}
	return err;
}

int api_read_via(const struct job *j, struct via *out)
{
	static const char *const resources[] = {"contacts", "companies", "deals"};
	struct jspan object, list, record, id;

	*out = (struct via){0};
	int err = api_answer(j, &object);
	for (size_t i = 0; err == 0 && i < ARRAY_LEN(resources); i++) {
		struct jiter it = {0};
		if (!jtext_get(object, resources[i], &list) || jtext_type(list) != J_ARRAY)
			continue;
		while (jtext_next_element(list, &it, &record)) {
			if (jtext_type(record) != J_OBJECT || !jtext_get(record, "id", &id) ||
			    !jtext_to_u64(id, &out->id) || !out->id)
				continue;
			snprintf(out->resource, sizeof(out->resource), "%s", resources[i]);
			return 0;
		}
	}
	out->id = 0;
	return err;
}

static bool is_words(const json_t *words)
{
	return json_is_string(words) && *json_string_value(words);
}

static void add_problem(struct report *out, struct jspan mine, const char *member,
			const json_t *words)
{
	if (is_words(words))
		report_add_dotted(out, mine, member, json_string_value(words));
}

void api_problems(const struct job *j, struct jspan mine, struct report *out)
{
	size_t before = out->count + out->more;

	if (!j->answer || blob_len(j->answer) > WORDS_MAX_BYTES)
		return;
	const char *bytes = blob_data(j->answer);
	CLEANUP(json_put)
	json_t *body = json_loadb(bytes, blob_len(j->answer), JSON_DECODE_INT_AS_REAL, NULL);
	json_t *errors = json_object_get(body, "errors");
	for (void *it = json_object_iter(errors); it; it = json_object_iter_next(errors, it)) {
		const char *member = json_object_iter_key(it);
		json_t *words = json_object_iter_value(it);
		add_problem(out, mine, member, words);
		for (size_t i = 0; i < json_array_size(words); i++)
			add_problem(out, mine, member, json_array_get(words, i));
	}
	if (out->count + out->more > before)
		return;
	json_t *message = json_object_get(body, "message");
	add_problem(out, mine, "", is_words(message) ? message : json_object_get(body, "error"));
}
