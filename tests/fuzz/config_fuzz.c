/* SPDX-License-Identifier: MIT */
/*
 * Any bytes as a configuration file and as a command: refused with a line and a sentence, or cut into
 * names, keys and words that hold nothing a name may not hold. What was cut can be written and read
 * again.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "command.h"
#include "config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool claim)
{
	if (!claim)
		abort();
}

static int parse(struct config *c, const void *data, size_t size)
{
	const char *why = NULL;
	unsigned line = 0;

	*c = (struct config){.text = malloc(size + 1)};
	memcpy(c->text, data, size);
	c->text[size] = '\0';
	int err = config_parse(c, size, &line, &why);
	must(err == 0 || (err == -EINVAL && why && *why && line > 0));
	return err;
}

static void check_line(const struct config_line *l)
{
	must(l->number > 0 && *l->section && *l->key && (!l->value || *l->value));
	must(!strpbrk(l->section, " []/=|\n") && !strpbrk(l->key, " []=#\n\t"));
	for (const char *p = l->value; p && *p; p++)
		must((unsigned char)*p >= ' ' || *p == '\t');
	if (l->value)
		must(!strchr(" \t", l->value[0]) && !strchr(" \t", l->value[strlen(l->value) - 1]));
}

/* A value whose quotes are not closed may hold a # that would be a comment elsewhere: it stays. */
static void check_again(const struct config *c)
{
	CLEANUP(buf_fini) struct buf b = BUF_INIT(64 << 20);
	struct config again;

	for (size_t i = 0; i < c->count; i++) {
		const struct config_line *l = &c->lines[i];
		buf_printf(&b, "[%s]\n%s%s%s\n", l->section, l->key, l->value ? "=" : "",
			   l->value ? l->value : "");
	}
	must(parse(&again, b.data ? b.data : "", b.len) == 0 && again.count == c->count);
	for (size_t i = 0; i < c->count; i++) {
		const struct config_line *a = &c->lines[i], *z = &again.lines[i];
		must(strcmp(a->section, z->section) == 0 && strcmp(a->key, z->key) == 0);
		must(!a->value == !z->value && (!a->value || strcmp(a->value, z->value) == 0));
	}
	config_fini(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct config c;
	char **argv = NULL;

	if (parse(&c, data, size) == 0) {
		for (size_t i = 0; i < c.count; i++) {
			check_line(&c.lines[i]);
			if (c.lines[i].value && command_split(c.lines[i].value, &argv) == 0)
				must(*argv[0]);
			command_free(STEAL(argv));
		}
		check_again(&c);
	}
	config_fini(&c);
	return 0;
}
