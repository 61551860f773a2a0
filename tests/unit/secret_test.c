/* SPDX-License-Identifier: MIT */
/* Where the token comes from, in which order, and what is said when it cannot be had. */
#include "secret.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/macros.h"
#include "check.h"
#include "said.h"

static char dir[] = "/tmp/secret_test.XXXXXX";
static struct command_limits limits = {20 * NS_PER_SEC, -1};

static int find_and_read(const char *file, const char *command, char **token)
{
	CLEANUP(secret_fini) struct secret s = {0};
	int err = secret_find(file, command, &s);

	return err < 0 ? err : secret_read(&s, &limits, token);
}

/* The token from a file with these bytes and this mode, or NULL when it was refused. */
static char *token_of(const char *bytes, size_t n, mode_t mode)
{
	char *token = NULL;
	int fd = open("token", O_WRONLY | O_CREAT | O_TRUNC, 0600);

	CHECK_EQ(write(fd, bytes, n), (long long)n);
	fchmod(fd, mode);
	close(fd);
	listen_in();
	int err = find_and_read("token", NULL, &token);
	listen_out();
	CHECK(err < 0 ? is_one_sentence() && strstr(said, "token") : !*said);
	return err < 0 ? NULL : token;
}

static void token_is(const char *bytes, const char *want)
{
	char *token = token_of(bytes, strlen(bytes), 0600);

	CHECK_STR(token, want);
	CHECK(!strstr(said, "Secret"));
	secret_wipe(token);
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
	secret_wipe(token);
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
	secret_wipe(token);
	unlink("token");
}

static int token_at(const char *path)
{
	char *token = NULL;

	listen_in();
	int err = find_and_read(path, NULL, &token);
	listen_out();
	CHECK(err == 0 || is_one_sentence());
	secret_wipe(token);
	return err;
}

static void test_what_a_token_file_may_be(void)
{
	secret_wipe(token_of("1|Secret", 8, 0600));
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

/* --- the order --- */

static void put(const char *path, const char *text, mode_t mode)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	CHECK_EQ(write(fd, text, strlen(text)), (long long)strlen(text));
	fchmod(fd, mode);
	close(fd);
}

static enum secret_kind kind_of(const char *file, const char *command)
{
	CLEANUP(secret_fini) struct secret s = {0};

	CHECK_EQ(secret_find(file, command, &s), 0);
	return s.kind;
}

static void give_environment(void)
{
	static char variable[64];

	strcpy(variable, "CONCORDFS_TOKEN=1|Secret");
	putenv(variable); /* as execve leaves it: in place */
	secret_take_environment();
	CHECK(!getenv("CONCORDFS_TOKEN"));
	for (size_t i = strlen("CONCORDFS_TOKEN="); i < sizeof(variable); i++)
		CHECK(variable[i] == '\0');
}

