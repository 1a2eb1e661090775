"""A real VS Code with the extension from editors/vscode: tests in its extension host, and one way through its window.

What is fetched for it (VS Code as code-server, its Node, what drives the browser) stays in the cache folder; see install.py.
"""

import dataclasses
import json
import os
import pathlib
import shutil
import signal
import subprocess
import zipfile

import pytest

import install
from cases import CASES, UNDOCUMENTED
from double import Double

HERE = pathlib.Path(__file__).resolve().parent / "vscode"
LARGEST_PACKAGE = 500 * 1024
LONGEST_ACTIVATION = 150

REAL = ["activation", "commands", "status", "undocumented", "example", "settings", "measures", "restart",
        *[f"mend {case.name}" for case in CASES]]
SCRIPTED = ["activation", "status", "settings", "selection", "cursor", "document", "instruction", "language", "style", "error", "arguments", "cancel", "shown",
            "connect"]
WITH_MODEL = ["activation", "status", "document", "explain", "fix", "refactor", "cancel", "meanwhile", "conflict", "ghost text", "new file", "review",
              "conversation", "budget", "down"]
MISSING = ["activation", "missing", "refused"]


def run_node(script: str, job: dict, seconds: float) -> subprocess.CompletedProcess:
    """Runs a script that starts VS Code and a browser; both end with it, however it ends."""
    file = pathlib.Path(job["folder"]) / "job.json"
    file.write_text(json.dumps(job))
    command = [str(install.node() / "bin" / "node"), str(HERE / script), str(file)]
    environment = {**install.with_node(), "HOME": job["folder"], "LANG": "C.UTF-8"}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          stdin=subprocess.DEVNULL, start_new_session=True) as process:
        try:
            said, _ = process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            said, _ = process.communicate()
            said += f"\n{script} was ended after {seconds} seconds."
    return subprocess.CompletedProcess(command, process.returncode, said)


@pytest.fixture(scope="session")
def extension() -> pathlib.Path:
    """The folder of the built extension, with its package in it."""
    return install.extension()


def started(folder: pathlib.Path, settings: dict) -> dict:
    """What every start of VS Code needs."""
    workspace = folder / "workspace"
    (workspace / ".git").mkdir(parents=True)
    return {
        "folder": str(folder), "workspace": str(workspace), "server": str(install.vscode()), "playwright": str(install.playwright()),
        "chromium": install.chromium(), "settings": settings, "seconds": 180,
    }


def in_the_extension_host(job: dict, extension: pathlib.Path, suite: str) -> dict:
    """Runs a suite of tests, and returns what came of each."""
    folder = pathlib.Path(job["folder"])
    done = run_node("drive.mjs", {**job, "extension": str(extension), "suite": str(HERE / suite)}, 300)
    report = folder / "report.json"
    log = folder / "said.log"
    said = log.read_text()[-4000:] if log.is_file() else ""
    assert report.is_file(), f"VS Code ended with {done.returncode} and no report, see {folder}: {done.stdout}{said}"
    return json.loads(report.read_text())


def announced(program: str) -> list[str]:
    """The commands that the program names to an editor that applies edits."""
    capabilities = {"workspace": {"applyEdit": True}}
    params = {"processId": None, "rootUri": None, "capabilities": capabilities}
    sent = ""
    for message in [{"id": 1, "method": "initialize", "params": params}, {"id": 2, "method": "shutdown"}, {"method": "exit"}]:
        body = json.dumps({"jsonrpc": "2.0", **message})
        sent += f"Content-Length: {len(body)}\r\n\r\n{body}"
    said = subprocess.run([program, "lsp"], input=sent, capture_output=True, text=True, timeout=30, check=True).stdout
    answer, _ = json.JSONDecoder().raw_decode(said[said.index("{"):])
    return answer["result"]["capabilities"]["executeCommandProvider"]["commands"]


