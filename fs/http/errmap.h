/* SPDX-License-Identifier: MIT */
/* errmap: THE table: HTTP status and CURLcode -> -errno and a sentence (design 3.9). Nothing else
 * in the program knows status numbers beyond "2xx" and what retry.c and limit.c need. */
#ifndef HTTP_ERRMAP_H
#define HTTP_ERRMAP_H

#include <stdbool.h>

struct fault {
	int err;	  /* 0 or -errno; never ESTALE or ENOSYS (F6) */
	const char *text; /* a sentence without a final stop; static */
	bool hopeless;	  /* repeating cannot help: a certificate, an address, a body too large */
};

/* What goes wrong on our side of the wire, or with an answer that is none of the API's. */
enum own_fault {
	FAULT_DEADLINE,
	FAULT_BUDGET,
	FAULT_CANCELED,
	FAULT_MEMORY,
	FAULT_TOO_BIG,
	FAULT_NOT_API,
	FAULT_EMPTY,
	FAULT_LOST, /* the connection broke before a complete answer */
};

struct fault errmap_status(int status); /* {0, ""} for 2xx */
struct fault errmap_curl(int curlcode); /* {0, ""} for CURLE_OK */
/* CURLE_COULDNT_CONNECT hides which: os_errno (CURLINFO_OS_ERRNO) tells refused from no route. */
struct fault errmap_connect(int os_errno);
struct fault errmap_own(enum own_fault what);

#endif
