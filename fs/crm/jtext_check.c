/* SPDX-License-Identifier: MIT */
/*
 * jtext_check: the grammar of JSON (RFC 8259) as one pass over bytes without recursion: which
 * brackets are open is a word of bits. It knows three outcomes, since a file that is being written
 * may be merely unfinished: whole, cut (more could mend it), broken. No state, no lock, any thread.
 */
#include <errno.h>

#include "crm/jchar.h"
#include "crm/jtext.h"

_Static_assert(JTEXT_MAX_DEPTH <= 64, "the open brackets are the bits of one word");

enum want { A_VALUE, A_VALUE_OR_END, A_KEY, A_KEY_OR_END, A_COLON, A_COMMA_OR_END, NOTHING };

struct scan {
	const char *p, *end;
	enum want want;
	unsigned depth;
	uint64_t objects; /* bit d: the bracket at depth d + 1 is a brace */
	bool cut;	  /* it failed only for want of more bytes */
	const char *why;
};

static bool broken(struct scan *s, const char *why)
{
	s->why = why;
	return false;
}

static bool cut(struct scan *s)
{
	s->p = s->end;
	s->cut = true;
	return broken(s, "the text ends too soon");
}

/* Unicode table 3-7: what the second byte may be depends on the first, so that no character has
 * two spellings and none is a surrogate. */
static bool scan_utf8(struct scan *s)
{
	unsigned char c = (unsigned char)*s->p;
	int more = c < 0xe0 ? 1 : c < 0xf0 ? 2 : 3;
	unsigned char low = 0x80, high = 0xbf;

	if (c < 0xc2 || c > 0xf4)
		return broken(s, "a byte is not UTF-8");
	if (c == 0xe0)
		low = 0xa0;
	else if (c == 0xed)
		high = 0x9f;
	else if (c == 0xf0)
		low = 0x90;
	else if (c == 0xf4)
		high = 0x8f;
	for (int i = 1; i <= more; i++, low = 0x80, high = 0xbf) {
		if (s->p + i == s->end)
			return cut(s);
		unsigned char next = (unsigned char)s->p[i];
		if (next < low || next > high)
			return broken(s, "a byte is not UTF-8");
	}
	s->p += more + 1;
	return true;
}

/* The four digits of \uXXXX, s->p at the first. */
static bool scan_hex4(struct scan *s, unsigned *out)
{
	unsigned v = 0;

	for (int i = 0; i < 4; i++, s->p++) {
		if (s->p == s->end)
			return cut(s);
		unsigned char c = (unsigned char)*s->p, lower = c | 0x20;
		if (c >= '0' && c <= '9')
			v = v << 4 | (c - '0');
		else if (lower >= 'a' && lower <= 'f')
			v = v << 4 | (lower - 'a' + 10u);
		else
			return broken(s, "\\u wants four hexadecimal digits");
	}
	*out = v;
	return true;
}

static bool scan_low_surrogate(struct scan *s)
{
	static const char half[] = "a \\u escape is half of a pair";
	unsigned v;

	for (const char *want = "\\ud"; *want; want++) {
		if (s->p == s->end)
			return cut(s);
		if ((*want == 'd' ? *s->p | 0x20 : *s->p) != *want)
			return broken(s, half);
		s->p += *want != 'd';
	}
	if (!scan_hex4(s, &v))
		return false;
	return (v >= 0xdc00 && v <= 0xdfff) || broken(s, half);
}

static bool scan_escape(struct scan *s) /* s->p after the backslash */
{
	unsigned v;

	if (s->p == s->end)
		return cut(s);
	char c = *s->p++;
	if (c != 'u')
		return (c && strchr("\"\\/bfnrt", c)) || broken(s, "no such escape in a string");
	if (!scan_hex4(s, &v))
		return false;
	if (v == 0)
		return broken(s, "a string cannot hold a NUL character");
	if (v >= 0xdc00 && v <= 0xdfff)
		return broken(s, "a \\u escape is half of a pair");
	return v < 0xd800 || v > 0xdbff || scan_low_surrogate(s);
}

static bool scan_string(struct scan *s) /* s->p at the opening quote */
{
	for (s->p++; s->p < s->end;) {
		s->p = jchar_skip_plain(s->p, s->end);
		if (s->p == s->end)
			break;
		unsigned char c = (unsigned char)*s->p;
		if (c == '"') {
			s->p++;
			return true;
		}
		if (c < 0x20)
			return broken(s, "a line break or control character stands in a string");
		if (c == '\\' || c == 0x7f)
			s->p++;
		if ((c == '\\' && !scan_escape(s)) || (c >= 0x80 && !scan_utf8(s)))
			return false;
	}
	return cut(s);
}

static bool scan_digits(struct scan *s)
{
	const char *first = s->p;

	while (s->p < s->end && *s->p >= '0' && *s->p <= '9')
		s->p++;
	if (s->p > first)
		return true;
	return s->p == s->end ? cut(s) : broken(s, "a number wants a digit here");
}

