"""Jobs when services die in the middle of them: none is lost, and none is done twice.

A job is done when its result is written. The database notes each time that anybody writes the end of a job, by a trigger that the test puts there, so that
two ends are seen whatever the service makes of them. What a job does outside of the database is to ask a model, which is a server of the test that remembers
each question. `CODE_AGENT_CRASHES=50` is the whole test.
"""

import collections
import json
import os
import random
import signal
import time
import urllib.request

import pytest
from jobs import REMARK, SOUND, SOUND_REVIEWS, SOURCES, Load, finish, questions, verdict, verdict_of_reviews
from stores import opened, replicas, wait_for

CRASHES = int(os.environ.get("CODE_AGENT_CRASHES", "6"))
STORES = ["sqlite", "postgres"]
SETTINGS = """
[[models.target]]
name = "work"
model = "any"
base-url = "{url}"
"""


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


def prove_that_it_would_be_seen_of_reviews(store, accepted: dict[str, str], asked: collections.Counter) -> None:
    """The same for what a model was asked: once more than it may be, never, about what did not change, and by nobody's wish; and a remark that is lost."""
    attempts = dict(store.ask("SELECT id, attempts FROM jobs WHERE kind = 'review'"))
    (one, first), (two, second), (three, third) = [(key, job) for key, job in accepted.items() if job in attempts][:3]
    harmed = collections.Counter({**asked, (one, 1): attempts[first] + 1, (two, 2): 0, (three, 0): 1, ("another", 1): 1})
    store.ask(f"""UPDATE jobs SET result = '{{"files": [{{"remarks": []}}, {{"remarks": [{{}}]}}, {{"remarks": []}}]}}' WHERE id = '{second}'""")
    found = verdict_of_reviews(store, accepted, harmed)
    assert found == {"without its remarks": [second], "asked too often": sorted([first, third]), "never asked": [second], "wanted by nobody": ["another"]}, found


@pytest.mark.parametrize("kind", STORES)
def test_no_job_is_lost_or_done_twice_when_replicas_are_killed(program, tmp_path, scripted, kind):
    # It takes its time, so that kills come while it is asked.
    scripted.reply, scripted.pause = REMARK, 0.03
    with opened(kind, tmp_path) as store, replicas(program, tmp_path, store, settings=SETTINGS.format(url=scripted.url)) as both:
        store.watch()
        chance = random.Random(11)
        struck = crashes = 0
        with Load(both, store, 5, with_reviews=True) as load:
            # What a kill hits is chance, so it goes on until it has hit jobs under way and an answer on its way as well.
            while crashes < CRASHES or (crashes < CRASHES * 5 and (struck < CRASHES / 3 or not load.asked_again)):
                victim = both[crashes % 2]
                crashes += 1
                own = f"worker LIKE '{victim.process.pid}-%' AND state = 'running'"
                wait_for("work", lambda: store.ask(f"SELECT count(*) FROM jobs WHERE {own}") != [(0,)], 60, 0.02)
                # Somewhere in the middle of whatever it does then. Were it always at once, the same jobs would be hit each time, and a job in whose
                # middle ten workers die is given up, as it may be what kills them.
                time.sleep(chance.uniform(0.0, 2.5))
                victim.kill()
                struck += store.ask(f"SELECT count(*) FROM jobs WHERE {own}")[0][0]
                victim.start()
        finish(store, load, 180)
        assert verdict(store, load.accepted) == SOUND, f"{verdict(store, load.accepted)} after {crashes} crashes"
        asked = questions(scripted)
        assert verdict_of_reviews(store, load.accepted, asked) == SOUND_REVIEWS, f"{verdict_of_reviews(store, load.accepted, asked)} after {crashes} crashes"
        assert store.is_sound()
        assert struck >= CRASHES / 3, f"of {crashes} crashes only {struck} jobs were hit"
        assert load.asked_again, "some answers were cut off"
        again = store.ask("SELECT count(*), max(attempts) FROM jobs WHERE attempts > 1")[0]
        print(f"\n{kind}: {crashes} crashes hit {struck} jobs under way; {len(load.accepted)} jobs accepted, {load.asked_again} of them asked for again, "
              f"{again[0]} begun again (at most {again[1]} times), 0 lost, 0 done twice; a model was asked about {len(asked)} texts, "
              f"about {sum(times > 1 for times in asked.values())} of them more than once")
        prove_that_it_would_be_seen_of_reviews(store, load.accepted, asked)
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
