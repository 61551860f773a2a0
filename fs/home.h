/* SPDX-License-Identifier: MIT */
/* home: the user's directories, as the XDG base directory specification has them. Main thread. */
#ifndef HOME_H
#define HOME_H

const char *home_dir(void); /* lends; NULL: there is none */
/* $variable/concordfs<rest>, or ~/<fallback>/concordfs<rest>; rest is "" or begins with "/". Gives;
 * NULL: no home, or no memory. */
char *home_path(const char *variable, const char *fallback, const char *rest);

#endif
