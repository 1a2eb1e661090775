#!/usr/bin/env python3
"""Measures the door for OpenAI's format against a plain proxy and against other gateways, and the service besides, and prints a table in Markdown.

usage: measure_service.py PROGRAM --door DOOR [--gate GATE] [--socket SOCKET] [--portkey FOLDER] [--litellm FOLDER] [--rounds 5] [--fail]

PROGRAM is the program as it is handed out, DOOR, GATE and SOCKET are the measurements of the gateway:

    bash server/gateway/deploy/handed-out.sh && cargo bench -p gateway --no-run

FOLDER is where `npm install @portkey-ai/gateway` was run, or where `python3 -m venv` was and `pip install "litellm[proxy]"` after it. Rows whose program was
not named are listed as not measured, and with `--fail` those of them that must reach something count as missed.

All stand before the same model, which answers at once, and are asked in turn in each round by the same 64 clients; what is told is the median of all rounds,
and of their ratios. Every question is another one and no answer is kept, except where a row says so: kept answers would be no comparison.
"""

import argparse
import contextlib
import http.client
import json
import os
import pathlib
import re
import resource
import signal
import statistics
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent / "service"))
from stores import File, Replica, free_port, wait_for  # noqa: E402

WORDS, CLIENTS = 32, 64
# How often it begins in a round; the last one stays for a moment.
STARTS = 4
# A word each five milliseconds, for a few clients, so that nothing waits for a processor.
PACED, PACED_CLIENTS = "words-40-5000", 8
SETTINGS = """
[service.quotas]
requests-per-minute = 0

[models]
concurrency = 256
max-concurrency = 1024

[[models.target]]
name = "words-32-0"
model = "words-32-0"
base-url = "{url}/v1"

[[models.target]]
name = "words-40-5000"
model = "words-40-5000"
base-url = "{url}/v1"
"""
FORGETTING = """
[cache]
max-bytes = 0
"""
NOT_MEASURED = "not measured"
# What the measurement of the gate tells, and what that must reach; what the one of the WebSocket does; and the other gateways.
GATE = (
    ("verification of a token, ES256", "p50 ≤ 60 µs"), ("verification of a token that is remembered", ""),
    ("decision of the policies, remembered", "p99 ≤ 20 µs"), ("decision of the policies, made anew", "p99 ≤ 20 µs"),
)
SOCKETS = (
    ("WebSocket: 1,000 clients × 10 events/s", "none lost, p99 ≤ 50 ms"),
    ("WebSocket: p99 of 200 clients with ten of them stalled over that with none", "none lost, ≤ 1.25×, the ten let go"),
)
OTHERS = (
    ("portkey", "Portkey", 12), ("litellm", "LiteLLM as it starts by itself, with one worker", 130),
    ("litellm wide", "LiteLLM with a worker for each core", None),
)
ROWS = []


def row(what: str, measured: str, must: str = "", is_met: bool | None = None) -> None:
    """A row of the table."""
    ROWS.append((what, measured, must, {None: "", True: "met", False: "**missed**"}[is_met]))


def processor_seconds(pid: int) -> float:
    """What a process and the processes that it started have had."""
    total = 0.0
    for place in pathlib.Path("/proc").iterdir():
        if place.name.isdigit():
            with contextlib.suppress(OSError):
                fields = (place / "stat").read_text().rsplit(")", 1)[1].split()
                if int(place.name) == pid or int(fields[1]) == pid:
                    total += (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return total


def memory(pid: int, what: str = "VmRSS") -> float:
    """Megabytes of a process."""
    lines = pathlib.Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(what)) * 1024 / 1e6


