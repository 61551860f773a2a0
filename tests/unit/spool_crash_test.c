/* SPDX-License-Identifier: MIT */
/* The spool when a disk is full or the daemon is killed, at any moment: what was said to be done is. */
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "spool_fixture.h"

/* In a mount namespace of its own: a filesystem of 256 KiB. */
static int fill_a_disk(void)
{
	static char block[1 << 16];
	struct spool *s;
	struct spool_note big = plain;
	off_t size = -1, at = 0;

	if (unshare(CLONE_NEWNS) < 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mkdir(state_dir("full"), 0700) < 0 ||
	    mount("none", state_dir("full"), "tmpfs", 0, "size=256k,nr_inodes=16,mode=700") < 0) {
		fprintf(stderr, "no mount here: a full disk is not tested\n");
		return 0;
	}
	memset(block, ' ', sizeof(block));
	s = open_spool("full");
	uint64_t old = make(s, "old", &plain), key = make(s, "begin", &plain), more;
	int err = 0;
	while (!(err = spool_write(s, key, block, sizeof(block), at)) && at < 1 << 20)
		at += sizeof(block);
	CHECK_EQ(err, -ENOSPC);
	CHECK_EQ(spool_size(s, key, &size), 0);
	CHECK_EQ(size, at); /* nothing of the write that failed */
	while (!spool_write(s, key, block, 4096, at))
		at += 4096;
	struct blob *blob = blob_copy(block, sizeof(block));
	big.base = text_of(blob, 0, sizeof(block));
	blob_put(blob);
	big.record = 7;
	CHECK_EQ(spool_keep(s, old, &big), -ENOSPC);
	CHECK(holds(s, old, "old"));
	CHECK_EQ(count(s), 2); /* the old note stands */
	spool_drop(s, key);
	CHECK_EQ(spool_keep(s, old, &big), 0);
	text_put(&big.base);
	while (!(err = spool_create(s, &more)))
		;
	CHECK_EQ(err, -ENOSPC);
	spool_close(s);
	s = open_spool("full");
	CHECK_EQ(count(s), 1);
	CHECK(holds(s, old, "old"));
	spool_close(s);
	return atomic_load(&check_failures) != 0;
}

static void test_a_full_disk_loses_nothing(void)
{
	pid_t pid = fork();
	int status = -1;

	if (pid == 0)
		_exit(fill_a_disk());
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK_EQ(status, 0);
}

/* What the child that will be killed has been told is done, and what it has begun. */
enum { SLOTS = 6, ROUNDS = 150 };
struct slot {
	_Atomic uint64_t key, told_size, begun_size, told_note, begun_note, dropping;
};

static char pattern(uint64_t key, uint64_t at)
{
	return (char)('a' + (key + at) % 26);
}

static struct text base_of(uint64_t generation)
{
	char base[64];

	snprintf(base, sizeof(base), "%*s%" PRIu64, (int)(generation % 20), "", generation);
	return text_from(base);
}

static void work_on(struct spool *s, struct slot *slot, unsigned *seed)
{
	char chunk[3000];
	size_t n = (size_t)rand_r(seed) % sizeof(chunk);

	if (!slot->key) {
		uint64_t key;
		*slot = (struct slot){0};
		spool_create(s, &key);
		slot->key = key;
	}
	for (size_t i = 0; i < n; i++)
		chunk[i] = pattern(slot->key, slot->told_size + i);
	slot->begun_size = slot->told_size + n;
	if (spool_write(s, slot->key, chunk, n, (off_t)slot->told_size) == 0)
		slot->told_size = slot->begun_size;
	struct spool_note note = plain;
	note.record = ++slot->begun_note;
	note.base = base_of(note.record);
	if (spool_keep(s, slot->key, &note) == 0)
		slot->told_note = note.record;
	text_put(&note.base);
	if (rand_r(seed) % 10 == 0) {
		slot->dropping = 1;
		spool_drop(s, slot->key);
		slot->key = 0;
	}
}

