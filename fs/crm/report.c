/* SPDX-License-Identifier: MIT */
/*
 * report: sentences about places. A server names a place by dots and numbers from 0; it is walked
 * in the person's text as far as it is there. One owner, no lock.
 */
#include "crm/report.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crm/kinds.h"
#include "crm/words.h"

enum { MEMBER_MAX = 200, DEPTH_MAX = 8 };

void report_fini(struct report *r)
{
	for (size_t i = 0; i < r->count; i++) {
		free(r->list[i].member);
		free(r->list[i].sentence);
	}
	r->count = r->more = 0;
}

static struct jspan bytes_of(const char *s)
{
	return (struct jspan){s, strlen(s)};
}

/* A printable copy; NULL: no memory. */
static char *copy_line(const char *s, size_t max)
{
	char line[REPORT_SENTENCE_MAX + 1];

	words_print(bytes_of(s), line, max + 1);
	return strdup(line);
}

static void find_place(struct jspan text, const char *at, struct problem *p)
{
	if (!at || !text.p || at < text.p || at > text.p + text.n)
		return;
	const char *start = at;
	while (start > text.p && start[-1] != '\n')
		start--;
	p->line = jtext_line(text, at);
	p->column = (unsigned)(at - start) + 1;
}

/* Asked before a place is found: lines are counted for that, and nobody will see it. */
static bool is_full(struct report *r)
{
	bool full = r->count == REPORT_MAX;

	r->more += full;
	return full;
}

static void add(struct report *r, struct problem p, const char *member, const char *sentence)
{
	p.sentence = copy_line(sentence, REPORT_SENTENCE_MAX);
	p.member = member ? copy_line(member, MEMBER_MAX) : NULL;
	if (!p.sentence || (member && !p.member)) {
		free(p.sentence);
		free(p.member);
		r->more++;
		return;
	}
	r->list[r->count++] = p;
}

void report_add(struct report *r, struct jspan text, const char *at, const char *member,
		const char *fmt, ...)
{
	char sentence[2 * REPORT_SENTENCE_MAX] = "";
	struct problem p = {0};
	va_list ap;

	if (is_full(r))
		return;
	va_start(ap, fmt);
	vsnprintf(sentence, sizeof(sentence), fmt, ap);
	va_end(ap);
	find_place(text, at, &p);
	add(r, p, member, sentence);
}

void report_add_fault(struct report *r, const struct jfault *fault)
{
	char sentence[200];

	if (is_full(r))
		return;
	snprintf(sentence, sizeof(sentence), "not JSON: %s", fault->why);
	add(r, (struct problem){.line = fault->line, .column = fault->column}, NULL, sentence);
}

/* A word of a dotted name. */
struct word {
	char s[MEMBER_MAX + 1];
	size_t index;
	bool is_index;
};

static const char *next_word(const char *dotted, struct word *w)
{
	size_t n = strcspn(dotted, ".");
	char *end;

	snprintf(w->s, sizeof(w->s), "%.*s", (int)(n < MEMBER_MAX ? n : MEMBER_MAX), dotted);
	w->is_index = n && n < 9 && strspn(w->s, "0123456789") == n;
	w->index = w->is_index ? strtoul(w->s, &end, 10) : 0;
	return dotted[n] ? dotted + n + 1 : NULL;
}

static bool step_into(struct jspan *value, const struct word *w)
{
	struct jiter it = {0};
	struct jspan element;

	if (!w->is_index)
		return jtext_type(*value) == J_OBJECT && jtext_get(*value, w->s, value);
	for (size_t i = 0; jtext_type(*value) == J_ARRAY; i++) {
		if (!jtext_next_element(*value, &it, &element))
			return false;
		if (i == w->index) {
			*value = element;
			return true;
		}
	}
	return false;
}

/* stage_id is complained of though only stage was written. */
static bool step_top(struct jspan *value, struct word *w)
{
	struct word embedded = {0};

	if (step_into(value, w))
		return true;
	const char *embed = kinds_slot(w->s, strlen(w->s)).embed;
	snprintf(embedded.s, sizeof(embedded.s), "%s", embed ? embed : "");
	if (!embed || !step_into(value, &embedded))
		return false;
	*w = embedded;
	return true;
}

void report_add_dotted(struct report *r, struct jspan text, const char *dotted,
		       const char *sentence)
{
	char member[MEMBER_MAX + 1] = "";
	struct jspan value = jtext_trim(text);
	struct problem p = {0};
	size_t len = 0;
	struct word w;
	bool found = jtext_type(value) == J_OBJECT;

	if (is_full(r))
		return;
	for (unsigned depth = 0; dotted; depth++) {
		dotted = next_word(dotted, &w);
		if (found && depth < DEPTH_MAX)
			found = depth ? step_into(&value, &w) : step_top(&value, &w);
		if (found)
			find_place(text, value.p, &p);
		const char *fmt = w.is_index ? "[%s]" : depth ? ".%s" : "%s";
		if (len < sizeof(member) - 1)
			len += (size_t)snprintf(member + len, sizeof(member) - len, fmt, w.s);
	}
	add(r, p, member[0] ? member : NULL, sentence);
}

/* "email: ..." */
static int print_words(const struct problem *p, char *out, size_t size)
{
	return snprintf(out, size, "%s%s%s", p->member ? p->member : "", p->member ? ": " : "",
			p->sentence);
}

void report_line(const struct report *r, char *out, size_t size)
{
	char words[MEMBER_MAX + REPORT_SENTENCE_MAX + 8], line[sizeof(words) + 32];
	const struct problem *p = &r->list[0];

	if (!size)
		return;
	*out = '\0';
	if (!r->count)
		return;
	print_words(p, words, sizeof(words));
	if (p->line)
		snprintf(line, sizeof(line), "line %u%s%s", p->line, p->member ? ", " : ": ",
			 words);
	words_print(bytes_of(p->line ? line : words), out, size);
}

static int write_problem(const struct problem *p, const char *file, struct buf *out)
{
	char words[MEMBER_MAX + REPORT_SENTENCE_MAX + 8];

	print_words(p, words, sizeof(words));
	if (p->line)
		return buf_printf(out, "%s:%u:%u: %s\n", file, p->line, p->column, words);
	return buf_printf(out, "%s: %s\n", file, words);
}

int report_write(const struct report *r, const char *file, struct buf *out)
{
	char name[MEMBER_MAX + 100];
	int err = 0;

	words_print(bytes_of(file), name, sizeof(name));
	for (size_t i = 0; i < r->count && err == 0; i++)
		err = write_problem(&r->list[i], name, out);
	if (err == 0 && r->more)
		err = buf_printf(out, "%s: and %zu more\n", name, r->more);
	return err;
}