static void test_the_first_that_is_there_is_the_one(void)
{
	struct secret s = {0};
	char path[128], *token = NULL;

	snprintf(path, sizeof(path), "%s/config", dir);
	setenv("XDG_CONFIG_HOME", path, 1);
	setenv("CREDENTIALS_DIRECTORY", dir, 1);
	mkdir("config", 0700);
	mkdir("config/concordfs", 0700);
	listen_in();
	int err = secret_find(NULL, NULL, &s);
	listen_out();
	CHECK(err < 0 && is_one_sentence() && strstr(said, "token_file"));
	put("config/concordfs/token", "1|Home\n", 0600);
	CHECK_EQ(kind_of(NULL, NULL), SECRET_HOME_FILE);
	CHECK_EQ(find_and_read(NULL, NULL, &token), 0);
	CHECK_STR(token, "1|Home");
	secret_wipe(token);
	give_environment();
	CHECK_EQ(kind_of(NULL, NULL), SECRET_ENVIRONMENT);
	put("concordfs-token", "1|Credential", 0440); /* as systemd's access lists show */
	CHECK_EQ(kind_of(NULL, NULL), SECRET_CREDENTIAL);
	CHECK_EQ(find_and_read(NULL, NULL, &token), 0);
	CHECK_STR(token, "1|Credential");
	secret_wipe(token);
	CHECK_EQ(kind_of(NULL, "echo x"), SECRET_COMMAND);
	CHECK_EQ(kind_of("/x", "echo x"), SECRET_FILE);
	CHECK_EQ(kind_of(NULL, NULL), SECRET_CREDENTIAL);
	unlink("concordfs-token");
	CHECK_EQ(kind_of(NULL, NULL), SECRET_HOME_FILE); /* the environment's was wiped, unused */
	put("config/concordfs/token", "1|Home", 0640);
	listen_in();
	err = find_and_read(NULL, NULL, &token);
	listen_out();
	CHECK(err < 0 && is_one_sentence() && strstr(said, "0640"));
	unlink("config/concordfs/token");
	put("concordfs-token", "1|Credential", 0444);
	listen_in();
	err = find_and_read(NULL, NULL, &token);
	listen_out();
	CHECK(err < 0 && is_one_sentence() && strstr(said, "0444"));
	unlink("concordfs-token");
}

static void test_the_environment_is_used_once(void)
{
	CLEANUP(secret_fini) struct secret s = {0};
	char *token = NULL;

	give_environment();
	CHECK_EQ(secret_find(NULL, NULL, &s), 0);
	CHECK(!secret_is_lasting(&s));
	CHECK_EQ(secret_read(&s, &limits, &token), 0);
	CHECK_STR(token, "1|Secret");
	secret_wipe(token);
	listen_in();
	int err = secret_read(&s, &limits, &token);
	listen_out();
	CHECK(err < 0 && is_one_sentence());
	setenv("CONCORDFS_TOKEN", "1|Sec\nret", 1);
	secret_take_environment();
	listen_in();
	err = find_and_read(NULL, NULL, &token);
	listen_out();
	CHECK(err < 0 && is_one_sentence() && !strstr(said, "Sec"));
	setenv("CONCORDFS_TOKEN", "", 1);
	secret_take_environment();
	listen_in();
	err = secret_find(NULL, NULL, &s);
	listen_out();
	CHECK(err < 0 && is_one_sentence());
	secret_wipe(NULL);
}

/* --- commands --- */

static void split_is(const char *text, int want, ...)
{
	va_list ap;
	char **argv = NULL;
	int n = command_split(text, &argv);

	va_start(ap, want);
	if (CHECK_EQ(n, want < 0 ? want : 0) && !n) {
		int i = 0;
		for (; i < want && argv[i]; i++)
			CHECK_STR(argv[i], va_arg(ap, const char *));
		CHECK(i == want && !argv[i]);
	}
	va_end(ap);
	command_free(argv);
}

static void test_commands_are_split_as_documented(void)
{
	split_is("pass", 1, "pass");
	split_is("  pass  show\tcrm  ", 3, "pass", "show", "crm");
	split_is("'/my prog' a", 2, "/my prog", "a");
	split_is("a 'b \\ \"c' \"d ' \\\" \\\\\" e\\ f", 4, "a", "b \\ \"c", "d ' \" \\", "e f");
	split_is("a''b\"\" '' \"\"", 3, "ab", "", "");
	split_is("a $HOME `b` ; | > *", 7, "a", "$HOME", "`b`", ";", "|", ">", "*");
	split_is("a\\", 1, "a\\");
	split_is("", -EINVAL);
	split_is("  ", -EINVAL);
	split_is("''", -EINVAL);
	split_is("a 'b", -EINVAL);
	split_is("a \"b\\\"", -EINVAL);
	command_free(NULL);
}

static int command(const char *text, char **token)
{
	*token = NULL;
	listen_in();
	int err = find_and_read(NULL, text, token);
	listen_out();
	return err;
}

