/* SPDX-License-Identifier: MIT */
/*
 * memfs: the limit of the medium. Serves the files of one directory, read into memory at the start,
 * with no more work than a low-level FUSE program must do: readdirplus with attributes, timeouts
 * that never end, pages kept. What concordfs takes beyond this is its own.
 *
 *   memfs [noflush] [nokeep] [noplus] DIRECTORY MOUNTPOINT      (in the foreground, until unmounted)
 */
#include <dirent.h>
#include <errno.h>
#include <fuse_lowlevel.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define FOREVER 1e9

struct file {
	char *name, *bytes;
	struct stat st;
};

struct memfs {
	struct file *files; /* by name; inode number = index + 2 */
	size_t count;
	struct stat root;
	bool noflush, nokeep;
};

static struct memfs *fs_of(fuse_req_t req)
{
	return fuse_req_userdata(req);
}

static struct file *file_of(fuse_req_t req, fuse_ino_t ino)
{
	return &fs_of(req)->files[ino - 2];
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct file *)a)->name, ((const struct file *)b)->name);
}

static struct fuse_entry_param entry_of(const struct file *f)
{
	return (struct fuse_entry_param){.ino = f->st.st_ino,
					 .attr = f->st,
					 .attr_timeout = FOREVER,
					 .entry_timeout = FOREVER};
}

static void do_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	struct memfs *fs = fs_of(req);
	struct file key = {.name = (char *)name};
	struct file *f = bsearch(&key, fs->files, fs->count, sizeof(key), by_name);
	struct fuse_entry_param none = {.entry_timeout = FOREVER};
	struct fuse_entry_param e = f ? entry_of(f) : none;

	(void)parent;
	fuse_reply_entry(req, &e);
}

static void do_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct stat *st = ino == FUSE_ROOT_ID ? &fs_of(req)->root : &file_of(req, ino)->st;

	(void)fi;
	fuse_reply_attr(req, st, FOREVER);
}

static void fill(fuse_req_t req, size_t size, off_t off, bool plus)
{
	struct memfs *fs = fs_of(req);
	char *buf = malloc(size);
	size_t used = 0;

	for (size_t i = (size_t)off; buf && i < fs->count; i++) {
		struct file *f = &fs->files[i];
		struct fuse_entry_param e = entry_of(f);
		size_t left = size - used, n;
		off_t next = (off_t)i + 1;
		n = plus ? fuse_add_direntry_plus(req, buf + used, left, f->name, &e, next)
			 : fuse_add_direntry(req, buf + used, left, f->name, &f->st, next);
		if (n > left)
			break;
		used += n;
	}
	fuse_reply_buf(req, buf, used);
	free(buf);
}

static void do_readdir(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off,
		       struct fuse_file_info *fi)
{
	(void)ino;
	(void)fi;
	fill(req, size, off, false);
}

static void do_readdirplus(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off,
			   struct fuse_file_info *fi)
{
	(void)ino;
	(void)fi;
	fill(req, size, off, true);
}

static void do_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	(void)ino;
	fi->keep_cache = !fs_of(req)->nokeep;
	fi->noflush = fs_of(req)->noflush;
	fuse_reply_open(req, fi);
}

static void do_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off,
		    struct fuse_file_info *fi)
{
	const struct file *f = file_of(req, ino);
	size_t left = off < f->st.st_size ? (size_t)(f->st.st_size - off) : 0;

	(void)fi;
	fuse_reply_buf(req, f->bytes + (left ? off : 0), left < size ? left : size);
}

/* Without a handler libfuse would answer ENOSYS once, and the kernel would never flush again. */
static void do_flush(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	(void)ino;
	(void)fi;
	fuse_reply_err(req, 0);
}

static int read_file(struct file *f, const char *path)
{
	FILE *in = fopen(path, "r");

	if (!in || fstat(fileno(in), &f->st) < 0)
		return -errno;
	f->bytes = malloc((size_t)f->st.st_size + 1);
	size_t n = f->bytes ? fread(f->bytes, 1, (size_t)f->st.st_size, in) : 0;
	fclose(in);
	return n == (size_t)f->st.st_size ? 0 : -EIO;
}

static int read_directory(struct memfs *fs, const char *path)
{
	struct dirent **names;
	char file[PATH_MAX];
	int n = scandir(path, &names, NULL, NULL);
	int err = n < 0 || stat(path, &fs->root) < 0 ? -errno : 0;

	fs->files = calloc(n > 0 ? (size_t)n : 1, sizeof(*fs->files));
	for (int i = 0; !err && i < n; i++) {
		if (names[i]->d_name[0] != '.')
			fs->files[fs->count++].name = names[i]->d_name;
	}
	qsort(fs->files, fs->count, sizeof(*fs->files), by_name);
	for (size_t i = 0; !err && i < fs->count; i++) {
		snprintf(file, sizeof(file), "%s/%s", path, fs->files[i].name);
		err = read_file(&fs->files[i], file);
		fs->files[i].st.st_ino = i + 2;
	}
	return err;
}

static int serve(struct memfs *fs, const struct fuse_lowlevel_ops *ops, const char *mountpoint)
{
	char *argv[] = {"memfs", "-o", "fsname=memfs,nosuid,nodev,noexec,default_permissions",
			NULL};
	struct fuse_args args = FUSE_ARGS_INIT(3, argv);
	struct fuse_session *session = fuse_session_new(&args, ops, sizeof(*ops), fs);
	struct fuse_loop_config *loop = fuse_loop_cfg_create();

	if (!session || !loop || fuse_session_mount(session, mountpoint) != 0)
		return 1;
	fuse_set_signal_handlers(session);
	fuse_session_loop_mt(session, loop);
	fuse_session_unmount(session);
	fuse_session_destroy(session);
	fuse_loop_cfg_destroy(loop);
	return 0;
}

int main(int argc, char **argv)
{
	struct memfs fs = {0};
	struct fuse_lowlevel_ops ops = {
		.lookup = do_lookup,
		.getattr = do_getattr,
		.readdir = do_readdir,
		.readdirplus = do_readdirplus,
		.open = do_open,
		.read = do_read,
		.flush = do_flush,
	};

	for (; argc > 3; argc--, argv++) {
		fs.noflush |= strcmp(argv[1], "noflush") == 0;
		fs.nokeep |= strcmp(argv[1], "nokeep") == 0;
		if (strcmp(argv[1], "noplus") == 0)
			ops.readdirplus = NULL;
	}
	if (argc != 3 || read_directory(&fs, argv[1]) < 0) {
		fprintf(stderr, "usage: memfs [noflush] [nokeep] [noplus] DIRECTORY MOUNTPOINT\n");
		return 1;
	}
	return serve(&fs, &ops, argv[2]);
}
