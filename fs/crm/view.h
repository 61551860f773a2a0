/* SPDX-License-Identifier: MIT */
/*
 * view: a server's record -> the text of its file (design 1.2). The bytes are a pure function of
 * the record's version, whichever request brought it. Pure; any thread.
 */
#ifndef CRM_VIEW_H
#define CRM_VIEW_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "crm/jtext.h"
#include "crm/kinds.h"

#define VIEW_NO_TIME INT64_MIN

struct view_facts {
	uint64_t id;	    /* 1..2^63-1 */
	int64_t updated_at; /* Unix seconds: updated_at, else created_at, else VIEW_NO_TIME */
	bool has_products;  /* a deal's amount is its products' */
};

/* Appends the file text of `record` (a valid JSON object) to out. -EINVAL: no usable id, or not an
 * object (out is then as before). */
int view_render(const struct kind *kind, struct jspan record, struct buf *out,
		struct view_facts *facts);

/* May a person change this member? (name: unescaped) */
bool view_is_editable(const struct kind *kind, const char *name, size_t n);
/* Does a file of this kind show this member at all? */
bool view_is_shown(const struct kind *kind, const char *name, size_t n);

/* "2025-03-01T09:30:00.000000Z" (also without fraction, or with an offset) -> Unix seconds. */
int view_parse_time(struct jspan string_value, int64_t *out);

#endif