@pytest.fixture(scope="session")
def real(program, extension, tmp_path_factory) -> dict:
    """What came of the tests with the real program behind the extension."""
    job = started(tmp_path_factory.mktemp("vscode-real"), {"code-agent.path": program})
    workspace = pathlib.Path(job["workspace"])
    cases = []
    for case in CASES:
        (workspace / case.name).mkdir()
        (workspace / case.name / case.filename).write_bytes(case.text.encode())
        cases.append({**dataclasses.asdict(case), "filename": f"{case.name}/{case.filename}", "codes": sorted(case.codes)})
    for name in ["undocumented.py", "undocumented_too.py"]:
        (workspace / name).write_text(UNDOCUMENTED)
    report = in_the_extension_host({**job, "cases": cases, "announced": announced(program)}, extension, "real_server.cjs")
    report["workspace"] = workspace
    return report


@pytest.fixture(scope="session")
def scripted(extension, tmp_path_factory) -> dict:
    """What came of the tests with a scripted server behind the extension."""
    job = started(tmp_path_factory.mktemp("vscode-scripted"), {
        "code-agent.path": str(HERE / "scripted_server.mjs"),
        "code-agent.docs.width": 72,
        "code-agent.budget.dollars-per-day": 1,
        "code-agent.no-such.setting": True,
    })
    workspace = pathlib.Path(job["workspace"])
    (workspace / "sums.py").write_text(CASES[0].text)
    (workspace / ".vscode").mkdir()
    # A workspace comes with code that others wrote; it has a say in style, and none in where questions go and what they may cost.
    target = [{"name": "away", "base-url": "https://example.org/v1"}]
    (workspace / ".vscode" / "settings.json").write_text(json.dumps({
        "code-agent.docs.style": "numpy",
        "code-agent.connect": "https://example.org",
        "code-agent.budget.dollars-per-day": 1000,
        "code-agent.models.target": target,
        "code-agent.models": {"target": target},
        "code-agent.log": {"file": "taken.log"},
    }))
    return in_the_extension_host(job, extension, "scripted.cjs")


@pytest.fixture(scope="session")
def missing(extension, tmp_path_factory) -> dict:
    """What came of the tests without a program."""
    folder = tmp_path_factory.mktemp("vscode-missing")
    job = started(folder, {"code-agent.path": str(folder / "code-agent")})
    (folder / "workspace" / "sums.py").write_text(CASES[0].text)
    return in_the_extension_host(job, extension, "no_server.cjs")


@pytest.fixture(scope="session")
def with_model(program, extension, tmp_path_factory) -> dict:
    """What came of the tests with the real program and a model that the user's settings of VS Code name."""
    double = Double()
    try:
        job = started(tmp_path_factory.mktemp("vscode-model"), {
            "code-agent.path": program,
            "code-agent.models.target": [{"name": "double", "model": "m", "base-url": double.url, "fill": "qwen"}],
            "code-agent.completion.enabled": True,
            # The tests ask the same again, and want another answer.
            "code-agent.cache.max-bytes": 0,
        })
        return in_the_extension_host({**job, "double": double.url, "undocumented": UNDOCUMENTED}, extension, "with_model.cjs")
    finally:
        double.close()


@pytest.mark.parametrize("name", REAL)
def test_with_the_real_program(real, name):
    assert real["outcomes"].get(name) == "passed", real["outcomes"].get(name, "was not run")


@pytest.mark.parametrize("name", WITH_MODEL)
def test_with_a_model(with_model, name):
    assert with_model["outcomes"].get(name) == "passed", with_model["outcomes"].get(name, "was not run")


def test_every_test_of_the_extension_host_is_counted(real, scripted, with_model, missing):
    assert sorted(real["outcomes"]) == sorted(REAL)
    assert sorted(scripted["outcomes"]) == sorted(SCRIPTED)
    assert sorted(with_model["outcomes"]) == sorted(WITH_MODEL)
    assert sorted(missing["outcomes"]) == sorted(MISSING)


def test_mended_files_are_as_they_were(real):
    for case in CASES:
        assert (real["workspace"] / case.name / case.filename).read_bytes() == case.text.encode(), case.name


def test_activation_is_quick(real, scripted, missing, capsys):
    # Whatever else the machine does can only add to it, so that the least of three starts says most.
    took = min(report["seen"]["activation"] for report in [real, scripted, missing])
    with capsys.disabled():
        print(f"\nThe extension of VS Code was activated in {took:.0f} ms.")
    assert 0 < took <= LONGEST_ACTIVATION


