/* SPDX-License-Identifier: MIT */
/* help: see help.h. Workers look and park; the vocabulary is the net thread's, so that one renders.
 * Under T but for the rendering. */
#include "tree/help.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "crm/api.h"
#include "crm/template.h"
#include "tree/node.h"
#include "tree/vocab.h"

#define FIRST_INO 4096ull
enum { TEXT_MAX = 4 << 20 };

enum { OBJECT, WORDS, FILES };

static const struct {
	const char *name;
	int (*write)(const struct kind *k, const struct fields *fields, struct buf *out);
} files[FILES] = {
	[OBJECT] = {".template.json", template_write},
	[WORDS] = {".template.md", template_explain},
};

/* Of one collection, or of the root. */
struct help {
	struct tree *tree;	   /* (I) */
	struct coll *coll;	   /* (I) NULL: the root */
	struct node *nodes[FILES]; /* (I) pinned; the root has one */
	bool is_told;		   /* (T) the nodes have their texts */
	uint64_t asked_at;	   /* (T) when the fields were asked for that they were made of */
	bool is_asking;		   /* (T) the task or the job is under way */
	uint64_t deadline;	   /* (T) of it */
	struct job *job;	   /* (T) */
	struct wait_point told;	   /* (T) */
	struct task task;
};

static void job_deserted(struct tree *t, struct wait_point *p)
{
	struct help *h = container_of(p, struct help, told);

	tree_lock(t);
	struct job *j = h->job;
	tree_unlock(t);
	if (j)
		http_cancel(t->config.http, j);
}

static struct node *make_node(struct help *h, uint64_t ino) REQUIRES(T)
{
	struct node *n = node_new(h->tree, NODE_FILE, h->coll, ino);

	if (n)
		n->help = h;
	return n;
}

static int init_coll(struct help *h, struct coll *c, uint64_t ino) REQUIRES(T)
{
	h->coll = c;
	for (size_t i = 0; i < FILES && c->kind->creates; i++) {
		h->nodes[i] = make_node(h, ino + i);
		if (!h->nodes[i])
			return -ENOMEM;
	}
	return 0;
}

static int init_readme(struct help *h) REQUIRES(T)
{
	const char *words = h->tree->config.readme;

	if (!words)
		return 0;
	struct blob *blob = blob_copy(words, strlen(words));
	h->nodes[0] = blob ? make_node(h, FIRST_INO) : NULL;
	if (h->nodes[0])
		h->nodes[0]->text = text_of(blob, 0, strlen(words));
	blob_put(blob);
	return h->nodes[0] ? 0 : -ENOMEM;
}

int help_init(struct tree *t)
{
	int err = 0;

	t->helps = calloc(t->coll_count + 1, sizeof(*t->helps));
	if (!t->helps)
		return -ENOMEM;
	for (size_t i = 0; i <= t->coll_count; i++) {
		t->helps[i].tree = t;
		wait_point_init(&t->helps[i].told);
		t->helps[i].told.deserted = job_deserted;
	}
	for (size_t i = 0; i < t->coll_count && !err; i++) {
		size_t kind = (size_t)(t->colls[i].kind - kinds);
		err = init_coll(&t->helps[i], &t->colls[i], FIRST_INO + FILES * (kind + 1));
	}
	return err ? err : init_readme(&t->helps[t->coll_count]);
}

void help_fini(struct tree *t)
{
	for (size_t i = 0; t->helps && i <= t->coll_count; i++) {
		for (size_t k = 0; k < FILES; k++)
			node_unpin(t, STEAL(t->helps[i].nodes[k]));
	}
}

static struct help *help_of(struct tree *t, const struct coll *c) REQUIRES(T)
{
	if (!t->helps)
		return NULL;
	return &t->helps[c ? (size_t)(c - t->colls) : t->coll_count];
}

struct node *help_find(struct tree *t, const struct coll *c, const char *name)
{
	struct help *h = help_of(t, c);

