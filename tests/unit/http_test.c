/* SPDX-License-Identifier: MIT */
/* http: what is sent, and what is made of answers and of connections that break: the real engine
 * and libcurl against scripted servers on loopback. */
#include <sys/resource.h>

#include "base/version.h"

#include "http_jobs.h"

/* --- what is sent --- */

static void test_keep_alive_and_headers(void)
{
	struct server *s = server_start(NULL, 0);

	open_at("http", s->port, true);
	for (int i = 0; i < 5; i++) {
		struct job *j = run(make(METHOD_GET, "/contacts?page=2"));
		EXPECT(j, 0, 200);
		CHECK_STR(j->answer ? blob_data(j->answer) : NULL, "{\"ok\":true}");
		drop(j);
	}
	struct job *put = run(make(METHOD_PUT, "/contacts/5"));
	struct job *del = run(make(METHOD_DELETE, "/contacts/5"));
	CHECK_EQ(server_connections(s), 1);
	struct job *post = run(make(METHOD_POST, "/contacts"));
	CHECK_EQ(server_connections(s), 2); /* never on one that may be dead */
	CHECK_EQ(server_requests(s), 8);
	CHECK(strstr(s->seen[0], "GET /api/contacts?page=2 HTTP/1.1\r\n") == s->seen[0]);
	CHECK(strstr(s->seen[5], "PUT /api/contacts/5 HTTP/1.1\r\n") == s->seen[5]);
	CHECK(strstr(s->seen[5], "\r\n\r\n{\"name\":\"x\"}") != NULL);
	CHECK(strstr(s->seen[6], "DELETE /api/contacts/5 HTTP/1.1\r\n") == s->seen[6]);
	CHECK(!strcasestr(s->seen[6], "content-length"));
	CHECK(strstr(s->seen[7], "POST /api/contacts HTTP/1.1\r\n") == s->seen[7]);
	for (int i = 0; i < 8; i++) {
		CHECK(strstr(s->seen[i], "\r\nAuthorization: Bearer " TOKEN "\r\n") != NULL);
		CHECK(strstr(s->seen[i], "\r\nAccept: application/json\r\n") != NULL);
		CHECK(strcasestr(s->seen[i], "\r\nAccept-Encoding: gzip\r\n") != NULL);
		CHECK(strstr(s->seen[i], "\r\nUser-Agent: concordfs/" CONCORDFS_VERSION "\r\n") !=
		      NULL);
		CHECK(!strcasestr(s->seen[i], "\r\nExpect:"));
		CHECK(!strcasestr(s->seen[i], "\r\nReferer:"));
		CHECK(!strcasestr(s->seen[i], "\r\nOrigin:"));
		CHECK(!strcasestr(s->seen[i], "\r\nCookie:"));
	}
	drop(put);
	drop(del);
	drop(post);
	close_http();
	server_stop(s);
}

static void test_run_one_before_start(void)
{
	struct server *s = server_start(NULL, 0);
	struct job *j = make(METHOD_GET, "/me");

	open_at("http", s->port, false);
	http_run_one(http, j);
	wait_for(j);
	EXPECT(j, 0, 200);
	CHECK_EQ(http_start(http), 0);
	struct job *k = run(make(METHOD_GET, "/contacts/1"));
	EXPECT(k, 0, 200);
	CHECK_EQ(server_connections(s), 1);
	drop(j);
	drop(k);
	close_http();
	server_stop(s);
}

/* --- connections that break --- */

/* The second request arrives on a kept connection (a POST on a new one), which then is closed or
 * reset unanswered. */
static void stale(enum method method, enum then how, int err, int requests)
{
	const struct step steps[] = {{JSON_OK, 0, KEEP, false}, {NULL, 0, how, false}};
	struct server *s = server_start(steps, COUNT(steps));

	open_at("http", s->port, true);
	drop(run(make(METHOD_GET, "/contacts/1")));
	struct job *j = run(make(method, "/contacts/2"));
	EXPECT(j, err, err ? 0 : 200);
	CHECK_EQ(server_requests(s), requests);
	CHECK_EQ(j->may_have_acted, err != 0);
	if (!err) {
		CHECK_EQ(j->tries, method == METHOD_POST ? 2 : 1); /* not counted, no back-off */
		CHECK(method == METHOD_GET || j->sent_twice);
	}
	drop(j);
	close_http();
	server_stop(s);
}

static void test_stale_keep_alive(void)
{
	for (enum then how = CLOSE; how <= RESET; how++) {
		stale(METHOD_GET, how, 0, 3);
		stale(METHOD_PUT, how, 0, 3);
		stale(METHOD_DELETE, how, 0, 3);
		stale(METHOD_POST, how, -EIO, 2);
	}
}

