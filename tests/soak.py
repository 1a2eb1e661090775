#!/usr/bin/env python3
"""Has a service work for a while as a team would have it, and looks whether it fails or grows.

usage: soak.py PROGRAM [--seconds 600] [--share 0.7] [--store sqlite|postgres]

First it is found how much of the mixture the service can do at most, with clients that ask again as soon as they are answered. Then it is asked for a share
of that, at even distances whatever it answers: documents, searches, actions, jobs whose events are followed to the end, models whole and in pieces, the
language server and events over a WebSocket, sessions that are refreshed, pages, and reads. Twice, in the beginning and at half time, it is asked all at once
for as much as it does in a second, after which it has to come back to what it was. Memory, open files, connections, threads and what is under way are looked
at every half second. The exit status is 1 when anything failed or grew, or when less than 95 of 100 were done in their time.
"""

import argparse
import asyncio
import base64
import collections
import contextlib
import hashlib
import http.client
import json
import os
import pathlib
import random
import re
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.parse

from measure_service import processor_seconds

sys.path.insert(0, str(pathlib.Path(__file__).parent / "service"))
from running import PASSWORD  # noqa: E402
from stores import opened, replicas  # noqa: E402

# What is asked for, and how often of a hundred.
MIXTURE = {
    "diagnostics": 22, "symbols": 7, "document": 7, "update-docs": 6, "search": 4, "action": 3, "job": 11, "whole answer": 12, "streamed answer": 9,
    "socket": 2, "refresh": 2, "page": 4, "read": 11,
}
SCOPES = ["accounts", "actions", "documents", "jobs", "metrics", "models", "openai", "search", "service", "socket"]
# More than are refreshed at a time, as a refresh token is good once: two who used the same would end its session.
SESSIONS = 8
PAGES = ["/jobs", "/jobs/new", "/models", "/usage", "/incidents", "/audit", "/accounts", "/tokens", "/account"]
READS = ["/api/v2/jobs?limit=5", "/api/v2/me", "/api/v2/models", "/api/v2/usage", "/api/v2/health/ready", "/v1/models", "/api/v2/openapi.json"]
TEXT = '''def fetch_{n}(path, retries=3):
    """Fetch a record.

    Args:
        path: Where the record is.
        attempts: How often to try.
    """
    for attempt in range(retries):
        record = read(path, attempt)
        if record:
            return record
    return None


'''
# Kept answers are bounded, and full before anything is compared, so that what grows is nothing that is meant to.
SETTINGS = """
[service.quotas]
requests-per-minute = 0

[cache]
max-bytes = 1048576

[models]
concurrency = 64

[[models.target]]
name = "work"
model = "any"
base-url = "{url}/v1"
"""


class Wrong(Exception):
    """An answer that should have been another one."""


class Answer:
    """Status and body of an answer."""

    def __init__(self, status: int, body: bytes):
        self.status, self.body = status, body

    def json(self):
        """What the body says."""
        return json.loads(self.body)


