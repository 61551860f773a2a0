/* SPDX-License-Identifier: MIT */
/*
 * transfer: the only file that sets libcurl's options and reads its results. Net thread, no lock.
 *
 * libcurl repeats a request by itself, a POST too, when a kept connection turns out to be closed or
 * a stream is refused, up to five times. The prerequest callback, called before each sending, allows
 * one: repeats are retry.c's to decide and the limiter's to count.
 */
#include "http/transfer.h"

#include <errno.h>
#include <limits.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include "base/log.h"
#include "base/version.h"

enum {
	CONNECT_MS = 10000,
	STALL_S = 20,
	UNACKED_MS = 10000,
	HEADERS_MAX = 256 << 10,
	READ_BUFFER = 128 << 10,
};

static size_t on_body(char *bytes, size_t one, size_t n, void *arg)
{
	struct transfer *t = arg;
	int err = buf_add(&t->body, bytes, one * n);

	t->no_memory = err == -ENOMEM;
	t->too_big = err == -EFBIG;
	return err < 0 ? 0 : n; /* anything but n aborts */
}

/* libcurl reads the headers itself; this only ends an endless stream of them. */
static size_t on_header(char *bytes, size_t one, size_t n, void *arg)
{
	struct transfer *t = arg;

	(void)bytes;
	t->header_bytes += one * n;
	t->too_big = t->header_bytes > HEADERS_MAX;
	return t->too_big ? 0 : n;
}

static int on_send(void *arg, char *peer_ip, char *own_ip, int peer_port, int own_port)
{
	struct transfer *t = arg;
	long connects = 0;

	(void)peer_ip, (void)own_ip, (void)peer_port, (void)own_port;
	if (t->sends++)
		return CURL_PREREQFUNC_ABORT;
	curl_easy_getinfo(t->easy, CURLINFO_NUM_CONNECTS, &connects);
	t->is_reused = connects == 0;
	return CURL_PREREQFUNC_OK;
}

/* After a suspend, or behind a router that forgot us, a kept connection is dead and does not say
 * so: without this a request on it would wait for the stall limit. */
static int on_socket(void *arg, curl_socket_t fd, curlsocktype purpose)
{
	unsigned ms = UNACKED_MS;

	(void)arg, (void)purpose;
	setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &ms, sizeof(ms));
	return CURL_SOCKOPT_OK;
}

static void set_callbacks(struct transfer *t)
{
	curl_easy_setopt(t->easy, CURLOPT_PRIVATE, t);
	curl_easy_setopt(t->easy, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(t->easy, CURLOPT_WRITEDATA, t);
	curl_easy_setopt(t->easy, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(t->easy, CURLOPT_HEADERDATA, t);
	curl_easy_setopt(t->easy, CURLOPT_PREREQFUNCTION, on_send);
	curl_easy_setopt(t->easy, CURLOPT_PREREQDATA, t);
	curl_easy_setopt(t->easy, CURLOPT_SOCKOPTFUNCTION, on_socket);
}

static void set_times(CURL *easy)
{
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_MS);
	curl_easy_setopt(easy, CURLOPT_LOW_SPEED_LIMIT, 1L);
	curl_easy_setopt(easy, CURLOPT_LOW_SPEED_TIME, (long)STALL_S);
	curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
	curl_easy_setopt(easy, CURLOPT_TCP_KEEPIDLE, 30L);
	curl_easy_setopt(easy, CURLOPT_TCP_KEEPINTVL, 10L);
	/* Else ending a transfer waits for a resolver's thread that is still at it. */
	curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
	curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, (long)READ_BUFFER);
}

/* Each of these may fail for want of memory, and without any of them the token is not safe. */
static bool set_safety(CURL *easy, const struct transfer_config *config)
{
	bool tls = strncmp(config->base, "https:", 6) == 0;

	return !curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, tls ? "https" : "http") &&
	       !curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L) &&
	       !curl_easy_setopt(easy, CURLOPT_PROXY, "") &&
	       !curl_easy_setopt(easy, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED) &&
	       !curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L) &&
	       !curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L) &&
	       !curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2) &&
	       (!config->ca_file || !curl_easy_setopt(easy, CURLOPT_CAINFO, config->ca_file));
}

