"""Real editors with the language server of a running service, over its WebSocket; the figures of the service tell that it was asked."""

import dataclasses
import pathlib
import re

import pytest
import test_emacs
from cases import CASES
from stores import wait_for
from test_neovim import edit
from test_vscode import extension, in_the_extension_host, started  # noqa: F401

SENTENCE = "does not take the token (status 401); it is wrong, is over, or its role or scope does not allow this."
OVER_A_SERVICE = ["activation", "mend", "restart", "refused"]


def connections_that_ended(service) -> int:
    """How many clients were connected by WebSocket, and are no longer."""
    status, figures = service.ask("GET", "/metrics")
    assert status == 200, figures
    ended = re.findall(r"^code_agent_websocket_disconnects_total\{.*\} (\d+)$", figures, re.MULTILINE)
    assert ended, figures
    return sum(map(int, ended))


@pytest.mark.parametrize("way", ["enable", "start", "start_client"])
def test_neovim_mends_a_docstring_over_the_service(service, project, way):
    case = CASES[0]
    file = project / case.filename
    file.write_bytes(case.text.encode())
    session = {"task": "mend", "way": way, "file": str(file), "right": case.right, "wrong": case.wrong}
    edit(project, service.program, session)
    assert connections_that_ended(service) == 0, "without an address the server runs here"
    token = service.account("ann", "developer")
    session |= {"cmd": [service.program, "lsp", "--token", "env:TOKEN"], "connect": service.url}
    seen = edit(project, service.program, session, {"TOKEN": token})
    assert {finding["code"] for finding in seen["findings"]} & case.codes and seen["underlined"] == "frist", seen
    assert file.read_bytes() == case.text.encode(), "the file is as it was, byte for byte"
    # An editor may be gone before its server has said goodbye.
    wait_for("the end of the connection", lambda: connections_that_ended(service) > 0)
    assert connections_that_ended(service) == 1


def test_neovim_tells_in_one_sentence_that_the_token_is_refused(service, project):
    file = project / CASES[0].filename
    file.write_bytes(CASES[0].text.encode())
    seen = edit(project, service.program, {
        "task": "refused", "way": "enable", "file": str(file), "sentence": SENTENCE,
        "cmd": [service.program, "lsp", "--token", "env:TOKEN"], "connect": service.url,
    }, {"TOKEN": "cagt_wrong"})
    told = [line for line in seen["messages"].splitlines() if SENTENCE in line]
    assert len(told) == 1 and f"{service.url} {SENTENCE}" in told[0] and "cagt_wrong" not in seen["messages"], seen["messages"]


def signed_in(folder: pathlib.Path, service) -> tuple[pathlib.Path, pathlib.Path]:
    """A program that is signed in to the service, for editors that give it no token; and the file of its token."""
    token = folder / "token"
    token.write_text(service.account("ann", "developer"))
    token.chmod(0o600)
    script = folder / "code-agent"
    script.write_text(f'#!/bin/sh\ncase "$*" in *--connect*) exec {service.program} "$@" --token file:{token};; esac\nexec {service.program} "$@"\n')
    script.chmod(0o700)
    return script, token


def test_emacs_mends_a_docstring_over_the_service(service, project, tmp_path):
    script, _ = signed_in(tmp_path, service)
    case = CASES[0]
    file = project / case.filename
    file.write_bytes(case.text.encode())
    session = {"program": str(script), "file": str(file), "right": case.right, "wrong": case.wrong}
    test_emacs.edit(project, session)
    assert connections_that_ended(service) == 0, "without an address the server runs here"
    seen = test_emacs.edit(project, {**session, "service": service.url})
    assert seen["underlined"] == "frist" and file.read_bytes() == case.text.encode(), seen
    # An editor may be gone before its server has said goodbye.
    wait_for("the end of the connection", lambda: connections_that_ended(service) > 0)
    assert connections_that_ended(service) == 1


def test_vscode_mends_a_docstring_over_the_service_and_leaves_it(service, extension, tmp_path):  # noqa: F811
    script, token = signed_in(tmp_path, service)
    case = CASES[0]
    job = started(tmp_path / "vscode", {"code-agent.path": str(script), "code-agent.connect": service.url})
    (pathlib.Path(job["workspace"]) / case.filename).write_bytes(case.text.encode())
    cases = [{**dataclasses.asdict(case), "codes": sorted(case.codes)}]
    report = in_the_extension_host({**job, "cases": cases, "service": service.url, "token": str(token)}, extension, "over_a_service.cjs")
    assert report["outcomes"] == dict.fromkeys(OVER_A_SERVICE, "passed")
