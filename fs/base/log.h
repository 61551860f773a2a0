/* SPDX-License-Identifier: MIT */
/*
 * log: one line per event on stderr, or syslog once in the background. `key=value` words; the
 * caller escapes what the server or a user said with log_quote. Never a body, never a token.
 * Any thread; lock L inside.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdbool.h>
#include <stddef.h>

#include "base/macros.h"

enum log_room {
	LOG_MAIN,
	LOG_HTTP,
	LOG_CRM,
	LOG_STORE,
	LOG_TREE,
	LOG_FUSE,
	LOG_ROOMS,
};

/* rooms: "http,tree" or "all" or NULL (none): which log_debug lines appear. -EINVAL: unknown room. */
int log_init(const char *rooms);
void log_to_syslog(void); /* from now on; call after daemonising */
/* Until the mount answers, a person at the prompt gets one sentence and not our lines beside it;
 * they appear all the same where -o debug asked for any room. Main thread, before others. */
void log_mute(bool on);
bool log_wants(enum log_room room);

void log_error(const char *fmt, ...) PRINTF(1, 2);   /* something is lost or refused */
void log_warning(const char *fmt, ...) PRINTF(1, 2); /* odd, and handled */
void log_info(const char *fmt, ...) PRINTF(1, 2);
/* "what text", however long the text is; one line, printable. */
void log_whole(const char *what, const char *text, size_t n);
void log_debug(enum log_room room, const char *fmt, ...) PRINTF(2, 3);

/* Writes s (n bytes) to out as printable ASCII in double quotes: control characters, quotes, and
 * bytes above 0x7e as \xNN; cut with … when out is full. Returns out. size >= 8. */
const char *log_quote(char *out, size_t size, const char *s, size_t n);

#endif
