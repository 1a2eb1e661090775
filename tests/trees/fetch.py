"""Real source trees, fetched when the tests run and kept in the cache: nothing of them is committed.

Usage: fetch.py NAME… prints the folders, one a line.
"""

import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import sysconfig
import zipfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
DJANGO = "5.2.8"
WEBPACK = "5.101.0"


def cache_folder() -> pathlib.Path:
    """Where fetched things stay between runs."""
    base = os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache"
    folder = pathlib.Path(base) / "code-agent" / "trees"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def run(command: list[str], folder: pathlib.Path) -> str:
    """Runs a command; on failure tells what it said."""
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)} ended with {done.returncode}: {done.stderr[-2000:]}")
    return done.stdout


def once(name: str, fetch) -> pathlib.Path:
    """The folder of that name in the cache, filled by `fetch` the first time."""
    folder = cache_folder() / name
    if not (folder / ".complete").is_file():
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        fetch(folder)
        (folder / ".complete").touch()
    return folder


def cpython() -> pathlib.Path:
    """The library of the interpreter that runs this."""
    return pathlib.Path(sysconfig.get_path("stdlib"))


def django() -> pathlib.Path:
    """Django's package."""

    def fetch(folder: pathlib.Path) -> None:
        run([sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--no-binary", ":none:", f"django=={DJANGO}"], folder)
        for wheel in folder.glob("*.whl"):
            zipfile.ZipFile(wheel).extractall(folder)

    return once(f"django-{DJANGO}", fetch) / "django"


def webpack() -> pathlib.Path:
    """Webpack's own sources."""

    def fetch(folder: pathlib.Path) -> None:
        run(["npm", "pack", "--silent", f"webpack@{WEBPACK}"], folder)
        for archive in folder.glob("*.tgz"):
            run(["tar", "-xzf", archive.name], folder)

    return once(f"webpack-{WEBPACK}", fetch) / "package" / "lib"


def tokio() -> pathlib.Path:
    """The sources of the runtime that this project is built with."""
    metadata = json.loads(run(["cargo", "metadata", "--format-version", "1"], ROOT))
    manifest = next(package["manifest_path"] for package in metadata["packages"] if package["name"] == "tokio")
    return pathlib.Path(manifest).parent / "src"


def go() -> pathlib.Path:
    """Go's standard library, from the newest package of it that this machine knows."""

    def fetch(folder: pathlib.Path) -> None:
        names = run(["apt-cache", "pkgnames", "golang-1."], folder).split()
        sources = [match for match in (re.fullmatch(r"golang-1\.(\d+)-src", name) for name in names) if match]
        if not sources:
            raise RuntimeError("No package with Go's library is known; run apt-get update first.")
        newest = max(sources, key=lambda match: int(match.group(1))).group(0)
        run(["apt-get", "download", newest], folder)
        for package in folder.glob("*.deb"):
            run(["dpkg-deb", "-x", str(package), str(folder)], folder)

    return next(once("go", fetch).glob("usr/share/go-1.*/src"))


def acorn() -> pathlib.Path:
    """A tokenizer for JavaScript that is not ours."""

    def fetch(folder: pathlib.Path) -> None:
        (folder / "package.json").write_text('{"private": true}')
        run(["npm", "install", "--silent", "--no-audit", "--no-fund", "acorn@8.15.0"], folder)

    return once("acorn-8.15.0", fetch) / "node_modules" / "acorn"


TREES = {
    "cpython": (cpython, (".py",)),
    "django": (django, (".py",)),
    "webpack": (webpack, (".js",)),
    "tokio": (tokio, (".rs",)),
    "go": (go, (".go",)),
}


def tree(name: str) -> tuple[pathlib.Path, tuple[str, ...]]:
    """The folder of a tree and the endings of its files."""
    fetch, endings = TREES[name]
    folder = fetch()
    if not folder.is_dir():
        raise RuntimeError(f"The tree {name} is missing at {folder}.")
    return folder, endings


if __name__ == "__main__":
    for wanted in sys.argv[1:]:
        print(tree(wanted)[0])
