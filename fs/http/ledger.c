/* SPDX-License-Identifier: MIT */
/*
 * ledger: knows the directory, the locks and the two copies, nothing of what stands in them. Runs
 * on whichever thread owns the ledger; waits at most some 50 ms, for the lock.
 *
 * Whoever makes, seats himself at or removes a file holds its lock. One who opened a file and got
 * its lock only after it was removed sees that it has no name any more, and opens anew.
 */
#include "http/ledger.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/macros.h"
#include "base/map.h"

#define MAGIC 0x3164656c64726363ull /* "ccrdled1" */

enum {
	COPY_ROOM = 8192,
	OPEN_TRIES = 5,
	QUICK_TRIES = 40, /* 50 us each: a change takes ten */
	SLOW_TRIES = 48,  /* 1 ms each */
	IDLE_S = 150,	  /* a window and what its last requests may take have passed */
	SWEEP_MAX = 64,
};

struct head {
	uint64_t magic, size, boot, number;
	uint64_t sum; /* of the above and the state */
};

struct copy {
	struct head head;
	unsigned char state[LEDGER_SIZE_MAX];
};

_Static_assert(sizeof(struct copy) <= COPY_ROOM, "two copies must not overlap");
_Static_assert(LEDGER_SIZE_MAX % sizeof(uint64_t) == 0, "sums are made of whole words");

static void close_fd(int fd)
{
	if (fd >= 0)
		close(fd);
}
DEFINE_CLEANUP(int, close_fd)

static void close_dir(DIR *d)
{
	if (d)
		closedir(d);
}
DEFINE_CLEANUP(DIR *, close_dir)

/* --- the place --- */

static bool is_own_dir(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISDIR(st.st_mode) && st.st_uid == geteuid();
}

/* The same for every mount of the user, also for one that a timer or a login elsewhere started;
 * under `su` XDG_RUNTIME_DIR may be somebody else's. */
static void dir_path(char *out, size_t size)
{
	const char *xdg = getenv("XDG_RUNTIME_DIR");
	unsigned uid = geteuid();
	char run[64];

	snprintf(run, sizeof(run), "/run/user/%u", uid);
	if (xdg && *xdg == '/' && is_own_dir(xdg))
		snprintf(out, size, "%s/concordfs", xdg);
	else if (is_own_dir(run))
		snprintf(out, size, "%s/concordfs", run);
	else
		snprintf(out, size, "/tmp/concordfs-%u", uid);
}

/* In /tmp anybody may have made it before us. */
static int open_dir(void)
{
	char path[4096];
	struct stat st;

	dir_path(path, sizeof(path));
	if (mkdir(path, 0700) != 0 && errno != EEXIST)
		return -errno;
	CLEANUP(close_fd) int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) != 0)
		return -errno;
	if (st.st_uid != geteuid())
		return -EPERM;
	if (st.st_mode & 077 && fchmod(fd, 0700) != 0)
		return -errno;
	int kept = fd;
	fd = -1;
	return kept;
}

static int open_file(int dir, const char *name, int flags)
{
	struct stat st;
	CLEANUP(close_fd)
	int fd = openat(dir, name, flags | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK, 0600);

	if (fd < 0 || fstat(fd, &st) != 0)
		return -errno;
	if (!S_ISREG(st.st_mode) || st.st_uid != geteuid() || st.st_mode & 077 || st.st_nlink > 1)
		return -EPERM;
	int kept = fd;
	fd = -1;
	return kept;
}

/* --- locks --- */

static int set_lock(int fd, short type, off_t byte)
{
	struct flock lock = {.l_type = type, .l_whence = SEEK_SET, .l_start = byte, .l_len = 1};

	return fcntl(fd, F_OFD_SETLK, &lock) == 0 ? 0 : -errno;
}

static bool is_locked(int fd, off_t byte)
{
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = byte, .l_len = 1};

	return fcntl(fd, F_OFD_GETLK, &lock) != 0 || lock.l_type != F_UNLCK;
}

