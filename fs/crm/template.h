/* SPDX-License-Identifier: MIT */
/*
 * template: what a new record of a collection takes: as a JSON object to be filled in, and in words.
 * From the table of collections and, where the server told them, the fields. Pure; any thread.
 */
#ifndef CRM_TEMPLATE_H
#define CRM_TEMPLATE_H

#include "base/buf.h"
#include "crm/fields.h"
#include "crm/kinds.h"

/* "" where something has to stand, null where something may; both are left out when it is saved.
 * fields: NULL or fields_none where they are not told. 0, -ENOMEM, -EFBIG. */
int template_write(const struct kind *k, const struct fields *fields, struct buf *out);
/* Markdown: every member with what it takes, its label and options. */
int template_explain(const struct kind *k, const struct fields *fields, struct buf *out);

#endif
