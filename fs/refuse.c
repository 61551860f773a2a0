/* SPDX-License-Identifier: MIT */
/* refuse: see refuse.h. What is refused may be read by others: the callers leave secrets out. */
#include "refuse.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>

#include "base/log.h"

static bool to_log;

int refuse(const char *fmt, ...)
{
	char sentence[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(sentence, sizeof(sentence), fmt, ap);
	va_end(ap);
	if (to_log)
		log_error("main: %s", sentence);
	else
		fprintf(stderr, "concordfs: %s\n", sentence);
	return -EINVAL;
}

void refuse_to_log(void)
{
	to_log = true;
}
