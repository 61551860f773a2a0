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
#include "base/supervisor.h"
#include "base/version.h"
#include "crm/api.h"
#include "fuse/mount.h"
#include "http/http.h"
#include "mountpoint.h"
#include "options.h"
#include "readme.h"
#include "refuse.h"
#include "reload.h"
#include "secret.h"
#include "signals.h"
#include "store/spool.h"
#include "tree/census.h"
#include "tree/refresh.h"

enum {
	CONNECTIONS = 4,
	CHECK_TIMEOUT_S = 20,  /* of the first request: a person waits at the prompt */
	RECHECK_TIMEOUT_S = 5, /* of another token: who unmounts may wait for it */
	GRACE_S = 10,
};

/* Exit statuses, ours and mount(8)'s: 0 and USAGE are the same in both. */
enum { EXIT_USAGE = 1, EXIT_SERVER = 2, EXIT_MOUNT = 3, HELPER_FAILED = 32 };

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
}

static void ignore_done(struct job *j)
{
	(void)j;
}

/* One request tells whether the address and the token are right, and whose account it is. */
static int ask_account(struct http *http, unsigned seconds, struct me *me)
{
	CLEANUP(job_free) struct job *j = api_me();
	char words[200];

	if (!j)
		return -ENOMEM;
	j->done = ignore_done;
	j->lane = LANE_SAVE; /* what other mounts read must not keep this one from starting */
	j->deadline = clock_now() + seconds * NS_PER_SEC;
	http_run_one(http, j);
	int err = j->err ? j->err : api_read_me(j, me);
	if (!err)
		return 0;
	api_refusal(j, words, sizeof(words));
	const char *reason = j->err ? j->reason : "its answer is not the API's";
	refuse("the server does not let us in: %s%s%s", reason, words[0] ? ": " : "", words);
	return err;
}

static int check_account(struct http *http, struct me *me)
{
	http_share(http, 0);
	log_mute(true); /* what is wrong is said in one sentence */
	int err = ask_account(http, CHECK_TIMEOUT_S, me);
	log_mute(false);
	if (!err)
		http_share(http, me->id);
	return err;
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
		refuse("%s: %s: %s", dir, why, strerror(-err));
	return err;
}

/* The daemon, once it is one. */
struct service {
	const struct options *options;
	struct me me;
	struct http *http;
	struct reload *reload;
	struct tree *tree; /* lent, from started() to stopping() */
};

static struct http *make_http(const struct service *s, const char *token, bool asks)
{
	const struct options *o = s->options;
	struct http_config config = {.base_url = o->url,
				     .token = token,
				     .ca_file = o->ca_file,
				     .max_connections = CONNECTIONS,
				     .refused = asks ? reload_ask : NULL,
				     .refused_arg = s->reload};

	return http_new(&config);
}

/* Another user's token would save one person's drafts in another one's name. With the budget spent
 * nobody can tell: then it is believed. */
static bool accepts_token(void *arg, const char *token)
{
	const struct service *s = arg;
	CLEANUP(http_free) struct http *probe = make_http(s, token, false);
	struct me me = s->me;

	int err = probe ? ask_account(probe, RECHECK_TIMEOUT_S, &me) : -ENOMEM;
	if (!err && me.id != s->me.id) {
		refuse("the new token is another user's: unmount and mount again to use it");
		return false;
	}
	return !err || err == -EAGAIN;
}

/* Asked to look again: at where the token comes from, and at all that was read. */
static void look_again(void *arg)
{
	struct service *s = arg;

	reload_ask(s->reload);
	refresh_all(s->tree, clock_now());
}

static void report(void *arg)
{
	struct service *s = arg;

	census_log(s->tree);
}

static int started(void *arg, struct tree *tree)
{
	struct service *s = arg;
	struct signals_config config = {look_again, report, s};

	s->tree = tree;
	int err = reload_start(s->reload, s->http);
	return err < 0 ? err : signals_start(&config);
}

static void stopping(void *arg)
{
	(void)arg;
	signals_stop();
}

