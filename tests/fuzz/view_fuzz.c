/* SPDX-License-Identifier: MIT */
/*
 * The first byte picks a collection, the rest is an answer: read as a record, as a page and as a
 * refusal. A rendered text is valid, has the id it was said to have, and renders to itself.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "crm/api.h"
#include "crm/view.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool claim)
{
	if (!claim)
		abort();
}

static void check_text(const struct kind *k, const struct record_msg *r)
{
	CLEANUP(buf_fini) struct buf again = BUF_INIT(64 << 20);
	struct jspan text = {text_data(&r->text), r->text.len};
	struct view_facts facts;
	struct jfault f;

	must(r->id > 0 && r->id <= INT64_MAX);
	must(jtext_check(text, &f) == 0 && text.p[text.n - 1] == '\n');
	must(view_render(k, text, &again, &facts) == 0);
	must(again.len == text.n && memcmp(again.data, text.p, text.n) == 0);
	must(facts.id == r->id && facts.updated_at == r->updated_at);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP(record_msg_fini) struct record_msg one = {0};
	CLEANUP(page_msg_fini) struct page_msg page = {0};
	char words[200];

	if (!size)
		return 0;
	const struct kind *k = &kinds[data[0] % kinds_count];
	CLEANUP(blob_put) struct blob *body = blob_copy(data + 1, size - 1);
	struct job j = {.path = "/fuzz", .answer = body};
	if (api_read_record(k, &j, &one) == 0)
		check_text(k, &one);
	if (api_read_page(k, &j, &page) == 0) {
		for (size_t i = 0; i < page.count; i++)
			check_text(k, &page.records[i]);
	}
	api_refusal(&j, words, sizeof(words));
	for (const char *p = words; *p; p++)
		must((unsigned char)*p >= ' ' && *p != 0x7f);
	return 0;
}
