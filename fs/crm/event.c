/* SPDX-License-Identifier: MIT */
/* event: jansson makes the line, so that whatever a name or a server says stays one string. No state,
 * no lock, any thread. */
#include "crm/event.h"

#include <errno.h>
#include <jansson.h>
#include <string.h>

#include "crm/jout.h"

static json_t *problem_of(const struct problem *p)
{
	json_t *j = json_object();

	if (p->line) {
		json_object_set_new(j, "line", json_integer(p->line));
		json_object_set_new(j, "column", json_integer(p->column));
	}
	if (p->member)
		json_object_set_new(j, "member", jout_string(p->member));
	json_object_set_new(j, "message", jout_string(p->sentence));
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
	return jout_string(path.data);
}

static json_t *event_of(const struct event *e)
{
	json_t *j = json_object();

	json_object_set_new(j, "time", jout_time(e->time));
	json_object_set_new(j, "path", path_of(e));
	json_object_set_new(j, "errno", jout_errno(e->err));
	json_object_set_new(j, "status", e->status ? json_integer(e->status) : json_null());
	json_object_set_new(j, "message", jout_string(e->message));
	json_object_set_new(j, "problems", problems_of(e->report));
	json_object_set_new(j, "pid", e->pid ? json_integer(e->pid) : json_null());
	json_object_set_new(j, "command", jout_string(e->command));
	return j;
}

int event_write(const struct event *e, struct buf *out)
{
	return jout_print(event_of(e), 0, out);
}
