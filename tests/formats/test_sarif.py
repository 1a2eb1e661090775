"""The SARIF that the program prints, held against the published schema."""

import json
import pathlib
import subprocess

import jsonschema
import pytest

from fetch import once, run

PACKAGE = "@microsoft/jest-sarif@1.0.0-beta.0"
PROJECTS = pathlib.Path(__file__).resolve().parents[1] / "projects"


@pytest.fixture(scope="session")
def validator() -> jsonschema.Draft7Validator:
    """The published schema, as the makers of the format ship it."""

    def fetch(folder: pathlib.Path) -> None:
        run(["npm", "pack", "--silent", PACKAGE], folder)
        for archive in folder.glob("*.tgz"):
            run(["tar", "-xzf", archive.name], folder)

    schema = once("sarif-schema", fetch) / "package/lib/schemas/sarif-2.1.0-rtm.5.json"
    return jsonschema.Draft7Validator(json.loads(schema.read_text(encoding="utf-8-sig")))


def problems(validator: jsonschema.Draft7Validator, document: dict) -> list[str]:
    """Where a document does not follow the schema, and how."""
    return [f"{error.json_path}: {error.message[:200]}" for error in validator.iter_errors(document)]


@pytest.fixture
def document(project, program) -> dict:
    """What the program prints for a project with findings."""
    (project / "a b🎉.py").write_text('def f(x):\n    """Do.\n\n    Args:\n        y: 🎉.\n    """\n    return eval(x)  # TODO: more\n')
    done = subprocess.run(
        [program, "check", "--profile", "strict", "--format", "sarif", ".", str(PROJECTS)],
        cwd=project, capture_output=True, text=True, stdin=subprocess.DEVNULL,
    )
    assert done.returncode == 1, done.stderr
    return json.loads(done.stdout)


def test_it_follows_the_schema(validator, document):
    assert len(document["runs"][0]["results"]) > 3
    assert problems(validator, document) == []


@pytest.mark.parametrize("value", ["one", 0])
def test_a_broken_document_is_caught(validator, document, value):
    document["runs"][0]["results"][0]["locations"][0]["physicalLocation"]["region"]["startLine"] = value
    assert problems(validator, document)
