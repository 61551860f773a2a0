/* SPDX-License-Identifier: MIT */
/* lookup: names and attributes. LOOKUP never waits; GETATTR and SETATTR may, for one record. */
#include <errno.h>
#include <stdlib.h>
#include <sys/statvfs.h>

#include "base/clock.h"
#include "fuse/call.h"
#include "fuse/ops.h"
#include "tree/draft.h"

static struct fs *fs_of(fuse_req_t req)
{
	return fuse_req_userdata(req);
}

void op_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	struct fs *fs = fs_of(req);
	struct entry e;
	int err = node_lookup(fs->tree, parent, name, clock_now(), &e);

	if (err < 0) {
		fuse_reply_err(req, -err);
		return;
	}
	struct fuse_entry_param param = ops_entry(&e);
	if (fuse_reply_entry(req, &param) == -ENOENT)
		node_forget(fs->tree, e.ino, 1); /* interrupted: the kernel did not take it */
}

void op_forget(fuse_req_t req, fuse_ino_t ino, uint64_t count)
{
	node_forget(fs_of(req)->tree, ino, count);
	draft_sweep(fs_of(req)->tree); /* it may have been removed while open */
	fuse_reply_none(req);
}

void op_forget_multi(fuse_req_t req, size_t count, struct fuse_forget_data *forgets)
{
	for (size_t i = 0; i < count; i++)
		node_forget(fs_of(req)->tree, forgets[i].ino, forgets[i].nlookup);
	draft_sweep(fs_of(req)->tree);
	fuse_reply_none(req);
}

static void run_getattr(struct call *c)
{
	struct entry e;
	int r = file_getattr(c->fs->tree, c->ino, &c->waiter, &e);

	if (r == PARKED)
		return;
	if (r < 0)
		call_fail(c, r);
	else
		fuse_reply_attr(call_end(c), &e.attr, e.attr_timeout);
}

void op_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct call *c = call_new(req, run_getattr, NULL, NULL);

	(void)fi;
	if (!c)
		return;
	c->ino = ino;
	call_looks(c);
	call_run(c);
}

static void run_setattr(struct call *c)
{
	struct entry e;
	int r = file_change(c->fs->tree, c->ino, c->file, &c->change, &c->waiter, &e);

	if (r == PARKED)
		return;
	if (r < 0)
		call_fail(c, r);
	else
		fuse_reply_attr(call_end(c), &e.attr, e.attr_timeout);
}

static struct file_change change_of(const struct stat *attr, int to_set)
{
	struct file_change change = {
		.has_size = to_set & FUSE_SET_ATTR_SIZE,
		.has_mode = to_set & FUSE_SET_ATTR_MODE,
		.has_mtime = to_set & (FUSE_SET_ATTR_MTIME | FUSE_SET_ATTR_MTIME_NOW),
		.size = attr->st_size,
		.mode = attr->st_mode & 07777,
		.mtime = attr->st_mtim,
	};

	if (to_set & FUSE_SET_ATTR_MTIME_NOW)
		clock_gettime(CLOCK_REALTIME, &change.mtime);
	return change;
}

void op_setattr(fuse_req_t req, fuse_ino_t ino, struct stat *attr, int to_set,
		struct fuse_file_info *fi)
{
	struct call *c = call_new(req, run_setattr, NULL, NULL);

	if (!c)
		return;
	c->ino = ino;
	c->file = fi ? (struct file *)(uintptr_t)fi->fh : NULL;
	c->change = change_of(attr, to_set);
	call_run(c);
}

void op_statfs(fuse_req_t req, fuse_ino_t ino)
{
	struct statvfs st = {.f_bsize = 4096, .f_frsize = 4096, .f_namemax = 255};

	(void)ino;
	fuse_reply_statfs(req, &st);
}
