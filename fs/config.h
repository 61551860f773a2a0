/* SPDX-License-Identifier: MIT */
/*
 * config: a configuration file -> its lines (design 1.7). What sections and keys mean is options'
 * business; what is a key at all, words'. Main thread, at the start.
 *
 *     # a comment, also after a blank
 *     [work]
 *     url = https://crm.example.com
 *     mountpoint = "~/my crm"
 *     ro
 */
#ifndef CONFIG_H
#define CONFIG_H

#include <stddef.h>

struct config_line {
	const char *section, *key;
	const char *value; /* NULL: a key alone. Never "" */
	unsigned number;
};

struct config {
	char *file; /* its name */
	char *text; /* its bytes, cut into the strings that lines point to */
	struct config_line *lines;
	size_t count;
};

/* Cuts config->text, n bytes and a NUL. 0, -ENOMEM, or -EINVAL with the line and a static sentence
 * that says what is wrong there. */
int config_parse(struct config *config, size_t n, unsigned *line, const char **why);

/*
 * Takes file (NULL: no memory). Read on the opened descriptor only if it is a regular file, of the
 * user's or root's, that others cannot write. No such file: no lines. 0, or -EINVAL after a
 * sentence. config is to be finished in any case.
 */
int config_load(char *file, struct config *config);
void config_fini(struct config *config);

#endif
