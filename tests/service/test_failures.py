"""What the service does when that which it stands on fails: it answers with an error that has a reason, and goes on by itself when it is mended.

None of these tests starts a service again, unless it says so.
"""

import contextlib
import email.utils
import json
import os
import pathlib
import re
import resource
import signal
import sqlite3
import subprocess
import time
import urllib.request

import pytest
from jobs import SOUND, Load, finish, verdict
from stores import File, Replica, opened, problem, redis_cluster, replicas, wait_for

TEXT = 'def f(a):\n    """Do.\n\n    Args:\n        b: B.\n    """\n    return a\n'


def job_of(text: str) -> dict:
    """What is asked of `/jobs`."""
    return {"kind": "check", "files": [{"path": "a.py", "text": text}]}


# PostgreSQL.


@pytest.mark.parametrize("mode", ["immediate", "fast"])
def test_a_database_that_is_started_again_is_waited_for_and_no_job_is_lost(program, tmp_path, mode):
    """`immediate` is a crash of the server, `fast` what somebody does who brings it up to date; both under load."""
    with opened("postgres", tmp_path) as store, replicas(program, tmp_path, store) as both:
        token = both[0].api_token("jobs")
        store.watch()
        before = [replica.process.pid for replica in both]
        with Load(both, store, 3) as load:
            wait_for("work", lambda: len(load.accepted) > 6)
            store.stop(mode)
            for replica in both:
                assert replica.ask("GET", "/api/v2/health/live")[0] == 200
                status, said = replica.ask("GET", "/api/v2/health/ready")
                assert status == 503 and said["reasons"] == ["The store does not answer."], said
                began = time.monotonic()
                status, said = replica.ask("POST", "/api/v2/jobs", job_of(TEXT), token)
                assert status == 503 and "cannot be read or written" in problem(said), said
                assert time.monotonic() - began < 15, "nobody waits for ever"
            store.start()
            for replica in both:
                wait_for("a service that can do its work", replica.is_ready, 20)
            known = len(load.accepted)
            wait_for("more work", lambda: len(load.accepted) > known + 6)
        finish(store, load, 120)
        assert verdict(store, load.accepted) == SOUND, verdict(store, load.accepted)
        assert [replica.process.pid for replica in both] == before and all(replica.process.poll() is None for replica in both)


def test_the_figures_tell_whoever_read_them_that_the_database_is_away(program, tmp_path):
    """Whoever shows a token, as Prometheus of the files for teams does: what it is told by has to come through while nobody can look the token up."""
    with opened("postgres", tmp_path) as store, replicas(program, tmp_path, store, count=1) as (service,):
        own, unused = service.api_token("metrics", "models"), service.api_token("metrics")
        status, revoked = service.ask("POST", "/api/v2/tokens", {"name": "old", "scopes": ["metrics"], "days": 1}, service.token)
        assert status == 201, revoked
        for token in (own, revoked["secret"]):
            status, figures = service.ask("GET", "/metrics", token=token)
            assert status == 200 and 'code_agent_ready{part="store"} 1' in figures, figures
        assert service.ask("DELETE", f"/api/v2/tokens/{revoked['token']['id']}", token=service.token)[0] == 204
        assert service.ask("GET", "/metrics", token=own)[0] == 200
        # For half a second anybody is believed who came just now.
        time.sleep(0.6)
        store.stop()
        for _ in range(2):
            began = time.monotonic()
            status, figures = service.ask("GET", "/metrics", token=own)
            assert status == 200 and 'code_agent_ready{part="store"} 0' in figures, figures
            assert re.search(r'^code_agent_store_errors_total\{error_type="unavailable"\} [1-9]', figures, re.MULTILINE), figures
            assert time.monotonic() - began < 9, "Prometheus gives up after ten seconds"
        for token in (unused, revoked["secret"], "cagt_wrong"):
            assert service.ask("GET", "/metrics", token=token)[0] == 503, "it was not good lately"
        assert service.ask("GET", "/api/v2/models", token=own)[0] == 503, "it opens the figures and nothing else"
        store.start()
        wait_for("a service that can do its work", service.is_ready, 20)
        assert 'code_agent_ready{part="store"} 1' in service.ask("GET", "/metrics", token=own)[1]


