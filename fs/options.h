/* SPDX-License-Identifier: MIT */
/*
 * options: the command line, mount(8)'s call and the configuration files (design 1.7) -> struct
 * options. Runs once, on the main thread, before any other.
 */
#ifndef OPTIONS_H
#define OPTIONS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/macros.h"
#include "config.h"
#include "crm/edit.h"

/* Each over those before it. Within a file, an account's section is over [defaults]. */
enum layer { LAYER_BUILT_IN, LAYER_SYSTEM, LAYER_USER, LAYER_COMMAND, LAYERS };

/* Where a value comes from. */
struct origin {
	enum layer layer;
	const char *file; /* lent by options.config; NULL: no file */
	unsigned line;
};

struct given {
	char *value; /* as it was said; NULL: without one */
	struct origin at;
	bool is_given, is_off;
};

enum { WORDS_MAX = 40 };

struct options {
	char *url;	     /* as http_check_url gives it */
	char *mountpoint;    /* absolute */
	char *token_file;    /* or NULL */
	char *token_command; /* or NULL */
	char *ca_file;	     /* or NULL */
	char *state_dir;     /* never NULL: $XDG_STATE_HOME/concordfs or ~/.local/state/concordfs */
	char *collections;   /* "contacts:deals" or NULL: all */
	char *crawlers;	     /* names of programs; never NULL, "": none */
	char *debug;	     /* rooms for log_init, or NULL */
	uint64_t ttl_ns, timeout_ns;
	unsigned page_size;   /* 1..1000 */
	unsigned max_deletes; /* a minute; 0: no brake */
	enum edit_conflict conflict;
	bool foreground, read_only, create_labels, hides_readme;
	bool show_help, show_version, show_config;
	bool is_helper; /* called as mount.concordfs: mount(8)'s switches and exit codes */
	bool is_fake, is_sloppy, is_verbose;
	uid_t uid;
	gid_t gid;
	mode_t umask;
	char **fuse_argv; /* what is handed to libfuse: program name, -o ...; NULL-terminated */
	int fuse_argc;
	struct given given[WORDS_MAX]; /* by words' table */
	struct config config[LAYERS];  /* of LAYER_SYSTEM and LAYER_USER */
};

/* 0, or -EINVAL after one sentence on stderr. Unknown options that libfuse or mount(8) know are
 * passed on or dropped; others are refused. With show_config everything was said on stdout already.
 * Initialise o with {0}. */
int options_parse(int argc, char **argv, struct options *o);
void options_fini(struct options *o);
const char *options_help(void);

#endif
