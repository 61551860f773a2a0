/* SPDX-License-Identifier: MIT */
/* The spool: what is kept is there afterwards, and nothing that was planted or damaged is believed. */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <time.h>

#include "spool_fixture.h"
#include "store/journal.h"
#include "store/rejected.h"

static void test_bytes_come_back(void)
{
	struct spool *s = open_spool("bytes");
	char got[16] = "";
	off_t size = -1;
	struct text text = {0};
	uint64_t key = make(s, "hello", NULL);

	CHECK_EQ(spool_write(s, key, "p me", 4, 3), 0);
	CHECK_EQ(spool_read(s, key, got, sizeof(got), 0), 7);
	CHECK_STR(got, "help me");
	CHECK_EQ(spool_read(s, key, got, 3, 5), 2);
	CHECK_EQ(spool_read(s, key, got, 3, 100), 0);
	CHECK_EQ(spool_truncate(s, key, 4), 0);
	CHECK_EQ(spool_size(s, key, &size), 0);
	CHECK_EQ(size, 4);
	CHECK_EQ(spool_load(s, key, 3, &text), -EFBIG);
	CHECK(holds(s, key, "help"));
	CHECK_EQ(spool_sync(s, key), 0);
	spool_drop(s, key);
	CHECK_EQ(spool_size(s, key, &size), -ENOENT);
	CHECK_EQ(spool_write(s, key, "x", 1, 0), -ENOENT);
	CHECK_EQ(spool_read(s, key, got, 1, 0), -ENOENT);
	spool_drop(s, key);
	spool_close(s);
}

static void test_a_note_comes_back_whole(void)
{
	struct spool *s = open_spool("note");
	struct seen seen = {0};
	struct spool_note note = {
		.type = SPOOL_LINK,
		.dir = "call-outcomes",
		.name = ".# %25 \xc3\xa4\n\x01\x7f\xff\\x.json",
		.target = "../deals/9.json",
		.record = INT64_MAX,
		.vacated = true,
		.dirty = true,
		.refused = -EBUSY,
		.mode = 0640,
		.mtime = {.tv_sec = 1790000000, .tv_nsec = 999999999},
		.base = text_from("{\n  \"id\": 41\n}\nsum 0123\n"),
	};
	uint64_t key = make(s, "text", &note);

	CHECK_EQ(spool_each(s, see, &seen), 0);
	CHECK_EQ(seen.count, 1);
	CHECK_EQ(seen.keys[0], key);
	CHECK_EQ(seen.last.type, SPOOL_LINK);
	CHECK_STR(seen.last.dir, note.dir);
	CHECK_STR(seen.last.name, note.name);
	CHECK_STR(seen.last.target, note.target);
	CHECK(seen.last.record == note.record && seen.last.vacated && seen.last.dirty);
	CHECK_EQ(seen.last.refused, -EBUSY);
	CHECK_EQ(seen.last.mode, 0640);
	CHECK(memcmp(&seen.last.mtime, &note.mtime, sizeof(note.mtime)) == 0);
	CHECK(text_equal(&seen.last.base, &note.base));
	text_put(&note.base);
	CHECK_EQ(spool_keep(s, key, &plain), 0); /* replaced, and all of it */
	CHECK_EQ(spool_each(s, see, &seen), 0);
	CHECK(!text_is_set(&seen.last.base) && !seen.last.target && !seen.last.dirty);
	note_fini(&seen.last);
	spool_close(s);
}

static void test_only_what_was_kept_survives(void)
{
	struct spool *s = open_spool("survives");
	uint64_t kept = make(s, "kept", &plain), loose = make(s, "loose", NULL);
	uint64_t dropped = make(s, "dropped", &plain);
	off_t size;

	spool_drop(s, dropped);
	spool_close(s);
	s = open_spool("survives");
	CHECK_EQ(count(s), 1);
	CHECK(holds(s, kept, "kept"));
	CHECK_EQ(spool_size(s, loose, &size), -ENOENT);
	CHECK_EQ(spool_size(s, dropped, &size), -ENOENT);
	spool_close(s);
}

static void test_texts_come_in_order_of_age(void)
{
	struct spool *s = open_spool("order");
	struct seen seen = {0};
	uint64_t keys[20];

	for (int i = 0; i < 20; i++)
		keys[i] = make(s, "x", &plain);
	CHECK_EQ(spool_each(s, see, &seen), 0);
	CHECK_EQ(seen.count, 20);
	for (int i = 0; i < 20; i++)
		CHECK(seen.keys[i] == keys[i]);
	note_fini(&seen.last);
	spool_close(s);
}

