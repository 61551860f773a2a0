/* SPDX-License-Identifier: MIT */
/* join: the members that have to travel with those that a person changed. For crm/judge; pure. */
#ifndef CRM_JOIN_H
#define CRM_JOIN_H

#include "crm/judge.h"

int join_all(struct work *w); /* after every member was judged; 0, -ENOMEM */

#endif
