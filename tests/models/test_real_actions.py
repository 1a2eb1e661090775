"""Actions of the editor with a real model that llama.cpp serves, end to end: what comes is looked at for its structure, never for its words."""

import ast
import os
import pathlib
import subprocess
import sys

import pytest

from served import qwen_coder, serving

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "editors"))
from test_recorder import Editor  # noqa: E402

CODE = '''def total(prices, rate):
    if rate < 0:
        raise ValueError("rate")
    result = 0
    for price in prices:
        result = result + price * rate
    return result
'''


@pytest.fixture(scope="module")
def coder():
    """The address of a server with a small model of code."""
    try:
        model = qwen_coder()
    except (OSError, subprocess.CalledProcessError) as error:
        reason = f"the model of code cannot be had, so that no action is tried with a real one: {error}"
        print(f"\nSKIPPED: {reason}")
        # A machine without a network has no model; it is said aloud above, and counted as skipped, never as passed.
        pytest.skip(reason)
    with serving(model) as url:
        yield url


@pytest.fixture
def editor(program, project, coder, tmp_path):
    """An editor on a project whose user has the model."""
    folder = tmp_path / "config" / "code-agent"
    folder.mkdir(parents=True)
    (folder / "config.toml").write_text(
        "[completion]\nenabled = true\nmax-tokens = 24\n[models]\nfirst-word-ms = 200000\nstall-ms = 100000\n"
        "[actions]\ncontext-tokens = 200\n[limits]\ndeadline-ms = 200000\n"
        f'[[models.target]]\nname = "small"\nmodel = "any"\nbase-url = "{coder}/v1"\nfill = "infill"\n'
    )
    environment = {
        "HOME": str(tmp_path), "PATH": os.environ["PATH"], "XDG_CONFIG_HOME": str(tmp_path / "config"),
        "XDG_STATE_HOME": str(tmp_path / "state"),
    }
    editor = Editor([program, "lsp"], environment)
    editor.patience = 200
    editor.begin()
    yield editor
    editor.close()


def uri(project):
    """The document."""
    return (project / "prices.py").as_uri()


def code_of(text):
    """The code without its docstrings, as a tree that can be compared."""
    tree = ast.parse(text)
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and ast.get_docstring(node) is not None:
            node.body = node.body[1:]
    return ast.dump(tree)


def test_a_real_model_documents_and_only_documentation_changes(editor, project):
    editor.open(CODE, uri(project))
    result = editor.run("Document `total` · local", 0, uri(project))
    text = editor.texts[uri(project)][1]
    assert result["applied"], result
    docstring = ast.get_docstring(ast.parse(text).body[0])
    assert docstring and "prices" in docstring and "rate" in docstring and "ValueError" in docstring, text
    assert code_of(text) == code_of(CODE)


def test_a_real_model_explains_and_refactors_or_is_refused(editor, project):
    editor.open(CODE, uri(project))
    explained = editor.run("Explain `total`", 0, uri(project))
    assert len(explained["text"]) > 80, explained
    editor.number += 1
    chosen = next(action for action in editor.actions(0, uri(project)) if action["title"].startswith("Simplify"))
    editor.write(id=editor.number, method="workspace/executeCommand", params={key: chosen["command"][key] for key in ("command", "arguments")})
    number = editor.number
    answer = editor.wait(lambda message: message.get("id") == number and "method" not in message)
    text = editor.texts[uri(project)][1]
    signature = ast.parse(text).body[0]
    # A small model may write what does not hold; then a sentence says so, and nothing is touched.
    assert ("result" in answer) != ("error" in answer)
    assert [argument.arg for argument in signature.args.args] == ["prices", "rate"]
    if "error" in answer:
        assert text == CODE and answer["error"]["message"].endswith("."), answer


def test_a_real_model_suggests_at_the_cursor(editor, project):
    text = "def subtract(a, b):\n    return a\n\n\nprint(subtract(3, 2))\n"
    editor.open(text, uri(project))
    found = editor.ask("textDocument/inlineCompletion", {
        "textDocument": {"uri": uri(project)}, "position": {"line": 1, "character": 12}, "context": {"triggerKind": 2}})
    suggestion = found["items"][0]["insertText"]
    assert suggestion.strip(), found
    ast.parse(text.replace("return a\n", f"return a{suggestion}\n"))
