/* SPDX-License-Identifier: MIT */
/* What a call says on stderr: between listen_in and listen_out it goes to `said`. */
#ifndef TESTS_UNIT_SAID_H
#define TESTS_UNIT_SAID_H

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static char said[4096]; /* by the last call */

static FILE *capture;
static int real_stderr;

static inline void listen_in(void)
{
	fflush(stderr);
	real_stderr = dup(STDERR_FILENO);
	capture = tmpfile();
	dup2(fileno(capture), STDERR_FILENO);
}

static inline void listen_out(void)
{
	fflush(stderr);
	dup2(real_stderr, STDERR_FILENO);
	close(real_stderr);
	rewind(capture);
	size_t n = fread(said, 1, sizeof(said) - 1, capture);
	said[n] = '\0';
	fclose(capture);
}

static inline bool is_one_sentence(void)
{
	const char *eol = strchr(said, '\n');

	return eol && !eol[1] && strncmp(said, "concordfs: ", 11) == 0;
}

#endif
