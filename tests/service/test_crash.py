"""Jobs when services die in the middle of them: none is lost, and none is done twice.

A job is done when its result is written. The database notes each time that anybody writes the end of a job, by a trigger that the test puts there, so that
two ends are seen whatever the service makes of them. `CODE_AGENT_CRASHES=50` is the whole test.
"""

import contextlib
import itertools
import json
import os
import pathlib
import random
import signal
import sqlite3
import subprocess
import threading
import time
import urllib.error
import urllib.request

import pytest
from stores import opened, replicas, wait_for

CRASHES = int(os.environ.get("CODE_AGENT_CRASHES", "6"))
CLIENTS = 4
SOURCES = [
    *(pathlib.Path(os.__file__).parent / name for name in ("dataclasses.py", "textwrap.py", "shlex.py", "sched.py", "queue.py", "heapq.py", "bisect.py", "copy.py")),
    *sorted((pathlib.Path(__file__).parents[2] / "editors" / "vscode" / "src").glob("*.ts")),
]
STORES = ["sqlite", "postgres"]


def verdict(store, accepted: dict[str, str]) -> dict[str, list]:
    """What is wrong, by the job: those that were accepted and are not done, those that were done more often than once, and those that nobody asked for."""
    states = dict(store.ask("SELECT id, state FROM jobs"))
    ends = dict(store.ask("SELECT job, count(*) FROM observed_ends GROUP BY job"))
    told = dict(store.ask("SELECT job, count(*) FROM job_events WHERE state NOT IN ('queued', 'running') GROUP BY job"))
    asked = set(accepted.values())
    return {
        "lost": sorted(job for job in asked if states.get(job) != "succeeded" or not ends.get(job) or not told.get(job)),
        "twice": sorted(job for job in states if ends.get(job, 0) > 1 or told.get(job, 0) > 1),
        "unasked": sorted(set(states) - asked),
        "same id for two keys": sorted(asked) if len(asked) != len(accepted) else [],
    }


SOUND = {"lost": [], "twice": [], "unasked": [], "same id for two keys": []}


class Load:
    """Clients that want jobs done, and ask again with the same key whenever an answer does not come."""

    def __init__(self, services, store, token: str, seed: int):
        self.services, self.store, self.token, self.chance = services, store, token, random.Random(seed)
        self.accepted, self.wrong, self.numbers = {}, [], itertools.count()
        self.asked_again, self.waiting = 0, 0
        self.texts = [(path.name, path.read_text()) for path in SOURCES]
        self.stopping = threading.Event()
        self.threads = [threading.Thread(target=self.client) for _ in range(CLIENTS)] + [threading.Thread(target=self.look)]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stopping.set()
        for thread in self.threads:
            thread.join(120)

    def look(self) -> None:
        """Sees how much waits, so that no more is asked for than is done."""
        while not self.stopping.wait(0.3):
            with contextlib.suppress(AssertionError, sqlite3.Error, subprocess.TimeoutExpired):
                self.waiting = self.store.ask("SELECT count(*) FROM jobs WHERE state IN ('queued', 'running')")[0][0]

    def client(self) -> None:
        """Asks for one job after the other, and now and then once more for one that it has."""
        while not self.stopping.is_set():
            if self.waiting > 16:
                time.sleep(0.05)
                continue
            number = next(self.numbers)
            files = [{"path": f"{at}-{name}", "text": text} for at, (name, text) in enumerate(self.chance.sample(self.texts, 3))]
            body = {"kind": ("check", "update-docs", "document")[number % 3], "files": files}
            try:
                self.create(f"key-{number}", body)
                if number % 4 == 0:
                    self.create(f"key-{number}", body)
            except Exception as error:  # A thread's error is told by the test.
                self.wrong.append(repr(error))

    def create(self, key: str, body: dict) -> None:
        """Asks until a service has accepted the job."""
        data = json.dumps(body).encode()
        for attempt in itertools.count():
            service = self.services[self.chance.randrange(len(self.services))]
            headers = {"content-type": "application/json", "authorization": f"Bearer {self.token}", "idempotency-key": key}
            try:
                request = urllib.request.Request(f"{service.url}/api/v2/jobs", data=data, headers=headers)
                with urllib.request.urlopen(request, timeout=30) as answer:
                    assert answer.status == 202, answer.status
                    job = json.load(answer)["id"]
            except urllib.error.HTTPError as error:
                text = error.read().decode()
                # Where the store is away, the same may be asked again; nothing else is expected.
                if error.code != 503:
                    self.wrong.append(f"{error.code}: {text}")
                    return
                time.sleep(0.1)
            except (OSError, ValueError, urllib.error.URLError):
                # It died; what it had answered is not known.
                time.sleep(0.05)
            else:
                self.asked_again += attempt > 0
                if self.accepted.setdefault(key, job) != job:
                    self.wrong.append(f"{key} stands for {self.accepted[key]} and for {job}")
                return
            if attempt > 600:
                self.wrong.append(f"{key} was never accepted")
                return


