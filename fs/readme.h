/* SPDX-License-Identifier: MIT */
/* readme: what README.md in the root of the mount says, from the tables that the program goes by: the
 * collections, the options, the errors. Main thread, at the start. */
#ifndef README_H
#define README_H

#include "options.h"

/* gives a text of a page or two (free it); NULL: no memory. */
char *readme_write(const struct options *o);

#endif
