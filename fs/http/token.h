/* SPDX-License-Identifier: MIT */
/* token: the one copy of the API token, as a request header, in a page of its own. */
#ifndef HTTP_TOKEN_H
#define HTTP_TOKEN_H

#include <stdbool.h>
#include <stddef.h>

struct token {
	char *page; /* "Authorization: Bearer …"; NULL after token_fini */
	size_t size;
};

/* 0, -EINVAL for bytes that cannot stand in a header or too many of them, -ENOMEM. */
int token_init(struct token *t, const char *secret);
/* A child of fork does not inherit the lock on the page: to be called there. */
void token_lock(struct token *t);
bool token_is(const struct token *t, const char *secret);
/* Another secret in the same page, which libcurl knows. -EINVAL: the old one stays. */
int token_set(struct token *t, const char *secret);
void token_fini(struct token *t); /* wipes */

#endif
