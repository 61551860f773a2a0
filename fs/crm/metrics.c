/* SPDX-License-Identifier: MIT */
/* metrics: the status in Prometheus' text format (exposition format 0.0.4). Numbers that are not known
 * have no line. An error of the buffer's stays in it: further adding fails, too, or does not matter. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "crm/status.h"

struct page {
	struct buf *out;
	int err;
};

#define ADD(p, ...)                                                                                \
	do {                                                                                       \
		int err_ = buf_printf((p)->out, __VA_ARGS__);                                      \
		(p)->err = (p)->err ? (p)->err : err_;                                             \
	} while (0)

static void head(struct page *p, const char *name, const char *type, const char *help)
{
	ADD(p, "# HELP concordfs_%s %s\n# TYPE concordfs_%s %s\n", name, help, name, type);
}

static void whole(struct page *p, const char *name, const char *type, const char *help,
		  uint64_t value)
{
	head(p, name, type, help);
	ADD(p, "concordfs_%s %" PRIu64 "\n", name, value);
}

static void seconds(struct page *p, const char *name, const char *help, double value)
{
	head(p, name, "gauge", help);
	ADD(p, "concordfs_%s %.3f\n", name, value);
}

/* A label's value: \, " and newlines are escaped, other control characters are not worth keeping. */
static void label(struct page *p, const char *name, const char *value)
{
	ADD(p, "%s=\"", name);
	for (const char *c = value; *c; c++) {
		if (*c == '\\' || *c == '"')
			ADD(p, "\\%c", *c);
		else if ((unsigned char)*c >= ' ')
			ADD(p, "%c", *c);
	}
	ADD(p, "\"");
}

static void write_mount(struct page *p, const struct status *s)
{
	head(p, "info", "gauge", "The mount: its version and its account.");
	ADD(p, "concordfs_info{");
	label(p, "version", s->version);
	ADD(p, ",");
	label(p, "url", s->url);
	ADD(p, ",user_id=\"%" PRIu64 "\"} 1\n", s->user_id);
	seconds(p, "uptime_seconds", "How long it is mounted.", s->uptime);
}

static void write_requests(struct page *p, const struct status *s)
{
	whole(p, "requests_total", "counter", "HTTP requests sent, repeats included.", s->requests);
	whole(p, "retries_total", "counter", "Requests that were repeated.", s->retries);
	whole(p, "failures_total", "counter", "Requests that failed in the end.", s->failures);
	whole(p, "requests_running", "gauge", "Requests under way.", s->running);
	head(p, "requests_waiting", "gauge", "Requests that wait to be sent, by lane.");
	for (int lane = 0; lane < LANE_COUNT; lane++)
		ADD(p, "concordfs_requests_waiting{lane=\"%s\"} %u\n", status_lanes[lane],
		    s->waiting[lane]);
}

static void write_server(struct page *p, const struct status *s)
{
	bool is_down = s->down_for >= 0, is_open = s->breaker_open_for >= 0;

	if (s->limit >= 0)
		whole(p, "budget_limit", "gauge", "Requests that the server allows in a window.",
		      (uint64_t)s->limit);
	if (s->remaining >= 0)
		whole(p, "budget_remaining", "gauge", "What is left of them in this window.",
		      (uint64_t)s->remaining);
	if (s->resets_in >= 0)
		seconds(p, "budget_reset_seconds", "Until the next window at the latest.",
			s->resets_in);
	whole(p, "server_up", "gauge", "1 unless the last request had no usable answer.", !is_down);
	seconds(p, "server_down_seconds", "Since when, if not.", is_down ? s->down_for : 0);
	whole(p, "breaker_open", "gauge", "1 while requests fail without being sent.", is_open);
}

typedef bool coll_value(const struct status_coll *c, double *value);

static bool records(const struct status_coll *c, double *value)
{
	*value = (double)c->records;
	return true;
}

static bool complete(const struct status_coll *c, double *value)
{
	*value = c->is_complete;
	return true;
}

static bool age(const struct status_coll *c, double *value)
{
	*value = c->age;
	return c->age >= 0;
}

static bool failed(const struct status_coll *c, double *value)
{
	*value = c->err != 0;
	return true;
}

static bool asked(const struct status_coll *c, double *value)
{
	*value = (double)c->requests;
	return true;
}

static bool pages_done(const struct status_coll *c, double *value)
{
	*value = (double)c->pages_done;
	return c->is_walked;
}

static bool pages(const struct status_coll *c, double *value)
{
	*value = (double)c->pages;
	return c->is_walked && c->pages;
}

static bool bytes(const struct status_coll *c, double *value)
{
	*value = (double)c->text_bytes;
	return true;
}

static const struct {
	const char *name, *type, *help;
	coll_value *value;
} of_colls[] = {
	{"records", "gauge", "Records that are listed or known.", records},
	{"listing_complete", "gauge", "1 when all records are listed.", complete},
	{"listing_age_seconds", "gauge", "Since the last check of the listing.", age},
	{"listing_failed", "gauge", "1 when the last attempt to list failed.", failed},
	{"listing_requests_total", "counter", "Requests for its listing.", asked},
	{"walk_pages_done", "gauge", "Pages that came of the walk under way.", pages_done},
	{"walk_pages", "gauge", "Pages that this walk has.", pages},
	{"text_bytes", "gauge", "Bytes of record texts in memory.", bytes},
};

static void write_colls(struct page *p, const struct status *s)
{
	double value;

	for (size_t m = 0; m < ARRAY_LEN(of_colls); m++) {
		head(p, of_colls[m].name, of_colls[m].type, of_colls[m].help);
		for (size_t i = 0; i < s->coll_count; i++) {
			if (of_colls[m].value(&s->colls[i], &value))
				ADD(p, "concordfs_%s{collection=\"%s\"} %.16g\n", of_colls[m].name,
				    s->colls[i].name, value);
		}
	}
}

static void write_drafts(struct page *p, const struct status *s)
{
	head(p, "drafts", "gauge", "Local texts that the server does not have.");
	ADD(p, "concordfs_drafts{state=\"pending\"} %zu\n", s->pending_count);
	ADD(p, "concordfs_drafts{state=\"refused\"} %zu\n", s->refused_count);
	whole(p, "rejected_texts", "gauge", "Refused texts in .concordfs/rejected.", s->rejected);
	head(p, "refusals_total", "counter", "Saves and deletions that were refused.");
	for (int i = 1; i < STATUS_ERRNOS; i++) {
		const char *name = s->refusals[i] ? strerrorname_np(i) : NULL;
		if (name)
			ADD(p, "concordfs_refusals_total{errno=\"%s\"} %" PRIu64 "\n", name,
			    s->refusals[i]);
	}
	head(p, "deletions_left", "gauge", "Deletions that the brake lets pass now.");
	if (s->deletions_left == UINT64_MAX)
		ADD(p, "concordfs_deletions_left +Inf\n");
	else
		ADD(p, "concordfs_deletions_left %" PRIu64 "\n", s->deletions_left);
}

int metrics_write(const struct status *s, struct buf *out)
{
	struct page p = {.out = out};

	write_mount(&p, s);
	write_requests(&p, s);
	write_server(&p, s);
	write_colls(&p, s);
	write_drafts(&p, s);
	return p.err;
}
