/* SPDX-License-Identifier: MIT */
/* ledger: who gets in, what survives a bad file, and what a dead or a stopped holder does. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include "base/clock.h"
#include "http/ledger.h"
#include "runtime_dir.h"

enum { SEATS = 4, COPY = 8192 };

struct state {
	uint64_t value;
	char more[1000];
};

static struct state state;

static void open_new(struct ledger *l)
{
	CHECK_EQ(ledger_open(l, "a", SEATS), 0);
	CHECK_EQ(ledger_read(l, &state, sizeof(state)), -ENODATA);
}

static void put(struct ledger *l, uint64_t value)
{
	state.value = value;
	CHECK_EQ(ledger_write(l, &state, sizeof(state)), 0);
}

static uint64_t got(struct ledger *l)
{
	state.value = 0;
	CHECK_EQ(ledger_read(l, &state, sizeof(state)), 0);
	return state.value;
}

static void test_two_see_the_same(void)
{
	struct ledger a, b;

	open_new(&a);
	put(&a, 1);
	ledger_unlock(&a);
	CHECK_EQ(ledger_open(&b, "a", SEATS), 0);
	CHECK(a.seat != b.seat);
	CHECK(ledger_is_taken(&a, b.seat) && ledger_is_taken(&b, a.seat));
	CHECK(!ledger_is_taken(&a, a.seat) && !ledger_is_taken(&a, 2));
	CHECK_EQ(got(&b), 1);
	put(&b, 2);
	ledger_unlock(&b);
	for (uint64_t i = 3; i < 20; i++) {
		struct ledger *l = i % 3 ? &a : &b;
		CHECK_EQ(ledger_lock(l), 0);
		CHECK_EQ(got(l), i - 1);
		put(l, i);
		ledger_unlock(l);
	}
	ledger_close(&a, SEATS);
	CHECK_EQ(runtime_files(), 1);
	CHECK(!ledger_is_taken(&b, 0));
	ledger_close(&b, SEATS);
	CHECK_EQ(runtime_files(), 0);
	ledger_close(&b, SEATS);
}

static void scribble(off_t at, const char *what, size_t n)
{
	char path[300];

	runtime_path(path, "a");
	int fd = open(path, O_WRONLY);
	CHECK(pwrite(fd, what, n, at) == (ssize_t)n);
	close(fd);
}

/* Every byte of the newer copy in turn: then the older counts. Both: nothing does. */
static void test_torn(void)
{
	struct ledger l;
	size_t size = 40 + sizeof(state);

	open_new(&l);
	for (size_t i = 0; i < size; i += i < 48 ? 1 : 97) {
		put(&l, 1);
		put(&l, 2);
		unsigned char byte = 0;
		off_t at = (off_t)(l.number % 2) * COPY + (off_t)i;
		CHECK(pread(l.fd, &byte, 1, at) == 1);
		byte ^= 0x40;
		scribble(at, (char *)&byte, 1);
		CHECK_EQ(got(&l), 1);
	}
	put(&l, 3);
	put(&l, 4);
	scribble(20, "?", 1);
	scribble(COPY + 20, "?", 1);
	CHECK_EQ(ledger_read(&l, &state, sizeof(state)), -ENODATA);
	put(&l, 5);
	CHECK_EQ(got(&l), 5);
	CHECK_EQ(ftruncate(l.fd, 100), 0);
	CHECK_EQ(ledger_read(&l, &state, sizeof(state)), -ENODATA);
	put(&l, 6);
	put(&l, 7);
	CHECK_EQ(got(&l), 7);
	/* Another version's, and that of a run of the system before this. */
	CHECK_EQ(ledger_read(&l, &state, sizeof(state) - 8), -ENODATA);
	l.boot++;
	CHECK_EQ(ledger_read(&l, &state, sizeof(state)), -ENODATA);
	ledger_close(&l, SEATS);
}

static void test_seats(void)
{
	struct ledger l[SEATS], more;

	for (int i = 0; i < SEATS; i++) {
		CHECK_EQ(ledger_open(&l[i], "a", SEATS), 0);
		ledger_unlock(&l[i]);
	}
	CHECK_EQ(ledger_open(&more, "a", SEATS), -EBUSY);
	CHECK_EQ(more.fd, -1);
	ledger_close(&l[2], SEATS);
	CHECK_EQ(ledger_open(&more, "a", SEATS), 0);
	CHECK_EQ(more.seat, 2);
	l[2] = more;
	for (int i = 0; i < SEATS; i++)
		ledger_close(&l[i], SEATS);
}

static void test_removed(void)
{
	struct ledger a, b;
	char path[300];

	open_new(&a);
	ledger_unlock(&a);
	runtime_path(path, "a");
	CHECK_EQ(unlink(path), 0);
	CHECK_EQ(ledger_lock(&a), -ENOENT);
	CHECK_EQ(ledger_open(&b, "a", SEATS), 0);
	ledger_unlock(&b);
	ledger_close(&a, SEATS); /* not the other's */
	CHECK_EQ(runtime_files(), 1);
	CHECK_EQ(ledger_lock(&b), 0);
	ledger_close(&b, SEATS);
}