/* Not F_OFD_SETLKW, which has no limit: its holder may be stopped, or in a frozen container. */
static int wait_lock(int fd)
{
	int err = set_lock(fd, F_WRLCK, 0);

	for (int i = 0; err == -EAGAIN && i < QUICK_TRIES + SLOW_TRIES; i++) {
		struct timespec nap = {0, i < QUICK_TRIES ? 50000 : 1000000};
		nanosleep(&nap, NULL);
		err = set_lock(fd, F_WRLCK, 0);
	}
	return err;
}

static bool has_name(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && st.st_nlink > 0;
}

int ledger_lock(struct ledger *l)
{
	int err = wait_lock(l->fd);

	if (!err && !has_name(l->fd)) {
		ledger_unlock(l);
		return -ENOENT;
	}
	return err;
}

void ledger_unlock(struct ledger *l)
{
	set_lock(l->fd, F_UNLCK, 0);
}

bool ledger_is_taken(const struct ledger *l, int seat)
{
	return seat != l->seat && is_locked(l->fd, 1 + seat);
}

static int sit(struct ledger *l, int seats)
{
	for (l->seat = 0; l->seat < seats; l->seat++) {
		int err = set_lock(l->fd, F_WRLCK, 1 + l->seat);
		if (err != -EAGAIN)
			return err;
	}
	return -EBUSY;
}

static bool is_anybody_there(const struct ledger *l, int seats)
{
	for (int i = 0; i < seats; i++) {
		if (ledger_is_taken(l, i))
			return true;
	}
	return false;
}

/* --- the copies --- */

static uint64_t sum_of(const struct copy *c)
{
	uint64_t sum = MAGIC, word;
	const unsigned char *p = (const unsigned char *)c;
	size_t n = sizeof(c->head) + (size_t)c->head.size;

	for (size_t i = 0; i < n; i += sizeof(word)) {
		memcpy(&word, p + i, sizeof(word));
		if (i == offsetof(struct copy, head.sum))
			word = 0;
		sum = (sum ^ word) * 0x9e3779b97f4a7c15ull;
		sum ^= sum >> 29;
	}
	return sum;
}

static size_t rounded(size_t size)
{
	return (size + sizeof(uint64_t) - 1) / sizeof(uint64_t) * sizeof(uint64_t);
}

static int read_copy(int fd, int which, size_t size, struct copy *c)
{
	size_t n = sizeof(c->head) + rounded(size);
	ssize_t got = pread(fd, c, n, (off_t)which * COPY_ROOM);

	if (got < 0)
		return -errno;
	if ((size_t)got < n || c->head.magic != MAGIC || c->head.size != rounded(size) ||
	    c->head.sum != sum_of(c))
		return -ENODATA;
	return 0;
}

/* The newer of those that are whole and of this run of the system. */
static int read_newest(int fd, uint64_t boot, size_t size, struct copy *out)
{
	struct copy c;
	int best = -ENODATA;

	for (int which = 0; which < 2; which++) {
		int err = read_copy(fd, which, size, &c);
		if (err < 0 && err != -ENODATA)
			return err;
		if (err < 0 || c.head.boot != boot || (!best && c.head.number < out->head.number))
			continue;
		memcpy(out, &c, sizeof(c.head) + rounded(size));
		best = 0;
	}
	return best;
}

int ledger_read(struct ledger *l, void *state, size_t size)
{
	struct copy c;
	int err = read_newest(l->fd, l->boot, size, &c);

	if (err < 0)
		return err;
	l->number = c.head.number;
	memcpy(state, c.state, size);
	return 0;
}

int ledger_write(struct ledger *l, const void *state, size_t size)
{
	struct copy c = {.head = {MAGIC, rounded(size), l->boot, l->number + 1, 0}};
	size_t n = sizeof(c.head) + rounded(size);

	memcpy(c.state, state, size);
	c.head.sum = sum_of(&c);
	ssize_t put = pwrite(l->fd, &c, n, (off_t)(c.head.number % 2) * COPY_ROOM);
	if (put < 0)
		return -errno;
	if ((size_t)put < n)
		return -ENOSPC;
	l->number++;
	return 0;
}

