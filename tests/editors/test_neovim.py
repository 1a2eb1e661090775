"""A real Neovim with the plugin from editors/neovim: open, break a docstring, see the finding, take the action, read the buffer."""

import ast
import json
import os
import pathlib
import subprocess

import pytest

from cases import CASES, UNDOCUMENTED
from install import neovim

PLUGIN = pathlib.Path(__file__).resolve().parents[2] / "editors" / "neovim"
SCRIPT = pathlib.Path(__file__).with_name("neovim_session.lua")


def edit(project, program, session: dict) -> dict:
    """Runs one session in Neovim and returns what it saw."""
    report = project.parent / "report.json"
    environment = {
        "HOME": str(project.parent),
        "PATH": os.environ["PATH"],
        "LANG": "C.UTF-8",
        "SESSION": json.dumps({"plugin": str(PLUGIN), "cmd": [program, "lsp"], **session}),
        "SESSION_REPORT": str(report),
    }
    done = subprocess.run(
        [neovim(), "--clean", "--headless", "-n", "-l", str(SCRIPT)],
        cwd=project, env=environment, capture_output=True, text=True, timeout=120, stdin=subprocess.DEVNULL,
    )
    assert report.is_file(), f"Neovim ended with {done.returncode} and no report: {done.stdout}{done.stderr}"
    seen = json.loads(report.read_text())
    assert "error" not in seen, f"{seen}\n{done.stdout}{done.stderr}"
    return seen


@pytest.mark.parametrize("way", ["enable", "start", "start_client"])
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_broken_docstring_is_mended(project, program, case, way):
    file = project / case.filename
    file.write_bytes(case.text.encode())
    seen = edit(project, program, {
        "task": "mend", "way": way, "file": str(file), "right": case.right, "wrong": case.wrong,
    })
    assert {finding["code"] for finding in seen["findings"]} & case.codes, seen
    assert seen["underlined"] == "frist", "columns must be right beside emoji"
    assert file.read_bytes() == case.text.encode(), "the file is as it was, byte for byte"


def test_a_function_is_documented(project, program):
    file = project / "sums.py"
    file.write_bytes(UNDOCUMENTED.encode())
    edit(project, program, {"task": "document", "way": "enable", "file": str(file), "line": 4, "title": "ocument"})
    text = file.read_text()
    docstring = ast.get_docstring(ast.parse(text).body[1])
    assert docstring and "first" in docstring and "second" in docstring, text
    assert "🎉" in text
