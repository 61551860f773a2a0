/* SPDX-License-Identifier: MIT */
/*
 * kinds: the const table of collections (design 1.1). Adding a collection is adding a row. Facts
 * come from Concord 1.6 (concord-api.md 2.2, 3); unknown members of a record are shown as they come.
 */
#ifndef CRM_KINDS_H
#define CRM_KINDS_H

#include <stdbool.h>
#include <stddef.h>

/* An embedded object and what is kept of it: "user" -> "id name email". */
struct embed {
	const char *member;
	const char *keep; /* space-separated, in the server's order */
};

struct kind {
	const char *name;		/* directory in the mount and path segment of the API */
	bool creates, updates, deletes; /* verbs worth trying; the server has the last word */
	bool has_trash;			/* DELETE is soft and /trashed/{name} exists */
	const char *editable; /* space-separated members a person may change; every cf_* besides */
	const char
		*accepts; /* never shown, yet sent as given: association arrays, via_*, billable */
	const char *readonly; /* shown (if the server has them) and known to be the server's own */
	const char *
		dropped; /* volatile or absent from one of list item and single record; *_count besides */
	const struct embed *embeds; /* ends with member NULL; kind-independent ones are in view.c */
	/* Members that the API wants whenever one of them is sent ("due_date end_date"), groups
	 * separated by ';'. "*" before a group: send it with every PUT. "a>b": a wants b, b does not
	 * want a. */
	const char *together;
};

extern const struct kind kinds[];
extern const size_t kinds_count;

const struct kind *kind_find(const char *name); /* NULL: no such collection */

/* Is word one of the space-separated words of list? NULL list: no. */
bool kinds_has_word(const char *list, const char *word, size_t n);

#endif
