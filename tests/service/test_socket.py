"""The WebSocket as its users have it: the language server over the network on a real source tree, events that survive drops and crashes, and the protocol itself held
against the cases of Autobahn."""

import asyncio
import json
import os
import pathlib
import re
import subprocess
import sys
import urllib.parse
import urllib.request

import pytest
import websockets

ORDERS = pathlib.Path(__file__).parents[1] / "projects" / "orders" / "orders.py"


class Client:
    """One connection: answers are found by their ids, all else is kept in order."""

    def __init__(self, socket):
        self.socket, self.number, self.answers, self.told = socket, 0, {}, asyncio.Queue()
        self.reading = asyncio.create_task(self.read())

    async def read(self) -> None:
        try:
            async for text in self.socket:
                message = json.loads(text)
                if "method" in message:
                    if "id" in message:
                        await self.socket.send(json.dumps({"jsonrpc": "2.0", "id": message["id"], "result": None}))
                    await self.told.put(message)
                else:
                    self.answers[message["id"]].set_result(message)
        except websockets.ConnectionClosed:
            pass
        await self.told.put(None)

    async def ask(self, method: str, params) -> dict:
        self.number += 1
        answer = self.answers[self.number] = asyncio.get_running_loop().create_future()
        await self.socket.send(json.dumps({"jsonrpc": "2.0", "id": self.number, "method": method, "params": params}))
        return await asyncio.wait_for(answer, 30)

    async def tell(self, method: str, params) -> None:
        await self.socket.send(json.dumps({"jsonrpc": "2.0", "method": method, "params": params}))

    async def next(self, method: str) -> dict:
        while True:
            message = await asyncio.wait_for(self.told.get(), 30)
            assert message is not None, "it was closed"
            if message["method"] == method:
                return message["params"]

    async def initialize(self, **capabilities) -> dict:
        answer = await self.ask("initialize", {"processId": os.getpid(), "rootUri": "file:///etc", "capabilities": capabilities})
        await self.tell("initialized", {})
        return answer["result"]

    async def open(self, uri: str, text: str, language: str = "python") -> None:
        await self.tell("textDocument/didOpen", {"textDocument": {"uri": uri, "languageId": language, "version": 1, "text": text}})


class Editor:
    """An editor that starts a language server as a program."""

    @classmethod
    async def start(cls, command: list, **options) -> "Editor":
        editor = cls()
        editor.process = await asyncio.create_subprocess_exec(*command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options)
        editor.number = 0
        return editor

    async def send(self, message: dict) -> None:
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        self.process.stdin.write(b"Content-Length: %d\r\n\r\n" % len(body) + body)
        await self.process.stdin.drain()

    async def tell(self, method: str, params) -> None:
        await self.send({"method": method, "params": params})

    async def ask(self, method: str, params):
        self.number += 1
        await self.send({"id": self.number, "method": method, "params": params})
        while (message := await asyncio.wait_for(self.read(), 30)).get("id") != self.number or "method" in message:
            pass
        return message["result"]

    async def read(self) -> dict:
        header = await self.process.stdout.readuntil(b"\r\n\r\n")
        return json.loads(await self.process.stdout.readexactly(int(re.search(rb"Content-Length: (\d+)", header)[1])))

    async def end(self) -> tuple[int, str]:
        """Its exit code, and what it said."""
        await self.ask("shutdown", None)
        await self.tell("exit", None)
        return await self.ended()

    async def ended(self) -> tuple[int, str]:
        said = (await asyncio.wait_for(self.process.stderr.read(), 30)).decode()
        return await asyncio.wait_for(self.process.wait(), 30), said


def connected(service, token: str):
    """A connection, as an asynchronous context."""
    return websockets.connect(service.url.replace("http", "ws") + "/api/v2/ws", additional_headers={"Authorization": f"Bearer {token}"}, max_size=None)


def positions(text: str):
    """Offsets of positions with columns in UTF-16."""
    lines = text.splitlines(keepends=True)

    def offset(position: dict) -> int:
        line = lines[position["line"]] if position["line"] < len(lines) else ""
        column = len(line.encode("utf-16-le")[: 2 * position["character"]].decode("utf-16-le"))
        return sum(map(len, lines[: position["line"]])) + column

    return offset


