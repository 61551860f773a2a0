/* SPDX-License-Identifier: MIT */
/*
 * words: THE table of what may stand in -o, in fstab and in a configuration file. Main thread, before
 * any other; no lock. Every refusal is one sentence, and none repeats a value that may hold a secret:
 * what stands behind an unknown word may be a token put in the wrong place.
 */
#include "words.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "home.h"
#include "refuse.h"
#include "set.h"

enum { SHOWN_MAX = 256 };

enum {
	NO_VALUE = 1,
	WITH_VALUE = 2,	 /* or both */
	PATH = 4,	 /* in a file, ~/ is the home directory */
	IN_FILE = 8,	 /* nowhere else */
	HIDDEN = 16,	 /* not shown under a name of its own */
	SECRET = 32,	 /* refused wherever it stands */
	OR_NOTHING = 64, /* the value may be empty */
};

static const struct word {
	const char *name;
	int flags;
	int (*set)(struct options *o, const char *value); /* NULL: for libfuse, as it is */
	const char *wants;
	const char *otherwise; /* the value where none is given; NULL: none */
} words[] = {
	{"url", WITH_VALUE | IN_FILE, set_url, "an address as https://crm.example.com", NULL},
	{"mountpoint", WITH_VALUE | PATH | IN_FILE, set_mountpoint, "a directory", NULL},
	{"options", WITH_VALUE | IN_FILE | HIDDEN, NULL, "options, as behind -o", NULL},
	{"token_file", WITH_VALUE | PATH, set_token_file, "the name of a file", NULL},
	{"token_command", WITH_VALUE, set_token_command,
	 "a program and its arguments, and every quote closed", NULL},
	{"token", HIDDEN | SECRET, NULL, NULL, NULL},
	{"ttl", WITH_VALUE, set_ttl, "a number of seconds", "60"},
	{"timeout", WITH_VALUE, set_timeout, "a number of seconds above 0", "60"},
	{"collections", WITH_VALUE, set_collections, "names of collections, as in contacts:deals",
	 NULL},
	{"page_size", WITH_VALUE, set_page_size, "a number from 1 to 1000", "100"},
	{"max_deletes", WITH_VALUE, set_max_deletes, "a number up to 1000000", "25"},
	{"conflict", WITH_VALUE, set_conflict, "ask, mine or theirs", "ask"},
	{"create_labels", NO_VALUE, set_create_labels, NULL, "no"},
	{"noreadme", NO_VALUE, set_noreadme, NULL, "no"},
	{"ro", NO_VALUE, set_ro, NULL, "no"},
	{"rw", NO_VALUE | HIDDEN, set_rw, NULL, NULL},
	{"state_dir", WITH_VALUE | PATH, set_state_dir, "the name of a directory", NULL},
	{"cacert", WITH_VALUE | PATH, set_cacert, "the name of a file", NULL},
	{"crawlers", WITH_VALUE | OR_NOTHING, set_crawlers,
	 "names of programs, as in updatedb*:tracker-*",
	 "updatedb*:tracker-*:localsearch*:baloo_file*:mds:mdworker*:tumblerd:*thumb*:*-thu*:"
	 "gvfsd-metadata:recollindex"},
	{"uid", WITH_VALUE, set_uid, "a number", NULL},
	{"gid", WITH_VALUE, set_gid, "a number", NULL},
	{"umask", WITH_VALUE, set_umask, "an octal number up to 777", NULL},
	{"debug", NO_VALUE | WITH_VALUE, set_debug, "names of rooms", NULL},
	{"allow_other", NO_VALUE, NULL, NULL, NULL},
	{"allow_root", NO_VALUE, NULL, NULL, NULL},
	{"auto_unmount", NO_VALUE, NULL, NULL, NULL},
	{"async", NO_VALUE, NULL, NULL, NULL},
	{"sync", NO_VALUE, NULL, NULL, NULL},
	{"dirsync", NO_VALUE, NULL, NULL, NULL},
	{"noatime", NO_VALUE, NULL, NULL, NULL},
	{"nodiratime", NO_VALUE, NULL, NULL, NULL},
	{"max_read", WITH_VALUE, NULL, "a number", NULL},
	{"context", WITH_VALUE, NULL, "an SELinux context", NULL},
	{"fscontext", WITH_VALUE, NULL, "an SELinux context", NULL},
	{"defcontext", WITH_VALUE, NULL, "an SELinux context", NULL},
	{"rootcontext", WITH_VALUE, NULL, "an SELinux context", NULL},
};