static bool scan_number(struct scan *s)
{
	const char *first = s->p;

	if (*s->p == '-')
		s->p++;
	const char *digits = s->p;
	if (!scan_digits(s))
		return false;
	if (*digits == '0' && s->p > digits + 1) {
		s->p = digits;
		return broken(s, "a number cannot begin with a zero");
	}
	if (s->p < s->end && *s->p == '.') {
		s->p++;
		if (!scan_digits(s))
			return false;
	}
	if (s->p < s->end && (*s->p | 0x20) == 'e') {
		s->p++;
		if (s->p < s->end && (*s->p == '+' || *s->p == '-'))
			s->p++;
		if (!scan_digits(s))
			return false;
	}
	return s->p - first <= JTEXT_MAX_DIGITS || broken(s, "a number has too many digits");
}

static bool scan_word(struct scan *s)
{
	const char *word = *s->p == 't' ? "true" : *s->p == 'f' ? "false" : "null";

	for (; *word; word++, s->p++) {
		if (s->p == s->end)
			return cut(s);
		if (*s->p != *word)
			return broken(s, "a value is neither true, false nor null");
	}
	return true;
}

static void value_done(struct scan *s)
{
	s->want = s->depth ? A_COMMA_OR_END : NOTHING;
}

static bool open_bracket(struct scan *s)
{
	bool brace = *s->p == '{';

	if (s->depth == JTEXT_MAX_DEPTH)
		return broken(s, "brackets are nested too deep");
	s->objects = (s->objects & ~((uint64_t)1 << s->depth)) | (uint64_t)brace << s->depth;
	s->depth++;
	s->p++;
	s->want = brace ? A_KEY_OR_END : A_VALUE_OR_END;
	return true;
}

static bool in_object(const struct scan *s)
{
	return s->objects >> (s->depth - 1) & 1;
}

static bool close_bracket(struct scan *s)
{
	s->depth--;
	s->p++;
	value_done(s);
	return true;
}

static bool scan_value(struct scan *s)
{
	char c = *s->p;

	if (c == '{' || c == '[')
		return open_bracket(s);
	bool ok;
	if (c == '"')
		ok = scan_string(s);
	else if (c == '-' || (c >= '0' && c <= '9'))
		ok = scan_number(s);
	else if (c == 't' || c == 'f' || c == 'n')
		ok = scan_word(s);
	else
		ok = broken(s, "a value is missing");
	if (ok)
		value_done(s);
	return ok;
}

static bool scan_key(struct scan *s)
{
	if (*s->p != '"')
		return broken(s, *s->p == '}' ? "a comma stands before the closing brace"
					      : "a member's name in double quotes is missing");
	s->want = A_COLON;
	return scan_string(s);
}

static bool scan_colon(struct scan *s)
{
	if (*s->p != ':')
		return broken(s, "a colon is missing");
	s->p++;
	s->want = A_VALUE;
	return true;
}

static bool scan_comma(struct scan *s)
{
	bool object = in_object(s);

	if (*s->p == (object ? '}' : ']'))
		return close_bracket(s);
	if (*s->p != ',')
		return broken(s, *s->p == '}' || *s->p == ']'
					 ? "this bracket does not fit the open one"
					 : "a comma is missing");
	s->p++;
	s->want = object ? A_KEY : A_VALUE;
	return true;
}

static bool scan_token(struct scan *s)
{
	switch (s->want) {
	case A_VALUE_OR_END:
		return *s->p == ']' ? close_bracket(s) : scan_value(s);
	case A_VALUE:
		return scan_value(s);
	case A_KEY_OR_END:
		return *s->p == '}' ? close_bracket(s) : scan_key(s);
	case A_KEY:
		return scan_key(s);
	case A_COLON:
		return scan_colon(s);
	case A_COMMA_OR_END:
		return scan_comma(s);
	case NOTHING:
		break;
	}
	return broken(s, "something stands after the end of the value");
}

static bool scan_text(struct scan *s)
{
	for (;;) {
		s->p = jchar_skip_space(s->p, s->end);
		if (s->p == s->end)
			return s->want == NOTHING || cut(s);
		if (!scan_token(s))
			return false;
	}
}

static void tell_place(struct jspan text, const struct scan *s, struct jfault *fault)
{
	const char *line = s->p;

	while (line > text.p && line[-1] != '\n')
		line--;
	*fault = (struct jfault){
		.why = s->why,
		.offset = (size_t)(s->p - text.p),
		.line = jtext_line(text, s->p),
		.column = (unsigned)(s->p - line) + 1,
	};
}

static struct scan scan_whole(struct jspan text, struct jfault *fault, bool *ok)
{
	struct scan s = {.p = text.p, .end = text.p + text.n};

	*ok = scan_text(&s);
	if (!*ok)
		tell_place(text, &s, fault);
	return s;
}

int jtext_check(struct jspan text, struct jfault *fault)
{
	bool ok;

	scan_whole(text, fault, &ok);
	return ok ? 0 : -EINVAL;
}

bool jtext_is_prefix(struct jspan text, struct jfault *fault)
{
	bool ok;
	struct scan s = scan_whole(text, fault, &ok);

	return ok || s.cut;
}
