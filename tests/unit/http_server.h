/* SPDX-License-Identifier: MIT */
/*
 * A loopback server for http_test: a thread a connection, which answers the n-th request (counted
 * over all connections) with the n-th step of a script, byte for byte, and then keeps, closes or
 * resets the connection. After the script's end every request is answered 200 {"ok":true}.
 */

#ifndef TESTS_UNIT_HTTP_SERVER_H
#define TESTS_UNIT_HTTP_SERVER_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#define JSON_OK                                                                                    \
	"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: "                    \
	"11\r\n\r\n{\"ok\":true}"

enum then { KEEP, CLOSE, RESET };

struct step {
	const char *answer; /* NULL: none */
	size_t len;	    /* 0: strlen */
	enum then then;
	bool hold; /* until server_release */
};

enum { CONNECTIONS_MAX = 256, REQUESTS_MAX = 512, REQUEST_KEPT = 1024 };

struct server {
	int listener, port;
	pthread_t acceptor;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	const struct step *steps;
	int step_count;
	bool released, stopping;
	int connections, requests;
	int fds[CONNECTIONS_MAX];
	pthread_t threads[CONNECTIONS_MAX];
	char seen[REQUESTS_MAX][REQUEST_KEPT]; /* the requests' beginnings, in order */
};

struct server_connection {
	struct server *server;
	int fd;
};

/* Bytes of a whole request at the beginning of the text, or 0. */
static size_t whole_request(const char *text)
{
	const char *end = strstr(text, "\r\n\r\n");

	if (!end)
		return 0;
	const char *length = strcasestr(text, "content-length:");
	size_t body = length && length < end ? strtoul(length + 15, NULL, 10) : 0;
	size_t whole = (size_t)(end - text) + 4 + body;
	return strlen(text) >= whole ? whole : 0;
}

/* Reads one request; false at the connection's end. */
static bool read_request(int fd, char *text, size_t size)
{
	size_t n = 0;

	text[0] = '\0';
	while (!whole_request(text)) {
		ssize_t got = recv(fd, text + n, size - n - 1, 0);
		if (got <= 0)
			return false;
		n += (size_t)got;
		text[n] = '\0';
	}
	return true;
}

static struct step next_step(struct server *s, const char *request)
{
	struct step step = {JSON_OK, 0, KEEP, false};

	pthread_mutex_lock(&s->lock);
	if (s->requests < REQUESTS_MAX)
		snprintf(s->seen[s->requests], REQUEST_KEPT, "%s", request);
	if (s->requests < s->step_count)
		step = s->steps[s->requests];
	s->requests++;
	pthread_cond_broadcast(&s->changed);
	while (step.hold && !s->released && !s->stopping)
		pthread_cond_wait(&s->changed, &s->lock);
	pthread_mutex_unlock(&s->lock);
	return step;
}

static void send_all(int fd, const char *bytes, size_t n)
{
	while (n) {
		ssize_t sent = send(fd, bytes, n, MSG_NOSIGNAL);
		if (sent <= 0)
			return;
		bytes += sent;
		n -= (size_t)sent;
	}
}

static void *serve(void *arg)
{
	struct server_connection c = *(struct server_connection *)arg;
	enum then then = KEEP;
	static const struct linger at_once = {1, 0};
	char *request = malloc(1 << 20);

	free(arg);
	while (then == KEEP && read_request(c.fd, request, 1 << 20)) {
		struct step step = next_step(c.server, request);
		if (step.answer)
			send_all(c.fd, step.answer, step.len ? step.len : strlen(step.answer));
		then = step.then;
	}
	if (then == RESET)
		setsockopt(c.fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
	free(request);
	/* The number stays taken till the end, as server_stop may shut it down. */
	if (then != KEEP) {
		int closed = socket(AF_INET, SOCK_STREAM, 0);
		dup2(closed, c.fd);
		close(closed);
	}
	return NULL;
}

static void *accept_all(void *arg)
{
	struct server *s = arg;

	for (;;) {
		int fd = accept(s->listener, NULL, NULL);
		if (fd < 0)
			return NULL;
		struct server_connection *c = malloc(sizeof(*c));
		*c = (struct server_connection){s, fd};
		pthread_mutex_lock(&s->lock);
		int i = s->connections;
		if (i < CONNECTIONS_MAX && !s->stopping) {
			s->fds[i] = fd;
			pthread_create(&s->threads[i], NULL, serve, c);
			s->connections++;
		} else {
			close(fd);
			free(c);
		}
		pthread_mutex_unlock(&s->lock);
	}
}

/* port 0: any. */
static struct server *server_start_at(int port, const struct step *steps, int n)
{
	struct server *s = calloc(1, sizeof(*s));
	struct sockaddr_in a = {.sin_family = AF_INET,
				.sin_port = htons((uint16_t)port),
				.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(a);
	int on = 1;

	s->steps = steps;
	s->step_count = n;
	pthread_mutex_init(&s->lock, NULL);
	pthread_cond_init(&s->changed, NULL);
	s->listener = socket(AF_INET, SOCK_STREAM, 0);
	setsockopt(s->listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(s->listener, (struct sockaddr *)&a, sizeof(a)) || listen(s->listener, 64)) {
		perror("BUG: the test's server cannot listen");
		exit(1);
	}
	getsockname(s->listener, (struct sockaddr *)&a, &len);
	s->port = ntohs(a.sin_port);
	pthread_create(&s->acceptor, NULL, accept_all, s);
	return s;
}

static inline struct server *server_start(const struct step *steps, int n)
{
	return server_start_at(0, steps, n);
}

static inline void server_release(struct server *s)
{
	pthread_mutex_lock(&s->lock);
	s->released = true;
	pthread_cond_broadcast(&s->changed);
	pthread_mutex_unlock(&s->lock);
}

static inline void server_wait_requests(struct server *s, int n)
{
	pthread_mutex_lock(&s->lock);
	while (s->requests < n)
		pthread_cond_wait(&s->changed, &s->lock);
	pthread_mutex_unlock(&s->lock);
}

static inline int server_requests(struct server *s)
{
	pthread_mutex_lock(&s->lock);
	int n = s->requests;
	pthread_mutex_unlock(&s->lock);
	return n;
}

static inline int server_connections(struct server *s)
{
	pthread_mutex_lock(&s->lock);
	int n = s->connections;
	pthread_mutex_unlock(&s->lock);
	return n;
}

static inline void server_stop(struct server *s)
{
	pthread_mutex_lock(&s->lock);
	s->stopping = true;
	pthread_cond_broadcast(&s->changed);
	for (int i = 0; i < s->connections; i++)
		shutdown(s->fds[i], SHUT_RDWR);
	pthread_mutex_unlock(&s->lock);
	shutdown(s->listener, SHUT_RDWR);
	pthread_join(s->acceptor, NULL);
	for (int i = 0; i < s->connections; i++) {
		pthread_join(s->threads[i], NULL);
		close(s->fds[i]);
	}
	close(s->listener);
	pthread_cond_destroy(&s->changed);
	pthread_mutex_destroy(&s->lock);
	free(s);
}

#endif