_Static_assert(ARRAY_LEN(words) <= WORDS_MAX, "options.given is too short");

static bool is_flag(const struct word *w)
{
	return (w->flags & (NO_VALUE | WITH_VALUE)) == NO_VALUE;
}

/* mount(8)'s own words, which it passes on from fstab, and what every mount of ours has anyway.
 * dev and suid are what mount.fuse3 adds; there is nothing here that they would apply to. */
static bool is_dropped(const char *word)
{
	static const char *const dropped[] = {
		"_netdev",    "nofail",	  "auto",	 "noauto",	  "user",
		"users",      "nouser",	  "nousers",	 "owner",	  "noowner",
		"group",      "nogroup",  "defaults",	 "nosuid",	  "nodev",
		"noexec",     "dev",	  "suid",	 "relatime",	  "norelatime",
		"atime",      "diratime", "strictatime", "nostrictatime", "lazytime",
		"nolazytime", "iversion", "noiversion",	 "mand",	  "nomand",
		"silent",     "loud",	  "nosymfollow", "symfollow",	  "default_permissions",
	};
	static const char *const beginnings[] = {
		"x-", "X-", "comment=", "user=", "uhelper=", "helper="};

	for (size_t i = 0; i < ARRAY_LEN(dropped); i++) {
		if (strcmp(word, dropped[i]) == 0)
			return true;
	}
	for (size_t i = 0; i < ARRAY_LEN(beginnings); i++) {
		if (strncmp(word, beginnings[i], strlen(beginnings[i])) == 0)
			return true;
	}
	return false;
}

/* --- refusals --- */

/* "-o ttl= wants a number", or "/etc/concordfs/config:3: ttl wants a number". */
static int refuse_word(const struct origin *at, const struct word *w, const char *what)
{
	if (at->file)
		return refuse("%s:%u: %s %s%s", at->file, at->line, w->name,
			      what ? "wants " : "takes no value", what ? what : "");
	return refuse("-o %s%s%s", w->name, what ? "= wants " : " takes no value",
		      what ? what : "");
}

static int refuse_token(const struct origin *at)
{
	if (at->file)
		return refuse("%s:%u: a token does not belong into a configuration file, which is "
			      "copied and shared: use token_file= or token_command=",
			      at->file, at->line);
	return refuse("a token on the command line or in fstab can be read by every user of this "
		      "machine: use -o token_file=FILE, -o token_command=COMMAND or "
		      "CONCORDFS_TOKEN in the environment");
}

/* Levenshtein's distance of two short words. */
static size_t distance(const char *a, size_t n, const char *b)
{
	size_t row[32], m = strlen(b);

	if (m >= ARRAY_LEN(row))
		return SIZE_MAX;
	for (size_t j = 0; j <= m; j++)
		row[j] = j;
	for (size_t i = 1; i <= n; i++) {
		size_t diagonal = row[0];
		row[0] = i;
		for (size_t j = 1; j <= m; j++) {
			size_t best = diagonal + (a[i - 1] != b[j - 1]);
			diagonal = row[j];
			if (best > row[j] + 1)
				best = row[j] + 1;
			if (best > row[j - 1] + 1)
				best = row[j - 1] + 1;
			row[j] = best;
		}
	}
	return row[m];
}

static int refuse_unknown(const struct origin *at, const char *name, size_t n)
{
	const char *near = NULL;
	size_t best = 3; /* further away is another word */

	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		size_t d = distance(name, n, words[i].name);
		bool is_possible =
			!(words[i].flags & SECRET) && (at->file || !(words[i].flags & IN_FILE));
		if (d < best && d < strlen(words[i].name) && is_possible) {
			best = d;
			near = words[i].name;
		}
	}
	/* What does not look like a name may be a token in the wrong place: it is not repeated. */
	int shown = strspn(name, "abcdefghijklmnopqrstuvwxyz_-") < n ? 0 : (int)n;
	const char *ask = near ? "; did you mean " : "", *mark = near ? "?" : "";
	if (at->file)
		return refuse("%s:%u: unknown option %.*s%s%s%s", at->file, at->line, shown, name,
			      ask, near ? near : "", mark);
	return refuse("unknown option -o %.*s%s%s%s", shown, name, ask, near ? near : "",
		      near ? mark : " (concordfs -h lists them)");
}

/* --- taking --- */

