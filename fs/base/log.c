/* SPDX-License-Identifier: MIT */
/* log: formats a line on the stack, then writes it with one call under L. */
#include "base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/uio.h>
#include <syslog.h>
#include <unistd.h>

#include "base/lock.h"

static const char *const room_names[LOG_ROOMS] = {"main", "http", "crm", "store", "tree", "fuse"};

static struct { /* (I) after log_init, but for (L) */
	unsigned rooms;
	bool syslog; /* (L) */
	bool muted;  /* (I) once other threads run */
	struct lock lock;
} state;

static int room_bit(const char *name, size_t n)
{
	if (n == 3 && memcmp(name, "all", 3) == 0)
		return (1 << LOG_ROOMS) - 1;
	for (int i = 0; i < LOG_ROOMS; i++) {
		if (strlen(room_names[i]) == n && memcmp(room_names[i], name, n) == 0)
			return 1 << i;
	}
	return -EINVAL;
}

int log_init(const char *rooms)
{
	lock_init(&state.lock, LOCK_LEAF);
	while (rooms && *rooms) {
		size_t n = strcspn(rooms, ",:");
		int bits = room_bit(rooms, n);
		if (bits < 0)
			return bits;
		state.rooms |= (unsigned)bits;
		rooms += n + (rooms[n] != '\0');
	}
	return 0;
}

void log_to_syslog(void)
{
	openlog("concordfs", LOG_PID, LOG_DAEMON);
	lock_acquire(&state.lock);
	state.syslog = true;
	lock_release(&state.lock);
}

void log_mute(bool on)
{
	state.muted = on && !state.rooms;
}

bool log_wants(enum log_room room)
{
	return state.rooms & 1u << room;
}

static void emit(int priority, const char *fmt, va_list ap)
{
	static const char *const words[] = {[LOG_ERR] = "error",
					    [LOG_WARNING] = "warning",
					    [LOG_INFO] = "info",
					    [LOG_DEBUG] = "debug"};
	char line[1024];

	if (state.muted)
		return;
	int head = snprintf(line, sizeof(line), "concordfs: %s: ", words[priority]);
	size_t room = sizeof(line) - (size_t)head - 1;
	int n = vsnprintf(line + head, room, fmt, ap);
	size_t len = (size_t)head + (n < 0 ? 0 : (size_t)n < room ? (size_t)n : room - 1);

	lock_acquire(&state.lock);
	if (state.syslog) {
		syslog(priority, "%s", line + head);
	} else {
		line[len] = '\n';
		/* A log that cannot be written has nobody to be told. */
		ssize_t written = write(STDERR_FILENO, line, len + 1);
		(void)written;
	}
	lock_release(&state.lock);
}

#define EMIT(priority)                                                                             \
	do {                                                                                       \
		va_list ap;                                                                        \
		va_start(ap, fmt);                                                                 \
		emit(priority, fmt, ap);                                                           \
		va_end(ap);                                                                        \
	} while (0)

void log_error(const char *fmt, ...)
{
	EMIT(LOG_ERR);
}

void log_warning(const char *fmt, ...)
{
	EMIT(LOG_WARNING);
}

void log_info(const char *fmt, ...)
{
	EMIT(LOG_INFO);
}

void log_whole(const char *what, const char *text, size_t n)
{
	static const char head[] = "concordfs: info: ";
	struct iovec parts[] = {{(void *)head, sizeof(head) - 1},
				{(void *)what, strlen(what)},
				{(void *)" ", 1},
				{(void *)text, n},
				{(void *)"\n", 1}};

	lock_acquire(&state.lock);
	if (state.syslog) {
		syslog(LOG_INFO, "%s %.*s", what, (int)n, text);
	} else {
		ssize_t written = writev(STDERR_FILENO, parts, ARRAY_LEN(parts));
		(void)written;
	}
	lock_release(&state.lock);
}

void log_debug(enum log_room room, const char *fmt, ...)
{
	if (log_wants(room))
		EMIT(LOG_DEBUG);
}

const char *log_quote(char *out, size_t size, const char *s, size_t n)
{
	static const char hex[] = "0123456789abcdef";
	size_t at = 0;

	out[at++] = '"';
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)s[i];
		if (at + 8 > size) {
			memcpy(out + at, "...", 3);
			at += 3;
			break;
		}
		if (c >= ' ' && c < 0x7f && c != '"' && c != '\\') {
			out[at++] = (char)c;
		} else {
			out[at++] = '\\';
			out[at++] = 'x';
			out[at++] = hex[c >> 4];
			out[at++] = hex[c & 15];
		}
	}
	out[at++] = '"';
	out[at] = '\0';
	return out;
}
