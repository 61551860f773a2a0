/* SPDX-License-Identifier: MIT */
/* The command line, mount(8)'s call and configuration files: what is taken, what lies over what, what
 * is refused, and that no refusal tells. */
#include "options.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/macros.h"
#include "check.h"
#include "said.h"

#define URL "https://crm.example.com"

static char dir[] = "/tmp/options_test.XXXXXX";

/* `args` ends with NULL. */
static int parse(struct options *o, const char *const *args)
{
	char *argv[32] = {"concordfs"};
	int argc = 1;

	for (; args[argc - 1]; argc++)
		argv[argc] = (char *)args[argc - 1];
	options_fini(o); /* of the call before */
	listen_in();
	int err = options_parse(argc, argv, o);
	listen_out();
	return err;
}

#define PARSE(o, ...) parse((o), (const char *const[]){__VA_ARGS__, NULL})

/* Parses -o list; the rest is fine. */
static int with(struct options *o, const char *list)
{
	return PARSE(o, "-o", list, URL, "/mnt");
}

static void refused(const char *list, const char *word)
{
	struct options o = {0};
	bool ok = with(&o, list) < 0 && is_one_sentence() && strstr(said, word);

	if (!CHECK(ok))
		fprintf(stderr, "\t-o %s: said %s", list, said);
	options_fini(&o);
}

static void test_defaults(void)
{
	struct options o = {0};

	setenv("XDG_STATE_HOME", "/state", 1);
	mode_t mask = umask(027);
	CHECK_EQ(PARSE(&o, URL "/api/", "/mnt"), 0);
	CHECK_STR(said, "");
	CHECK_STR(o.url, URL);
	CHECK_STR(o.mountpoint, "/mnt");
	CHECK_STR(o.state_dir, "/state/concordfs");
	CHECK(!o.token_file && !o.ca_file && !o.collections && !o.debug);
	CHECK(o.ttl_ns == 60 * NS_PER_SEC && o.timeout_ns == 60 * NS_PER_SEC);
	CHECK(o.page_size == 100 && o.max_deletes == 25 && !o.read_only && !o.foreground);
	CHECK(o.uid == getuid() && o.gid == getgid() && o.umask == 027);
	CHECK_EQ(umask(mask), 027); /* and it stands as it was */
	CHECK_EQ(o.fuse_argc, 3);
	CHECK_STR(o.fuse_argv[1], "-o");
	CHECK_STR(o.fuse_argv[2], "nosuid,nodev,noexec,default_permissions,subtype=concordfs,"
				  "fsname=" URL);
	CHECK(!o.fuse_argv[3]);
	options_fini(&o);
	options_fini(&o);
	unsetenv("XDG_STATE_HOME");
	setenv("HOME", "/home/jo", 1);
	CHECK_EQ(PARSE(&o, URL, "/mnt"), 0);
	CHECK_STR(o.state_dir, "/home/jo/.local/state/concordfs");
	options_fini(&o);
	setenv("XDG_STATE_HOME", "relative", 1);
	CHECK_EQ(PARSE(&o, URL, "/mnt"), 0);
	CHECK_STR(o.state_dir, "/home/jo/.local/state/concordfs");
	options_fini(&o);
	unsetenv("XDG_STATE_HOME");
}

static void test_every_option_arrives(void)
{
	struct options o = {0};

	CHECK_EQ(PARSE(&o, "-f", URL, "-o",
		       "ttl=1.5,timeout=0.25,page_size=1000,max_deletes=0,uid=7,gid=8,umask=077,ro,"
		       "conflict=theirs,create_labels",
		       "/mnt", "-o", "token_file=/t,cacert=/c,state_dir=/s", "-o",
		       "collections=contacts:deals,debug=http:tree"),
		 0);
	CHECK(o.ttl_ns == 1500 * NS_PER_MS && o.timeout_ns == 250 * NS_PER_MS);
	CHECK(o.page_size == 1000 && o.max_deletes == 0 && o.uid == 7 && o.gid == 8);
	CHECK(o.conflict == CONFLICT_THEIRS && o.create_labels);
	CHECK(o.umask == 077 && o.read_only && o.foreground);
	CHECK_STR(o.token_file, "/t");
	CHECK_STR(o.ca_file, "/c");
	CHECK_STR(o.state_dir, "/s");
	CHECK_STR(o.collections, "contacts:deals");
	CHECK_STR(o.debug, "http:tree");
	CHECK(strstr(o.fuse_argv[2], ",ro"));
	options_fini(&o);
	CHECK_EQ(with(&o, "ttl=1,ttl=2,ro,rw,state_dir=/a,state_dir=/b"),
		 0); /* the last one holds */
	CHECK(o.ttl_ns == 2 * NS_PER_SEC && !o.read_only);
	CHECK_STR(o.state_dir, "/b");
	options_fini(&o);
}

