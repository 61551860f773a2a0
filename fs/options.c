/* SPDX-License-Identifier: MIT */
/*
 * options: knows the command line, mount(8)'s words and what libfuse takes. Main thread, before any other; no lock. Every refusal is one sentence on stderr, and
 * none repeats a value that may hold a secret: what stands behind an unknown word may be a token
 * put in the wrong place, and an address may hold a password.
 */
#include "options.h"

#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "crm/kinds.h"
#include "http/http.h"
#include "secret.h"

enum { FUSE_OPTIONS_MAX = 1 << 16, PAGE_SIZE_MAX = 1000, MAX_DELETES_MAX = 1000000 };

static const char help[] =
	"usage: concordfs [options] URL MOUNTPOINT\n"
	"\n"
	"Mounts the Concord CRM at URL (https://crm.example.com) as a directory.\n"
	"\n"
	"  -f                      stay in the foreground\n"
	"  -d                      say what happens (implies -f)\n"
	"  -h, -V                  this text; the version\n"
	"  -o OPT[,OPT...]\n"
	"     token_file=FILE      where the API token is; nobody else may be able to read it\n"
	"     ttl=SECONDS          how old a checked listing may be (60)\n"
	"     timeout=SECONDS      deadline of one operation (60)\n"
	"     collections=A:B:...  only these directories\n"
	"     ro                   read only\n"
	"     max_deletes=N        deletions allowed a minute (25; 0: any number)\n"
	"     conflict=WHAT        where a colleague changed the same: ask (refuse and tell),\n"
	"                          mine (override) or theirs (leave what they have)\n"
	"     create_labels        saves may make options, tags and sources that do not exist\n"
	"     page_size=N          records asked for at once, 1 to 1000 (100)\n"
	"     state_dir=DIR        where unsaved texts live (~/.local/state/concordfs)\n"
	"     cacert=FILE          certificates to trust instead of the system's\n"
	"     uid=N gid=N umask=M  owner and mode of the files\n"
	"     debug=ROOM:...       http, crm, store, tree, fuse, main or all, to the log\n"
	"     allow_other, allow_root, auto_unmount and others go to libfuse\n"
	"\n"
	"The token comes from token_file, or else from CONCORDFS_TOKEN in the environment.\n"
	"Unmount with: fusermount3 -u MOUNTPOINT\n";

const char *options_help(void)
{
	return help;
}

int options_refuse(const char *fmt, ...)
{
	va_list ap;

	fputs("concordfs: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	return -EINVAL;
}

static void free_string_at(char **s)
{
	free(*s);
}

static int set_string(char **field, const char *value)
{
	char *copy = strdup(value);

	if (!copy)
		return options_refuse("out of memory");
	free(*field);
	*field = copy;
	return 0;
}

/* The daemon leaves the current directory, so every path is made absolute here. */
static int set_path(char **field, const char *value)
{
	CLEANUP(free_string) char *cwd = NULL, *path = NULL;

	if (value[0] == '/')
		return set_string(field, value);
	cwd = getcwd(NULL, 0);
	if (!cwd)
		return options_refuse("the current directory: %s", strerror(errno));
	if (asprintf(&path, "%s/%s", cwd, value) < 0) {
		path = NULL;
		return options_refuse("out of memory");
	}
	return set_string(field, path);
}

/* Whole numbers only; strtoul alone would take " -1". */
static int to_number(const char *value, int base, unsigned long max, unsigned long *out)
{
	char *end;

	errno = 0;
	*out = strtoul(value, &end, base);
	return !isdigit((unsigned char)value[0]) || *end || errno || *out > max ? -EINVAL : 0;
}

static int to_ns(const char *value, uint64_t *out)
{
	char *end;
	double s = strtod(value, &end);

	if (value[strspn(value, "0123456789.")] || end == value || *end || s > 1e8)
		return -EINVAL;
	*out = (uint64_t)(s * (double)NS_PER_SEC + 0.5);
	return 0;
}

/* Setters: 0, or -EINVAL, and options_parse then says what the option wants. */

static int set_token_file(struct options *o, const char *v)
{
	return set_path(&o->token_file, v);
}

static int set_cacert(struct options *o, const char *v)
{
	return set_path(&o->ca_file, v);
}

static int set_state_dir(struct options *o, const char *v)
{
	return set_path(&o->state_dir, v);
}

static int set_ttl(struct options *o, const char *v)
{
	return to_ns(v, &o->ttl_ns);
}

static int set_timeout(struct options *o, const char *v)
{
	int err = to_ns(v, &o->timeout_ns);

	return !err && !o->timeout_ns ? -EINVAL : err;
}

static int set_page_size(struct options *o, const char *v)
{
	unsigned long n;
	int err = to_number(v, 10, PAGE_SIZE_MAX, &n);

	o->page_size = (unsigned)n;
	return !err && !n ? -EINVAL : err;
}

static int set_max_deletes(struct options *o, const char *v)
{
	unsigned long n;
	int err = to_number(v, 10, MAX_DELETES_MAX, &n);

	o->max_deletes = (unsigned)n;
	return err;
}

static int set_conflict(struct options *o, const char *v)
{
	static const char *const names[] = {
		[CONFLICT_ASK] = "ask", [CONFLICT_MINE] = "mine", [CONFLICT_THEIRS] = "theirs"};

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		if (strcmp(names[i], v) == 0) {
			o->conflict = (enum edit_conflict)i;
			return 0;
		}
	}
	return -EINVAL;
}

