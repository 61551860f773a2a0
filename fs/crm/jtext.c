/* SPDX-License-Identifier: MIT */
/*
 * jtext: walks checked JSON as bytes and reads its strings. Grammar is in jtext_check.c, printing
 * in jtext_print.c, comparison in jtext_equal.c. Text that was not checked gives nonsense, never a
 * byte outside it. No state, no lock, any thread.
 */
#include "crm/jtext.h"

#include <errno.h>

#include "crm/jchar.h"

struct jchars jchars_of(struct jspan raw)
{
	return (struct jchars){(const unsigned char *)raw.p, (const unsigned char *)raw.p + raw.n};
}

struct jspan jraw_of(struct jspan string_value)
{
	if (string_value.n < 2)
		return (struct jspan){string_value.p, 0};
	return (struct jspan){string_value.p + 1, string_value.n - 2};
}

uint32_t jchar_decode(const unsigned char *p, const unsigned char *end, size_t *len)
{
	unsigned char c = *p;
	size_t n = c < 0x80 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
	uint32_t v = n == 1 ? c : c & (0x7fu >> n);

	if (n > (size_t)(end - p))
		n = (size_t)(end - p);
	for (size_t i = 1; i < n; i++)
		v = v << 6 | (p[i] & 0x3f);
	*len = n;
	return v;
}

size_t jchar_encode(uint32_t c, char out[4])
{
	if (c < 0x80) {
		out[0] = (char)c;
		return 1;
	}
	size_t n = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
	for (size_t i = n - 1; i > 0; i--, c >>= 6)
		out[i] = (char)(0x80 | (c & 0x3f));
	out[0] = (char)(c | (0xf00u >> n & 0xff));
	return n;
}

bool jchar_hides(uint32_t c)
{
	return c < 0x20 || (c >= 0x7f && c <= 0x9f) || c == 0x061c || c == 0x200e || c == 0x200f ||
	       (c >= 0x2028 && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069);
}

static uint32_t hex4(struct jchars *c)
{
	uint32_t v = 0;

	for (int i = 0; i < 4 && c->p < c->end; i++) {
		unsigned char d = *c->p++;
		v = v << 4 | (d <= '9' ? (uint32_t)d - '0' : (d | 0x20u) - 'a' + 10);
	}
	return v;
}

static uint32_t next_escape(struct jchars *c) /* c->p after the backslash */
{
	static const char from[] = "bfnrt", to[] = "\b\f\n\r\t";

	if (c->p == c->end)
		return JCHAR_END;
	unsigned char e = *c->p++;
	if (e != 'u') {
		const char *at = e ? strchr(from, e) : NULL;
		return at ? (unsigned char)to[at - from] : e;
	}
	uint32_t v = hex4(c);
	if (v >= 0xd800 && v <= 0xdbff && c->end - c->p >= 6) {
		c->p += 2;
		v = 0x10000 + ((v - 0xd800) << 10) + ((hex4(c) - 0xdc00) & 0x3ff);
	}
	return v;
}

uint32_t jchars_next(struct jchars *c)
{
	size_t len;

	if (c->p == c->end)
		return JCHAR_END;
	if (*c->p == '\\') {
		c->p++;
		return next_escape(c);
	}
	uint32_t v = jchar_decode(c->p, c->end, &len);
	c->p += len;
	return v;
}

bool jraw_is(struct jspan raw, const char *s, size_t n)
{
	if (!memchr(raw.p, '\\', raw.n))
		return raw.n == n && memcmp(raw.p, s, n) == 0;
	struct jchars c = jchars_of(raw);
	for (uint32_t v; (v = jchars_next(&c)) != JCHAR_END;) {
		char bytes[4];
		size_t len = jchar_encode(v, bytes);
		if (len > n || memcmp(bytes, s, len) != 0)
			return false;
		s += len;
		n -= len;
	}
	return n == 0;
}

bool jraw_equal(struct jspan a, struct jspan b)
{
	if (a.n == b.n && memcmp(a.p, b.p, a.n) == 0)
		return true;
	struct jchars ca = jchars_of(a), cb = jchars_of(b);
	for (;;) {
		uint32_t va = jchars_next(&ca), vb = jchars_next(&cb);
		if (va != vb)
			return false;
		if (va == JCHAR_END)
			return true;
	}
}

const char *jchar_skip_string(const char *p, const char *end)
{
	for (p++; p < end; p++) {
		p = jchar_skip_plain(p, end);
		if (p == end)
			break;
		if (*p == '"')
			return p + 1;
		if (*p == '\\' && p + 1 < end)
			p++;
	}
	return end;
}

