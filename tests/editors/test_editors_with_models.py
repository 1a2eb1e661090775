"""A real Neovim and a real Helix with a model that answers: document, refactor and explain, while somebody types; suggestions at the cursor."""

import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time

import pytest

from cases import UNDOCUMENTED
from double import Double
from install import neovim
from test_helix import content, editor  # noqa: F401  the fixture that opens a file in Helix

PLUGIN = pathlib.Path(__file__).resolve().parents[2] / "editors" / "neovim"
# Started by the editor, which has no client for HTTP of its own.
STEER = "import sys, urllib.request as u; print(u.urlopen(u.Request(sys.argv[1], sys.argv[2].encode(), method='PUT')).read().decode())"
SCRIPT = pathlib.Path(__file__).with_name("neovim_models.lua")


@pytest.fixture
def double():
    """A model that thinks for a moment and answers well."""
    double = Double()
    double.before = 0.6
    yield double
    double.close()


def test_neovim(project, program, double, tmp_path):
    settings = tmp_path / "config" / "code-agent"
    settings.mkdir(parents=True)
    # The session asks the same again, and wants another answer.
    (settings / "config.toml").write_text(double.settings("[cache]\nmax-bytes = 0\n"))
    file = project / "sums.py"
    file.write_text(UNDOCUMENTED)
    report = tmp_path / "report.json"
    environment = {
        "HOME": str(tmp_path), "PATH": os.environ["PATH"], "LANG": "C.UTF-8", "XDG_CONFIG_HOME": str(tmp_path / "config"),
        "SESSION": json.dumps({"plugin": str(PLUGIN), "cmd": [program, "lsp"], "file": str(file), "typing": 300,
                               "steer": [sys.executable, "-c", STEER, double.url]}),
        "SESSION_REPORT": str(report),
    }
    done = subprocess.run(
        [neovim(), "--clean", "--headless", "-n", "-l", str(SCRIPT)],
        cwd=project, env=environment, capture_output=True, text=True, timeout=120, stdin=subprocess.DEVNULL,
    )
    assert report.is_file(), f"Neovim ended with {done.returncode} and no report: {done.stdout}{done.stderr}"
    seen = json.loads(report.read_text())
    assert "error" not in seen, f"{seen}\n{done.stdout}{done.stderr}"
    assert "# typed 🎉" in seen["documented"] and '    """Take 🎉 one number' in seen["documented"]
    assert "    difference = first - second\n    return difference" in seen["refactored"]
    assert seen["explained"].startswith("# Explanation of `subtract`")
    compile(file.read_text(), "sums.py", "exec")
    start = UNDOCUMENTED.rstrip("\n")
    assert seen["fixed"] == start.replace("return first - second", "difference = first - second\n    return difference")
    assert "Name the difference." in seen["asked"] and "other:" in seen["asked"]
    assert len(seen["refused"]) == 1 and "The text to be edited was changed meanwhile; run the action again." in seen["refused"][0]
    assert seen["conflict"] == start + " - 0"
    assert seen["cancelled"] == ["code-agent: 1 cancelled."] and seen["stays"]
    assert '    """Subtract `first`' in seen["offline"] and len(seen["note"]) == 1
    assert len(seen["down"]) == 1 and "double: there is no connection to 127.0.0.1" in seen["down"][0]


def test_helix(project, program, double, editor, tmp_path):  # noqa: F811
    settings = tmp_path / "config" / "code-agent"
    settings.mkdir(parents=True)
    (settings / "config.toml").write_text(double.settings())
    file = project / "sums.py"
    file.write_text(UNDOCUMENTED)
    terminal = editor(file)
    terminal.wait("the file", lambda screen: "def subtract" in screen)
    terminal.type("/subtract")
    terminal.keys("Enter")

    def menu():
        for _ in range(20):
            terminal.keys("Space")
            terminal.keys("a")
            screen = terminal.wait("the menu", lambda screen: "Explain `subtract`" in screen or "No code actions" in screen, seconds=10)
            if "Explain `subtract`" in screen:
                return screen
            # The server has not read the file yet.
            terminal.keys("Escape")
            time.sleep(0.3)
        raise AssertionError(terminal.screen())

    screen = menu()
    rows = [line for line in screen.splitlines() if "`subtract`" in line or "this file" in line or "local model" in line]
    index = next(number for number, line in enumerate(rows) if "Document `subtract` · local" in line)
    for _ in range(index):
        terminal.keys("Down")
    terminal.keys("Enter")
    terminal.wait("the documentation", lambda screen: "Take" in screen and "one number" in screen, redraw="Escape")
    terminal.type(":w")
    terminal.keys("Enter")
    terminal.wait("the file", lambda _: b"one number" in (content(file) or b""))
    text = file.read_text()
    assert '    """Take 🎉 one number' in text and text.endswith("    return first - second\n"), text