static void test_switches(void)
{
	struct options o = {0};

	CHECK_EQ(PARSE(&o, "-d", URL, "/mnt"), 0);
	CHECK(o.foreground);
	CHECK_STR(o.debug, "all");
	options_fini(&o);
	CHECK_EQ(PARSE(&o, "-d", "-o", "debug=http", URL, "/mnt"), 0);
	CHECK_STR(o.debug, "http");
	options_fini(&o);
	CHECK_EQ(PARSE(&o, "-h"), 0);
	CHECK(o.show_help && strstr(options_help(), "token_file="));
	CHECK_EQ(PARSE(&o, "--version"), 0);
	CHECK(o.show_version);
	options_fini(&o);
	CHECK_EQ(PARSE(&o, "--help"), 0);
	CHECK(o.show_help);
	options_fini(&o);
}

static void test_paths_are_made_absolute(void)
{
	struct options o = {0};
	char want[64];

	CHECK_EQ(chdir(dir), 0);
	CHECK_EQ(mkdir("point", 0700), 0);
	CHECK_EQ(PARSE(&o, "-o", "token_file=t", URL, "point"), 0);
	snprintf(want, sizeof(want), "%s/point", dir);
	CHECK_STR(o.mountpoint, want);
	snprintf(want, sizeof(want), "%s/t", dir);
	CHECK_STR(o.token_file, want);
	options_fini(&o);
	CHECK_EQ(PARSE(&o, URL, "missing"), 0); /* main says that it is */
	snprintf(want, sizeof(want), "%s/missing", dir);
	CHECK_STR(o.mountpoint, want);
	options_fini(&o);
}

static void test_words_of_mount_are_dropped(void)
{
	struct options o = {0};

	CHECK_EQ(with(&o, "_netdev,nofail,auto,noauto,user,users,defaults,rw,x-systemd.automount,"
			  "comment=a b,nosuid,dev,suid,user=jo,nouser,owner,X-mount.mkdir,,"),
		 0);
	CHECK_STR(o.fuse_argv[2],
		  "nosuid,nodev,noexec,default_permissions,subtype=concordfs,fsname=" URL);
	options_fini(&o);
	CHECK_EQ(with(&o, "allow_other,auto_unmount,context=a:b\\,c:d"), 0);
	CHECK(strstr(o.fuse_argv[2], ",allow_other,auto_unmount,context=a:b\\,c:d,fsname="));
	options_fini(&o);
}

static void test_commas_in_the_url_stay_one_word(void)
{
	struct options o = {0};

	CHECK_EQ(PARSE(&o, URL "/a,b,suid", "/mnt"), 0);
	CHECK(strstr(o.fuse_argv[2], ",fsname=" URL "/a\\,b\\,suid"));
	options_fini(&o);
	CHECK_EQ(with(&o, "state_dir=/a\\,b\\\\c"), 0);
	CHECK_STR(o.state_dir, "/a,b\\c");
	options_fini(&o);
}

