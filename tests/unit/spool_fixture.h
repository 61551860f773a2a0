/* SPDX-License-Identifier: MIT */
/* What the tests of the spool share: a directory of their own, with a state directory for every case. */
#ifndef TESTS_UNIT_SPOOL_FIXTURE_H
#define TESTS_UNIT_SPOOL_FIXTURE_H

#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/log.h"
#include "check.h"
#include "store/note.h"
#include "store/spool.h"

static char root[64]; /* a directory of the test's own; every case has its state in one below */

static inline const char *state_dir(const char *name)
{
	static char path[128];

	snprintf(path, sizeof(path), "%s/%s", root, name);
	return path;
}

static inline struct spool *open_spool(const char *name)
{
	struct spool *s = NULL;
	const char *why = NULL;
	int err = spool_open(state_dir(name), &s, &why);

	if (!CHECK_EQ(err, 0))
		fprintf(stderr, "\t%s\n", why);
	return s;
}

static inline char *path_of(const char *name, int number, uint64_t key, const char *suffix)
{
	static char path[256];

	snprintf(path, sizeof(path), "%s/%s/spool.%d/%" PRIu64 "%s", root, name, number, key,
		 suffix);
	return path;
}

static inline struct text text_from(const char *s)
{
	struct blob *b = blob_copy(s, strlen(s));
	struct text t = text_of(b, 0, strlen(s));

	blob_put(b);
	return t;
}

static const struct spool_note plain = {.dir = "contacts", .name = "41.json", .mode = 0644};

/* What spool_each showed. */
struct seen {
	int count;
	uint64_t keys[512];
	struct spool_note last; /* strings duplicated, leaked on purpose */
};

static inline int see(void *arg, uint64_t key, const struct spool_note *note)
{
	struct seen *seen = arg;

	if (seen->count < 512)
		seen->keys[seen->count] = key;
	seen->count++;
	note_fini(&seen->last);
	seen->last = *note;
	seen->last.dir = strdup(note->dir);
	seen->last.name = strdup(note->name);
	seen->last.target = note->target ? strdup(note->target) : NULL;
	seen->last.base = text_ref(&note->base);
	return 0;
}

static inline int count(struct spool *s)
{
	struct seen seen = {0};

	CHECK_EQ(spool_each(s, see, &seen), 0);
	note_fini(&seen.last);
	return seen.count;
}

static inline uint64_t make(struct spool *s, const char *bytes, const struct spool_note *note)
{
	uint64_t key = 0;

	CHECK_EQ(spool_create(s, &key), 0);
	CHECK_EQ(spool_write(s, key, bytes, strlen(bytes), 0), 0);
	if (note)
		CHECK_EQ(spool_keep(s, key, note), 0);
	return key;
}

static inline bool holds(struct spool *s, uint64_t key, const char *want)
{
	struct text got = {0}, expected = text_from(want);
	bool same = spool_load(s, key, 1 << 20, &got) == 0 && text_equal(&got, &expected);

	text_put(&got);
	text_put(&expected);
	return same;
}

/* On tmpfs where there is one: a killed process loses nothing that it gave to the kernel, whatever
 * lies below, so a real disk would only be slower. */
static inline void make_root(void)
{
	log_init(NULL);
	snprintf(root, sizeof(root), "%s/spool_test.XXXXXX",
		 access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
	if (!mkdtemp(root))
		abort();
}

static inline void remove_root(void)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf '%s'", root);
	CHECK_EQ(system(command), 0);
}

#endif
