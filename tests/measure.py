#!/usr/bin/env python3
"""Measures the binary against the figures that the product promises, and prints them as a table.

usage: measure.py BINARY [--tree DIR]... [--fail]

Each figure is taken from the outside: the process is started as an editor or a shell starts it. With --fail the exit
status is 1 when a figure misses its budget; without it the table is only printed. `--tree DIR` adds the CPU time of
`check` over a source tree, together with what a bare parse of the same files costs where the binary can tell.
"""
import argparse, json, os, pathlib, queue, resource, statistics, subprocess, sys, tempfile, threading, time

ROWS = []


def report(what, value, unit, budget):
    ROWS.append((what, value, unit, budget))
    mark = "" if budget is None else ("ok" if value <= budget else "OVER")
    limit = "" if budget is None else f"<= {budget:g}"
    print(f"{what:48s} {value:10.2f} {unit:4s} {limit:>10s} {mark}", flush=True)


class Client:
    """A language client that knows only how to frame messages and to wait for an answer."""

    def __init__(self, binary, root, pull=True):
        self.started = time.perf_counter()
        self.process = subprocess.Popen([binary, "lsp"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self.next_id, self.answers, self.notes = 0, {}, queue.Queue()
        self.arrived = threading.Condition()
        threading.Thread(target=self._read, daemon=True).start()
        capabilities = {
            "general": {"positionEncodings": ["utf-16"]},
            "textDocument": {
                "codeAction": {"dataSupport": True, "codeActionLiteralSupport": {"codeActionKind": {"valueSet": ["quickfix", "source"]}}, "resolveSupport": {"properties": ["edit"]}},
                "publishDiagnostics": {"versionSupport": True},
            },
            "workspace": {"applyEdit": True, "workspaceEdit": {"documentChanges": True}},
        }
        if pull:
            capabilities["textDocument"]["diagnostic"] = {"dynamicRegistration": False}
        self.request("initialize", {"processId": os.getpid(), "rootUri": pathlib.Path(root).as_uri(), "capabilities": capabilities})
        self.initialize_ms = (time.perf_counter() - self.started) * 1000
        self.notify("initialized", {})

    def _read(self):
        stream = self.process.stdout
        while True:
            length = None
            while True:
                line = stream.readline()
                if not line:
                    return
                if line in (b"\r\n", b"\n"):
                    break
                name, _, value = line.partition(b":")
                if name.lower() == b"content-length":
                    length = int(value)
            message = json.loads(stream.read(length))
            if "id" in message and "method" in message:
                self._send({"jsonrpc": "2.0", "id": message["id"], "result": [{}] if message["method"] == "workspace/configuration" else None})
            elif "id" in message:
                with self.arrived:
                    self.answers[message["id"]] = (time.perf_counter(), message)
                    self.arrived.notify_all()
            else:
                self.notes.put((time.perf_counter(), message))

    def _send(self, message):
        body = json.dumps(message).encode()
        self.process.stdin.write(b"Content-Length: %d\r\n\r\n" % len(body) + body)
        self.process.stdin.flush()

    def notify(self, method, params):
        self._send({"jsonrpc": "2.0", "method": method, "params": params})

    def start(self, method, params):
        self.next_id += 1
        self._send({"jsonrpc": "2.0", "id": self.next_id, "method": method, "params": params})
        return self.next_id

    def wait(self, request, timeout=30):
        with self.arrived:
            if not self.arrived.wait_for(lambda: request in self.answers, timeout):
                sys.exit(f"no answer to request {request} within {timeout} s")
            return self.answers.pop(request)

    def request(self, method, params, timeout=30):
        return self.wait(self.start(method, params), timeout)[1]

    def memory_mib(self):
        for line in pathlib.Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS"):
                return int(line.split()[1]) / 1024
        return float("nan")

    def stop(self):
        self.request("shutdown", None)
        self.notify("exit", None)
        self.process.wait(10)


def source(lines):
    """A Python file of about that many lines, with documentation that drifted here and there."""
    part = '''def fetch_{n}(path, retries=3, *, strict=False):
    """Fetch a record from `path` 🎉.

    Args:
        path: Where the record is.
        retries: How often to try again. Defaults to 3.
        strict: Whether to fail on a missing record.

    Returns:
        The record.

    Raises:
        ValueError: If `path` is empty.
    """
    if not path:
        raise ValueError("path is empty")
    for attempt in range(retries):
        record = read(path, attempt, strict)
        if record:
            return record
    return default_record(path)


'''
    count = lines // part.count("\n") + 1
    return '"""A module."""\n\n' + "".join(part.replace("{n}", str(n)) for n in range(count))


def percentile(values, share):
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


def editing(binary, folder, lines, budget):
    text = source(lines)
    path = pathlib.Path(folder) / f"file_{lines}.py"
    path.write_text(text)
    client = Client(binary, folder)
    uri = path.as_uri()
    client.notify("textDocument/didOpen", {"textDocument": {"uri": uri, "languageId": "python", "version": 1, "text": text}})
    client.request("textDocument/diagnostic", {"textDocument": {"uri": uri}})
    diagnostics, actions, version = [], [], 1
    middle = lines // 2 // 23 * 23 + 2
    for step in range(120):
        version += 1
        position = {"line": middle, "character": 14}
        end = dict(position, character=15) if step % 2 else position
        change = {"range": {"start": position, "end": end}, "text": "" if step % 2 else "x"}
        began = time.perf_counter()
        client.notify("textDocument/didChange", {"textDocument": {"uri": uri, "version": version}, "contentChanges": [change]})
        at, message = client.wait(client.start("textDocument/diagnostic", {"textDocument": {"uri": uri}}))
        if "result" not in message:
            sys.exit(f"textDocument/diagnostic was refused: {message}")
        diagnostics.append((at - began) * 1000)
        began = time.perf_counter()
        spot = {"start": position, "end": position}
        at, _ = client.wait(client.start("textDocument/codeAction", {"textDocument": {"uri": uri}, "range": spot, "context": {"diagnostics": []}}))
        actions.append((at - began) * 1000)
    diagnostics, actions = diagnostics[10:], actions[10:]
    report(f"one-character edit -> diagnostics, {lines} lines, p95", percentile(diagnostics, 0.95), "ms", budget)
    report(f"   the same, median", statistics.median(diagnostics), "ms", None)
    report(f"action list, {lines} lines, p95", percentile(actions, 0.95), "ms", 15)
    cancels = []
    for _ in range(50):
        request = client.start("workspace/diagnostic", {"previousResultIds": []})
        began = time.perf_counter()
        client.notify("$/cancelRequest", {"id": request})
        at, _ = client.wait(request)
        cancels.append((at - began) * 1000)
    report("reply to a cancel, p99", percentile(cancels, 0.99), "ms", 10)
    client.stop()


def memory(binary, folder):
    begins = []
    for _ in range(7):
        client = Client(binary, folder)
        begins.append(client.initialize_ms)
        client.stop()
    report("start to initialize, median", statistics.median(begins), "ms", 50)
    client = Client(binary, folder)
    time.sleep(1)
    report("memory, idle", client.memory_mib(), "MiB", 25)
    text = source(500)
    for number in range(50):
        uri = (pathlib.Path(folder) / f"open_{number}.py").as_uri()
        client.notify("textDocument/didOpen", {"textDocument": {"uri": uri, "languageId": "python", "version": 1, "text": text}})
        client.request("textDocument/diagnostic", {"textDocument": {"uri": uri}})
    time.sleep(1)
    report("memory, 50 files of 500 lines open", client.memory_mib(), "MiB", 60)
    client.stop()


def checking(binary, tree, budget):
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    run = subprocess.run([binary, "check", "--format", "json", str(tree)], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if run.returncode not in (0, 1):
        sys.exit(f"check {tree} ended with {run.returncode}: {run.stderr[-300:]!r}")
    report(f"check {pathlib.Path(tree).name}, CPU", after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, "s", budget)
    report(f"check {pathlib.Path(tree).name}, findings", run.stdout.count(b"\n"), "", None)
    report("   peak memory of all runs so far", after.ru_maxrss / 1024, "MiB", 300)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("binary")
    parser.add_argument("--tree", action="append", default=[], help="DIR or DIR=SECONDS, the budget of CPU seconds")
    parser.add_argument("--fail", action="store_true")
    args = parser.parse_args()
    binary = str(pathlib.Path(args.binary).resolve())
    report("binary", os.path.getsize(binary) / 2**20, "MiB", 25)
    with tempfile.TemporaryDirectory() as folder:
        memory(binary, folder)
    with tempfile.TemporaryDirectory() as folder:
        editing(binary, folder, 2_000, 15)
    with tempfile.TemporaryDirectory() as folder:
        editing(binary, folder, 10_000, 30)
    for tree in args.tree:
        folder, _, budget = tree.partition("=")
        checking(binary, folder, float(budget) if budget else None)
    over = [what for what, value, _, budget in ROWS if budget is not None and value > budget]
    print(f"{len(ROWS)} figures, {len(over)} over budget" + (": " + ", ".join(over) if over else ""))
    sys.exit(1 if over and args.fail else 0)


if __name__ == "__main__":
    main()
