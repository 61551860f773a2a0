/* SPDX-License-Identifier: MIT */
/*
 * spool: knows directories and files, and one rule: at every instant, what is on disk is something
 * the next mount can take up. A text counts once its note stands beside it, so the note comes last
 * and goes first. Any thread; nothing here changes after spool_open, so there is no lock.
 *
 * A key is the clock's nanoseconds at its creation: in order of age, and unique over all spools of
 * a state directory, so that moving a text to another spool is link, link, unlink, unlink, which
 * may be cut off anywhere and begun again by anybody.
 */
#include "store/spool.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/log.h"
#include "base/macros.h"
#include "store/files.h"
#include "store/note.h"
#include "store/rejected.h"

enum {
	SPOOLS_MAX = 256,
	NOTE_MAX = 64 << 20, /* its base is a record, at most 16 MiB */
};

struct spool {
	int root;     /* (I) <state> */
	int dir;      /* (I) <state>/spool.N */
	int lock;     /* (I) its lock file, held while open */
	int rejected; /* (I) <state>/rejected */
};

/* What a killed mount left half made: a text that was never kept, a note that was never put in place. */
static int sweep_text(void *arg, int dir, uint64_t key)
{
	(void)arg;
	if (!files_exist(dir, key, ".note"))
		files_remove(dir, key, ".text");
	return 0;
}

static int sweep_temporary(void *arg, int dir, uint64_t key)
{
	(void)arg;
	files_remove(dir, key, ".tmp");
	return 0;
}

static int sweep(int dir)
{
	int err = files_each(dir, ".tmp", sweep_temporary, NULL);

	return err < 0 ? err : files_each(dir, ".text", sweep_text, NULL);
}

/* A second name for the same file in `to`; there already after a move that was cut off. */
static int link_over(int from, int to, uint64_t key, const char *suffix)
{
	struct files_name n = files_name(key, suffix);
	struct stat a, b;

	if (linkat(from, n.s, to, n.s, 0) == 0 || errno == ENOENT)
		return 0;
	int err = -errno;
	if (err != -EEXIST)
		return err;
	if (fstatat(from, n.s, &a, AT_SYMLINK_NOFOLLOW) < 0 ||
	    fstatat(to, n.s, &b, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	return a.st_dev == b.st_dev && a.st_ino == b.st_ino ? 0 : -EEXIST;
}

static int move_one(void *arg, int from, uint64_t key)
{
	const struct spool *s = arg;
	int err = link_over(from, s->dir, key, ".text");

	if (!err)
		err = link_over(from, s->dir, key, ".note");
	if (!err && fsync(s->dir) < 0)
		err = -errno;
	if (err < 0) {
		log_warning("store: a text of an earlier mount stays where it is: key=%" PRIu64
			    " err=%d",
			    key, -err);
		return 0;
	}
	files_remove(from, key, ".note");
	files_remove(from, key, ".text");
	return 0;
}

static int open_dir(int root, const char *name)
{
	struct stat st;

	if (mkdirat(root, name, 0700) < 0 && errno != EEXIST)
		return -errno;
	int fd = openat(root, name, FILES_DIR_FLAGS);
	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) < 0 || st.st_uid != geteuid() ||
	    ((st.st_mode & 077) && fchmod(fd, 0700) < 0)) {
		close(fd);
		return -EPERM;
	}
	return fd;
}

/* Takes the lock of a spool's directory: a descriptor, or -EWOULDBLOCK if another mount has it. */
static int take_lock(int dir)
{
	int fd = openat(dir, "lock", O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (fd < 0)
		return -errno;
	if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		int err = -errno;
		close(fd);
		return err;
	}
	return fd;
}

static struct files_name spool_name(int number)
{
	struct files_name n;

	snprintf(n.s, sizeof(n.s), "spool.%d", number);
	return n;
}

/* Moves in what crashed mounts left in other spools. Whoever holds one keeps it. */
static void move_in(struct spool *s, int root, int ours)
{
	for (int i = 1; i <= SPOOLS_MAX; i++) {
		struct files_name n = spool_name(i);
		CLEANUP(close_fd) int dir = i == ours ? -1 : openat(root, n.s, FILES_DIR_FLAGS);
		if (dir < 0)
			continue;
		CLEANUP(close_fd) int lock = take_lock(dir);
		if (lock < 0)
			continue;
		int err = sweep(dir);
		if (!err)
			err = files_each(dir, ".note", move_one, s);
		if (err < 0)
			log_warning("store: %s cannot be read: err=%d", n.s, -err);
	}
}

/* The first spool that nobody holds. */
static int open_free(int root, struct spool *s, int *number)
{
	for (int i = 1; i <= SPOOLS_MAX; i++) {
		CLEANUP(close_fd) int dir = open_dir(root, spool_name(i).s);
		if (dir < 0)
			return dir;
		s->lock = take_lock(dir);
		if (s->lock >= 0) {
			s->dir = dir;
			dir = -1;
			*number = i;
			return 0;
		}
		if (s->lock != -EWOULDBLOCK)
			return s->lock;
	}
	return -EBUSY;
}

