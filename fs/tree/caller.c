/* SPDX-License-Identifier: MIT */
/* caller: see caller.h. Workers, and the net thread for interrupts. */
#include "tree/caller.h"

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

pid_t caller_process(pid_t thread)
{
	char line[128];
	int tgid = 0;
	FILE *f = open_proc(thread, "status");

	if (!f)
		return 0;
	while (!tgid && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "Tgid: %d", &tgid) != 1)
			tgid = 0;
	}
	fclose(f);
	return tgid;
}

/* The kernel has SIGKILL pending for a thread that dies, of whatever signal. */
bool caller_is_dying(pid_t thread)
{
	char line[128];
	unsigned long long set, pending = 0;
	FILE *f = open_proc(thread, "status");

	if (!f)
		return thread != 0;
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, "SigPnd: %llx", &set) == 1 ||
		    sscanf(line, "ShdPnd: %llx", &set) == 1)
			pending |= set;
	}
	fclose(f);
	return pending & 1ull << (SIGKILL - 1);
}

bool caller_replaces(pid_t thread)
{
	static const char programs[] = "mv cp install tar bsdtar unzip 7z cpio";
	char comm[32] = "";
	FILE *f = open_proc(thread, "comm");

	if (!f)
		return false;
	if (!fgets(comm, sizeof(comm), f))
		comm[0] = '\0';
	fclose(f);
	return kinds_has_word(programs, comm, strcspn(comm, "\n"));
}
