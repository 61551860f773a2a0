/* SPDX-License-Identifier: MIT */
/* opens: how many files a second can be opened, read whole and closed, one after the other.
 *
 *   opens DIRECTORY SECONDS
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"

static int read_one(int dir, const char *name)
{
	static char buf[1 << 17];
	int fd = openat(dir, name, O_RDONLY);

	if (fd < 0)
		return -1;
	while (read(fd, buf, sizeof(buf)) > 0)
		;
	return close(fd);
}

static int is_visible(const struct dirent *e)
{
	return e->d_name[0] != '.';
}

int main(int argc, char **argv)
{
	struct dirent **names;
	int dir = argc == 3 ? open(argv[1], O_RDONLY | O_DIRECTORY) : -1;
	int n = dir < 0 ? -1 : scandir(argv[1], &names, is_visible, NULL);
	long done = 0;

	if (n <= 0) {
		fprintf(stderr, "usage: opens DIRECTORY SECONDS (a directory with files in it)\n");
		return 1;
	}
	uint64_t start = clock_now(), end = start + (uint64_t)(atof(argv[2]) * (double)NS_PER_SEC);
	while (clock_now() < end) {
		if (read_one(dir, names[done++ % n]->d_name) < 0) {
			perror("opens");
			return 1;
		}
	}
	printf("%.0f\n", (double)done * (double)NS_PER_SEC / (double)(clock_now() - start));
	return 0;
}
