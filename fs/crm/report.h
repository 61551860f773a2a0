/* SPDX-License-Identifier: MIT */
/*
 * report: what is wrong with a saved text, member by member, in the file's own names and with the
 * place in the person's text: the lines of <name>.error (design 1.4). One owner, not locked; pure.
 *
 * A sentence is one line of printable UTF-8 whatever it is made of: control characters, line ends
 * and characters that reorder a line become '?' (a server's words and a person's values go in).
 */
#ifndef CRM_REPORT_H
#define CRM_REPORT_H

#include <stddef.h>

#include "base/buf.h"
#include "base/macros.h"
#include "crm/jtext.h"

enum { REPORT_MAX = 64, REPORT_SENTENCE_MAX = 2000 };

struct problem {
	unsigned line, column; /* from 1, column in bytes; 0: it has no place in the text */
	char *member;	       /* as the file names it ("phones[1].number"); NULL: the whole text */
	char *sentence;
};

struct report {
	struct problem list[REPORT_MAX];
	size_t count;
	size_t more; /* that did not fit, or found no memory */
};

void report_fini(struct report *r); /* empties; may be used again */
static inline void report_fini_at(struct report *r)
{
	report_fini(r);
}

/* at: a place within text, or NULL. member: printable or not, NULL for the whole text. */
void report_add(struct report *r, struct jspan text, const char *at, const char *member,
		const char *fmt, ...) PRINTF(5, 6);
/* What a server says of "phones.1.number": the place and the name are looked up in text. */
void report_add_dotted(struct report *r, struct jspan text, const char *dotted,
		       const char *sentence);
/* JSON that ends being JSON at fault. */
void report_add_fault(struct report *r, const struct jfault *fault);

/* The first problem as one line, for the log and errors.ndjson: "line 6, email: ...". "" if none. */
void report_line(const struct report *r, char *out, size_t size);
/* Every problem as a line that compilers' readers understand (vim's :cfile goes there):
 * "41.json:6:12: email: ...\n", "41.json: title: ...\n". */
int report_write(const struct report *r, const char *file, struct buf *out);

#endif