static void test_refusals(void)
{
	refused("tttl=5", "did you mean ttl?");
	refused("colections=deals", "did you mean collections?");
	refused("exec", "unknown");
	refused("zebra", "zebra");
	refused("url=https://x", "unknown");
	refused("mountpoint=/x", "unknown");
	refused("token_command", "program");
	refused("token_command=", "program");
	refused("token_command=pass 'show", "quote");
	refused("token_fil=x", "did you mean token_file?");
	refused("ttl", "seconds");
	refused("ttl=", "seconds");
	refused("ttl=x", "seconds");
	refused("ttl=-1", "seconds");
	refused("ttl=1e3", "seconds");
	refused("ttl=nan", "seconds");
	refused("ttl=0x10", "seconds");
	refused("ttl=.", "seconds");
	refused("ttl=1.2.3", "seconds");
	refused("ttl=999999999999", "seconds");
	refused("timeout=0", "above 0");
	refused("page_size=0", "1 to 1000");
	refused("page_size=1001", "1 to 1000");
	refused("page_size= 5", "1 to 1000");
	refused("page_size=-5", "1 to 1000");
	refused("max_deletes=many", "number");
	refused("max_deletes=1000001", "number");
	refused("conflict=both", "ask, mine or theirs");
	refused("conflict", "ask, mine or theirs");
	refused("create_labels=yes", "create_labels");
	refused("uid=root", "number");
	refused("umask=1000", "octal");
	refused("umask=9", "octal");
	refused("collections=leads", "collections");
	refused("collections=contacts::deals", "collections");
	refused("ro=1", "no value");
	refused("allow_other=1", "no value");
}

static void test_no_refusal_repeats_a_secret(void)
{
	static const char *const lists[] = {
		"token=1|Secret", "token", "tokn=1|Secret", "1|Secret", "ttl=1|Secret",
	};
	struct options o = {0};

	for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
		CHECK(with(&o, lists[i]) < 0 && is_one_sentence() && !strstr(said, "Secret"));
		options_fini(&o);
	}
	CHECK(with(&o, "token=x") < 0 && strstr(said, "every user") && strstr(said, "token_file"));
	CHECK(PARSE(&o, "https://jo:Secret@crm.example.com", "/mnt") < 0 && is_one_sentence() &&
	      !strstr(said, "Secret"));
	options_fini(&o);
	CHECK(PARSE(&o, URL, "/mnt", "1|Secret") < 0 && is_one_sentence() &&
	      !strstr(said, "Secret"));
	options_fini(&o);
}

static void test_wrong_command_lines(void)
{
	struct options o = {0};

	CHECK(PARSE(&o, URL) < 0 && is_one_sentence() && strstr(said, "MOUNTPOINT"));
	CHECK(PARSE(&o, "-z", URL, "/mnt") < 0 && is_one_sentence());
	CHECK(PARSE(&o, "--zebra", URL, "/mnt") < 0 && is_one_sentence());
	CHECK(PARSE(&o, URL, "/mnt", "-o") < 0 && is_one_sentence());
	CHECK(PARSE(&o, "http://crm.example.com", "/mnt") < 0 && is_one_sentence());
	options_fini(&o);
}

/* --- mount(8) --- */

static int helper(struct options *o, const char *const *args)
{
	char *argv[32] = {"/sbin/mount.concordfs"};
	int argc = 1;

	for (; args[argc - 1]; argc++)
		argv[argc] = (char *)args[argc - 1];
	options_fini(o); /* of the call before */
	listen_in();
	int err = options_parse(argc, argv, o);
	listen_out();
	return err;
}

#define HELPER(o, ...) helper((o), (const char *const[]){__VA_ARGS__, NULL})

static void test_mount8_calls_it_its_own_way(void)
{
	struct options o = {0};

	CHECK_EQ(HELPER(&o, URL, "/mnt", "-sfnv", "-t", "fuse.concordfs", "-o", "rw,zebra,ttl=5"),
		 0);
	CHECK(o.is_helper && o.is_fake && o.is_sloppy && o.is_verbose && !o.foreground);
	CHECK(o.ttl_ns == 5 * NS_PER_SEC);
	options_fini(&o);
	CHECK(HELPER(&o, URL, "/mnt", "-o", "zebra") < 0 && is_one_sentence());
	options_fini(&o);
	CHECK(HELPER(&o, URL, "/mnt", "-s", "-o", "token=1|Secret") < 0 && is_one_sentence() &&
	      !strstr(said, "Secret"));
	options_fini(&o);
	CHECK(HELPER(&o, URL) < 0 && is_one_sentence() && strstr(said, "mount.concordfs"));
	options_fini(&o);
	CHECK(HELPER(&o, URL, "/mnt", "-d") < 0 && is_one_sentence());
	options_fini(&o);
}

/* --- configuration files --- */

static void write_config(const char *text, mode_t mode)
{
	FILE *f = fopen("config/concordfs/config", "w");

	CHECK(f && fputs(text, f) >= 0);
	fchmod(fileno(f), mode);
	fclose(f);
}

