/* SPDX-License-Identifier: MIT */
/* pages: see pages.h. Net thread; owned by its walk. */
#include "tree/pages.h"

#include <errno.h>
#include <stdlib.h>

void pages_fini(struct pages *p)
{
	free(p->slots);
	*p = (struct pages){0};
}

void pages_restart(struct pages *p, long from)
{
	for (long i = from; i < p->room; i++) {
		p->done -= p->slots[i].came;
		p->slots[i] = (struct page){0};
	}
	p->next = from;
}

/* Room for that page and its neighbour. */
static int make_room(struct pages *p, long number)
{
	long room = p->room ? p->room : 16;

	while (room <= number + 1)
		room *= 2;
	if (room == p->room)
		return 0;
	struct page *slots = realloc(p->slots, (size_t)room * sizeof(*slots));
	if (!slots)
		return -ENOMEM;
	for (long i = p->room; i < room; i++)
		slots[i] = (struct page){0};
	p->slots = slots;
	p->room = room;
	return 0;
}

long pages_next(struct pages *p, long last)
{
	for (long i = 1; i < p->room && i < p->next; i++) {
		if (p->slots[i].again) {
			p->slots[i].again = false;
			return i;
		}
	}
	if (p->next > last)
		return 0;
	int err = make_room(p, p->next);
	if (err < 0)
		return err;
	p->slots[p->next].asked = true;
	return p->next++;
}

bool pages_was_asked(const struct pages *p, long number)
{
	return number >= 1 && number < p->room && p->slots[number].asked;
}

void pages_came(struct pages *p, long number, long total)
{
	struct page *page = &p->slots[number];

	if (page->came)
		return;
	page->came = true;
	p->done++;
	page->total = total;
	if (number > 1 && page[-1].came && total < page[-1].total)
		page[-1].again = true;
	if (page[1].came && page[1].total < total)
		page->again = true;
}
