/* SPDX-License-Identifier: MIT */
/*
 * options: knows the command line, how mount(8) calls its helpers, which configuration files there
 * are, and what lies over what. Main thread, before any other; no lock. Every refusal is one sentence
 * on stderr, and none repeats what may be a token put in the wrong place.
 */
#include "options.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "home.h"
#include "http/http.h"
#include "refuse.h"
#include "words.h"

enum { FUSE_OPTIONS_MAX = 1 << 16 };

#define SYSTEM_CONFIG "/etc/concordfs/config"
#define DEFAULTS "defaults" /* the section that every mount reads first */

static const char help[] =
	"usage: concordfs [options] URL MOUNTPOINT\n"
	"       concordfs [options] ACCOUNT [MOUNTPOINT]\n"
	"       mount.concordfs URL|ACCOUNT MOUNTPOINT [-sfnv] [-o OPT...]   (mount(8)'s way)\n"
	"\n"
	"Mounts the Concord CRM at URL (https://crm.example.com) as a directory.\n"
	"\n"
	"  -f                      stay in the foreground\n"
	"  -d                      say what happens (implies -f)\n"
	"  -h, --help              this text\n"
	"  -V, --version           the version\n"
	"  --print-config [ACCOUNT...]  what holds, and where each value comes from\n"
	"  -o OPT[,OPT...]\n"
	"     token_file=FILE      where the API token is; nobody else may be able to read it\n"
	"     token_command=CMD    or what prints it: run without a shell, its first line\n"
	"     ttl=SECONDS          how old a checked listing may be (60)\n"
	"     timeout=SECONDS      deadline of one operation, and of token_command (60)\n"
	"     collections=A:B:...  only these directories\n"
	"     ro                   read only\n"
	"     max_deletes=N        deletions allowed a minute (25; 0: any number)\n"
	"     conflict=WHAT        where a colleague changed the same: ask (refuse and tell),\n"
	"                          mine (override) or theirs (leave what they have)\n"
	"     create_labels        saves may make options, tags and sources that do not exist\n"
	"     noreadme             no README.md in the root of the mount\n"
	"     page_size=N          records asked for at once, 1 to 1000 (100)\n"
	"     state_dir=DIR        where unsaved texts live (~/.local/state/concordfs)\n"
	"     cacert=FILE          certificates to trust instead of the system's\n"
	"     crawlers=NAME:...    programs that get only what is known, and cost no request\n"
	"                          (updatedb, tracker, baloo, thumbnailers; empty: none)\n"
	"     uid=N gid=N umask=M  owner and mode of the files\n"
	"     debug=ROOM:...       http, crm, store, tree, fuse, main or all, to the log\n"
	"     allow_other, allow_root, auto_unmount and others go to libfuse\n"
	"\n"
	"The token is the first that is found of: token_file, token_command,\n"
	"$CREDENTIALS_DIRECTORY/concordfs-token (systemd's LoadCredential=), CONCORDFS_TOKEN in\n"
	"the environment, ~/.config/concordfs/token, and what is typed at the terminal. It is\n"
	"read again on SIGHUP and when the server refuses it, unless it came from the\n"
	"environment or the terminal.\n"
	"\n"
	"An ACCOUNT is a section of ~/.config/concordfs/config or /etc/concordfs/config:\n"
	"  [work]\n"
	"  url = https://crm.example.com\n"
	"  mountpoint = ~/crm\n"
	"  token_command = pass show crm\n"
	"and whatever stands behind -o, one a line. [defaults] holds for all. The command line\n"
	"is over the user's file, that over the one in /etc, and that over what is built in.\n"
	"\n"
	"Unmount with: fusermount3 -u MOUNTPOINT\n";

const char *options_help(void)
{
	return help;
}

/* --- the command line --- */

