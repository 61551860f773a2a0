/* SPDX-License-Identifier: MIT */
/* status: see status.h. */
#include "crm/status.h"

#include <stdlib.h>
#include <string.h>

#include "crm/jout.h"

const char *const status_lanes[LANE_COUNT] = {"save", "read", "listing", "background"};

static void drafts_fini(struct status_draft *list, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		free(list[i].path);
		free(list[i].message);
		free(list[i].kept_as);
	}
	free(list);
}

void status_fini(struct status *s)
{
	drafts_fini(s->pending, s->pending_count);
	drafts_fini(s->refused, s->refused_count);
	free(s->colls);
	*s = (struct status){0};
}

/* jansson takes what it is given even where it fails; a missing value makes the whole fail. */
static void set(json_t *object, const char *key, json_t *value)
{
	json_object_set_new(object, key, value);
}

static json_t *number(uint64_t n)
{
	return json_integer(n > INT64_MAX ? INT64_MAX : (json_int_t)n);
}

/* -1: null */
static json_t *count_of(long n)
{
	return n < 0 ? json_null() : json_integer(n);
}

/* The moment that long before now. */
static json_t *time_before(const struct status *s, double seconds)
{
	return seconds < 0 ? json_null() : jout_time(s->now - (int64_t)seconds);
}

static json_t *account_of(const struct status *s)
{
	json_t *j = json_object();

	set(j, "url", jout_string(s->url));
	set(j, "user_id", number(s->user_id));
	set(j, "user_name", *s->user_name ? jout_string(s->user_name) : json_null());
	return j;
}

/* One word for what a person wants to know first. */
static const char *state_of(const struct status_coll *c)
{
	if (c->is_absent)
		return "absent";
	if (c->is_walked)
		return "walking";
	if (c->is_complete)
		return "complete";
	if (c->err)
		return "failed";
	return c->records ? "partial" : "unused";
}

static json_t *walk_of(const struct status_coll *c)
{
	if (!c->is_walked)
		return json_null();
	json_t *j = json_object();
	set(j, "pages_done", json_integer(c->pages_done));
	set(j, "pages", c->pages ? json_integer(c->pages) : json_null());
	return j;
}

static json_t *error_of(const struct status_coll *c)
{
	if (!c->err)
		return json_null();
	json_t *j = json_object();
	set(j, "errno", jout_errno(c->err));
	set(j, "message", jout_string(strerror(-c->err)));
	set(j, "again_in", jout_seconds(c->again_in > 0 ? c->again_in : 0));
	return j;
}

static json_t *coll_of(const struct status_coll *c)
{
	json_t *j = json_object();

	set(j, "state", json_string(state_of(c)));
	set(j, "complete", json_boolean(c->is_complete));
	set(j, "records", number(c->records));
	set(j, "requests", number(c->requests));
	set(j, "walk", walk_of(c));
	set(j, "age", jout_seconds(c->age));
	set(j, "mark", jout_time(c->mark));
	set(j, "error", error_of(c));
	set(j, "text_bytes", number(c->text_bytes));
	return j;
}

static json_t *colls_of(const struct status *s)
{
	json_t *j = json_object();

	for (size_t i = 0; i < s->coll_count; i++)
		set(j, s->colls[i].name, coll_of(&s->colls[i]));
	return j;
}

static json_t *budget_of(const struct status *s)
{
	json_t *j = json_object(), *waiting = json_object();

	set(j, "limit", count_of(s->limit));
	set(j, "remaining", count_of(s->remaining));
	set(j, "resets_in", jout_seconds(s->resets_in));
	set(j, "running", json_integer(s->running));
	for (int lane = 0; lane < LANE_COUNT; lane++)
		set(waiting, status_lanes[lane], json_integer(s->waiting[lane]));
	set(j, "waiting", waiting);
	return j;
}

static json_t *requests_of(const struct status *s)
{
	json_t *j = json_object();

	set(j, "sent", number(s->requests));
	set(j, "retries", number(s->retries));
	set(j, "failures", number(s->failures));
	return j;
}

static json_t *server_of(const struct status *s)
{
	json_t *j = json_object(), *breaker = json_object();
	bool is_down = s->down_for >= 0;

	set(j, "answers", json_boolean(!is_down));
	set(j, "out_of_reach_since", time_before(s, s->down_for));
	set(j, "reason", is_down ? jout_string(s->down_why) : json_null());
	set(breaker, "open", json_boolean(s->breaker_open_for >= 0));
	set(breaker, "since", time_before(s, s->breaker_open_for));
	set(j, "breaker", breaker);
	return j;
}

static json_t *pending_of(const struct status_draft *d)
{
	json_t *j = json_object();

	set(j, "path", jout_string(d->path));
	set(j, "what", json_string(d->is_new ? "new" : "edit"));
	set(j, "saving", json_boolean(d->is_sent));
	set(j, "bytes", number(d->bytes));
	set(j, "changed", jout_time(d->since));
	return j;
}

static json_t *refused_of(const struct status_draft *d)
{
	json_t *j = json_object();

	set(j, "path", jout_string(d->path));
	set(j, "errno", jout_errno(d->err));
	set(j, "message", jout_string(d->message));
	set(j, "since", jout_time(d->since));
	set(j, "kept_as", jout_string(d->kept_as));
	return j;
}

static json_t *drafts_of(const struct status *s)
{
	json_t *j = json_object(), *pending = json_array(), *refused = json_array();

	for (size_t i = 0; i < s->pending_count; i++)
		json_array_append_new(pending, pending_of(&s->pending[i]));
	for (size_t i = 0; i < s->refused_count; i++)
		json_array_append_new(refused, refused_of(&s->refused[i]));
	set(j, "pending", pending);
	set(j, "refused", refused);
	return j;
}

static json_t *refusals_of(const struct status *s)
{
	json_t *j = json_object();

	for (int i = 1; i < STATUS_ERRNOS; i++) {
		const char *name = s->refusals[i] ? strerrorname_np(i) : NULL;
		if (name)
			set(j, name, number(s->refusals[i]));
	}
	return j;
}

static json_t *cache_of(const struct status *s)
{
	json_t *j = json_object();
	uint64_t texts = 0, bytes = 0;

	for (size_t i = 0; i < s->coll_count; i++) {
		texts += s->colls[i].texts;
		bytes += s->colls[i].text_bytes;
	}
	set(j, "records", number(texts));
	set(j, "text_bytes", number(bytes));
	return j;
}

int status_write(const struct status *s, unsigned indent, struct buf *out)
{
	bool any = s->deletions_left == UINT64_MAX;
	json_t *j = json_object();

	set(j, "version", json_string(s->version));
	set(j, "account", account_of(s));
	set(j, "time", jout_time(s->now));
	set(j, "mounted_since", jout_time(s->since));
	set(j, "uptime", jout_seconds(s->uptime));
	set(j, "read_only", json_boolean(s->is_read_only));
	set(j, "ttl", jout_seconds(s->ttl));
	set(j, "collections", colls_of(s));
	set(j, "budget", budget_of(s));
	set(j, "requests", requests_of(s));
	set(j, "server", server_of(s));
	set(j, "drafts", drafts_of(s));
	set(j, "rejected", number(s->rejected));
	set(j, "refusals", refusals_of(s));
	set(j, "deletions_left", any ? json_null() : number(s->deletions_left));
	set(j, "cache", cache_of(s));
	return jout_print(j, indent, out);
}
