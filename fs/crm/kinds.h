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

/* In which form a member is read and written (concord-api.md 3.3, 4.2). */
enum form_type {
	FORM_ANY, /* as it is */
	FORM_TEXT,
	FORM_HTML,
	FORM_NUMBER,  /* null reads back as 0 */
	FORM_NUMERIC, /* a custom one: not negative, three decimals; null reads back as 0 */
	FORM_INTEGER,
	FORM_BOOLEAN,
	FORM_DATE,
	FORM_DATETIME,
	FORM_WHEN, /* of activities: a bare day stays one */
	FORM_COLOR,
	FORM_STATUS, /* of deals */
	FORM_ONE,    /* one option of a custom field; cannot be cleared */
	FORM_MANY,   /* some of its options */
	FORM_LINK,   /* the id of another record, which is embedded beside it */
	FORM_TAGS,
	FORM_PHONES,
	FORM_GUESTS,
	FORM_RECORDS,	   /* associated records: ids; never shown */
	FORM_ASSOCIATIONS, /* an object of those */
	FORM_CUSTOM,	   /* a custom field of a type that is not known: judged by its shape */
	FORM_COUNT,
};

/* A member and its form. */
struct slot {
	const char *member;
	enum form_type form;
	const char *embed;  /* of a link: where the record is embedded ("user"); else NULL */
	const char *lookup; /* of a link: the collection that it leads to; NULL: there is none */
	bool is_made;	    /* of a link: the API makes a record of a name or id it does not know */
};

struct kind {
	const char *name;		/* directory in the mount and path segment of the API */
	bool creates, updates, deletes; /* verbs worth trying; the server has the last word */
	bool has_trash;			/* DELETE is soft and /trashed/{name} exists */
	bool has_page;			/* the CRM shows a record at /{name}/{id} to a browser */
	const char *required;		/* members without which the API makes no record */
	const char *editable; /* space-separated members a person may change; every cf_* besides */
	const char
		*accepts; /* never shown, yet sent as given: association arrays, via_*, billable */
	const char *readonly; /* shown (if the server has them) and known to be the server's own */
	const char *
		dropped; /* volatile or absent from one of list item and single record; *_count besides */
	const struct embed *embeds; /* ends with member NULL; kind-independent ones are in view.c */
	/* Members that the API wants whenever one of them is sent ("due_date end_date"), groups
	 * separated by ';'. "*" before a group: send it with every PUT. */
	const char *together;
};

extern const struct kind kinds[];
extern const size_t kinds_count;

const struct kind *kind_find(const char *name); /* NULL: no such collection */

/* A member that a person may write; FORM_ANY and member NULL where the table has nothing to say. */
struct slot kinds_slot(const char *name, size_t n);
/* The link of this kind that embeds its record as `name` ("user" -> user_id), if a person may
 * change it; else NULL. */
const struct slot *kinds_link(const struct kind *k, const char *name, size_t n);

/* Is word one of the space-separated words of list? NULL list: no. */
bool kinds_has_word(const char *list, const char *word, size_t n);

#endif
