/* SPDX-License-Identifier: MIT */
/* errmap: three tables and their lookup. Knows numbers, decides nothing. Pure: any thread, no
 * lock. ESTALE and ENOSYS do not occur: the VFS repeats the one and remembers the other (F6). */
#include "http/errmap.h"

#include <errno.h>
#include <stddef.h>

#include <curl/curl.h>

#include "base/macros.h"

struct row {
	int code;
	struct fault fault;
};

static const struct row statuses[] = {
	{400, {-EINVAL, "the server cannot make sense of the request", false}},
	{401, {-EACCES, "the server does not accept the token", false}},
	{403, {-EPERM, "the server does not allow this to the token's user", false}},
	{404, {-ENOENT, "the server has no such record", false}},
	{405, {-EPERM, "the server does not offer this operation", false}},
	{406, {-EIO, "something before the server refused the request", false}},
	{408, {-ETIMEDOUT, "the server waited too long for the request", false}},
	{409, {-EBUSY, "the record's state on the server does not allow this now", false}},
	{410, {-ENOENT, "the record is gone from the server", false}},
	{412, {-EBUSY, "the record was changed on the server meanwhile", false}},
	{413, {-EFBIG, "the record is larger than the server takes", false}},
	{414, {-EINVAL, "the request's address is longer than the server takes", false}},
	{415, {-EINVAL, "the server does not take this kind of content", false}},
	{419, {-EIO, "the server takes us for a browser session", false}},
	{422, {-EINVAL, "the server refused a value", false}},
	{423, {-EBUSY, "the record is locked on the server", false}},
	{429, {-EAGAIN, "the server's request limit is spent", false}},
	{500, {-EIO, "the server failed", false}},
	{502, {-EIO, "the server behind the gateway gave no valid answer", false}},
	{503, {-EIO, "the server is in maintenance or overloaded", false}},
	{504, {-EIO, "the server behind the gateway gave no answer in time", false}},
};

static const struct row curlcodes[] = {
	{CURLE_COULDNT_RESOLVE_HOST,
	 {-EHOSTUNREACH, "the server's name cannot be resolved", false}},
	{CURLE_COULDNT_CONNECT, {-ECONNREFUSED, "the server refuses connections", false}},
	{CURLE_OPERATION_TIMEDOUT, {-ETIMEDOUT, "the server did not answer in time", false}},
	{CURLE_PARTIAL_FILE, {-EIO, "the answer was cut off", false}},
	{CURLE_GOT_NOTHING, {-EIO, "the server closed the connection without an answer", false}},
	{CURLE_OUT_OF_MEMORY, {-ENOMEM, "out of memory", true}},
	{CURLE_URL_MALFORMAT, {-EINVAL, "the request's address is malformed", true}},
	{CURLE_UNSUPPORTED_PROTOCOL, {-EINVAL, "the request's address is malformed", true}},
	{CURLE_BAD_CONTENT_ENCODING, {-EIO, "the answer is badly compressed", true}},
	{CURLE_WEIRD_SERVER_REPLY, {-EIO, "the server does not speak HTTP", true}},
	{CURLE_HTTP_RETURNED_ERROR, {-EIO, "the server failed", false}},
	{CURLE_SSL_CONNECT_ERROR, {-EIO, "no TLS connection could be agreed upon", false}},
	{CURLE_PEER_FAILED_VERIFICATION,
	 {-EACCES, "the server's certificate is not to be trusted", true}},
	{CURLE_SSL_INVALIDCERTSTATUS,
	 {-EACCES, "the server's certificate is not to be trusted", true}},
	{CURLE_SSL_ISSUER_ERROR, {-EACCES, "the server's certificate is not to be trusted", true}},
	{CURLE_SSL_CACERT_BADFILE, {-EACCES, "the file of CA certificates cannot be read", true}},
	{CURLE_SSL_CERTPROBLEM, {-EACCES, "the server asks for a certificate of ours", true}},
	{CURLE_SSL_CIPHER, {-EACCES, "the server offers no TLS cipher that is good enough", true}},
};

static const struct fault own_faults[] = {
	[FAULT_DEADLINE] = {-ETIMEDOUT, "no answer before the deadline", false},
	[FAULT_BUDGET] = {-EAGAIN, "the server's request limit is spent till after the deadline",
			  false},
	[FAULT_CANCELED] = {-ECANCELED, "cancelled", true},
	[FAULT_MEMORY] = {-ENOMEM, "out of memory", true},
	[FAULT_TOO_BIG] = {-EFBIG, "the answer is larger than is sane", true},
	[FAULT_NOT_API] = {-EIO, "the answer is not the API's (a login page or a proxy's?)", true},
	[FAULT_EMPTY] = {-EIO, "the answer is empty", true},
	[FAULT_LOST] = {-EIO, "the connection broke before the answer was complete", false},
};

static const struct fault *find(const struct row *rows, size_t n, int code)
{
	for (size_t i = 0; i < n; i++) {
		if (rows[i].code == code)
			return &rows[i].fault;
	}
	return NULL;
}

struct fault errmap_status(int status)
{
	const struct fault *known = find(statuses, ARRAY_LEN(statuses), status);

	if (known)
		return *known;
	if (status >= 500)
		return (struct fault){-EIO, "the server failed", false};
	if (status >= 400)
		return (struct fault){-EIO, "the server refused the request", false};
	if (status >= 300)
		return (struct fault){-EIO, "the server redirects to another address", true};
	if (status >= 200)
		return (struct fault){0, "", false};
	return own_faults[FAULT_LOST];
}

struct fault errmap_curl(int curlcode)
{
	const struct fault *known = find(curlcodes, ARRAY_LEN(curlcodes), curlcode);

	if (curlcode == CURLE_OK)
		return (struct fault){0, "", false};
	return known ? *known : own_faults[FAULT_LOST];
}

struct fault errmap_connect(int os_errno)
{
	if (os_errno == ECONNREFUSED || !os_errno)
		return errmap_curl(CURLE_COULDNT_CONNECT);
	return (struct fault){-EHOSTUNREACH, "the server cannot be reached", false};
}

struct fault errmap_own(enum own_fault what)
{
	return own_faults[what];
}
