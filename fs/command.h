/* SPDX-License-Identifier: MIT */
/* command: runs a program without a shell for the first line that it prints. Any thread. */
#ifndef COMMAND_H
#define COMMAND_H

#include <stddef.h>
#include <stdint.h>

#include "base/macros.h"

/* Splits at blanks. '…' is taken as it stands; in "…" and outside, a backslash takes the next
 * character as it is. *argv is given: command_free. 0, -EINVAL (no word, or a quote is not closed)
 * or -ENOMEM. */
int command_split(const char *text, char ***argv);
void command_free(char **argv); /* NULL is fine */
DEFINE_CLEANUP(char **, command_free)

struct command_limits {
	uint64_t ns;
	int stop_fd; /* ends it when readable; -1: none */
};

/*
 * The first line of what argv prints goes to line, without its end; more than fits is -EFBIG. The
 * program gets our environment and stderr, and no descriptor beyond them. 0 and its length in *len,
 * or -EINVAL after a sentence that names `what` and the program, not its arguments.
 */
int command_run(const char *what, char **argv, const struct command_limits *limits, char *line,
		size_t size, size_t *len);

#endif