/* Where a layer says file and the one above it command, the command holds; within one the order of
 * the sources does. */
static void outrank(struct options *o, const struct origin *at, const struct word *w)
{
	bool is_file = w->set == set_token_file, is_command = w->set == set_token_command;

	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		struct given *g = &o->given[i];
		char **field = is_file && words[i].set == set_token_command   ? &o->token_command
			       : is_command && words[i].set == set_token_file ? &o->token_file
									      : NULL;
		if (!field || !g->is_given || g->at.layer >= at->layer)
			continue;
		free(*field);
		*field = NULL;
		g->is_given = false;
	}
}

/* rw is kept as the contrary of ro. */
static int note(struct options *o, const struct origin *at, const struct word *w, const char *value)
{
	bool is_off = is_flag(w) && value; /* "no", which take_flag let pass */
	const struct word *kept = w;
	char *copy = value ? strdup(value) : NULL;

	if (value && !copy)
		return refuse("out of memory");
	if (w->set == set_rw) {
		while (kept->set != set_ro)
			kept--;
		is_off = !is_off;
	}
	struct given *g = &o->given[kept - words];
	free(g->value);
	*g = (struct given){copy, *at, true, is_off};
	outrank(o, at, w);
	return 0;
}

static int set_word(struct options *o, const struct origin *at, const struct word *w,
		    const char *value)
{
	int err = w->set ? w->set(o, value) : 0;

	if (err == -EINVAL)
		return refuse_word(at, w, w->wants);
	return err < 0 ? -EINVAL : note(o, at, w, value);
}

/* Who reads a file cannot know from which directory we are started. */
static int set_path_in_file(struct options *o, const struct origin *at, const struct word *w,
			    const char *value)
{
	CLEANUP(free_string) char *path = NULL;
	const char *home = home_dir();

	if (value[0] == '/')
		return set_word(o, at, w, value);
	if (strncmp(value, "~/", 2) != 0)
		return refuse_word(at, w, "a name that begins with / or ~/");
	if (!home)
		return refuse("%s:%u: there is no home directory", at->file, at->line);
	if (asprintf(&path, "%s%s", home, value + 1) < 0) {
		path = NULL;
		return refuse("out of memory");
	}
	return set_word(o, at, w, path);
}

static const struct word *find(const char *name, size_t n)
{
	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		if (strlen(words[i].name) == n && memcmp(words[i].name, name, n) == 0)
			return &words[i];
	}
	return NULL;
}

static int take(struct options *o, const struct origin *at, const char *text)
{
	size_t n = strcspn(text, "=");
	const char *value = text[n] ? text + n + 1 : NULL;
	const struct word *w = find(text, n);

	if (!*text || is_dropped(text))
		return 0;
	if (w && (w->flags & SECRET))
		return refuse_token(at);
	if (!w || (w->flags & IN_FILE))
		return o->is_sloppy ? 0 : refuse_unknown(at, text, n);
	bool is_empty = value && !*value && !(w->flags & OR_NOTHING);
	if (!(w->flags & (value ? WITH_VALUE : NO_VALUE)) || is_empty)
		return refuse_word(at, w, w->wants);
	if (at->file && value && (w->flags & PATH))
		return set_path_in_file(o, at, w, value);
	return set_word(o, at, w, value);
}

int words_take(struct options *o, const struct origin *at, const char *list)
{
	CLEANUP(free_string) char *word = malloc(strlen(list) + 1);
	size_t n = 0;
	int err = word ? 0 : refuse("out of memory");

	for (const char *p = list; !err; p++) {
		if (*p && *p != ',') {
			p += *p == '\\' && p[1];
			word[n++] = *p;
			continue;
		}
		word[n] = '\0';
		err = take(o, at, word);
		n = 0;
		if (!*p)
			break;
	}
	return err;
}

static bool is_one_of(const char *value, const char *const *names)
{
	for (; *names; names++) {
		if (strcasecmp(value, *names) == 0)
			return true;
	}
	return false;
}

static int take_flag(struct options *o, const struct origin *at, const struct word *w,
		     const char *value)
{
	static const char *const yes[] = {"yes", "true", "on", "1", NULL};
	static const char *const no[] = {"no", "false", "off", "0", NULL};

	if (!value || is_one_of(value, yes))
		return set_word(o, at, w, NULL);
	return is_one_of(value, no) ? set_word(o, at, w, "no") : refuse_word(at, w, "yes or no");
}

