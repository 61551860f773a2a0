/* SPDX-License-Identifier: MIT */
/* jout: jansson prints, so that whatever a name or a server says stays one string. No state, no lock,
 * any thread. */
#include "crm/jout.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "crm/jchar.h"

enum { DIGITS = 12 }; /* tenths of a second, for three thousand years */

json_t *jout_string(const char *s)
{
	json_t *j = s ? json_string(s) : json_null();

	if (j)
		return j;
	char *copy = strdup(s);
	for (char *p = copy; p && *p; p++) {
		if ((unsigned char)*p > 0x7e)
			*p = '?';
	}
	j = copy ? json_string(copy) : NULL;
	free(copy);
	return j;
}

json_t *jout_time(int64_t unix_s)
{
	char text[32];
	struct tm tm;
	time_t at = (time_t)unix_s;

	if (!at || !gmtime_r(&at, &tm))
		return json_null();
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm);
	return json_string(text);
}

json_t *jout_errno(int err)
{
	const char *name = strerrorname_np(-err);

	return json_string(name ? name : "?");
}

json_t *jout_seconds(double s)
{
	return s < 0 ? json_null() : json_real(round(s * 10) / 10);
}

/* What a terminal would obey or hide, C1 controls and directions, stays an escape: people read it
 * there. Outside of strings there is none. */
static int add_text(const char *text, struct buf *out)
{
	const unsigned char *p = (const unsigned char *)text, *end = p + strlen(text);
	size_t n, before = out->len;
	int err = 0;

	for (; err == 0 && p < end; p += n) {
		uint32_t c = jchar_decode(p, end, &n);
		if (c < 0x7f || !jchar_hides(c))
			err = buf_add(out, p, n);
		else
			err = buf_printf(out, "\\u%04x", c);
	}
	if (err < 0)
		out->len = before;
	return err;
}

int jout_print(json_t *j, unsigned indent, struct buf *out)
{
	size_t layout = indent ? JSON_INDENT(indent) : JSON_COMPACT;
	char *text = j ? json_dumps(j, layout | JSON_PRESERVE_ORDER | JSON_REAL_PRECISION(DIGITS))
		       : NULL;
	int err = text ? add_text(text, out) : -ENOMEM;

	free(text);
	json_decref(j);
	return err < 0 ? err : buf_add_char(out, '\n');
}
