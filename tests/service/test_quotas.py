"""What an account may use, over two replicas that share a PostgreSQL and a Redis Cluster: the quota holds across both, and the service goes on when
the Redis does not.
"""

import concurrent.futures
import json
import subprocess
import time
import urllib.error
import urllib.request

import pytest

import stores
from stores import wait_for

LIMIT = 60


def ask(service, path: str, token: str, body=None):
    """Status and headers of an answer."""
    request = urllib.request.Request(service.url + path, headers={"authorization": f"Bearer {token}"})
    if body is not None:
        request.data = json.dumps(body).encode()
        request.add_header("content-type", "application/json")
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, answer.headers, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.headers, error.read()


def asked(services, token: str, count: int) -> tuple[list[int], float]:
    """The statuses of requests, to each of the services in its turn; and how many more the quota let through for the time that they took."""
    began = time.monotonic()
    statuses = [ask(services[number % len(services)], "/api/v2/me", token)[0] for number in range(count)]
    return statuses, (time.monotonic() - began) * LIMIT / 60


def ready(service) -> dict:
    """How it says that it is."""
    status, body = service.ask("GET", "/api/v2/health/ready")
    assert status == 200, body
    return body


def settings(cluster, limit: int) -> str:
    """Settings of both replicas."""
    return f"""
[cache]
redis = {json.dumps(cluster.urls)}
redis-deadline-ms = 50

[service.quotas]
requests-per-minute = {limit}
"""


def test_a_quota_holds_over_replicas_and_the_service_goes_on_without_the_redis(program, tmp_path):
    with (
        stores.redis_cluster(tmp_path / "redis") as cluster,
        stores.opened("postgres", tmp_path) as store,
        stores.replicas(program, tmp_path, store, settings=settings(cluster, LIMIT)) as services,
    ):
        tokens = {name: services[0].account(name, "developer") for name in ("ann", "bob", "eve", "dan")}
        assert [ready(service)["status"] for service in services] == ["ok", "ok"]
        # The first request of all makes the connection; what it takes is not measured.
        asked(services, tokens["ann"], 2)
        statuses, more = asked(services, tokens["ann"], LIMIT * 2)
        # A request or two of the beginning were counted before the connection stood.
        assert LIMIT - 4 <= statuses.count(200) <= LIMIT + 2 + more, (statuses.count(200), more)
        assert set(statuses) == {200, 429} and statuses[:10] == [200] * 10
        status, headers, body = ask(services[1], "/api/v2/me", tokens["ann"])
        assert status == 429 and json.loads(body)["type"] == "urn:code-agent:problem:quota-exceeded", body
        assert 1 <= int(headers["retry-after"]) <= 2 and headers["ratelimit-policy"] == f'"requests";q={LIMIT};w=60', dict(headers)
        assert ask(services[1], "/api/v2/me", tokens["bob"])[0] == 200, "somebody else has a quota of his own"
        assert any(key.startswith("code-agent:requests:v1:") for key in cluster.keys())

        already = [len(service.log.read_text()) for service in services]
        cluster.kill()
        # It still answers, and each replica counts for itself.
        for service in services:
            statuses, more = asked([service], tokens["eve"], LIMIT * 2)
            assert LIMIT <= statuses.count(200) <= LIMIT + 4 + more and statuses[-1] == 429, (statuses.count(200), more)
        degraded = [ready(service) for service in services]
        said = "The Redis of `cache.redis` does not answer, so each replica counts requests for itself."
        assert [(one["status"], one["reasons"]) for one in degraded] == [("degraded", [said])] * 2, degraded
        for service, length in zip(services, already, strict=True):
            told = [line for line in service.log.read_text()[length:].splitlines() if "`service.quotas` does not answer" in line]
            assert len(told) == 1, service.log.read_text()

        cluster.start()
        wait_for("the cluster", cluster.is_ok)
        wait_for("both replicas to count together", lambda: all(ready(service)["status"] == "ok" for service in services), 60)
        statuses, more = asked(services, tokens["dan"], LIMIT * 2)
        assert statuses.count(200) <= LIMIT + 4 + more and statuses[-1] == 429, (statuses.count(200), more)


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_many_jobs_of_one_account_do_not_hold_up_one_of_another(program, tmp_path, kind):
    text = "def f(a):\n    return a\n"
    with (
        stores.opened(kind, tmp_path) as store,
        stores.replicas(program, tmp_path, store, 1, settings="[service]\njobs = 1\n") as (service,),
    ):
        many, one = service.account("many", "developer"), service.account("one", "developer")
        files = [{"path": f"f{number}.py", "text": text * 200} for number in range(20)]

        def create(token: str) -> str:
            status, job = service.ask("POST", "/api/v2/jobs", {"kind": "document", "files": files, "priority": 10 if token == many else -10}, token)
            assert status == 202, job
            return job["id"]

        crowd = [create(many) for _ in range(60)]
        single = create(one)
        wait_for("the one job", lambda: service.ask("GET", f"/api/v2/jobs/{single}", token=one)[1]["state"] == "succeeded", 60)
        waiting = service.ask("GET", "/api/v2/jobs?state=queued&limit=200", token=many)[1]["items"]
        assert len(waiting) > len(crowd) // 3, f"{len(waiting)} of {len(crowd)} still wait"


