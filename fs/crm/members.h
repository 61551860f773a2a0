/* SPDX-License-Identifier: MIT */
/* members: the members of one JSON object as an array, findable by name. Lends from the object's
 * text. Pure; any thread. */
#ifndef CRM_MEMBERS_H
#define CRM_MEMBERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crm/jtext.h"

struct member {
	const char *name; /* unescaped, not NUL-terminated */
	size_t name_len;
	uint64_t hash;
	struct jspan key, value; /* key: raw, between its quotes */
	int rank;		 /* the caller's own; 0 at first */
	bool is_replaced;	 /* the same name stands again further down: skip it */
};

struct members {
	struct member *list; /* in the text's order */
	struct member **by_name;
	size_t count, distinct;
	char *names; /* where escaped names stand unescaped */
};

/* object: checked text; anything but an object has no members. -ENOMEM. {0} is empty. */
int members_read(struct jspan object, struct members *out);
/* Adds those of from whose name m lacks; they lend from from's text. -ENOMEM: m is only to be
 * freed. */
int members_inherit(struct members *m, const struct members *from);
/* Leaves only those that keeps() says. -ENOMEM: m is only to be freed. */
int members_keep(struct members *m, bool (*keeps)(const struct member *one, void *arg), void *arg);
void members_fini(struct members *m);
struct member *members_find(const struct members *m, const char *name, size_t n);

static inline void members_fini_at(struct members *m)
{
	members_fini(m);
}

#endif