def test_the_language_server_over_the_network_documents_a_file_of_another_machine(service):
    async def session() -> None:
        text = ORDERS.read_text()
        async with (
            connected(service, service.account("ann", "developer")) as socket,
            connected(service, service.sign_in("ann")) as other,
            connected(service, service.account("bob", "developer")) as strange,
        ):
            client, watcher, stranger = Client(socket), Client(other), Client(strange)
            for one in (watcher, stranger):
                assert (await one.ask("service/subscribe", {"topics": ["diagnostics"]}))["result"]["id"]
            literals = {"codeActionLiteralSupport": {"codeActionKind": {"valueSet": ["quickfix"]}}}
            info = await client.initialize(textDocument={"codeAction": literals})
            assert info["serverInfo"]["name"] == "code-agent"
            await client.open("file:///project/orders.py", text)
            published = await client.next("textDocument/publishDiagnostics")
            assert published["uri"] == "file:///project/orders.py" and published["diagnostics"]
            told = (await watcher.next("service/event"))["data"]
            assert told["uri"] == published["uri"] and told["findings"] == len(published["diagnostics"])
            place = published["diagnostics"][0]["range"]
            offers = (await client.ask("textDocument/codeAction", {"textDocument": {"uri": published["uri"]}, "range": place, "context": {"diagnostics": published["diagnostics"][:1]}}))["result"]
            offer = next(offer for offer in offers if offer["kind"].startswith("quickfix"))
            if "edit" not in offer:
                offer = (await client.ask("codeAction/resolve", offer))["result"]
            edits = offer["edit"].get("changes", {}).get(published["uri"]) or offer["edit"]["documentChanges"][0]["edits"]
            offset, changed = positions(text), text
            for edit in sorted(edits, key=lambda edit: -offset(edit["range"]["start"])):
                changed = changed[: offset(edit["range"]["start"])] + edit["newText"] + changed[offset(edit["range"]["end"]) :]
            compile(changed, "orders.py", "exec")
            await client.tell("textDocument/didChange", {"textDocument": {"uri": published["uri"], "version": 2}, "contentChanges": [{"text": changed}]})
            again = await client.next("textDocument/publishDiagnostics")
            assert len(again["diagnostics"]) < len(published["diagnostics"]), "the edit mended what was found"
            # Another account hears nothing of it: the first thing that it is told is about a file of its own.
            await stranger.initialize()
            await stranger.open("file:///project/own.py", text)
            assert (await stranger.next("service/event"))["data"]["uri"] == "file:///project/own.py"
            # The socket outlives its language server.
            assert (await client.ask("shutdown", None)).get("error") is None
            await client.tell("exit", None)
            assert (await client.ask("service/subscribe", {"topics": ["jobs"]}))["result"]["id"]

    asyncio.run(session())


def test_no_file_of_the_service_is_looked_at(service, tmp_path):
    """The control is the same server at home, which does look there."""
    (tmp_path / "work").mkdir()
    home = tmp_path / "work"
    (home / "code-agent.toml").write_text("[analysis.rules]\nparam-renamed = 'off'\n")
    (home / "other.py").write_text("def secret_plan():\n    '''The plan.'''\n")
    uri, text = (home / "a.py").as_uri(), 'def f(a):\n    """Do.\n\n    Args:\n        b: B.\n    """\n    return a\n'

    def rules(diagnostics) -> set:
        return {diagnostic["code"] for diagnostic in diagnostics}

    async def remote() -> tuple:
        async with connected(service, service.account("ann", "developer")) as socket:
            client = Client(socket)
            await client.ask("initialize", {"rootUri": home.as_uri(), "capabilities": {}})
            await client.tell("initialized", {})
            await client.open(uri, text)
            found = rules((await client.next("textDocument/publishDiagnostics"))["diagnostics"])
            symbols = (await client.ask("workspace/symbol", {"query": "secret"}))["result"]
            return found, symbols

    async def local() -> tuple:
        editor = await Editor.start([service.program, "lsp"], cwd=home)
        await editor.ask("initialize", {"rootUri": home.as_uri(), "capabilities": {"textDocument": {"diagnostic": {}}}})
        await editor.tell("initialized", {})
        await editor.tell("textDocument/didOpen", {"textDocument": {"uri": uri, "languageId": "python", "version": 1, "text": text}})
        found = rules((await editor.ask("textDocument/diagnostic", {"textDocument": {"uri": uri}}))["items"])
        for _ in range(100):
            if symbols := await editor.ask("workspace/symbol", {"query": "secret"}):
                break
            await asyncio.sleep(0.1)
        await editor.end()
        return found, symbols

    found, symbols = asyncio.run(remote())
    at_home, known = asyncio.run(local())
    assert not at_home and [symbol["name"] for symbol in known] == ["secret_plan"], "at home, its settings and its other files count"
    assert found and not symbols, "over the network, neither does"


