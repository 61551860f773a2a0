/* SPDX-License-Identifier: MIT */
/* token: a mapped page that is not swapped, not dumped, and wiped. libcurl reads the header there
 * whenever it builds a request; its own request buffers are beyond our reach. Any one thread. */
#include "http/token.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static const char prefix[] = "Authorization: Bearer ";

/* A line break would end the header and begin one of the secret's choosing. */
static int check(const char *secret, size_t room)
{
	size_t n = strlen(secret);

	if (!n || n >= room)
		return -EINVAL;
	for (size_t i = 0; i < n; i++) {
		if (secret[i] <= ' ' || secret[i] > '~')
			return -EINVAL;
	}
	return 0;
}

int token_init(struct token *t, const char *secret)
{
	size_t size = (size_t)sysconf(_SC_PAGESIZE);
	int err = check(secret, size - sizeof(prefix));

	*t = (struct token){0};
	if (err < 0)
		return err;
	void *page = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (page == MAP_FAILED)
		return -ENOMEM;
	t->page = page;
	t->size = size;
	token_lock(t);
	madvise(page, size, MADV_DONTDUMP);
	snprintf(t->page, size, "%s%s", prefix, secret);
	return 0;
}

void token_lock(struct token *t)
{
	/* May be refused by RLIMIT_MEMLOCK; a token that could be swapped is better than no mount. */
	int err = mlock(t->page, t->size);
	(void)err;
}

bool token_is(const struct token *t, const char *secret)
{
	return strcmp(t->page + sizeof(prefix) - 1, secret) == 0;
}

int token_set(struct token *t, const char *secret)
{
	int err = check(secret, t->size - sizeof(prefix));

	if (err < 0)
		return err;
	explicit_bzero(t->page, t->size); /* the old one may be longer */
	snprintf(t->page, t->size, "%s%s", prefix, secret);
	return 0;
}

void token_fini(struct token *t)
{
	if (!t->page)
		return;
	explicit_bzero(t->page, t->size);
	munmap(t->page, t->size);
	*t = (struct token){0};
}
