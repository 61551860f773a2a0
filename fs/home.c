/* SPDX-License-Identifier: MIT */
/* home: see home.h. mount(8) at boot has no HOME: then the password database knows. */
#include "home.h"

#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

const char *home_dir(void)
{
	const char *env = getenv("HOME");
	const struct passwd *pw = env && *env ? NULL : getpwuid(geteuid());
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