static const char *skip_container(const char *p, const char *end)
{
	unsigned depth = 0;

	while (p < end) {
		char c = *p;
		if (c == '"') {
			p = jchar_skip_string(p, end);
			continue;
		}
		p++;
		if (c == '{' || c == '[')
			depth++;
		else if ((c == '}' || c == ']') && --depth == 0)
			return p;
	}
	return p;
}

static const char *skip_value(const char *p, const char *end)
{
	if (p == end)
		return p;
	if (*p == '"')
		return jchar_skip_string(p, end);
	if (*p == '{' || *p == '[')
		return skip_container(p, end);
	while (p < end && *p != ',' && *p != ']' && *p != '}' && (unsigned char)*p > ' ')
		p++;
	return p;
}

enum jtype jtext_type(struct jspan value)
{
	if (!value.n)
		return J_NONE;
	switch (*value.p) {
	case 'n':
		return J_NULL;
	case 't':
	case 'f':
		return J_BOOL;
	case '"':
		return J_STRING;
	case '[':
		return J_ARRAY;
	case '{':
		return J_OBJECT;
	default:
		return J_NUMBER;
	}
}

struct jspan jtext_trim(struct jspan text)
{
	const char *end = text.p + text.n, *p = jchar_skip_space(text.p, end);

	while (end > p && (end[-1] == ' ' || end[-1] == '\n' || end[-1] == '\r' || end[-1] == '\t'))
		end--;
	return (struct jspan){p, (size_t)(end - p)};
}

/* Where the next element or key begins, or NULL. */
static const char *next_item(struct jspan container, const struct jiter *it, char open, char close)
{
	const char *p = container.p + it->at, *end = container.p + container.n;

	p = jchar_skip_space(p, end);
	if (p == end || (it->at == 0 && *p != open))
		return NULL;
	if (it->at == 0 || *p == ',')
		p = jchar_skip_space(p + 1, end);
	return p == end || *p == close ? NULL : p;
}

bool jtext_next_element(struct jspan array, struct jiter *it, struct jspan *value)
{
	const char *p = next_item(array, it, '[', ']');

	if (!p)
		return false;
	const char *after = skip_value(p, array.p + array.n);
	*value = (struct jspan){p, (size_t)(after - p)};
	it->at = (size_t)(after - array.p);
	return after > p;
}

bool jtext_next_member(struct jspan object, struct jiter *it, struct jspan *key,
		       struct jspan *value)
{
	const char *p = next_item(object, it, '{', '}'), *end = object.p + object.n;

	if (!p || *p != '"')
		return false;
	const char *after = jchar_skip_string(p, end);
	*key = jraw_of((struct jspan){p, (size_t)(after - p)});
	p = jchar_skip_space(after, end);
	if (p < end)
		p = jchar_skip_space(p + 1, end);
	after = skip_value(p, end);
	*value = (struct jspan){p, (size_t)(after - p)};
	it->at = (size_t)(after - object.p);
	return after > p;
}

bool jtext_get(struct jspan object, const char *key, struct jspan *value)
{
	struct jiter it = {0};
	struct jspan k, v;
	size_t n = strlen(key);
	bool found = false;

	while (jtext_next_member(object, &it, &k, &v)) {
		if (jraw_is(k, key, n)) {
			*value = v;
			found = true;
		}
	}
	return found;
}

bool jtext_is_string(struct jspan value, const char *s)
{
	return jtext_type(value) == J_STRING && jraw_is(jraw_of(value), s, strlen(s));
}

bool jtext_to_u64(struct jspan value, uint64_t *out)
{
	uint64_t v = 0;

	if (!value.n || value.n > 19)
		return false;
	for (size_t i = 0; i < value.n; i++) {
		if (value.p[i] < '0' || value.p[i] > '9')
			return false;
		v = v * 10 + (uint64_t)(value.p[i] - '0');
	}
	if (v > INT64_MAX)
		return false;
	*out = v;
	return true;
}

int jtext_unescape(struct jspan value, struct buf *out)
{
	struct jspan raw = jraw_of(value);
	struct jchars c = jchars_of(raw);
	size_t before = out->len;
	char bytes[4];
	int err = 0;

	if (!memchr(raw.p, '\\', raw.n))
		return buf_add(out, raw.p, raw.n);
	for (uint32_t v; !err && (v = jchars_next(&c)) != JCHAR_END;)
		err = buf_add(out, bytes, jchar_encode(v, bytes));
	if (err < 0)
		out->len = before;
	if (out->data)
		out->data[out->len] = '\0';
	return err;
}

unsigned jtext_line(struct jspan text, const char *at)
{
	unsigned line = 1;

	for (const char *p = text.p; p < at && (p = memchr(p, '\n', (size_t)(at - p))); p++)
		line++;
	return line;
}
