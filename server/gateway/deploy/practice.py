#!/usr/bin/env python3
"""Has a program do what it is there for, so that a build can be shaped for that; `handed-out.sh` runs it.

usage: practice.py PROGRAM [--seconds 40] [--short]

The source files of this repository are checked and documented (nothing is written), sessions of an editor are played again, and a service answers for as
long as it is said: documents, and questions to a model that this script plays itself, whole and piece by piece. With `--short` only a few files are checked,
to see that all of it works. Needs nothing beside Python.
"""

import argparse
import asyncio
import json
import os
import pathlib
import random
import re
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[3]
WORDS = (ROOT / "server" / "ARCHITECTURE.md").read_text(encoding="utf-8").split()
PASSWORD = "practice makes perfect"
CLIENTS = 32
SETTINGS = """
[service.quotas]
requests-per-minute = 0

[cache]
max-bytes = {cache}

[[models.target]]
name = "practice"
model = "practice"
base-url = "{url}/v1"
"""


async def body_of(reader: asyncio.StreamReader) -> tuple[str, bytes]:
    """The head and the body of a message of HTTP/1.1."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    if found := re.search(r"^content-length: *(\d+)", head, re.MULTILINE | re.IGNORECASE):
        return head, await reader.readexactly(int(found[1]))
    body = b""
    if re.search(r"^transfer-encoding: *chunked", head, re.MULTILINE | re.IGNORECASE):
        while size := int((await reader.readuntil(b"\r\n")).split(b";")[0], 16):
            body += await reader.readexactly(size)
            await reader.readexactly(2)
        await reader.readexactly(2)
    return head, body


def event(choices: list, **more) -> bytes:
    """One event of an answer."""
    chunk = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1_700_000_000, "model": "practice", "choices": choices, **more}
    return f"data: {json.dumps(chunk)}\n\n".encode()


def answer(is_streamed: bool) -> tuple[str, bytes]:
    """What the model says: some words, of this repository's own text."""
    count, start = random.randint(8, 120), random.randrange(len(WORDS) - 120)
    words = [word + " " for word in WORDS[start:start + count]]
    usage = {"prompt_tokens": 300, "completion_tokens": count, "total_tokens": 300 + count}
    if not is_streamed:
        choice = {"index": 0, "message": {"role": "assistant", "content": "".join(words)}, "finish_reason": "stop"}
        return "application/json", json.dumps({"id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "practice", "choices": [choice], "usage": usage}).encode()
    said = b"".join(event([{"index": 0, "delta": {"content": word}, "finish_reason": None}]) for word in words)
    end = event([{"index": 0, "delta": {}, "finish_reason": "stop"}]) + event([], usage=usage)
    return "text/event-stream", said + end + b"data: [DONE]\n\n"


async def play_model(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answers one connection until it ends."""
    try:
        while True:
            _, body = await body_of(reader)
            kind, said = answer(json.loads(body).get("stream", False))
            writer.write(f"HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\ncontent-length: {len(said)}\r\n\r\n".encode() + said)
            await writer.drain()
    except (asyncio.IncompleteReadError, asyncio.CancelledError, ConnectionError):
        writer.close()


async def ask_on(port: int, token: str, until: float, asked: list[int]) -> None:
    """A client that asks one thing after the other."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    sources = [path.read_text(encoding="utf-8") for path in sorted((ROOT / "server/security/src").rglob("*.rs"))][:12]
    number = 0
    while time.monotonic() < until:
        number += 1
        if number % 20 == 0:
            text = random.choice(sources)
            path, body = "/api/v2/documents/diagnostics", {"path": "practice.rs", "text": text}
        else:
            start = random.randrange(len(WORDS) - 400)
            question = " ".join(WORDS[start:start + random.randint(20, 400)]) + f" ({random.random()})"
            messages = [{"role": "system", "content": "Answer in a few words."}, {"role": "user", "content": question}]
            path, body = "/v1/chat/completions", {"model": "practice", "messages": messages, "stream": number % 3 == 0, "temperature": 0.7}
        data = json.dumps(body).encode()
        head = f"POST {path} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {token}\r\ncontent-type: application/json\r\ncontent-length: {len(data)}\r\n\r\n"
        writer.write(head.encode() + data)
        said, _ = await body_of(reader)
        if " 200 " not in said.split("\r\n")[0]:
            raise SystemExit(f"{path} was answered with {said.splitlines()[0]}")
        asked[0] += 1
    writer.close()


def post(url: str, path: str, body: dict, token: str = "") -> dict:
    """What a service answers."""
    headers = {"content-type": "application/json"} | ({"authorization": f"Bearer {token}"} if token else {})
    with urllib.request.urlopen(urllib.request.Request(url + path, json.dumps(body).encode(), headers), timeout=30) as answered:
        return json.load(answered)


async def serve(program: str, seconds: float, cache: int) -> int:
    """How many questions a service answered."""
    model = await asyncio.start_server(play_model, "127.0.0.1", 0)
    model_url = "http://127.0.0.1:%d" % model.sockets[0].getsockname()[1]
    with tempfile.TemporaryDirectory() as scratch:
        folder = pathlib.Path(scratch, "config", "code-agent")
        folder.mkdir(parents=True)
        (folder / "config.toml").write_text(SETTINGS.format(url=model_url, cache=cache))
        environment = {**os.environ, "XDG_STATE_HOME": f"{scratch}/state", "XDG_CONFIG_HOME": f"{scratch}/config"}
        service = subprocess.Popen([program, "serve", "--listen", "127.0.0.1:0"], cwd=scratch, env=environment, stderr=subprocess.PIPE, text=True)
        try:
            url = re.search(r"https?://127\.0\.0\.1:\d+", service.stderr.readline())[0]
            code = re.search(r'"code": "([^"]+)"', service.stderr.readline())[1]
            await asyncio.to_thread(post, url, "/api/v2/setup", {"code": code, "name": "ann", "password": PASSWORD})
            session = await asyncio.to_thread(post, url, "/api/v2/sessions", {"name": "ann", "password": PASSWORD})
            token = await asyncio.to_thread(
                post, url, "/api/v2/tokens", {"name": "practice", "scopes": ["openai", "documents"], "days": 1}, session["access_token"])
            asked, until = [0], time.monotonic() + seconds
            await asyncio.gather(*(ask_on(int(url.rsplit(":", 1)[1]), token["secret"], until, asked) for _ in range(CLIENTS)))
        finally:
            # At its end it writes down what it did; a kill would lose that.
            service.send_signal(signal.SIGTERM)
            service.wait(60)
            service.stderr.close()
    model.close()
    return asked[0]


def main() -> None:
    """As a command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program")
    parser.add_argument("--seconds", type=float, default=40)
    parser.add_argument("--short", action="store_true")
    chosen = parser.parse_args()
    program = str(pathlib.Path(chosen.program).resolve())
    files = ["tests/projects"] if chosen.short else ["server", "tests"]
    commands = [["check", *files], ["document", "tests/projects", "editors"], ["stats", *files]]
    commands += [["replay", str(path)] for path in sorted((ROOT / "tests/sessions").glob("*.jsonl"))]
    for command in commands:
        # 1 says that something was found.
        if subprocess.run([program, *command], cwd=ROOT, stdout=subprocess.DEVNULL, check=False).returncode not in (0, 1):
            sys.exit(f"code-agent {' '.join(command)} failed.")
    for cache in (0, 16 << 20):
        answered = asyncio.run(serve(program, chosen.seconds / 2, cache))
        print(f"{answered} questions answered")


if __name__ == "__main__":
    main()
