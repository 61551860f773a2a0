# SPDX-License-Identifier: MIT
"""Terminal: a program in a real terminal (tmux), driven by keys; what it shows is waited for."""
import pathlib
import subprocess

from conftest import SLOW, until

# tmux 3.3 does not always notice that a program has ended: its shell writes the status down.
WRAPPER = 'export TERM=xterm-256color; "$@"; echo $? >"$0.new"; mv "$0.new" "$0"; exec sleep 60'


class Terminal:
    """with Terminal(tmp, env, "vim", path) as t: t.write(":w"); t.type("Enter"); t.see("written")"""

    def __init__(self, tmp, env, *command):
        self.ended = pathlib.Path(tmp) / "status"
        self.ended.unlink(missing_ok=True)
        self.socket = str(pathlib.Path(tmp) / "tmux")
        self.env = {k: v for k, v in env.items() if k not in ("TMUX", "TMUX_PANE")}
        self.tmux("new-session", "-d", "-x", "200", "-y", "50", "-c", str(tmp), "--",
                  "sh", "-c", WRAPPER, str(self.ended), *map(str, command))

    def tmux(self, *words):
        done = subprocess.run(["tmux", "-u", "-S", self.socket, "-f", "/dev/null", *words], env=self.env,
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=20 * SLOW)
        assert done.returncode == 0, f"tmux {words}: {done.stderr}"
        return done.stdout

    def type(self, *keys):
        """Keys by their names: Enter, Escape, C-x, M-<."""
        self.tmux("send-keys", *keys)

    def write(self, text, *keys):
        """Text as it is, even where it reads like a key's name; then keys."""
        self.tmux("send-keys", "-l", text)
        if keys:
            self.type(*keys)

    def screen(self):
        return self.tmux("capture-pane", "-p")

    def when(self, fact, what):
        """Waits until fact(screen) holds; gives the screen."""
        shown = ""

        def is_so():
            nonlocal shown
            shown = self.screen()
            return fact(shown)

        try:
            until(is_so)
        except AssertionError:
            raise AssertionError(f"{what}, but the screen shows:\n{shown.rstrip()}") from None
        return shown

    def see(self, *texts):
        """Waits until one of these is on the screen; gives the screen."""
        return self.when(lambda shown: any(t in shown for t in texts), f"{texts} should come")

    def unsee(self, text):
        return self.when(lambda shown: text not in shown, f"{text!r} should go")

    def left(self):
        """Waits for the program to end; gives its status."""
        self.when(lambda _: self.ended.exists(), "the program should end")
        return int(self.ended.read_text())

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.tmux("kill-server")
