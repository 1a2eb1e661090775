"""A real Emacs with Eglot and editors/emacs: open, break a docstring, see the finding, take the action, read the file."""

import json
import os
import pathlib
import shutil
import subprocess

import pytest

from cases import CASES, UNDOCUMENTED

PLUGIN = pathlib.Path(__file__).resolve().parents[2] / "editors" / "emacs" / "code-agent.el"
SCRIPT = pathlib.Path(__file__).with_name("emacs_session.el")


def emacs() -> str:
    """The program of Emacs."""
    found = shutil.which("emacs")
    if not found:
        raise RuntimeError("Emacs is missing; `apt-get install emacs-nox elpa-eglot` installs it, with Eglot.")
    return found


def edit(project, session: dict) -> dict:
    """Runs one session in Emacs and returns what it saw."""
    report = project.parent / "report.json"
    session = {"plugin": str(PLUGIN), "report": str(report), **session}
    environment = {"HOME": str(project.parent), "PATH": os.environ["PATH"], "LANG": "C.UTF-8", "SESSION": json.dumps(session)}
    # Without settings of a user; those of the distribution make its packages, and with them Eglot, known.
    done = subprocess.run([emacs(), "--batch", "--no-init-file", "-l", str(SCRIPT)], cwd=project, env=environment, capture_output=True,
                          text=True, timeout=120, stdin=subprocess.DEVNULL)
    assert done.returncode == 0 and report.is_file(), f"Emacs ended with {done.returncode}: {done.stdout}{done.stderr}"
    return json.loads(report.read_text())


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_broken_docstring_is_mended(project, program, case):
    file = project / case.filename
    file.write_bytes(case.text.encode())
    seen = edit(project, {"program": program, "file": str(file), "right": case.right, "wrong": case.wrong})
    assert seen["underlined"] == "frist", "columns must be right beside emoji"
    assert "`frist` is documented" in seen["message"], seen
    assert file.read_bytes() == case.text.encode(), "the file is as it was, byte for byte"


def test_settings_reach_the_server(project, program):
    file = project / "sums.py"
    file.write_text(UNDOCUMENTED)
    # Off, as long as no settings say otherwise.
    seen = edit(project, {"program": program, "file": str(file), "settings": {"analysis": {"rules": {"missing-doc": "warning"}}}})
    assert "subtract" in seen["message"], seen
