/* SPDX-License-Identifier: MIT */
/*
 * The first byte picks a collection; then come the saved text, its base, and the server's text then
 * and now, with 0xff between. A body is a JSON object; a refusal has printable words and a line
 * within the text; a text that is its own base sends nothing.
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

static void check_result(int err, struct edit *e, struct jspan mine)
{
	struct jfault f;

	must(err == 0 || err == -EINVAL || err == -EBUSY);
	must(err == 0 ? !*e->reason : *e->reason && !e->body);
	must(!e->line || e->line <= jtext_line(mine, mine.p + mine.n));
	for (const char *p = e->reason; *p; p++)
		must((unsigned char)*p >= ' ' && (unsigned char)*p < 0x7f);
	if (e->body) {
		struct jspan body = {e->body, e->body_len};
		must(jtext_check(body, &f) == 0 && jtext_type(body) == J_OBJECT);
	}
	edit_fini(e);
}

static struct jspan next_text(const char **p, const char *end)
{
	const char *cut = memchr(*p, 0xff, (size_t)(end - *p));
	struct jspan text = {*p, (size_t)((cut ? cut : end) - *p)};

	*p = cut ? cut + 1 : end;
	return text;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *p = (const char *)data + 1, *end = (const char *)data + size;
	struct edit_head head;
	struct edit e = {0};

	if (!size)
		return 0;
	const struct kind *k = &kinds[data[0] % kinds_count];
	struct jspan mine = next_text(&p, end);
	struct edit_against against;
	against.base = next_text(&p, end);
	against.then = next_text(&p, end);
	against.now = next_text(&p, end);
	check_result(edit_read_head(mine, &head, &e), &e, mine);
	check_result(edit_update(k, mine, &against, &e), &e, mine);
	check_result(edit_create(k, mine, &e), &e, mine);
	struct edit_against still = {mine, mine, mine};
	int err = edit_update(k, mine, &still, &e);
	must(err == -EINVAL || (err == 0 && !e.body));
	check_result(err, &e, mine);
	return 0;
}
