/* SPDX-License-Identifier: MIT */
/* dir: directories. OPENDIR waits for the listing, so that READDIR never has to. Offsets: 1 is ".",
 * 2 is "..", n + 3 follows the entry of index n. */
#include <errno.h>
#include <stdlib.h>

#include "base/clock.h"
#include "fuse/call.h"
#include "fuse/ops.h"

enum { DOTS = 2 };

static void run_opendir(struct call *c)
{
	struct dir *d = NULL;
	int r = dir_open(c->fs->tree, c->ino, &c->waiter, &d);

	if (r == PARKED)
		return;
	if (r < 0) {
		call_fail(c, r);
		return;
	}
	struct fuse_file_info fi = c->fi;
	struct tree *t = c->fs->tree;
	fi.fh = (uintptr_t)d;
	if (fuse_reply_open(call_end(c), &fi) == -ENOENT)
		dir_close(t, d);
}

void op_opendir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct call *c = call_new(req, run_opendir, NULL, NULL);

	if (!c)
		return;
	c->ino = ino;
	c->fi = *fi;
	call_looks(c);
	call_run(c);
}

struct filling {
	fuse_req_t req;
	char *data;
	size_t size, used;
	bool plus;
};

/* False: it does not fit any more. */
static bool add(struct filling *f, const char *name, const struct entry *e, off_t next)
{
	char *at = f->data + f->used;
	size_t room = f->size - f->used, need;

	if (f->plus) {
		struct fuse_entry_param param = ops_entry(e);
		need = fuse_add_direntry_plus(f->req, at, room, name, &param, next);
	} else {
		need = fuse_add_direntry(f->req, at, room, name, &e->attr, next);
	}
	if (need > room)
		return false;
	f->used += need;
	return true;
}

/* The kernel takes no lookup for "." and "..": an entry of number 0 carries none. */
static bool add_dots(struct filling *f, fuse_ino_t ino, off_t *off)
{
	static const char *const dots[DOTS] = {".", ".."};

	for (; *off < DOTS; ++*off) {
		struct entry e = {.attr = {.st_ino = *off ? INO_ROOT : ino, .st_mode = S_IFDIR}};
		if (!add(f, dots[*off], &e, *off + 1))
			return false;
	}
	return true;
}

static int fill(struct filling *f, struct tree *t, struct dir *d, off_t off)
{
	size_t index = (size_t)(off - DOTS);
	uint64_t now = clock_now();
	struct dirent_at at;
	int r;

	while ((r = dir_read(t, d, index, f->plus, now, &at)) > 0) {
		if (!add(f, at.name, &at.entry, (off_t)at.next + DOTS)) {
			if (f->plus) /* the last one did not fit: its lookup is given back */
				node_forget(t, at.entry.ino, 1);
			return 0;
		}
		index = at.next;
	}
	return f->used ? 0 : r;
}

static void read_dir(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off,
		     struct fuse_file_info *fi, bool plus)
{
	struct fs *fs = fuse_req_userdata(req);
	struct filling f = {.req = req, .data = malloc(size), .size = size, .plus = plus};

	if (!f.data) {
		fuse_reply_err(req, ENOMEM);
		return;
	}
	int err = 0;
	if (add_dots(&f, ino, &off))
		err = fill(&f, fs->tree, (struct dir *)(uintptr_t)fi->fh, off);
	if (err < 0)
		fuse_reply_err(req, -err);
	else
		fuse_reply_buf(req, f.data, f.used);
	free(f.data);
}

void op_readdir(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off, struct fuse_file_info *fi)
{
	read_dir(req, ino, size, off, fi, false);
}

void op_readdirplus(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off,
		    struct fuse_file_info *fi)
{
	read_dir(req, ino, size, off, fi, true);
}

void op_releasedir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct fs *fs = fuse_req_userdata(req);

	(void)ino;
	dir_close(fs->tree, (struct dir *)(uintptr_t)fi->fh);
	fuse_reply_err(req, 0);
}