/* --- coming and going --- */

static uint64_t this_boot(void)
{
	char id[64];
	CLEANUP(close_fd) int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? 0 : read(fd, id, sizeof(id));

	return map_hash_bytes(id, n > 0 ? (size_t)n : 0);
}

void ledger_init(struct ledger *l)
{
	*l = (struct ledger){.fd = -1, .seat = -1};
}

/* 0: open and locked; -ENOENT: it was removed meanwhile. */
static int try_open(struct ledger *l, int dir)
{
	l->fd = open_file(dir, l->name, O_RDWR | O_CREAT);
	if (l->fd < 0)
		return l->fd;
	int err = ledger_lock(l);
	if (err < 0) {
		close(l->fd);
		l->fd = -1;
	}
	return err;
}

int ledger_open(struct ledger *l, const char *name, int seats)
{
	CLEANUP(close_fd) int dir = open_dir();
	int err = -ENOENT;

	ledger_init(l);
	if (dir < 0)
		return dir;
	snprintf(l->name, sizeof(l->name), "%s", name);
	l->boot = this_boot();
	for (int i = 0; err == -ENOENT && i < OPEN_TRIES; i++)
		err = try_open(l, dir);
	if (err < 0)
		return err;
	err = sit(l, seats);
	if (err < 0) {
		close(l->fd); /* and with it the lock */
		l->fd = -1;
	}
	return err;
}

void ledger_close(struct ledger *l, int seats)
{
	if (l->fd < 0)
		return;
	CLEANUP(close_fd) int dir = open_dir();
	if (dir >= 0 && ledger_lock(l) == 0 && !is_anybody_there(l, seats))
		unlinkat(dir, l->name, 0);
	close(l->fd);
	ledger_init(l);
}

/* --- the other files --- */

static DIR *list_dir(void)
{
	int fd = open_dir();
	DIR *d = fd < 0 ? NULL : fdopendir(fd);

	if (!d)
		close_fd(fd);
	return d;
}

static const char *next_name(DIR *d, const char *prefix)
{
	struct dirent *e;

	while ((e = readdir(d))) {
		if (e->d_name[0] != '.' && strlen(e->d_name) < LEDGER_NAME_MAX &&
		    strncmp(e->d_name, prefix, strlen(prefix)) == 0)
			return e->d_name;
	}
	return NULL;
}

int ledger_find(const char *prefix, size_t size, bool (*is_wanted)(const void *state, void *arg),
		void *arg, char out[LEDGER_NAME_MAX])
{
	CLEANUP(close_dir) DIR *d = list_dir();
	uint64_t boot = this_boot();
	const char *name;

	while (d && (name = next_name(d, prefix))) {
		CLEANUP(close_fd) int fd = open_file(dirfd(d), name, O_RDONLY);
		struct copy c;
		/* One copy may be being written just now; the other is whole. */
		if (fd < 0 || read_newest(fd, boot, size, &c) < 0 || !is_wanted(c.state, arg))
			continue;
		snprintf(out, LEDGER_NAME_MAX, "%s", name);
		return 0;
	}
	return -ENOENT;
}

/* Every seat there may be: the file's end is no limit for locks. */
static bool has_holder(int fd)
{
	struct flock all = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 0, .l_len = 0};

	return fcntl(fd, F_OFD_SETLK, &all) != 0;
}

void ledger_sweep(void)
{
	CLEANUP(close_dir) DIR *d = list_dir();
	const char *name;

	for (int i = 0; d && i < SWEEP_MAX && (name = next_name(d, "")); i++) {
		CLEANUP(close_fd) int fd = open_file(dirfd(d), name, O_RDWR);
		struct stat st;
		if (fd < 0 || fstat(fd, &st) != 0 || time(NULL) - st.st_mtime < IDLE_S)
			continue;
		/* The lock is ours: no name now means that another file has it since. */
		if (!has_holder(fd) && has_name(fd))
			unlinkat(dirfd(d), name, 0);
	}
}