class Client:
    """As little of an HTTP client as is needed, so that it is not what is measured: connections that are kept and used again."""

    def __init__(self, url: str, token: str):
        self.host, self.port = url.removeprefix("http://").split(":")
        self.token, self.idle, self.open = token, [], 0

    async def ask(self, method: str, path: str, body=None, **headers: str) -> Answer:
        """Sends a request and reads the whole answer, also where it comes in pieces."""
        reader, writer = await self._connection()
        try:
            data = json.dumps(body).encode() if body is not None else b""
            named = {"host": f"{self.host}:{self.port}", "authorization": f"Bearer {self.token}", "content-length": str(len(data)), **headers}
            if body is not None:
                named["content-type"] = "application/json"
            head = f"{method} {path} HTTP/1.1\r\n" + "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in named.items()) + "\r\n"
            writer.write(head.encode() + data)
            answer = await self._read(reader)
        except BaseException:
            self._leave(writer)
            raise
        self.idle.append((time.monotonic(), reader, writer))
        return answer

    @contextlib.asynccontextmanager
    async def socket(self, path: str):
        """A WebSocket on a connection of its own, which is left in peace at the end of the block."""
        reader, writer = await asyncio.open_connection(self.host, self.port, limit=1 << 22)
        self.open += 1
        try:
            key = base64.b64encode(os.urandom(16)).decode()
            named = {
                "host": f"{self.host}:{self.port}", "authorization": f"Bearer {self.token}", "connection": "Upgrade", "upgrade": "websocket",
                "sec-websocket-version": "13", "sec-websocket-key": key,
            }
            writer.write((f"GET {path} HTTP/1.1\r\n" + "".join(f"{name}: {value}\r\n" for name, value in named.items()) + "\r\n").encode())
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            proof = base64.b64encode(hashlib.sha1(f"{key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11".encode()).digest()).decode()
            if not head.startswith("HTTP/1.1 101 ") or proof not in head:
                raise Wrong(head)
            socket = Socket(reader, writer)
            yield socket
            await socket.leave()
        finally:
            self._leave(writer)

    async def _connection(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """One that was used a moment ago, or a new one: the service closes those on which nothing is said for 75 seconds."""
        while self.idle and time.monotonic() - self.idle[0][0] > 5:
            self._leave(self.idle.pop(0)[2])
        if self.idle:
            return self.idle.pop()[1:]
        pair = await asyncio.open_connection(self.host, self.port, limit=1 << 22)
        self.open += 1
        return pair

    def _leave(self, writer: asyncio.StreamWriter) -> None:
        writer.close()
        self.open -= 1

    async def _read(self, reader: asyncio.StreamReader) -> Answer:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        status = int(head.split(" ", 2)[1])
        fields = dict(line.split(": ", 1) for line in head.split("\r\n")[1:] if ": " in line)
        if fields.get("transfer-encoding") == "chunked":
            body = bytearray()
            while length := int(await reader.readline(), 16):
                body += (await reader.readexactly(length + 2))[:-2]
            await reader.readline()
            return Answer(status, bytes(body))
        return Answer(status, await reader.readexactly(int(fields.get("content-length", 0))))

    async def close(self) -> None:
        """Leaves all connections."""
        while self.idle:
            *_, writer = self.idle.pop()
            self._leave(writer)
            with contextlib.suppress(OSError):
                await writer.wait_closed()


class Socket:
    """As little of a WebSocket (RFC 6455) as is needed: messages that are JSON-RPC."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter):
        self.reader, self.writer = reader, writer

    def tell(self, method: str, params, **more) -> None:
        """Says something; with an `id` it is a question."""
        self._send(1, json.dumps({"jsonrpc": "2.0", "method": method, "params": params, **more}).encode())

    async def hear(self, is_it) -> dict:
        """The first message that is the one."""
        while not is_it(message := await self._message()):
            pass
        return message

    async def leave(self) -> None:
        """Says so, and waits until the other side has closed the connection."""
        self._send(8, (1000).to_bytes(2, "big"))
        while await self.reader.read(1 << 16):
            pass

    def _send(self, kind: int, data: bytes) -> None:
        mask, length = os.urandom(4), len(data)
        size = bytes([0x80 | length]) if length < 126 else b"\xfe" + length.to_bytes(2, "big") if length < 1 << 16 else b"\xff" + length.to_bytes(8, "big")
        self.writer.write(bytes([0x80 | kind]) + size + mask + bytes(byte ^ mask[at % 4] for at, byte in enumerate(data)))

    async def _message(self) -> dict:
        text = b""
        while True:
            first, length = await self.reader.readexactly(2)
            if length >= 126:
                length = int.from_bytes(await self.reader.readexactly(2 if length == 126 else 8), "big")
            kind, data = first & 0xF, await self.reader.readexactly(length)
            if kind == 8:
                raise Wrong(f"it closed the socket: {data!r}")
            if kind == 9:
                self._send(10, data)
            elif kind < 3:
                text += data
                if first & 0x80:
                    return json.loads(text)


class People:
    """Who is signed in: sessions of programs, which go on by refresh tokens that are good once, and a browser with its cookie."""

    def __init__(self, service):
        self.sessions = asyncio.Queue()
        for _ in range(SESSIONS):
            status, session = service.ask("POST", "/api/v2/sessions", {"name": "root", "password": PASSWORD})
            assert status == 201, session
            self.sessions.put_nowait(session["refresh_token"])
        browser = http.client.HTTPConnection(service.url.removeprefix("http://"), timeout=30)
        browser.request("GET", "/sign-in")
        answer = browser.getresponse()
        token = re.search('name="token-of-form" value="([^"]+)"', answer.read().decode())[1]
        form = urllib.parse.urlencode({"name": "root", "password": PASSWORD, "token-of-form": token})
        named = {"cookie": answer.headers["set-cookie"].split(";")[0], "origin": service.url, "content-type": "application/x-www-form-urlencoded"}
        browser.request("POST", "/sign-in", form, named)
        answer = browser.getresponse()
        assert answer.status == 303, answer.read()
        self.cookie = answer.headers["set-cookie"].split(";")[0]
        browser.close()


class Team:
    """What is asked for; each request is another one, and what is answered is looked at."""

    def __init__(self, client: Client, people: People, seed: int):
        self.client, self.people, self.chance, self.number = client, people, random.Random(seed), 0
        self.took, self.wrong = collections.defaultdict(list), collections.Counter()
        self.under_way, self.calls, self.most_calls = 0, 0, 0

    def next(self) -> tuple[str, int]:
        """What comes next."""
        self.number += 1
        return self.chance.choices(list(MIXTURE), MIXTURE.values())[0], self.number

    async def do(self, what: str, number: int) -> None:
        """Does it, and notes how it went."""
        began = time.perf_counter()
        self.under_way += 1
        self.calls += "answer" in what
        self.most_calls = max(self.most_calls, self.calls)
        try:
            await asyncio.wait_for(self._do(what, number), 60)
            self.took[what].append(time.perf_counter() - began)
        except (Wrong, OSError, TimeoutError, ValueError, KeyError, EOFError) as error:
            self.wrong[f"{what}: {error!r}"[:300]] += 1
        finally:
            self.under_way -= 1
            self.calls -= "answer" in what

    async def _do(self, what: str, number: int) -> None:
        text = "".join(TEXT.replace("{n}", f"{number}_{part}") for part in range(1 + number % 5))
        file = {"path": f"f{number}.py", "text": text}
        if what == "read":
            await self._good("GET", READS[number % len(READS)], 200)
        elif what == "job":
            body = {"kind": ("check", "document", "update-docs")[number % 3], "files": [file] * (1 + number % 3)}
            made = await self._good("POST", "/api/v2/jobs", 202, body, idempotency_key=f"soak-{id(self)}-{number}")
            place = f"/api/v2/jobs/{made.json()['id']}"
            events = (await self._good("GET", f"{place}/events", 200)).body.decode()
            states = [json.loads(line[6:])["state"] for line in events.splitlines() if line.startswith("data: ")]
            job = (await self._good("GET", place, 200)).json()
            if states[-1:] != ["succeeded"] or job["state"] != "succeeded" or len(job["result"]["files"]) != len(body["files"]):
                raise Wrong(f"{states} {job['state']}")
        elif "answer" in what:
            body = {"model": "work", "temperature": 0, "stream": what == "streamed answer", "messages": [{"role": "user", "content": f"{number}: {text}"}]}
            said = (await self._good("POST", "/v1/chat/completions", 200, body)).body
            if body["stream"]:
                # However many of them come in one piece.
                is_whole = said.count(b"word ") == 20 and said.endswith(b"data: [DONE]\n\n")
            else:
                is_whole = json.loads(said)["choices"][0]["message"]["content"].count("word") == 20
            if not is_whole:
                raise Wrong(said[-200:])
        elif what == "search":
            found = (await self._good("POST", "/api/v2/search", 200, {"query": f"fetch_{number}_0", "files": [file]})).json()["symbols"]
            if not found or found[0]["name"] != f"fetch_{number}_0":
                raise Wrong(found)
        elif what == "action":
            # On the name of the first function, whose documentation is not true.
            place = {"line": 0, "character": 4}
            file["range"] = {"start": place, "end": place}
            offers = (await self._good("POST", "/api/v2/actions/offers", 200, file)).json()["offers"]
            own = [offer["id"] for offer in offers if not offer["asks_model"]]
            if not own:
                raise Wrong(offers)
            done = (await self._good("POST", "/api/v2/actions/run", 200, {**file, "id": own[0]})).json()
            if done["by_model"] or done["text"] == text:
                raise Wrong(done["note"])
        elif what == "socket":
            await self._talk(file)
        elif what == "refresh":
            session = (await self._good("POST", "/api/v2/sessions/refresh", 200, {"refresh_token": await self.people.sessions.get()})).json()
            self.people.sessions.put_nowait(session["refresh_token"])
            await self._good("GET", "/api/v2/me", 200, authorization=f"Bearer {session['access_token']}")
        elif what == "page":
            shown = (await self._good("GET", PAGES[number % len(PAGES)], 200, cookie=self.people.cookie, accept="text/html")).body
            if b"</html>" not in shown:
                raise Wrong(shown[-200:])
        else:
            await self._good("POST", f"/api/v2/documents/{what}", 200, file)

    async def _talk(self, file: dict) -> None:
        """Opens a document by a WebSocket, and hears of it as an event."""
        document = {"uri": f"file:///soak/{file['path']}", "languageId": "python", "version": 1, "text": file["text"]}
        async with self.client.socket("/api/v2/ws") as socket:
            socket.tell("service/subscribe", {"topics": ["jobs", "diagnostics"]}, id=1)
            socket.tell("initialize", {"processId": None, "rootUri": "file:///soak", "capabilities": {}}, id=2)
            for number in (1, 2):
                answer = await socket.hear(lambda message, number=number: message.get("id") == number and "method" not in message)
                if "result" not in answer:
                    raise Wrong(answer)
            socket.tell("initialized", {})
            socket.tell("textDocument/didOpen", {"textDocument": document})
            # Those of others who are there as the same account are heard too.
            event = await socket.hear(lambda message: message.get("method") == "service/event" and message["params"]["data"].get("uri") == document["uri"])
            if event["params"]["topic"] != "diagnostics" or not event["params"]["data"]["findings"]:
                raise Wrong(event)

    async def _good(self, method: str, path: str, status: int, body=None, **headers: str) -> Answer:
        answer = await self.client.ask(method, path, body, **headers)
        if answer.status != status:
            raise Wrong(f"{answer.status}: {answer.body[:200]!r}")
        return answer


class Watch:
    """How large the process is, seen from outside."""

    def __init__(self, pid: int, team: Team):
        self.place, self.team, self.samples = pathlib.Path(f"/proc/{pid}"), team, []

    def look(self) -> dict[str, float]:
        """Now. Connections left over are those that the client has closed already; those that wait to be let in are not the opposite of them."""
        status = dict(line.split(":\t", 1) for line in (self.place / "status").read_text().splitlines() if ":\t" in line)
        files, clients, models = self._files()
        return {
            "memory": int(status["VmRSS"].split()[0]) / 1024, "threads": int(status["Threads"]), "files": files,
            "connections left over": max(clients - self.team.client.open, 0), "connections to models": models,
            "under way": self.team.under_way,
        }

    def _files(self) -> tuple[int, int, int]:
        """Open files, and connections to the service and from it."""
        fields = [line.split() for line in (self.place / "net/tcp").read_text().splitlines()[1:]]
        # Those that are established, or that the other side has closed (CLOSE_WAIT), with the port that they have here.
        ours = {f"socket:[{field[9]}]": int(field[1].split(":")[1], 16) for field in fields if field[3] in ("01", "08")}
        ports = collections.Counter()
        for entry in (self.place / "fd").iterdir():
            with contextlib.suppress(FileNotFoundError):
                ports[ours.get(str(entry.readlink()))] += 1
        files, clients = ports.pop(None, 0), ports.pop(int(self.team.client.port), 0)
        return files, clients, ports.total()

    async def run(self) -> None:
        """Until it is dropped."""
        while True:
            self.samples.append(self.look())
            await asyncio.sleep(0.5)


def growth(samples: list[float]) -> tuple[float, float]:
    """The middle of the first and of the last third, once the first fifth is over, in which everything becomes warm."""
    samples = samples[len(samples) // 5 :]
    third = len(samples) // 3
    return statistics.median(samples[:third]), statistics.median(samples[-third:])


# By how much the last third may be more than the first: by this share of it or by this number, whichever is more. How much is under way is a matter of chance.
MARGINS = {"memory": (0.05, 2), "under way": (1, 16)}


def grows(what: str, samples: list[float]) -> bool:
    """Whether it does: by more than its margin, or a tenth and four where it has none."""
    first, last = growth(samples)
    share, least = MARGINS.get(what, (0.1, 4))
    return last - first > max(first * share, least)


def figure(text: str, name: str) -> float:
    """The sum of a figure of `/metrics`."""
    return sum(float(line.rsplit(" ", 1)[1]) for line in text.splitlines() if line.startswith((f"{name} ", f"{name}{{")))


async def capacity(team: Team, seconds: float, clients: int) -> float:
    """How much is done in a second by clients that ask as fast as they are answered."""
    until = time.perf_counter() + seconds

    async def client() -> None:
        while time.perf_counter() < until:
            await team.do(*team.next())

    began = time.perf_counter()
    await asyncio.gather(*(client() for _ in range(clients)))
    return sum(map(len, team.took.values())) / (time.perf_counter() - began)


async def steady(team: Team, rate: float, seconds: float, burst: int) -> tuple[int, int]:
    """Asks at even distances, whatever is answered, and for bursts at the start and at half time; the most that was under way, and what the bursts added."""
    began, under_way, most, added = time.perf_counter(), set(), 0, 0
    turns = int(rate * seconds)
    for turn in range(turns):
        wait = began + turn / rate - time.perf_counter()
        if wait > 0:
            await asyncio.sleep(wait)
        count = burst if turn in (0, turns // 2) else 1
        added += count - 1
        for _ in range(count):
            task = asyncio.ensure_future(team.do(*team.next()))
            under_way.add(task)
            task.add_done_callback(under_way.discard)
        most = max(most, len(under_way))
        if len(under_way) > 1000 + burst:
            team.wrong[f"it fell behind: {len(under_way)} requests were under way"] += 1
            break
    await asyncio.gather(*under_way)
    return most, added


async def soak(service, token: str, seconds: float, share: float, finding: float) -> dict:
    """Has the service work, and what was seen."""
    client, people = Client(service.url, token), People(service)
    finder = Team(client, people, 1)
    # Twice, since what is done first is slow.
    await capacity(finder, finding / 3, 48)
    finder.took.clear()
    most = await capacity(finder, finding, 48)
    team = Team(client, people, 2)
    watch = Watch(service.process.pid, team)
    looking = asyncio.ensure_future(watch.run())
    began, used = time.perf_counter(), processor_seconds(service.process.pid)
    under_way, added = await steady(team, most * share, seconds, int(most))
    took, used = time.perf_counter() - began, processor_seconds(service.process.pid) - used
    looking.cancel()
    await client.close()
    await asyncio.sleep(2)
    after = watch.look()
    metrics = (await client.ask("GET", "/metrics")).body.decode()
    # The machine may have others on it, and be slower than it was.
    finder.took.clear()
    still = await capacity(finder, finding, 48)
    await client.close()
    return {
        "capacity": most, "capacity afterwards": still, "asked": most * share, "rate": (sum(map(len, team.took.values())) - added) / took, "under way": under_way,
        "processors": used / took / os.cpu_count(),
        "wrong": finder.wrong + team.wrong, "took": team.took, "samples": watch.samples, "after": after, "calls": max(finder.most_calls, team.most_calls),
        "tasks": figure(metrics, "code_agent_tasks_running") + figure(metrics, "code_agent_tasks_waiting"),
    }


def findings(seen: dict) -> list[str]:
    """What is not as it should be."""
    found = [f"{count} × {what}" for what, count in seen["wrong"].items()]
    for what in seen["after"]:
        samples = [sample[what] for sample in seen["samples"]]
        # There may be one for each of the calls that were under way at once, and chance takes a while to come to so many.
        if grows(what, samples) and (what != "connections to models" or growth(samples)[1] > seen["calls"]):
            found.append("{} grew from {:.1f} to {:.1f}".format(what, *growth(samples)))
    if seen["tasks"]:
        found.append(f"{seen['tasks']} tasks are left")
    for what in ("files", "connections left over"):
        if seen["after"][what] > min(sample[what] for sample in seen["samples"]) + 4:
            found.append(f"{seen['after'][what]} {what} are left open")
    # Bursts are not in it, so that they do not make up for what was late.
    if seen["rate"] < 0.95 * seen["asked"]:
        found.append(f"{seen['rate']:.1f}/s were done of the {seen['asked']:.1f}/s that were asked for")
    missing = set(MIXTURE) - {what for what, took in seen["took"].items() if took}
    return found + [f"no {what} was done" for what in missing]


def tell(seen: dict) -> None:
    """What was seen, as a table."""
    print(f"capacity {seen['capacity']:.0f}/s, and {seen['capacity afterwards']:.0f}/s afterwards; asked for {seen['asked']:.0f}/s and did {seen['rate']:.0f}/s beside bursts, with {seen['processors']:.0%} of "
          f"the processors; at most {seen['under way']} under way, {seen['calls']} of models\n")
    print("| what | done | p50 | p99 |\n| --- | ---: | ---: | ---: |")
    for what, took in sorted(seen["took"].items()):
        took.sort()
        print(f"| {what} | {len(took)} | {took[len(took) // 2] * 1000:.1f} ms | {took[int(len(took) * 0.99)] * 1000:.1f} ms |")
    print("\n| what | first third | last third | afterwards |\n| --- | ---: | ---: | ---: |")
    for what in seen["after"]:
        unit = " MiB" if what == "memory" else ""
        first, last = growth([sample[what] for sample in seen["samples"]])
        print(f"| {what} | {first:.1f}{unit} | {last:.1f}{unit} | {seen['after'][what]:.1f}{unit} |")
    print(f"\ntasks left: {seen['tasks']:.0f}; errors: {sum(seen['wrong'].values())}")


async def model() -> None:
    """A model in OpenAI's format, in a process of its own, that says twenty words; it ends with its input."""
    word = json.dumps({"choices": [{"index": 0, "delta": {"content": "word "}}]})
    end = [json.dumps({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}], "usage": {"prompt_tokens": 9, "completion_tokens": 20}}), "[DONE]"]

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(EOFError, OSError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
                await reader.readexactly(int(head.split("content-length: ")[1].split("\r\n")[0]))
                writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n")
                for group in ([word] * 10, [word] * 10, end):
                    data = "".join(f"data: {event}\n\n" for event in group).encode()
                    writer.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
                    await writer.drain()
                    await asyncio.sleep(0)
                writer.write(b"0\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0, limit=1 << 22)
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


@contextlib.contextmanager
def served_model():
    """The address of such a model."""
    process = subprocess.Popen([sys.executable, __file__, "model"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        yield process.stdout.readline().strip()
    finally:
        process.kill()
        process.wait(10)
        process.stdin.close()
        process.stdout.close()


def run(program: str, folder: pathlib.Path, kind: str, seconds: float, share: float, finding: float) -> dict:
    """Starts all that is needed, and soaks."""
    with served_model() as url, opened(kind, folder) as store:
        with replicas(program, folder, store, count=1, settings=SETTINGS.format(url=url)) as (service,):
            seen = asyncio.run(soak(service, service.api_token(*SCOPES), seconds, share, finding))
            assert service.stop() == 0, "it ends as it should"
            return seen


def main() -> None:
    """As a command."""
    if sys.argv[1:] == ["model"]:
        # A process that is ended may end without a word.
        with contextlib.suppress(KeyboardInterrupt):
            asyncio.run(model())
        return
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program")
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--share", type=float, default=0.7)
    parser.add_argument("--store", choices=["sqlite", "postgres"], default="sqlite")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        seen = run(str(pathlib.Path(chosen.program).resolve()), pathlib.Path(folder), chosen.store, chosen.seconds, chosen.share, 15)
    tell(seen)
    found = findings(seen)
    print("\n".join(["", *found]) if found else "\nno error, no growth")
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
