/* SPDX-License-Identifier: MIT */
/* refuse: says in one sentence why something is not done: to the person at the prompt, or to the
 * log once nobody sits there. Any thread; where it goes is set before others run. */
#ifndef REFUSE_H
#define REFUSE_H

#include "base/macros.h"

int refuse(const char *fmt, ...) PRINTF(1, 2); /* -EINVAL */
void refuse_to_log(void);		       /* from now on */

#endif
