"""The extension of Zed: it compiles against Zed's own library, and its manifest fits it; as WebAssembly it runs with a host that stands in
for Zed. Zed itself is not run here.
"""

import json
import os
import pathlib
import re
import shutil
import subprocess

import pytest

import install
import zed_wasm
from install import cache_folder

EXTENSION = pathlib.Path(__file__).resolve().parents[2] / "editors" / "zed"


def cargo(*arguments: str) -> subprocess.CompletedProcess:
    """Runs cargo on the extension; what it builds stays in the cache folder."""
    if not shutil.which("cargo"):
        raise RuntimeError("cargo is missing, and the extension of Zed is written in Rust.")
    environment = {**os.environ, "CARGO_TARGET_DIR": str(cache_folder() / "zed-target"), "CARGO_TERM_COLOR": "never"}
    return subprocess.run(["cargo", *arguments], cwd=EXTENSION, env=environment, capture_output=True, text=True, stdin=subprocess.DEVNULL)


def test_the_extension_compiles_without_a_warning():
    done = cargo("check", "--locked")
    assert done.returncode == 0, done.stderr[-4000:]
    assert "warning" not in done.stderr, done.stderr[-4000:]


def test_the_extension_is_formatted():
    done = cargo("fmt", "--check")
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_manifest_names_what_the_extension_starts():
    manifest = (EXTENSION / "extension.toml").read_text()
    code = (EXTENSION / "src" / "code_agent.rs").read_text()
    program = re.search(r'const PROGRAM: &str = "([^"]+)"', code).group(1)
    assert f"[language_servers.{program}]" in manifest and '"lsp"' in code
    languages = re.findall(r'"(\w+)"', re.search(r"^languages = \[(.*)\]$", manifest, re.MULTILINE).group(1))
    named = re.findall(r'^"(\w+)" = "\w+"$', manifest, re.MULTILINE)
    assert languages == named and len(languages) == 6, "each language has its id in the protocol"


@pytest.fixture(scope="module")
def component(tmp_path_factory) -> pathlib.Path:
    """The extension as Zed would load it."""
    return zed_wasm.component(tmp_path_factory.mktemp("zed"))


def called(component: pathlib.Path, *calls: dict) -> list[dict]:
    """What the extension returns when it is called so."""
    job = {"transpiled": str(component.parent / "transpiled"), "modules": str(zed_wasm.modules() / "@bytecodealliance" / "jco"), "calls": calls}
    (component.parent / "job.json").write_text(json.dumps(job))
    script = pathlib.Path(__file__).parent / "zed" / "run.mjs"
    done = subprocess.run([str(install.node() / "bin" / "node"), str(script), str(component.parent / "job.json")],
                          capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL)
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout)


def test_the_component_has_what_zed_calls(component):
    wit = zed_wasm.jco("wit", str(component))
    exports = set(re.findall(r"^  export ([\w-]+): func", wit, re.MULTILINE))
    assert {"init-extension", "language-server-command", "language-server-initialization-options",
            "language-server-workspace-configuration"} <= exports, wit
    imports = set(re.findall(r"^  import ([\w:/-]+)", wit, re.MULTILINE))
    # What Zed offers to extensions, and the system as a module sees it; nothing reaches the network.
    assert not [name for name in imports if "http" in name or "sockets" in name], imports


def test_the_server_is_found_and_started(component):
    found, chosen, missing = called(
        component,
        {"name": "languageServerCommand", "path": {"code-agent": "/bin/code-agent"}, "settings": {}},
        {"name": "languageServerCommand", "path": {}, "settings": {
            "binary": {"path": "/own/code-agent", "arguments": ["lsp", "--record", "file"], "env": {"OWN": "1"}}}},
        {"name": "languageServerCommand", "path": {}, "settings": {}},
    )
    assert found == {"returned": {"command": "/bin/code-agent", "args": ["lsp"], "env": [["FROM", "shell"]]}}
    assert chosen["returned"]["command"] == "/own/code-agent" and chosen["returned"]["args"] == ["lsp", "--record", "file"]
    assert chosen["returned"]["env"] == [["FROM", "shell"], ["OWN", "1"]]
    assert missing["refused"].startswith("code-agent was not found") and missing["refused"].endswith(".")


def test_the_settings_of_zed_reach_the_server(component):
    own = {"docs": {"width": 72}}
    answers = called(
        component,
        {"name": "languageServerInitializationOptions", "path": {}, "settings": {"settings": own}},
        {"name": "languageServerInitializationOptions", "path": {}, "settings": {"settings": {"code-agent": own}}},
        {"name": "languageServerInitializationOptions", "path": {}, "settings": {"initialization_options": {"docs": {"width": 80}}, "settings": own}},
        {"name": "languageServerWorkspaceConfiguration", "path": {}, "settings": {"settings": own}},
        {"name": "languageServerWorkspaceConfiguration", "path": {}, "settings": {}},
    )
    returned = [answer["returned"] and json.loads(answer["returned"]) for answer in answers]
    assert returned == [own, own, {"docs": {"width": 80}}, {"code-agent": own}, None]