static struct tree_config tree_config(const struct service *service, struct spool *spool,
				      const char *readme)
{
	const struct options *o = service->options;

	return (struct tree_config){
		.version = CONCORDFS_VERSION,
		.url = o->url,
		.user_id = service->me.id,
		.user_name = service->me.name,
		.http = service->http,
		.spool = spool,
		.readme = readme,
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
	};
}

static int serve(struct service *service, struct spool *spool)
{
	const struct options *o = service->options;
	CLEANUP(free_string) char *readme = o->hides_readme ? NULL : readme_write(o);
	struct mount_config config = {
		.mountpoint = o->mountpoint,
		.fuse_argc = o->fuse_argc,
		.fuse_argv = o->fuse_argv,
		.foreground = o->foreground,
		.timeout_ns = o->timeout_ns,
		.crawlers = o->crawlers,
		.grace_ns = GRACE_S * NS_PER_SEC,
		.started = started,
		.stopping = stopping,
		.arg = service,
		.tree = tree_config(service, spool, readme),
	};
	int err = mount_run(&config);

	reload_stop(service->reload);
	if (err < 0)
		refuse("could not mount %s: %s", o->mountpoint, strerror(-err));
	return err < 0 ? EXIT_MOUNT : 0;
}

static int connect_with(struct service *s, const struct secret *secret)
{
	struct command_limits limits = {s->options->timeout_ns, -1};
	char *token = NULL;

	if (secret_read(secret, &limits, &token) < 0)
		return EXIT_USAGE;
	reload_know(s->reload, token);
	s->http = make_http(s, token, secret_is_lasting(secret));
	secret_wipe(token);
	if (!s->http)
		refuse("out of memory");
	return s->http ? 0 : EXIT_MOUNT;
}

static int check_and_serve(struct service *s)
{
	CLEANUP(spool_close) struct spool *spool = NULL;

	if (check_account(s->http, &s->me) < 0)
		return EXIT_SERVER;
	if (open_spool(s->options, s->me.id, &spool) < 0)
		return EXIT_MOUNT;
	return serve(s, spool);
}

static int connect_and_serve(const struct options *o, const struct secret *secret)
{
	struct service s = {.options = o};
	struct reload_config config = {secret, o->timeout_ns, accepts_token, &s};

	s.reload = reload_new(&config);
	if (!s.reload) {
		refuse("out of memory or descriptors");
		return EXIT_MOUNT;
	}
	int status = connect_with(&s, secret);
	if (!status)
		status = check_and_serve(&s);
	http_free(s.http);
	reload_free(s.reload);
	return status;
}

static int start(const struct options *o)
{
	CLEANUP(secret_fini) struct secret secret = {0};

	umask(077); /* of what we make; options have the user's for what we show */
	if (log_init(o->debug) < 0) {
		refuse("-o debug=%s names a room that there is not", o->debug);
		return EXIT_USAGE;
	}
	if (o->is_verbose) {
		printf("concordfs: %s on %s\n", o->url, o->mountpoint);
		fflush(stdout); /* whoever forks next leaves without */
	}
	if (o->is_fake)
		return 0;
	if (mountpoint_prepare(o->mountpoint) < 0)
		return EXIT_MOUNT;
	if (secret_find(o->token_file, o->token_command, &secret) < 0)
		return EXIT_USAGE;
	return connect_and_serve(o, &secret);
}

static int act(const struct options *o)
{
	if (o->show_help)
		fputs(options_help(), stdout);
	else if (o->show_version)
		puts("concordfs " CONCORDFS_VERSION);
	else if (!o->show_config)
		return start(o);
	return 0;
}

int main(int argc, char **argv)
{
	struct options o = {0};

	secret_take_environment();
	supervisor_find();
	close_to_others();
	int status = options_parse(argc, argv, &o) < 0 ? EXIT_USAGE : 0;
	umask(077); /* for what we write; the person's own, for the mount, is in o */
	if (!status)
		status = act(&o);
	if (o.is_helper && status > EXIT_USAGE)
		status = HELPER_FAILED;
	fflush(stdout);
	options_fini(&o);
	return status;
}
