/* SPDX-License-Identifier: MIT */
/*
 * The first byte picks a collection, the second what is known; then come the saved text, its base,
 * the server's text then and now, field metadata and a lookup, with 0xff between. A body is a JSON
 * object; a refusal has printable sentences with places within the text; a text that is its own
 * base sends nothing.
 */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "crm/edit.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool claim)
{
	if (!claim)
		abort();
}

static void check_words(const char *words)
{
	for (const char *p = words; p && *p; p++)
		must((unsigned char)*p >= ' ' && *p != 0x7f);
}

static void check_report(const struct report *r, struct jspan mine)
{
	unsigned lines = jtext_line(mine, mine.p + mine.n);

	for (size_t i = 0; i < r->count; i++) {
		const struct problem *p = &r->list[i];
		must(p->line <= lines && !p->line == !p->column && p->column <= mine.n + 1);
		check_words(p->sentence);
		check_words(p->member);
	}
}

static void check_json(const char *body, size_t n)
{
	struct jspan text = {body, n};
	struct jfault f;

	must(jtext_check(text, &f) == 0 && jtext_type(text) == J_OBJECT);
}

static void check_result(int err, struct edit *e, struct jspan mine)
{
	bool needs = e->needs.fields || e->needs.tags || e->needs.via || e->needs.lookup;

	must(err == 0 || err == -EINVAL || err == -EBUSY || err == -ENODATA);
	must((err == -ENODATA) == needs);
	must(err == 0 || !e->body);
	must((err != -EINVAL && err != -EBUSY) || e->report.count + e->report.more);
	check_report(&e->report, mine);
	if (e->body)
		check_json(e->body, e->body_len);
	if (e->first)
		check_json(e->first, e->first_len);
	edit_fini(e);
}

static struct jspan next_text(const char **p, const char *end)
{
	const char *cut = memchr(*p, 0xff, (size_t)(end - *p));
	struct jspan text = {*p, (size_t)((cut ? cut : end) - *p)};

	*p = cut ? cut + 1 : end;
	return text;
}

static struct choices choices;

static const struct choices *lookup(void *arg, const char *kind)
{
	(void)kind;
	return arg ? &choices : NULL;
}

static void read_choices(struct jspan text)
{
	struct jfault f;
	struct jiter it = {0};
	struct jspan name;

	choices_fini(&choices);
	for (uint64_t id = 1;
	     jtext_check(text, &f) == 0 && jtext_type(jtext_trim(text)) == J_ARRAY &&
	     jtext_next_element(jtext_trim(text), &it, &name);
	     id++)
		must(choices_add(&choices, id, id % 3, name) == 0);
}

static void check_all(const struct kind *k, struct jspan mine, const struct edit_against *against,
		      const struct edit_known *known)
{
	struct edit_against still = {mine, mine, mine};
	CLEANUP(report_fini) struct report r = {0};
	struct edit_head head;
	struct edit e = {0};

	must(edit_read_head(mine, &head, &r) == 0 || r.count == 1);
	check_report(&r, mine);
	check_result(edit_update(k, mine, against, known, &e), &e, mine);
	check_result(edit_create(k, mine, known, &e), &e, mine);
	int err = edit_update(k, mine, &still, known, &e);
	must(err == -EINVAL || (err == 0 && !e.body));
	check_result(err, &e, mine);
	report_fini(&r);
	edit_verify(k, mine, against->base, against->now, mine, &r);
	check_report(&r, mine);
	edit_is_done(k, mine, against->now);
	report_fini(&r);
	report_add_dotted(&r, against->then, "phones.1.number", "x");
	check_report(&r, against->then);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *p = (const char *)data + 2, *end = (const char *)data + size;
	CLEANUP(fields_free) struct fields *fields = NULL;
	struct edit_against against;

	if (size < 2)
		return 0;
	const struct kind *k = &kinds[data[0] % kinds_count];
	struct jspan mine = next_text(&p, end);
	against.base = next_text(&p, end);
	against.then = next_text(&p, end);
	against.now = next_text(&p, end);
	struct jspan told = next_text(&p, end);
	read_choices(next_text(&p, end));
	if (fields_read(told, &fields) < 0 && data[1] & 1)
		fields = fields_none();
	choices.is_partial = data[1] & 2;
	struct edit_known known = {
		.fields = fields,
		.lookup = data[1] & 4 ? lookup : NULL,
		.lookup_arg = data[1] & 8 ? &choices : NULL,
		.tags = data[1] & 16 ? &choices : NULL,
		.via_resource = data[1] & 32   ? "contacts"
				: data[1] & 64 ? ""
					       : NULL,
		.via_id = 7,
		.has_products = data[1] & 128,
		.create_labels = (data[1] & 6) == 2,
		.conflict = data[0] / kinds_count % 3,
	};
	if (memchr(mine.p, 0, mine.n) || mine.n > 1 << 20)
		return 0;
	check_all(k, mine, &against, &known);
	return 0;
}
