/* SPDX-License-Identifier: MIT */
/*
 * caller: what /proc tells of who asks. Reads files of procfs, so never under T. The kernel names
 * the thread; 0 stands for nobody known.
 */
#ifndef TREE_CALLER_H
#define TREE_CALLER_H

#include <stdbool.h>
#include <sys/types.h>

struct caller {
	pid_t process; /* an editor's later saves of a buffer come from any of its threads; 0: not
			     to be found out */
	char command[16]; /* its name, any bytes; "" likewise */
};
void caller_of(pid_t thread, struct caller *out);

/* Is it one of names ("updatedb*:mds"), by its own name or its process's? Patterns as a shell's; the
 * kernel keeps 15 bytes of a name, so of one without a wildcard the first 15 count. */
bool caller_is_one_of(pid_t thread, const char *names);

/* Is it being killed? Then it reads no answer any more. */
bool caller_is_dying(pid_t thread);

/* Was it interrupted by a signal that asks it to stop? Not by one that only tells it something, or is
 * its runtime's own: SIGCHLD comes to a shell, SIGWINCH to an editor, and Go's scheduler sends its
 * threads SIGURG all the time. */
bool caller_gives_up(pid_t thread);

/* Does it try again by itself, by another way, when a write fails? git does: then the same text once
 * more is no person's word that a conflict is to be overridden. */
bool caller_retries(const struct caller *c);

/* What a program means that removes a record's file. mv from another filesystem, cp
 * --remove-destination, install and archivers unlink what stands at the name first, to write it
 * anew; but mv and tar --remove-files also remove in earnest what they have read just now. git
 * reads, unlinks and creates every file that it changes (checkout, apply, stash, merge), so nothing
 * tells its replacing from its removing [strace]. */
enum caller_unlink { UNLINK_DELETES, UNLINK_REPLACES_UNREAD, UNLINK_REPLACES };
enum caller_unlink caller_unlink(const struct caller *c);

/* Does it list a file's attributes only to see whether there is an access list? ls -l of coreutils 9.6
 * does, for every file, until it is told that this filesystem has no attributes [read]. */
bool caller_looks_for_acls(const struct caller *c);

#endif
