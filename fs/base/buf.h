/* SPDX-License-Identifier: MIT */
/* buf: growing bytes whose maximum is fixed at birth. Always NUL-terminated when not empty. One
 * owner; not locked. */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <stddef.h>

#include "base/macros.h"

struct buf {
	char *data; /* NULL while nothing was added */
	size_t len, cap, max;
};

#define BUF_INIT(limit) ((struct buf){.max = (limit)})

/* Each adds at the end; -EFBIG when max would be passed, -ENOMEM; the content then stands as it was. */
int buf_add(struct buf *b, const void *p, size_t n);
int buf_add_str(struct buf *b, const char *s);
int buf_add_char(struct buf *b, char c);
int buf_printf(struct buf *b, const char *fmt, ...) PRINTF(2, 3);
int buf_reserve(struct buf *b, size_t more); /* room for so many more bytes */

void buf_clear(struct buf *b);	/* empties, keeps the room */
void buf_fini(struct buf *b);	/* frees; may be used again, with the same max */
char *buf_steal(struct buf *b); /* gives the bytes (free them); NULL if there are none */

static inline void buf_fini_at(struct buf *b)
{
	buf_fini(b);
}

#endif