def finish(store, load, seconds: float) -> None:
    """Waits until nothing waits or runs."""

    def is_over() -> bool:
        return store.ask("SELECT count(*) FROM jobs WHERE state IN ('queued', 'running')") == [(0,)]

    wait_for("the end of all jobs", is_over, seconds, 0.3)
    assert not load.wrong, load.wrong[:5]


def prove_that_it_would_be_seen(store, accepted: dict[str, str]) -> None:
    """Does by hand what a broken service would do; each is found, and by its job."""
    ids = sorted(accepted.values())
    # What a worker writes that does not ask whether its lease still stands.
    store.ask(f"UPDATE jobs SET state = 'succeeded', result = '{{}}' WHERE id = '{ids[0]}'")
    # What is left of a job whose row was not on the disk when its 202 left, of one that was given up, and of one made for a key a second time.
    store.ask(f"DELETE FROM jobs WHERE id = '{ids[1]}'")
    store.ask(f"UPDATE jobs SET state = 'dead' WHERE id = '{ids[2]}'")
    columns = "kind, account, priority, state, input, max_attempts, created_at, run_at"
    store.ask(f"INSERT INTO jobs (id, {columns}) SELECT 'another', {columns} FROM jobs WHERE id = '{ids[3]}'")
    found = verdict(store, accepted)
    assert found["lost"] == ids[1:3] and found["unasked"] == ["another"], found
    assert ids[0] in found["twice"], found


@pytest.mark.parametrize("kind", STORES)
def test_no_job_is_lost_or_done_twice_when_replicas_are_killed(program, tmp_path, kind):
    with opened(kind, tmp_path) as store, replicas(program, tmp_path, store) as both:
        token = both[0].api_token("jobs")
        store.watch()
        chance = random.Random(11)
        struck = 0
        with Load(both, store, token, 5) as load:
            for crash in range(CRASHES):
                victim = both[crash % 2]
                own = f"worker LIKE '{victim.process.pid}-%' AND state = 'running'"
                wait_for("work", lambda: store.ask(f"SELECT count(*) FROM jobs WHERE {own}") != [(0,)], 60, 0.02)
                # Somewhere in the middle of whatever it does then.
                time.sleep(chance.uniform(0.0, 0.3))
                victim.kill()
                struck += store.ask(f"SELECT count(*) FROM jobs WHERE {own}")[0][0]
                victim.start()
        finish(store, load, 180)
        assert verdict(store, load.accepted) == SOUND, f"{verdict(store, load.accepted)} after {CRASHES} crashes"
        assert store.is_sound()
        assert struck >= CRASHES / 3, f"of {CRASHES} crashes only {struck} jobs were hit"
        assert load.asked_again, "some answers were cut off"
        again = store.ask("SELECT count(*), max(attempts) FROM jobs WHERE attempts > 1")[0]
        print(f"\n{kind}: {CRASHES} crashes hit {struck} jobs under way; {len(load.accepted)} jobs accepted, {load.asked_again} of them asked for again, "
              f"{again[0]} begun again (at most {again[1]} times), 0 lost, 0 done twice")
        prove_that_it_would_be_seen(store, load.accepted)