/* What getopt finds, before it is known what lies under it. */
struct command_line {
	const char **lists; /* of -o, as many as argc has room for */
	int list_count;
	bool wants_debug;
	char **places; /* what is no option */
	int place_count;
};

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* mount(8) calls mount.TYPE, or mount.fuse.TYPE where the type is fuse.TYPE. */
static bool is_helper_name(const char *name)
{
	return strncmp(base_name(name), "mount.", 6) == 0;
}

static int take_switch(struct options *o, struct command_line *line, int c)
{
	switch (c) {
	case 'd':
		line->wants_debug = o->foreground = true;
		return 0;
	case 'f': /* mount(8) means another thing by it */
		*(o->is_helper ? &o->is_fake : &o->foreground) = true;
		return 0;
	case 's':
		o->is_sloppy = true;
		return 0;
	case 'v':
		o->is_verbose = true;
		return 0;
	case 'n': /* no mtab: there is none */
	case 't': /* our own type */
		return 0;
	case 'h':
		o->show_help = true;
		return 0;
	case 'V':
		o->show_version = true;
		return 0;
	case 'P':
		o->show_config = true;
		return 0;
	case 'o':
		line->lists[line->list_count++] = optarg;
		return 0;
	case ':':
		return refuse("-%c wants a value (concordfs -h lists the options)", optopt);
	default:
		return refuse("unknown option (concordfs -h lists them)");
	}
}

static int take_switches(struct options *o, struct command_line *line, int argc, char **argv)
{
	static const struct option longs[] = {{"help", no_argument, NULL, 'h'},
					      {"version", no_argument, NULL, 'V'},
					      {"print-config", no_argument, NULL, 'P'},
					      {0}};
	int c, err = 0;

	optind = 0;
	opterr = 0;
	o->is_helper = is_helper_name(argv[0]);
	const char *known = o->is_helper ? ":fhVsnvt:o:" : ":fdhVo:";
	while (!err && (c = getopt_long(argc, argv, known, longs, NULL)) != -1)
		err = take_switch(o, line, c);
	line->places = argv + optind;
	line->place_count = argc - optind;
	return err;
}

/* --- the layers --- */

static int check_keys(const struct config *config, enum layer layer)
{
	int err = 0;

	for (size_t i = 0; !err && i < config->count; i++) {
		const struct config_line *l = &config->lines[i];
		err = words_check_key(&(struct origin){layer, config->file, l->number}, l->key);
	}
	return err;
}

/* All of it is checked, so that a typo is told whichever account is mounted. */
static int load_config(struct options *o)
{
	int err = config_load(strdup(SYSTEM_CONFIG), &o->config[LAYER_SYSTEM]);
	char *own = home_path("XDG_CONFIG_HOME", ".config", "/config");

	if (!err && own)
		err = config_load(own, &o->config[LAYER_USER]);
	else
		free(own);
	for (int i = 0; !err && i < LAYERS; i++)
		err = check_keys(&o->config[i], (enum layer)i);
	return err;
}

static int take_section(struct options *o, enum layer layer, const char *name, bool *found)
{
	const struct config *config = &o->config[layer];
	int err = 0;

	for (size_t i = 0; !err && i < config->count; i++) {
		const struct config_line *l = &config->lines[i];
		struct origin at = {layer, config->file, l->number};
		if (strcmp(l->section, name) != 0)
			continue;
		*found = true;
		err = words_take_key(o, &at, l->key, l->value);
	}
	return err;
}

/* What is no name may be a token in the wrong place: it is not repeated. */
static int refuse_account(const struct options *o, const char *name)
{
	const char *own = o->config[LAYER_USER].file;
	bool is_name = strlen(name) <= 32 && !strpbrk(name, "|/ :");

	return refuse("no account [%s] in %s%s" SYSTEM_CONFIG
		      ", and an address begins with https://",
		      is_name ? name : "...", own ? own : "", own ? " or " : "");
}