static int stop_at_once(void *arg, uint64_t key, const struct spool_note *note)
{
	(void)key;
	(void)note;
	++*(int *)arg;
	return -EIO;
}

static void test_the_callers_failure_ends_it(void)
{
	struct spool *s = open_spool("ends");
	int calls = 0;

	make(s, "a", &plain);
	make(s, "b", &plain);
	CHECK_EQ(spool_each(s, stop_at_once, &calls), -EIO);
	CHECK_EQ(calls, 1);
	spool_close(s);
}

static void test_a_damaged_note_leaves_the_text_where_it_is(void)
{
	struct spool *s = open_spool("damaged");
	uint64_t good = make(s, "good", &plain), bad = make(s, "bad", &plain);
	struct stat st;
	bool cut = true;

	CHECK_EQ(stat(path_of("damaged", 1, bad, ".note"), &st), 0);
	for (off_t size = st.st_size - 1; size >= 0 && cut; size -= size > 10 ? 7 : 1) {
		cut = truncate(path_of("damaged", 1, bad, ".note"), size) == 0;
		spool_close(s);
		s = open_spool("damaged");
		cut = cut && count(s) == 1 && holds(s, bad, "bad") && holds(s, good, "good");
	}
	CHECK(cut);
	spool_close(s);
}

static void test_two_processes_have_a_spool_each(void)
{
	struct spool *one = open_spool("two"), *two = open_spool("two"), *three;
	uint64_t first = make(one, "first", &plain), second = make(two, "second", &plain);

	CHECK_EQ(count(one), 1);
	CHECK_EQ(count(two), 1);
	CHECK_EQ(access(path_of("two", 2, second, ".text"), F_OK), 0);
	spool_close(two);
	three = open_spool("two"); /* spool.2 again, with what was left in it */
	CHECK_EQ(count(three), 1);
	CHECK(holds(three, second, "second"));
	spool_close(three);
	spool_close(one);
	one = open_spool("two"); /* both */
	CHECK_EQ(count(one), 2);
	CHECK(holds(one, first, "first") && holds(one, second, "second"));
	two = open_spool("two");
	CHECK_EQ(count(two), 0);
	spool_close(two);
	spool_close(one);
}

static void test_a_move_that_was_cut_off_is_finished(void)
{
	struct spool *one = open_spool("cut"), *two = open_spool("cut");
	uint64_t a = make(two, "a", &plain), b = make(two, "b", &plain);
	char from[256];

	spool_close(one);
	spool_close(two);
	strcpy(from, path_of("cut", 2, a, ".text"));
	CHECK_EQ(link(from, path_of("cut", 1, a, ".text")), 0);
	strcpy(from, path_of("cut", 2, b, ".text"));
	CHECK_EQ(link(from, path_of("cut", 1, b, ".text")), 0);
	strcpy(from, path_of("cut", 2, b, ".note"));
	CHECK_EQ(link(from, path_of("cut", 1, b, ".note")), 0);
	one = open_spool("cut");
	CHECK_EQ(count(one), 2);
	CHECK(holds(one, a, "a") && holds(one, b, "b"));
	CHECK(access(path_of("cut", 2, a, ".text"), F_OK) < 0 &&
	      access(path_of("cut", 2, b, ".note"), F_OK) < 0);
	spool_close(one);
}

static void test_a_rejected_text_is_set_aside(void)
{
	struct spool *s = open_spool("rejected");
	uint64_t key = make(s, "refused", &plain), second = make(s, "second", &plain);
	char name[REJECTED_NAME_MAX], command[512], old[192];
	struct timespec when = {.tv_sec = time(NULL), .tv_nsec = 7000000};

	rejected_name(when, "contacts-../4\n1.json", name);
	spool_reject(s, key, name, "41.json:6: email: no\n");
	spool_reject(s, second, name, NULL); /* of the same millisecond */
	CHECK_EQ(count(s), 0);
	snprintf(command, sizeof(command),
		 "cd %s/rejected && test $(ls | wc -l) = 3 && test \"$(cat "
		 "*Z-contacts-.._4_1.json)\" "
		 "= refused && test \"$(cat *json-2)\" = second && grep -q email *json.error",
		 state_dir("rejected"));
	CHECK_EQ(system(command), 0);
	snprintf(old, sizeof(old), "%s/rejected/20200101T000000Z-1.text", state_dir("rejected"));
	close(open(old, O_CREAT | O_WRONLY, 0600));
	spool_close(s);
	s = open_spool("rejected");
	CHECK(access(old, F_OK) < 0); /* after a week; the new one stays */
	CHECK_EQ(system(command), 0);
	spool_close(s);
}