/* What is not ours alone is not touched. */
static void test_strange_files(void)
{
	struct ledger l;
	struct stat st;
	char path[300], other[300];

	runtime_path(path, "a");
	snprintf(other, sizeof(other), "%s/other", runtime_dir);
	int fd = open(other, O_CREAT | O_WRONLY, 0600);
	CHECK(write(fd, "text", 4) == 4);
	close(fd);
	CHECK_EQ(symlink(other, path), 0);
	CHECK_EQ(ledger_open(&l, "a", SEATS), -ELOOP);
	CHECK_EQ(unlink(path), 0);
	CHECK_EQ(link(other, path), 0);
	CHECK_EQ(ledger_open(&l, "a", SEATS), -EPERM);
	CHECK_EQ(unlink(path), 0);
	CHECK_EQ(stat(other, &st), 0);
	CHECK_EQ(st.st_size, 4);
	CHECK_EQ(rename(other, path), 0);
	CHECK_EQ(chmod(path, 0644), 0);
	CHECK_EQ(ledger_open(&l, "a", SEATS), -EPERM);
	if (geteuid() == 0) {
		CHECK_EQ(chmod(path, 0600), 0);
		CHECK_EQ(chown(path, 12345, 0), 0);
		CHECK_EQ(ledger_open(&l, "a", SEATS), -EPERM);
	}
	CHECK_EQ(unlink(path), 0);
	CHECK_EQ(mkfifo(path, 0600), 0);
	CHECK_EQ(ledger_open(&l, "a", SEATS), -EPERM);
	CHECK_EQ(unlink(path), 0);

	runtime_path(path, "");
	CHECK_EQ(chmod(path, 0755), 0);
	open_new(&l);
	CHECK_EQ(stat(path, &st), 0);
	CHECK_EQ(st.st_mode & 0777, 0700);
	CHECK_EQ(fstat(l.fd, &st), 0);
	CHECK_EQ(st.st_mode & 0777, 0600);
	ledger_close(&l, SEATS);
}

/* A child sits down, takes the lock and does not let go. */
static pid_t holder(void)
{
	int ready[2];
	char byte;

	CHECK_EQ(pipe(ready), 0);
	pid_t child = fork();
	if (!child) {
		struct ledger l;
		int err = ledger_open(&l, "a", SEATS);
		if (write(ready[1], err ? "-" : "+", 1) == 1)
			pause();
		_exit(0);
	}
	CHECK(read(ready[0], &byte, 1) == 1 && byte == '+');
	close(ready[0]);
	close(ready[1]);
	return child;
}

static void test_killed_holder(void)
{
	struct ledger l;

	open_new(&l);
	put(&l, 1);
	ledger_unlock(&l);
	pid_t child = holder();
	uint64_t start = clock_now();
	CHECK_EQ(ledger_lock(&l), -EAGAIN);
	CHECK(clock_now() - start >= 40 * NS_PER_MS);
	CHECK(clock_now() - start < 1 * NS_PER_SEC);
	CHECK(ledger_is_taken(&l, 1));
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	CHECK_EQ(ledger_lock(&l), 0);
	CHECK(!ledger_is_taken(&l, 1));
	CHECK_EQ(got(&l), 1);
	ledger_close(&l, SEATS);
}

static bool is_five(const void *found, void *arg)
{
	(*(int *)arg)++;
	return ((const struct state *)found)->value == 5;
}

static void test_find_and_sweep(void)
{
	struct ledger a, b;
	char name[LEDGER_NAME_MAX], path[300];
	int seen = 0;

	CHECK_EQ(ledger_find("x-", sizeof(state), is_five, &seen, name), -ENOENT);
	CHECK_EQ(ledger_open(&a, "x-1", SEATS), 0);
	put(&a, 4);
	CHECK_EQ(ledger_open(&b, "x-2", SEATS), 0);
	put(&b, 5);
	CHECK_EQ(ledger_find("y-", sizeof(state), is_five, &seen, name), -ENOENT);
	CHECK_EQ(seen, 0);
	CHECK_EQ(ledger_find("x-", sizeof(state), is_five, &seen, name), 0);
	CHECK_STR(name, "x-2");

	/* Left by the dead: removed when old; what somebody sits at stays however old. */
	close(a.fd);
	ledger_unlock(&b);
	ledger_sweep();
	CHECK_EQ(runtime_files(), 2);
	struct timespec old[2] = {{.tv_sec = time(NULL) - 1000}, {.tv_sec = time(NULL) - 1000}};
	runtime_path(path, "x-1");
	CHECK_EQ(utimensat(AT_FDCWD, path, old, 0), 0);
	runtime_path(path, "x-2");
	CHECK_EQ(utimensat(AT_FDCWD, path, old, 0), 0);
	ledger_sweep();
	CHECK_EQ(runtime_files(), 1);
	CHECK_EQ(ledger_lock(&b), 0);
	ledger_close(&b, SEATS);
}

static void test_no_place(void)
{
	struct ledger l;
	char path[300];

	snprintf(path, sizeof(path), "%s/concordfs", runtime_dir);
	CHECK_EQ(rmdir(path), 0);
	CHECK_EQ(close(open(path, O_CREAT | O_WRONLY, 0600)), 0);
	CHECK_EQ(ledger_open(&l, "a", SEATS), -ENOTDIR);
	CHECK_EQ(l.fd, -1);
	ledger_sweep();
	CHECK_EQ(unlink(path), 0);
	CHECK_EQ(mkdir(path, 0700), 0);
}

int main(void)
{
	runtime_dir_make();
	test_two_see_the_same();
	test_torn();
	test_seats();
	test_removed();
	test_strange_files();
	test_killed_holder();
	test_find_and_sweep();
	test_no_place();
	runtime_dir_remove();
	return check_done("ledger");
}
