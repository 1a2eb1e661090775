"""What holds over several replicas, and when one of them is told to end: what is taken back is refused everywhere, work under way comes to its end, and a
budget and a quota are one for all of them.
"""

import json
import signal
import socket
import time
import urllib.request

from jobs import SOUND, verdict
from stores import opened, redis_cluster, replicas, wait_for

TEXT = 'def f(a):\n    """Do.\n\n    Args:\n        b: B.\n    """\n    return a\n'


def long_job(count: int) -> dict:
    """What is asked of `/jobs`; 40 texts take seconds."""
    return {"kind": "update-docs", "files": [{"path": f"part{number}.py", "text": TEXT * 400} for number in range(count)]}


def target(name: str, url: str, more: str = "") -> str:
    """The settings of a model."""
    return f'[[models.target]]\nname = "{name}"\nmodel = "any"\nbase-url = "{url}"\n{more}\n'


# What is taken back.


def test_what_is_taken_back_on_one_replica_is_refused_on_the_other_within_a_second(program, tmp_path):
    with opened("postgres", tmp_path) as store, replicas(program, tmp_path, store) as (here, there):
        root = here.token
        sessions = {name: here.account(name, "maintainer") for name in ("ann", "bob", "eve", "dan")}
        ids = {name: here.ask("GET", "/api/v2/me", token=token)[1]["id"] for name, token in sessions.items()}
        status, made = here.ask("POST", "/api/v2/tokens", {"name": "ci", "scopes": ["jobs"], "days": 1}, sessions["ann"])
        assert status == 201, made
        # What is used, where, and how it is taken back: method, path, body and token of that; then what is answered to it, and to the next use.
        cases = {
            "an API token": (made["secret"], "/api/v2/jobs", ("DELETE", f"/api/v2/tokens/{made['token']['id']}", None, sessions["ann"]), 204, 401),
            "a session": (sessions["bob"], "/api/v2/jobs", ("DELETE", "/api/v2/sessions/current", None, sessions["bob"]), 204, 401),
            "a role": (sessions["eve"], "/api/v2/config", ("PATCH", f"/api/v2/accounts/{ids['eve']}", {"role": "viewer"}, root), 200, 403),
            "an account": (sessions["dan"], "/api/v2/jobs", ("PATCH", f"/api/v2/accounts/{ids['dan']}", {"disabled": True}, root), 200, 401),
        }
        for what, (token, path, taking, taken, refused) in cases.items():
            # Twice, so that the other replica remembers whose it is when it is taken back.
            assert [there.ask("GET", path, token=token)[0] for _ in range(2)] == [200, 200], f"the control: {what} is good"
            status, said = here.ask(*taking)
            assert status == taken, (what, said)
            since = time.monotonic()
            statuses = []
            while not statuses or statuses[-1] != refused:
                statuses.append(there.ask("GET", path, token=token)[0])
                assert time.monotonic() - since < 1, f"{what} is good for longer than a second: {statuses}"
                time.sleep(0.02)
            assert set(statuses) <= {200, refused}, (what, statuses)
            assert [replica.ask("GET", path, token=token)[0] for replica in (here, there)] == [refused] * 2, f"{what} stays taken back"
        # Who was shown less before is still known, and only what was taken back is gone.
        assert there.ask("GET", "/api/v2/me", token=sessions["eve"])[1]["role"] == "viewer"
        assert there.ask("GET", "/api/v2/jobs", token=sessions["ann"])[0] == 200, "her session is none of the token's"


# The end of a replica.


def is_refused(service) -> bool:
    """Whether nobody takes a new connection there."""
    try:
        socket.create_connection(("127.0.0.1", int(service.url.rsplit(":", 1)[1])), timeout=5).close()
    except ConnectionRefusedError:
        return True
    except ConnectionError:
        # It waited to be taken when the listener went.
        return False
    return False


def test_an_answer_under_way_comes_whole_although_the_service_is_told_to_end(program, tmp_path, scripted):
    grace = 15
    settings = f"[service]\ngrace-seconds = {grace}\n\n{target('work', scripted.url)}"
    with opened("postgres", tmp_path) as store, replicas(program, tmp_path, store, count=1, settings=settings) as (service,):
        headers = {"content-type": "application/json", "authorization": f"Bearer {service.api_token('openai')}"}
        body = {"model": "work", "stream": True, "messages": [{"role": "user", "content": "Count."}]}
        request = urllib.request.Request(f"{service.url}/v1/chat/completions", data=json.dumps(body).encode(), headers=headers)
        scripted.reply = "one two three"
        scripted.goes_on.clear()
        try:
            assert not is_refused(service), "the control: a connection is taken"
            with urllib.request.urlopen(request, timeout=30) as stream:
                lines = (line.decode().strip().removeprefix("data: ") for line in stream if line.startswith(b"data: "))
                pieces = [next(lines)]
                service.signal(signal.SIGTERM)
                told = time.monotonic()
                wait_for("the end of new connections", lambda: is_refused(service), 5, 0.02)
                assert service.process.poll() is None, "it waits for the answer"
                assert "three" not in pieces[0], "the model has not said all"
                scripted.goes_on.set()
                pieces += lines
        finally:
            scripted.goes_on.set()
        assert pieces[-1] == "[DONE]", pieces
        chunks = [json.loads(piece) for piece in pieces[:-1]]
        assert "".join(chunk["choices"][0]["delta"].get("content") or "" for chunk in chunks).split() == ["one", "two", "three"], pieces
        assert chunks[-1]["choices"][0]["finish_reason"] == "stop", pieces
        assert service.process.wait(grace) == 0
        assert time.monotonic() - told < grace
        assert "Some requests were ended" not in service.log.read_text()