static void test_rejected_texts_are_read_and_removed_by_name(void)
{
	struct spool *s = open_spool("rejected");
	int dir = spool_rejected_dir(s);
	char **names = NULL;
	size_t n = 0;
	struct stat st;
	char got[8] = "";

	CHECK_EQ(rejected_list(dir, &names, &n), 0);
	CHECK_EQ(n, 3);
	CHECK_EQ(rejected_stat(dir, names[0], &st), 0);
	CHECK_EQ(st.st_size, 7);
	CHECK_EQ(rejected_read(dir, names[0], got, sizeof(got), 0), 7);
	CHECK(memcmp(got, "refused", 7) == 0);
	CHECK_EQ(rejected_read(dir, "../spool.1/lock", got, 1, 0), -ENOENT);
	CHECK_EQ(rejected_remove(dir, names[0]), 0);
	CHECK_EQ(rejected_stat(dir, names[0], &st), -ENOENT);
	CHECK_EQ(rejected_stat(dir, "../spool.1/lock", &st), -ENOENT);
	CHECK_EQ(rejected_remove(dir, "."), -ENOENT);
	for (size_t i = 0; i < n; i++)
		free(names[i]);
	free(names);
	spool_close(s);
}

static void test_the_journal_keeps_whole_lines_and_stays_small(void)
{
	struct spool *s = open_spool("journal");
	int dir = spool_state_dir(s);
	char line[1000], got[1000];
	struct stat st;

	CHECK_EQ(journal_stat(dir, &st), 0);
	CHECK_EQ(st.st_size, 0);
	CHECK_EQ(journal_read(dir, got, 10, 0), 0);
	memset(line, 'x', sizeof(line));
	line[0] = '{';
	line[sizeof(line) - 1] = '\n';
	for (int i = 0; i < 3000; i++)
		CHECK_EQ(journal_add(dir, line, sizeof(line)), 0);
	CHECK_EQ(journal_stat(dir, &st), 0);
	CHECK(st.st_size > 400 << 10 && st.st_size <= (1 << 20) + 1000);
	CHECK_EQ(st.st_size % (off_t)sizeof(line), 0);
	CHECK_EQ(journal_read(dir, got, sizeof(got), 0), sizeof(got));
	CHECK(memcmp(got, line, sizeof(line)) == 0);
	spool_close(s);
}

static void test_what_is_set_aside_can_still_be_written(void)
{
	struct spool *s = open_spool("aside");
	uint64_t key = make(s, "refused", &plain);
	char command[256];

	CHECK_EQ(spool_set_aside(s, key, "20261125T224107.123Z-x", NULL), 0);
	CHECK_EQ(count(s), 0);
	CHECK_EQ(spool_write(s, key, "R", 1, 0), 0);
	CHECK(holds(s, key, "Refused"));
	spool_drop(s, key);
	snprintf(command, sizeof(command), "test \"$(cat %s/rejected/*Z-x)\" = Refused",
		 state_dir("aside"));
	CHECK_EQ(system(command), 0);
	spool_close(s);
}

static void test_the_time_is_kept_with_the_bytes(void)
{
	struct spool *s = open_spool("time");
	uint64_t key = make(s, "text", &plain);
	struct timespec old = {.tv_sec = 5, .tv_nsec = 123456789}, got;

	CHECK_EQ(spool_set_mtime(s, key, &old), 0);
	spool_close(s);
	s = open_spool("time");
	CHECK_EQ(spool_mtime(s, key, &got), 0);
	CHECK(memcmp(&old, &got, sizeof(got)) == 0);
	CHECK_EQ(spool_write(s, key, "x", 1, 0), 0);
	CHECK_EQ(spool_mtime(s, key, &got), 0);
	CHECK(got.tv_sec > old.tv_sec);
	spool_drop(s, key);
	CHECK_EQ(spool_mtime(s, key, &got), -ENOENT);
	CHECK_EQ(spool_set_mtime(s, key, &old), -ENOENT);
	spool_close(s);
}

