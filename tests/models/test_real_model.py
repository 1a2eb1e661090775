"""A real language model, served by llama.cpp, asked through each wire format that its server speaks."""

import json

import pytest

from served import run, serving, smollm2

FORMATS = ["openai", "openai-responses", "anthropic"]


@pytest.fixture(scope="module")
def url():
    """The address of a running server."""
    with serving(smollm2()) as url:
        yield url


def set_up(project, url, provider):
    """Sets the model up for one wire format."""
    base = url if provider == "anthropic" else f"{url}/v1"
    (project / "code-agent.toml").write_text(
        f'[models]\nfirst-word-ms = 200000\nstall-ms = 100000\n[[models.target]]\nname = "small"\nprovider = "{provider}"\nmodel = "any"\nbase-url = "{base}"\n'
    )


@pytest.mark.parametrize("provider", FORMATS)
def test_a_real_model_answers(program, project, url, provider):
    set_up(project, url, provider)
    question = ["ask", "Say hello.", "--max-tokens", "24", "--json"]
    whole = run(program, project, *question)
    assert whole.returncode == 0, whole.stderr
    answer = json.loads(whole.stdout)
    assert answer["text"].strip() and answer["usage"]["input"] > 5 and 0 < answer["usage"]["output"] <= 24
    pieces = [json.loads(line) for line in run(program, project, *question, "--stream").stdout.splitlines()]
    text = "".join(piece.get("text", "") for piece in pieces)
    assert sum("text" in piece for piece in pieces) > 1, "it comes in pieces"
    assert text == answer["text"], "temperature 0 gives the same answer each time"
    assert pieces[-1]["finish"] == answer["finish"]


@pytest.mark.parametrize("provider", FORMATS)
def test_a_text_that_is_too_long_for_the_model_is_said_to_be_so(program, project, url, provider):
    set_up(project, url, provider)
    (project / "long.txt").write_text("many words stand here " * 3000)
    outcome = run(program, project, "ask", "What is this?", "--file", "long.txt")
    assert outcome.returncode == 2, outcome.stdout
    assert "longer than this model can read" in outcome.stderr, outcome.stderr


def test_the_model_is_found_well(program, project, url):
    set_up(project, url, "openai")
    outcome = run(program, project, "models", "test")
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr
    assert "small" in outcome.stdout and " ok " in outcome.stdout


SOURCE = '''"""Addresses of the web."""


def parse_query(text):
    pairs = [part.split("=", 1) for part in text.split("&")]
    return {pair[0]: pair[-1] for pair in pairs}
'''


def test_a_real_model_documents_a_function(program, project, url):
    """From the source to a sentence about one of its functions, and what was spent for it; structure only, never the words of a model."""
    set_up(project, url, "openai")
    (project / "urls.py").write_text(SOURCE)
    question = "Write one sentence that says what the function parse_query does, for its docstring."
    done = run(program, project, "ask", question, "--file", "urls.py", "--max-tokens", "48", "--json")
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert len(answer["text"].split()) >= 3 and answer["target"] == "small"
    assert answer["usage"]["input"] > 60, "the model has read the source"
    assert answer["finish"] in ("stop", "length")
    assert (project / "urls.py").read_text() == SOURCE, "asking changes no file"
    today = [json.loads(line) for line in run(program, project, "models", "--json").stdout.splitlines()]
    assert today[0]["today"]["answers"] >= 1 and today[0]["today"]["first-word-p50-ms"] > 0
    offline = run(program, project, "ask", question, "--file", "urls.py", "--strategy", "offline")
    assert offline.returncode == 0 and "def parse_query(text)" in offline.stdout