/* "a value", as one may write it for the blanks at its ends or a # in it. */
static char *unquote(const char *value)
{
	size_t n = strlen(value);

	if (n >= 2 && value[0] == '"' && strchr(value + 1, '"') == value + n - 1)
		return strndup(value + 1, n - 2);
	return strdup(value);
}

int words_check_key(const struct origin *at, const char *key)
{
	const struct word *w = find(key, strlen(key));

	if (w && (w->flags & SECRET))
		return refuse_token(at);
	return w ? 0 : refuse_unknown(at, key, strlen(key));
}

int words_take_key(struct options *o, const struct origin *at, const char *key, const char *value)
{
	const struct word *w = find(key, strlen(key));
	CLEANUP(free_string) char *plain = NULL;

	if (is_flag(w))
		return take_flag(o, at, w, value);
	if (!value)
		return w->flags & NO_VALUE ? set_word(o, at, w, NULL)
					   : refuse_word(at, w, w->wants);
	if (w->set == set_token_command) /* has quotes of its own */
		return set_word(o, at, w, value);
	plain = unquote(value);
	if (!plain)
		return refuse("out of memory");
	if (!*plain && !(w->flags & OR_NOTHING))
		return refuse_word(at, w, w->wants);
	if (strcmp(w->name, "options") == 0)
		return words_take(o, at, plain);
	return w->flags & PATH ? set_path_in_file(o, at, w, plain) : set_word(o, at, w, plain);
}

int words_place(struct options *o, const char *name, const char *value)
{
	static const struct origin at = {LAYER_COMMAND, NULL, 0};

	return set_word(o, &at, find(name, strlen(name)), value);
}

void words_defaults(struct options *o)
{
	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		const struct word *w = &words[i];
		if (w->otherwise && w->set(o, w->otherwise) < 0)
			abort(); /* the table is wrong */
	}
}

void words_fini(struct options *o)
{
	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		free(o->given[i].value);
}

/* --- giving --- */

/* Escapes for fuse_opt_parse, which splits at commas and drops backslashes. */
int words_add_fuse_option(struct buf *out, const char *word)
{
	int err = buf_add_char(out, ',');

	for (; !err && *word; word++) {
		if (*word == ',' || *word == '\\')
			err = buf_add_char(out, '\\');
		if (!err)
			err = buf_add_char(out, *word);
	}
	return err < 0 ? refuse("too many options") : 0;
}

int words_add_fuse(const struct options *o, struct buf *out)
{
	CLEANUP(buf_fini) struct buf word = BUF_INIT(1 << 16);

	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		const struct given *g = &o->given[i];
		if (words[i].set || !g->is_given || g->is_off)
			continue;
		buf_clear(&word);
		if (buf_printf(&word, "%s%s%s", words[i].name, g->value ? "=" : "",
			       g->value ? g->value : "") < 0)
			return refuse("out of memory");
		int err = words_add_fuse_option(out, word.data);
		if (err < 0)
			return err;
	}
	return 0;
}

static void show(FILE *out, const char *name, const char *value, const struct given *g)
{
	char pair[SHOWN_MAX];

	snprintf(pair, sizeof(pair), "%s = %s", name, value);
	if (!g->is_given)
		fprintf(out, "%-40s # built in\n", pair);
	else if (g->at.file)
		fprintf(out, "%-40s # %s:%u\n", pair, g->at.file, g->at.line);
	else
		fprintf(out, "%-40s # command line\n", pair);
}

/* Its arguments may hold what opens a vault. */
static void show_command(FILE *out, const struct word *w, const struct given *g)
{
	size_t n = strcspn(g->value, " \t");
	char program[SHOWN_MAX];

	snprintf(program, sizeof(program), "%.*s%s", (int)n, g->value, g->value[n] ? " ..." : "");
	show(out, w->name, program, g);
}

void words_show(const struct options *o, FILE *out)
{
	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		const struct word *w = &words[i];
		const struct given *g = &o->given[i];
		const char *value = g->is_given ? g->value : w->otherwise;

		if (w->set == set_state_dir)
			value = o->state_dir;
		if (w->flags & HIDDEN || (!g->is_given && !value))
			continue;
		if (is_flag(w))
			show(out, w->name, g->is_given && !g->is_off ? "yes" : "no", g);
		else if (w->set == set_token_command)
			show_command(out, w, g);
		else
			show(out, w->name, value ? value : "all", g);
	}
}
