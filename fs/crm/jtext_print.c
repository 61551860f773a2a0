/* SPDX-License-Identifier: MIT */
/*
 * jtext_print: JSON written anew from its own bytes, indented for people or compact for the
 * server. One pass, no recursion: the depth is a counter, since checked text closes what it opens.
 * No state, no lock, any thread.
 */
#include <errno.h>
#include <stdio.h>

#include "crm/jchar.h"
#include "crm/jtext.h"

enum { GROWTH = 6 }; /* one raw byte becomes \u007f at worst */

static inline int room(struct buf *b, size_t n)
{
	return b->cap > b->len && b->cap - b->len > n ? 0 : buf_reserve(b, n);
}

static inline void put(struct buf *b, const char *p, size_t n)
{
	memcpy(b->data + b->len, p, n);
	b->len += n;
}

static int put_hidden(struct buf *b, uint32_t c)
{
	int err = room(b, GROWTH + 1);

	if (err == 0)
		b->len += (size_t)sprintf(b->data + b->len, "\\u%04x", (unsigned)c);
	return err;
}

static int put_escape(struct buf *b, struct jchars *c) /* c->p at the backslash */
{
	const char *from = (const char *)c->p;
	bool is_u = c->end - c->p > 1 && c->p[1] == 'u';
	uint32_t v = jchars_next(c);
	size_t n = (size_t)((const char *)c->p - from);
	char bytes[6] = "\\";
	int err = room(b, n + 4);

	if (err < 0)
		return err;
	if (v == '"' || v == '\\') {
		bytes[1] = (char)v;
		put(b, bytes, 2);
	} else if (v == '/' || (is_u && v != JCHAR_END && !jchar_hides(v))) {
		put(b, bytes, jchar_encode(v, bytes));
	} else {
		put(b, from, n);
	}
	return 0;
}

static int put_char(struct buf *b, struct jchars *c) /* not printable ASCII */
{
	size_t len;

	if (*c->p == '\\')
		return put_escape(b, c);
	const char *from = (const char *)c->p;
	uint32_t v = jchar_decode(c->p, c->end, &len);
	c->p += len;
	if (jchar_hides(v))
		return put_hidden(b, v);
	int err = room(b, len);
	if (err == 0)
		put(b, from, len);
	return err;
}

/* Copies the string at *p to b, with its quotes, and moves *p behind it. */
static int put_string(struct buf *b, const char **p, const char *end)
{
	const char *at = *p, *from = at++;
	int err = 0;

	for (;;) {
		at = jchar_skip_plain(at, end);
		bool closed = at < end && *at == '"';
		at += closed;
		err = room(b, (size_t)(at - from));
		if (err < 0)
			return err;
		put(b, from, (size_t)(at - from));
		if (closed || at == end)
			break;
		struct jchars c = {(const unsigned char *)at, (const unsigned char *)end};
		err = put_char(b, &c);
		if (err < 0)
			return err;
		from = at = (const char *)c.p;
	}
	*p = at;
	return 0;
}

static int new_line(struct buf *b, unsigned depth)
{
	int err = room(b, 1 + 2 * (size_t)depth);

	if (err < 0)
		return err;
	b->data[b->len++] = '\n';
	memset(b->data + b->len, ' ', 2 * (size_t)depth);
	b->len += 2 * (size_t)depth;
	return 0;
}

static int put_open(struct buf *b, const char **p, const char *end, unsigned *depth)
{
	char bracket[2] = {**p, (char)(**p + 2)}; /* in ASCII both pairs are two apart */
	const char *next = jchar_skip_space(*p + 1, end);
	int err = room(b, 2);

	if (err < 0)
		return err;
	if (next < end && *next == bracket[1]) {
		put(b, bracket, 2);
		*p = next + 1;
		return 0;
	}
	put(b, bracket, 1);
	*p = next;
	return new_line(b, ++*depth);
}

static int put_close(struct buf *b, char c, unsigned *depth)
{
	int err = new_line(b, *depth ? --*depth : 0);

	return err < 0 ? err : buf_add_char(b, c);
}

/* Numbers and words: up to whatever ends them. */
static int put_scalar(struct buf *b, const char **p, const char *end)
{
	const char *at = *p + 1;

	while (at < end && *at != ',' && *at != ']' && *at != '}' && (unsigned char)*at > ' ')
		at++;
	size_t n = (size_t)(at - *p);
	int err = room(b, n);
	if (err < 0)
		return err;
	put(b, *p, n);
	*p = at;
	return 0;
}

static int put_token(struct buf *b, const char **p, const char *end, unsigned *depth)
{
	char c = **p;
	int err;

	switch (c) {
	case '"':
		return put_string(b, p, end);
	case '{':
	case '[':
		return put_open(b, p, end, depth);
	case '}':
	case ']':
		++*p;
		return put_close(b, c, depth);
	case ',':
		++*p;
		err = buf_add_char(b, ',');
		return err < 0 ? err : new_line(b, *depth);
	case ':':
		++*p;
		return buf_add(b, ": ", 2);
	default:
		return put_scalar(b, p, end);
	}
}

int jtext_indent(struct jspan value, unsigned depth, struct buf *out)
{
	const char *p = value.p, *end = value.p + value.n;
	size_t before = out->len;
	int err = room(out, 1);

	while (err == 0 && (p = jchar_skip_space(p, end)) < end)
		err = put_token(out, &p, end, &depth);
	if (err < 0)
		out->len = before;
	if (out->data)
		out->data[out->len] = '\0';
	return err;
}

int jtext_compact(struct jspan value, struct buf *out)
{
	const char *p = value.p, *end = value.p + value.n;
	int err = room(out, value.n);

	if (err < 0)
		return err;
	while ((p = jchar_skip_space(p, end)) < end) {
		const char *from = p;
		p = *p == '"' ? jchar_skip_string(p, end) : p + 1;
		put(out, from, (size_t)(p - from));
	}
	out->data[out->len] = '\0';
	return 0;
}
