/* SPDX-License-Identifier: MIT */
/*
 * when: the proleptic Gregorian calendar, and pictures of the few forms that are known. Years 0 to
 * 9999 only. No state, no lock, any thread.
 */
#include "crm/when.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { DAY = 86400 };

/* Exactly n digits at *p, as a number within low..high; moves *p behind them. */
static bool read_digits(const char **p, const char *end, int n, int range[static 2], int *out)
{
	int v = 0;

	for (; n > 0; n--, ++*p) {
		if (*p == end || **p < '0' || **p > '9')
			return false;
		v = v * 10 + (**p - '0');
	}
	*out = v;
	return v >= range[0] && v <= range[1];
}

/* `form` is a picture: Y year, M month, D day, h hour, m minute, s second, T a T or a space, and
 * else the character itself. */
static bool read_picture(const char **p, const char *end, const char *form, int out[static 128])
{
	for (; *form; form++) {
		int range[2] = {*form == 'M' || *form == 'D', *form == 'Y'   ? 9999
							      : *form == 'M' ? 12
							      : *form == 'D' ? 31
							      : *form == 'h' ? 23
							      : *form == 's' ? 60
									     : 59};
		if (strchr("YMDhms", *form)) {
			if (!read_digits(p, end, *form == 'Y' ? 4 : 2, range, &out[(int)*form]))
				return false;
			continue;
		}
		if (*p == end || (**p != *form && !(*form == 'T' && **p == ' ')))
			return false;
		++*p;
	}
	return true;
}

/* Z, +02:00, -0330, or nothing (UTC); seconds east of Greenwich. */
static bool read_zone(const char *p, const char *end, int *east)
{
	int f[128];

	*east = 0;
	if (p == end || (*p == 'Z' && p + 1 == end))
		return true;
	int sign = *p == '+' ? 1 : *p == '-' ? -1 : 0;
	bool colon = end - p == 6;
	p++;
	if (!sign || !read_picture(&p, end, colon ? "h:m" : "hm", f) || p != end)
		return false;
	*east = sign * (f['h'] * 3600 + f['m'] * 60);
	return true;
}

static int days_in_month(int year, int month)
{
	static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	return days[month - 1] + (month == 2 && leap);
}

/* Days from 1970-01-01; years are counted from March, so that the leap day is the last. */
static int64_t days_since_epoch(int year, int month, int day)
{
	int64_t y = year - (month <= 2), m = (month + 9) % 12;
	int64_t days = 365 * y + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + day - 1;

	return y < 0 ? days - 719468 - 1 : days - 719468;
}

/* ":30" and ".000000" behind hours and minutes. */
static bool read_seconds(const char **p, const char *end, int f[static 128], bool *has)
{
	*has = *p < end && **p == ':';
	if (!*has)
		return true;
	if (!read_picture(p, end, ":s", f))
		return false;
	if (*p == end || **p != '.')
		return true;
	const char *point = (*p)++;
	while (*p < end && **p >= '0' && **p <= '9')
		++*p;
	return *p > point + 1;
}

int when_read(struct jspan raw, struct when *out)
{
	const char *p = raw.p, *end = raw.p + raw.n;
	int f[128] = {0}, east = 0;

	*out = (struct when){0};
	if (!read_picture(&p, end, "Y-M-D", f) || f['D'] > days_in_month(f['Y'], f['M']))
		return -EINVAL;
	out->has_time = p < end;
	if (out->has_time &&
	    (!read_picture(&p, end, "Th:m", f) || !read_seconds(&p, end, f, &out->has_seconds)))
		return -EINVAL;
	out->has_zone = p < end;
	if (!read_zone(p, end, &east))
		return -EINVAL;
	out->at = days_since_epoch(f['Y'], f['M'], f['D']) * DAY + f['h'] * 3600 + f['m'] * 60 +
		  f['s'] - east;
	out->is_midnight = !f['h'] && !f['m'] && !f['s'] && !east;
	return 0;
}

/* The other way round; a time pushed out of the years that have four digits stops at their end. */
static void split(int64_t at, int out[static 3], int *seconds)
{
	int64_t first = days_since_epoch(0, 1, 1) * DAY,
		last = days_since_epoch(9999, 12, 31) * DAY;

	at = at < first ? first : at >= last + DAY ? last + DAY - 1 : at;
	int64_t days = at / DAY - (at % DAY < 0);
	*seconds = (int)(at - days * DAY);
	int64_t z = days + 719468, era = (z >= 0 ? z : z - 146096) / 146097,
		of_era = z - era * 146097;
	int64_t y = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
	int64_t of_year = of_era - (365 * y + y / 4 - y / 100), m = (5 * of_year + 2) / 153;
	out[2] = (int)(of_year - (153 * m + 2) / 5 + 1);
	out[1] = (int)(m < 10 ? m + 3 : m - 9);
	out[0] = (int)(y + era * 400 + (out[1] <= 2));
}

void when_print_day(int64_t at, char out[static WHEN_DAY_SIZE])
{
	int f[3], seconds;

	split(at, f, &seconds);
	snprintf(out, WHEN_DAY_SIZE, "%04u-%02u-%02u", (unsigned)f[0] % 10000, (unsigned)f[1] % 100,
		 (unsigned)f[2] % 100);
}

void when_print_time(int64_t at, char out[static WHEN_TIME_SIZE])
{
	char day[WHEN_DAY_SIZE];
	int f[3], seconds;

	split(at, f, &seconds);
	when_print_day(at, day);
	snprintf(out, WHEN_TIME_SIZE, "%s %02u:%02u:%02u", day, (unsigned)seconds / 3600 % 100,
		 (unsigned)seconds / 60 % 60, (unsigned)seconds % 60);
}