class Server:
    """Something that is asked."""

    def __init__(self, url: str, pid: int, token: str = "none", model: str = "words-32-0", headers: tuple[str, ...] = ()):
        self.url, self.pid, self.token, self.model, self.headers = url, pid, token, model, headers

    def load(self, door: str, seconds: float, **more: str) -> dict:
        """Has it asked, and what the clients saw; `cpu` is its processor time for each request in microseconds."""
        chosen = {"url": self.url, "seconds": seconds, "connections": CLIENTS, "model": self.model, "token": self.token, **more}
        before = processor_seconds(self.pid)
        command = [door, "load", *(f"{name}={value}" for name, value in chosen.items()), *(f"header={header}" for header in self.headers)]
        seen = json.loads(subprocess.run(command, capture_output=True, text=True, check=True, timeout=seconds * 3 + 60).stdout)
        if seen["errors"] or not seen["requests"]:
            sys.exit(f"{self.url}: {seen['errors']} errors of {seen['requests'] + seen['errors']}: {seen['error']}")
        seen["rate"] = seen["requests"] / seen["seconds"]
        seen["cpu"] = (processor_seconds(self.pid) - before) / seen["requests"] * 1e6
        return seen


@contextlib.contextmanager
def process(*command: str, environment: dict[str, str] | None = None, tells: bool = False):
    """A process, and the first line that it says; it ends with those that it started."""
    out = subprocess.PIPE if tells else subprocess.DEVNULL
    environment = {**os.environ, **(environment or {})}
    started = subprocess.Popen(command, stdout=out, stderr=subprocess.DEVNULL, text=True, env=environment, start_new_session=True)
    try:
        yield started, started.stdout.readline().strip() if tells else ""
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(started.pid, signal.SIGKILL)
        started.wait(10)


def answers(port: int, path: str) -> bool:
    """Whether somebody listens and says that all is well."""
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=5)) as connection:
        try:
            connection.request("GET", path)
            return connection.getresponse().status == 200
        except OSError:
            return False


@contextlib.contextmanager
def service(program: str, folder: pathlib.Path, url: str, more: str = ""):
    """Our service before a model, set up, signed in to and asked once."""
    folder.mkdir()
    store = File(folder / "store" / "service.db")
    replica = Replica(program, folder, store=store.url, settings=SETTINGS.format(url=url) + more)
    try:
        replica.set_up()
        token = replica.api_token("openai")
        status, answer = replica.ask("POST", "/v1/chat/completions", {"model": "words-32-0", "messages": [{"role": "user", "content": "Go."}]}, token)
        assert status == 200, answer
        yield Server(replica.url, replica.process.pid, token)
    finally:
        replica.kill()


@contextlib.contextmanager
def portkey(folder: str, url: str):
    """The gateway of Portkey, as its package starts it."""
    port = free_port()
    script = pathlib.Path(folder, "node_modules/@portkey-ai/gateway/build/start-server.js")
    with process("node", str(script), f"--port={port}", "--headless", environment={"NODE_ENV": "production", "TRUSTED_CUSTOM_HOSTS": "localhost,127.0.0.1"}) as (started, _):
        wait_for("Portkey", lambda: answers(port, "/"), 60)
        headers = ("x-portkey-provider:openai", f"x-portkey-custom-host:{url.replace('127.0.0.1', 'localhost')}/v1")
        yield Server(f"http://127.0.0.1:{port}", started.pid, headers=headers)


@contextlib.contextmanager
def litellm(folder: str, url: str, scratch: pathlib.Path, workers: int):
    """The proxy of LiteLLM, as its documentation says for production. By itself it has one worker."""
    port = free_port()
    settings = {
        "model_list": [{"model_name": "words-32-0", "litellm_params": {"model": "openai/words-32-0", "api_base": f"{url}/v1", "api_key": "none"}}],
        "general_settings": {"master_key": "sk-measured"},
        "litellm_settings": {"telemetry": False, "request_timeout": 60},
    }
    place = scratch / f"litellm-{workers}.yaml"
    place.write_text(json.dumps(settings))
    quiet = {"LITELLM_LOG": "ERROR", "LITELLM_MODE": "PRODUCTION", "LITELLM_LOCAL_MODEL_COST_MAP": "True"}
    command = [
        str(pathlib.Path(folder, "bin/litellm")), "--config", str(place),
        "--host", "127.0.0.1", "--port", str(port), "--num_workers", str(workers),
    ]
    with process(*command, environment=quiet) as (started, _):

        def is_idle() -> bool:
            before = processor_seconds(started.pid)
            time.sleep(1)
            return processor_seconds(started.pid) - before < 0.3

        wait_for("LiteLLM", lambda: answers(port, "/health/liveliness"), 180)
        # The first worker answers while the others still begin.
        wait_for("all workers of LiteLLM", is_idle, 180)
        yield Server(f"http://127.0.0.1:{port}", started.pid, "sk-measured")


