"""Whole real trees: nothing crashes, no code changes, a second run finds nothing to do.

By default a sample of each tree is taken; CODE_AGENT_TREES=full takes every file.
"""

import os
import pathlib
import random
import shutil
import subprocess

import pytest

from code_of_files import code_of
from fetch import TREES, tree

FULL = os.environ.get("CODE_AGENT_TREES") == "full"
SAMPLE = 60
CORRUPTED = 400 if FULL else 40


def files_of(folder: pathlib.Path, endings: tuple[str, ...]) -> list[pathlib.Path]:
    """All sources below a folder, sorted."""
    return sorted(file for file in folder.rglob("*") if file.suffix in endings and file.is_file() and "site-packages" not in file.parts)


def sample(files: list[pathlib.Path], count: int) -> list[pathlib.Path]:
    """So many files, spread evenly, and the largest ones."""
    if len(files) <= count:
        return files
    largest = sorted(files, key=lambda file: file.stat().st_size)[-3:]
    spread = [files[index * len(files) // count] for index in range(count)]
    return sorted(set(spread) | set(largest))


def copy(name: str, target: pathlib.Path, count: int | None) -> list[pathlib.Path]:
    """Copies a tree, or a sample of it, and returns the copies."""
    folder, endings = tree(name)
    files = files_of(folder, endings)
    assert len(files) > 50, f"the tree {name} has only {len(files)} files"
    copies = []
    for file in files if count is None else sample(files, count):
        # One folder more, so that a name that the walk leaves out (build, dist, …) is not the reason for silence.
        copy_of_file = target / "tree" / file.relative_to(folder)
        copy_of_file.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, copy_of_file)
        copies.append(copy_of_file)
    return copies


def run(program: str, project: pathlib.Path, *arguments: str, codes=(0, 1)) -> str:
    """Runs the program over the project; a crash or trouble fails the test."""
    done = subprocess.run(
        [program, *arguments], cwd=project, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=1800,
        env={"PATH": os.environ["PATH"], "HOME": str(project.parent)},
    )
    assert "panicked" not in done.stderr, done.stderr[-3000:]
    assert done.returncode in codes, f"{arguments} ended with {done.returncode}: {done.stderr[-3000:]}"
    return done.stdout


def contents(files: list[pathlib.Path]) -> dict[pathlib.Path, bytes]:
    """All bytes of all files."""
    return {file: file.read_bytes() for file in files}


def changed(before: dict[pathlib.Path, bytes], after: dict[pathlib.Path, bytes], project: pathlib.Path) -> list[str]:
    """The files that differ."""
    return [str(file.relative_to(project)) for file in before if before[file] != after[file]]


@pytest.mark.parametrize("name", TREES)
@pytest.mark.parametrize("job", [("document", "--write"), ("check", "--fix", "--profile", "strict")], ids=lambda job: job[0])
def test_only_documentation_changes_and_only_once(project, program, name, job):
    files = copy(name, project, None if FULL else SAMPLE)
    before, code = contents(files), code_of(files)
    run(program, project, "check", ".")
    assert not changed(before, contents(files), project), "a check changes nothing"
    run(program, project, *job, ".")
    after = contents(files)
    touched = changed(before, after, project)
    if job[0] == "document" or FULL:
        assert touched, "there is something to write or to mend in every tree"
    other_code = [str(file.relative_to(project)) for file, old, new in zip(files, code, code_of(files)) if old != new]
    assert not other_code, f"the code of {len(other_code)} files changed: {other_code[:20]}"
    run(program, project, *job, ".")
    again = changed(after, contents(files), project)
    assert not again, f"a second run changed {len(again)} files: {again[:20]}"


@pytest.mark.parametrize("name", TREES)
def test_a_fixed_profile_of_everything_runs(project, program, name):
    files = copy(name, project, None if FULL else SAMPLE)
    before = contents(files)
    for form in ["json", "sarif", "github", "text"]:
        run(program, project, "check", "--format", form, "--profile", "strict", ".")
    assert not changed(before, contents(files), project)


@pytest.mark.parametrize("name", TREES)
def test_corrupted_files_crash_nothing(project, program, name):
    files = copy(name, project, CORRUPTED)
    chance = random.Random(f"seed of {name}")
    for file in files:
        content = corrupt(file.read_bytes(), chance)
        file.write_bytes(content)
    before = contents(files)
    run(program, project, "check", "--profile", "strict", "--format", "json", ".")
    assert not changed(before, contents(files), project), "a check changes nothing"
    run(program, project, "document", "--write", ".")
    run(program, project, "check", "--fix", "--profile", "strict", ".")


def corrupt(content: bytes, chance: random.Random) -> bytes:
    """Cuts off the end, takes out a piece, or sets a few bytes anew."""
    if not content:
        return content
    place = chance.randrange(len(content))
    match chance.randrange(4):
        case 0:
            return content[:place]
        case 1:
            return content[:place] + content[place + chance.randrange(200):]
        case 2:
            noise = bytes(chance.choice(b"{}()[]\"'`\\/*#:;,\n\r\t @\x00\xff") for _ in range(chance.randrange(1, 8)))
            return content[:place] + noise + content[place:]
        case _:
            changed_bytes = bytearray(content)
            for _ in range(5):
                changed_bytes[chance.randrange(len(content))] = chance.choice(b"{}()[]\"'`\\/*#:;,\n ")
            return bytes(changed_bytes)
