/* SPDX-License-Identifier: MIT */
/* The note's format: whole, or refused. That it comes back as it was is spool_test's. */
#include "store/note.h"

#include <errno.h>
#include <stdlib.h>

#include "base/macros.h"
#include "check.h"

static const struct spool_note plain = {.dir = "contacts", .name = "41.json", .mode = 0644};

/* In memory of exactly its size, so that a sanitizer sees a read beyond. */
static int read_copy(const char *p, size_t n)
{
	struct spool_note note;
	char *copy = malloc(n ? n : 1);

	memcpy(copy, p, n);
	int err = note_read(copy, n, &note);
	note_fini(&note);
	free(copy);
	return err;
}

static void test_a_note_cut_or_changed_anywhere_is_refused(void)
{
	struct buf bytes = BUF_INIT(1 << 20);
	struct spool_note note = plain;
	int accepted = 0;

	struct blob *base = blob_copy("{\"id\": 41}\n", 11);
	note.base = text_of(base, 0, 11);
	blob_put(base);
	CHECK_EQ(note_write(&note, &bytes), 0);
	text_put(&note.base);
	CHECK_EQ(read_copy(bytes.data, bytes.len), 0);
	for (size_t n = 0; n < bytes.len; n++)
		accepted += read_copy(bytes.data, n) == 0;
	for (size_t i = 0; i < bytes.len; i++) {
		for (int bit = 0; bit < 8; bit++) {
			bytes.data[i] ^= (char)(1 << bit);
			accepted += read_copy(bytes.data, bytes.len) == 0;
			bytes.data[i] ^= (char)(1 << bit);
		}
	}
	CHECK_EQ(buf_add_char(&bytes, '\n'), 0);
	accepted += read_copy(bytes.data, bytes.len) == 0;
	CHECK_EQ(accepted, 0);
	buf_fini(&bytes);
}

static void test_a_refusal_is_read_back(void)
{
	struct buf bytes = BUF_INIT(1 << 20);
	struct spool_note note = plain, got;

	note.refused = -22;
	note.about = "41.json";
	note.words = "41.json:6: email: \xc3\xa5\nsecond line\n";
	note.posted = 1700000000;
	CHECK_EQ(note_write(&note, &bytes), 0);
	CHECK_EQ(note_read(bytes.data, bytes.len, &got), 0);
	CHECK_STR(got.about, note.about);
	CHECK_STR(got.words, note.words);
	CHECK_EQ(got.posted, note.posted);
	note_fini(&got);
	buf_fini(&bytes);
}

/* What a mount of an earlier version left is taken up all the same. */
static void test_a_note_of_the_first_format_is_read(void)
{
	static const char old[] =
		"concordfs-note 1\ntype file\ndir contacts\nname 41.json\ntarget \nrecord 41\n"
		"vacated 0\ndirty 1\nrefused 22\nmode 644\nseconds 5\nnanoseconds 6\nbase -\n"
		"sum c584f9041b75935c\n";
	struct spool_note got;

	CHECK_EQ(note_read(old, sizeof(old) - 1, &got), 0);
	CHECK_STR(got.name, "41.json");
	CHECK_EQ(got.refused, -22);
	CHECK(!got.words && !got.about && !got.posted);
	note_fini(&got);
}

/* A whole checksum around something that no spool wrote. */
static void test_a_note_with_a_wrong_name_is_refused(void)
{
	static const char *const names[] = {"", ".", "..", "a/b", "/etc/passwd"};

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		struct buf bytes = BUF_INIT(1 << 20);
		struct spool_note note = plain;
		note.name = names[i];
		CHECK_EQ(note_write(&note, &bytes), 0);
		CHECK_EQ(read_copy(bytes.data, bytes.len), -EBADMSG);
		buf_fini(&bytes);
	}
}

int main(void)
{
	test_a_refusal_is_read_back();
	test_a_note_of_the_first_format_is_read();
	test_a_note_cut_or_changed_anywhere_is_refused();
	test_a_note_with_a_wrong_name_is_refused();
	return check_done("note");
}
