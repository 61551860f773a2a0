/* SPDX-License-Identifier: MIT */
/* list: intrusive doubly linked list with a head node. No allocation; the owner's lock covers it. */
#ifndef BASE_LIST_H
#define BASE_LIST_H

#include <stdbool.h>

#include "base/macros.h"

struct list {
	struct list *prev, *next;
};

static inline void list_init(struct list *l)
{
	l->prev = l->next = l;
}

static inline bool list_is_empty(const struct list *head)
{
	return head->next == head;
}

/* An entry initialised with list_init is "not on a list" until added. */
static inline bool list_is_linked(const struct list *entry)
{
	return entry->next != entry;
}

static inline void list_add_before(struct list *pos, struct list *entry)
{
	entry->prev = pos->prev;
	entry->next = pos;
	pos->prev->next = entry;
	pos->prev = entry;
}

static inline void list_append(struct list *head, struct list *entry)
{
	list_add_before(head, entry);
}

static inline void list_remove(struct list *entry)
{
	entry->prev->next = entry->next;
	entry->next->prev = entry->prev;
	list_init(entry);
}

/* Moves every entry of from to the end of to; from is empty afterwards. */
static inline void list_splice(struct list *to, struct list *from)
{
	if (list_is_empty(from))
		return;
	from->next->prev = to->prev;
	to->prev->next = from->next;
	from->prev->next = to;
	to->prev = from->prev;
	list_init(from);
}

/* Takes the first entry off, or NULL. */
static inline struct list *list_pop(struct list *head)
{
	if (list_is_empty(head))
		return NULL;
	struct list *entry = head->next;
	list_remove(entry);
	return entry;
}

#define list_each(pos, head) for (struct list *pos = (head)->next; pos != (head); pos = pos->next)
/* The same where the body may remove pos. */
#define list_each_safe(pos, head)                                                                  \
	for (struct list *pos = (head)->next, *pos##_next = pos->next; pos != (head);              \
	     pos = pos##_next, pos##_next = pos->next)

#endif
