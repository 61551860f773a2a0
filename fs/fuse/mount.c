/* SPDX-License-Identifier: MIT */
/* mount: see mount.h. Main thread. */
#include "fuse/mount.h"

#include <errno.h>
#include <fuse_lowlevel.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/supervisor.h"
#include "fuse/call.h"
#include "fuse/notify.h"
#include "fuse/ops.h"
#include "tree/recover.h"

enum { WORKERS_MAX = 10, WORKERS_IDLE = 10 };

struct mount {
	const struct mount_config *config;
	struct fuse_session *session;
	struct fs fs;
};

static int make_tree(struct mount *m)
{
	struct tree_config config = m->config->tree;
	int err;

	m->fs.notifier = notifier_new(m->session);
	if (!m->fs.notifier)
		return -ENOMEM;
	config.stale = notifier_tell;
	config.stale_arg = m->fs.notifier;
	m->fs.tree = tree_new(&config, &err);
	if (!err)
		err = recover_all(m->fs.tree);
	return err;
}

static int start(struct mount *m)
{
	int err = http_start(m->fs.http);

	if (!err)
		err = notifier_start(m->fs.notifier);
	if (!err && m->config->started)
		err = m->config->started(m->config->arg, m->fs.tree);
	return err;
}

static int serve(struct mount *m)
{
	struct fuse_loop_config *loop = fuse_loop_cfg_create();

	if (!loop)
		return -ENOMEM;
	fuse_loop_cfg_set_max_threads(loop, WORKERS_MAX);
	fuse_loop_cfg_set_idle_threads(loop, WORKERS_IDLE);
	int err = fuse_session_loop_mt(m->session, loop);
	fuse_loop_cfg_destroy(loop);
	return err;
}

/* Nobody reads requests any more: what is parked is answered, what is being saved gets its time. */
static void stop(struct mount *m)
{
	if (m->config->stopping)
		m->config->stopping(m->config->arg);
	tree_close(m->fs.tree);
	http_stop(m->fs.http, m->config->grace_ns);
	if (!notifier_stop(m->fs.notifier))
		log_warning(
			"fuse: the notifier is stuck in the kernel; it ends with the connection");
}

static int run_mounted(struct mount *m)
{
	if (fuse_daemonize(m->config->foreground) != 0)
		return -errno;
	if (!m->config->foreground)
		log_to_syslog();
	int err = start(m);
	if (!err) {
		commit_resume(m->fs.tree);
		supervisor_ready(); /* from here on requests are read */
		int ended = serve(m);
		supervisor_stopping();
		log_debug(LOG_FUSE, "session ended: %d", ended);
	}
	stop(m);
	return err;
}

static int run_session(struct mount *m)
{
	int err = make_tree(m);

	if (err < 0)
		return err;
	if (fuse_set_signal_handlers(m->session) != 0)
		return -EINVAL;
	err = fuse_session_mount(m->session, m->config->mountpoint) == 0 ? 0 : -EIO;
	if (!err) {
		err = run_mounted(m);
		fuse_session_unmount(m->session);
	}
	fuse_remove_signal_handlers(m->session);
	return err;
}

int mount_run(const struct mount_config *config)
{
	struct mount m = {
		.config = config,
		.fs = {.http = config->tree.http,
		       .timeout_ns = config->timeout_ns,
		       .crawlers = config->crawlers},
	};
	struct fuse_args args = FUSE_ARGS_INIT(config->fuse_argc, config->fuse_argv);

	m.session = fuse_session_new(&args, &ops, sizeof(ops), &m.fs);
	fuse_opt_free_args(&args);
	if (!m.session)
		return -EINVAL;
	int err = run_session(&m);
	fuse_session_destroy(m.session);
	tree_free(m.fs.tree);
	notifier_free(m.fs.notifier);
	return err;
}
