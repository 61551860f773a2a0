/* SPDX-License-Identifier: MIT */
/* concordfs: mounts a Concord CRM account as a directory. Parse, check, mount, serve, leave. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/map.h"
#include "crm/api.h"
#include "fuse/mount.h"
#include "http/http.h"
#include "options.h"
#include "store/spool.h"

#define CONCORDFS_VERSION "0.1.0"

enum {
	CONNECTIONS = 4,
	CHECK_TIMEOUT_S = 20, /* of the first request: a person waits at the prompt */
	GRACE_S = 10,
};

DEFINE_CLEANUP(struct http *, http_free)

/* A core would hold the token, and so would what another process of the user could read. */
static void close_to_others(void)
{
	struct rlimit none = {0};

	setrlimit(RLIMIT_CORE, &none);
#ifndef __SANITIZE_ADDRESS__ /* the leak check looks into the process from outside */
	prctl(PR_SET_DUMPABLE, 0);
#endif
	prctl(PR_SET_NAME, "concordfs");
	umask(077);
}

static void ignore_done(struct job *j)
{
	(void)j;
}

/* One request tells whether the address and the token are right, and whose account it is. */
static int check_account(struct http *http, uint64_t *user_id)
{
	CLEANUP(job_free) struct job *j = api_me();

	if (!j)
		return -ENOMEM;
	j->done = ignore_done;
	j->lane = LANE_SAVE; /* what other mounts read must not keep this one from starting */
	j->deadline = clock_now() + CHECK_TIMEOUT_S * NS_PER_SEC;
	http_share(http, 0);
	log_mute(true);
	http_run_one(http, j);
	int err = j->err ? j->err : api_read_me(j, user_id);
	log_mute(false);
	if (!err) {
		http_share(http, *user_id);
		return 0;
	}
	char words[200];
	api_refusal(j, words, sizeof(words));
	const char *reason = j->err ? j->reason : "its answer is not the API's";
	fprintf(stderr, "concordfs: the server does not let us in: %s%s%s\n", reason,
		words[0] ? ": " : "", words);
	return err;
}

static int check_mountpoint(const char *path)
{
	struct stat st, parent;
	char up[4096];

	if (stat(path, &st) != 0) {
		fprintf(stderr, "concordfs: mountpoint %s: %s\n", path, strerror(errno));
		return -errno;
	}
	if (!S_ISDIR(st.st_mode)) {
		fprintf(stderr, "concordfs: mountpoint %s is not a directory\n", path);
		return -ENOTDIR;
	}
	snprintf(up, sizeof(up), "%s/..", path);
	if (stat(up, &parent) == 0 && parent.st_dev != st.st_dev) {
		fprintf(stderr, "concordfs: something is mounted on %s already\n", path);
		return -EBUSY;
	}
	return 0;
}

/* State of different accounts is kept apart: <state_dir>/<hash of address and user>. */
static int open_spool(const struct options *o, uint64_t user_id, struct spool **out)
{
	char dir[4096];
	const char *why = "";
	uint64_t hash = map_hash_bytes(o->url, strlen(o->url)) ^ map_hash_u64(user_id);

	snprintf(dir, sizeof(dir), "%s/%016" PRIx64, o->state_dir, hash);
	int err = spool_open(dir, out, &why);
	if (err < 0)
		fprintf(stderr, "concordfs: %s: %s: %s\n", dir, why, strerror(-err));
	return err;
}

static int run(const struct options *o, struct http *http, struct spool *spool)
{
	struct mount_config config = {
		.mountpoint = o->mountpoint,
		.fuse_argc = o->fuse_argc,
		.fuse_argv = o->fuse_argv,
		.foreground = o->foreground,
		.timeout_ns = o->timeout_ns,
		.grace_ns = GRACE_S * NS_PER_SEC,
		.tree =
			{
				.http = http,
				.spool = spool,
				.ttl_ns = o->ttl_ns,
				.timeout_ns = o->timeout_ns,
				.page_size = o->page_size,
				.max_deletes = o->max_deletes,
				.read_only = o->read_only,
				.uid = o->uid,
				.gid = o->gid,
				.umask = o->umask,
				.collections = o->collections,
				.conflict = o->conflict,
				.create_labels = o->create_labels,
			},
	};
	int err = mount_run(&config);

	if (err < 0)
		fprintf(stderr, "concordfs: could not mount %s: %s\n", o->mountpoint,
			strerror(-err));
	return err < 0 ? EXIT_MOUNT : 0;
}

static int start_http(const struct options *o, struct http **out)
{
	char *token = NULL;

	if (options_token(o, &token) < 0)
		return -EINVAL;
	struct http_config config = {.base_url = o->url,
				     .token = token,
				     .ca_file = o->ca_file,
				     .max_connections = CONNECTIONS};
	*out = http_new(&config);
	options_wipe(token);
	if (!*out)
		fprintf(stderr, "concordfs: out of memory\n");
	return *out ? 0 : -ENOMEM;
}

static int start(const struct options *o)
{
	CLEANUP(http_free) struct http *http = NULL;
	CLEANUP(spool_close) struct spool *spool = NULL;
	uint64_t user_id = 0;

	if (log_init(o->debug) < 0) {
		fprintf(stderr, "concordfs: -o debug=%s names a room that there is not\n",
			o->debug);
		return EXIT_USAGE;
	}
	if (check_mountpoint(o->mountpoint) < 0)
		return EXIT_MOUNT;
	int err = start_http(o, &http);
	if (err < 0)
		return err == -EINVAL ? EXIT_USAGE : EXIT_MOUNT;
	if (check_account(http, &user_id) < 0)
		return EXIT_SERVER;
	if (open_spool(o, user_id, &spool) < 0)
		return EXIT_MOUNT;
	return run(o, http, spool);
}

int main(int argc, char **argv)
{
	struct options o = {0};

	if (options_parse(argc, argv, &o) < 0)
		return EXIT_USAGE;
	int status = 0;
	if (o.show_help) {
		fputs(options_help(), stdout);
	} else if (o.show_version) {
		puts("concordfs " CONCORDFS_VERSION);
	} else {
		close_to_others();
		status = start(&o);
	}
	options_fini(&o);
	return status;
}
