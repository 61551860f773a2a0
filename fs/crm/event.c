/* SPDX-License-Identifier: MIT */
/* event: jansson makes the line, so that whatever a name or a server says stays one string. No state,
 * no lock, any thread. */
#include "crm/event.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static void json_put(json_t *j)
{
	json_decref(j);
}
DEFINE_CLEANUP(json_t *, json_put)

/* A file name can be any bytes: what is not UTF-8 becomes '?'. gives */
static json_t *string_of(const char *s)
{
	json_t *j = json_string(s);

	if (j)
		return j;
	char *copy = strdup(s);
	for (char *p = copy; p && *p; p++) {
		if ((unsigned char)*p > 0x7e)
			*p = '?';
	}
	j = copy ? json_string(copy) : NULL;
	free(copy);
	return j;
}

static json_t *problem_of(const struct problem *p)
{
	json_t *j = json_object();

	if (p->line) {
		json_object_set_new(j, "line", json_integer(p->line));
		json_object_set_new(j, "column", json_integer(p->column));
	}
	if (p->member)
		json_object_set_new(j, "member", string_of(p->member));
	json_object_set_new(j, "message", string_of(p->sentence));
	return j;
}

static json_t *problems_of(const struct report *r)
{
	json_t *list = json_array();

	for (size_t i = 0; r && i < r->count; i++)
		json_array_append_new(list, problem_of(&r->list[i]));
	return list;
}

static json_t *path_of(const struct event *e)
{
	CLEANUP(buf_fini) struct buf path = BUF_INIT(4096);

	if (buf_printf(&path, "%s/%s", e->dir, e->name) < 0)
		return NULL;
	return string_of(path.data);
}

static json_t *event_of(const struct event *e)
{
	char time[32];
	struct tm tm;
	time_t at = (time_t)e->time;
	const char *name = strerrorname_np(-e->err);
	json_t *j = json_object();

	strftime(time, sizeof(time), "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&at, &tm));
	json_object_set_new(j, "time", json_string(time));
	json_object_set_new(j, "path", path_of(e));
	json_object_set_new(j, "errno", json_string(name ? name : "?"));
	json_object_set_new(j, "status", e->status ? json_integer(e->status) : json_null());
	json_object_set_new(j, "message", string_of(e->message));
	json_object_set_new(j, "problems", problems_of(e->report));
	json_object_set_new(j, "pid", e->pid ? json_integer(e->pid) : json_null());
	json_object_set_new(j, "command", string_of(e->command));
	return j;
}

int event_write(const struct event *e, struct buf *out)
{
	CLEANUP(json_put) json_t *j = event_of(e);
	char *line = j ? json_dumps(j, JSON_COMPACT | JSON_PRESERVE_ORDER) : NULL;
	int err = line ? buf_add_str(out, line) : -ENOMEM;

	free(line);
	return err < 0 ? err : buf_add_char(out, '\n');
}