/* name: the account's, or NULL. */
static int take_layers(struct options *o, const struct command_line *line, const char *name)
{
	static const struct origin command = {LAYER_COMMAND, NULL, 0};
	bool found = false, ignored;
	int err = 0;

	words_defaults(o);
	for (enum layer i = LAYER_SYSTEM; !err && i <= LAYER_USER; i++) {
		err = take_section(o, i, DEFAULTS, &ignored);
		if (!err && name)
			err = take_section(o, i, name, &found);
	}
	if (!err && name && !found)
		err = refuse_account(o, name);
	for (int i = 0; !err && i < line->list_count; i++)
		err = words_take(o, &command, line->lists[i]);
	if (!err && line->wants_debug && !o->debug)
		err = words_take(o, &command, "debug");
	return err;
}

/* --- what follows from it --- */

static int default_state_dir(struct options *o)
{
	o->state_dir = home_path("XDG_STATE_HOME", ".local/state", "");
	return o->state_dir ? 0 : refuse("there is no home directory: use -o state_dir=DIR");
}

/* What df and mount -a see: the address, or what fstab says, so that it is found there again. */
static int make_fuse_argv(struct options *o, const char *source)
{
	CLEANUP(buf_fini) struct buf fuse = BUF_INIT(FUSE_OPTIONS_MAX), name = BUF_INIT(1 << 12);
	int err = buf_add_str(&fuse, "nosuid,nodev,noexec,default_permissions,subtype=concordfs");

	if (!err)
		err = words_add_fuse(o, &fuse);
	if (!err)
		err = buf_printf(&name, "fsname=%s", source);
	if (!err)
		err = words_add_fuse_option(&fuse, name.data);
	if (!err && o->read_only)
		err = buf_add_str(&fuse, ",ro");
	o->fuse_argv = calloc(4, sizeof(char *));
	if (err < 0 || !o->fuse_argv)
		return refuse("out of memory");
	o->fuse_argv[0] = strdup("concordfs");
	o->fuse_argv[1] = strdup("-o");
	o->fuse_argv[2] = buf_steal(&fuse);
	o->fuse_argc = 3;
	return o->fuse_argv[0] && o->fuse_argv[1] ? 0 : refuse("out of memory");
}

static void set_owner(struct options *o)
{
	o->uid = getuid();
	o->gid = getgid();
	o->umask = umask(0);
	umask(o->umask);
}

static bool is_address(const char *place)
{
	return strstr(place, "://") != NULL;
}

static int take_address(struct options *o, const char *place)
{
	const char *why = "";
	char *url;

	if (http_check_url(place, &url, &why) < 0)
		return refuse("the URL: %s", why);
	free(url);
	return words_place(o, "url", place);
}

/* mount(8) makes an absolute path of what stands in fstab and happens to be a file's name where it is
 * started: at boot, the account [home] comes as /home. */
static const char *account_name(const char *place)
{
	return place[0] == '/' ? base_name(place) : place;
}

static int build(struct options *o, const struct command_line *line)
{
	const char *first = line->places[0];
	bool by_name = !is_address(first);
	int err = take_layers(o, line, by_name ? account_name(first) : NULL);

	if (!err && !by_name)
		err = take_address(o, first);
	if (!err && line->place_count == 2)
		err = words_place(o, "mountpoint", line->places[1]);
	if (!err && !o->state_dir)
		err = default_state_dir(o);
	return err;
}

static int check_places(const struct options *o, const struct command_line *line)
{
	if (!o->url)
		return refuse("the account [%s] has no url", line->places[0]);
	if (!o->mountpoint)
		return refuse("no mountpoint: name one on the command line%s%s%s",
			      is_address(line->places[0]) ? "" : ", or in [",
			      is_address(line->places[0]) ? "" : line->places[0],
			      is_address(line->places[0]) ? "" : "]");
	return 0;
}

