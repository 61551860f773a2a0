/* SPDX-License-Identifier: MIT */
/* refusal: the words, and the file that has them. Under T; the net thread says and lifts, workers
 * drop. The file's text is made anew whenever what it says of the refused text's place changes. */
#include "tree/refusal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "tree/node.h"

enum { TEXT_MAX = 1 << 20 };

static const char suffix[] = ".error";

static bool match_name(const struct map_entry *e, const void *key)
{
	return strcmp(container_of(e, const struct refusal, by_name)->name, key) == 0;
}

struct refusal *refusal_find(struct coll *c, const char *name)
{
	uint64_t hash = map_hash_bytes(name, strlen(name));
	struct map_entry *e = map_find(&c->refusals, hash, match_name, name);

	return e ? container_of(e, struct refusal, by_name) : NULL;
}

struct refusal *refusal_at(struct coll *c, const char *error_name)
{
	size_t n = strlen(error_name), tail = sizeof(suffix) - 1;
	char name[256];

	if (!c->refusals.count || n <= tail || n >= sizeof(name) ||
	    strcmp(error_name + n - tail, suffix) != 0)
		return NULL;
	memcpy(name, error_name, n - tail);
	name[n - tail] = '\0';
	return refusal_find(c, name);
}

void refusal_file_name(const struct refusal *r, char out[256])
{
	snprintf(out, 256, "%.249s%s", r->name, suffix);
}

/* What a person does about it, by the class of the error. */
static const char *advice_for(int err)
{
	switch (-err) {
	case EBUSY:
		return "Saving it again overrides what is on the server.";
	case EAGAIN:
	case ETIMEDOUT:
	case EHOSTUNREACH:
	case ECONNREFUSED:
	case EIO:
		return "Save it again once the server can be reached.";
	case EINTR:
		return "Save it again to send it.";
	case EACCES:
		return "Save it again once the server accepts the token.";
	default:
		return "Mend it and save it again.";
	}
}

/* A rename was refused: the text is where it was before, under a name of its own. */
static const char *other_place(const struct refusal *r) REQUIRES(T)
{
	const struct node *n = r->draft ? r->draft->node : NULL;

	return n && n->local && strcmp(n->local->name, r->name) != 0 ? n->local->name : NULL;
}

static int add_place(const struct refusal *r, struct buf *out) REQUIRES(T)
{
	const char *other = other_place(r);

	if (*r->kept_as)
		return buf_printf(
			out,
			"\nThe text that was refused is not at %s any more. It is kept for a "
			"week as\n  ../.concordfs/rejected/%s\n",
			r->name, r->kept_as);
	return buf_printf(out, "\nThe text is still there as %s.\n", other ? other : r->name);
}

static int add_advice(const struct refusal *r, struct buf *out) REQUIRES(T)
{
	bool drops = !*r->kept_as && !other_place(r);

	return buf_printf(out, "%s\nThis file goes with the next good save of %s%s:\n  rm %s%s\n",
			  r->advice ? r->advice : advice_for(r->err), r->name,
			  drops ? ". To drop the text and see what the server has"
				: ", or when you remove it",
			  r->name, suffix);
}

static int write_words(const struct refusal *r, struct buf *out) REQUIRES(T)
{
	char when[32];
	struct tm tm;

	/* Without colons: readers of compilers' messages would take it for a file and a line. */
	strftime(when, sizeof(when), "%Y-%m-%d %H.%M.%S", localtime_r(&r->at, &tm));
	int err =
		buf_printf(out, "%s was not saved: %s (%s)\n\n", r->name, strerror(-r->err), when);
	if (!err)
		err = buf_add_str(out, r->words);
	if (!err)
		err = add_place(r, out);
	return err ? err : add_advice(r, out);
}

static void render(struct refusal *r) REQUIRES(T)
{
	struct node *n = r->node;
	struct buf text = BUF_INIT(TEXT_MAX);

	int err = write_words(r, &text);
	size_t len = text.len;
	char *bytes = buf_steal(&text);
	struct blob *blob = bytes ? blob_adopt(bytes, len) : NULL;
	if (!err && blob) {
		text_put(&n->text);
		n->text = text_of(blob, 0, len);
	}
	blob_put(blob);
	n->mtime = r->at;
	tree_tell_stale(r->coll->tree, n->ino, 0, NULL);
}

static struct refusal *refusal_new(struct coll *c, const char *name) REQUIRES(T)
{
	size_t size = strlen(name) + 1;
	struct refusal *r = calloc(1, sizeof(*r) + size);

	if (!r)
		return NULL;
	memcpy(r->name, name, size);
	r->coll = c;
	r->node = node_new(c->tree, NODE_FILE, c, 0);
	if (!r->node || map_insert(&c->refusals, &r->by_name, map_hash_bytes(name, size - 1)) < 0) {
		node_unpin(c->tree, r->node);
		free(r);
		return NULL;
	}
	r->node->refusal = r;
	c->changed = time(NULL);
	return r;
}

static void leave_draft(struct refusal *r) REQUIRES(T)
{
	if (r->draft)
		r->draft->refusal = NULL;
	r->draft = NULL;
}

static void take_draft(struct refusal *r, struct draft *d) REQUIRES(T)
{
	if (r->draft == d)
		return;
	leave_draft(r);
	if (d && d->refusal)
		refusal_lift(d->refusal);
	r->draft = d;
	if (d)
		d->refusal = r;
}

int refusal_set(struct coll *c, const char *name, const struct refused *what)
{
	struct refusal *r = refusal_find(c, name);
	char *words = strdup(what->words);

	if (strlen(name) + sizeof(suffix) > 256) {
		free(words);
		return -ENAMETOOLONG;
	}
	if (!r && words)
		r = refusal_new(c, name);
	if (!r || !words) {
		free(words);
		return -ENOMEM;
	}
	take_draft(r, what->draft);
	free(r->words);
	r->words = words;
	r->advice = what->advice;
	r->err = what->err;
	r->process = what->process;
	r->at = time(NULL);
	r->told_at = clock_now();
	r->kept_as[0] = '\0';
	render(r);
	return 0;
}

void refusal_moved(struct refusal *r)
{
	if (r)
		render(r);
}

void refusal_lift(struct refusal *r)
{
	char file[256];

	if (!r)
		return;
	struct coll *c = r->coll;
	leave_draft(r);
	refusal_file_name(r, file);
	tree_tell_stale(c->tree, r->node->ino, c->dir->ino, file);
	map_remove(&c->refusals, &r->by_name);
	r->node->refusal = NULL;
	node_unpin(c->tree, r->node);
	c->changed = time(NULL);
	free(r->words);
	free(r);
}

void refusal_aside(struct refusal *r, const char *kept_as, pid_t by)
{
	leave_draft(r);
	if (by != r->process || !by) {
		refusal_lift(r);
		return;
	}
	snprintf(r->kept_as, sizeof(r->kept_as), "%s", kept_as);
	render(r);
}
