/* SPDX-License-Identifier: MIT */
/*
 * jtext: JSON as bytes (design 3.5): walk elements and members without a tree, indent, unescape,
 * compare. Needs no allocation but the output buffer (and jtext_equal's). Pure; any thread.
 *
 * A jspan lends bytes of the caller's text. Numbers stay the digits they are.
 */
#ifndef CRM_JTEXT_H
#define CRM_JTEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/blob.h"
#include "base/buf.h"

enum { JTEXT_MAX_DEPTH = 64, JTEXT_MAX_DIGITS = 400 };

enum jtype { J_NONE, J_NULL, J_BOOL, J_NUMBER, J_STRING, J_ARRAY, J_OBJECT };

struct jspan {
	const char *p;
	size_t n;
};

/* Lends the bytes of t. */
static inline struct jspan jspan_of(const struct text *t)
{
	return (struct jspan){.p = text_data(t), .n = t->len};
}

/* Where a text stops being JSON. Lines and columns (bytes) count from 1. */
struct jfault {
	const char *why; /* static sentence: "a comma is missing", ... */
	size_t offset;
	unsigned line, column;
};

/* Validates one whole value (RFC 8259, UTF-8, no lone surrogate escapes, no NUL in strings, depth
 * and digits limited, nothing but white space after it). 0 or -EINVAL with *fault. */
int jtext_check(struct jspan text, struct jfault *fault);
/* Could text, with more appended, become valid JSON? (An empty text can. An unfinished \u escape or
 * number at the very end gets the benefit of the doubt.) */
bool jtext_is_prefix(struct jspan text, struct jfault *fault);

/* The rest need text that jtext_check accepted. */
enum jtype jtext_type(struct jspan value);
struct jspan jtext_trim(struct jspan text);

/* Iteration: start with it = {0}. false at the end. Keys lend the raw (still escaped) bytes
 * between the quotes. */
struct jiter {
	size_t at;
};
bool jtext_next_element(struct jspan array, struct jiter *it, struct jspan *value);
bool jtext_next_member(struct jspan object, struct jiter *it, struct jspan *key,
		       struct jspan *value);
/* The last member of that (unescaped) name, as jansson would have it; false: absent. */
bool jtext_get(struct jspan object, const char *key, struct jspan *value);

bool jtext_is_string(struct jspan value, const char *s); /* equal after unescaping */
/* A JSON integer 0..2^63-1 without sign, point or exponent. */
bool jtext_to_u64(struct jspan value, uint64_t *out);
/* The string's text (value with its quotes), unescaped, to out. */
int jtext_unescape(struct jspan value, struct buf *out);

/* Equal as JSON values: member order and escapes do not matter, numbers by value (1250 = 1250.0 =
 * 1.25e3, compared exactly as decimals), strings by their characters. Of a repeated member the last
 * counts. Objects that differ as bytes need memory to compare; without it they count as
 * different. */
bool jtext_equal(struct jspan a, struct jspan b);

/* Appends value re-indented: two spaces a level, one member or element a line, "key": value, {} and
 * [] for empty ones; numbers' digits untouched; in strings \/ and \uXXXX become the characters they
 * stand for, except control characters (and U+2028/2029, U+007F-009F, bidi controls), which stay
 * or become \uXXXX; `"` and `\` stay escaped. `depth` is the level value stands at (its first line
 * is not indented). */
int jtext_indent(struct jspan value, unsigned depth, struct buf *out);

/* Appends value without white space between its tokens; strings and numbers byte for byte. */
int jtext_compact(struct jspan value, struct buf *out);

unsigned jtext_line(struct jspan text, const char *at); /* line of a place within text, from 1 */

#endif
