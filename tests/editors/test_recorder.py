"""The recorder: a session that was written down is played again bit for bit, without its editor and without its model.

The sessions in tests/sessions were recorded by the scenarios here; `UPDATE=1` records them anew.
"""

import json
import os
import pathlib
import queue
import subprocess
import threading

import pytest

from cases import CASES, UNDOCUMENTED
from double import Double

SESSIONS = pathlib.Path(__file__).resolve().parents[1] / "sessions"
URI = "file:///w/sums.py"
CAPABILITIES = {
    "workspace": {"applyEdit": True, "configuration": True, "workspaceEdit": {"documentChanges": True}, "textDocumentContent": {}},
    "textDocument": {
        "publishDiagnostics": {"versionSupport": True, "dataSupport": True},
        "codeAction": {
            "dataSupport": True, "resolveSupport": {"properties": ["edit"]},
            "codeActionLiteralSupport": {"codeActionKind": {"valueSet": []}},
        },
    },
}


class Editor:
    """An editor that does what a test says: one process, messages in and out, edits applied by hand."""

    def __init__(self, command: list[str], environment: dict[str, str]):
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment)
        self.messages: queue.Queue = queue.Queue()
        self.number, self.settings, self.texts, self.patience = 0, {}, {}, 20
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def close(self):
        """Ends the server, however far it is."""
        self.process.kill()
        self.process.wait()
        self.reader.join()
        self.process.stdin.close()
        self.process.stdout.close()

    def read(self):
        """Takes messages in until the server ends."""
        out = self.process.stdout
        # One that is killed may leave half a message.
        while (head := out.readline()).endswith(b"\n"):
            length = int(head.split(b":")[1])
            out.readline()
            body = out.read(length)
            if len(body) < length:
                return
            self.messages.put(json.loads(body))

    def write(self, **message):
        """Sends a message."""
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        self.process.stdin.write(b"Content-Length: %d\r\n\r\n" % len(body) + body)
        self.process.stdin.flush()

    def wait(self, wanted):
        """The next message that is wanted; what the server asks meanwhile is answered."""
        while True:
            message = self.messages.get(timeout=self.patience)
            if "id" in message and "method" in message:
                self.reply(message)
            if wanted(message):
                return message

    def reply(self, message):
        """Answers the server."""
        method, params = message["method"], message["params"]
        if method == "workspace/configuration":
            self.write(id=message["id"], result=[self.settings for _ in params["items"]])
        elif method == "workspace/applyEdit":
            for change in params["edit"]["documentChanges"]:
                self.edit(change["textDocument"]["uri"], change["edits"])
            self.write(id=message["id"], result={"applied": True})
        else:
            self.write(id=message["id"], result=None)

    def ask(self, method: str, params):
        """Sends a request and gives its result."""
        self.number += 1
        number = self.number
        self.write(id=number, method=method, params=params)
        answer = self.wait(lambda message: message.get("id") == number and "method" not in message)
        assert "error" not in answer, answer
        return answer["result"]

    def begin(self):
        """Says hello."""
        self.ask("initialize", {"processId": os.getpid(), "rootUri": "file:///w", "capabilities": CAPABILITIES})
        self.write(method="initialized", params={})
        self.wait(lambda message: message.get("method") == "workspace/configuration")

    def open(self, text: str, uri: str = URI, language: str = "python"):
        """Opens a document."""
        self.texts[uri] = [1, text]
        self.write(method="textDocument/didOpen", params={
            "textDocument": {"uri": uri, "languageId": language, "version": 1, "text": text}})

    def edit(self, uri: str, edits):
        """Makes edits, last first, and tells the server."""
        version, text = self.texts[uri]
        lines = text.split("\n")

        def offset(at):
            units = lines[at["line"]].encode("utf-16-le")[: at["character"] * 2]
            return sum(len(line) + 1 for line in lines[: at["line"]]) + len(units.decode("utf-16-le"))

        for edit in sorted(edits, key=lambda edit: (edit["range"]["start"]["line"], edit["range"]["start"]["character"]), reverse=True):
            text = text[: offset(edit["range"]["start"])] + edit["newText"] + text[offset(edit["range"]["end"]) :]
        self.texts[uri] = [version + 1, text]
        changes = [{"range": edit["range"], "text": edit["newText"]} for edit in reversed(edits)]
        self.write(method="textDocument/didChange", params={
            "textDocument": {"uri": uri, "version": version + 1}, "contentChanges": changes})

    def actions(self, line: int, uri: str = URI, character: int = 5):
        """The actions of a line."""
        at = {"line": line, "character": character}
        return self.ask("textDocument/codeAction", {
            "textDocument": {"uri": uri}, "range": {"start": at, "end": at}, "context": {"diagnostics": []}})

    def run(self, title: str, line: int, uri: str = URI):
        """Takes an action that is a command."""
        chosen = next(action for action in self.actions(line, uri) if action["title"].startswith(title) and "command" in action)
        return self.ask("workspace/executeCommand", {key: chosen["command"][key] for key in ("command", "arguments")})

    def end(self):
        """Says goodbye."""
        self.ask("shutdown", None)
        self.write(method="exit")
        assert self.process.wait(20) == 0


