/* SPDX-License-Identifier: MIT */
/*
 * words: the case of letters comes from a table of our own, since the C library's depends on the
 * locale a mount was started in. No state, no lock, any thread.
 */
#include "crm/words.h"

#include <errno.h>
#include <string.h>

#include "crm/jchar.h"

/* Capitals first..last become small by adding plus; step 2: every other one, its neighbour. */
static const struct {
	uint32_t first, last, step, plus;
} cases[] = {
	{'A', 'Z', 1, 32},	{0xc0, 0xd6, 1, 32},	{0xd8, 0xde, 1, 32},
	{0x100, 0x12e, 2, 1},	{0x132, 0x136, 2, 1},	{0x139, 0x147, 2, 1},
	{0x14a, 0x176, 2, 1},	{0x179, 0x17d, 2, 1},	{0x218, 0x21a, 2, 1},
	{0x386, 0x386, 1, 38},	{0x388, 0x38a, 1, 37},	{0x38c, 0x38c, 1, 64},
	{0x38e, 0x38f, 1, 63},	{0x391, 0x3a1, 1, 32},	{0x3a3, 0x3ab, 1, 32},
	{0x400, 0x40f, 1, 80},	{0x410, 0x42f, 1, 32},	{0x490, 0x490, 1, 1},
	{0x1e00, 0x1e94, 2, 1}, {0x1ea0, 0x1efe, 2, 1},
};

static uint32_t small(uint32_t c)
{
	for (size_t i = 0; i < ARRAY_LEN(cases) && c >= cases[i].first; i++) {
		if (c <= cases[i].last && (c - cases[i].first) % cases[i].step == 0)
			return c + cases[i].plus;
	}
	return c == 0x178 ? 0xff : c == 0x1e9e ? 0xdf : c == 0x3c2 ? 0x3c3 : c;
}

static bool is_space(uint32_t c)
{
	return c == ' ' || (c >= '\t' && c <= '\r') || c == 0 || c == 0x85 || c == 0xa0 ||
	       c == 0x1680 || (c >= 0x2000 && c <= 0x200e) || c == 0x2028 || c == 0x2029 ||
	       c == 0x202f || c == 0x205f || c == 0x2060 || c == 0x3000 || c == 0xfeff;
}

struct jspan words_trim(struct jspan bytes)
{
	if (!bytes.n)
		return (struct jspan){"", 0};
	const unsigned char *p = (const unsigned char *)bytes.p, *end = p + bytes.n;
	size_t len;

	while (p < end && is_space(jchar_decode(p, end, &len)))
		p += len;
	while (p < end) {
		const unsigned char *last = end - 1;
		while (last > p && (*last & 0xc0) == 0x80)
			last--;
		if (!is_space(jchar_decode(last, end, &len)) || last + len != end)
			break;
		end = last;
	}
	return (struct jspan){(const char *)p, (size_t)(end - p)};
}

int words_fold(struct jspan bytes, struct buf *out)
{
	struct jspan word = words_trim(bytes);
	const unsigned char *p = (const unsigned char *)word.p, *end = p + word.n;
	size_t len;
	int err = buf_reserve(out, word.n);

	for (; err == 0 && p < end; p += len) {
		char small_one[4];
		uint32_t c = small(jchar_decode(p, end, &len));
		err = buf_add(out, small_one, jchar_encode(c, small_one));
	}
	return err;
}

bool words_same(struct jspan a, struct jspan b)
{
	a = words_trim(a);
	b = words_trim(b);
	const unsigned char *p = (const unsigned char *)a.p, *pend = p + a.n;
	const unsigned char *q = (const unsigned char *)b.p, *qend = q + b.n;
	size_t n, m;

	for (; p < pend && q < qend; p += n, q += m) {
		if (small(jchar_decode(p, pend, &n)) != small(jchar_decode(q, qend, &m)))
			return false;
	}
	return p == pend && q == qend;
}

int words_put_json(struct jspan bytes, struct buf *out)
{
	int err = buf_add_char(out, '"');

	for (size_t i = 0; err == 0 && i < bytes.n; i++) {
		unsigned char c = (unsigned char)bytes.p[i];
		if (c < ' ')
			err = buf_printf(out, "\\u%04x", c);
		else if (c == '"' || c == '\\')
			err = buf_printf(out, "\\%c", c);
		else
			err = buf_add_char(out, (char)c);
	}
	return err < 0 ? err : buf_add_char(out, '"');
}

/* The length of the UTF-8 character at p, 0 if there is none. */
static size_t char_length(const unsigned char *p, const unsigned char *end)
{
	size_t n = *p < 0x80   ? 1
		   : *p < 0xc2 ? 0
		   : *p < 0xe0 ? 2
		   : *p < 0xf0 ? 3
		   : *p < 0xf5 ? 4
			       : 0;
	size_t len;

	if (!n || n > (size_t)(end - p))
		return 0;
	for (size_t i = 1; i < n; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	}
	uint32_t c = jchar_decode(p, end, &len);
	bool is_short = (n == 3 && c < 0x800) || (n == 4 && c < 0x10000);
	return is_short || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff) ? 0 : n;
}

bool words_print(struct jspan bytes, char *out, size_t size)
{
	bytes.p = bytes.n ? bytes.p : "";
	const unsigned char *p = (const unsigned char *)bytes.p, *end = p + bytes.n;
	size_t at = 0, len;

	if (!size)
		return false;
	for (; p < end; p += len) {
		size_t valid = char_length(p, end);
		uint32_t c = valid ? jchar_decode(p, end, &len) : 0;
		bool space = c == ' ' || (c >= '\t' && c <= '\r');
		bool hidden = jchar_hides(c); /* 0 does, and stands for what is no UTF-8 */
		len = valid ? valid : 1;
		if (space && (!at || out[at - 1] == ' '))
			continue;
		size_t need = space || hidden ? 1 : len;
		if (at + need >= size)
			break;
		if (space || hidden)
			out[at] = space ? ' ' : '?';
		else
			memcpy(out + at, p, len);
		at += need;
	}
	at -= at && out[at - 1] == ' ';
	out[at] = '\0';
	return p == end;
}
