"""A real Helix in a terminal with editors/helix/languages.toml: open, break a docstring, see the finding, take the action, read the file."""

import os
import pathlib
import shutil
import subprocess
import time

import pytest

from cases import CASES
from install import helix

CONFIGURATION = pathlib.Path(__file__).resolve().parents[2] / "editors" / "helix" / "languages.toml"


class Terminal:
    """A program in a terminal that nobody looks at."""

    def __init__(self, folder: pathlib.Path, command: list[str], environment: dict[str, str], log: pathlib.Path):
        self.log = log
        if not shutil.which("tmux"):
            raise RuntimeError("The tests of Helix need tmux.")
        self.socket = str(folder / "tmux.socket")
        self.environment = environment
        shell = " ".join("'" + part.replace("'", "'\\''") + "'" for part in command)
        (folder / "tmux.conf").write_text("set -sg escape-time 0\nset -g default-terminal screen-256color\nset -g remain-on-exit on\n")
        self.tmux("-f", str(folder / "tmux.conf"), "new-session", "-d", "-x", "160", "-y", "50", shell)

    def tmux(self, *arguments: str) -> str:
        """Gives tmux a command."""
        done = subprocess.run(["tmux", "-u", "-S", self.socket, *arguments], env=self.environment, capture_output=True, text=True)
        if done.returncode != 0:
            raise RuntimeError(f"tmux {arguments[0]} ended with {done.returncode}: {done.stderr}")
        return done.stdout

    def keys(self, *keys: str) -> None:
        """Presses keys by name."""
        self.tmux("send-keys", *keys)

    def type(self, text: str) -> None:
        """Types a text as it is."""
        self.tmux("send-keys", "-l", text)

    def type_as_people_do(self, text: str) -> None:
        """Types a text into the file, a letter at a time: of changes that follow one another at once, Helix sends the later one first
        now and then, and no server knows the text from there on."""
        for letter in text:
            self.type(letter)
            time.sleep(0.03)

    def screen(self) -> str:
        """What stands on the screen."""
        return self.tmux("capture-pane", "-p")

    def wait(self, what: str, condition, seconds: float = 30, redraw: str | None = None) -> str:
        """Waits until the screen fulfils a condition.

        Helix leaves out drawing when messages of a server come fast, and may then show the last but one until a key is pressed;
        `redraw` is a key that changes nothing else.
        """
        began = drawn = time.monotonic()
        while time.monotonic() < began + seconds:
            screen = self.screen()
            if condition(screen):
                return screen
            if redraw and time.monotonic() > drawn + 3:
                self.keys(redraw)
                drawn = time.monotonic()
            time.sleep(0.05)
        raise AssertionError(f"waited in vain for {what}:\n{self.screen()}\n{self.journal()}")

    def journal(self) -> str:
        """What Helix and the server told each other last."""
        lines = self.log.read_text(errors="replace").splitlines() if self.log.exists() else []
        return "\n".join(line[:400] for line in lines if "publishDiagnostics" in line or "didChange" in line or "out of date" in line)[-8000:]

    def close(self) -> None:
        """Ends the terminal and what runs in it."""
        subprocess.run(["tmux", "-S", self.socket, "kill-server"], capture_output=True)


@pytest.fixture
def editor(project, program, tmp_path):
    """A function that opens a file in Helix."""
    command, extra = helix()
    settings = tmp_path / "config" / "helix"
    settings.mkdir(parents=True)
    # Only our server runs: the others of the shipped file are not installed here.
    shipped = CONFIGURATION.read_text()
    assert 'command = "code-agent"' in shipped
    text = shipped.replace('command = "code-agent"', f'command = "{program}"')
    lines = ['language-servers = ["code-agent"]' if line.startswith("language-servers") else line for line in text.splitlines()]
    (settings / "languages.toml").write_text("\n".join(lines) + "\n")
    (settings / "config.toml").write_text(
        '[editor]\nend-of-line-diagnostics = "hint"\n[editor.inline-diagnostics]\ncursor-line = "hint"\nother-lines = "hint"\n'
    )
    environment = {
        "HOME": str(tmp_path), "PATH": os.environ["PATH"], "LANG": "C.UTF-8", "TERM": "xterm-256color",
        "XDG_CONFIG_HOME": str(tmp_path / "config"), "XDG_CACHE_HOME": str(tmp_path / "cache"), "SHELL": "/bin/sh", **extra,
    }
    opened = []

    def open_file(file: pathlib.Path) -> Terminal:
        os.chdir(project)
        log = tmp_path / "helix.log"
        terminal = Terminal(tmp_path, [*command, "-vv", "--log", str(log), str(file)], environment, log)
        opened.append(terminal)
        return terminal

    yield open_file
    for terminal in opened:
        terminal.close()


def content(file: pathlib.Path) -> bytes | None:
    """The bytes of a file; nothing in the moment in which Helix puts the new one in the place of the old one."""
    try:
        return file.read_bytes()
    except FileNotFoundError:
        return None


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_broken_docstring_is_mended(project, editor, case):
    file = project / case.filename
    file.write_bytes(case.text.encode())
    terminal = editor(file)
    terminal.wait("the file", lambda screen: case.right in screen)
    terminal.type("/" + case.right)
    terminal.keys("Enter")
    terminal.keys("c")
    terminal.type_as_people_do(case.wrong)
    terminal.keys("Escape")
    terminal.wait("the broken text", lambda screen: case.wrong in screen)
    terminal.wait("the finding", lambda screen: "●" in screen and screen.count("frist") >= 2, redraw="Escape")
    terminal.type("/frist")
    terminal.keys("Enter")
    terminal.keys("Space")
    terminal.keys("a")
    terminal.wait("the menu", lambda screen: "Rename to" in screen)
    terminal.keys("Enter")
    terminal.wait("the fix", lambda screen: case.right in screen and case.wrong not in screen, redraw="Escape")
    terminal.type(":write")
    terminal.keys("Enter")
    terminal.wait("the file to be written", lambda _: content(file) == case.text.encode())
    terminal.type(":quit!")
    terminal.keys("Enter")