static void work_until_killed(struct slot *slots, unsigned seed)
{
	struct spool *s = open_spool("crash");

	for (int i = 0; i < SLOTS; i++)
		slots[i].key = 0;
	for (;;)
		work_on(s, &slots[rand_r(&seed) % SLOTS], &seed);
}

struct verdict {
	struct spool *s;
	struct slot *slots;
	int found;
	bool good;
};

static int judge(void *arg, uint64_t key, const struct spool_note *note)
{
	struct verdict *v = arg;
	struct text text = {0}, base = base_of(note->record);
	struct slot *slot = NULL;

	for (int i = 0; i < SLOTS; i++) {
		if (v->slots[i].key == key)
			slot = &v->slots[i];
	}
	bool good = spool_load(v->s, key, 1 << 26, &text) == 0 && text_equal(&base, &note->base);
	if (slot && good) {
		v->found += !slot->dropping;
		good = note->record >= slot->told_note && note->record <= slot->begun_note &&
		       text.len >= slot->told_size && text.len <= slot->begun_size;
		for (size_t i = 0; good && i < text.len; i++)
			good = text_data(&text)[i] == pattern(key, i);
	}
	v->good = v->good && good;
	text_put(&text);
	text_put(&base);
	spool_drop(v->s, key);
	return 0;
}

static void test_a_killed_daemon_loses_nothing(void)
{
	struct slot *slots = mmap(NULL, sizeof(*slots) * SLOTS, PROT_READ | PROT_WRITE,
				  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	unsigned seed = 1;
	bool good = true;

	for (unsigned round = 0; round < ROUNDS && good; round++) {
		memset(slots, 0, sizeof(*slots) * SLOTS);
		pid_t pid = fork();
		if (pid == 0)
			work_until_killed(slots, round);
		usleep((useconds_t)rand_r(&seed) % 8000); /* the crash: no fact to wait for */
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		int kept = 0;
		for (int i = 0; i < SLOTS; i++)
			kept += slots[i].key && slots[i].told_note && !slots[i].dropping;
		struct verdict v = {.s = open_spool("crash"), .slots = slots, .good = true};
		good = spool_each(v.s, judge, &v) == 0 && v.good && v.found >= kept;
		spool_close(v.s);
	}
	CHECK(good);
	munmap(slots, sizeof(*slots) * SLOTS);
}

/* Opening moves texts; it is killed in the middle of that, again and again. */
static void test_a_killed_move_loses_and_doubles_nothing(void)
{
	struct spool *first = open_spool("moving"), *s[4];
	bool good = true;
	unsigned seed = 7;
	char want[24];
	uint64_t keys[4 * 25];

	for (int i = 0; i < 4; i++)
		s[i] = open_spool("moving");
	for (int i = 0; i < 4 * 25; i++) {
		snprintf(want, sizeof(want), "text %d", i);
		keys[i] = make(s[i % 4], want, &plain);
	}
	for (int i = 0; i < 4; i++)
		spool_close(s[i]);
	spool_close(first);
	for (int round = 0; round < 40; round++) {
		pid_t pid = fork();
		if (pid == 0) {
			open_spool("moving");
			_exit(0);
		}
		usleep((useconds_t)rand_r(&seed) % 2000);
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
	}
	first = open_spool("moving");
	CHECK_EQ(count(first), 4 * 25);
	for (int i = 0; i < 4 * 25; i++) {
		snprintf(want, sizeof(want), "text %d", i);
		good = good && holds(first, keys[i], want);
	}
	CHECK(good);
	s[0] = open_spool("moving");
	CHECK_EQ(count(s[0]), 0);
	spool_close(s[0]);
	spool_close(first);
}

int main(void)
{
	make_root();
	test_a_full_disk_loses_nothing();
	test_a_killed_daemon_loses_nothing();
	test_a_killed_move_loses_and_doubles_nothing();
	remove_root();
	return check_done("spool_crash");
}