def test_any_editor_has_the_language_server_of_a_service_by_a_program(service):
    token = service.account("ann", "developer")
    environment = {**os.environ, "TOKEN": token, "WRONG": "cagt_wrong"}

    def command(url: str = service.url, name: str = "TOKEN") -> list:
        return [service.program, "lsp", "--connect", url, "--token", f"env:{name}"]

    async def session() -> None:
        editor = await Editor.start(command(), env=environment)
        answer = await editor.ask("initialize", {"processId": 1, "rootUri": "file:///project", "capabilities": {"textDocument": {"diagnostic": {}}}})
        assert answer["serverInfo"]["name"] == "code-agent"
        await editor.tell("initialized", {})
        document = {"uri": "file:///project/orders.py", "languageId": "python", "version": 1, "text": ORDERS.read_text()}
        await editor.tell("textDocument/didOpen", {"textDocument": document})
        report = await editor.ask("textDocument/diagnostic", {"textDocument": {"uri": document["uri"]}})
        assert report["items"], report
        assert await editor.end() == (0, "")
        for wrong, said in [
            (command(name="WRONG"), "does not take the token (status 401)"),
            (command(url="http://192.0.2.1:7420"), "in the clear"),
            (command(url="http://127.0.0.1:1"), "cannot be reached"),
            (command(url="here"), "is no address"),
        ]:
            editor = await Editor.start(wrong, env=environment)
            code, told = await editor.ended()
            assert code != 0 and said in told and len(told.splitlines()) == 1 and token not in told, (code, told)
        editor = await Editor.start(command(), env=environment)
        await editor.ask("initialize", {"capabilities": {}})
        await asyncio.to_thread(service.stop)
        code, told = await editor.ended()
        assert code != 0 and "ended the session: The service ends" in told, (code, told)

    asyncio.run(session())


def test_events_of_jobs_survive_a_crash_of_the_service_without_loss_or_repeat(service):
    token = service.account("ann", "developer")
    texts = ORDERS.read_text()

    def job() -> str:
        status, body = service.ask("POST", "/api/v2/jobs", {"kind": "document", "files": [{"path": f"{n}.py", "text": texts} for n in range(80)]}, token)
        assert status == 202, body
        return body["id"]

    async def hear(after, seen: list, until) -> str:
        async with connected(service, token) as socket:
            client = Client(socket)
            answer = await client.ask("service/subscribe", {"topics": ["jobs"], **({"after": after} if after else {})})
            after = answer["result"]["id"]
            await until(client, seen)
            while (message := await asyncio.wait_for(client.told.get(), 60)) is not None:
                assert message["method"] == "service/event", message
                after = message["params"]["id"]
                seen.append((int(after.split(".")[0]), message["params"]["data"]))
                if await until(client, seen):
                    return after
            return after

    wanted, seen = [], []

    async def kill_in_the_middle(client, seen) -> bool:
        if not wanted:
            wanted.extend(await asyncio.to_thread(lambda: [job() for _ in range(4)]))
        elif any(data["state"] == "running" for _, data in seen) and service.process.poll() is None:
            service.kill()
        return False

    async def all_ended(client, seen) -> bool:
        return {data["job"] for _, data in seen if data["state"] == "succeeded"} >= set(wanted)

    after = asyncio.run(hear(None, seen, kill_in_the_middle))
    assert len(seen) < 100 and not asyncio.run(all_ended(None, seen)), "it was killed in the middle"
    service.start()
    asyncio.run(hear(after, seen, all_ended))
    lines = [line for line, _ in seen]
    assert lines == list(range(lines[0], lines[0] + len(lines))), "each line of the log once, in order"
    for one in wanted:
        states = [data["state"] for _, data in seen if data["job"] == one]
        assert states[0] == "queued" and states.count("succeeded") == 1 and states[-1] == "succeeded", states


def test_the_protocol_passes_the_cases_of_autobahn(tmp_path):
    echo = pathlib.Path(os.environ.get("CODE_AGENT_ECHO") or pathlib.Path(os.environ["CODE_AGENT_PROGRAM"]).parent / "examples" / "echo")
    server = subprocess.Popen([echo], stdout=subprocess.PIPE, text=True)
    try:
        address = server.stdout.readline().strip()
        # 12 and 13 are about compression, which is not offered.
        kosoku = pathlib.Path(sys.executable).parent / "kosoku"
        run = subprocess.run([kosoku, "-x", "12.*", "-x", "13.*", "-p", "2", "-o", tmp_path / "reports", f"{address}/"], capture_output=True, text=True, timeout=300)
        index = json.loads((tmp_path / "reports" / "index.json").read_text())
    finally:
        server.kill()
        server.wait(10)
        server.stdout.close()
    cases = {name: case for agent in index.values() for name, case in agent.items()}
    wrong = {name: case for name, case in cases.items() if case["behavior"] not in ("OK", "INFORMATIONAL", "NON-STRICT") or case["behaviorClose"] not in ("OK", "INFORMATIONAL")}
    assert len(cases) == 301 and not wrong, f"{len(cases)} cases; {json.dumps(wrong)[:2000]}; {run.stderr[-500:]}"
