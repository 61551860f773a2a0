/* SPDX-License-Identifier: MIT */
/* file: open files. OPEN waits for one record, FSYNC and FLUSH for one commit; READ and WRITE are
 * memory and the local disk. RELEASE's result is dropped by Linux: nothing is decided there (F8). */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>

#include "base/clock.h"
#include "fuse/call.h"
#include "fuse/ops.h"

static struct file *file_of(const struct fuse_file_info *fi)
{
	return (struct file *)(uintptr_t)fi->fh;
}

static void run_open(struct call *c)
{
	struct file *f = NULL;
	bool keep_pages = false;
	int r = file_open(c->fs->tree, c->ino, c->fi.flags, &c->waiter, &f, &keep_pages);

	if (r == PARKED)
		return;
	if (r < 0) {
		call_fail(c, r);
		return;
	}
	struct fuse_file_info fi = c->fi;
	struct tree *t = c->fs->tree;
	fi.fh = (uintptr_t)f;
	fi.keep_cache = keep_pages;
	fi.direct_io = f->node->control != NULL; /* its size is that of a moment ago */
	fi.noflush = !f->writable; /* a reader's close says nothing: a round trip saved (F11) */
	if (fuse_reply_open(call_end(c), &fi) == -ENOENT)
		file_close(t, f);
}

void op_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct call *c = call_new(req, run_open, NULL, NULL);

	if (!c)
		return;
	c->ino = ino;
	c->fi = *fi;
	call_looks(c);
	call_run(c);
}

void op_create(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode,
	       struct fuse_file_info *fi)
{
	struct fs *fs = fuse_req_userdata(req);
	struct file *f = NULL;
	struct entry e;
	int err = file_create(fs->tree, parent, name, mode, fi->flags, clock_now(), &f, &e);

	if (err < 0) {
		fuse_reply_err(req, -err);
		return;
	}
	struct fuse_entry_param param = ops_entry(&e);
	fi->fh = (uintptr_t)f;
	if (fuse_reply_create(req, &param, fi) == -ENOENT) {
		file_close(fs->tree, f);
		node_forget(fs->tree, e.ino, 1);
	}
}

void op_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off, struct fuse_file_info *fi)
{
	struct fs *fs = fuse_req_userdata(req);
	char *room = malloc(size);

	(void)ino;
	ssize_t n = room ? file_read(fs->tree, file_of(fi), room, size, off) : -ENOMEM;
	if (n < 0)
		fuse_reply_err(req, (int)-n);
	else
		fuse_reply_buf(req, room, (size_t)n);
	free(room);
}

void op_write(fuse_req_t req, fuse_ino_t ino, const char *p, size_t size, off_t off,
	      struct fuse_file_info *fi)
{
	struct fs *fs = fuse_req_userdata(req);
	/* The kernel says where a mapped page goes, whatever the descriptor that it borrows. */
	bool append = (fi->flags & O_APPEND) && !fi->writepage;
	ssize_t n = file_write(fs->tree, file_of(fi), p, size, append ? -1 : off);

	(void)ino;
	if (n < 0)
		fuse_reply_err(req, (int)-n);
	else
		fuse_reply_write(req, (size_t)n);
}

static void run_commit(struct call *c)
{
	int r = file_commit(c->fs->tree, c->file, c->at, &c->waiter);

	if (r != PARKED)
		call_done(c, r);
}

static void commit(fuse_req_t req, struct fuse_file_info *fi, enum commit_at at)
{
	struct call *c = call_new(req, run_commit, NULL, NULL);

	if (!c)
		return;
	c->file = file_of(fi);
	c->at = at;
	c->saves = true;
	call_run(c);
}

void op_flush(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	(void)ino;
	if (file_of(fi)->writable)
		commit(req, fi, COMMIT_AT_FLUSH);
	else
		fuse_reply_err(req, 0);
}

void op_fsync(fuse_req_t req, fuse_ino_t ino, int datasync, struct fuse_file_info *fi)
{
	(void)ino;
	(void)datasync;
	commit(req, fi, COMMIT_AT_FSYNC);
}

void op_release(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct fs *fs = fuse_req_userdata(req);

	(void)ino;
	file_close(fs->tree, file_of(fi));
	fuse_reply_err(req, 0);
}
