"""A real Neovim with the plugin from editors/neovim: open, break a docstring, see the finding, take the action, read the buffer."""

import ast
import json
import os
import pathlib
import shutil
import subprocess

import pytest

from cases import CASES, UNDOCUMENTED
from install import neovim

PLUGIN = pathlib.Path(__file__).resolve().parents[2] / "editors" / "neovim"
SCRIPTED = pathlib.Path(__file__).with_name("vscode") / "scripted_server.mjs"
SCRIPT = pathlib.Path(__file__).with_name("neovim_session.lua")


def edit(project, program, session: dict, variables: dict[str, str] | None = None) -> dict:
    """Runs one session in Neovim and returns what it saw."""
    report = project.parent / "report.json"
    environment = {
        "HOME": str(project.parent),
        "PATH": os.environ["PATH"],
        "LANG": "C.UTF-8",
        # For the scripted server, which reads from it where it writes down what it hears.
        "TEST_JOB": str(project.parent / "job.json"),
        "SESSION": json.dumps({"plugin": str(PLUGIN), "cmd": [program, "lsp"], **session}),
        "SESSION_REPORT": str(report),
        **(variables or {}),
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


def as_package(folder: pathlib.Path) -> pathlib.Path:
    """A folder with the plugin as a native package; a copy, since the tags of the help are written into it."""
    shutil.copytree(PLUGIN, folder / "packages" / "pack" / "code-agent" / "start" / "code-agent", ignore=shutil.ignore_patterns("tags"))
    return folder / "packages"


@pytest.mark.parametrize("name", ["code-agent", "code_agent"])
def test_the_health_check_passes_and_the_help_is_found(project, program, name):
    file = project / "sums.py"
    file.write_bytes(CASES[0].text.encode())
    seen = edit(project, program, {
        "task": "health", "way": "enable", "file": str(file), "name": name, "packages": str(as_package(project.parent)),
    })
    assert "ERROR" not in seen["health"] and "WARN" not in seen["health"], seen["health"]
    version = subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout.strip()
    assert version in seen["health"] and f"It runs for {project};" in seen["health"], seen["health"]
    assert seen["help"].endswith("doc/code-agent.txt")


def test_the_health_check_tells_what_is_missing(project, program):
    file = project / "sums.py"
    file.write_bytes(CASES[0].text.encode())
    # The server runs, and what is asked for its version is a program that has none.
    seen = edit(project, program, {
        "task": "health", "way": "enable", "file": str(file), "name": "code-agent", "packages": str(as_package(project.parent)),
        "checked": ["/no/such/code-agent", "lsp"],
    })
    assert "/no/such/code-agent is not an executable file" in seen["health"], seen["health"]


@pytest.mark.parametrize("way", ["enable", "start", "start_client"])
def test_commands_are_sent_with_what_is_selected(project, program, way):
    file = project / "sums.py"
    file.write_bytes(CASES[0].text.encode())
    heard = project.parent / "heard.jsonl"
    (project.parent / "job.json").write_text(json.dumps({"folder": str(project.parent)}))
    row = CASES[0].text.split("\n").index("        first: The 🎉 first number.")
    steps = [
        {"line": row + 1, "column": 8, "command": "CodeAgent explain"},
        # From `The` to the emoji, which is one character here and two in UTF-16.
        {"line": row + 1, "column": 15, "keys": "vee", "command": "'<,'>CodeAgent refactor say more"},
        {"line": row + 1, "column": 0, "keys": "Vj", "command": "'<,'>CodeAgent review"},
        {"line": row + 1, "column": 0, "command": "CodeAgent fixAll"},
        {"line": row + 1, "column": 0, "command": "CodeAgent custom none"},
        {"line": row + 1, "column": 0, "command": "CodeAgent nothing"},
    ]
    seen = edit(project, program, {
        "task": "commands", "way": way, "file": str(file), "heard": str(heard), "steps": steps, "expected": 5,
        "cmd": ["node", str(SCRIPTED), "lsp"],
    })
    messages = [json.loads(line) for line in heard.read_text().splitlines()]
    sent = [message["params"] for message in messages if message.get("method") == "workspace/executeCommand"]
    uri = file.as_uri()
    place = lambda line, character: {"line": line, "character": character}
    last = len("        second: The second number.")
    assert [(params["command"], params["arguments"]) for params in sent] == [
        ("code-agent.explain", [{"uri": uri, "position": place(row, 8)}]),
        ("code-agent.refactor", [{"uri": uri, "range": {"start": place(row, 15), "end": place(row, 21)}, "instruction": "say more"}]),
        ("code-agent.review", [{"uri": uri, "range": {"start": place(row, 0), "end": place(row + 1, last)}}]),
        ("code-agent.fixAll", [{"uri": uri}]),
        ("code-agent.custom", [{"uri": uri, "position": place(row, 0), "name": "none"}]),
    ]
    assert all(params["workDoneToken"] for params in sent), "no progress can be told"
    assert any("there is no command nothing" in note for note in seen["notes"]), seen["notes"]


def test_a_command_that_the_server_does_not_have_is_refused(project, program):
    file = project / "sums.py"
    file.write_bytes(CASES[0].text.encode())
    heard = project.parent / "heard.jsonl"
    heard.write_text("")
    seen = edit(project, program, {
        "task": "commands", "way": "enable", "file": str(file), "heard": str(heard), "expected": 0,
        "steps": [{"line": 1, "column": 0, "command": "lua vim.lsp.get_clients()[1].server_capabilities.executeCommandProvider.commands = {}"},
                  {"line": 1, "column": 0, "command": "CodeAgent explain"}],
    })
    assert seen["notes"] == ["code-agent: the server that runs here is too old for this: it has no command code-agent.explain."]