def test_the_jobs_of_one_account_that_wait_have_a_bound_over_replicas(program, tmp_path):
    most, together = 5, 40
    settings = f"[service]\njobs = 1\n\n[service.quotas]\nrequests-per-minute = 0\nrunning-jobs = 1\nwaiting-jobs = {most}\n"
    with stores.opened("postgres", tmp_path) as store, stores.replicas(program, tmp_path, store, settings=settings) as services:
        many, one = services[0].account("many", "developer"), services[0].account("one", "developer")
        # Each takes longer than all of them take to be asked for.
        body = {"kind": "document", "files": [{"path": f"f{number}.py", "text": "def f(a):\n    return a\n" * 200} for number in range(100)]}

        def create(number: int, token: str = many):
            return ask(services[number % 2], "/api/v2/jobs", token, body)

        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(create, range(together)))
        taken = [status for status, _, _ in answers if status == 202]
        refused = [(headers, json.loads(text)) for status, headers, text in answers if status == 429]
        assert len(taken) + len(refused) == together and len(taken) >= most and refused, [status for status, _, _ in answers]
        for headers, problem in refused:
            assert problem["type"] == "urn:code-agent:problem:quota-exceeded" and "`service.quotas.waiting-jobs`" in problem["detail"], problem
            assert int(headers["retry-after"]) >= 1, dict(headers)
        waiting = services[1].ask("GET", "/api/v2/jobs?state=queued&limit=200", token=many)[1]["items"]
        assert len(waiting) <= most, len(waiting)
        assert create(1, one)[0] == 202, "somebody else has a quota of his own"
        wait_for("room for one more", lambda: create(0)[0] == 202, 120)


def test_the_command_line_takes_no_password(program, tmp_path):
    command = [program, "serve", "--listen", "127.0.0.1:0", "--store", "postgres://ann:hunter2@127.0.0.1/x"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, cwd=tmp_path)
    assert done.returncode == 2 and "does not stand on a command line" in done.stderr and "hunter2" not in done.stderr, done.stderr


def test_what_could_be_a_secret_is_not_shown_and_bounds_hold(program, tmp_path, start_service):
    target = '[[models.target]]\nname = "a"\nmodel = "m"\nbase-url = "https://user:hunter2@host.invalid/v1"\napi-key = { command = ["echo", "hunter3"] }\n'
    service = start_service(settings=target)
    status, shown = service.ask("GET", "/api/v2/config", token=service.token)
    assert status == 200 and "hunter" not in json.dumps(shown), shown
    assert shown["models"]["target"][0]["base-url"] == "https://…@host.invalid/v1"
    for line, said in [
        ("max-body = 1\n", "`service.max-body`"),
        ("grace-seconds = 100000\n", "`service.grace-seconds`"),
        ("[service.quotas]\nrequests-per-minute = 2000000\n", "`service.quotas.requests-per-minute`"),
        ("[service.quotas]\nwaiting-jobs = 2000000\n", "`service.quotas.waiting-jobs`"),
        ("[service.quotas]\ndollars-per-day = -1.0\n", "`service.quotas.dollars-per-day`"),
        ("[service.quotas]\nrequests = 1\n", "`service.quotas.requests`"),
    ]:
        (tmp_path / "other" / "code-agent").mkdir(parents=True, exist_ok=True)
        (tmp_path / "other" / "code-agent" / "config.toml").write_text(f"[service]\n{line}")
        environment = {"XDG_CONFIG_HOME": str(tmp_path / "other"), "XDG_STATE_HOME": str(tmp_path / "state"), "PATH": "/usr/bin:/bin"}
        done = subprocess.run([program, "serve", "--listen", "127.0.0.1:0"], env=environment, capture_output=True, text=True, timeout=60, cwd=tmp_path)
        assert done.returncode == 2 and said in done.stderr, (line, done.stderr)
