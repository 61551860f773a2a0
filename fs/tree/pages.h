/* SPDX-License-Identifier: MIT */
/*
 * pages: which pages of a walk were asked for, came, and have to be read again. Pure.
 *
 * With order=id an insertion appends and only a deletion shifts: it shows as a total that fell
 * between two neighbouring pages. What moved off the later one is on the earlier one now, so that
 * one is read again.
 */
#ifndef TREE_PAGES_H
#define TREE_PAGES_H

#include <stdbool.h>

struct page {
	bool asked, came, again; /* again: to be read a second time */
	long total;		 /* at its first answer */
};

struct pages {
	struct page *slots; /* [1..room) */
	long room, next;    /* next: the first that was not asked for */
	long done;	    /* how many came, each counted once */
};

void pages_fini(struct pages *p);
void pages_restart(struct pages *p,
		   long from);		     /* that one and all after it are to be read (again) */
long pages_next(struct pages *p, long last); /* the number to ask for; 0: none; -ENOMEM */
bool pages_was_asked(const struct pages *p, long number);
void pages_came(struct pages *p, long number, long total);

#endif