INIT = """
vim.opt.runtimepath:append(vim.env.PLUGIN)
require("code_agent").setup({ cmd = { vim.env.PROGRAM, "lsp" } })
if vim.lsp.inline_completion then
  vim.lsp.inline_completion.enable()
end
-- What is shown behind the text.
function Shown()
  local seen = {}
  for _, mark in ipairs(vim.api.nvim_buf_get_extmarks(0, -1, 0, -1, { details = true })) do
    for _, piece in ipairs(mark[4].virt_text or {}) do
      seen[#seen + 1] = piece[1]
    end
  end
  return table.concat(seen)
end
"""


def until(what: str, condition, seconds: float = 20):
    """Waits until something is so, and returns it."""
    end = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < end, f"waited in vain for {what}"
        time.sleep(0.05)
    return value


def test_neovim_suggests_at_the_cursor(project, program, double, tmp_path):
    """As ghost text where Neovim has it, from 0.12 on; in the list of completions before."""
    settings = tmp_path / "config" / "code-agent"
    settings.mkdir(parents=True)
    (settings / "config.toml").write_text("[completion]\nenabled = true\n" + double.settings() + 'fill = "qwen"\n')
    file = project / "sums.py"
    start = UNDOCUMENTED.replace(" - second\n", "\n")
    file.write_text(start)
    init = tmp_path / "init.lua"
    init.write_text(INIT)
    # A short path, since those of sockets have to be.
    folder = tempfile.TemporaryDirectory()
    socket = f"{folder.name}/nvim"
    environment = {
        "HOME": str(tmp_path), "PATH": os.environ["PATH"], "LANG": "C.UTF-8", "XDG_CONFIG_HOME": str(tmp_path / "config"),
        "PLUGIN": str(PLUGIN), "PROGRAM": program,
    }

    def asked(*how: str) -> str:
        done = subprocess.run([neovim(), "--server", socket, *how], env=environment, capture_output=True, text=True, timeout=20,
                              stdin=subprocess.DEVNULL)
        return done.stdout.rstrip("\n")

    def lua(code: str) -> str:
        return asked("--remote-expr", f"luaeval('{code}')")

    with subprocess.Popen([neovim(), "--headless", "-n", "-i", "NONE", "-u", str(init), "--listen", socket, str(file)], cwd=project,
                          env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as editor:
        try:
            until("the server", lambda: lua('#vim.lsp.get_clients({ bufnr = 0, name = "code-agent" })') == "1")
            if lua("vim.lsp.inline_completion ~= nil") == "true":
                asked("--remote-send", "G$a")
                until("the ghost text", lambda: "- second" in lua("Shown()"))
                assert lua("vim.api.nvim_get_current_line()") == "    return first", "it is only shown"
                lua("vim.lsp.inline_completion.get()")
                until("the suggestion", lambda: lua("vim.api.nvim_get_current_line()") == "    return first - second")
                asked("--remote-send", "<Esc>:silent write<CR>")
                until("the file", lambda: file.read_text() == UNDOCUMENTED)
            else:
                # What is taken is not looked at: of a text that is no snippet, this Neovim's own completion takes the first word alone.
                asked("--remote-send", "G$a<C-x><C-o>")
                until("the suggestion", lambda: lua('(vim.fn.complete_info({ "items" }).items[1] or {}).abbr') == "first - second")
        finally:
            editor.kill()
            folder.cleanup()
