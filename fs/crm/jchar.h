/* SPDX-License-Identifier: MIT */
/* jchar: the inside of JSON strings, for jtext's own files. `raw` is what stands between the quotes
 * of text that jtext_check accepted. */
#ifndef CRM_JCHAR_H
#define CRM_JCHAR_H

#include <endian.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "crm/jtext.h"

#define JCHAR_END UINT32_MAX

struct jchars {
	const unsigned char *p, *end;
};

struct jchars jchars_of(struct jspan raw);
uint32_t jchars_next(struct jchars *c);	      /* the next code point, or JCHAR_END */
size_t jchar_encode(uint32_t c, char out[4]); /* UTF-8; its length */
uint32_t jchar_decode(const unsigned char *p, const unsigned char *end, size_t *len);
bool jchar_hides(uint32_t c); /* invisible or reordering: never shown as itself */
bool jraw_is(struct jspan raw, const char *s, size_t n);
bool jraw_equal(struct jspan a, struct jspan b);
struct jspan jraw_of(struct jspan string_value); /* without its quotes */

/* From an opening quote to behind the closing one (or to end). */
const char *jchar_skip_string(const char *p, const char *end);

/* Marks (top bit) bytes that are < 0x20, 0x22, 0x5c, or >= 0x7f. A borrow or carry can mark a byte
 * above a marked one, so only the lowest mark is to be believed. */
static inline uint64_t jchar_mark_special(uint64_t x)
{
	const uint64_t ones = 0x0101010101010101u, tops = 0x8080808080808080u;
	uint64_t quote = x ^ ones * '"', back = x ^ ones * '\\';

	return ((x - ones * 0x20) | (quote - ones) | (back - ones) | (x + ones) | x) & tops;
}

/* Past the printable ASCII that needs no look inside a string. */
static inline const char *jchar_skip_plain(const char *p, const char *end)
{
	for (; end - p >= 8; p += 8) {
		uint64_t x;
		memcpy(&x, p, sizeof(x));
		x = jchar_mark_special(le64toh(x));
		if (x)
			return p + __builtin_ctzll(x) / 8;
	}
	while (p < end && (unsigned char)*p >= 0x20 && (unsigned char)*p < 0x7f && *p != '"' &&
	       *p != '\\')
		p++;
	return p;
}

static inline const char *jchar_skip_space(const char *p, const char *end)
{
	while (p < end && (*p == ' ' || *p == '\n' || *p == '\r' || *p == '\t'))
		p++;
	return p;
}

#endif