static bool set_speech(CURL *easy, const struct transfer_config *config)
{
	bool tls = strncmp(config->base, "https:", 6) == 0;
	long version = tls ? (long)CURL_HTTP_VERSION_2TLS : (long)CURL_HTTP_VERSION_1_1;

	return !curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, version) &&
	       !curl_easy_setopt(easy, CURLOPT_PIPEWAIT, tls ? 1L : 0L) &&
	       !curl_easy_setopt(easy, CURLOPT_ACCEPT_ENCODING, "gzip") &&
	       !curl_easy_setopt(easy, CURLOPT_USERAGENT, "concordfs/" CONCORDFS_VERSION) &&
	       !curl_easy_setopt(easy, CURLOPT_HTTPHEADER, config->headers);
}

struct transfer *transfer_new(const struct transfer_config *config)
{
	CLEANUP(transfer_free) struct transfer *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	list_init(&t->link);
	t->config = config;
	t->easy = curl_easy_init();
	if (!t->easy || !set_safety(t->easy, config) || !set_speech(t->easy, config))
		return NULL;
	set_callbacks(t);
	set_times(t->easy);
	return STEAL(t);
}

void transfer_free(struct transfer *t)
{
	if (!t)
		return;
	if (t->easy)
		curl_easy_cleanup(t->easy);
	buf_fini(&t->body);
	free(t);
}

const char *method_name(enum method method)
{
	static const char *const names[] = {
		[METHOD_GET] = "GET",
		[METHOD_POST] = "POST",
		[METHOD_PUT] = "PUT",
		[METHOD_DELETE] = "DELETE",
	};

	return names[method];
}

/* The body is lent to libcurl: it stays the job's. */
static bool set_request(CURL *easy, const struct job *j)
{
	bool has_body = j->body || j->method == METHOD_POST || j->method == METHOD_PUT;
	const char *verb = j->method == METHOD_GET ? NULL : method_name(j->method);

	if (!has_body) {
		return !curl_easy_setopt(easy, CURLOPT_POSTFIELDS, NULL) &&
		       !curl_easy_setopt(easy, CURLOPT_HTTPGET, 1L) &&
		       !curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, verb);
	}
	return !curl_easy_setopt(easy, CURLOPT_POST, 1L) &&
	       !curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)j->body_len) &&
	       !curl_easy_setopt(easy, CURLOPT_POSTFIELDS, j->body ? j->body : "") &&
	       !curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, verb);
}

static int set_url(struct transfer *t, const struct job *j)
{
	CLEANUP(buf_fini) struct buf url = BUF_INIT(64 << 10);
	int err = buf_printf(&url, "%s%s", t->config->base, j->path);

	if (err < 0 || curl_easy_setopt(t->easy, CURLOPT_URL, url.data))
		return -ENOMEM;
	return 0;
}

int transfer_prepare(struct transfer *t, struct job *j, long timeout_ms)
{
	int err = set_url(t, j);

	if (err < 0)
		return err;
	if (!set_request(t->easy, j))
		return -ENOMEM;
	/* On a kept connection that turns out to be closed a POST could only fail, as it must not be
	 * repeated and may have acted: it pays for a new one. */
	bool fresh = j->wants_fresh || j->method == METHOD_POST;
	curl_easy_setopt(t->easy, CURLOPT_FRESH_CONNECT, fresh ? 1L : 0L);
	curl_easy_setopt(t->easy, CURLOPT_TIMEOUT_MS, timeout_ms);
	t->body = BUF_INIT(j->max_answer);
	t->header_bytes = 0;
	t->sends = 0;
	t->is_reused = t->no_memory = t->too_big = false;
	t->job = j;
	return 0;
}

void transfer_clear(struct transfer *t)
{
	buf_fini(&t->body);
	curl_easy_setopt(t->easy, CURLOPT_POSTFIELDS, NULL);
	t->job = NULL;
}

bool transfer_has_left(const struct transfer *t)
{
	long bytes = 0;

	curl_easy_getinfo(t->easy, CURLINFO_REQUEST_SIZE, &bytes);
	return t->sends > 1 || (t->sends && bytes > 0);
}

static const char *header(const struct transfer *t, const char *name)
{
	struct curl_header *h;

	return curl_easy_header(t->easy, name, 0, CURLH_HEADER, -1, &h) ? NULL : h->value;
}

/* A whole number of seconds or requests; -1 if absent or anything else. */
static long header_number(const struct transfer *t, const char *name)
{
	const char *value = header(t, name);
	char *end;

	if (!value || *value < '0' || *value > '9')
		return -1;
	errno = 0;
	long n = strtol(value, &end, 10);
	return *end ? -1 : n; /* LONG_MAX when out of range: the reader has a ceiling */
}

