"""Jobs that many clients want done, and what became of them."""

import collections
import contextlib
import http.client
import itertools
import json
import os
import pathlib
import random
import re
import sqlite3
import subprocess
import threading
import time
import urllib.error
import urllib.request

from stores import wait_for

CLIENTS = 4
# What a model says to a review: one remark, on the line by which all texts of a load differ.
REMARK = json.dumps({"notes": [{"line": 1, "severity": "info", "message": "This line is new."}]})
SOURCES = [
    *(pathlib.Path(os.__file__).parent / name for name in ("dataclasses.py", "textwrap.py", "shlex.py", "sched.py", "queue.py", "heapq.py", "bisect.py", "copy.py")),
    *sorted((pathlib.Path(__file__).parents[2] / "editors" / "vscode" / "src").glob("*.ts")),
]


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


def verdict_of_reviews(store, accepted: dict[str, str], asked: collections.Counter) -> dict[str, list]:
    """What is wrong with reviews, by the job: those without a remark on each text that changed, and those whose texts a model was asked about more often than
    the job was begun, or never. A question costs money: whoever begins a job anew may put it again, but nobody puts it twice."""
    attempts, remarks = {}, {}
    for job, begun, result in store.ask("SELECT id, attempts, result FROM jobs WHERE kind = 'review' AND state = 'succeeded'"):
        attempts[job], remarks[job] = begun, [len(file["remarks"]) for file in json.loads(result)["files"]]
    keys = {key: job for key, job in accepted.items() if job in attempts}
    return {
        "without its remarks": sorted(job for job, found in remarks.items() if found != [0, 1, 1]),
        # The first text is as it was.
        "asked too often": sorted(job for key, job in keys.items() if asked[key, 0] or max(asked[key, 1], asked[key, 2]) > attempts[job]),
        "never asked": sorted(job for key, job in keys.items() if not min(asked[key, 1], asked[key, 2])),
        "wanted by nobody": sorted({key for key, _ in asked} - set(keys)),
    }


SOUND_REVIEWS = {"without its remarks": [], "asked too often": [], "never asked": [], "wanted by nobody": []}


def questions(model) -> collections.Counter:
    """How often a model was asked about each text of a load, by the key of its job and its place there."""
    found = [re.findall(r"(?:#|//) (key-\d+), text (\d)\b", json.dumps(body)) for body in model.asked]
    assert all(len(texts) == 1 for texts in found), "each question is about one text"
    return collections.Counter((key, int(place)) for [(key, place)] in found)


class Load:
    """Clients that want jobs done, and ask again with the same key whenever an answer does not come. There are reviews among the jobs where there is a model."""

    def __init__(self, services, store, seed: int, with_reviews: bool = False):
        self.services, self.store, self.chance = services, store, random.Random(seed)
        self.kinds = ["check", "update-docs", "document", *(["review"] if with_reviews else [])]
        # Each client is somebody else, as of one account not more than two jobs are done at a time.
        self.tokens = [services[0].api_token("jobs", "models", of=f"client-{number}") for number in range(CLIENTS)]
        self.accepted, self.wrong, self.numbers = {}, [], itertools.count()
        self.asked_again, self.waiting = 0, 0
        self.texts = [(path.name, path.read_text()) for path in SOURCES]
        self.stopping = threading.Event()
        self.threads = [threading.Thread(target=self.client, args=[token]) for token in self.tokens] + [threading.Thread(target=self.look)]

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

    def client(self, token: str) -> None:
        """Asks for one job after the other, and now and then once more for one that it has."""
        while not self.stopping.is_set():
            if self.waiting > 16:
                time.sleep(0.05)
                continue
            number = next(self.numbers)
            key, kind = f"key-{number}", self.kinds[number % len(self.kinds)]
            files = [self.file(key, kind, place, *known) for place, known in enumerate(self.chance.sample(self.texts, 3))]
            body = {"kind": kind, "files": files}
            try:
                self.create(token, key, body)
                # Of whatever kind it is.
                if number % 5 == 0:
                    self.create(token, key, body)
            except Exception as error:  # A thread's error is told by the test.
                self.wrong.append(repr(error))

    @staticmethod
    def file(key: str, kind: str, place: int, name: str, text: str) -> dict:
        """A text of a job. No other is like it, so that nothing that is kept of another answers for it, and a question about it is known by it."""
        file = {"path": f"{place}-{name}", "text": f"{'#' if name.endswith('.py') else '//'} {key}, text {place}\n{text}"}
        # The first one is unchanged.
        return {**file, "before": text if place else file["text"]} if kind == "review" else file

    def create(self, token: str, key: str, body: dict) -> None:
        """Asks until a service has accepted the job."""
        data = json.dumps(body).encode()
        for attempt in itertools.count():
            service = self.services[self.chance.randrange(len(self.services))]
            headers = {"content-type": "application/json", "authorization": f"Bearer {token}", "idempotency-key": key}
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
            except (OSError, ValueError, http.client.HTTPException):
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
