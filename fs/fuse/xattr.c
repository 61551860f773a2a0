/* SPDX-License-Identifier: MIT */
/*
 * xattr: extended attributes are read, never set: without a handler for that the kernel answers
 * EOPNOTSUPP by itself after the first time. Reading has no such memory, so whoever asks for what does
 * not exist here (ls -l for an access list, the kernel for capabilities) is told EOPNOTSUPP at once:
 * ls asks no more on this device then. Reading may wait for one record, as GETATTR does.
 */
#include <errno.h>

#include "fuse/call.h"
#include "fuse/ops.h"
#include "tree/caller.h"
#include "tree/xattr.h"

static void reply(struct call *c, int r, const struct buf *out)
{
	size_t size = c->size;

	if (r < 0)
		call_fail(c, r);
	else if (!size)
		fuse_reply_xattr(call_end(c), out->len);
	else if (out->len > size)
		call_fail(c, -ERANGE);
	else
		fuse_reply_buf(call_end(c), out->data, out->len);
}

/* NULL: there was no memory, and the kernel has been told. */
static void start(struct call *c, fuse_ino_t ino, size_t size)
{
	if (!c)
		return;
	c->ino = ino;
	c->size = size;
	call_looks(c);
	call_run(c);
}

static void run_getxattr(struct call *c)
{
	CLEANUP(buf_fini) struct buf out = BUF_INIT(XATTR_MAX_BYTES + 1);
	int r = xattr_get(c->fs->tree, c->ino, c->move.name, &c->waiter, &out);

	if (r != PARKED)
		reply(c, r, &out);
}

void op_getxattr(fuse_req_t req, fuse_ino_t ino, const char *name, size_t size)
{
	if (!xattr_is_ours(name)) {
		fuse_reply_err(req, EOPNOTSUPP);
		return;
	}
	start(call_new(req, run_getxattr, name, NULL), ino, size);
}

static void run_listxattr(struct call *c)
{
	CLEANUP(buf_fini) struct buf out = BUF_INIT(XATTR_MAX_BYTES + 1);
	int r = xattr_list(c->fs->tree, c->ino, &c->waiter, &out);

	if (r != PARKED)
		reply(c, r, &out);
}

void op_listxattr(fuse_req_t req, fuse_ino_t ino, size_t size)
{
	struct caller caller;

	caller_of(fuse_req_ctx(req)->pid, &caller);
	if (caller_looks_for_acls(&caller)) {
		fuse_reply_err(req, EOPNOTSUPP);
		return;
	}
	start(call_new(req, run_listxattr, NULL, NULL), ino, size);
}