static int set_create_labels(struct options *o, const char *v)
{
	(void)v;
	o->create_labels = true;
	return 0;
}

static int set_uid(struct options *o, const char *v)
{
	unsigned long n;
	int err = to_number(v, 10, UINT32_MAX - 1, &n);

	o->uid = (uid_t)n;
	return err;
}

static int set_gid(struct options *o, const char *v)
{
	unsigned long n;
	int err = to_number(v, 10, UINT32_MAX - 1, &n);

	o->gid = (gid_t)n;
	return err;
}

static int set_umask(struct options *o, const char *v)
{
	unsigned long n;
	int err = to_number(v, 8, 0777, &n);

	o->umask = (mode_t)n;
	return err;
}

static int set_collections(struct options *o, const char *v)
{
	for (const char *p = v;; p++) {
		size_t n = strcspn(p, ":");
		CLEANUP(free_string) char *name = strndup(p, n);
		if (!name || !kind_find(name))
			return -EINVAL;
		p += n;
		if (!*p)
			break;
	}
	return set_string(&o->collections, v);
}

static int set_debug(struct options *o, const char *v)
{
	return set_string(&o->debug, v ? v : "all");
}

static int set_ro(struct options *o, const char *v)
{
	(void)v;
	o->read_only = true;
	return 0;
}

static int set_rw(struct options *o, const char *v)
{
	(void)v;
	o->read_only = false;
	return 0;
}

static int refuse_token(struct options *o, const char *v)
{
	(void)o;
	(void)v;
	return options_refuse(
		"a token on the command line can be read by every user of this machine: "
		"use -o token_file=FILE or CONCORDFS_TOKEN in the environment");
}

enum { NO_VALUE = 1, WITH_VALUE = 2 };

static const struct word {
	const char *name;
	int takes;					  /* NO_VALUE, WITH_VALUE, or both */
	int (*set)(struct options *o, const char *value); /* NULL: for libfuse, as it is */
	const char *wants;
} words[] = {
	{"token_file", WITH_VALUE, set_token_file, "the name of a file"},
	{"cacert", WITH_VALUE, set_cacert, "the name of a file"},
	{"state_dir", WITH_VALUE, set_state_dir, "the name of a directory"},
	{"ttl", WITH_VALUE, set_ttl, "a number of seconds"},
	{"timeout", WITH_VALUE, set_timeout, "a number of seconds above 0"},
	{"collections", WITH_VALUE, set_collections, "names of collections, as in contacts:deals"},
	{"page_size", WITH_VALUE, set_page_size, "a number from 1 to 1000"},
	{"max_deletes", WITH_VALUE, set_max_deletes, "a number up to 1000000"},
	{"conflict", WITH_VALUE, set_conflict, "ask, mine or theirs"},
	{"create_labels", NO_VALUE, set_create_labels, NULL},
	{"uid", WITH_VALUE, set_uid, "a number"},
	{"gid", WITH_VALUE, set_gid, "a number"},
	{"umask", WITH_VALUE, set_umask, "an octal number up to 777"},
	{"debug", NO_VALUE | WITH_VALUE, set_debug, "names of rooms"},
	{"ro", NO_VALUE, set_ro, NULL},
	{"rw", NO_VALUE, set_rw, NULL},
	{"token", NO_VALUE | WITH_VALUE, refuse_token, NULL},
	{"allow_other", NO_VALUE, NULL, NULL},
	{"allow_root", NO_VALUE, NULL, NULL},
	{"auto_unmount", NO_VALUE, NULL, NULL},
	{"async", NO_VALUE, NULL, NULL},
	{"sync", NO_VALUE, NULL, NULL},
	{"dirsync", NO_VALUE, NULL, NULL},
	{"noatime", NO_VALUE, NULL, NULL},
	{"nodiratime", NO_VALUE, NULL, NULL},
	{"max_read", WITH_VALUE, NULL, "a number"},
	{"context", WITH_VALUE, NULL, "an SELinux context"},
	{"fscontext", WITH_VALUE, NULL, "an SELinux context"},
	{"defcontext", WITH_VALUE, NULL, "an SELinux context"},
	{"rootcontext", WITH_VALUE, NULL, "an SELinux context"},
};