def mend(editor: Editor):
    """A drifted docstring is mended without a model."""
    case = CASES[0]
    editor.open(case.broken)
    editor.wait(lambda message: message.get("method") == "textDocument/publishDiagnostics" and message["params"]["diagnostics"])
    line = case.broken[: case.broken.index("frist")].count("\n")
    action = next(action for action in editor.actions(line, character=10) if action.get("isPreferred"))
    resolved = editor.ask("codeAction/resolve", action)
    editor.edit(URI, resolved["edit"]["documentChanges"][0]["edits"])
    assert editor.texts[URI][1] == case.text
    editor.wait(lambda message: message.get("method") == "textDocument/publishDiagnostics" and not message["params"]["diagnostics"])


def document(editor: Editor):
    """A model documents and refactors while somebody types elsewhere."""
    editor.open(UNDOCUMENTED)
    assert editor.run("Document `subtract` · local", 3)["applied"]
    editor.edit(URI, [{"range": {"start": {"line": 0, "character": 0}, "end": {"line": 0, "character": 0}}, "newText": "# typed 🎉\n"}])
    assert editor.run("Simplify `subtract`", 4)["applied"]
    assert "difference = first - second" in editor.texts[URI][1]
    explained = editor.ask("workspace/executeCommand", {
        "command": "code-agent.explain", "arguments": [{"uri": URI, "position": {"line": 4, "character": 5}}]})
    assert "It takes `second` from `first`" in explained["text"]


def talk(editor: Editor):
    """A conversation in a document."""
    uri = "file:///w/talk.chat.md"
    editor.open("How do I count to three?\n", uri, "markdown")
    assert editor.run("Answer", 0, uri)["applied"]
    assert "three." in editor.texts[uri][1]


SCENARIOS = {"mend": mend, "document": document, "talk": talk}


@pytest.fixture
def environment(tmp_path):
    """A user without settings."""
    return {**os.environ, "XDG_CONFIG_HOME": str(tmp_path / "config"), "XDG_STATE_HOME": str(tmp_path / "state"), "HOME": str(tmp_path)}


def record(program, environment, scenario, file: pathlib.Path):
    """Records a session, with a model that answers."""
    double = Double()
    editor = Editor([program, "lsp", "--record", str(file)], environment)
    editor.settings = {"models": {"target": [{"name": "double", "model": "m", "base-url": double.url}]}}
    try:
        editor.begin()
        scenario(editor)
        editor.end()
    finally:
        editor.close()
        double.close()


def replay(program, environment, file: pathlib.Path):
    """Plays a session again."""
    return subprocess.run([program, "replay", str(file)], env=environment, capture_output=True, text=True, timeout=120)


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_session_that_was_just_recorded_is_played_bit_for_bit(program, environment, tmp_path, name):
    file = tmp_path / "session.jsonl"
    record(program, environment, SCENARIOS[name], file)
    assert file.stat().st_mode & 0o077 == 0, "a record is private"
    done = replay(program, environment, file)
    assert done.returncode == 0, done.stderr
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    # The control: one other word of the server is told.
    answer = next(line for line in reversed(lines) if line.get("from") == "server" and isinstance(line["message"].get("result"), dict))
    answer["message"]["result"]["other"] = 1
    file.write_text("".join(json.dumps(line) + "\n" for line in lines))
    done = replay(program, environment, file)
    assert done.returncode == 1 and "did not say again" in done.stderr, done.stderr


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_recorded_session_is_what_it_was(program, environment, tmp_path, name):
    file = SESSIONS / f"{name}.jsonl"
    if os.environ.get("UPDATE"):
        record(program, environment, SCENARIOS[name], tmp_path / "new.jsonl")
        lines = [json.loads(line) for line in (tmp_path / "new.jsonl").read_text().splitlines()]
        for line in lines:
            if line.get("from") == "editor" and line["message"].get("method") == "initialize":
                line["message"]["params"]["processId"] = None
        SESSIONS.mkdir(exist_ok=True)
        file.write_text("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines))
    done = replay(program, environment, file)
    assert done.returncode == 0, done.stderr


def test_what_is_no_record_is_refused(program, environment, tmp_path):
    for text in ["", "not json\n", '{"a": 1}\n']:
        file = tmp_path / "bad.jsonl"
        file.write_text(text)
        done = replay(program, environment, file)
        assert done.returncode == 2 and done.stderr.strip().endswith("."), done.stderr
    done = replay(program, environment, tmp_path / "missing.jsonl")
    assert done.returncode == 2 and "could not be read" in done.stderr
