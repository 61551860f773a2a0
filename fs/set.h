/* SPDX-License-Identifier: MIT */
/* set: what each option does with its value: 0, or -EINVAL, and words says what it wants. Paths are
 * made absolute, since the daemon leaves the current directory. Main thread, at the start. */
#ifndef SET_H
#define SET_H

#include "options.h"

int set_url(struct options *o, const char *v);
int set_mountpoint(struct options *o, const char *v);
int set_token_file(struct options *o, const char *v);
int set_token_command(struct options *o, const char *v);
int set_cacert(struct options *o, const char *v);
int set_state_dir(struct options *o, const char *v);
int set_ttl(struct options *o, const char *v);
int set_timeout(struct options *o, const char *v);
int set_page_size(struct options *o, const char *v);
int set_max_deletes(struct options *o, const char *v);
int set_conflict(struct options *o, const char *v);
int set_uid(struct options *o, const char *v);
int set_gid(struct options *o, const char *v);
int set_umask(struct options *o, const char *v);
int set_collections(struct options *o, const char *v);
int set_crawlers(struct options *o, const char *v);
int set_debug(struct options *o, const char *v);

/* Flags: NULL sets, "no", which only a configuration file can say, takes back. */
int set_create_labels(struct options *o, const char *v);
int set_noreadme(struct options *o, const char *v);
int set_ro(struct options *o, const char *v);
int set_rw(struct options *o, const char *v);

#endif
