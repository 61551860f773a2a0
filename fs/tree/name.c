/* SPDX-License-Identifier: MIT */
/* name: the grammar of file names in a collection (design 1.1, 1.4). Pure; any thread. */
#include "tree/name.h"

#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char suffix[] = ".json";

static enum name_class classify_number(const char *name, size_t digits, uint64_t *id)
{
	if (name[0] == '0' || digits > 19)
		return NAME_NUMBER;
	uint64_t n = strtoull(name, NULL, 10);
	if (n > INT64_MAX)
		return NAME_NUMBER;
	*id = n;
	return NAME_RECORD;
}

enum name_class name_classify(const char *name, uint64_t *id)
{
	size_t n = strlen(name);
	size_t tail = sizeof(suffix) - 1;

	if (name[0] == '.' || n <= tail || strcmp(name + n - tail, suffix) != 0)
		return NAME_LOCAL;
	size_t digits = strspn(name, "0123456789");
	if (digits == n - tail)
		return classify_number(name, digits, id);
	return NAME_NEW;
}

void name_of_record(uint64_t id, char out[NAME_RECORD_MAX])
{
	snprintf(out, NAME_RECORD_MAX, "%" PRIu64 "%s", id, suffix);
}