@pytest.mark.parametrize("kind", STORES)
def test_a_replica_that_was_only_asleep_writes_nothing_over_the_work_of_another(program, tmp_path, kind):
    """The hardest way to do a job twice: its worker stops for longer than its lease, and then goes on as if nothing had been."""
    with opened(kind, tmp_path) as store, replicas(program, tmp_path, store) as both:
        token = both[0].api_token("jobs")
        store.watch()
        text = "".join(path.read_text() for path in SOURCES if path.suffix == ".py")
        files = [{"path": f"{number}.py", "text": f"{text}\n# {number}\n"} for number in range(12)]
        status, made = both[0].ask("POST", "/api/v2/jobs", {"kind": "document", "files": files}, token)
        assert status == 202, made
        job = made["id"]
        worker = wait_for("a worker", lambda: store.ask(f"SELECT worker FROM jobs WHERE id = '{job}' AND state = 'running'"), 30, 0.02)[0][0]
        sleeper = next(replica for replica in both if str(worker).startswith(f"{replica.process.pid}-"))
        other = next(replica for replica in both if replica is not sleeper)
        sleeper.signal(signal.SIGSTOP)
        assert store.ask(f"SELECT state FROM jobs WHERE id = '{job}'") == [("running",)], "it sleeps in the middle of the job"
        wait_for("the end by another", lambda: store.ask(f"SELECT state FROM jobs WHERE id = '{job}'") == [("succeeded",)], 120)
        assert store.ask(f"SELECT attempts FROM jobs WHERE id = '{job}'") == [(2,)]
        before = store.ask(f"SELECT state, result, finished_at, progress FROM jobs WHERE id = '{job}'")
        sleeper.signal(signal.SIGCONT)
        wait_for("word of the lost lease", lambda: "lease of a job was lost" in sleeper.log.read_text() or "somebody else had it" in sleeper.log.read_text(), 60)
        assert store.ask(f"SELECT state, result, finished_at, progress FROM jobs WHERE id = '{job}'") == before
        assert verdict(store, {"key": job}) == SOUND
        # It goes on with other work.
        assert other.is_ready() and sleeper.is_ready()
        other.kill()
        status, made = sleeper.ask("POST", "/api/v2/jobs", {"kind": "check", "files": [{"path": "a.py", "text": "x = 1\n"}]}, token)
        assert status == 202, made
        wait_for("another job", lambda: sleeper.ask("GET", f"/api/v2/jobs/{made['id']}", token=token)[1]["state"] == "succeeded")


def test_who_follows_a_job_over_a_crash_misses_nothing_and_hears_nothing_twice(program, tmp_path):
    """The events of a job, read from whichever replica is there, on from the last that came."""
    with opened("sqlite", tmp_path) as store, replicas(program, tmp_path, store) as both:
        token = both[0].api_token("jobs")
        text = "".join(path.read_text() for path in SOURCES if path.suffix == ".py")
        files = [{"path": f"{number}.py", "text": f"{text}\n# {number}\n"} for number in range(8)]
        status, made = both[0].ask("POST", "/api/v2/jobs", {"kind": "document", "files": files}, token)
        assert status == 202, made
        heard, last, turn, cut = [], 0, 0, 0
        until = time.monotonic() + 120
        while time.monotonic() < until and not (heard and heard[-1][1] not in ("queued", "running")):
            service = both[turn % 2]
            turn += 1
            headers = {"authorization": f"Bearer {token}", **({"last-event-id": str(last)} if last else {})}
            try:
                with urllib.request.urlopen(urllib.request.Request(f"{service.url}/api/v2/jobs/{made['id']}/events", headers=headers), timeout=30) as stream:
                    for line in stream:
                        name, _, value = line.decode().strip().partition(": ")
                        if name == "id":
                            last = int(value)
                        elif name == "data":
                            heard.append((last, json.loads(value)["state"]))
                            # Whoever is followed dies twice.
                            if heard[-1][1] == "running" and cut < 2:
                                cut += 1
                                service.kill()
                                service.start()
                                break
            except (OSError, ValueError):
                continue
        assert cut == 2
        wanted = store.ask(f"SELECT seq, state FROM job_events WHERE job = '{made['id']}' ORDER BY seq")
        # The number of an event comes behind its data or before it; both belong to one event.
        assert [state for _, state in heard] == [state for _, state in wanted], (heard, wanted)
        assert heard[-1][1] == "succeeded" and len({seq for seq, _ in heard}) == len(heard)
