/* SPDX-License-Identifier: MIT */
/*
 * url: which addresses a token may be sent to. Parses with libcurl, so that what is checked here is
 * what is connected to later, and puts the address together again from the parts that were
 * checked. Pure: any thread, no lock.
 */
#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <curl/curl.h>

#include "http/http.h"

enum { URL_MAX = 2000 };

DEFINE_CLEANUP(CURLU *, curl_url_cleanup)
DEFINE_CLEANUP(char *, curl_free)

/* Bytes that parsers disagree about, and parts an address of a CRM does not have. NULL: fine. */
static const char *unusual_part(const char *url)
{
	const char *host = strstr(url, "://");

	if (strlen(url) > URL_MAX)
		return "the address is too long";
	for (const char *p = url; *p; p++) {
		if (*p <= ' ' || *p > '~' || strchr("\\\"<>^`{|}", *p))
			return "the address holds a character that addresses do not have";
	}
	if (!host)
		return "the address must begin with https://";
	size_t n = strcspn(host + 3, "/?#");
	if (!n) /* libcurl skips a third slash */
		return "the address names no host";
	if (memchr(host + 3, '@', n))
		return "the address must not hold a user or password";
	if (memchr(host + 3, '%', n))
		return "the address's host holds a character that hosts do not have";
	if (strpbrk(host, "?#"))
		return "the address must end with its path, without ? or #";
	return NULL;
}

static char *part(CURLU *u, CURLUPart which)
{
	char *value = NULL;

	return curl_url_get(u, which, &value, CURLU_NO_DEFAULT_PORT) ? NULL : value;
}

/* By number or by the one name libcurl never asks a resolver for. */
static bool is_loopback(const char *host)
{
	struct in_addr v4;
	struct in6_addr v6;
	char bare[INET6_ADDRSTRLEN + 2];
	size_t n = strlen(host);

	if (strcasecmp(host, "localhost") == 0)
		return true;
	if (inet_pton(AF_INET, host, &v4) == 1)
		return ntohl(v4.s_addr) >> 24 == 127;
	if (host[0] != '[' || n < 3 || n - 2 >= sizeof(bare))
		return false;
	memcpy(bare, host + 1, n - 2);
	bare[n - 2] = '\0';
	return inet_pton(AF_INET6, bare, &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6);
}

static void strip_tail(char *path)
{
	size_t n = strlen(path);

	while (n && path[n - 1] == '/')
		path[--n] = '\0';
}

/* "/sub/api/" -> "/sub" */
static void strip_api(char *path)
{
	strip_tail(path);
	size_t n = strlen(path);
	if (n >= 4 && strcmp(path + n - 4, "/api") == 0)
		path[n - 4] = '\0';
	strip_tail(path);
}

static int join(CURLU *u, char *host, char **out)
{
	CLEANUP(curl_free) char *scheme = part(u, CURLUPART_SCHEME);
	CLEANUP(curl_free) char *port = part(u, CURLUPART_PORT);
	CLEANUP(curl_free) char *path = part(u, CURLUPART_PATH);
	CLEANUP(buf_fini) struct buf url = BUF_INIT(2 * URL_MAX);

	if (!scheme || !path)
		return -ENOMEM;
	for (char *p = host; *p; p++) /* one spelling: the cache's directory is named by it */
		*p = (char)tolower((unsigned char)*p);
	strip_api(path);
	int err = buf_printf(&url, "%s://%s%s%s%s", scheme, host, port ? ":" : "", port ? port : "",
			     path);
	if (!err)
		*out = buf_steal(&url);
	return err;
}

static int refuse(const char **why, const char *words)
{
	*why = words;
	return -EINVAL;
}

int http_check_url(const char *url, char **out, const char **why)
{
	CLEANUP(curl_url_cleanup) CURLU *u = curl_url();
	const char *unusual = unusual_part(url);

	if (unusual)
		return refuse(why, unusual);
	if (!u)
		return refuse(why, "out of memory");
	if (curl_url_set(u, CURLUPART_URL, url, 0) != CURLUE_OK)
		return refuse(why, "the address must look like https://crm.example.com");
	CLEANUP(curl_free) char *scheme = part(u, CURLUPART_SCHEME);
	CLEANUP(curl_free) char *host = part(u, CURLUPART_HOST);
	if (!scheme || !host || !*host)
		return refuse(why, "the address names no host");
	bool tls = strcmp(scheme, "https") == 0;
	if (!tls && strcmp(scheme, "http") != 0)
		return refuse(why, "the address must begin with https://");
	if (!tls && !is_loopback(host))
		return refuse(why, "plain http would show the token to the network; use https://");
	if (join(u, host, out) < 0)
		return refuse(why, "out of memory");
	return 0;
}