static void test_planted_symlinks_are_not_followed(void)
{
	struct spool *s = open_spool("planted");
	uint64_t key = make(s, "mine", &plain);
	char victim[128], got[8];
	const char *why = NULL;
	struct spool *none = NULL;

	snprintf(victim, sizeof(victim), "%s/victim", root);
	int fd = open(victim, O_CREAT | O_WRONLY, 0600);
	CHECK_EQ(write(fd, "victim", 6), 6);
	close(fd);
	unlink(path_of("planted", 1, key, ".text"));
	CHECK_EQ(symlink(victim, path_of("planted", 1, key, ".text")), 0);
	CHECK_EQ(symlink(victim, path_of("planted", 1, key, ".tmp")), 0);
	CHECK_EQ(spool_write(s, key, "x", 1, 0), -ELOOP);
	CHECK_EQ(spool_read(s, key, got, 1, 0), -ELOOP);
	CHECK_EQ(spool_truncate(s, key, 0), -ELOOP);
	CHECK_EQ(spool_keep(s, key, &plain), -ELOOP);
	spool_close(s);
	s = open_spool("planted");
	CHECK_EQ(spool_keep(s, key, &plain), 0);
	spool_close(s);
	struct stat st;
	CHECK(stat(victim, &st) == 0 && st.st_size == 6);
	CHECK_EQ(symlink(root, state_dir("elsewhere")), 0);
	CHECK(spool_open(state_dir("elsewhere"), &none, &why) < 0 && why);
	CHECK_EQ(mkdir(state_dir("hole"), 0700), 0);
	CHECK_EQ(symlink(root, state_dir("hole/spool.1")), 0);
	CHECK(spool_open(state_dir("hole"), &none, &why) < 0 && why);
}

static void test_a_directory_that_others_may_write_to_is_refused(void)
{
	const char *why = NULL;
	struct spool *s = NULL;
	struct stat st;

	CHECK_EQ(mkdir(state_dir("open"), 0700), 0);
	CHECK_EQ(chmod(state_dir("open"), 0777), 0);
	CHECK_EQ(spool_open(state_dir("open"), &s, &why), -EPERM);
	CHECK(why && strstr(why, "others"));
	s = open_spool("new/deep/er");
	CHECK(stat(state_dir("new"), &st) == 0 && (st.st_mode & 0777) == 0700);
	CHECK(stat(state_dir("new/deep/er/spool.1"), &st) == 0 && (st.st_mode & 0777) == 0700);
	uint64_t key = make(s, "x", &plain);
	CHECK(stat(path_of("new/deep/er", 1, key, ".text"), &st) == 0 &&
	      (st.st_mode & 0777) == 0600);
	CHECK(stat(path_of("new/deep/er", 1, key, ".note"), &st) == 0 &&
	      (st.st_mode & 0777) == 0600);
	spool_close(s);
	if (geteuid() == 0) {
		CHECK_EQ(mkdir(state_dir("foreign"), 0700), 0);
		CHECK_EQ(chown(state_dir("foreign"), 65534, 65534), 0);
		CHECK_EQ(spool_open(state_dir("foreign"), &s, &why), -EPERM);
	}
}

static int open_descriptors(void)
{
	int n = 0;

	for (int fd = 0; fd < 256; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

static void test_no_descriptor_stays_open(void)
{
	int before = open_descriptors();
	struct spool *s = open_spool("descriptors");

	for (int i = 0; i < 50; i++)
		make(s, "x", &plain);
	CHECK_EQ(count(s), 50);
	CHECK_EQ(open_descriptors(), before + 4);
	spool_close(s);
	CHECK_EQ(open_descriptors(), before);
}

int main(void)
{
	make_root();
	test_bytes_come_back();
	test_a_note_comes_back_whole();
	test_only_what_was_kept_survives();
	test_texts_come_in_order_of_age();
	test_the_callers_failure_ends_it();
	test_a_damaged_note_leaves_the_text_where_it_is();
	test_two_processes_have_a_spool_each();
	test_a_move_that_was_cut_off_is_finished();
	test_a_rejected_text_is_set_aside();
	test_rejected_texts_are_read_and_removed_by_name();
	test_what_is_set_aside_can_still_be_written();
	test_the_time_is_kept_with_the_bytes();
	test_the_journal_keeps_whole_lines_and_stays_small();
	test_planted_symlinks_are_not_followed();
	test_a_directory_that_others_may_write_to_is_refused();
	test_no_descriptor_stays_open();
	remove_root();
	return check_done("spool");
}
