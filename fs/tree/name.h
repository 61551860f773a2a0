/* SPDX-License-Identifier: MIT */
/* name: file name <-> record id, and which other names may become records. Pure. */
#ifndef TREE_NAME_H
#define TREE_NAME_H

#include <stdbool.h>
#include <stdint.h>

enum name_class {
	NAME_RECORD, /* "41.json": a canonical id, 1..2^63-1 */
	NAME_NUMBER, /* "041.json", "0.json", "99999999999999999999.json": a number no record can have */
	NAME_NEW,   /* "new-lead.json": saved, it becomes a record */
	NAME_LOCAL, /* ".41.json.swp", "4913", "41.json~": an editor's, never sent */
};

enum { NAME_RECORD_MAX = 32 }; /* room for any record's name */

enum name_class name_classify(const char *name, uint64_t *id); /* *id for NAME_RECORD */
void name_of_record(uint64_t id, char out[NAME_RECORD_MAX]);

#endif
