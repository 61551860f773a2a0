/* SPDX-License-Identifier: MIT */
/*
 * supervisor: see supervisor.h. The address is set once, before other threads. A message that does
 * not arrive is no error: what is to be served is the mount, and systemd has a timeout of its own.
 */
#include "base/supervisor.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

static struct sockaddr_un address;
static socklen_t address_len; /* 0: nobody asked */

/* "/path", or "@name" for one that has no file. */
void supervisor_find(void)
{
	const char *name = getenv("NOTIFY_SOCKET");
	size_t n = name ? strlen(name) : 0;

	if (n > 1 && n <= sizeof(address.sun_path) && strchr("/@", name[0])) {
		address.sun_family = AF_UNIX;
		memcpy(address.sun_path, name, n);
		if (name[0] == '@')
			address.sun_path[0] = '\0';
		address_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n);
	}
	unsetenv("NOTIFY_SOCKET");
}

static void say(const char *text)
{
	int fd = address_len ? socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0) : -1;

	if (fd < 0)
		return;
	sendto(fd, text, strlen(text), MSG_NOSIGNAL, (const struct sockaddr *)&address,
	       address_len);
	close(fd);
}

void supervisor_ready(void)
{
	say("READY=1");
}

/* The time tells systemd that it is not the answer to an earlier reload. */
void supervisor_reloading(void)
{
	struct timespec now; /* systemd's clock, not ours */
	char text[64];

	clock_gettime(CLOCK_MONOTONIC, &now);
	snprintf(text, sizeof(text), "RELOADING=1\nMONOTONIC_USEC=%lld%06ld", (long long)now.tv_sec,
		 now.tv_nsec / 1000);
	say(text);
}

void supervisor_stopping(void)
{
	say("STOPPING=1");
}
