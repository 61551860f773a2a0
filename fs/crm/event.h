/* SPDX-License-Identifier: MIT */
/* event: a refusal as one line of errors.ndjson (design 1.4). Pure; any thread. */
#ifndef CRM_EVENT_H
#define CRM_EVENT_H

#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"
#include "crm/report.h"

struct event {
	int64_t time;		     /* Unix seconds */
	const char *dir;	     /* collection */
	const char *name;	     /* the file's name in it */
	int err;		     /* -errno */
	int status;		     /* HTTP; 0: none */
	const char *message;	     /* one line */
	const struct report *report; /* or NULL */
	pid_t pid;		     /* the caller's process; 0: not known */
	const char *command;	     /* its name; may be "" */
};

/* {"time": "2026-11-25T22:41:07Z", "path": "contacts/41.json", "errno": "EINVAL", "status": 422,
 * "message": "...", "problems": [{"line": 6, "column": 12, "member": "email", "message": "..."}],
 * "pid": 4711, "command": "vim"} and a newline. What is not UTF-8 in names is replaced. -ENOMEM. */
int event_write(const struct event *e, struct buf *out);

#endif