def test_the_palette_has_the_commands(real):
    wanted = {
        "document", "documentFile", "documentWorkspace", "updateDocs", "fixAll", "convertStyle", "stats", "documentWithModel", "explain",
        "fix", "refactor", "writeTests", "review", "translate", "custom", "answer", "showLast", "status",
    }
    assert {f"code-agent.{name}" for name in wanted} <= set(real["seen"]["commands"])


@pytest.mark.parametrize("name", SCRIPTED)
def test_with_a_scripted_server(scripted, name):
    assert scripted["outcomes"].get(name) == "passed", scripted["outcomes"].get(name, "was not run")


@pytest.mark.parametrize("name", MISSING)
def test_without_a_program(missing, name):
    assert missing["outcomes"].get(name) == "passed", missing["outcomes"].get(name, "was not run")


def test_the_package_is_small_and_complete(extension, capsys):
    package = extension / "code-agent.vsix"
    size = package.stat().st_size
    with capsys.disabled():
        print(f"\nThe package of VS Code has {size / 1024:.0f} KB.")
    assert size <= LARGEST_PACKAGE
    with zipfile.ZipFile(package) as archive:
        names = set(archive.namelist())
        manifest = json.loads(archive.read("extension/package.json"))
    assert "extension/dist/extension.js" in names
    assert not [name for name in names if "node_modules" in name or name.endswith((".ts", ".mjs"))]
    for step in manifest["contributes"]["walkthroughs"][0]["steps"]:
        assert f"extension/{step['media']['markdown']}" in names


def test_a_program_that_lies_in_the_extension_is_packed_and_found(extension, program, tmp_path):
    copy = tmp_path / "extension"
    shutil.copytree(extension, copy, symlinks=True, ignore=shutil.ignore_patterns("node_modules", "*.vsix"))
    (copy / "node_modules").symlink_to(extension / "node_modules")
    (copy / "bin").mkdir()
    shutil.copy(HERE / "scripted_server.mjs", copy / "bin" / "code-agent")
    install.run(["npm", "run", "--silent", "package"], cwd=copy, env=install.with_node())
    with zipfile.ZipFile(copy / "code-agent.vsix") as archive:
        mode = archive.getinfo("extension/bin/code-agent").external_attr >> 16
    assert mode & 0o111, "the program could not be started once it is unpacked"


def test_the_settings_are_those_of_the_server(extension, program):
    schema = subprocess.run([program, "config", "schema"], capture_output=True, text=True, check=True).stdout
    done = subprocess.run([str(install.node() / "bin" / "node"), "scripts/settings.mjs", "--check"], cwd=extension, input=schema,
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    sections = json.loads(schema)["properties"]
    manifest = json.loads((extension / "package.json").read_text())
    keys = [key for group in manifest["contributes"]["configuration"] for key in group["properties"]]
    assert {key.split(".")[1] for key in keys} == {*sections, "path", "connect", "trace"}


def test_a_person_mends_a_docstring_in_the_window(program, extension, tmp_path_factory, capsys):
    folder = tmp_path_factory.mktemp("vscode-journey")
    case = CASES[0]
    job = started(folder, {"code-agent.path": program})
    file = folder / "workspace" / case.filename
    file.write_text(case.broken)
    command = [
        str(install.node() / "bin" / "node"), str(install.vscode().parents[3] / "out" / "node" / "entry.js"),
        "--config", str(folder / "code-server.yaml"), "--user-data-dir", str(folder / "user-data"),
        "--extensions-dir", str(folder / "extensions"), "--install-extension", str(extension / "code-agent.vsix"), "--force",
    ]
    install.run(command, env={**install.with_node(), "HOME": str(folder)})
    job |= {"extensions": str(folder / "extensions"), "file": case.filename, "right": case.right, "wrong": case.wrong}
    done = run_node("journey.mjs", job, 240)
    with capsys.disabled():
        print(f"\nPictures of VS Code: {folder}/*.png")
    assert done.returncode == 0, done.stdout
    assert file.read_text() == case.text, "the file is as it was, byte for byte"
    assert (folder / "finding.png").stat().st_size > 10_000 and (folder / "mended.png").stat().st_size > 10_000
