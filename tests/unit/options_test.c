/* SPDX-License-Identifier: MIT */
/* The command line and the token: what is taken, what is refused, and that no refusal tells. */
#include "options.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/macros.h"
#include "check.h"

#define URL "https://crm.example.com"

static char dir[] = "/tmp/options_test.XXXXXX";
static char said[4096]; /* on stderr, by the last call */

static FILE *capture;
static int real_stderr;

static void listen_in(void)
{
	fflush(stderr);
	real_stderr = dup(STDERR_FILENO);
	capture = tmpfile();
	dup2(fileno(capture), STDERR_FILENO);
}

static void listen_out(void)
{
	fflush(stderr);
	dup2(real_stderr, STDERR_FILENO);
	close(real_stderr);
	rewind(capture);
	size_t n = fread(said, 1, sizeof(said) - 1, capture);
	said[n] = '\0';
	fclose(capture);
}

/* `args` ends with NULL. */
static int parse(struct options *o, const char *const *args)
{
	char *argv[32] = {"concordfs"};
	int argc = 1;

	for (; args[argc - 1]; argc++)
		argv[argc] = (char *)args[argc - 1];
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

static bool is_one_sentence(void)
{
	const char *eol = strchr(said, '\n');

	return eol && !eol[1] && strncmp(said, "concordfs: ", 11) == 0;
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
			  "comment=a b,nosuid,,"),
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

/* The token from a file with these bytes and this mode, or NULL when it was refused. */
static char *token_of(const char *bytes, size_t n, mode_t mode)
{
	struct options o = {.token_file = "token"};
	char *token = NULL;
	int fd = open("token", O_WRONLY | O_CREAT | O_TRUNC, 0600);

	CHECK_EQ(write(fd, bytes, n), (long long)n);
	fchmod(fd, mode);
	close(fd);
	listen_in();
	int err = options_token(&o, &token);
	listen_out();
	CHECK(err < 0 ? is_one_sentence() && strstr(said, "token") : !*said);
	return err < 0 ? NULL : token;
}

static void token_is(const char *bytes, const char *want)
{
	char *token = token_of(bytes, strlen(bytes), 0600);

	CHECK_STR(token, want);
	CHECK(!strstr(said, "Secret"));
	options_wipe(token);
}

static void test_what_a_token_file_may_hold(void)
{
	static char longest[5000];

	token_is("1|Secret", "1|Secret");
	token_is("1|Secret\n", "1|Secret");
	token_is("1|Secret\r\n", "1|Secret");
	token_is("1|Secret \n\n", "1|Secret");
	token_is("", NULL);
	token_is("\n", NULL);
	token_is("1|Sec ret", NULL);
	token_is("1|Secret\nHost: evil.example", NULL);
	token_is("1|Secret\r\nHost:", NULL);
	token_is(" 1|Secret", NULL);
	token_is("1|Secr\x01t", NULL);
	token_is("1|Secr\x7ft", NULL);
	token_is("1|Secr\xc3\xa4t", NULL);
	CHECK(!token_of("1|Se\0ret", 8, 0600));
	memset(longest, 'x', sizeof(longest));
	char *token = token_of(longest, 4096, 0600);
	CHECK(token && strlen(token) == 4096);
	options_wipe(token);
	CHECK(!token_of(longest, 4097, 0600));
}

static void test_who_may_read_a_token_file(void)
{
	static const mode_t modes[] = {0644, 0640, 0660, 0604, 0610, 0601, 0666, 0777};
	char mode[8];

	for (size_t i = 0; i < ARRAY_LEN(modes); i++) {
		CHECK(!token_of("1|Secret", 8, modes[i]));
		snprintf(mode, sizeof(mode), "%04o", modes[i]);
		CHECK(strstr(said, mode) && !strstr(said, "Secret"));
	}
	char *token = token_of("1|Secret", 8, 0400);
	CHECK_STR(token, "1|Secret");
	options_wipe(token);
	unlink("token");
}

static int token_at(const char *path)
{
	struct options o = {.token_file = (char *)path};
	char *token = NULL;

	listen_in();
	int err = options_token(&o, &token);
	listen_out();
	CHECK(err == 0 || is_one_sentence());
	options_wipe(token);
	return err;
}

static void test_what_a_token_file_may_be(void)
{
	options_wipe(token_of("1|Secret", 8, 0600));
	CHECK_EQ(symlink("token", "link"), 0);
	CHECK(token_at("link") < 0 && strstr(said, "symbolic link"));
	CHECK_EQ(mkfifo("fifo", 0600), 0);
	alarm(10); /* a FIFO must not hang us */
	CHECK(token_at("fifo") < 0 && strstr(said, "regular"));
	alarm(0);
	CHECK_EQ(mkdir("directory", 0700), 0);
	CHECK(token_at("directory") < 0 && strstr(said, "regular"));
	CHECK(token_at("missing") < 0 && strstr(said, "missing"));
	CHECK(token_at("/dev/null") < 0);
	if (geteuid() == 0) {
		CHECK_EQ(chown("token", 65534, 65534), 0);
		CHECK(token_at("token") < 0 && strstr(said, "somebody else"));
	}
	unlink("token");
}

static void test_the_environment_is_wiped(void)
{
	struct options o = {0};
	char variable[] = "CONCORDFS_TOKEN=1|Secret", *token = NULL;

	putenv(variable); /* as execve leaves it: in place */
	CHECK_EQ(options_token(&o, &token), 0);
	CHECK_STR(token, "1|Secret");
	options_wipe(token);
	CHECK(!getenv("CONCORDFS_TOKEN"));
	for (size_t i = 0; i < sizeof(variable); i++)
		CHECK(i < sizeof("CONCORDFS_TOKEN=") - 1 || variable[i] == '\0');
	listen_in();
	int err = options_token(&o, &token);
	listen_out();
	CHECK(err < 0 && is_one_sentence() && strstr(said, "token_file"));
	setenv("CONCORDFS_TOKEN", "1|Sec\nret", 1);
	options_wipe(token_of("2|File", 6, 0600)); /* the file comes first, the other is gone too */
	CHECK(!getenv("CONCORDFS_TOKEN"));
	setenv("CONCORDFS_TOKEN", "1|Sec\nret", 1);
	listen_in();
	err = options_token(&o, &token);
	listen_out();
	CHECK(err < 0 && is_one_sentence() && !strstr(said, "Sec"));
	options_wipe(NULL);
}

int main(void)
{
	char command[64];

	if (!mkdtemp(dir))
		return 1;
	test_defaults();
	test_every_option_arrives();
	test_switches();
	test_paths_are_made_absolute();
	test_words_of_mount_are_dropped();
	test_commas_in_the_url_stay_one_word();
	test_refusals();
	test_no_refusal_repeats_a_secret();
	test_wrong_command_lines();
	test_what_a_token_file_may_hold();
	test_who_may_read_a_token_file();
	test_what_a_token_file_may_be();
	test_the_environment_is_wiped();
	snprintf(command, sizeof(command), "rm -rf '%s'", dir);
	return system(command) != 0 || check_done("options") != 0;
}
