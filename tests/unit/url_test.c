/* SPDX-License-Identifier: MIT */
/* http_check_url: which addresses a token may be sent to, and their one spelling. */
#include <errno.h>
#include <stdlib.h>

#include "check.h"
#include "http/http.h"

#define COUNT(a) ((int)(sizeof(a) / sizeof((a)[0])))

static void test_urls(void)
{
	static const struct {
		const char *url, *want;
	} rows[] = {
		{"https://crm.example.com", "https://crm.example.com"},
		{"https://crm.example.com/", "https://crm.example.com"},
		{"https://crm.example.com/api", "https://crm.example.com"},
		{"https://crm.example.com/api///", "https://crm.example.com"},
		{"HTTPS://CRM.Example.com/Sub/api/", "https://crm.example.com/Sub"},
		{"https://crm.example.com/sub", "https://crm.example.com/sub"},
		{"https://crm.example.com/myapi", "https://crm.example.com/myapi"},
		{"https://crm.example.com/a/../b", "https://crm.example.com/b"},
		{"https://crm.example.com:8443/x", "https://crm.example.com:8443/x"},
		{"https://crm.example.com:443", "https://crm.example.com"},
		{"https://[2001:db8::1]:8443", "https://[2001:db8::1]:8443"},
		{"http://localhost:8000", "http://localhost:8000"},
		{"http://LOCALHOST", "http://localhost"},
		{"http://127.0.0.1:1/api", "http://127.0.0.1:1"},
		{"http://127.9.8.7", "http://127.9.8.7"},
		{"http://[::1]:80/", "http://[::1]"},
		{"http://crm.example.com", NULL},
		{"http://127.0.0.1.example.com", NULL},
		{"http://localhost.example.com", NULL},
		{"http://10.0.0.1", NULL},
		{"http://128.0.0.1", NULL},
		{"http://[::ffff:127.0.0.1]", NULL},
		{"http://[::2]", NULL},
		{"http://0.0.0.0", NULL},
		{"http://user@localhost", NULL},
		{"https://user:pw@crm.example.com", NULL},
		{"https://@crm.example.com", NULL},
		{"https://crm.example.com\\@evil.com", NULL},
		{"https://crm.example.com?x=1", NULL},
		{"https://crm.example.com/?", NULL},
		{"https://crm.example.com/#a", NULL},
		{"https://crm.example.com/a b", NULL},
		{"https://crm.example.com\n", NULL},
		{"https://crm%2eexample.com", NULL},
		{"https://", NULL},
		{"https:///api", NULL},
		{"https://crm.example.com:99999", NULL},
		{"ftp://crm.example.com", NULL},
		{"file:///etc/passwd", NULL},
		{"crm.example.com", NULL},
		{"//crm.example.com", NULL},
		{"", NULL},
		{"https://cr\xc3\xbcm.example.com", NULL},
	};

	for (int i = 0; i < COUNT(rows); i++) {
		char *out = NULL;
		const char *why = NULL;
		int err = http_check_url(rows[i].url, &out, &why);
		CHECK_EQ(err, rows[i].want ? 0 : -EINVAL);
		CHECK_STR(out, rows[i].want);
		CHECK(err == 0 || (why && why[0]));
		if ((err == 0) != (rows[i].want != NULL))
			fprintf(stderr, "\turl %s\n", rows[i].url);
		free(out);
	}
}

int main(void)
{
	test_urls();
	return check_done("url");
}