static void test_reset_before_answer(void)
{
	const struct step steps[] = {{NULL, 0, RESET, false}, {NULL, 0, RESET, false}};
	int n;

	struct job *get = once(steps, 2, make(METHOD_GET, "/contacts/1"), &n);
	EXPECT(get, 0, 200);
	CHECK_EQ(n, 3);
	CHECK_EQ(get->tries, 3);
	struct job *del = once(steps, 1, make(METHOD_DELETE, "/contacts/1"), &n);
	EXPECT(del, 0, 200);
	CHECK(del->sent_twice && !del->may_have_acted);
	struct job *post = once(steps, 2, make(METHOD_POST, "/contacts"), &n);
	EXPECT(post, -EIO, 0);
	CHECK_EQ(n, 1);
	CHECK(post->may_have_acted && !post->sent_twice);
	drop(get);
	drop(del);
	drop(post);
}

static void test_truncated_body(void)
{
	static const char half[] = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
				   "Content-Length: 500\r\n\r\n{\"id\":1";
	static const char chunk[] = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
				    "Transfer-Encoding: chunked\r\n\r\n40\r\n{\"id\":1";
	static const char refused[] = "HTTP/1.1 422 No\r\nContent-Type: application/json\r\n"
				      "Content-Length: 500\r\n\r\n{\"mess";
	const struct step steps[] = {{half, 0, CLOSE, false}, {chunk, 0, CLOSE, false}};
	const struct step no[] = {{refused, 0, CLOSE, false}};
	int n;

	struct job *get = once(steps, 2, make(METHOD_GET, "/contacts/1"), &n);
	EXPECT(get, 0, 200);
	CHECK_EQ(n, 3);
	CHECK_EQ((long long)blob_len(get->answer), 11);
	struct job *post = once(steps, 2, make(METHOD_POST, "/contacts"), &n);
	EXPECT(post, -EIO, 200);
	CHECK_EQ(n, 1);
	CHECK(post->may_have_acted && !post->answer);
	struct job *put = once(no, 1, make(METHOD_PUT, "/contacts/1"), &n);
	EXPECT(put, -EINVAL, 422);
	CHECK_EQ(n, 1);
	CHECK(!put->may_have_acted && !put->answer);
	drop(get);
	drop(post);
	drop(put);
}

/* --- answers that are none --- */

static void answered(const char *answer, enum method method, int err, int status, bool has_body)
{
	const struct step steps[] = {{answer, 0, KEEP, false}};
	int n;
	struct job *j = once(steps, 1, make(method, "/contacts/1"), &n);

	EXPECT(j, err, status);
	CHECK_EQ(n, 1);
	CHECK_EQ(j->answer != NULL, has_body);
	CHECK(!err || j->reason[0]);
	drop(j);
}

static void test_content_types(void)
{
#define TYPED(status, type)                                                                        \
	"HTTP/1.1 " status "\r\nContent-Type: " type "\r\nContent-Length: 2\r\n\r\n{}"
	answered(TYPED("200 OK", "application/json; charset=utf-8"), METHOD_GET, 0, 200, true);
	answered(TYPED("200 OK", "Application/JSON"), METHOD_GET, 0, 200, true);
	answered(TYPED("200 OK", "text/html"), METHOD_GET, -EIO, 200, false);
	answered(TYPED("200 OK", "application/jsonp"), METHOD_GET, -EIO, 200, false);
	answered(TYPED("403 No", "text/html"), METHOD_GET, -EPERM, 403, false);
	answered(TYPED("422 No", "application/json"), METHOD_PUT, -EINVAL, 422, true);
	answered(TYPED("404 No", "application/json"), METHOD_GET, -ENOENT, 404, true);
	answered("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", METHOD_GET, -EIO, 200, false);
	answered("HTTP/1.1 204 OK\r\n\r\n", METHOD_DELETE, 0, 204, false);
	answered("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", METHOD_GET, -EIO, 200, false);
#undef TYPED
}

static void test_date(void)
{
	const struct step steps[] = {{"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
				      "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
				      "Content-Length: 2\r\n\r\n{}",
				      0, KEEP, false}};
	int n;
	struct job *j = once(steps, 1, make(METHOD_GET, "/me"), &n);

	CHECK_EQ(j->server_time, 784111777);
	drop(j);
}

static void test_redirect(void)
{
	static const int codes[] = {301, 302, 303, 307, 308};
	struct server *other = server_start(NULL, 0);
	char answer[256];

	for (int i = 0; i < COUNT(codes); i++) {
		snprintf(answer, sizeof(answer),
			 "HTTP/1.1 %d Moved\r\nLocation: http://127.0.0.1:%d/api/me\r\n"
			 "Content-Length: 0\r\n\r\n",
			 codes[i], other->port);
		answered(answer, METHOD_GET, -EIO, codes[i], false);
		answered(answer, METHOD_POST, -EIO, codes[i], false);
	}
	CHECK_EQ(server_requests(other), 0);
	CHECK_EQ(server_connections(other), 0);
	server_stop(other);
}

/* --- answers that are too large --- */

struct bits {
	unsigned char *out;
	size_t n;
	int used;
};

/* Deflate's fixed codes go out highest bit first. */
static void put_code(struct bits *b, unsigned code, int length)
{
	for (int i = length - 1; i >= 0; i--) {
		b->out[b->n] |= (unsigned char)((code >> i & 1) << b->used);
		b->used = (b->used + 1) % 8;
		b->n += b->used == 0;
	}
}

