/* SPDX-License-Identifier: MIT */
/* prompt: asks the person at the terminal for a secret, without showing it. Main thread. */
#ifndef PROMPT_H
#define PROMPT_H

#include <stdbool.h>
#include <stddef.h>

bool prompt_is_possible(void); /* somebody sits at stdin */
/* The length of the line without its end, or -errno. A signal that ends programs ends us, once the
 * terminal is as it was. */
int prompt_secret(const char *question, char *line, size_t size);

#endif
