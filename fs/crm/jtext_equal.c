/* SPDX-License-Identifier: MIT */
/*
 * jtext_equal: are two checked texts the same JSON value? A number is a sign, digits without zeros
 * at either end, and a power of ten, so 1250, 1250.0 and 1.25e3 are one and 0.1 is never rounded.
 * Objects are compared by name; depth is limited by jtext_check. No state, no lock, any thread.
 */
#include "crm/jchar.h"
#include "crm/jtext.h"
#include "crm/members.h"

struct decimal {
	const char *first, *last; /* the first and last digit that are not zero; NULL: zero */
	bool negative;
	long power; /* of ten, of the digit *last */
};

/* The exponent's value; false: beyond what counting can hold. */
static bool read_exponent(const char *p, const char *end, long *out)
{
	bool negative = *p == '-';
	long v = 0;

	p += *p == '-' || *p == '+';
	for (; p < end; p++) {
		if (v > 100000000000000L)
			return false;
		v = v * 10 + (*p - '0');
	}
	*out = negative ? -v : v;
	return true;
}

static bool read_decimal(struct jspan n, struct decimal *d)
{
	const char *p = n.p, *end = n.p + n.n, *point = NULL;

	*d = (struct decimal){.negative = *p == '-'};
	for (p += d->negative; p < end && (*p | 0x20) != 'e'; p++) {
		if (*p == '.') {
			point = p;
		} else if (*p != '0') {
			d->first = d->first ? d->first : p;
			d->last = p;
		}
	}
	if (!d->first)
		return true;
	const char *unit = (point ? point : p) - 1; /* the digit of 10^0 */
	d->power = d->last > unit ? -(long)(d->last - unit - 1) : (long)(unit - d->last);
	long exponent = 0;
	if (p < end && !read_exponent(p + 1, end, &exponent))
		return false;
	d->power += exponent;
	return true;
}

static bool digits_equal(const struct decimal *a, const struct decimal *b)
{
	const char *p = a->first, *q = b->first;

	for (;;) {
		p += *p == '.';
		q += *q == '.';
		if (p > a->last || q > b->last)
			return p > a->last && q > b->last;
		if (*p++ != *q++)
			return false;
	}
}

static bool numbers_equal(struct jspan a, struct jspan b)
{
	struct decimal da, db;

	if (!read_decimal(a, &da) || !read_decimal(b, &db))
		return false; /* not the same bytes, and no wish to count with such exponents */
	if (!da.first || !db.first)
		return !da.first && !db.first;
	return da.negative == db.negative && da.power == db.power && digits_equal(&da, &db);
}

static bool arrays_equal(struct jspan a, struct jspan b)
{
	struct jiter ia = {0}, ib = {0};
	struct jspan va, vb;

	for (;;) {
		bool more = jtext_next_element(a, &ia, &va);
		if (more != jtext_next_element(b, &ib, &vb))
			return false;
		if (!more)
			return true;
		if (!jtext_equal(va, vb))
			return false;
	}
}

static bool objects_equal(struct jspan a, struct jspan b)
{
	CLEANUP(members_fini) struct members ma = {0};
	CLEANUP(members_fini) struct members mb = {0};

	if (members_read(a, &ma) < 0 || members_read(b, &mb) < 0 || ma.distinct != mb.distinct)
		return false;
	for (size_t i = 0; i < ma.distinct; i++) {
		const struct member *x = ma.by_name[i], *y = mb.by_name[i];
		if (x->name_len != y->name_len || memcmp(x->name, y->name, x->name_len) != 0)
			return false;
	}
	for (size_t i = 0; i < ma.distinct; i++) {
		if (!jtext_equal(ma.by_name[i]->value, mb.by_name[i]->value))
			return false;
	}
	return true;
}

bool jtext_equal(struct jspan a, struct jspan b)
{
	a = jtext_trim(a);
	b = jtext_trim(b);
	if (a.n == b.n && memcmp(a.p, b.p, a.n) == 0)
		return true;
	enum jtype type = jtext_type(a);
	if (type != jtext_type(b))
		return false;
	switch (type) {
	case J_NUMBER:
		return numbers_equal(a, b);
	case J_STRING:
		return jraw_equal(jraw_of(a), jraw_of(b));
	case J_ARRAY:
		return arrays_equal(a, b);
	case J_OBJECT:
		return objects_equal(a, b);
	default:
		return false;
	}
}
