/* SPDX-License-Identifier: MIT */
/*
 * caller: what /proc tells of who asks. Reads files of procfs, so never under T. The kernel names
 * the thread; 0 stands for nobody known.
 */
#ifndef TREE_CALLER_H
#define TREE_CALLER_H

#include <stdbool.h>
#include <sys/types.h>

/* The process that a thread belongs to: an editor's later saves of a buffer come from any of its
 * threads. 0: not to be found out. */
pid_t caller_process(pid_t thread);

/* Is it being killed? Then it reads no answer any more. */
bool caller_is_dying(pid_t thread);

/* Is it a program that removes a file in order to write it anew? mv from another filesystem, cp
 * --remove-destination, install and archivers unlink what stands at the name first [strace]. */
bool caller_replaces(pid_t thread);

#endif
