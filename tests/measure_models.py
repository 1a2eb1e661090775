#!/usr/bin/env python3
"""Measures what an editor waits for while models are at work, against a model server in this process.

usage: measure_models.py BINARY

The list of actions with 64 calls in flight, the answer to a cancel and the end of the call at the provider, a suggestion that is typed ahead.
"""
import os, pathlib, statistics, sys, tempfile, threading, time

sys.path.insert(0, str(pathlib.Path(__file__).parent / "editors"))
from double import Double  # noqa: E402
from test_recorder import URI, Editor  # noqa: E402

CODE = "def f{0}(a, b):\n    return a + b + {0}\n\n\n"


def p95(times):
    return sorted(times)[int(len(times) * 0.95)] * 1000


def begun(binary, double, folder, more=""):
    (folder / "config/code-agent").mkdir(parents=True, exist_ok=True)
    (folder / "config/code-agent/config.toml").write_text(double.settings(more))
    environment = {"HOME": str(folder), "PATH": os.environ["PATH"], "XDG_CONFIG_HOME": str(folder / "config")}
    editor = Editor([binary, "lsp"], environment)
    editor.begin()
    return editor


def send(editor, method, params):
    editor.number += 1
    editor.write(id=editor.number, method=method, params=params)
    return editor.number


def explain(editor, line):
    at = {"line": line, "character": 5}
    return send(editor, "workspace/executeCommand", {
        "command": "code-agent.explain", "arguments": [{"uri": URI, "range": {"start": at, "end": {"line": line + 1, "character": 4}}}]})


def main():
    binary = sys.argv[1]
    double = Double()
    folder = pathlib.Path(tempfile.mkdtemp())
    text = "".join(CODE.format(number) for number in range(500))

    double.before = 60
    # As many at a time as are wanted, without finding out first whether the server bears them.
    editor = begun(binary, double, folder, "[models]\nconcurrency = 64\n")
    editor.open(text)
    editor.actions(0)
    for number in range(64):
        # One document each, as the same question asked again would end the older.
        uri = f"file:///w/other{number}.py"
        editor.open(CODE.format(number + 1000), uri)
        editor.number += 1
        editor.write(id=editor.number, method="workspace/executeCommand", params={
            "command": "code-agent.explain", "arguments": [{"uri": uri, "position": {"line": 0, "character": 5}}]})
    while len(double.bodies) < 64:
        time.sleep(0.02)
    times = []
    for number in range(200):
        began = time.perf_counter()
        editor.actions(number * 4)
        times.append(time.perf_counter() - began)
    print(f"list of actions, {len(double.bodies)} calls in flight: p50 {statistics.median(times) * 1000:.2f} ms, p95 {p95(times):.2f} ms (<= 15)")
    editor.close()

    double = Double()
    double.pace, double.say = 0.004, lambda _: "word " * 20000
    editor = begun(binary, double, folder)
    editor.open(text)
    answered, closed = [], []
    for number in range(40):
        double.began.clear(), double.aborted.clear()
        identifier = explain(editor, number * 4)
        double.began.wait(10)
        time.sleep(0.05)
        began = time.monotonic()
        editor.write(method="$/cancelRequest", params={"id": identifier})
        editor.wait(lambda message: message.get("id") == identifier and "method" not in message)
        answered.append(time.monotonic() - began)
        double.aborted.wait(10)
        closed.append(double.aborted_at - began)
    print(f"cancel: answered p95 {p95(answered):.2f} ms (<= 10), the provider notices p95 {p95(closed):.1f} ms (<= 50, of which it looks every 4 ms)")
    editor.close()

    double = Double()
    double.say = lambda _: " + compute_the_rest(a, b)"
    target = "[completion]\nenabled = true\n"
    editor = begun(binary, double, folder, target)
    (folder / "config/code-agent/config.toml").write_text(double.settings(target) + 'fill = "qwen"\n')
    editor.close()
    environment = {"HOME": str(folder), "PATH": os.environ["PATH"], "XDG_CONFIG_HOME": str(folder / "config")}
    editor = Editor([binary, "lsp"], environment)
    editor.begin()
    editor.open("def f(a, b):\n    return a\n")

    def inline(character):
        return editor.ask("textDocument/inlineCompletion", {
            "textDocument": {"uri": URI}, "position": {"line": 1, "character": character}, "context": {"triggerKind": 2}})

    found = inline(12)
    suggestion = found["items"][0]["insertText"] if found["items"] else ""
    times = []
    for at, letter in enumerate(suggestion[:-1]):
        place = {"line": 1, "character": 12 + at}
        editor.edit(URI, [{"range": {"start": place, "end": place}, "newText": letter}])
        began = time.perf_counter()
        found = inline(13 + at)
        times.append(time.perf_counter() - began)
        assert found["items"][0]["insertText"] == suggestion[at + 1 :], found
    print(f"suggestion typed ahead, {len(times)} keys, {len(double.bodies)} question: p95 {p95(times):.2f} ms (<= 5)")
    editor.close()


main()