/* Where a parent cannot be made, the last mkdir says why. */
static int make_path(const char *path)
{
	char *copy = strdup(path);

	if (!copy)
		return -ENOMEM;
	for (char *slash = strchr(copy + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		mkdir(copy, 0700);
		*slash = '/';
	}
	int err = mkdir(copy, 0700) < 0 && errno != EEXIST ? -errno : 0;
	free(copy);
	return err;
}

/* The state directory itself: the user may have made it, so its mode stays, if it is safe. */
static int open_root(const char *path, const char **why)
{
	struct stat st;
	int err = make_path(path);
	CLEANUP(close_fd) int fd = err < 0 ? err : open(path, FILES_DIR_FLAGS);

	*why = "the state directory cannot be made or opened";
	if (err < 0)
		return err;
	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	*why = "the state directory belongs to somebody else, or others may write to it";
	if (st.st_uid != geteuid() || (st.st_mode & 022))
		return -EPERM;
	err = fd;
	fd = -1;
	return err;
}

/* All but root, which is open. */
static int set_up(struct spool *s, const char **why)
{
	int number = 0;

	*why = "the state directory cannot be written to";
	int err = open_free(s->root, s, &number);
	if (!err)
		err = sweep(s->dir);
	if (!err)
		err = s->rejected = open_dir(s->root, "rejected");
	if (err < 0)
		return err;
	move_in(s, s->root, number);
	rejected_forget_old(s->rejected);
	*why = NULL;
	return 0;
}

int spool_open(const char *dir, struct spool **out, const char **why)
{
	int root = open_root(dir, why);

	if (root < 0)
		return root;
	CLEANUP(spool_close) struct spool *s = malloc(sizeof(*s));
	if (!s) {
		*why = "there is no memory";
		close(root);
		return -ENOMEM;
	}
	*s = (struct spool){.root = root, .dir = -1, .lock = -1, .rejected = -1};
	int err = set_up(s, why);
	if (!err)
		*out = STEAL(s);
	return err;
}

void spool_close(struct spool *s)
{
	if (!s)
		return;
	close_fd_at(&s->lock);
	close_fd_at(&s->dir);
	close_fd_at(&s->rejected);
	close_fd_at(&s->root);
	free(s);
}

int spool_rejected_dir(const struct spool *s)
{
	return s->rejected;
}

int spool_state_dir(const struct spool *s)
{
	return s->root;
}

int spool_create(struct spool *s, uint64_t *key)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now); /* the keys of a later mount must be higher */
	uint64_t k = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
	for (;; k++) {
		int fd = files_open(s->dir, k, ".text", O_WRONLY | O_CREAT | O_EXCL);
		if (fd == -EEXIST)
			continue;
		if (fd < 0)
			return fd;
		close(fd);
		*key = k;
		return 0;
	}
}

ssize_t spool_read(struct spool *s, uint64_t key, char *out, size_t n, off_t off)
{
	CLEANUP(close_fd) int fd = files_open(s->dir, key, ".text", O_RDONLY);

	return fd < 0 ? fd : files_read(fd, out, n, off);
}

/* What could not be written whole leaves no beginning of itself at the end of the file. */
static void undo_growth(int fd, off_t old_size, off_t off, size_t n)
{
	struct stat st;

	if (fstat(fd, &st) == 0 && st.st_size > old_size && st.st_size < off + (off_t)n &&
	    ftruncate(fd, old_size) < 0)
		log_warning("store: half a write cannot be undone: err=%d", errno);
}

int spool_write(struct spool *s, uint64_t key, const char *p, size_t n, off_t off)
{
	int fd = files_open(s->dir, key, ".text", O_WRONLY);
	struct stat st;

	if (fd < 0)
		return fd;
	int err = fstat(fd, &st) < 0 ? -errno : 0;
	if (!err && (err = files_write(fd, p, n, off)) < 0)
		undo_growth(fd, st.st_size, off, n);
	/* A network filesystem says only here that it was full. */
	return close(fd) < 0 && !err ? -errno : err;
}

int spool_truncate(struct spool *s, uint64_t key, off_t size)
{
	CLEANUP(close_fd) int fd = files_open(s->dir, key, ".text", O_WRONLY);

	if (fd < 0)
		return fd;
	return ftruncate(fd, size) < 0 ? -errno : 0;
}

