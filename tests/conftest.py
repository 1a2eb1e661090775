"""What all tests in Python share: the program under test."""

import os
import pathlib

import pytest


@pytest.fixture(scope="session")
def program() -> str:
    """The program under test; a missing one fails the run."""
    path = os.environ.get("CODE_AGENT_PROGRAM")
    if not path or not pathlib.Path(path).is_file():
        pytest.fail("CODE_AGENT_PROGRAM must name the program under test; tests/run.sh does that.")
    return str(pathlib.Path(path).resolve())


@pytest.fixture
def project(tmp_path) -> pathlib.Path:
    """An empty folder that is a root of its own."""
    folder = tmp_path / "project"
    (folder / ".git").mkdir(parents=True)
    return folder
