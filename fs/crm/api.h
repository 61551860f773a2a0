/* SPDX-License-Identifier: MIT */
/*
 * api: Concord's messages. Builders give a job that is ready but for done, arg and deadline (NULL:
 * no memory); readers turn a finished job into records. Pure; readers run on the net thread.
 */
#ifndef CRM_API_H
#define CRM_API_H

#include <stdbool.h>
#include <stdint.h>

#include "base/blob.h"
#include "crm/fields.h"
#include "crm/jtext.h"
#include "crm/kinds.h"
#include "crm/report.h"
#include "http/http.h"

enum { API_PAGE_MAX_BYTES = 64 << 20, API_RECORD_MAX_BYTES = 16 << 20 };

struct record_msg {
	uint64_t id;
	int64_t updated_at; /* Unix seconds, or VIEW_NO_TIME */
	bool has_products;  /* a deal's amount is its products' (products_count > 0) */
	struct text text;   /* the file's text, a slice of the page's one blob; owned */
};

struct page_msg {
	struct record_msg *records; /* in the server's order, ids distinct within the page */
	size_t count;
	unsigned
		unusable; /* items without a usable id, and repeats: counted by the server, not by us */
	long page, last_page, per_page, total;
};
void page_msg_fini(struct page_msg *m);
static inline void page_msg_fini_at(struct page_msg *m)
{
	page_msg_fini(m);
}
static inline void record_msg_fini_at(struct record_msg *m)
{
	text_put(&m->text);
}

struct job *api_me(void);					      /* LANE_READ */
struct job *api_list(const struct kind *k, long page, long per_page); /* order=id; LANE_LISTING */
/* Newest change first, id as tie-breaker (array form of order). Works for every kind, and its
 * meta.total is the collection's: one request tells what changed and whether something vanished. */
struct job *api_changed(const struct kind *k, long page, long per_page);
/* Newest first; has_trash kinds only. */
struct job *api_trashed(const struct kind *k, long page, long per_page);
struct job *api_get(const struct kind *k, uint64_t id);
struct job *api_create(const struct kind *k, char *body, size_t n); /* takes body; LANE_SAVE */
struct job *api_update(const struct kind *k, uint64_t id, char *body, size_t n); /* likewise */
struct job *api_delete(const struct kind *k, uint64_t id);
/* POST /trashed/{k}/{id}; LANE_SAVE; read with api_read_record. */
struct job *api_restore(const struct kind *k, uint64_t id);
/* The newest records by created_at (then id), newest first: where one whose POST lost its answer
 * would be. LANE_READ; read with api_read_page. */
struct job *api_newest(const struct kind *k, long per_page);
/* A note or call with what it is attached to; LANE_READ. */
struct job *api_via(const struct kind *k, uint64_t id);
struct job *api_fields(const struct kind *k);		 /* GET /{k}/create-fields; LANE_READ */
struct job *api_lookup(const struct kind *k, long page); /* 100 in id order; LANE_READ */

/* Readers need j->err == 0 and give 0, or -EIO with a log line (URL and place, not content) when
 * the answer is not what the API promises, or -ENOMEM. */
struct me {
	uint64_t id;
	char name[128]; /* UTF-8; "": it has none, or a longer one */
};
int api_read_me(const struct job *j, struct me *out);
int api_read_page(const struct kind *k, const struct job *j, struct page_msg *out);
int api_read_record(const struct kind *k, const struct job *j, struct record_msg *out);

/* The answer's own object (unwrapped), for edit_verify; lends from j->answer. 0 or -EIO. */
int api_answer(const struct job *j, struct jspan *out);
int api_read_fields(const struct job *j, struct fields **out); /* gives *out */
/* Adds the records of that page to out (id, name, pipeline_id of stages, e-mail of users). *last: there
 * is no further page, or none that is worth a request: then out is partial. */
int api_read_lookup(const struct job *j, long page, struct choices *out, bool *last);

struct via {
	char resource[24]; /* "contacts", "companies", "deals"; "": none */
	uint64_t id;
};
int api_read_via(const struct job *j, struct via *out);

/* The server's refusal (j->err < 0), one problem per text in "errors", with its place in mine; its
 * "message" or "error" where there is no "errors". Nothing where it gave no words. */
void api_problems(const struct job *j, struct jspan mine, struct report *out);

/* The server's words in a refusal (j->err < 0): "message", "error", and of "errors" each
 * "member: text", joined by "; ", made one printable UTF-8 line of at most size bytes. "" if none. */
void api_refusal(const struct job *j, char *out, size_t size);

#endif
