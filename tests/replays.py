# SPDX-License-Identifier: MIT
"""Programs that cannot be had here, as the system calls that they make when they save. Each function
puts a text into a file as that program does, and gives what the program remembers of the file, to
compare it before the next time: where it differs then, the person is told "changed on disk"."""
import contextlib
import itertools
import os

COUNTER = itertools.count(0x0DDBA11)  # for names that are random elsewhere


@contextlib.contextmanager
def opened(path, flags, mode=0o666):
    fd = os.open(path, flags | os.O_CLOEXEC, mode)
    try:
        yield fd
    except BaseException:
        with contextlib.suppress(OSError):
            os.close(fd)
        raise
    os.close(fd)


def write(path, text, flags, sync=None):
    with opened(path, os.O_WRONLY | flags) as fd:
        for start in range(0, len(text), 512):
            os.write(fd, text[start:start + 512])
        if sync:
            sync(fd)


def remembered(path):
    st = os.stat(path)
    return st.st_mtime_ns, st.st_size


def vscode(path, text):
    """VS Code, plain: emptied by open, written, fdatasync, closed; compared by time and size."""
    write(path, text, os.O_TRUNC | os.O_CREAT, sync=os.fdatasync)
    return remembered(path)


def vscode_atomic(path, text):
    """VS Code with an atomic write: beside it, then renamed over."""
    write(f"{path}.vsctmp", text, os.O_TRUNC | os.O_CREAT, sync=os.fdatasync)
    os.rename(f"{path}.vsctmp", path)
    return remembered(path)


def gedit(path, text, backup=None):
    """gedit and all that saves through GIO: the etag is of the open file, after the rename."""
    tmp = os.path.join(os.path.dirname(path), f".goutputstream-{next(COUNTER):06}")
    with opened(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW) as old:
        st = os.fstat(old)
    with opened(tmp, os.O_WRONLY | os.O_CREAT | os.O_EXCL) as fd:
        os.fchown(fd, st.st_uid, st.st_gid)
        os.fchmod(fd, st.st_mode)
        os.write(fd, text)
        os.fsync(fd)
        if backup:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(backup)
            try:
                os.link(path, backup)
            except PermissionError:
                os.rename(path, backup)
        try:
            os.rename(tmp, path)
        except OSError:
            os.unlink(tmp)
            raise
        st = os.fstat(fd)
    return st.st_mtime_ns, st.st_size


def gedit_with_backup(path, text):
    """gedit with "create a backup copy": a link, or else a rename, before."""
    return gedit(path, text, backup=f"{path}~")


def kate(path, text):
    """Kate, KWrite, Qt Creator: QSaveFile."""
    tmp = f"{path}.{next(COUNTER):06}"
    with opened(tmp, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600) as fd:
        os.write(fd, text)
        os.fsync(fd)
        os.fchmod(fd, 0o644)
    os.rename(tmp, path)
    return remembered(path)


def jetbrains(path, text):
    """JetBrains' safe write."""
    tmp, old = f"{path}___jb_tmp___", f"{path}___jb_old___"
    write(tmp, text, os.O_CREAT | os.O_TRUNC)
    os.rename(path, old)
    os.rename(tmp, path)
    os.unlink(old)
    return remembered(path)


def jetbrains_plain(path, text):
    """JetBrains without it."""
    write(path, text, os.O_CREAT | os.O_TRUNC)
    return remembered(path)


def office(path, text):
    """LibreOffice: a lock file while it is open, a temporary file renamed over."""
    lock = os.path.join(os.path.dirname(path), f".~lock.{os.path.basename(path)}#")
    tmp = os.path.join(os.path.dirname(path), f"lu{next(COUNTER)}q.tmp")
    write(lock, b",root,host,25.11.2026 10:00,file:///root/.config;", os.O_CREAT | os.O_EXCL)
    write(tmp, text, os.O_CREAT | os.O_EXCL, sync=os.fsync)
    os.rename(tmp, path)
    os.unlink(lock)
    return remembered(path)


def office_in_place(path, text):
    """LibreOffice where it may not rename: emptied and written in place, under its lock file."""
    lock = os.path.join(os.path.dirname(path), f".~lock.{os.path.basename(path)}#")
    write(lock, b",root,host,25.11.2026 10:00,file:///root/.config;", os.O_CREAT | os.O_EXCL)
    with opened(path, os.O_RDWR) as fd:
        os.ftruncate(fd, 0)
        os.write(fd, text)
    os.unlink(lock)
    return remembered(path)


def sublime(path, text):
    """Sublime Text with atomic_save."""
    tmp = os.path.join(os.path.dirname(path), f".sublime{next(COUNTER):x}.tmp")
    write(tmp, text, os.O_CREAT | os.O_EXCL)
    os.chmod(tmp, os.stat(path).st_mode)
    os.rename(tmp, path)
    return remembered(path)


def geany(path, text):
    """Geany and what else calls g_file_set_contents."""
    tmp = f"{path}.{next(COUNTER):06X}"
    write(tmp, text, os.O_CREAT | os.O_EXCL, sync=os.fsync)
    os.rename(tmp, path)
    return remembered(path)


def git_lockfile(path, text):
    """git's lockfile.c, with which it writes its own files."""
    write(f"{path}.lock", text, os.O_CREAT | os.O_EXCL)
    os.chmod(f"{path}.lock", 0o644)
    os.rename(f"{path}.lock", path)
    return remembered(path)


def in_place_without_truncation(path, text):
    """Written over from the start, cut to length at the end: dd conv=notrunc, truncate."""
    with opened(path, os.O_RDWR) as fd:
        os.pwrite(fd, text, 0)
        os.ftruncate(fd, len(text))
    return remembered(path)


def emacs_under_lock(path, text):
    """emacs: a dangling symlink as the lock, its auto-save file, the name moved away, no fsync, and the
    time from a second open."""
    folder, name = os.path.split(path)
    lock, auto = os.path.join(folder, f".#{name}"), os.path.join(folder, f"#{name}#")
    os.symlink(f"me@host.{os.getpid()}:1700000000", lock)
    write(auto, text, os.O_CREAT | os.O_TRUNC)
    os.rename(path, f"{path}~")
    write(path, text, os.O_CREAT | os.O_TRUNC)
    with opened(path, os.O_WRONLY) as fd:
        st = os.fstat(fd)
    os.unlink(auto)
    os.unlink(lock)
    return st.st_mtime_ns, st.st_size


# Each, and the names it leaves beside {name}.
LEAVES = {vscode: (), vscode_atomic: (), gedit: (), gedit_with_backup: ("{name}~",), kate: (), jetbrains: (),
          jetbrains_plain: (), office: (), office_in_place: (), sublime: (), geany: (), git_lockfile: (),
          in_place_without_truncation: (), emacs_under_lock: ("{name}~",)}
# Where the old text is when the last step is refused.
MOVED_AWAY = {jetbrains: "{name}___jb_old___", gedit_with_backup: "{name}~"}
