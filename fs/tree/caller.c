/* SPDX-License-Identifier: MIT */
/* caller: see caller.h. Workers, and the net thread for interrupts. */
#include "tree/caller.h"

#include <fnmatch.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "crm/kinds.h"

static FILE *open_proc(pid_t thread, const char *file)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)thread, file);
	return thread ? fopen(path, "re") : NULL;
}

static void read_command(const char *line, char out[16])
{
	const char *name = line + strlen("Name:\t");

	snprintf(out, 16, "%.*s", (int)strcspn(name, "\n"), name);
}

void caller_of(pid_t thread, struct caller *out)
{
	char line[128];
	FILE *f = open_proc(thread, "status");

	*out = (struct caller){0};
	if (!f)
		return;
	while (!out->process && fgets(line, sizeof(line), f)) {
		if (strncmp(line, "Name:\t", 6) == 0)
			read_command(line, out->command);
		if (sscanf(line, "Tgid: %d", &out->process) != 1)
			out->process = 0;
	}
	fclose(f);
}

static bool is_called(const char *command, const char *pattern, size_t n)
{
	char copy[64];

	if (!n || n >= sizeof(copy) || !*command)
		return false;
	snprintf(copy, sizeof(copy), "%.*s", (int)n, pattern);
	if (strpbrk(copy, "*?["))
		return fnmatch(copy, command, 0) == 0;
	return strncmp(copy, command, 15) == 0;
}

static bool is_in(const char *names, const char *command)
{
	for (const char *p = names; *p;) {
		size_t n = strcspn(p, ":");
		if (is_called(command, p, n))
			return true;
		p += n + (p[n] == ':');
	}
	return false;
}

bool caller_is_one_of(pid_t thread, const char *names)
{
	struct caller c, main_thread;

	caller_of(thread, &c);
	if (is_in(names, c.command))
		return true;
	if (!c.process || c.process == thread)
		return false;
	caller_of(c.process, &main_thread); /* a pool's thread may have a name of its own */
	return is_in(names, main_thread.command);
}

/* The signals that wait for the thread to come back from the kernel: those it blocks do not. All of
 * them if it is gone. */
static unsigned long long pending_signals(pid_t thread)
{
	char line[128];
	unsigned long long set, pending = 0, blocked = 0;
	FILE *f = open_proc(thread, "status");

	if (!f)
		return thread ? ~0ull : 0;
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, "SigPnd: %llx", &set) == 1 ||
		    sscanf(line, "ShdPnd: %llx", &set) == 1)
			pending |= set;
		if (sscanf(line, "SigBlk: %llx", &set) == 1)
			blocked = set;
	}
	fclose(f);
	return pending & ~blocked;
}

#define SIGNAL_BIT(number) (1ull << ((number)-1))

/* The kernel has SIGKILL pending for a thread that dies, of whatever signal. */
bool caller_is_dying(pid_t thread)
{
	return pending_signals(thread) & SIGNAL_BIT(SIGKILL);
}

bool caller_gives_up(pid_t thread)
{
	static const unsigned long long news = SIGNAL_BIT(SIGCHLD) | SIGNAL_BIT(SIGWINCH) |
					       SIGNAL_BIT(SIGURG) | SIGNAL_BIT(SIGCONT) |
					       SIGNAL_BIT(SIGIO) | SIGNAL_BIT(SIGPROF) |
					       SIGNAL_BIT(SIGVTALRM);
	unsigned long long pending = pending_signals(thread);

	return !pending || (pending & ~news); /* none: another thread took it */
}

static bool is_git(const struct caller *c)
{
	return strcmp(c->command, "git") == 0;
}

bool caller_retries(const struct caller *c)
{
	return is_git(c);
}

enum caller_unlink caller_unlink(const struct caller *c)
{
	static const char programs[] = "mv cp install tar bsdtar unzip 7z cpio";

	if (is_git(c))
		return UNLINK_REPLACES;
	return kinds_has_word(programs, c->command, strlen(c->command)) ? UNLINK_REPLACES_UNREAD
									: UNLINK_DELETES;
}

bool caller_looks_for_acls(const struct caller *c)
{
	return kinds_has_word("ls dir vdir", c->command, strlen(c->command));
}
