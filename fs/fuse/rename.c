/* SPDX-License-Identifier: MIT */
/* rename: names that come, go and move. UNLINK and RENAME hold the kernel's directory lock while they
 * wait: what they send goes in the first lane. */
#include <errno.h>
#include <stdlib.h>

#include "base/clock.h"
#include "fuse/call.h"
#include "fuse/ops.h"
#include "tree/unlink.h"

static void run_unlink(struct call *c)
{
	int r = unlink_name(c->fs->tree, c->move.dir, c->move.name, &c->waiter);

	if (r != PARKED)
		call_done(c, r);
}

void op_unlink(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	struct call *c = call_new(req, run_unlink, name, NULL);

	if (!c)
		return;
	c->saves = true;
	c->move.dir = parent;
	call_hold(c, parent);
	call_run(c);
}

static void run_rename(struct call *c)
{
	int r = move_rename(c->fs->tree, &c->move, &c->waiter);

	if (r != PARKED)
		call_done(c, r);
}

void op_rename(fuse_req_t req, fuse_ino_t parent, const char *name, fuse_ino_t new_parent,
	       const char *new_name, unsigned flags)
{
	struct call *c = call_new(req, run_rename, name, new_name);

	if (!c)
		return;
	c->saves = true;
	c->move.dir = parent;
	c->move.new_dir = new_parent;
	call_hold(c, parent);
	call_hold(c, new_parent);
	c->move.flags = flags;
	call_run(c);
}

/* Collections are the server's, and a record has one name. */
void op_rmdir(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	(void)parent;
	(void)name;
	fuse_reply_err(req, EPERM);
}

void op_mkdir(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode)
{
	(void)parent;
	(void)name;
	(void)mode;
	fuse_reply_err(req, EPERM);
}

void op_mknod(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode, dev_t rdev)
{
	(void)parent;
	(void)name;
	(void)mode;
	(void)rdev;
	fuse_reply_err(req, EPERM);
}

void op_link(fuse_req_t req, fuse_ino_t ino, fuse_ino_t parent, const char *name)
{
	(void)ino;
	(void)parent;
	(void)name;
	fuse_reply_err(req, EPERM);
}

void op_symlink(fuse_req_t req, const char *target, fuse_ino_t parent, const char *name)
{
	struct fs *fs = fuse_req_userdata(req);
	struct entry e;
	int err = file_symlink(fs->tree, parent, name, target, clock_now(), &e);

	if (err < 0) {
		fuse_reply_err(req, -err);
		return;
	}
	struct fuse_entry_param param = ops_entry(&e);
	if (fuse_reply_entry(req, &param) == -ENOENT)
		node_forget(fs->tree, e.ino, 1);
}

void op_readlink(fuse_req_t req, fuse_ino_t ino)
{
	struct fs *fs = fuse_req_userdata(req);
	char *target = NULL;
	int err = file_readlink(fs->tree, ino, &target);

	if (err < 0)
		fuse_reply_err(req, -err);
	else
		fuse_reply_readlink(req, target);
	free(target);
}
