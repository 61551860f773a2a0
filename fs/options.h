/* SPDX-License-Identifier: MIT */
/*
 * options: the command line (design 1.7) -> struct options; the help text; the token from file or
 * environment. Runs once, on the main thread, before any other.
 */
#ifndef OPTIONS_H
#define OPTIONS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/macros.h"
#include "crm/edit.h"

struct fuse_args;

struct options {
	char *url;	   /* as http_check_url gives it */
	char *mountpoint;  /* absolute */
	char *token_file;  /* or NULL */
	char *ca_file;	   /* or NULL */
	char *state_dir;   /* never NULL: $XDG_STATE_HOME/concordfs or ~/.local/state/concordfs */
	char *collections; /* "contacts:deals" or NULL: all */
	char *debug;	   /* rooms for log_init, or NULL */
	uint64_t ttl_ns, timeout_ns;
	unsigned page_size;   /* 1..1000 */
	unsigned max_deletes; /* a minute; 0: no brake */
	enum edit_conflict conflict;
	bool foreground, read_only, create_labels, show_help, show_version;
	uid_t uid;
	gid_t gid;
	mode_t umask;
	char **fuse_argv; /* what is handed to libfuse: program name, -o ...; NULL-terminated */
	int fuse_argc;
};

enum options_exit { EXIT_USAGE = 1, EXIT_SERVER = 2, EXIT_MOUNT = 3 };

/* 0, or -EINVAL after one sentence on stderr. Unknown options that libfuse or mount(8) know are
 * passed on or dropped; others are refused. Initialise o with {0}. */
int options_parse(int argc, char **argv, struct options *o);
void options_fini(struct options *o);
const char *options_help(void);
/* Says one sentence on stderr; returns -EINVAL. */
int options_refuse(const char *fmt, ...) PRINTF(1, 2);

/*
 * The token, first found: token_file, CONCORDFS_TOKEN (taken out of the environment at once).
 * Checked on the opened descriptor: a regular file of the user's or root's, no group or other
 * bits, no symlink. *out is given: wipe it (options_wipe) once used. 0, or -EINVAL after one
 * sentence on stderr; the token is never part of it.
 */
int options_token(const struct options *o, char **out);
void options_wipe(char *secret); /* explicit_bzero and free; NULL is fine */

#endif