static void open_config(const char *text)
{
	static char variable[128];

	if (chdir(dir) < 0)
		return;
	mkdir("config", 0700);
	mkdir("config/concordfs", 0700);
	snprintf(variable, sizeof(variable), "%s/config", dir);
	setenv("XDG_CONFIG_HOME", variable, 1);
	write_config(text, 0644);
}

static void close_config(void)
{
	unlink("config/concordfs/config");
	unsetenv("XDG_CONFIG_HOME");
}

#define ACCOUNTS                                                                                   \
	"[defaults]\nttl = 7\npage_size = 50\nro\nallow_other\n"                                   \
	"[work]\nurl = " URL "\nmountpoint = ~/crm\ntoken_file = ~/token\n"                        \
	"options = max_deletes=3,x-mark,context=a:b\\,c\npage_size = 60\ncreate_labels = yes\n"    \
	"[home]\nurl = https://home.example\nro = no\nallow_other = off\nstate_dir = \"/s # 1\"\n"

static void test_an_account_is_mounted_by_its_name(void)
{
	struct options o = {0};

	open_config(ACCOUNTS);
	setenv("HOME", "/home/jo", 1);
	CHECK_EQ(PARSE(&o, "work"), 0);
	CHECK_STR(said, "");
	CHECK_STR(o.url, URL);
	CHECK_STR(o.mountpoint, "/home/jo/crm");
	CHECK_STR(o.token_file, "/home/jo/token");
	CHECK(o.ttl_ns == 7 * NS_PER_SEC && o.page_size == 60 && o.max_deletes == 3);
	CHECK(o.read_only && o.create_labels);
	CHECK(strstr(o.fuse_argv[2], ",allow_other,context=a:b\\,c,fsname=" URL ",ro"));
	options_fini(&o);
	CHECK_EQ(PARSE(&o, "home", "/mnt"), 0);
	CHECK_STR(o.url, "https://home.example");
	CHECK_STR(o.mountpoint, "/mnt");
	CHECK_STR(o.state_dir, "/s # 1");
	CHECK(!o.read_only && !strstr(o.fuse_argv[2], "allow_other") && o.page_size == 50);
	options_fini(&o);
	CHECK_EQ(PARSE(&o, URL, "/mnt"), 0); /* no account, and the defaults all the same */
	CHECK(o.ttl_ns == 7 * NS_PER_SEC && o.read_only && !o.token_file);
	options_fini(&o);
	CHECK_EQ(HELPER(&o, "work", "/mnt"), 0); /* as fstab calls it, for mount -a to find it */
	CHECK(strstr(o.fuse_argv[2], ",fsname=work"));
	options_fini(&o);
	close_config();
}

static void test_the_command_line_is_over_the_file(void)
{
	struct options o = {0};

	open_config(ACCOUNTS);
	CHECK_EQ(PARSE(&o, "-o", "ttl=1,rw,token_command=pass show x", "work", "/other"), 0);
	CHECK(o.ttl_ns == 1 * NS_PER_SEC && !o.read_only && !o.token_file);
	CHECK_STR(o.token_command, "pass show x");
	CHECK_STR(o.mountpoint, "/other");
	options_fini(&o);
	/* In one place, both: the order of the sources decides, so both are there. */
	CHECK_EQ(PARSE(&o, "-o", "token_command=x,token_file=/y", URL, "/mnt"), 0);
	CHECK(o.token_file && o.token_command);
	options_fini(&o);
	close_config();
}

static void config_refused(const char *text, const char *word, const char *other)
{
	struct options o = {0};

	write_config(text, 0644);
	bool ok = PARSE(&o, "work", "/mnt") < 0 && is_one_sentence() && strstr(said, word) &&
		  strstr(said, other);
	if (!CHECK(ok))
		fprintf(stderr, "\t%s: said %s", text, said);
	options_fini(&o);
}

