/* SPDX-License-Identifier: MIT */
/* mount: the session's life: mount, daemonise, start threads, serve, stop them in order. */
#ifndef FUSE_MOUNT_H
#define FUSE_MOUNT_H

#include <stdbool.h>

#include "http/http.h"
#include "tree/tree.h"

struct mount_config {
	const char *mountpoint;
	int fuse_argc; /* for libfuse: program name, -o ... */
	char **fuse_argv;
	bool foreground;
	uint64_t timeout_ns;
	const char *crawlers; /* programs for whom no request is spent ("updatedb*:mds"), or NULL */
	uint64_t grace_ns;    /* how long running saves get at the end */
	/* Runs once this process is the one that stays: threads may be started. May be NULL; an
	 * error of its ends the mount. */
	int (*started)(void *arg, struct tree *tree);
	/* The tree is about to be closed: whoever started() gave it to leaves it alone. May be NULL. */
	void (*stopping)(void *arg);
	void *arg;
	struct tree_config tree; /* stale and stale_arg are set by mount_run */
};

/* Mounts, serves until unmounted or told to end (SIGTERM, SIGINT; SIGHUP too,
 * unless started() takes it), and cleans up. Returns
 * 0, or -errno after a sentence on stderr if it never came to serving. In the background the
 * caller's parent process has left with status 0 once the mount answers. */
int mount_run(const struct mount_config *config);

#endif