/* Seconds, or a date: which is read against the server's own clock, as ours may differ. */
static long retry_header(const struct transfer *t, int64_t server_time)
{
	long seconds = header_number(t, "Retry-After");
	const char *value = header(t, "Retry-After");

	if (seconds >= 0 || !value || !server_time)
		return seconds;
	int64_t then = curl_getdate(value, NULL);
	if (then < 0)
		return -1;
	return then > server_time ? (long)(then - server_time) : 0;
}

static bool is_json(const struct transfer *t)
{
	static const char json[] = "application/json";
	const char *type = header(t, "Content-Type");
	size_t n = sizeof(json) - 1;

	return type && strncasecmp(type, json, n) == 0 && (!type[n] || strchr("; \t", type[n]));
}

static void read_head(struct transfer *t, struct outcome *out)
{
	const char *date = header(t, "Date");
	int64_t when = date ? curl_getdate(date, NULL) : -1;

	out->server_time = when > 0 ? when : 0;
	out->seen.size = header_number(t, "X-RateLimit-Limit");
	out->seen.left = header_number(t, "X-RateLimit-Remaining");
	out->seen.retry_after = retry_header(t, out->server_time);
	out->attempt.retry_after = out->seen.retry_after;
}

static struct fault curl_fault(const struct transfer *t, CURLcode code)
{
	long os_errno = 0;

	if (code != CURLE_COULDNT_CONNECT)
		return errmap_curl(code);
	curl_easy_getinfo(t->easy, CURLINFO_OS_ERRNO, &os_errno);
	return errmap_connect((int)os_errno);
}

static struct fault judge_success(const struct transfer *t)
{
	if (t->body.len && !is_json(t))
		return errmap_own(FAULT_NOT_API);
	if (!t->body.len && t->job->method == METHOD_GET)
		return errmap_own(FAULT_EMPTY);
	return errmap_curl(CURLE_OK);
}

/* A refusal holds however its body ends; a success counts only when it is whole. */
static struct fault judge(const struct transfer *t, CURLcode code, int status)
{
	if (t->no_memory || code == CURLE_OUT_OF_MEMORY)
		return errmap_own(FAULT_MEMORY);
	if (status >= 300)
		return errmap_status(status);
	if (t->too_big)
		return errmap_own(FAULT_TOO_BIG);
	if (code != CURLE_OK)
		return curl_fault(t, code);
	return judge_success(t);
}

/* Of a non-GET that left: whether the server did it is told by a 2xx and a refusal, not by
 * silence, and not by a failure somewhere behind a gateway. */
static bool is_lost(const struct outcome *out, const struct attempt *a)
{
	if (a->method == METHOD_GET || !a->bytes_left || !out->fault.err)
		return false;
	return out->seen.status < 300 || (out->seen.status >= 500 && out->seen.status != 503);
}

static bool is_whole(const struct outcome *out, CURLcode code)
{
	return code == CURLE_OK || out->seen.status >= 300;
}

/* The answer if it is the API's; a proxy's page is of no use to anybody. */
static void take_body(struct transfer *t, CURLcode code, struct outcome *out)
{
	out->bytes = t->body.len;
	if (code != CURLE_OK || !t->body.len || !is_json(t))
		return;
	size_t n = t->body.len;
	out->answer = blob_adopt(buf_steal(&t->body), n);
	if (!out->answer)
		out->fault = errmap_own(FAULT_MEMORY);
}

static void describe(struct transfer *t, CURLcode code, struct outcome *out)
{
	struct attempt *a = &out->attempt;

	a->method = t->job->method;
	a->bytes_left = transfer_has_left(t);
	a->status = is_whole(out, code) || t->too_big ? out->seen.status : 0;
	a->unreachable = !out->seen.status && !t->sends && code != CURLE_OK;
	a->stale_keepalive = t->is_reused && !t->header_bytes && code != CURLE_OK &&
			     code != CURLE_OPERATION_TIMEDOUT;
	a->hopeless = out->fault.hopeless;
	a->tries = t->job->tries;
}

void transfer_outcome(struct transfer *t, CURLcode code, struct outcome *out)
{
	long status = 0;

	*out = (struct outcome){.attempt = {.retry_after = -1}, .seen = {0, -1, -1, -1}};
	curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status);
	if (status >= 200) {
		out->seen.status = (int)status;
		read_head(t, out);
	}
	out->fault = judge(t, code, out->seen.status);
	take_body(t, code, out);
	describe(t, code, out);
	out->is_counted = out->attempt.bytes_left;
	out->is_lost = is_lost(out, &out->attempt);
}
