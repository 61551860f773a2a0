/* SPDX-License-Identifier: MIT */
/*
 * secret: where the API token is found, and reading it from there, at the start (main thread) and
 * again when it may have been replaced (reload's). No sentence that is said here repeats it.
 */
#ifndef SECRET_H
#define SECRET_H

#include <stdbool.h>

#include "base/macros.h"
#include "command.h"

/* In the order in which they are tried: the first that is there is the one, and its failure ours. */
enum secret_kind {
	SECRET_FILE,	    /* -o token_file */
	SECRET_COMMAND,	    /* -o token_command */
	SECRET_CREDENTIAL,  /* $CREDENTIALS_DIRECTORY/concordfs-token, systemd's LoadCredential= */
	SECRET_ENVIRONMENT, /* CONCORDFS_TOKEN */
	SECRET_HOME_FILE,   /* $XDG_CONFIG_HOME/concordfs/token */
	SECRET_PROMPT,
};

struct secret {
	enum secret_kind kind;
	char *where; /* the file or the command, else NULL */
};

/* The first thing in main: takes CONCORDFS_TOKEN out of the environment, for children, and out of
 * the memory that /proc/PID/environ shows. */
void secret_take_environment(void);

/* token_file and token_command may be NULL. 0 and *out, or -EINVAL after a sentence: there is no
 * token anywhere. */
int secret_find(const char *token_file, const char *token_command, struct secret *out);
void secret_fini(struct secret *s);

/*
 * A file is checked on the opened descriptor: a regular one, no symlink, of the user's or root's,
 * not readable by others. A command is run within limits. *token is given: secret_wipe. 0, or
 * -EINVAL after one sentence.
 */
int secret_read(const struct secret *s, const struct command_limits *limits, char **token);
bool secret_is_lasting(const struct secret *s);	 /* it can be read again */
const char *secret_name(const struct secret *s); /* "token_file", to be shown before `where` */
void secret_wipe(char *token);			 /* explicit_bzero and free; NULL is fine */

static inline void secret_fini_at(struct secret *s)
{
	secret_fini(s);
}

#endif
