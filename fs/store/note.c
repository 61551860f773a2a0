/* SPDX-License-Identifier: MIT */
/* note: knows the format of <key>.note and nothing of files. No state, no lock. The lines come in
 * one order only; a new one means a new first line, and old notes are then read by their own. */
#include "store/note.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/macros.h"

#define HEAD "concordfs-note 2"
#define OLD_HEAD "concordfs-note 1" /* has no lines about, words, posted */
#define SUM_LINE (sizeof("sum 0123456789abcdef\n") - 1)

/* FNV-1a: against torn and rotten bytes, not against people. */
static uint64_t sum_of(const char *p, size_t n)
{
	uint64_t sum = 0xcbf29ce484222325;

	for (size_t i = 0; i < n; i++)
		sum = (sum ^ (unsigned char)p[i]) * 0x100000001b3;
	return sum;
}

static int add_escaped(struct buf *out, const char *key, const char *value)
{
	int err = buf_printf(out, "%s ", key);

	for (const char *s = value; !err && *s; s++) {
		unsigned char c = (unsigned char)*s;
		if (c > ' ' && c < 0x7f && c != '%')
			err = buf_add_char(out, *s);
		else
			err = buf_printf(out, "%%%02x", c);
	}
	return err < 0 ? err : buf_add_char(out, '\n');
}

static int add_names(const struct spool_note *note, struct buf *out)
{
	int err = buf_printf(out, HEAD "\ntype %s\n", note->type == SPOOL_LINK ? "link" : "file");

	if (!err)
		err = add_escaped(out, "dir", note->dir);
	if (!err)
		err = add_escaped(out, "name", note->name);
	if (!err)
		err = add_escaped(out, "target", note->target ? note->target : "");
	return err;
}

static int add_base(const struct text *base, struct buf *out)
{
	if (!text_is_set(base))
		return buf_add_str(out, "base -\n");
	int err = buf_printf(out, "base %zu\n", base->len);
	if (!err)
		err = buf_add(out, text_data(base), base->len);
	return err < 0 ? err : buf_add_char(out, '\n');
}

static int add_refusal(const struct spool_note *note, struct buf *out)
{
	int err = add_escaped(out, "about", note->about ? note->about : "");

	if (!err)
		err = add_escaped(out, "words", note->words ? note->words : "");
	return err ? err : buf_printf(out, "posted %lld\n", (long long)note->posted);
}

int note_write(const struct spool_note *note, struct buf *out)
{
	size_t start = out->len;
	int err = add_names(note, out);

	if (!err)
		err = buf_printf(out,
				 "record %" PRIu64 "\nvacated %d\ndirty %d\nrefused %d\n"
				 "mode %o\nseconds %lld\nnanoseconds %ld\n",
				 note->record, note->vacated, note->dirty, -note->refused,
				 note->mode, (long long)note->mtime.tv_sec, note->mtime.tv_nsec);
	if (!err)
		err = add_refusal(note, out);
	if (!err)
		err = add_base(&note->base, out);
	if (!err)
		err = buf_printf(out, "sum %016" PRIx64 "\n",
				 sum_of(out->data + start, out->len - start));
	return err;
}

/* What is left to read. A line that is not as expected makes it bad, and so all that follow. */
struct in {
	const char *p, *end;
	bool bad;
	bool no_memory;
};

/* The value of the line that must come now, not NUL-terminated; lends. */
static const char *take(struct in *in, const char *key, size_t *n)
{
	size_t k = strlen(key);
	const char *line = in->p;
	const char *eol = in->bad ? NULL : memchr(line, '\n', (size_t)(in->end - line));

	*n = 0;
	if (!eol || (size_t)(eol - line) <= k || memcmp(line, key, k) != 0 || line[k] != ' ') {
		in->bad = true;
		return "";
	}
	in->p = eol + 1;
	*n = (size_t)(eol - line) - k - 1;
	return line + k + 1;
}

static long long number_of(struct in *in, const char *value, size_t n, int base)
{
	char digits[24] = "", *end;

	if (!n || n >= sizeof(digits)) {
		in->bad = true;
		return 0;
	}
	memcpy(digits, value, n);
	errno = 0;
	long long number = strtoll(digits, &end, base);
	if (errno || *end)
		in->bad = true;
	return number;
}

static long long take_number(struct in *in, const char *key, int base)
{
	size_t n;
	const char *value = take(in, key, &n);

	return number_of(in, value, n, base);
}

static int hex_digit(char c)
{
	const char *digits = "0123456789abcdef";
	const char *at = c ? strchr(digits, c) : NULL;

	return at ? (int)(at - digits) : -1;
}

