/* SPDX-License-Identifier: MIT */
/* control: see control.h. A table of files, each with what it reads and writes. Workers; T for the
 * nodes and the brake, and never across the disk. */
#include "tree/control.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "store/journal.h"
#include "store/rejected.h"
#include "tree/census.h"
#include "tree/dirs.h"
#include "tree/refresh.h"

#define FIRST_INO 1024ull	  /* of the table's */
#define REJECTED_INO (1ull << 61) /* and above: of a rejected text, by its name */

struct control {
	const char *name;
	enum node_type type;
	mode_t mode;
	int (*stat)(struct tree *t, const struct node *n, struct stat *st);
	ssize_t (*read)(struct tree *t, const struct node *n, char *out, size_t size, off_t off);
	ssize_t (*write)(struct tree *t, const char *p, size_t size);
	int (*print)(const struct status *s, struct buf *out); /* a snapshot */
};

static int errors_stat(struct tree *t, const struct node *n, struct stat *st)
{
	(void)n;
	return journal_stat(spool_state_dir(t->config.spool), st);
}

static ssize_t errors_read(struct tree *t, const struct node *n, char *out, size_t size, off_t off)
{
	(void)n;
	return journal_read(spool_state_dir(t->config.spool), out, size, off);
}

static size_t print_allowed(struct tree *t, char out[32])
{
	tree_lock(t);
	uint64_t left = brake_left(&t->brake, clock_now());
	tree_unlock(t);
	return (size_t)(left == UINT64_MAX ? snprintf(out, 32, "any number\n")
					   : snprintf(out, 32, "%" PRIu64 "\n", left));
}

static int allow_stat(struct tree *t, const struct node *n, struct stat *st)
{
	char text[32];

	(void)n;
	*st = (struct stat){.st_size = (off_t)print_allowed(t, text)};
	return 0;
}

static ssize_t allow_read(struct tree *t, const struct node *n, char *out, size_t size, off_t off)
{
	char text[32];
	size_t len = print_allowed(t, text);

	(void)n;
	if ((size_t)off >= len)
		return 0;
	size_t take = size < len - (size_t)off ? size : len - (size_t)off;
	memcpy(out, text + off, take);
	return (ssize_t)take;
}

static ssize_t allow_write(struct tree *t, const char *p, size_t size)
{
	char text[24] = "", *end;

	if (size >= sizeof(text))
		return -EINVAL;
	memcpy(text, p, size);
	errno = 0;
	unsigned long long more = strtoull(text, &end, 10);
	if (errno || !isdigit((unsigned char)text[0]) || end[strspn(end, " \n")] != '\0')
		return -EINVAL;
	tree_lock(t);
	brake_allow(&t->brake, more);
	tree_unlock(t);
	log_info("tree: %llu more deletions are allowed", more);
	return (ssize_t)size;
}

/* Its size now; who opens it may get another one. */
static int snapshot_stat(struct tree *t, const struct node *n, struct stat *st)
{
	CLEANUP(text_put) struct text text = {0};
	int err = control_snapshot(t, n, &text);

	*st = (struct stat){.st_size = (off_t)text.len};
	clock_gettime(CLOCK_REALTIME, &st->st_mtim);
	return err;
}

static ssize_t refresh_write(struct tree *t, const char *p, size_t size)
{
	int err = refresh_paths(t, p, size, clock_now());

	return err < 0 ? err : (ssize_t)size;
}

static int rejected_text_stat(struct tree *t, const struct node *n, struct stat *st)
{
	return rejected_stat(spool_rejected_dir(t->config.spool), n->target, st);
}

static ssize_t rejected_text_read(struct tree *t, const struct node *n, char *out, size_t size,
				  off_t off)
{
	return rejected_read(spool_rejected_dir(t->config.spool), n->target, out, size, off);
}

static int print_status(const struct status *s, struct buf *out)
{
	return status_write(s, 2, out);
}

static const struct control top = {.name = CONTROL_NAME, .type = NODE_CONTROL_DIR, .mode = 0755};
static const struct control controls[] = {
	{"allow_deletes", NODE_CONTROL, 0644, allow_stat, allow_read, allow_write, NULL},
	{"errors.ndjson", NODE_CONTROL, 0444, errors_stat, errors_read, NULL, NULL},
	{"metrics", NODE_CONTROL, 0444, snapshot_stat, NULL, NULL, metrics_write},
	{"rejected", NODE_CONTROL_DIR, 0755, NULL, NULL, NULL, NULL},
	{"refresh", NODE_CONTROL, 0200, NULL, NULL, refresh_write, NULL},
	{"status.json", NODE_CONTROL, 0444, snapshot_stat, NULL, NULL, print_status},
};
static const struct control rejected_text = {
	"", NODE_CONTROL, 0444, rejected_text_stat, rejected_text_read, NULL, NULL};

static bool is_rejected_dir(const struct node *n)
{
	return n->type == NODE_CONTROL_DIR && n->control != &top;
}

static struct node *make(struct tree *t, const struct control *control, uint64_t ino) REQUIRES(T)
{
	struct node *n = node_new(t, control->type, NULL, ino);

