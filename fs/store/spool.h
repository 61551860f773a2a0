/* SPDX-License-Identifier: MIT */
/*
 * spool: local texts as real files in the state directory (design 3.6, "the disk"): the only place
 * where unfinished and refused edits live. Not a cache. Written through on every write, so that a
 * killed daemon loses nothing; what is known of a text (the note) stands beside it and is replaced
 * atomically (temporary name, fsync, rename, fsync of the directory).
 *
 * Files are named by a key that never comes from a user or a server: <key>.text and <key>.note,
 * which holds the base too. Directories 0700, files 0600, opened relative to the spool's
 * directory, O_NOFOLLOW.
 * Four descriptors stay open, however many texts there are (RLIMIT_NOFILE; faults.md): of three
 * directories and of the lock.
 *
 * Any thread, no lock needed: different keys are independent, and for one key the caller orders
 * note and drop. Reads and writes of one key may race as those of one file may. Errors are -errno
 * of the system (-ENOSPC, -EDQUOT, -EROFS, -EIO, ...).
 */
#ifndef STORE_SPOOL_H
#define STORE_SPOOL_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

#include "base/blob.h"

struct spool;

enum spool_type { SPOOL_FILE, SPOOL_LINK };

/* What is known of a text. In spool_keep the caller lends all; in spool_each the spool lends all. */
struct spool_note {
	enum spool_type type;
	const char *dir;    /* collection */
	const char *name;   /* the file name in it: any bytes but '/' and NUL */
	const char *target; /* SPOOL_LINK: where it points; else NULL */
	uint64_t record;    /* the record it is an edit of; 0: none yet */
	bool vacated; /* it holds a record's text moved away by an editor, the record is untouched */
	bool dirty;   /* written to since the last commit */
	int refused;  /* 0, or the -errno its last commit ended with */
	const char *about; /* refused: the name it was to be saved as; else NULL */
	const char *words; /* refused: why, in lines; else NULL */
	/* When a POST of `base` left whose end nobody knows (Unix seconds); 0: none did. */
	int64_t posted;
	mode_t mode;
	struct timespec mtime;
	struct text
		base; /* the server's text it was begun from, or what was posted; may be absent */
};

/*
 * Opens <dir>/spool.1, or .2, ... : the first that no other process holds (flock). Texts left in
 * unheld other ones by crashed mounts are moved into ours. Creates dir (and parents) 0700.
 * 0, or -errno with *why (static sentence).
 */
int spool_open(const char *dir, struct spool **out, const char **why);
void spool_close(struct spool *s); /* keeps the files; NULL is fine */
DEFINE_CLEANUP(struct spool *, spool_close)

int spool_create(struct spool *s, uint64_t *key); /* a new, empty text; survives only once kept */
ssize_t spool_read(struct spool *s, uint64_t key, char *out, size_t n, off_t off);
/* All n bytes or -errno. */
int spool_write(struct spool *s, uint64_t key, const char *p, size_t n, off_t off);
int spool_truncate(struct spool *s, uint64_t key, off_t size);
int spool_size(struct spool *s, uint64_t key, off_t *size);
/* When its bytes last changed, or what was set since: it is kept with them, not in the note. */
int spool_mtime(struct spool *s, uint64_t key, struct timespec *mtime);
int spool_set_mtime(struct spool *s, uint64_t key, const struct timespec *mtime);
/* The whole text; -EFBIG beyond max. */
int spool_load(struct spool *s, uint64_t key, size_t max, struct text *out);
int spool_sync(struct spool *s, uint64_t key); /* fdatasync */
/* Replaces the note, the base in it. Makes the text survive. */
int spool_keep(struct spool *s, uint64_t key, const struct spool_note *note);
/* The same at a fraction of the time: a power failure may undo it, a killed daemon does not. */
int spool_keep_lightly(struct spool *s, uint64_t key, const struct spool_note *note);
/* Its note goes: it can still be read and written, the next mount does not find it. */
void spool_unkeep(struct spool *s, uint64_t key);
void spool_drop(struct spool *s, uint64_t key); /* text and note are gone */
/* What was refused and removed by name while it is open: it goes to where spool_reject brings it, at
 * once, and can still be read and written. To be dropped one day. 0 or -errno. */
int spool_set_aside(struct spool *s, uint64_t key, const char *name, const char *words);
/* Like drop, but the text is set aside as `name` (rejected.h): what was refused and then removed by
 * an editor's recovery is still somebody's work. words: why it was refused, or NULL. */
void spool_reject(struct spool *s, uint64_t key, const char *name, const char *words);
/* Descriptors, lent until spool_close: of <dir>/rejected, and of <dir>. */
int spool_rejected_dir(const struct spool *s);
int spool_state_dir(const struct spool *s);

/* Calls fn for every kept text, once, in the order in which they were kept last, after spool_open
 * and before anything else runs. A damaged
 * note is logged and its text left where it is, untouched. fn returning < 0 ends it. */
int spool_each(struct spool *s, int (*fn)(void *arg, uint64_t key, const struct spool_note *note),
	       void *arg);

#endif
