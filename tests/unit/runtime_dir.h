/* SPDX-License-Identifier: MIT */
/* A runtime directory of the test's own, so that no mount of the user is disturbed. */

#ifndef TESTS_UNIT_RUNTIME_DIR_H
#define TESTS_UNIT_RUNTIME_DIR_H

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "check.h"

static char runtime_dir[] = "/tmp/runtime-XXXXXX";

static inline void runtime_dir_make(void)
{
	CHECK(mkdtemp(runtime_dir) != NULL);
	setenv("XDG_RUNTIME_DIR", runtime_dir, 1);
}

static inline void runtime_path(char out[300], const char *name)
{
	snprintf(out, 300, "%s/concordfs/%s", runtime_dir, name);
}

static inline int runtime_files(void)
{
	char path[300];
	int n = 0;

	runtime_path(path, "");
	DIR *d = opendir(path);
	for (struct dirent *e; d && (e = readdir(d));)
		n += e->d_name[0] != '.';
	if (d)
		closedir(d);
	return n;
}

/* Fails if anything is left there. */
static inline void runtime_dir_remove(void)
{
	char path[300];

	CHECK_EQ(runtime_files(), 0);
	runtime_path(path, "");
	CHECK_EQ(rmdir(path), 0);
	CHECK_EQ(rmdir(runtime_dir), 0);
}

#endif
