/* SPDX-License-Identifier: MIT */
/*
 * census: everything that a status says, counted at one moment: under T into a plain struct, which is
 * printed without it (crm/status.h). Sends nothing, and costs what there are collections and drafts,
 * not records.
 */
#ifndef TREE_CENSUS_H
#define TREE_CENSUS_H

#include "crm/status.h"
#include "tree/tree.h"

enum { CENSUS_MAX_BYTES = 16 << 20 }; /* of what is printed of it */

/* 0 or -ENOMEM. out: to be finished (status_fini) also then. */
int census_take(struct tree *t, struct status *out) EXCLUDES(T);
/* The same as one line in the log. */
void census_log(struct tree *t) EXCLUDES(T);

#endif
