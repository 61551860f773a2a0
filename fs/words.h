/* SPDX-License-Identifier: MIT */
/* words: what may stand in -o, in fstab and in a configuration file, and what it does to the
 * options. Main thread, at the start. 0, or -EINVAL after one sentence. */
#ifndef WORDS_H
#define WORDS_H

#include <stdio.h>

#include "base/buf.h"
#include "options.h"

void words_defaults(struct options *o);
/* A list as behind -o: split at its commas; a backslash takes the next character as it is. */
int words_take(struct options *o, const struct origin *at, const char *list);
/* A line of a configuration file. words_check_key has let all keys pass before. */
int words_check_key(const struct origin *at, const char *key);
int words_take_key(struct options *o, const struct origin *at, const char *key, const char *value);
/* "url", which was checked, or "mountpoint" from the command line. */
int words_place(struct options *o, const char *name, const char *value);
void words_fini(struct options *o);

/* What goes to libfuse, each with a comma before it, escaped for fuse_opt_parse. */
int words_add_fuse(const struct options *o, struct buf *out);
int words_add_fuse_option(struct buf *out, const char *word);
/* As lines of a configuration file, with where each value comes from. No secrets. */
void words_show(const struct options *o, FILE *out);

#endif
