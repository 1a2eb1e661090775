"""A real Emacs with Eglot and editors/emacs: open, break a docstring, see the finding, take the action, read the file; and with a model."""

import json
import os
import pathlib
import shutil
import subprocess

import pytest

from cases import CASES, UNDOCUMENTED
from double import EXPLANATION, Double

PLUGIN = pathlib.Path(__file__).resolve().parents[2] / "editors" / "emacs" / "code-agent.el"
SCRIPT = "emacs_session.el"


def emacs() -> str:
    """The program of Emacs."""
    found = shutil.which("emacs")
    if not found:
        raise RuntimeError("Emacs is missing; `apt-get install emacs-nox elpa-eglot` installs it, with Eglot.")
    return found


def edit(project, session: dict, script: str = SCRIPT) -> dict:
    """Runs one session in Emacs and returns what it saw."""
    report = project.parent / "report.json"
    session = {"plugin": str(PLUGIN), "report": str(report), **session}
    environment = {"HOME": str(project.parent), "PATH": os.environ["PATH"], "LANG": "C.UTF-8", "SESSION": json.dumps(session)}
    # Without settings of a user; those of the distribution make its packages, and with them Eglot, known.
    done = subprocess.run([emacs(), "--batch", "--no-init-file", "-l", str(pathlib.Path(__file__).with_name(script))], cwd=project, env=environment, capture_output=True,
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


@pytest.fixture(scope="module")
def with_model(program, tmp_path_factory) -> dict:
    """What came of one session with a model."""
    folder = tmp_path_factory.mktemp("emacs")
    project = folder / "project"
    (project / ".git").mkdir(parents=True)
    settings = folder / ".config" / "code-agent"
    settings.mkdir(parents=True)
    file = project / "sums.py"
    file.write_text(UNDOCUMENTED)
    double = Double()
    # The session asks the same again, and wants another answer.
    (settings / "config.toml").write_text(double.settings("[cache]\nmax-bytes = 0\n"))
    try:
        return edit(project, {"program": program, "file": str(file), "double": double.url}, "emacs_models.el")
    finally:
        double.close()


def test_a_model_documents_while_somebody_types(with_model):
    assert not with_model["waits"], "the editor is held up"
    text = with_model["documented"]
    assert text.startswith("# typed 🎉\n") and '    """Take 🎉 one number from another.' in text
    assert text.endswith('"""\n    return first - second\n')


def test_a_model_explains(with_model):
    assert EXPLANATION in with_model["explained"]


def test_a_model_mends_a_finding_and_changes_code(with_model):
    changed = UNDOCUMENTED.replace("return first - second", "difference = first - second\n    return difference")
    assert with_model["fixed"] == changed and with_model["refactored"] == changed


def test_what_is_edited_meanwhile_is_left_alone(with_model):
    assert "The text to be edited was changed meanwhile; run the action again." in with_model["refused"]
    assert with_model["conflict"] == UNDOCUMENTED.replace("first - second", "first - second - 0")


def test_a_question_is_cancelled(with_model):
    assert with_model["cancelled"] is True


def test_a_model_may_think_longer_than_eglot_waits(with_model):
    assert "only documentation changed" in with_model["late"]


def test_without_its_model_emacs_gets_words_from_the_code(with_model):
    assert "def subtract(first, second):\n    \"\"\"Subtract `first`" in with_model["offline"]
    assert with_model["offline"].endswith('"""\n    return first - second\n')
    assert "double: there is no connection to 127.0.0.1" in with_model["down"]
