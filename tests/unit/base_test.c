/* SPDX-License-Identifier: MIT */
/* buf, map, list, blob and log_quote: what every room stands on. */
#include "check.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/blob.h"
#include "base/buf.h"
#include "base/list.h"
#include "base/log.h"
#include "base/map.h"

static void test_a_buf_never_passes_its_maximum(void)
{
	struct buf b = BUF_INIT(10);

	CHECK_EQ(buf_add_str(&b, "12345678"), 0);
	CHECK_EQ(buf_add_str(&b, "abc"), -EFBIG);
	CHECK_STR(b.data, "12345678");
	CHECK_EQ(buf_printf(&b, "%d", 42), 0);
	CHECK_STR(b.data, "1234567842");
	CHECK_EQ(buf_printf(&b, "%d", 1), -EFBIG);
	CHECK_EQ(b.len, 10);
	char *bytes = buf_steal(&b);
	CHECK_STR(bytes, "1234567842");
	CHECK(!b.data && b.len == 0 && b.max == 10);
	free(bytes);
}

struct item {
	struct map_entry entry;
	uint64_t key;
};

static bool match(const struct map_entry *e, const void *key)
{
	return container_of(e, const struct item, entry)->key == *(const uint64_t *)key;
}

static void test_a_map_finds_what_was_put_in_and_nothing_else(void)
{
	enum { COUNT = 1000 };
	struct item *items = calloc(COUNT, sizeof(*items));
	struct map m;
	size_t seen = 0;

	map_init(&m);
	for (uint64_t i = 0; i < COUNT; i++) {
		items[i].key = i * 7919;
		CHECK_EQ(map_insert(&m, &items[i].entry, map_hash_u64(items[i].key)), 0);
	}
	for (uint64_t i = 0; i < COUNT; i += 2)
		map_remove(&m, &items[i].entry);
	for (uint64_t i = 0; i < COUNT; i++) {
		struct map_entry *e =
			map_find(&m, map_hash_u64(items[i].key), match, &items[i].key);
		CHECK(i % 2 ? e == &items[i].entry : !e);
	}
	for (struct map_entry *e = map_next(&m, NULL); e; e = map_next(&m, e))
		seen++;
	CHECK_EQ(seen, COUNT / 2);
	CHECK_EQ(m.count, COUNT / 2);
	map_fini(&m);
	free(items);
}

static void test_lists_keep_order_and_splice(void)
{
	struct list a, b, e[4];

	list_init(&a);
	list_init(&b);
	for (int i = 0; i < 4; i++) {
		list_init(&e[i]);
		list_append(i < 2 ? &a : &b, &e[i]);
	}
	list_splice(&a, &b);
	CHECK(list_is_empty(&b));
	for (int i = 0; i < 4; i++)
		CHECK(list_pop(&a) == &e[i]);
	CHECK(!list_pop(&a));
	CHECK(!list_is_linked(&e[0]));
}

static void test_a_text_keeps_its_blob_alive(void)
{
	struct blob *blob = blob_copy("hello world", 11);
	struct text a = text_of(blob, 6, 5), b = text_ref(&a), none = {0};

	blob_put(blob);
	text_put(&a);
	CHECK(!text_is_set(&a));
	CHECK_EQ(memcmp(text_data(&b), "world", 5), 0);
	CHECK(!text_equal(&a, &b));
	CHECK(text_equal(&a, &none));
	text_put(&b);
}

static void test_what_others_said_cannot_break_a_log_line(void)
{
	char out[64], tight[16];

	CHECK_STR(log_quote(out, sizeof(out), "a\n\x1b[31m\"\\\xff", 9),
		  "\"a\\x0a\\x1b[31m\\x22\\x5c\"");
	CHECK(strlen(log_quote(tight, sizeof(tight), "0123456789012345678901234567890", 31)) <
	      sizeof(tight));
}

int main(void)
{
	test_a_buf_never_passes_its_maximum();
	test_a_map_finds_what_was_put_in_and_nothing_else();
	test_lists_keep_order_and_splice();
	test_a_text_keeps_its_blob_alive();
	test_what_others_said_cannot_break_a_log_line();
	return check_done("base");
}