def test_a_job_under_way_is_given_back_at_the_end_and_done_once_after_the_next_start(program, tmp_path):
    """No time at all is given, so that the job cannot come to its end before."""
    with (
        opened("postgres", tmp_path) as store,
        replicas(program, tmp_path, store, count=1, settings="[service]\ngrace-seconds = 0\n") as (service,),
    ):
        store.watch()
        token = service.api_token("jobs")
        status, made = service.ask("POST", "/api/v2/jobs", long_job(40), token)
        assert status == 202, made
        job = made["id"]
        state = f"SELECT state, attempts FROM jobs WHERE id = '{job}'"
        wait_for("a worker", lambda: store.ask(state) == [("running", 1)], 10, 0.02)
        service.signal(signal.SIGTERM)
        assert service.process.wait(10) == 0
        assert store.ask(state) == [("queued", 0)], "it is given back, and that is held against nobody"
        assert verdict(store, {"key": job})["lost"] == [job], "the control: nobody has done it yet"
        service.start()
        wait_for("the end of the job", lambda: store.ask(state) == [("succeeded", 1)], 60)
        assert verdict(store, {"key": job}) == SOUND, verdict(store, {"key": job})


def test_a_job_under_way_is_done_before_the_end_where_there_is_time(program, tmp_path):
    grace = 15
    with (
        opened("postgres", tmp_path) as store,
        replicas(program, tmp_path, store, count=1, settings=f"[service]\ngrace-seconds = {grace}\n") as (service,),
    ):
        store.watch()
        token = service.api_token("jobs")
        status, made = service.ask("POST", "/api/v2/jobs", long_job(5), token)
        assert status == 202, made
        state = f"SELECT state, attempts FROM jobs WHERE id = '{made['id']}'"
        wait_for("a worker", lambda: store.ask(state) != [("queued", 0)], 10, 0.02)
        service.signal(signal.SIGTERM)
        # Beside the grace it has a moment to close what it holds.
        assert service.process.wait(grace + 5) == 0
        assert store.ask(state) == [("succeeded", 1)]
        assert verdict(store, {"key": made["id"]}) == SOUND, verdict(store, {"key": made["id"]})


# What is one for all replicas.


def test_a_budget_in_dollars_is_one_sum_over_replicas(program, tmp_path, scripted):
    with redis_cluster(tmp_path / "redis") as cluster:
        # A token of an answer costs a cent, so that a call that may have two takes two cents, and the model says that it had two.
        priced = target("work", scripted.url, "price = { input = 0.0, output = 10000.0 }\n")
        settings = f"[cache]\nredis = {json.dumps(cluster.urls)}\nredis-deadline-ms = 50\n\n[budget]\ndollars-per-day = 0.1\n\n"
        settings += priced + target("free", scripted.url, "price = { input = 0.0, output = 0.0 }\n")
        with opened("postgres", tmp_path) as store, replicas(program, tmp_path, store, settings=settings) as both:
            tokens = [both[0].api_token("openai", of=name) for name in ("ann", "bob")]

            def ask(number: int, model: str):
                """Asks one replica as one account, or the other as the other."""
                body = {"model": model, "max_tokens": 2, "messages": [{"role": "user", "content": f"Number {number} of {model}."}]}
                return both[number % 2].ask("POST", "/v1/chat/completions", body, tokens[number % 2])

            # The first call of each makes the connection to the Redis; what costs nothing is let through in any case.
            for number in range(6):
                assert ask(number, "free")[0] == 200
                time.sleep(0.2)
            assert any(key.startswith("code-agent:{budget}:v1:") for key in cluster.keys()), cluster.keys()
            scripted.asked.clear()
            answers = [ask(number, "work") for number in range(12)]
            statuses = [status for status, _ in answers]
            # A call whose question to the Redis took too long is counted here first and there later, so that there may be one more. Two sums were ten.
            let_through = statuses.count(200)
            assert let_through in (5, 6) and statuses == [200] * let_through + [429] * (12 - let_through), answers
            assert len(scripted.asked) == let_through, "no model is asked what nobody may pay"
            for _, body in answers[let_through:]:
                error = body["error"]
                assert "`budget.dollars-per-day`" in error["message"] and error["message"].endswith("."), error
                assert "$0.10" in error["message"] and error["code"] == "insufficient_quota" and error["type"] == "rate_limit_error", error


def test_of_one_account_no_more_jobs_run_at_a_time_than_its_quota_says(program, tmp_path):
    most = 2
    settings = f"[service]\njobs = 2\n\n[service.quotas]\nrequests-per-minute = 0\nrunning-jobs = {most}\n"
    with opened("postgres", tmp_path) as store, replicas(program, tmp_path, store, settings=settings) as both:
        tokens = {name: both[0].account(name, "developer") for name in ("many", "other")}
        running = "SELECT accounts.name, count(*) FROM jobs JOIN accounts ON accounts.id = jobs.account WHERE jobs.state = 'running' GROUP BY accounts.name"

        def seen(name: str, count: int, seconds: float) -> list[dict]:
            """How many of each account run, again and again after an account asked for so many."""
            for number in range(count):
                status, made = both[number % 2].ask("POST", "/api/v2/jobs", long_job(20), tokens[name])
                assert status == 202, made
            looks, until = [], time.monotonic() + seconds
            while time.monotonic() < until:
                looks.append(dict(store.ask(running)))
            return looks

        alone = seen("many", 10, 2)
        assert max(counts.get("many", 0) for counts in alone) == most, alone
        together = seen("other", 4, 3)
        assert all(number <= most for counts in alone + together for number in counts.values()), together
        assert max(sum(counts.values()) for counts in together) > most, "the control: there are workers that had nothing to do before"