def begins(program: str, folder: pathlib.Path) -> dict[str, float]:
    """How many milliseconds it takes to begin, for the first time and later, and how large it is then."""
    folder.mkdir()
    store = File(folder / "store" / "service.db")
    times, port = [], free_port()
    environment = {**os.environ, "XDG_STATE_HOME": str(folder / "state"), "XDG_CONFIG_HOME": str(folder / "config")}
    for _ in range(STARTS):
        began = time.perf_counter()
        started = subprocess.Popen(
            [program, "serve", "--listen", f"127.0.0.1:{port}", "--store", store.url], env=environment, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        while not answers(port, "/api/v2/health/ready"):
            if started.poll() is not None or time.perf_counter() - began > 30:
                started.kill()
                sys.exit(f"{program} was not ready after {time.perf_counter() - began:.1f} s; its exit code: {started.poll()}")
            time.sleep(0.001)
        times.append((time.perf_counter() - began) * 1000)
        if len(times) == STARTS:
            time.sleep(3)
            idle = memory(started.pid)
        started.terminate()
        started.wait(30)
    return {"first start": times[0], "start": middle(times[1:]), "idle": idle}


def beginnings(program: str, door: str, folder: pathlib.Path, url: str) -> dict[str, float]:
    """What a round sees of services that are new in it: how long they take to begin, and how large they are."""
    folder.mkdir()
    with service(program, folder / "forgetting", url, FORGETTING) as forgetting, service(program, folder / "remembering", url) as remembering:
        # The memory that the hash of the first password took is given back after some seconds, when other memory is asked for.
        settled = time.monotonic() + 5
        seen = begins(program, folder / "begins")
        time.sleep(max(0, settled - time.monotonic()))
        seen["used"] = memory(remembering.pid)
        for name, server in (("forgetting", forgetting), ("remembering", remembering)):
            server.load(door, 0.2)
            pathlib.Path(f"/proc/{server.pid}/clear_refs").write_text("5")
            server.load(door, 3)
            server.load(door, 3, stream="yes")
            seen[name] = memory(server.pid, "VmHWM")
    return seen


def tell_beginnings(seen: list[dict[str, float]]) -> None:
    """The rows of it."""
    for name, what, unit, most in (
        ("start", "cold start to the first answer", "ms", 150),
        ("first start", "the very first cold start, which makes the tables", "ms", 150),
        ("idle", "memory, idle", "MB", 25),
        ("used", "memory, idle, once it was set up, signed in to and asked once", "MB", None),
        ("forgetting", f"memory, at most, with {CLIENTS} clients, without answers that are kept", "MB", 60),
        ("remembering", f"memory, at most, with {CLIENTS} clients, with the answers that are kept by default", "MB", 60),
    ):
        values = [one[name] for one in seen if name in one]
        digits = 0 if unit == "ms" else 1
        measured = f"{middle(values):.{digits}f} {unit} ({min(values):.{digits}f} to {max(values):.{digits}f})"
        row(what, measured, f"≤ {most} {unit}" if most else "", middle(values) <= most if most else None)


def gate(bench: str | None) -> None:
    """What the gate takes of each request."""
    told = {}
    for line in subprocess.run([bench, "--bench"], capture_output=True, text=True, check=True).stdout.splitlines() if bench else ():
        what, _, figures = line.partition(": ")
        measured, _, aim = figures.partition(" (aim: ")
        verdict = {"(met)": True, "(missed)": False}.get(what.rsplit(" ", 1)[-1])
        told[what.removesuffix(" (met)").removesuffix(" (missed)")] = measured, aim.rstrip(")"), verdict
    for what, must in GATE:
        row(what, *told.pop(what, (NOT_MEASURED, must)))
    for what, figures in told.items():
        row(what, *figures)


def heard(bench: str, clients: int, stalled: int, seconds: int, padding: int) -> dict[str, float]:
    """What clients on the WebSocket hear of ten events a second; times are milliseconds, `padding` is bytes."""
    done = subprocess.run([bench, str(clients), str(stalled), "10", str(seconds), str(padding)], capture_output=True, text=True, timeout=180)
    found = re.search(r"(\d+) heard, (\d+) lost; median ([\d.]+) ms, p99 ([\d.]+) ms, longest ([\d.]+) ms; (\d+) let go", done.stdout)
    if not found:
        sys.exit(f"{bench} told nothing: {done.stdout}{done.stderr}")
    return dict(zip(("heard", "lost", "median", "p99", "longest", "let go"), map(float, found.groups())))


def sockets(bench: str | None, rounds: int) -> None:
    """What is heard on the WebSocket, with many clients, and with some who do not read."""
    if not bench:
        for what, must in SOCKETS:
            row(what, NOT_MEASURED, must)
        return
    # Service and clients are one process, with two ends of each connection.
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    many, without, beside = [], [], []
    for _ in range(rounds):
        many.append(heard(bench, 1000, 0, 10, 0))
        # Six megabytes, more than the system keeps for a client that does not read.
        without.append(heard(bench, 200, 0, 20, 32768))
        beside.append(heard(bench, 200, 10, 20, 32768))
    lost = sum(one["lost"] for one in many)
    p99, median, longest = (middle(one[what] for one in many) for what in ("p99", "median", "longest"))
    measured = f"{sum(one['heard'] for one in many):.0f} heard, {lost:.0f} lost, p99 {p99:.1f} ms (median {median:.1f} ms, longest {longest:.1f} ms)"
    row(SOCKETS[0][0], measured, SOCKETS[0][1], lost == 0 and p99 <= 50)
    lost = sum(one["lost"] for one in without + beside)
    times = middle(one["p99"] / other["p99"] for one, other in zip(beside, without))
    p99s = [middle(one["p99"] for one in seen) for seen in (beside, without)]
    let_go = min(one["let go"] for one in beside)
    measured = f"{times:.2f}× ({p99s[0]:.1f} ms, {p99s[1]:.1f} ms), {lost:.0f} lost, {let_go:.0f} let go"
    is_good = lost == 0 and times <= 1.25 and let_go == 10
    row(SOCKETS[1][0], measured, SOCKETS[1][1], is_good)


def middle(values) -> float:
    """The median."""
    return statistics.median(list(values))


def main() -> None:
    """As a command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program")
    parser.add_argument("--door", required=True)
    parser.add_argument("--gate")
    parser.add_argument("--socket")
    parser.add_argument("--portkey")
    parser.add_argument("--litellm")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=2)
    parser.add_argument("--fail", action="store_true")
    chosen = parser.parse_args()
    door, program = chosen.door, str(pathlib.Path(chosen.program).resolve())
    seen: dict[str, list[dict]] = {}
    with contextlib.ExitStack() as stack:
        scratch = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory()))
        # Before anything else, for the system may not have read the program yet.
        new = [begins(program, scratch / "begins")]
        _, upstream = stack.enter_context(process(door, "upstream", tells=True))
        plain_process, plain_url = stack.enter_context(process(door, "proxy", upstream, tells=True))
        plain = Server(plain_url, plain_process.pid)
        ours = stack.enter_context(service(program, scratch / "ours", upstream, FORGETTING))
        keeps = stack.enter_context(service(program, scratch / "keeps", upstream))
        cases = {
            "plain": (plain, {}), "ours": (ours, {}), "kept": (keeps, {"unique": "no"}), "remembering": (keeps, {}),
            "plain streamed": (plain, {"stream": "yes"}), "ours streamed": (ours, {"stream": "yes"}),
            "plain paced": (plain, {"stream": "yes", "model": PACED, "connections": PACED_CLIENTS}),
            "ours paced": (ours, {"stream": "yes", "model": PACED, "connections": PACED_CLIENTS}),
        }
        if chosen.portkey:
            cases["portkey"] = (stack.enter_context(portkey(chosen.portkey, upstream)), {})
        if chosen.litellm:
            cases["litellm"] = (stack.enter_context(litellm(chosen.litellm, upstream, scratch, 1)), {})
            cases["litellm wide"] = (stack.enter_context(litellm(chosen.litellm, upstream, scratch, os.cpu_count() or 1)), {})
        for server, more in cases.values():
            server.load(door, 1, **more)
        for number in range(chosen.rounds):
            new.append(beginnings(program, door, scratch / f"new-{number}", upstream))
            for name, (server, more) in cases.items():
                seen.setdefault(name, []).append(server.load(door, chosen.seconds, **more))
    tell_beginnings(new)
    tell(seen)
    gate(chosen.gate)
    sockets(chosen.socket, chosen.rounds)
    print("| what | measured | must reach | |\n| --- | --- | --- | --- |")
    for one in ROWS:
        print("| " + " | ".join(one) + " |")
    absent = [what for what, measured, must, _ in ROWS if measured == NOT_MEASURED and must]
    missed = [what for what, *_, verdict in ROWS if "missed" in verdict] + (absent if chosen.fail else [])
    print(f"\n{len(ROWS)} rows, {len(missed)} missed" + (": " + "; ".join(missed) if missed else ""))
    if absent:
        print(f"{len(absent)} that must reach something were not measured: " + "; ".join(absent))
    sys.exit(1 if missed and chosen.fail else 0)


def tell(seen: dict[str, list[dict]]) -> None:
    """The rows of what was asked in rounds."""

    def figures(name: str, what: str) -> list[float]:
        return [one[what] for one in seen[name]]

    def ratio(one: str, other: str, what: str) -> float:
        return middle(a / b for a, b in zip(figures(one, what), figures(other, what)))

    for kind, name in (("", "whole answers"), (" streamed", "streamed answers")):
        cpu, rate = ratio(f"ours{kind}", f"plain{kind}", "cpu"), ratio(f"ours{kind}", f"plain{kind}", "rate")
        times = [middle(figures(f"{one}{kind}", "cpu")) for one in ("ours", "plain")]
        rates = [middle(figures(f"{one}{kind}", "rate")) for one in ("ours", "plain")]
        row(f"CPU for a request over a plain proxy, {name} of {WORDS} words", f"{cpu:.2f}× ({times[0]:.0f} µs, {times[1]:.0f} µs)", "≤ 2×", cpu <= 2)
        row(f"requests a second over a plain proxy, {name}", f"{rate:.2f}× ({rates[0]:.0f}/s, {rates[1]:.0f}/s)", "≥ 0.6×", rate >= 0.6)
    rate, cpu = middle(figures("remembering", "rate")), middle(figures("remembering", "cpu"))
    row("whole answers that are remembered, none asked for twice", f"{rate:.0f}/s, {cpu:.0f} µs CPU each")
    rate, cpu = middle(figures("kept", "rate")), middle(figures("kept", "cpu"))
    row("whole answers from memory", f"{rate:.0f}/s, {cpu:.0f} µs CPU each, {ratio('kept', 'plain', 'rate'):.2f}× a plain proxy that asks")
    for name, title, must in OTHERS:
        what, bound = f"requests a second over {title}", f"≥ {must}×" if must else ""
        if name not in seen:
            row(what, NOT_MEASURED, bound)
            continue
        times = ratio("ours", name, "rate")
        measured = f"{times:.1f}× ({middle(figures('ours', 'rate')):.0f}/s, {middle(figures(name, 'rate')):.0f}/s)"
        row(what, measured, bound, times >= must if must else None)
    # A round has some eighty first words, so their p99 is the slowest one of them: it is shown, and held to nothing.
    for what, title, share, must in (
        ("first_word", "to the first word", "p50", 0.5), ("first_word", "to the first word", "p99", None), ("on_its_way", "for each word", "p99", 0.2),
    ):
        ours, plain = ([one[what] for one in seen[f"{name} paced"]] for name in ("ours", "plain"))
        added = middle(a[share] - b[share] for a, b in zip(ours, plain))
        others = ", ".join(f"{at} {middle(a[at] for a in ours):.3f} and {middle(b[at] for b in plain):.3f}" for at in ("p50", "p99"))
        measured = f"{added:+.3f} ms (ours and a plain proxy: {others} ms)"
        row(f"added time {title} of a stream, {share}", measured, f"≤ {must} ms" if must else "", added <= must if must else None)


if __name__ == "__main__":
    main()
