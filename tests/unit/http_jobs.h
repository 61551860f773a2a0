/* SPDX-License-Identifier: MIT */
/*
 * Jobs that can be waited for, and the one engine of the running test. What the engine logs goes to
 * a file, which at the end must not hold the token.
 */

#ifndef TESTS_UNIT_HTTP_JOBS_H
#define TESTS_UNIT_HTTP_JOBS_H

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "check.h"
#include "http/http.h"
#include "http_server.h"

#define TOKEN "7|vErYsEcReT0123456789"
#define MS NS_PER_MS
#define SEC NS_PER_SEC
#define COUNT(a) ((int)(sizeof(a) / sizeof((a)[0])))

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;

struct waited {
	int done;
	bool on_net_thread;
};

static struct http *http;	      /* of the running test */
static void (*on_refusal)(void *arg); /* for the next open_at */

static inline void note_done(struct job *j)
{
	struct waited *w = j->arg;

	pthread_mutex_lock(&lock);
	w->done++;
	w->on_net_thread = http_on_net_thread(http);
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&lock);
}

static inline struct job *make_in(enum lane lane, enum method method, const char *path,
				  uint64_t within)
{
	struct job *j = job_new(method, lane, strdup(path));

	j->arg = calloc(1, sizeof(struct waited));
	j->done = note_done;
	j->max_answer = 1 << 20;
	j->deadline = clock_now() + within;
	if (method == METHOD_POST || method == METHOD_PUT) {
		j->body = strdup("{\"name\":\"x\"}");
		j->body_len = strlen(j->body);
	}
	return j;
}

static inline struct job *make(enum method method, const char *path)
{
	enum lane lane = method == METHOD_GET ? LANE_READ : LANE_SAVE;

	return make_in(lane, method, path, 30 * SEC);
}

static inline void wait_for(struct job *j)
{
	struct waited *w = j->arg;

	pthread_mutex_lock(&lock);
	while (!w->done)
		pthread_cond_wait(&changed, &lock);
	CHECK_EQ(w->done, 1);
	CHECK(w->on_net_thread);
	pthread_mutex_unlock(&lock);
	CHECK(j->reason != NULL);
	CHECK(j->finished >= j->started);
}

static inline bool is_done(struct job *j)
{
	pthread_mutex_lock(&lock);
	bool done = ((struct waited *)j->arg)->done;
	pthread_mutex_unlock(&lock);
	return done;
}

static inline struct job *run(struct job *j)
{
	http_submit(http, j);
	wait_for(j);
	return j;
}

static inline void drop(struct job *j)
{
	free(j->arg);
	job_free(j);
}

static inline void expect(struct job *j, int err, int status, int line)
{
	if (j->err != err || j->status != status)
		fprintf(stderr, "line %d: err %d status %d: %s\n", line, j->err, j->status,
			j->reason);
	CHECK_EQ(j->err, err);
	CHECK_EQ(j->status, status);
}
#define EXPECT(j, err, status) expect((j), (err), (status), __LINE__)

static inline struct http *open_at(const char *scheme, int port, bool start)
{
	char url[64];

	snprintf(url, sizeof(url), "%s://127.0.0.1:%d", scheme, port);
	struct http_config config = {
		.base_url = url, .token = TOKEN, .max_connections = 4, .refused = on_refusal};
	http = http_new(&config);
	CHECK(http != NULL);
	if (start)
		CHECK_EQ(http_start(http), 0);
	return http;
}

static inline void close_http(void)
{
	http_stop(http, 0);
	http_free(http);
	http = NULL;
}

/* One job against one script. The caller drops it; *requests is what the server saw. */
static inline struct job *once(const struct step *steps, int n, struct job *j, int *requests)
{
	struct server *s = server_start(steps, n);

	open_at("http", s->port, true);
	run(j);
	*requests = server_requests(s);
	close_http();
	server_stop(s);
	return j;
}

static int real_stderr;
static int log_refusals; /* of the token: lines that said so */

/* Makes path, a pattern of mkstemp's, a file's name. */
static inline void divert_log(char *path)
{
	int fd = mkstemp(path);

	CHECK(fd >= 0);
	real_stderr = dup(STDERR_FILENO);
	dup2(fd, STDERR_FILENO);
	close(fd);
	setlinebuf(stderr);
}

/* Shows what failed, and looks for what must not be there. */
static inline void inspect_log(const char *path)
{
	FILE *f = fopen(path, "r");
	char line[4096];
	int lines = 0;

	fflush(stderr);
	while (f && fgets(line, sizeof(line), f)) {
		lines++;
		if (strncmp(line, "concordfs: ", 11) != 0)
			dprintf(real_stderr, "%s", line);
		CHECK(!strstr(line, "vErYsEcReT") && !strstr(line, "aNoThEr"));
		CHECK(!strstr(line, "Bearer"));
		CHECK(!strstr(line, "\"name\""));
		log_refusals += strstr(line, "error: http: the server refuses the token") != NULL;
	}
	CHECK(lines > 20);
	dup2(real_stderr, STDERR_FILENO);
	if (f)
		fclose(f);
	unlink(path);
}

#endif
