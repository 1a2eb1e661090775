"""The extension of Zed: it compiles against Zed's own library, and its manifest fits it. Zed itself is not run here."""

import os
import pathlib
import re
import shutil
import subprocess

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