static void command_gives(const char *text, const char *want)
{
	char *token;

	CHECK_EQ(command(text, &token), 0);
	CHECK_STR(token, want);
	secret_wipe(token);
}

static void command_fails(const char *text, const char *word)
{
	char *token;

	bool ok = command(text, &token) < 0 && is_one_sentence() && strstr(said, word) &&
		  strstr(said, "token_command") && !strstr(said, "Secret");
	if (!CHECK(ok))
		fprintf(stderr, "\t%s: said %s", text, said);
}

static void test_a_command_gives_its_first_line(void)
{
	command_gives("printf '1|Secret'", "1|Secret");
	command_gives("echo '1|Secret'", "1|Secret");
	command_gives("printf '1|Secret\\nurl: x\\nuser: jo\\n'", "1|Secret");
	command_gives("printf '1|Secret\\r\\n'", "1|Secret");
	command_gives("sh -c 'echo x >/dev/null; echo y'", "y");
	command_gives("sh -c 'echo x; seq 200000'", "x");
	command_gives("sh -c 'echo x; sleep 3 & '", "x"); /* whom it leaves behind is not awaited */
}

static void test_a_command_that_fails_says_how(void)
{
	command_fails("false", "exit status 1");
	command_fails("sh -c 'echo \"1|Secret\"; exit 3'", "exit status 3");
	command_fails("sh -c 'kill -9 $$'", "signal 9");
	command_fails("/nowhere/program Secret", "No such file");
	command_fails("/nowhere/program Secret", "/nowhere/program");
	command_fails("true", "no token");
	command_fails("echo", "no token");
	command_fails("echo two words", "not a token");
	command_fails("sh -c 'head -c 5000 /dev/zero | tr \"\\0\" x'", "longer");
	command_fails("echo 'Secret", "quote");
}

static void test_a_command_has_so_long_and_no_longer(void)
{
	uint64_t start = clock_now();

	limits.ns = 200 * NS_PER_MS;
	command_fails("sleep 1000", "took longer");
	command_fails("sh -c 'yes & sleep 3'", "took longer");
	CHECK(clock_now() - start < 20 * NS_PER_SEC);
	limits.ns = 20 * NS_PER_SEC;
	limits.stop_fd = eventfd(1, EFD_CLOEXEC);
	command_fails("sleep 1000", "canceled");
	close(limits.stop_fd);
	limits.stop_fd = -1;
	CHECK(clock_now() - start < 20 * NS_PER_SEC);
}

/* Descriptors that somebody forgot to close on exec, signals we ignore, and the token. */
static void test_a_command_inherits_nothing_secret(void)
{
	int leaky = dup2(STDIN_FILENO, 77);

	give_environment();
	signal(SIGPIPE, SIG_IGN);
	CHECK_EQ(leaky, 77);
	command_gives("sh -c 'test -e /proc/$$/fd/77 && echo leaked || echo none'", "none");
	close(leaky);
	give_environment();
	command_gives("sh -c 'env | grep -c CONCORDFS_TOKEN; true'", "0");
	command_fails("sh -c 'kill -PIPE $$; echo alive'", "signal 13");
}

int main(void)
{
	char cleanup[64];

	unsetenv("CONCORDFS_TOKEN");
	if (!mkdtemp(dir) || chdir(dir) < 0 || !freopen("/dev/null", "r", stdin))
		return 1;
	setenv("HOME", dir, 1);
	test_what_a_token_file_may_hold();
	test_who_may_read_a_token_file();
	test_what_a_token_file_may_be();
	test_the_first_that_is_there_is_the_one();
	test_the_environment_is_used_once();
	test_commands_are_split_as_documented();
	test_a_command_gives_its_first_line();
	test_a_command_that_fails_says_how();
	test_a_command_has_so_long_and_no_longer();
	test_a_command_inherits_nothing_secret();
	snprintf(cleanup, sizeof(cleanup), "rm -rf '%s'", dir);
	return system(cleanup) != 0 || check_done("secret") != 0;
}
