/* SPDX-License-Identifier: MIT */
/* set: see set.h. Main thread, before any other; no lock. */
#include "set.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "command.h"
#include "crm/kinds.h"
#include "http/http.h"
#include "mountpoint.h"
#include "refuse.h"

enum { PAGE_SIZE_MAX = 1000, MAX_DELETES_MAX = 1000000 };

/* Said here, so that words does not say what the option wants. */
static int say_errno(const char *what)
{
	int err = -errno;

	refuse("%s: %s", what, strerror(-err));
	return err == -EINVAL ? -EIO : err;
}

static int no_memory(void)
{
	refuse("out of memory");
	return -ENOMEM;
}

static int set_string(char **field, const char *value)
{
	char *copy = strdup(value);

	if (!copy)
		return no_memory();
	free(*field);
	*field = copy;
	return 0;
}

/* The daemon leaves the current directory, so every path is made absolute here. */
static int set_path(char **field, const char *value)
{
	CLEANUP(free_string) char *cwd = NULL, *path = NULL;

	if (value[0] == '/')
		return set_string(field, value);
	cwd = getcwd(NULL, 0);
	if (!cwd)
		return say_errno("the current directory");
	if (asprintf(&path, "%s/%s", cwd, value) < 0) {
		path = NULL;
		return no_memory();
	}
	return set_string(field, path);
}

/* Whole numbers only; strtoul alone would take " -1". */
static int to_number(const char *value, int base, unsigned long max, unsigned long *out)
{
	char *end;

	errno = 0;
	*out = strtoul(value, &end, base);
	return !isdigit((unsigned char)value[0]) || *end || errno || *out > max ? -EINVAL : 0;
}

static int to_ns(const char *value, uint64_t *out)
{
	char *end;
	double s = strtod(value, &end);

	if (value[strspn(value, "0123456789.")] || end == value || *end || s > 1e8)
		return -EINVAL;
	*out = (uint64_t)(s * (double)NS_PER_SEC + 0.5);
	return 0;
}

int set_url(struct options *o, const char *v)
{
	const char *why = "";
	char *url;

	if (http_check_url(v, &url, &why) < 0)
		return -EINVAL;
	free(o->url);
	o->url = url;
	return 0;
}

int set_mountpoint(struct options *o, const char *v)
{
	char *path = mountpoint_resolve(v);

	if (!path)
		return no_memory();
	free(o->mountpoint);
	o->mountpoint = path;
	return 0;
}

int set_token_file(struct options *o, const char *v)
{
	return set_path(&o->token_file, v);
}

int set_token_command(struct options *o, const char *v)
{
	CLEANUP(command_free) char **argv = NULL;

	return command_split(v, &argv) == -EINVAL ? -EINVAL : set_string(&o->token_command, v);
}

int set_cacert(struct options *o, const char *v)
{
	return set_path(&o->ca_file, v);
}

int set_state_dir(struct options *o, const char *v)
{
	return set_path(&o->state_dir, v);
}

int set_ttl(struct options *o, const char *v)
{
	return to_ns(v, &o->ttl_ns);
}

int set_timeout(struct options *o, const char *v)
{
	int err = to_ns(v, &o->timeout_ns);

	return !err && !o->timeout_ns ? -EINVAL : err;
}

int set_page_size(struct options *o, const char *v)
{
	unsigned long n;
	int err = to_number(v, 10, PAGE_SIZE_MAX, &n);

	o->page_size = (unsigned)n;
	return !err && !n ? -EINVAL : err;
}

int set_max_deletes(struct options *o, const char *v)
{
	unsigned long n;
	int err = to_number(v, 10, MAX_DELETES_MAX, &n);

	o->max_deletes = (unsigned)n;
	return err;
}

int set_conflict(struct options *o, const char *v)
{
	static const char *const names[] = {
		[CONFLICT_ASK] = "ask", [CONFLICT_MINE] = "mine", [CONFLICT_THEIRS] = "theirs"};

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		if (strcmp(names[i], v) == 0) {
			o->conflict = (enum edit_conflict)i;
			return 0;
		}
	}
	return -EINVAL;
}

int set_create_labels(struct options *o, const char *v)
{
	o->create_labels = !v;
	return 0;
}

int set_noreadme(struct options *o, const char *v)
{
	o->hides_readme = !v;
	return 0;
}

int set_ro(struct options *o, const char *v)
{
	o->read_only = !v;
	return 0;
}

int set_rw(struct options *o, const char *v)
{
	o->read_only = v != NULL;
	return 0;
}

int set_uid(struct options *o, const char *v)
{
	unsigned long n;
	int err = to_number(v, 10, UINT32_MAX - 1, &n);

	o->uid = (uid_t)n;
	return err;
}

int set_gid(struct options *o, const char *v)
{
	unsigned long n;
	int err = to_number(v, 10, UINT32_MAX - 1, &n);

	o->gid = (gid_t)n;
	return err;
}

int set_umask(struct options *o, const char *v)
{
	unsigned long n;
	int err = to_number(v, 8, 0777, &n);

	o->umask = (mode_t)n;
	return err;
}

int set_collections(struct options *o, const char *v)
{
	for (const char *p = v;; p++) {
		size_t n = strcspn(p, ":");
		CLEANUP(free_string) char *name = strndup(p, n);
		if (!name || !kind_find(name))
			return -EINVAL;
		p += n;
		if (!*p)
			break;
	}
	return set_string(&o->collections, v);
}

/* A path would never match: the kernel knows names. */
int set_crawlers(struct options *o, const char *v)
{
	return strpbrk(v, "/ \t") ? -EINVAL : set_string(&o->crawlers, v);
}

int set_debug(struct options *o, const char *v)
{
	return set_string(&o->debug, v ? v : "all");
}