/* A gzip stream of one blank repeated: 258 bytes in 13 bits. */
static size_t make_bomb(unsigned char *out, int repeats)
{
	static const unsigned char head[] = {0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3};
	struct bits b = {out, sizeof(head), 0};

	memcpy(out, head, sizeof(head));
	put_code(&b, 1, 1); /* last block */
	put_code(&b, 2, 2); /* fixed codes: 01, lowest bit first */
	put_code(&b, 0x30 + ' ', 8);
	for (int i = 0; i < repeats; i++) {
		put_code(&b, 0xc5, 8); /* 258 bytes */
		put_code(&b, 0, 5);    /* from one back */
	}
	put_code(&b, 0, 7);
	return b.n + 1;
}

static void test_gzip(void)
{
	static const char small[] =
		"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Encoding: gzip\r\n"
		"Content-Length: 27\r\n\r\n"
		"\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03\xab\x56\x4a\x54\xb2\x32\xac\x05\x00\xaf"
		"\xac"
		"\x1b\x56\x07\x00\x00\x00";
	const struct step steps[] = {{small, sizeof(small) - 1, KEEP, false}};
	int n;
	struct job *j = once(steps, 1, make(METHOD_GET, "/contacts/1"), &n);

	EXPECT(j, 0, 200);
	CHECK_STR(j->answer ? blob_data(j->answer) : NULL, "{\"a\":1}");
	drop(j);
}

static long peak_kb(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return u.ru_maxrss;
}

static void test_gzip_bomb(void)
{
	enum { REPEATS = 1000000, ROOM = 2 << 20 }; /* 258 MB in 1.6 */
	char *bytes = calloc(1, ROOM + 256);
	size_t body = make_bomb((unsigned char *)bytes + 256, REPEATS);
	char head[256];
	int n, head_len = snprintf(head, sizeof(head),
				   "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
				   "Content-Encoding: gzip\r\nContent-Length: %zu\r\n\r\n",
				   body);
	char *start = bytes + 256 - head_len;

	memcpy(start, head, (size_t)head_len);
	const struct step steps[] = {{start, (size_t)head_len + body, KEEP, false}};
	long before = peak_kb();
	struct job *j = once(steps, 1, make(METHOD_GET, "/contacts"), &n);
	EXPECT(j, -EFBIG, 200);
	CHECK_EQ(n, 1);
	CHECK(!j->answer);
	CHECK(peak_kb() - before < 100 << 10);
	drop(j);
	free(bytes);
}

static void test_huge_answers(void)
{
	enum { SIZE = 8 << 20 };
	char *bytes = malloc(SIZE);
	int n, head = sprintf(bytes, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n");

	memset(bytes + head, ' ', (size_t)(SIZE - head));
	const struct step body[] = {{bytes, SIZE, CLOSE, false}};
	struct job *put = once(body, 1, make(METHOD_PUT, "/contacts/1"), &n);
	EXPECT(put, -EFBIG, 200);
	CHECK(put->may_have_acted);

	head = sprintf(bytes, "HTTP/1.1 200 OK\r\n");
	for (int at = head; at + 64 < SIZE; at += 64)
		memcpy(bytes + at,
		       "X-Noise: 01234567890123456789012345678901234567890123456789012\r\n", 64);
	const struct step headers[] = {{bytes, SIZE - 64, CLOSE, false}};
	struct job *get = once(headers, 1, make(METHOD_GET, "/contacts/1"), &n);
	CHECK_EQ(get->err, -EFBIG);
	CHECK_EQ(n, 1);
	drop(put);
	drop(get);
	free(bytes);
}

static void test_bad_configurations(void)
{
	static const char *const tokens[] = {"", "a\nb", "a b", "a\r\nX-Other: 1", "\xff"};
	struct http_config config = {.base_url = "http://127.0.0.1:1", .max_connections = 4};

	for (int i = 0; i < COUNT(tokens); i++) {
		config.token = tokens[i];
		CHECK(!http_new(&config));
	}
	char *endless = calloc(1, 1 << 16);
	memset(endless, 'x', (1 << 16) - 1);
	config.token = endless;
	CHECK(!http_new(&config));
	free(endless);
	config.token = TOKEN;
	config.base_url = "http://crm.example.com";
	CHECK(!http_new(&config));
	http_free(NULL);
	job_free(NULL);
}

int main(void)
{
	char path[] = "/tmp/http_test.XXXXXX";

	CHECK_EQ(log_init("http"), 0);
	divert_log(path);
	test_keep_alive_and_headers();
	test_run_one_before_start();
	test_stale_keep_alive();
	test_reset_before_answer();
	test_truncated_body();
	test_content_types();
	test_date();
	test_redirect();
	test_gzip();
	test_gzip_bomb();
	test_huge_answers();
	test_bad_configurations();
	inspect_log(path);
	return check_done("http");
}