# Redis.


def test_a_redis_cluster_that_is_gone_costs_the_shared_answers_and_nothing_else(program, tmp_path, scripted):
    with redis_cluster(tmp_path / "redis") as cluster:
        settings = f"[cache]\nredis = {json.dumps(cluster.urls)}\n"
        settings += f'[[models.target]]\nname = "work"\nmodel = "any"\nbase-url = "{scripted.url}"\n'
        with opened("sqlite", tmp_path) as store, replicas(program, tmp_path, store, settings=settings) as both:
            token = both[0].api_token("openai")

            def ask(replica, question: str) -> None:
                body = {"model": "work", "temperature": 0, "messages": [{"role": "user", "content": question}]}
                status, said = replica.ask("POST", "/v1/chat/completions", body, token)
                assert status == 200 and said["choices"][0]["message"]["content"].strip() == "Fine.", said

            def times(question: str) -> int:
                """How often the model was asked it."""
                return sum(body["messages"][-1]["content"] == question for body in scripted.asked)

            def is_shared(question: str) -> bool:
                """Whether what one replica was answered is known to the other."""
                ask(both[0], question)
                time.sleep(0.2)
                ask(both[1], question)
                return times(question) == 1

            numbers = iter(range(1000))
            wait_for("a shared answer", lambda: is_shared(f"before {next(numbers)}"), 30)
            cluster.kill()
            assert not is_shared("while it is gone"), "the shared answers are gone"
            for number in range(10):
                began = time.monotonic()
                ask(both[number % 2], f"gone {number}")
                assert time.monotonic() - began < 2, "a question does not wait for what is not there"
            assert times("gone 9") == 1
            ask(both[1], "gone 9")
            assert times("gone 9") == 1, "each replica has its own memory"
            assert all(replica.is_ready() for replica in both)
            cluster.start()
            wait_for("the cluster", cluster.is_ok)
            wait_for("a shared answer after it is back", lambda: is_shared(f"after {next(numbers)}"), 60)


# The disk.