static void test_mistakes_in_a_file_are_told_with_their_line(void)
{
	static const char work[] = "[work]\nurl = " URL "\n";
	char text[256];
	static const struct {
		const char *line, *word;
	} cases[] = {
		{"tttl = 5", "did you mean ttl?"},
		{"mount_point = /x", "did you mean mountpoint?"},
		{"option = ro", "did you mean options?"},
		{"user = jo", "unknown option user"},
		{"ttl = x", "seconds"},
		{"ttl", "seconds"},
		{"ttl =", "no value"},
		{"options = tttl=5", "did you mean ttl?"},
		{"options = ttl=x", "seconds"},
		{"ro = perhaps", "yes or no"},
		{"mountpoint = crm", "begins with / or ~/"},
		{"token_file = crm", "begins with / or ~/"},
		{"token_command = pass 'show", "quote"},
		{"url = ftp://x.example", "address"},
		{"url = https://jo:Secret@x.example", "address"},
		{"token = 1|Secret", "token_file"},
		{"token", "token_file"},
		{"options = token=1|Secret", "token_file"},
		{"1|Secret", "neither"},
		{"[work", "section"},
		{"[https://x]", "section"},
		{"[]", "section"},
		{"a\x01"
		 "b = 1",
		 "control"},
	};

	open_config("");
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		snprintf(text, sizeof(text), "%s%s\n", work, cases[i].line);
		config_refused(text, cases[i].word, "concordfs/config:3: ");
		CHECK(!strstr(said, "Secret"));
	}
	config_refused("ttl = 5\n", "before the first", "config:1: ");
	config_refused("[other]\nzebra = 5\n[work]\nurl = " URL "\n", "zebra", "config:2: ");
	config_refused("[home]\n", "no account [work]", "https://");
	config_refused("[work]\nttl = 1\n", "[work]", "no url");
	close_config();
}

static void test_who_may_write_a_configuration(void)
{
	static const mode_t good[] = {0600, 0644, 0444, 0755}, bad[] = {0664, 0646, 0666, 0620};
	struct options o = {0};

	open_config(ACCOUNTS);
	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		write_config(ACCOUNTS, good[i]);
		CHECK_EQ(PARSE(&o, "home", "/mnt"), 0);
		options_fini(&o);
	}
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		write_config(ACCOUNTS, bad[i]);
		CHECK(PARSE(&o, URL, "/mnt") < 0 && is_one_sentence() && strstr(said, "go-w"));
		options_fini(&o);
	}
	write_config(ACCOUNTS, 0644);
	if (geteuid() == 0) {
		CHECK_EQ(chown("config/concordfs/config", 65534, 65534), 0);
		CHECK(PARSE(&o, URL, "/mnt") < 0 && is_one_sentence() &&
		      strstr(said, "somebody else"));
		options_fini(&o);
	}
	unlink("config/concordfs/config");
	CHECK_EQ(mkfifo("config/concordfs/config", 0600), 0);
	alarm(10);
	CHECK(PARSE(&o, URL, "/mnt") < 0 && is_one_sentence() && strstr(said, "regular"));
	alarm(0);
	options_fini(&o);
	close_config();
	CHECK_EQ(PARSE(&o, URL, "/mnt"), 0); /* and none is none */
	options_fini(&o);
}

static void test_an_unknown_account_is_not_repeated_when_it_may_be_a_token(void)
{
	struct options o = {0};

	open_config(ACCOUNTS);
	CHECK(PARSE(&o, "1|Secret") < 0 && is_one_sentence() && !strstr(said, "Secret"));
	options_fini(&o);
	CHECK(PARSE(&o, "wrk", "/mnt") < 0 && is_one_sentence() && strstr(said, "[wrk]"));
	options_fini(&o);
	close_config();
}

int main(void)
{
	char command[64];

	if (!mkdtemp(dir))
		return 1;
	unsetenv("XDG_CONFIG_HOME");
	setenv("HOME", dir, 1); /* where nothing is configured */
	test_defaults();
	test_every_option_arrives();
	test_switches();
	test_paths_are_made_absolute();
	test_words_of_mount_are_dropped();
	test_commas_in_the_url_stay_one_word();
	test_refusals();
	test_no_refusal_repeats_a_secret();
	test_wrong_command_lines();
	test_mount8_calls_it_its_own_way();
	test_an_account_is_mounted_by_its_name();
	test_the_command_line_is_over_the_file();
	test_mistakes_in_a_file_are_told_with_their_line();
	test_who_may_write_a_configuration();
	test_an_unknown_account_is_not_repeated_when_it_may_be_a_token();
	snprintf(command, sizeof(command), "rm -rf '%s'", dir);
	return system(command) != 0 || check_done("options") != 0;
}
