/* SPDX-License-Identifier: MIT */
/* home: see home.h. HOME says it, but mount(8) takes it out of the environment, mount.fuse3 then puts
 * /root there whoever calls it, and sudo -E leaves another user's: what is not ours is not our home,
 * and the password database knows better. */
#include "home.h"

#include <pwd.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static bool is_anothers(const char *dir)
{
	struct stat st;

	return stat(dir, &st) == 0 && st.st_uid != geteuid();
}

const char *home_dir(void)
{
	const char *env = getenv("HOME");
	bool is_good = env && env[0] == '/' && !is_anothers(env);
	const struct passwd *pw = is_good ? NULL : getpwuid(geteuid());
	const char *dir = pw ? pw->pw_dir : env;

	return dir && dir[0] == '/' ? dir : NULL;
}

char *home_path(const char *variable, const char *fallback, const char *rest)
{
	const char *base = getenv(variable), *home;
	char *path;
	int n;

	if (base && base[0] == '/') { /* the specification says to ignore a relative one */
		n = asprintf(&path, "%s/concordfs%s", base, rest);
	} else {
		home = home_dir();
		n = home ? asprintf(&path, "%s/%s/concordfs%s", home, fallback, rest) : -1;
	}
	return n < 0 ? NULL : path;
}
