/* SPDX-License-Identifier: MIT */
/* jout: what is printed as JSON for people and scripts (events, the status) and has in common how
 * names, times and errors look. Each gives a new reference; NULL: no memory. Pure; any thread. */
#ifndef CRM_JOUT_H
#define CRM_JOUT_H

#include <jansson.h>
#include <stdint.h>

#include "base/buf.h"

json_t *jout_string(const char *s); /* any bytes: what is not UTF-8 becomes '?'; NULL: null */
json_t *jout_time(int64_t unix_s);  /* "2026-11-25T22:41:07Z"; 0: null */
json_t *jout_errno(int err);	    /* -EINVAL: "EINVAL" */
json_t *jout_seconds(double s);	    /* to a tenth; below 0: null */

/* Prints j (whose reference it takes) and a newline: on one line, or indented by so many blanks.
 * 0, -ENOMEM (also when j is NULL), -EFBIG. */
int jout_print(json_t *j, unsigned indent, struct buf *out);

#endif