@contextlib.contextmanager
def small_disk(folder: pathlib.Path):
    """A file system of 48 megabytes, mounted for the block; like the packages of the tests it wants root, or `sudo` that asks for nothing."""
    folder.mkdir(parents=True)
    as_root = [] if os.geteuid() == 0 else ["sudo", "-n"]
    options = f"size=48m,mode=700,uid={os.getuid()},gid={os.getgid()}"
    made = subprocess.run([*as_root, "mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)], capture_output=True, text=True)
    assert made.returncode == 0, f"a small disk cannot be mounted: {made.stderr.strip()}"
    try:
        yield folder
    finally:
        subprocess.run([*as_root, "umount", "-l", str(folder)], check=True)


def fill_up(service, token: str) -> tuple[list[str], int, dict]:
    """Asks for jobs until one is refused: those that were accepted, and the refusal."""
    accepted = []
    for number in range(200):
        status, said = service.ask("POST", "/api/v2/jobs", job_of(f"# {number}\n" + TEXT * 1500), token)
        if status != 202:
            return accepted, status, said
        accepted.append(said["id"])
    raise AssertionError("the disk never became full")


def survive(service, store, token: str, make_room) -> None:
    """Fills the disk, looks at what is answered, makes room, and looks whether all is well."""
    store.watch()
    accepted, status, said = fill_up(service, token)
    assert status == 503, said
    assert "disk" in problem(said) and "full" in problem(said), said
    # What only reads goes on; what has to be written is refused each time, and with its reason.
    for _ in range(3):
        assert service.ask("GET", "/api/v2/health/live")[0] == 200
        assert service.ask("GET", "/api/v2/jobs?limit=1", token=token)[0] == 200
        status, said = service.ask("POST", "/api/v2/jobs", job_of(TEXT * 1500), token)
        assert status == 503 and "full" in problem(said), said
    assert service.process.poll() is None
    make_room()
    wait_for("a job that is accepted", lambda: service.ask("POST", "/api/v2/jobs", job_of(TEXT), token)[0] == 202, 30)
    accepted += [item["id"] for item in service.ask("GET", "/api/v2/jobs?limit=200", token=token)[1]["items"] if item["id"] not in accepted]

    def is_over() -> bool:
        return store.ask("SELECT count(*) FROM jobs WHERE state IN ('queued', 'running')") == [(0,)]

    wait_for("the end of all jobs", is_over, 120, 0.3)
    assert verdict(store, dict(enumerate(accepted))) == SOUND, verdict(store, dict(enumerate(accepted)))
    assert store.is_sound() and service.ask("GET", "/api/v2/health/ready")[0] == 200
    audit = service.ask("GET", "/api/v2/audit", token=service.sign_in("root"))
    assert audit[0] == 200, audit


def test_a_disk_that_is_full_refuses_with_a_reason_and_harms_nothing(program, tmp_path):
    with small_disk(tmp_path / "store") as disk:
        store = File(disk / "service.db")
        filler = disk / "filler"
        # Most of it, so that there is room for all that the jobs make when it is gone.
        filler.write_bytes(b"\0" * (40 << 20))
        with replicas(program, tmp_path, store, count=1) as (service,):
            survive(service, store, service.api_token("jobs"), filler.unlink)


def test_a_file_that_may_not_grow_any_more_is_the_same_to_it(program, tmp_path):
    """Without a file system of our own: the process may not write beyond a size, as under a quota, until it may."""
    store = File(tmp_path / "store" / "service.db")

    def refuse_and_live() -> None:
        # Else the system would end the process instead of refusing to write.
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)

    with replicas(program, tmp_path, store, count=1, limits=refuse_and_live) as (service,):
        token = service.api_token("jobs")
        unlimited = resource.prlimit(service.process.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(service.process.pid, resource.RLIMIT_FSIZE, (2 << 20, unlimited[1]))
        survive(service, store, token, lambda: resource.prlimit(service.process.pid, resource.RLIMIT_FSIZE, unlimited))


# Files that are not what they should be.


def good_store(program, folder: pathlib.Path) -> pathlib.Path:
    """The file of a service that was set up and ended."""
    store = File(folder / "good" / "service.db")
    with replicas(program, folder, store, count=1) as (service,):
        assert service.stop() == 0
    assert not store.path.with_name(store.path.name + "-wal").exists(), "one who ends in peace leaves all in the one file"
    return store.path


def torn(path: pathlib.Path) -> None:
    """Half of it, as after a copy that broke off."""
    os.truncate(path, path.stat().st_size // 2 - 100)


def cut(path: pathlib.Path) -> None:
    """Less than the first page of it, which SQLite takes for an empty file."""
    os.truncate(path, 1948)


def scribbled(path: pathlib.Path) -> None:
    """The first page behind its head written over."""
    with path.open("r+b") as file:
        file.seek(100)
        file.write(os.urandom(3900))


def newer(path: pathlib.Path) -> None:
    """As a program of next year leaves it."""
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE _sqlx_migrations SET version = 9999 WHERE version = (SELECT max(version) FROM _sqlx_migrations)")


def a_folder(path: pathlib.Path) -> None:
    """No file at all."""
    path.unlink()
    path.mkdir()


def another(path: pathlib.Path) -> None:
    """Somebody else's database, with a table of one of our names."""
    path.unlink()
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE jobs (title TEXT)")


@pytest.mark.parametrize("harm", [torn, cut, scribbled, newer, a_folder, another])
def test_a_store_that_is_no_good_is_told_in_one_sentence_and_left_alone(program, tmp_path, harm):
    path = good_store(program, tmp_path)
    for beside in ("-wal", "-shm"):
        path.with_name(path.name + beside).unlink(missing_ok=True)
    harm(path)
    before = content(path)
    environment = {**os.environ, "XDG_STATE_HOME": str(tmp_path / "state"), "XDG_CONFIG_HOME": str(tmp_path / "config")}
    done = subprocess.run(
        [program, "serve", "--listen", "127.0.0.1:0", "--store", f"sqlite:{path}"], env=environment, capture_output=True, text=True, timeout=60, cwd=tmp_path)
    said = done.stderr.strip()
    assert done.returncode == 2, (done.returncode, said)
    assert said.endswith(".") and "\n" not in said and "panicked" not in said and len(said) < 300, said
    assert content(path) == before, "it is left as it is"


def content(path: pathlib.Path) -> object:
    """What is in a file: as a database, or where it is none, byte by byte."""
    if not path.is_file():
        return None
    try:
        with contextlib.closing(sqlite3.connect(path)) as connection:
            return list(connection.iterdump())
    except sqlite3.DatabaseError:
        return path.read_bytes()


def test_a_file_that_is_harmed_under_a_running_service_is_an_error_and_not_an_end(program, tmp_path):
    store = File(tmp_path / "store" / "service.db")
    with replicas(program, tmp_path, store, count=1) as (service,):
        token = service.api_token("jobs")
        assert service.ask("GET", "/api/v2/jobs", token=token)[0] == 200
        for path in store.path.parent.iterdir():
            with path.open("r+b") as file:
                file.write(os.urandom(path.stat().st_size))
        refused = [service.ask("POST", "/api/v2/jobs", job_of(TEXT), token) for _ in range(3)]
        assert all(status in (500, 503) and problem(said) for status, said in refused), refused
        assert service.ask("GET", "/api/v2/health/live")[0] == 200 and service.process.poll() is None


# Clocks.


# A clock that goes wrong for one process: what it asks the system for is given with an offset.
CLOCK = """
#define _GNU_SOURCE
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
int clock_gettime(clockid_t clock, struct timespec *time) {
  long failed = syscall(SYS_clock_gettime, clock, time);
  if (!failed && clock == CLOCK_REALTIME) time->tv_sec += OFFSET;
  return failed;
}
"""


def ahead(program: str, folder: pathlib.Path, store, seconds: int) -> Replica:
    """A replica whose clock goes before the others'."""
    (folder / "clock.c").write_text(CLOCK)
    library = folder / "clock.so"
    subprocess.run(["cc", "-shared", "-fPIC", f"-DOFFSET=({seconds})", "-o", str(library), str(folder / "clock.c")], check=True)
    return Replica(program, folder, store=store.url, name=f"ahead-{seconds}", environment={"LD_PRELOAD": str(library)})


@pytest.mark.parametrize("seconds", [4, 60, -60])
def test_clocks_that_differ_do_no_harm(program, tmp_path, seconds):
    """Within the leeway a token of one replica is good on the other; beyond it it is refused with a sentence. Jobs are done once in any case."""
    with opened("sqlite", tmp_path) as store, replicas(program, tmp_path, store, count=1) as (right,):
        wrong = ahead(program, tmp_path, store, seconds)
        try:
            assert abs(clock(wrong) - clock(right) - seconds) < 3, "the clock is another one"
            tokens = right.sign_in("root"), wrong.sign_in("root")
            if abs(seconds) <= 4:
                assert right.ask("GET", "/api/v2/jobs", token=tokens[1])[0] == 200
                assert wrong.ask("GET", "/api/v2/jobs", token=tokens[0])[0] == 200
            else:
                # The one that is behind sees a token of the future.
                behind, early = (right, tokens[1]) if seconds > 0 else (wrong, tokens[0])
                status, said = behind.ask("GET", "/api/v2/jobs", token=early)
                assert status == 401 and problem(said), said
            store.watch()
            with Load([right, wrong], store, 9) as load:
                time.sleep(8)
            finish(store, load, 180)
            assert len(load.accepted) > 8
            assert verdict(store, load.accepted) == SOUND, verdict(store, load.accepted)
            assert right.is_ready() and wrong.is_ready()
        finally:
            wrong.kill()


def clock(service) -> float:
    """What time it is there."""
    with urllib.request.urlopen(f"{service.url}/api/v2/health/live", timeout=10) as answer:
        return email.utils.parsedate_to_datetime(answer.headers["date"]).timestamp()
