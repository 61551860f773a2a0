# SPDX-License-Identifier: MIT
"""The editors that people use, in a real terminal: how one changes, saves and leaves in each."""
from terminal import Terminal


class Editor(Terminal):
    """refused: what it shows when a save fails, None: it does not look at what close says.
    leaves: names that it leaves beside {name}."""
    refused = "nvalid argument"
    leaves = ()
    complaints = ("has been changed", "has changed", "changed on disk", "changed since", "was modified",
                  "WARNING", "W11", "W12", "W16", "E211", "E5", "E667", "reload", "rror", "ead-only")

    def __init__(self, home, path, *options):
        self.first_sight = '"job_title"' if path.exists() else path.name
        super().__init__(home, home.environment, *self.command(home, *options), path)

    def __enter__(self):
        try:
            self.see(self.first_sight)  # what is typed earlier may be dropped
        except BaseException:
            self.__exit__()
            raise
        return self

    def begin(self, text):
        """Types into an empty buffer."""
        self.write(text)
        self.see(text)

    def change(self, old, new):
        """Replaces old by new, both without blanks, and sees to it that the buffer has it."""
        raise NotImplementedError

    def command(self, home, *options):
        raise NotImplementedError

    def press_save(self):
        raise NotImplementedError

    def see_saved(self):
        raise NotImplementedError

    def save(self):
        self.press_save()
        self.see_saved()
        shown = self.screen()
        assert not [c for c in self.complaints if c in shown], shown

    def save_refused(self):
        self.press_save()
        if self.refused:
            self.see(self.refused)
        else:
            self.see_saved()

    def save_after_refusal(self):
        self.save()

    def quit(self):
        raise NotImplementedError

    def leave(self):
        self.quit()
        assert self.left() == 0


class Vim(Editor):
    refused = "E512"  # "close failed", which covers E667, "fsync failed"
    program = "vim"

    def command(self, home, *options):
        rc = home / "vimrc"
        # vim makes no backups below /tmp otherwise, where the tests are
        rc.write_text("\n".join(("set nocompatible backupskip= shortmess-=F", *options)) + "\n")
        return self.program, "-u", rc

    def begin(self, text):
        self.write(f"i{text}", "Escape")
        self.see(text)

    def order(self, line):
        self.write(f":{line}", "Enter")

    def change(self, old, new):
        self.order("checktime")  # W11, W12: the file has changed since reading it
        self.order(f"%s/{old}/{new}/")
        self.see(f'"{new}"')

    def press_save(self):
        self.order("w")

    def see_saved(self):
        self.see("written")

    def quit(self):
        self.order("q")


class Neovim(Vim):
    program = "nvim"


class Nvi(Vim):
    program = "nvi"
    refused = "Error"

    def command(self, home, *options):
        return self.program, "-c", "1"  # it begins at the end otherwise

    def change(self, old, new):
        self.order(f"%s/{old}/{new}/")
        self.see(f'"{new}"')

    def see_saved(self):
        self.see("57 lines", "1 lines", "new file")

    def save_refused(self):
        super().save_refused()
        self.see("Press any key")
        self.type("Enter")
        self.unsee("Press any key")


class Emacs(Editor):
    leaves = ("{name}~",)  # the backup that it makes at the first save of a buffer

    def command(self, home, *options):
        # Otherwise emacs makes no backups below /tmp, where the tests are, and has compilers running
        # in the file's directory.
        settings = ("(setq native-comp-deferred-compilation nil)",
                    "(setq backup-enable-predicate (lambda (_) t))", *options)
        return "emacs", "-Q", "-nw", *(word for s in settings for word in ("--eval", s))

    def change(self, old, new):
        self.type("M-<", "M-x")
        self.write("replace-string", "Enter")
        self.see("Replace string")
        self.write(old, "Enter")
        self.see("with:")
        self.write(new, "Enter")
        self.see("Replaced 1 occurrence")

    def press_save(self):
        self.type("C-x", "C-s")

    def see_saved(self):
        self.see("Wrote ")
        self.type("M-:")
        self.see("Eval:")
        self.write('(message "unchanged on its disk: %s" (verify-visited-file-modtime))', "Enter")
        self.see("unchanged on its disk: t")

    def save_after_refusal(self):
        self.press_save()
        self.see("Save anyway?")  # as everywhere: what it failed to write has another time
        self.write("yes", "Enter")
        self.see_saved()

    def quit(self):
        self.type("C-x", "C-c")


class Nano(Editor):
    def command(self, home, *options):
        return "nano", *options

    def change(self, old, new):
        self.type("M-\\", "C-\\")
        self.see("Search (to replace)")
        self.write(old, "Enter")
        self.see("Replace with")
        self.write(new, "Enter")
        self.see("Replace this instance")
        self.write("A")
        self.see("Replaced 1 occurrence")

    def press_save(self):
        self.type("C-s")

    def see_saved(self):
        self.see("Wrote ")

    def save_after_refusal(self):
        self.press_save()
        self.see("continue saving?")  # as everywhere: what it failed to write has another time
        self.write("y")
        self.see_saved()

    def quit(self):
        self.type("C-x")


class Kakoune(Editor):
    refused = None

    def begin(self, text):
        self.write(f"%c{text}", "Escape")
        self.see(text)

    def command(self, home, *options):
        return "kak", "-n"

    def change(self, old, new):
        self.write(f"%s{old}", "Enter")
        self.write(f"c{new}", "Escape")
        self.see("[+]")

    def press_save(self):
        self.write(":write", "Enter")

    def see_saved(self):
        self.unsee("[+]")

    def quit(self):
        self.write(":quit", "Enter")


class Micro(Editor):
    def command(self, home, *options):
        return "micro",

    def change(self, old, new):
        self.type("C-e")
        self.see("\n>")
        self.write(f"replaceall {old} {new}", "Enter")
        self.see("Replaced 1 occurrence")

    def press_save(self):
        self.type("C-s")

    def see_saved(self):
        self.see("Saved ")

    def quit(self):
        self.type("C-q")


class Joe(Editor):
    refused = None
    leaves = ("{name}~",)

    def command(self, home, *options):
        return "joe",

    def change(self, old, new):
        self.type("C-k", "u", "C-k", "f")
        self.see("Find")
        self.write(old, "Enter")
        self.see("(R)eplace")
        self.write("r", "Enter")
        self.see("Replace with")
        self.write(new, "Enter")
        self.see("(R)est")
        self.write("r")
        self.see(f'"{new}"')

    def press_save(self):
        self.type("C-k", "d")
        self.see("file to save")
        self.type("Enter")

    def see_saved(self):
        self.see(" saved")

    def quit(self):
        self.type("C-k", "q")
