/* SPDX-License-Identifier: MIT */
/* secret: the API token, from a private file or from the environment. Main thread, at the start. */
#ifndef SECRET_H
#define SECRET_H

/* From file, or from the environment if that is NULL; wiped from the environment in any case.
 * *out is given: options_wipe. 0, or -EINVAL after one sentence on stderr. */
int secret_read(const char *file, char **out);

#endif
