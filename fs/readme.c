/* SPDX-License-Identifier: MIT */
/* readme: see readme.h. Main thread, before any other; no lock. */
#include "readme.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "crm/kinds.h"
#include "http/errmap.h"

enum { README_MAX = 1 << 20, CAUSES_MAX = 64 };

static const char what_is_here[] =
	"Every record is one JSON file, named by its id. Reading, searching, editing, creating "
	"and\n"
	"removing files does the same to records; a save is sent when the file is closed.\n\n"
	"- `41.json`: what you leave out of it stays as it is, `null` empties. Read-only members\n"
	"  (`id`, times, what is embedded beside an id) are shown, and cannot be changed.\n"
	"- `41.json.error`: why a save was refused, there while it stands; your text stays in\n"
	"  `41.json`. Removing the .error file drops the text.\n"
	"- `any-name.json`: a new record, once it is saved; the name then leads to `<id>.json`.\n"
	"- `.template.json`: what a new record takes, to be copied; `.template.md` says it in "
	"words.\n"
	"  Both are there in every collection where something can be created; `ls` hides them.\n"
	"- `getfattr -d 41.json`: id, page in the CRM, version, and whether it is saved.\n"
	"- `.concordfs/` (hidden from `ls`): `status.json` tells how the mount stands, and "
	"`refresh`\n"
	"  takes a path that shall be asked for anew; `rejected/` has refused texts, "
	"`errors.ndjson`\n"
	"  a line for each; a number written to `allow_deletes` lets that many more deletions "
	"pass.\n"
	"- Editors' swap files, backups and every other name stay on this machine.\n";

/* What is refused before it is sent, or by a rule of ours. */
static const struct {
	int err;
	const char *why;
} own[] = {
	{EINVAL, "the text is not JSON, or a member cannot be changed, or not to that"},
	{EPERM, "more deletions than max_deletes, or a number that is no record"},
	{EACCES, "a collection that you may not list, or a file that is read-only"},
	{EBUSY, "changed or deleted on the server since you read it"},
	{EROFS, "mounted with ro"},
};

static const char *yes(bool on)
{
	return on ? "yes" : "-";
}

static bool is_mounted(const struct options *o, const char *name)
{
	size_t n = strlen(name);

	for (const char *p = o->collections; p && *p; p += p[strcspn(p, ":")] == ':') {
		size_t len = strcspn(p, ":");
		if (len == n && memcmp(p, name, n) == 0)
			return true;
		p += len;
	}
	return !o->collections;
}

static int add_collections(const struct options *o, struct buf *out)
{
	int err = buf_add_str(out, "| directory | create | change | remove | into the trash |\n"
				   "|---|---|---|---|---|\n");

	for (size_t i = 0; i < kinds_count && !err; i++) {
		const struct kind *k = &kinds[i];
		if (is_mounted(o, k->name))
			err = buf_printf(out, "| `%s/` | %s | %s | %s | %s |\n", k->name,
					 yes(k->creates && !o->read_only),
					 yes(k->updates && !o->read_only),
					 yes(k->deletes && !o->read_only), yes(k->has_trash));
	}
	return err;
}

static int add_costs(const struct options *o, struct buf *out)
{
	return buf_printf(
		out,
		"The CRM allows each user about 90 requests a minute, and so they are counted.\n\n"
		"| what you do | requests |\n|---|---|\n"
		"| `ls`, `grep -r`, `cat *` and all others over N records, the first time | N/%u "
		"|\n"
		"| the same within %llu seconds (ttl) | 0 |\n"
		"| after that | 1 for the whole collection, 2 when something was deleted |\n"
		"| one file of a collection that nobody listed | 1 |\n"
		"| a save, a create, a delete | 1; 2 where the record was not checked within ttl "
		"|\n"
		"| a save that changes nothing, swap files, backups, .concordfs, this file | 0 |\n"
		"| a template, or a save that has to know the options | 1, then 0 within ttl |\n",
		o->page_size, (unsigned long long)(o->ttl_ns / NS_PER_SEC));
}

/* The causes of one errno, each once. */
struct causes {
	const char *list[CAUSES_MAX];
	size_t count;
};

static void add_cause(struct causes *c, const char *text)
{
	for (size_t i = 0; i < c->count; i++) {
		if (strcmp(c->list[i], text) == 0)
			return;
	}
	if (c->count < CAUSES_MAX)
		c->list[c->count++] = text;
}

static void collect(int err, struct causes *c)
{
	*c = (struct causes){.count = 0};
	for (size_t i = 0; i < ARRAY_LEN(own); i++) {
		if (own[i].err == err)
			add_cause(c, own[i].why);
	}
	for (int status = 400; status < 600; status++) {
		struct fault f = errmap_status(status);
		if (f.err == -err)
			add_cause(c, f.text);
	}
	struct fault down[] = {errmap_connect(ECONNREFUSED), errmap_connect(EHOSTUNREACH)};
	for (size_t i = 0; i < ARRAY_LEN(down); i++) {
		if (down[i].err == -err)
			add_cause(c, down[i].text);
	}
	for (enum own_fault i = FAULT_DEADLINE; i <= FAULT_LOST; i++) {
		struct fault f = errmap_own(i);
		if (f.err == -err && i != FAULT_CANCELED && i != FAULT_MEMORY)
			add_cause(c, f.text);
	}
}

static int add_error(int number, struct buf *out)
{
	struct causes c;

	collect(number, &c);
	if (!c.count)
		return 0;
	int err = buf_printf(out, "- *%s* (%s):", strerror(number), strerrorname_np(number));
	for (size_t i = 0; i < c.count && !err; i++)
		err = buf_printf(out, "%s %s", i ? ";" : "", c.list[i]);
	return err ? err : buf_add_char(out, '\n');
}

static int add_errors(struct buf *out)
{
	static const int numbers[] = {EINVAL, EBUSY,	    EPERM,	  EACCES, EAGAIN, ETIMEDOUT,
				      EFBIG,  ECONNREFUSED, EHOSTUNREACH, EIO,	  ENOENT, EROFS};
	int err = 0;

	for (size_t i = 0; i < ARRAY_LEN(numbers) && !err; i++)
		err = add_error(numbers[i], out);
	return err;
}

/* What -h says of -o. */
static int add_options(struct buf *out)
{
	const char *from = strstr(options_help(), "  -o OPT");
	const char *end = from ? strstr(from, "\n\n") : NULL;

	return end ? buf_add(out, from, (size_t)(end - from)) : 0;
}

static int write_all(const struct options *o, struct buf *out)
{
	int err = buf_printf(out, "# %s\n\n", o->url);

	if (!err)
		err = buf_add_str(out, what_is_here);
	if (!err)
		err = buf_add_str(out, "\n## Collections\n\n");
	if (!err)
		err = add_collections(o, out);
	if (!err)
		err = buf_add_str(out, "\n## What it costs\n\n");
	if (!err)
		err = add_costs(o, out);
	if (!err)
		err = buf_add_str(out, "\n## Errors\n\n");
	if (!err)
		err = add_errors(out);
	if (!err)
		err = buf_add_str(out, "\n## Options\n\n```\n");
	if (!err)
		err = add_options(out);
	return err ? err : buf_add_str(out, "\n```\n");
}

char *readme_write(const struct options *o)
{
	CLEANUP(buf_fini) struct buf out = BUF_INIT(README_MAX);

	return write_all(o, &out) ? NULL : buf_steal(&out);
}