/* The byte at value[*i], which may be written as %xx; 0: bad, as no string here holds a NUL. */
static char unescape(const char *value, size_t n, size_t *i)
{
	if (value[*i] != '%')
		return value[*i];
	if (n - *i < 3)
		return 0;
	int high = hex_digit(value[*i + 1]), low = hex_digit(value[*i + 2]);
	*i += 2;
	return high < 0 || low < 0 ? 0 : (char)(high << 4 | low);
}

/* Undoes add_escaped; gives. NULL when empty. */
static char *take_escaped(struct in *in, const char *key)
{
	size_t n, at = 0;
	const char *value = take(in, key, &n);
	char *out = n ? calloc(1, n + 1) : NULL;

	if (n && !out)
		in->bad = in->no_memory = true;
	for (size_t i = 0; out && i < n; i++) {
		if (!(out[at++] = unescape(value, n, &i)))
			in->bad = true;
	}
	return out;
}

static void take_base(struct in *in, struct text *out)
{
	size_t n;
	const char *value = take(in, "base", &n);

	if (n == 1 && *value == '-')
		return;
	long long len = number_of(in, value, n, 10);
	if (in->bad || len < 0 || len >= in->end - in->p || in->p[len] != '\n') {
		in->bad = true;
		return;
	}
	struct blob *blob = blob_copy(in->p, (size_t)len);
	if (!blob)
		in->bad = in->no_memory = true;
	else
		*out = text_of(blob, 0, (size_t)len);
	blob_put(blob);
	in->p += len + 1;
}

static bool is_plain_name(const char *name)
{
	return name && strlen(name) <= NAME_MAX && !strchr(name, '/') && strcmp(name, ".") != 0 &&
	       strcmp(name, "..") != 0;
}

static void take_state(struct in *in, struct spool_note *out)
{
	long long record = take_number(in, "record", 10);

	out->record = (uint64_t)record;
	out->vacated = take_number(in, "vacated", 10) != 0;
	out->dirty = take_number(in, "dirty", 10) != 0;
	out->refused = -(int)take_number(in, "refused", 10);
	out->mode = (mode_t)take_number(in, "mode", 8);
	out->mtime.tv_sec = (time_t)take_number(in, "seconds", 10);
	out->mtime.tv_nsec = (long)take_number(in, "nanoseconds", 10);
	if (record < 0 || out->refused > 0 || out->mtime.tv_nsec < 0 ||
	    out->mtime.tv_nsec >= 1000000000)
		in->bad = true;
}

static void take_refusal(struct in *in, struct spool_note *out)
{
	out->about = take_escaped(in, "about");
	out->words = take_escaped(in, "words");
	out->posted = take_number(in, "posted", 10);
	if (out->about && !is_plain_name(out->about))
		in->bad = true;
}

/* The body ends where its checksum begins. */
static bool is_whole(const char *p, size_t n)
{
	char want[SUM_LINE + 1];

	if (n < SUM_LINE)
		return false;
	snprintf(want, sizeof(want), "sum %016" PRIx64 "\n", sum_of(p, n - SUM_LINE));
	return memcmp(p + n - SUM_LINE, want, SUM_LINE) == 0;
}

int note_read(const char *p, size_t n, struct spool_note *out)
{
	size_t len;

	*out = (struct spool_note){0};
	if (!is_whole(p, n) || n < sizeof(HEAD))
		return -EBADMSG;
	bool is_old = memcmp(p, OLD_HEAD "\n", sizeof(OLD_HEAD)) == 0;
	if (!is_old && memcmp(p, HEAD "\n", sizeof(HEAD)) != 0)
		return -EBADMSG;
	struct in in = {.p = p + sizeof(HEAD), .end = p + n - SUM_LINE};
	const char *type = take(&in, "type", &len);
	out->type = len == 4 && memcmp(type, "link", 4) == 0 ? SPOOL_LINK : SPOOL_FILE;
	out->dir = take_escaped(&in, "dir");
	out->name = take_escaped(&in, "name");
	out->target = take_escaped(&in, "target");
	take_state(&in, out);
	if (!is_old)
		take_refusal(&in, out);
	take_base(&in, &out->base);
	if (in.no_memory)
		return -ENOMEM;
	bool good =
		!in.bad && in.p == in.end && is_plain_name(out->dir) && is_plain_name(out->name);
	return good && (out->type == SPOOL_LINK) == !!out->target ? 0 : -EBADMSG;
}

void note_fini(struct spool_note *note)
{
	free((char *)note->dir);
	free((char *)note->name);
	free((char *)note->target);
	free((char *)note->about);
	free((char *)note->words);
	text_put(&note->base);
	*note = (struct spool_note){0};
}
