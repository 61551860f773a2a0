/* SPDX-License-Identifier: MIT */
/* census: see census.h. Workers, and whoever is asked for a line in the log; never the net thread,
 * since the rejected texts are counted on the disk. */
#include "tree/census.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "store/rejected.h"
#include "tree/draft.h"
#include "tree/name.h"
#include "tree/refusal.h"
#include "tree/walk.h"

_Static_assert((int)STATUS_ERRNOS == (int)REFUSALS_ROOM, "one place for each errno");

static double seconds(uint64_t ns)
{
	return (double)ns / (double)NS_PER_SEC;
}

/* How long ago `at` was; below 0: it never was. */
static double ago(uint64_t at, uint64_t now)
{
	return !at ? -1 : at < now ? seconds(now - at) : 0;
}

static double till(uint64_t at, uint64_t now)
{
	return at > now ? seconds(at - now) : 0;
}

static void count_coll(const struct coll *c, uint64_t now, struct status_coll *out) REQUIRES(T)
{
	const struct listing *l = &c->listing;
	struct walk_progress walk = {0};

	*out = (struct status_coll){
		.name = c->kind->name,
		.is_complete = l->complete,
		.is_absent = c->absent,
		.records = l->complete ? l->count : c->text_count,
		.requests = l->requests,
		.age = ago(l->checked_at, now),
		.mark = l->complete ? l->mark : 0,
		.err = l->failure,
		.again_in = till(l->failed_until, now),
		.texts = c->text_count,
		.text_bytes = c->text_bytes,
	};
	out->is_walked = l->walk && walk_progress(l->walk, &walk);
	out->pages_done = walk.done;
	out->pages = walk.pages;
}

static int count_colls(struct tree *t, uint64_t now, struct status *out) REQUIRES(T)
{
	out->colls = calloc(t->coll_count, sizeof(*out->colls));
	if (!out->colls)
		return -ENOMEM;
	out->coll_count = t->coll_count;
	for (size_t i = 0; i < t->coll_count; i++)
		count_coll(&t->colls[i], now, &out->colls[i]);
	return 0;
}

/* A place for one more, which owns nothing yet; NULL: no memory. */
static struct status_draft *add_draft(struct status_draft **list, size_t *count)
{
	struct status_draft *grown = reallocarray(*list, *count + 1, sizeof(**list));

	if (!grown)
		return NULL;
	*list = grown;
	grown[*count] = (struct status_draft){0};
	return &grown[(*count)++];
}

static char *path_of(const struct coll *c, const char *name)
{
	char *path = NULL;

	return asprintf(&path, "%s/%s", c->kind->name, name) < 0 ? NULL : path;
}

static bool may_be_saved(const struct draft *d) REQUIRES(T)
{
	uint64_t id;

	if (d->type != SPOOL_FILE || !d->node || !(d->dirty || d->unfinished || d->commit))
		return false;
	return d->record || d->node->record ||
	       (d->node->local && name_classify(d->node->local->name, &id) == NAME_NEW);
}

static int count_draft(const struct coll *c, const struct draft *d, struct status *out) REQUIRES(T)
{
	char name[NAME_MAX + 1];
	struct status_draft *to;

	if (d->refusal) /* which says more */
		return 0;
	if (d->refused)
		to = add_draft(&out->refused, &out->refused_count);
	else if (may_be_saved(d))
		to = add_draft(&out->pending, &out->pending_count);
	else
		return 0;
	if (!to)
		return -ENOMEM;
	draft_name(d, name);
	to->path = path_of(c, name);
	to->is_new = !d->record && !d->node->record;
	to->is_sent = d->commit;
	to->err = d->refused;
	to->since = d->mtime.tv_sec;
	to->bytes = (uint64_t)d->size;
	return to->path ? 0 : -ENOMEM;
}

static int count_refusal(const struct refusal *r, struct status *out) REQUIRES(T)
{
	struct status_draft *to = add_draft(&out->refused, &out->refused_count);

	if (!to)
		return -ENOMEM;
	to->path = path_of(r->coll, r->name);
	to->message = strndup(r->words, strcspn(r->words, "\n"));
	to->kept_as = *r->kept_as ? strdup(r->kept_as) : NULL;
	to->err = r->err;
	to->since = r->at;
	return to->path && to->message ? 0 : -ENOMEM;
}

static int count_drafts(const struct coll *c, struct status *out) REQUIRES(T)
{
	int err = 0;

	list_each(pos, &c->drafts) {
		if ((err = count_draft(c, container_of(pos, struct draft, link), out)) < 0)
			return err;
	}
	for (struct map_entry *e = NULL; !err && (e = map_next(&c->refusals, e));)
		err = count_refusal(container_of(e, struct refusal, by_name), out);
	return err;
}

static int count_locked(struct tree *t, uint64_t now, struct status *out) REQUIRES(T)
{
	int err = count_colls(t, now, out);

	for (size_t i = 0; !err && i < t->coll_count; i++)
		err = count_drafts(&t->colls[i], out);
	memcpy(out->refusals, t->refusals, sizeof(out->refusals));
	out->deletions_left = brake_left(&t->brake, now);
	return err;
}

static void count_requests(struct tree *t, uint64_t now, struct status *out)
{
	struct http_stats stats;

	http_stats(t->config.http, &stats);
	bool is_over = stats.resets_at && stats.resets_at <= now;
	out->limit = stats.limit;
	out->remaining = is_over ? stats.limit : stats.left;
	out->resets_in = stats.resets_at ? till(stats.resets_at, now) : -1;
	out->running = stats.running;
	memcpy(out->waiting, stats.queued, sizeof(out->waiting));
	out->requests = stats.requests;
	out->retries = stats.retries;
	out->failures = stats.failures;
	out->down_for = ago(stats.down_since, now);
	out->breaker_open_for = ago(stats.breaker_since, now);
	out->down_why = stats.down_why;
}

/* Each has its words beside it. */
static size_t count_rejected(struct tree *t)
{
	char **names = NULL;
	size_t count = 0, texts = 0;

	if (rejected_list(spool_rejected_dir(t->config.spool), &names, &count) < 0)
		return 0;
	for (size_t i = 0; i < count; i++) {
		size_t n = strlen(names[i]);
		texts += n < 6 || strcmp(names[i] + n - 6, ".error") != 0;
		free(names[i]);
	}
	free(names);
	return texts;
}

int census_take(struct tree *t, struct status *out)
{
	uint64_t now = clock_now();

	*out = (struct status){
		.version = t->config.version,
		.url = t->config.url,
		.user_name = t->config.user_name,
		.user_id = t->config.user_id,
		.is_read_only = t->config.read_only,
		.now = time(NULL),
		.since = t->born,
		.uptime = seconds(now - t->born_at),
		.ttl = seconds(t->config.ttl_ns),
		.rejected = count_rejected(t),
	};
	count_requests(t, now, out);
	tree_lock(t);
	int err = count_locked(t, now, out);
	tree_unlock(t);
	return err;
}

void census_log(struct tree *t)
{
	CLEANUP(status_fini) struct status status = {0};
	CLEANUP(buf_fini) struct buf line = BUF_INIT(CENSUS_MAX_BYTES);

	int err = census_take(t, &status);
	if (!err)
		err = status_write(&status, 0, &line);
	if (err < 0)
		log_warning("tree: no status: %s", strerror(-err));
	else
		log_whole("status", line.data, line.len - 1);
}
