/* SPDX-License-Identifier: MIT */
/* ops: the table. What is absent (setting xattrs, locks, ioctl, fallocate) the kernel asks for once: it
 * remembers the ENOSYS. */
#include "fuse/ops.h"

#include "tree/node.h"

const struct fuse_lowlevel_ops ops = {
	.lookup = op_lookup,
	.forget = op_forget,
	.forget_multi = op_forget_multi,
	.getattr = op_getattr,
	.setattr = op_setattr,
	.statfs = op_statfs,
	.opendir = op_opendir,
	.readdir = op_readdir,
	.readdirplus = op_readdirplus,
	.releasedir = op_releasedir,
	.create = op_create,
	.open = op_open,
	.read = op_read,
	.write = op_write,
	.flush = op_flush,
	.fsync = op_fsync,
	.release = op_release,
	.unlink = op_unlink,
	.rmdir = op_rmdir,
	.mkdir = op_mkdir,
	.mknod = op_mknod,
	.link = op_link,
	.rename = op_rename,
	.symlink = op_symlink,
	.readlink = op_readlink,
	.getxattr = op_getxattr,
	.listxattr = op_listxattr,
};

struct fuse_entry_param ops_entry(const struct entry *e)
{
	return (struct fuse_entry_param){
		.ino = e->ino,
		.attr = e->attr,
		.attr_timeout = e->attr_timeout,
		.entry_timeout = e->entry_timeout,
	};
}