	if (n)
		n->control = control;
	return n;
}

int control_init(struct tree *t)
{
	t->control_dir = make(t, &top, FIRST_INO);
	return t->control_dir ? 0 : -ENOMEM;
}

void control_fini(struct tree *t)
{
	node_unpin(t, t->control_dir);
	t->control_dir = NULL;
}

/* One of the table's: its number never changes, so the node needs no holder between lookups. */
static struct node *static_node(struct tree *t, const char *name) REQUIRES(T)
{
	for (size_t i = 0; i < ARRAY_LEN(controls); i++) {
		if (strcmp(controls[i].name, name) != 0)
			continue;
		struct node *n = node_find(t, FIRST_INO + 1 + i);
		if (!n)
			return make(t, &controls[i], FIRST_INO + 1 + i);
		node_pin(t, n);
		return n;
	}
	return NULL;
}

static struct node *rejected_node(struct tree *t, const char *name) REQUIRES(T)
{
	uint64_t ino = REJECTED_INO + (map_hash_bytes(name, strlen(name)) >> 4);
	struct node *n = node_find(t, ino);

	if (n && n->control == &rejected_text && strcmp(n->target, name) == 0) {
		node_pin(t, n);
		return n;
	}
	n = make(t, &rejected_text, ino);
	if (n && !(n->target = strdup(name))) {
		node_unpin(t, n);
		return NULL;
	}
	return n;
}

int control_lookup(struct tree *t, struct node *dir, const char *name, struct node **out)
{
	struct stat st;
	bool in_rejected = is_rejected_dir(dir);
	int err = in_rejected ? rejected_stat(spool_rejected_dir(t->config.spool), name, &st) : 0;

	if (err < 0)
		return err;
	tree_lock(t);
	*out = in_rejected ? rejected_node(t, name) : static_node(t, name);
	tree_unlock(t);
	return *out ? 0 : in_rejected ? -ENOMEM : -ENOENT;
}

void control_refresh(struct tree *t, struct node *n, struct entry *out)
{
	const struct control *control = n->control;
	struct stat st = {0};

	tree_lock(t);
	node_entry(t, n, 0, out);
	mode_t mask = t->config.umask, type = out->attr.st_mode & S_IFMT;
	tree_unlock(t);
	out->attr.st_mode = type | (control->mode & ~mask);
	out->entry_timeout = out->attr_timeout = 0;
	if (!control->stat || control->stat(t, n, &st) < 0)
		return;
	out->attr.st_size = st.st_size;
	out->attr.st_blocks = (st.st_size + 511) / 512;
	if (st.st_mtim.tv_sec)
		out->attr.st_mtim = out->attr.st_ctim = out->attr.st_atim = st.st_mtim;
}

static int list_table(struct dir *d)
{
	d->names = calloc(ARRAY_LEN(controls), sizeof(*d->names));
	if (!d->names)
		return -ENOMEM;
	for (size_t i = 0; i < ARRAY_LEN(controls); i++) {
		if (!(d->names[i] = strdup(controls[i].name)))
			return -ENOMEM;
		d->name_count++;
	}
	return 0;
}

int control_list(struct tree *t, struct dir *d)
{
	if (!is_rejected_dir(d->node))
		return list_table(d);
	return rejected_list(spool_rejected_dir(t->config.spool), &d->names, &d->name_count);
}

bool control_is_dir(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(controls); i++) {
		if (strcmp(controls[i].name, name) == 0)
			return controls[i].type == NODE_CONTROL_DIR;
	}
	return false;
}

int control_unlink(struct tree *t, struct node *dir, const char *name)
{
	if (!is_rejected_dir(dir))
		return -EPERM;
	return rejected_remove(spool_rejected_dir(t->config.spool), name);
}

int control_open(const struct tree *t, const struct node *n, int flags)
{
	bool writes = (flags & O_ACCMODE) != O_RDONLY || (flags & O_TRUNC);

	if (writes && t->config.read_only)
		return -EROFS;
	return writes && !n->control->write ? -EACCES : 0;
}

int control_snapshot(struct tree *t, const struct node *n, struct text *out)
{
	CLEANUP(status_fini) struct status status = {0};
	CLEANUP(buf_fini) struct buf text = BUF_INIT(CENSUS_MAX_BYTES);

	if (!n->control->print)
		return 0;
	int err = census_take(t, &status);
	if (!err)
		err = n->control->print(&status, &text);
	size_t len = text.len;
	CLEANUP(blob_put) struct blob *blob = err < 0 ? NULL : blob_adopt(buf_steal(&text), len);
	if (blob)
		*out = text_of(blob, 0, len);
	return err < 0 ? err : blob ? 0 : -ENOMEM;
}

ssize_t control_read(struct tree *t, const struct node *n, char *out, size_t size, off_t off)
{
	return n->control->read ? n->control->read(t, n, out, size, off) : -EINVAL;
}

ssize_t control_write(struct tree *t, const struct node *n, const char *p, size_t size)
{
	return n->control->write ? n->control->write(t, p, size) : -EACCES;
}