static int parse_mount(struct options *o, const struct command_line *line)
{
	bool alone = line->place_count == 1 && !o->is_helper && !is_address(line->places[0]);

	if (line->place_count != 2 && !alone)
		return refuse(
			"usage: %s (concordfs -h says more)",
			o->is_helper ? "mount.concordfs URL|ACCOUNT MOUNTPOINT [-sfnv] [-o OPTIONS]"
				     : "concordfs [options] URL|ACCOUNT [MOUNTPOINT]");
	int err = build(o, line);
	if (!err)
		err = check_places(o, line);
	return err < 0 ? err : make_fuse_argv(o, o->is_helper ? line->places[0] : o->url);
}

/* --- --print-config --- */

/* `from` has read the files; each account starts anew from them. */
static int show_account(const struct options *from, const struct command_line *line)
{
	struct options o = {.is_sloppy = from->is_sloppy};

	memcpy(o.config, from->config, sizeof(o.config));
	set_owner(&o);
	int err = build(&o, line);
	if (!err) {
		printf("[%s]\n", is_address(line->places[0]) ? "account" : line->places[0]);
		words_show(&o, stdout);
	}
	memset(o.config, 0, sizeof(o.config)); /* it is from's */
	options_fini(&o);
	return err;
}

static int show_one(const struct options *from, struct command_line line, const char *name)
{
	line.places = (char *[]){(char *)name};
	line.place_count = 1;
	return show_account(from, &line);
}

static bool is_first_of_its_section(const struct options *o, int layer, size_t at)
{
	const char *name = o->config[layer].lines[at].section;

	for (int i = 0; i <= layer; i++) {
		size_t end = i < layer ? o->config[i].count : at;
		for (size_t k = 0; k < end; k++) {
			if (strcmp(o->config[i].lines[k].section, name) == 0)
				return false;
		}
	}
	return true;
}

static int show_all(const struct options *o, const struct command_line *line)
{
	bool any = false;
	int err = 0;

	for (int i = 0; i < LAYERS; i++) {
		for (size_t k = 0; !err && k < o->config[i].count; k++) {
			const char *name = o->config[i].lines[k].section;
			if (strcmp(name, DEFAULTS) == 0 || !is_first_of_its_section(o, i, k))
				continue;
			if (any)
				putchar('\n');
			err = show_one(o, *line, name);
			any = true;
		}
	}
	if (!any && !err)
		err = refuse("there is no account in %s or " SYSTEM_CONFIG,
			     o->config[LAYER_USER].file ? o->config[LAYER_USER].file
							: "~/.config/concordfs/config");
	return err;
}

static int show_config(const struct options *o, const struct command_line *line)
{
	int err = 0;

	if (!line->place_count)
		return show_all(o, line);
	if (line->place_count <= 2 && is_address(line->places[0]))
		return show_account(o, line);
	for (int i = 0; !err && i < line->place_count; i++)
		err = show_one(o, *line, line->places[i]);
	return err;
}

int options_parse(int argc, char **argv, struct options *o)
{
	struct command_line line = {.lists = calloc((size_t)argc + 1, sizeof(char *))};

	*o = (struct options){0};
	if (!line.lists)
		return refuse("out of memory");
	set_owner(o);
	int err = take_switches(o, &line, argc, argv);
	if (!err && !o->show_help && !o->show_version) {
		err = load_config(o);
		if (!err)
			err = o->show_config ? show_config(o, &line) : parse_mount(o, &line);
	}
	free(line.lists);
	return err;
}

void options_fini(struct options *o)
{
	free(o->url);
	free(o->mountpoint);
	free(o->token_file);
	free(o->token_command);
	free(o->ca_file);
	free(o->state_dir);
	free(o->collections);
	free(o->crawlers);
	free(o->debug);
	for (int i = 0; i < o->fuse_argc; i++)
		free(o->fuse_argv[i]);
	free(o->fuse_argv);
	words_fini(o);
	for (int i = 0; i < LAYERS; i++)
		config_fini(&o->config[i]);
	*o = (struct options){0};
}
