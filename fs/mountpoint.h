/* SPDX-License-Identifier: MIT */
/* mountpoint: is a directory free to be mounted on? What a killed concordfs left there is put away.
 * Main thread, at the start. */
#ifndef MOUNTPOINT_H
#define MOUNTPOINT_H

/* The path as the kernel has it, also where a dead mount does not resolve. Gives; NULL: no memory. */
char *mountpoint_resolve(const char *path);
/* 0, or -errno after a sentence. `path` is resolved. */
int mountpoint_prepare(const char *path);

#endif
