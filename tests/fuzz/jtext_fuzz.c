/* SPDX-License-Identifier: MIT */
/*
 * Any bytes through jtext: it agrees with jansson (but for the differences that jtext_test.c names),
 * a whole text is a prefix, and what is printed is valid, equal and printed the same again.
 *   clang -fsanitize=fuzzer,address,undefined ... && ./jtext_fuzz -max_total_time=300
 */
#include <jansson.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "crm/jtext.h"
#include "crm/members.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool claim)
{
	if (!claim)
		abort();
}

static bool accepts(struct jspan text)
{
	struct jfault f;

	return jtext_check(text, &f) == 0;
}

static void compare_with_jansson(struct jspan text)
{
	json_error_t error;
	json_t *tree =
		json_loadb(text.p, text.n, JSON_DECODE_ANY | JSON_DECODE_INT_AS_REAL, &error);
	bool overflow = !tree && json_error_code(&error) == json_error_numeric_overflow;

	struct jfault f;
	bool ours = jtext_check(text, &f) == 0;
	bool by_limit = !ours && (strstr(f.why, "too deep") || strstr(f.why, "too many"));
	if (!overflow && !by_limit && !memchr(text.p, '\0', text.n))
		must(ours == (tree != NULL));
	json_decref(tree);
}

static void print_and_read_back(struct jspan text)
{
	CLEANUP(buf_fini) struct buf once = BUF_INIT(16 << 20);
	CLEANUP(buf_fini) struct buf twice = BUF_INIT(16 << 20);
	CLEANUP(buf_fini) struct buf small = BUF_INIT(16 << 20);

	if (jtext_indent(text, 3, &once) < 0)
		return;
	struct jspan shown = {once.data, once.len};
	must(accepts(shown) && jtext_equal(text, shown));
	must(jtext_indent(shown, 3, &twice) == 0);
	must(twice.len == once.len && memcmp(twice.data, once.data, once.len) == 0);
	must(jtext_compact(shown, &small) == 0);
	must(accepts((struct jspan){small.data, small.len}));
	must(jtext_equal((struct jspan){small.data, small.len}, text));
}

static void walk(struct jspan value)
{
	CLEANUP(members_fini) struct members m = {0};
	CLEANUP(buf_fini) struct buf b = BUF_INIT(1 << 20);
	struct jiter it = {0};
	struct jspan one;
	uint64_t id;

	if (jtext_type(value) == J_STRING)
		must(jtext_unescape(value, &b) == 0);
	jtext_to_u64(value, &id);
	while (jtext_next_element(value, &it, &one))
		walk(one);
	must(members_read(value, &m) == 0);
	for (size_t i = 0; i < m.count; i++) {
		const struct member *found = members_find(&m, m.list[i].name, m.list[i].name_len);
		must(found && (found == &m.list[i]) == !m.list[i].is_replaced);
		walk(m.list[i].value);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct jspan text = {(const char *)data, size};
	struct jfault f;

	compare_with_jansson(text);
	if (!accepts(text)) {
		jtext_check(text, &f);
		must(f.why && f.offset <= size && f.line >= 1 && f.column >= 1);
		return 0;
	}
	for (size_t n = 0; n <= size && size < 300; n++)
		must(jtext_is_prefix((struct jspan){text.p, n}, &f));
	print_and_read_back(jtext_trim(text));
	walk(jtext_trim(text));
	return 0;
}
