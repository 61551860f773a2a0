/* SPDX-License-Identifier: MIT */
/* words: names as people and servers spell them, compared as the API compares them, and made safe
 * to show. Bytes, not JSON: a jspan here has no quotes and no escapes. Pure; any thread. */
#ifndef CRM_WORDS_H
#define CRM_WORDS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "crm/jtext.h"

/* Without the white space at either end that Concord strips: Unicode's too. */
struct jspan words_trim(struct jspan bytes);
/* Trimmed and in lower case (Latin, Greek and Cyrillic letters). 0, -ENOMEM, -EFBIG. */
int words_fold(struct jspan bytes, struct buf *out);
/* Do both fold to the same? */
bool words_same(struct jspan a, struct jspan b);
/* As a JSON string, with its quotes. */
int words_put_json(struct jspan bytes, struct buf *out);

/* One printable line of UTF-8, cut between characters to fit: white space becomes one blank, what
 * is no UTF-8, cannot be seen or reorders a line becomes '?'. True: nothing was cut off. */
bool words_print(struct jspan bytes, char *out, size_t size);

#endif