/* mount(8)'s own words, which it passes on from fstab, and what every mount of ours has anyway. */
static bool is_dropped(const char *word)
{
	static const char *const dropped[] = {
		"_netdev",  "nofail",
		"auto",	    "noauto",
		"user",	    "users",
		"nouser",   "owner",
		"group",    "defaults",
		"nosuid",   "nodev",
		"noexec",   "default_permissions",
		"relatime", "norelatime",
		"atime",    "diratime",
		"lazytime", "nolazytime",
		"silent",   "loud",
	};

	for (size_t i = 0; i < ARRAY_LEN(dropped); i++) {
		if (strcmp(word, dropped[i]) == 0)
			return true;
	}
	return strncmp(word, "x-", 2) == 0 || strncmp(word, "X-", 2) == 0 ||
	       strncmp(word, "comment=", 8) == 0 || strncmp(word, "user=", 5) == 0;
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

static int refuse_unknown(const char *name, size_t n)
{
	const char *near = NULL;
	size_t best = 3; /* further away is another word */

	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		size_t d = distance(name, n, words[i].name);
		if (d < best && d < strlen(words[i].name) && words[i].set != refuse_token) {
			best = d;
			near = words[i].name;
		}
	}
	/* What does not look like a name may be a token in the wrong place: it is not repeated. */
	int shown = strspn(name, "abcdefghijklmnopqrstuvwxyz_-") < n ? 0 : (int)n;
	return options_refuse("unknown option -o %.*s%s%s%s", shown, name,
			      near ? "; did you mean " : "", near ? near : "",
			      near ? "?" : " (concordfs -h lists them)");
}

/* Escapes for fuse_opt_parse, which splits at commas and drops backslashes. */
static int add_fuse_option(struct buf *out, const char *word)
{
	int err = buf_add_char(out, ',');

	for (; !err && *word; word++) {
		if (*word == ',' || *word == '\\')
			err = buf_add_char(out, '\\');
		if (!err)
			err = buf_add_char(out, *word);
	}
	return err < 0 ? options_refuse("too many options") : 0;
}

static int take_word(struct options *o, struct buf *fuse, const char *text)
{
	size_t n = strcspn(text, "=");
	const char *value = text[n] ? text + n + 1 : NULL;

	if (!*text || is_dropped(text))
		return 0;
	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		const struct word *w = &words[i];
		if (strlen(w->name) != n || memcmp(w->name, text, n) != 0)
			continue;
		if (w->set == refuse_token)
			return w->set(o, value);
		if (!(w->takes & (value ? WITH_VALUE : NO_VALUE)) || (value && !*value))
			return w->wants ? options_refuse("-o %s= wants %s", w->name, w->wants)
					: options_refuse("-o %s takes no value", w->name);
		if (!w->set)
			return add_fuse_option(fuse, text);
		return w->set(o, value) < 0 ? options_refuse("-o %s= wants %s", w->name, w->wants)
					    : 0;
	}
	return refuse_unknown(text, n);
}

/* Splits a list at its commas; a backslash takes the next character as it is. */
static int take_list(struct options *o, struct buf *fuse, const char *list)
{
	CLEANUP(free_string) char *word = malloc(strlen(list) + 1);
	size_t n = 0;
	int err = word ? 0 : options_refuse("out of memory");

	for (const char *p = list; !err; p++) {
		if (*p && *p != ',') {
			p += *p == '\\' && p[1];
			word[n++] = *p;
			continue;
		}
		word[n] = '\0';
		err = take_word(o, fuse, word);
		n = 0;
		if (!*p)
			break;
	}
	return err;
}

static int take_switch(struct options *o, struct buf *fuse, int c)
{
	switch (c) {
	case 'd':
		o->foreground = true;
		return o->debug ? 0 : set_debug(o, NULL);
	case 'f':
		o->foreground = true;
		return 0;
	case 'h':
		o->show_help = true;
		return 0;
	case 'V':
		o->show_version = true;
		return 0;
	case 'o':
		return take_list(o, fuse, optarg);
	case ':':
		return options_refuse("-%c wants a value (concordfs -h lists the options)", optopt);
	default:
		return options_refuse("unknown option (concordfs -h lists them)");
	}
}