static int stat_text(const struct spool *s, uint64_t key, struct stat *st)
{
	if (fstatat(s->dir, files_name(key, ".text").s, st, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	return S_ISREG(st->st_mode) ? 0 : -EIO;
}

int spool_size(struct spool *s, uint64_t key, off_t *size)
{
	struct stat st;
	int err = stat_text(s, key, &st);

	if (!err)
		*size = st.st_size;
	return err;
}

int spool_mtime(struct spool *s, uint64_t key, struct timespec *mtime)
{
	struct stat st;
	int err = stat_text(s, key, &st);

	if (!err)
		*mtime = st.st_mtim;
	return err;
}

int spool_set_mtime(struct spool *s, uint64_t key, const struct timespec *mtime)
{
	struct timespec both[2] = {{.tv_nsec = UTIME_OMIT}, *mtime};

	return utimensat(s->dir, files_name(key, ".text").s, both, AT_SYMLINK_NOFOLLOW) < 0 ? -errno
											    : 0;
}

int spool_load(struct spool *s, uint64_t key, size_t max, struct text *out)
{
	return files_load(s->dir, key, ".text", max, out);
}

int spool_sync(struct spool *s, uint64_t key)
{
	CLEANUP(close_fd) int fd = files_open(s->dir, key, ".text", O_RDONLY);

	if (fd < 0)
		return fd;
	return fdatasync(fd) < 0 ? -errno : 0;
}

static int keep(struct spool *s, uint64_t key, const struct spool_note *note, bool sync)
{
	CLEANUP(buf_fini) struct buf bytes = BUF_INIT(NOTE_MAX);
	int err = note_write(note, &bytes);

	return err < 0 ? err : files_replace(s->dir, key, ".note", bytes.data, bytes.len, sync);
}

int spool_keep(struct spool *s, uint64_t key, const struct spool_note *note)
{
	return keep(s, key, note, true);
}

int spool_keep_lightly(struct spool *s, uint64_t key, const struct spool_note *note)
{
	return keep(s, key, note, false);
}

void spool_unkeep(struct spool *s, uint64_t key)
{
	files_remove(s->dir, key, ".note");
}

void spool_drop(struct spool *s, uint64_t key)
{
	files_remove(s->dir, key, ".note");
	files_remove(s->dir, key, ".text");
}

int spool_set_aside(struct spool *s, uint64_t key, const char *name, const char *words)
{
	int err = rejected_link(s->rejected, s->dir, files_name(key, ".text").s, name, words);

	if (!err)
		files_remove(s->dir, key, ".note");
	return err;
}

void spool_reject(struct spool *s, uint64_t key, const char *name, const char *words)
{
	/* The text first: a note without a text is nothing, a text without a note is swept. */
	int err = rejected_move(s->rejected, s->dir, files_name(key, ".text").s, name, words);

	if (err < 0)
		log_error("store: a refused text stays where it is: key=%" PRIu64 " err=%d", key,
			  -err);
	else
		files_remove(s->dir, key, ".note");
}

struct visit {
	int (*fn)(void *arg, uint64_t key, const struct spool_note *note);
	void *arg;
};

static int visit_one(const struct visit *v, int dir, uint64_t key)
{
	CLEANUP(text_put) struct text bytes = {0};
	CLEANUP(note_fini) struct spool_note note = {0};
	int err = files_load(dir, key, ".note", NOTE_MAX, &bytes);

	if (!err)
		err = note_read(text_data(&bytes), bytes.len, &note);
	if (err == -ENOMEM)
		return err;
	if (err < 0) {
		log_warning("store: what is known of a text is damaged; the text stays where it "
			    "is: key=%" PRIu64 " err=%d",
			    key, -err);
		return 0;
	}
	if (!files_exist(dir, key, ".text")) { /* killed in spool_reject */
		files_remove(dir, key, ".note");
		return 0;
	}
	return v->fn(v->arg, key, &note);
}

struct noted {
	uint64_t key;
	struct timespec at;
};

static int list_one(void *arg, int dir, uint64_t key)
{
	struct noted one = {.key = key};
	struct stat st;

	if (fstatat(dir, files_name(key, ".note").s, &st, AT_SYMLINK_NOFOLLOW) == 0)
		one.at = st.st_mtim;
	return buf_add(arg, &one, sizeof(one));
}

static int compare_noted(const void *a, const void *b)
{
	const struct noted *x = a, *y = b;

	if (x->at.tv_sec != y->at.tv_sec)
		return x->at.tv_sec > y->at.tv_sec ? 1 : -1;
	if (x->at.tv_nsec != y->at.tv_nsec)
		return x->at.tv_nsec > y->at.tv_nsec ? 1 : -1;
	return (x->key > y->key) - (x->key < y->key); /* the clock of files is coarse */
}

int spool_each(struct spool *s, int (*fn)(void *arg, uint64_t key, const struct spool_note *note),
	       void *arg)
{
	struct visit v = {.fn = fn, .arg = arg};
	CLEANUP(buf_fini) struct buf list = BUF_INIT(SIZE_MAX / 2);
	int err = files_each(s->dir, ".note", list_one, &list);
	size_t count = list.len / sizeof(struct noted);
	struct noted *all = (struct noted *)list.data;

	if (count)
		qsort(all, count, sizeof(*all), compare_noted);
	for (size_t i = 0; !err && i < count; i++)
		err = visit_one(&v, s->dir, all[i].key);
	return err;
}
