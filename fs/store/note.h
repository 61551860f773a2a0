/* SPDX-License-Identifier: MIT */
/*
 * note: what is known of a local text, as bytes of a file: plain lines, values percent-escaped, the
 * base's bytes, and a checksum over all as the last line, so that a note cut short anywhere is told
 * from a whole one. Pure; any thread.
 */
#ifndef STORE_NOTE_H
#define STORE_NOTE_H

#include "base/buf.h"
#include "store/spool.h"

int note_write(const struct spool_note *note, struct buf *out); /* adds; -EFBIG, -ENOMEM */
/* -EBADMSG: damaged, or no note at all. Gives what out holds: note_fini, also after a failure. */
int note_read(const char *p, size_t n, struct spool_note *out);
void note_fini(struct spool_note *note); /* of note_read, or {0} */

static inline void note_fini_at(struct spool_note *note)
{
	note_fini(note);
}

#endif