	if (!c)
		return h && strcmp(name, HELP_README) == 0 ? h->nodes[0] : NULL;
	for (size_t i = 0; *name == '.' && h && i < FILES; i++) {
		if (strcmp(name, files[i].name) == 0)
			return h->nodes[i];
	}
	return NULL;
}

/* Net thread from here on */

/* gives a reference in *out */
static int render(const struct help *h, size_t file, struct text *out)
{
	const struct kind *kind = h->coll->kind;
	struct buf text = BUF_INIT(TEXT_MAX);
	int err = files[file].write(kind, vocab_fields(h->tree->vocab, kind), &text);
	size_t len = text.len;
	char *bytes = err ? NULL : buf_steal(&text);

	buf_fini(&text);
	struct blob *blob = bytes ? blob_adopt(bytes, len) : NULL;
	if (!blob)
		return -ENOMEM;
	*out = text_of(blob, 0, len);
	blob_put(blob);
	return 0;
}

static void show(struct help *h, const struct text texts[static FILES]) REQUIRES(T)
{
	for (size_t i = 0; i < FILES; i++) {
		struct node *n = h->nodes[i];
		if (text_is_set(&n->text) && text_equal(&n->text, &texts[i]))
			continue;
		text_put(&n->text);
		n->text = text_ref(&texts[i]);
		n->mtime = time(NULL);
		tree_tell_stale(h->tree, n->ino, 0, NULL);
	}
	h->is_told = true;
	h->asked_at = vocab_fields_at(h->tree->vocab, h->coll->kind);
}

static void settle(struct help *h, int err)
{
	struct text texts[FILES] = {0};
	struct tree *t = h->tree;
	struct list ready;

	for (size_t i = 0; i < FILES && !err; i++)
		err = render(h, i, &texts[i]);
	list_init(&ready);
	tree_lock(t);
	if (!err)
		show(h, texts);
	h->is_asking = false;
	h->job = NULL;
	wait_settle(t, &h->told, err, &ready);
	tree_unlock(t);
	for (size_t i = 0; i < FILES; i++)
		text_put(&texts[i]);
	wait_wake_all(&ready);
}

static void fields_came(struct job *j)
{
	struct help *h = j->arg;
	int err = vocab_read_fields(h->tree->vocab, h->coll->kind, j);

	job_free(j);
	settle(h, err);
}

/* A save may have asked meanwhile. */
static void run_ask(struct task *task)
{
	struct help *h = container_of(task, struct help, task);
	struct tree *t = h->tree;
	uint64_t at = vocab_fields_at(t->vocab, h->coll->kind);
	struct job *j = NULL;

	if (at && at + t->config.ttl_ns > clock_now()) {
		settle(h, 0);
		return;
	}
	if (!(j = api_fields(h->coll->kind))) {
		settle(h, -ENOMEM);
		return;
	}
	j->done = fields_came;
	j->arg = h;
	tree_lock(t);
	j->deadline = h->deadline;
	h->job = j;
	tree_unlock(t);
	http_submit(t->config.http, j);
}

/* And back on any */

int help_want(struct node *n, struct waiter *w)
{
	struct help *h = n->help;
	struct tree *t = h->tree;
	int result;

	if (!h->coll)
		return 0;
	if (wait_take_result(w, &result))
		return result < 0 && (result == -EINTR || !h->is_told) ? result : 0;
	if (h->is_told && h->asked_at + t->config.ttl_ns > w->born)
		return 0;
	int err = wait_may_spend(w);
	if (err)
		return err < 0 && h->is_told ? 0 : err;
	if (!h->is_asking) {
		h->is_asking = true;
		h->deadline = w->deadline;
		h->task.run = run_ask;
		http_post(t->config.http, &h->task);
	}
	return wait_park(t, &h->told, w);
}

bool help_is_template(struct tree *t, const struct coll *c, const struct text *text)
{
	const struct node *n = help_find(t, c, files[OBJECT].name);

	return n && text_is_set(&n->text) &&
	       jtext_equal(jtext_trim(jspan_of(text)), jtext_trim(jspan_of(&n->text)));
}