static int take_switches(struct options *o, struct buf *fuse, int argc, char **argv)
{
	static const struct option longs[] = {
		{"help", no_argument, NULL, 'h'}, {"version", no_argument, NULL, 'V'}, {0}};
	int c, err = 0;

	optind = 0;
	opterr = 0;
	while (!err && (c = getopt_long(argc, argv, ":fdhVo:", longs, NULL)) != -1)
		err = take_switch(o, fuse, c);
	return err;
}

/* A dead mount there does not resolve; main says what is wrong with it. */
static int set_mountpoint(struct options *o, const char *path)
{
	o->mountpoint = realpath(path, NULL);
	return o->mountpoint ? 0 : set_path(&o->mountpoint, path);
}

static int take_places(struct options *o, int argc, char **argv)
{
	const char *why = "";

	if (argc - optind != 2)
		return options_refuse(
			"usage: concordfs [options] URL MOUNTPOINT (concordfs -h says more)");
	if (http_check_url(argv[optind], &o->url, &why) < 0)
		return options_refuse("the URL: %s", why);
	return set_mountpoint(o, argv[optind + 1]);
}

static const char *home(void)
{
	const char *env = getenv("HOME");
	const struct passwd *pw = env && *env ? NULL : getpwuid(geteuid());

	return pw ? pw->pw_dir : env;
}

static int default_state_dir(struct options *o)
{
	const char *base = getenv("XDG_STATE_HOME"), *under = "concordfs";

	if (!base || base[0] != '/') { /* the specification says to ignore a relative one */
		base = home();
		under = ".local/state/concordfs";
	}
	if (!base || base[0] != '/')
		return options_refuse("there is no home directory: use -o state_dir=DIR");
	if (asprintf(&o->state_dir, "%s/%s", base, under) < 0) {
		o->state_dir = NULL;
		return options_refuse("out of memory");
	}
	return 0;
}

static int make_fuse_argv(struct options *o, struct buf *fuse)
{
	CLEANUP(free_string) char *name = NULL;
	int err = asprintf(&name, "fsname=%s", o->url) < 0 ? -ENOMEM : 0;

	if (err < 0)
		name = NULL;
	else
		err = add_fuse_option(fuse, name);
	if (!err && o->read_only)
		err = add_fuse_option(fuse, "ro");
	char *list = err < 0 ? NULL : buf_steal(fuse);
	o->fuse_argv = calloc(4, sizeof(char *));
	if (!list || !o->fuse_argv) {
		free(list);
		return options_refuse("out of memory");
	}
	o->fuse_argv[0] = strdup("concordfs");
	o->fuse_argv[1] = strdup("-o");
	o->fuse_argv[2] = list;
	o->fuse_argc = 3;
	return o->fuse_argv[0] && o->fuse_argv[1] ? 0 : options_refuse("out of memory");
}

static void set_defaults(struct options *o)
{
	*o = (struct options){.ttl_ns = 60 * NS_PER_SEC,
			      .timeout_ns = 60 * NS_PER_SEC,
			      .page_size = 100,
			      .max_deletes = 25,
			      .uid = getuid(),
			      .gid = getgid(),
			      .umask = umask(0)};
	umask(o->umask);
}

int options_parse(int argc, char **argv, struct options *o)
{
	CLEANUP(buf_fini) struct buf fuse = BUF_INIT(FUSE_OPTIONS_MAX);

	set_defaults(o);
	if (buf_add_str(&fuse, "nosuid,nodev,noexec,default_permissions,subtype=concordfs") < 0)
		return options_refuse("out of memory");
	int err = take_switches(o, &fuse, argc, argv);
	if (err < 0 || o->show_help || o->show_version)
		return err;
	err = take_places(o, argc, argv);
	if (!err && !o->state_dir)
		err = default_state_dir(o);
	return err < 0 ? err : make_fuse_argv(o, &fuse);
}

void options_fini(struct options *o)
{
	free(o->url);
	free(o->mountpoint);
	free(o->token_file);
	free(o->ca_file);
	free(o->state_dir);
	free(o->collections);
	free(o->debug);
	for (int i = 0; i < o->fuse_argc; i++)
		free(o->fuse_argv[i]);
	free(o->fuse_argv);
	*o = (struct options){0};
}

void options_wipe(char *secret)
{
	if (secret)
		explicit_bzero(secret, strlen(secret));
	free(secret);
}

int options_token(const struct options *o, char **out)
{
	return secret_read(o->token_file, out);
}
