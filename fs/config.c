/* SPDX-License-Identifier: MIT */
/*
 * config: knows the syntax of a configuration file, and whose file it may be: it names commands that
 * are run and servers that get the token, so that nobody else may be able to write it. Main thread;
 * no lock. It never repeats what stands in a line: that may be a token put in the wrong place.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "refuse.h"

enum { FILE_MAX = 64 << 10, NAME_MAX_LEN = 64 };

#define KEY_LETTERS "abcdefghijklmnopqrstuvwxyz_"
#define NAME_LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._@+-"

/* --- lines --- */

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* Cuts blanks off both ends. */
static char *trim(char *s)
{
	s += strspn(s, " \t");
	size_t n = strlen(s);

	while (n && is_blank(s[n - 1]))
		n--;
	s[n] = '\0';
	return s;
}

/* Cuts off what a # begins, at the beginning of the line or after a blank, but in quotes. */
static void cut_comment(char *s)
{
	char quote = '\0';

	for (char *p = s; *p; p++) {
		if (*p == '#' && !quote && (p == s || is_blank(p[-1]))) {
			*p = '\0';
			return;
		}
		if (quote ? *p == quote : *p == '"' || *p == '\'')
			quote = quote ? '\0' : *p;
	}
}

/* The brackets are taken off; NULL: not the name of a section. */
static const char *section_name(char *s)
{
	size_t n = strlen(s);

	if (n < 3 || n > NAME_MAX_LEN || s[n - 1] != ']')
		return NULL;
	s[n - 1] = '\0';
	return s[1 + strspn(s + 1, NAME_LETTERS)] ? NULL : s + 1;
}

static const char *cut_line(char *s, const char **section, struct config_line *out)
{
	out->key = NULL;
	if (*s == '[') {
		*section = section_name(s);
		return *section ? NULL
				: "not a [section]: its name is of letters, digits and . _ - @ +";
	}
	char *equals = strchr(s, '=');
	if (equals)
		*equals = '\0';
	char *key = trim(s), *value = equals ? trim(equals + 1) : NULL;
	if (!*key || key[strspn(key, KEY_LETTERS)])
		return "neither a [section], nor key = value, nor a # comment";
	if (value && !*value)
		return "there is no value behind the =";
	if (!*section)
		return "this stands before the first [section]";
	out->section = *section;
	out->key = key;
	out->value = value;
	return NULL;
}

static const char *check_bytes(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if ((unsigned char)s[i] < ' ' && s[i] != '\t')
			return "there is a control character in it";
	}
	return NULL;
}

static size_t count_lines(const char *text, size_t n)
{
	size_t lines = 1;

	for (size_t i = 0; i < n; i++)
		lines += text[i] == '\n';
	return lines;
}

int config_parse(struct config *config, size_t n, unsigned *number, const char **why)
{
	const char *section = NULL;
	char *end = config->text + n;

	config->count = 0;
	config->lines = calloc(count_lines(config->text, n), sizeof(*config->lines));
	if (!config->lines)
		return -ENOMEM;
	*number = 0;
	for (char *s = config->text, *next; s < end; s = next) {
		char *eol = memchr(s, '\n', (size_t)(end - s));
		next = eol ? eol + 1 : end;
		size_t len = (size_t)((eol ? eol : end) - s);
		len -= len && s[len - 1] == '\r';
		s[len] = '\0';
		struct config_line *line = &config->lines[config->count];
		line->number = ++*number;
		*why = check_bytes(s, len);
		if (*why)
			return -EINVAL;
		cut_comment(s);
		s = trim(s);
		if (*s)
			*why = cut_line(s, &section, line);
		if (*why)
			return -EINVAL;
		config->count += *s && line->key;
	}
	return 0;
}

/* --- files --- */

static int check_writers(int fd, const char *file, size_t *size)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return refuse("%s: %s", file, strerror(errno));
	if (!S_ISREG(st.st_mode))
		return refuse("%s is not a regular file", file);
	if (st.st_uid != geteuid() && st.st_uid != 0)
		return refuse("%s belongs to somebody else (uid %u)", file, st.st_uid);
	if (st.st_mode & 022)
		return refuse("%s has mode %04o: others can write it; chmod go-w mends it", file,
			      st.st_mode & 07777);
	if (st.st_size > FILE_MAX)
		return refuse("%s is longer than a configuration may be", file);
	*size = (size_t)st.st_size;
	return 0;
}

static int read_text(int fd, struct config *config, size_t *n)
{
	size_t size = 0;
	int err = check_writers(fd, config->file, &size);

	if (err < 0)
		return err;
	config->text = malloc(size + 1);
	if (!config->text)
		return refuse("out of memory");
	ssize_t got = read(fd, config->text, size);
	if (got < 0)
		return refuse("%s: %s", config->file, strerror(errno));
	config->text[got] = '\0';
	*n = (size_t)got;
	return 0;
}

int config_load(char *file, struct config *config)
{
	const char *why = NULL;
	unsigned line;
	size_t n = 0;

	*config = (struct config){.file = file};
	if (!file)
		return refuse("out of memory");
	int fd = open(file, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
		return 0;
	if (fd < 0)
		return refuse("%s: %s", file, strerror(errno));
	int err = read_text(fd, config, &n);
	close(fd);
	if (err < 0)
		return err;
	err = config_parse(config, n, &line, &why);
	if (err == -EINVAL)
		return refuse("%s:%u: %s", file, line, why);
	return err < 0 ? refuse("out of memory") : 0;
}

void config_fini(struct config *config)
{
	free(config->file);
	free(config->text);
	free(config->lines);
	*config = (struct config){0};
}
