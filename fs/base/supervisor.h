/* SPDX-License-Identifier: MIT */
/*
 * supervisor: tells whoever started us as a service how far we are, by systemd's protocol
 * (sd_notify(3): a datagram to the socket that NOTIFY_SOCKET names). Without one, nothing is done.
 */
#ifndef BASE_SUPERVISOR_H
#define BASE_SUPERVISOR_H

/* At the start, before other threads: takes NOTIFY_SOCKET out of the environment, for it is not our
 * children's. */
void supervisor_find(void);

/* Any thread. */
void supervisor_ready(void);	 /* the mount answers; or: reloading is over */
void supervisor_reloading(void); /* the token is read again */
void supervisor_stopping(void);	 /* unmounted, and what is being saved gets its time */

#endif
