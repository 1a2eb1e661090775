"""The alerts that are given to teams: the cases of `promtool`, and each of them provoked at running services, evaluated by a real Prometheus and brought
by a real Alertmanager."""

import concurrent.futures
import contextlib
import http.server
import re
import shutil
import signal
import threading
import time

import stores
import yaml
from stores import wait_for
from watching import DEPLOY, SETTINGS, TEXT, Prometheus, Served, ask_model, metrics_token, run, started, use

ALERTS = DEPLOY / "prometheus" / "alerts.yml"


def test_each_alert_has_a_case_that_fires_and_one_that_stays_silent(tmp_path):
    folder = tmp_path / "prometheus"
    shutil.copytree(DEPLOY / "prometheus", folder)
    rules = yaml.safe_load((folder / "alerts.yml").read_text())
    cases = yaml.safe_load((folder / "alerts_test.yml").read_text())
    alerts = rules["groups"][0]["rules"]
    fires, silent = set(), set()
    for case in cases["tests"]:
        for expected in case["alert_rule_test"]:
            (fires if expected["exp_alerts"] else silent).add(expected["alertname"])
    names = {alert["alert"] for alert in alerts}
    assert len(names) == len(alerts) >= 12 and fires == silent == names, names ^ (fires & silent)
    done = run("promtool", "test", "rules", folder / "alerts_test.yml")
    assert done.returncode == 0, done.stdout + done.stderr
    # Rules that never fire are found by the cases of each, and so are rules that always do.
    for wrong in ("vector(1) == 0", 'count({__name__=~".+"}) > 0'):
        for alert in alerts:
            alert.update(expr=wrong)
            alert.pop("for", None)
        (folder / "alerts.yml").write_text(yaml.safe_dump(rules))
        done = run("promtool", "test", "rules", folder / "alerts_test.yml")
        found = set(re.findall(r"alertname: (\w+)", done.stdout + done.stderr))
        assert done.returncode != 0 and found == names, f"{wrong} is not found by the cases of {names - found}"


# A time as it stands in rules and settings.
TIME = re.compile(r"\b\d+[smh]\b")
# What is looked at and waited for there: ranges, with their steps, and what lies behind `offset` and `for`; and how long Alertmanager collects.
WAITED = re.compile(r"(?<=\[)\d+[mh](:\d+m)?(?=\])|(?<= offset )\d+h|(?<= for: )\d+m|(?<=group_wait: )\d+s|(?<=group_interval: )\d+m")


def hurried(text: str) -> str:
    """Rules and settings that have other times and are the same else. One that waits for nothing would take a single late scrape for an outage."""

    def shorter(found: re.Match) -> str:
        length = found[0]
        if text[: found.start()].endswith(" for: "):
            return "3s"
        if text[: found.start()].endswith(("group_wait: ", "group_interval: ")):
            return "1s"
        whole, _, step = length.partition(":")
        seconds = 40 if whole.endswith("h") else 4 * int(whole.removesuffix("m"))
        return f"{seconds}s:1s" if step else f"{seconds}s"

    return WAITED.sub(shorter, text)


def timeless(text: str) -> str:
    """All of it but its times."""
    return TIME.sub("TIME", text)


def pattern(template: str) -> str:
    """What a text is like once its places are filled in."""
    # A condition with two branches is a place as well.
    places = r"\{\{ with .*?\{\{ end \}\}|\{\{.*?\}\}"
    return ".+".join(re.escape(part) for part in re.split(places, template))


class StandIn(Served):
    """A target that gives figures as a service would that has run for hours.

    It is there for one alert: a service that needs more than 500 MB of memory, and twice as much as hours ago, is none that a short test makes, for what
    it holds of requests, texts and answers is bounded.
    """

    def __init__(self):
        self.memory = 100e6
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(200)
                self.send_header("content-type", "text/plain; version=0.0.4")
                self.end_headers()
                self.wfile.write(outer.figures().encode())

            def log_message(self, *_):
                pass

        super().__init__(Handler)

    def figures(self) -> str:
        """Its figures of now."""
        return f"process_resident_memory_bytes {self.memory}\n"


def series(figures: str) -> set[tuple[str, frozenset[str]]]:
    """The names of figures, each with those of its labels."""
    lines = [line for line in figures.splitlines() if line and not line.startswith("#")]
    return {(re.match(r"\w+", line)[0], frozenset(re.findall(r'(\w+)="', line))) for line in lines}


class Provoked:
    """Two services over one PostgreSQL, a stand-in, and what has become known of them."""

    def __init__(self, replicas, store, standing_in, prometheus, listener):
        self.one, self.other = replicas
        self.store, self.standing_in, self.prometheus, self.listener = store, standing_in, prometheus, listener
        # They are good until the end, however often somebody fails to sign in.
        self.tokens = {"admin": self.one.sign_in("root"), "developer": self.one.sign_in("dev"), "viewer": self.one.sign_in("eve")}

    def told(self) -> dict[str, list[dict]]:
        """The alerts that the webhook was told of, by their names."""
        found = {}
        for message in list(self.listener.told):
            for alert in message["alerts"]:
                if alert["status"] == "firing":
                    found.setdefault(alert["labels"]["alertname"], []).append({**alert, "receiver": message["receiver"]})
        return found

    def until(self, *names: str, provoke=lambda: None, pause: float = 0.5) -> None:
        """Does something again and again until the alerts have come; what a rate rises from has to be there before it rises."""

        def have_come() -> bool:
            provoke()
            return set(names) <= self.told().keys()

        try:
            wait_for("an alert", have_come, 60, pause)
        except AssertionError as error:
            missing = set(names) - self.told().keys()
            raise AssertionError(f"{missing} did not come; Prometheus has {self.prometheus.get('alerts')}") from error

    def ask(self, method: str, path: str, who: str, body=None) -> int:
        """The status of an answer of the first service."""
        return self.one.ask(method, path, body, self.tokens[who])[0]

    def ask_in_parallel(self, count: int, ask) -> list:
        """What came of many requests."""
        with concurrent.futures.ThreadPoolExecutor(6) as pool:
            return list(pool.map(ask, range(count)))

    def models_fail(self) -> None:
        """The first model fails, and the second one answers; then only the first one is asked, which is an error of the service."""
        for number in range(4):
            ask_model(self.one, self.tokens["developer"], f"Failing {number}?")
        self.until("CodeAgentModelFallbacks")
        body = {"model": "broken", "messages": [{"role": "user", "content": "Broken?"}]}

        def provoke() -> None:
            assert self.ask("POST", "/v1/chat/completions", "developer", body) in (502, 503)

        self.until("CodeAgentModelErrors", "CodeAgentModelBreakerOpen", "CodeAgentErrors", provoke=provoke)

    def a_table_is_locked(self) -> None:
        """The audit log cannot be read for some seconds, and who reads it waits."""
        assert self.ask("GET", "/api/v2/audit", "admin") == 200
        time.sleep(1.5)
        lock = threading.Thread(target=self.store.ask, args=["BEGIN; LOCK TABLE audit IN ACCESS EXCLUSIVE MODE; SELECT pg_sleep(4); COMMIT"])
        lock.start()
        waiting = "SELECT count(*) FROM pg_locks WHERE mode = 'AccessExclusiveLock' AND granted AND relation = 'audit'::regclass"
        wait_for("the lock", lambda: self.store.ask(waiting) == [(1,)])
        assert set(self.ask_in_parallel(4, lambda _: self.ask("GET", "/api/v2/audit", "admin"))) == {200}
        lock.join()
        self.until("CodeAgentSlow")

    def a_token_is_used_twice(self) -> None:
        """As one that was copied."""
        status, session = self.one.ask("POST", "/api/v2/sessions", {"name": "dev", "password": "correct horse battery"})
        assert status == 201, session
        for expected in (200, 401):
            assert self.one.ask("POST", "/api/v2/sessions/refresh", {"refresh_token": session["refresh_token"]})[0] == expected
        self.until("CodeAgentTokenReplayed")

    def many_are_refused(self) -> None:
        """Passwords that are guessed, and a viewer who wants what only others may."""
        wrong = {"name": "dev", "password": "wrong"}
        assert set(self.ask_in_parallel(40, lambda _: self.one.ask("POST", "/api/v2/sessions", wrong)[0])) == {401, 429}
        assert set(self.ask_in_parallel(60, lambda _: self.ask("GET", "/api/v2/accounts", "viewer"))) == {403}
        self.until("CodeAgentSignInsFail", "CodeAgentDenials")

    def no_answer_is_used_again(self) -> None:
        """More than two hundred questions, each another one."""
        self.ask_in_parallel(240, lambda number: ask_model(self.one, self.tokens["developer"], f"Once {number}?"))
        self.until("CodeAgentCacheHitsLow")

    def the_budget_is_used_up(self) -> None:
        """One question costs all of the five dollars of the day; after it reviews fail, for they need a model."""
        self.listener.tokens = 5_000_000
        ask_model(self.one, self.tokens["developer"], "A dear one?")
        self.until("CodeAgentBudgetNearEnd")
        body = {"kind": "review", "files": [{"path": "a.py", "text": TEXT}]}
        assert {self.ask("POST", "/api/v2/jobs", "developer", body) for _ in range(8)} == {202}
        # They are tried again, for one of the models may be back; what lies between the attempts is left out.
        last = "UPDATE jobs SET attempts = max_attempts - 1, run_at = created_at WHERE kind = 'review' AND state = 'queued'"
        self.until("CodeAgentJobsFailing", provoke=lambda: self.store.ask(last))

    def nobody_does_a_job(self) -> None:
        """One that was wanted eleven minutes ago, of a kind that no replica knows: as one of a newer version leaves it that was taken away again."""
        status, job = self.one.ask("POST", "/api/v2/jobs", {"kind": "check", "files": [{"path": "a.py", "text": TEXT}]}, self.tokens["developer"])
        assert status == 202, job
        wait_for("its end", lambda: self.store.ask(f"SELECT state FROM jobs WHERE id = '{job['id']}'") == [("succeeded",)])
        self.store.ask(f"UPDATE jobs SET kind = 'translate', state = 'queued', run_at = run_at - 660000 WHERE id = '{job['id']}'")
        self.until("CodeAgentJobsStuck")

    def a_replica_is_gone(self) -> None:
        """It is killed, and nobody starts it."""
        self.other.kill()
        self.until("CodeAgentDown", "CodeAgentReplicaGone")

    def a_replica_begins_again_and_again(self) -> None:
        """At the place where it was."""
        self.other.listen = self.other.url.removeprefix("http://")
        for number in range(3):
            before = self.began()
            if number:
                self.other.kill()
            self.other.start()
            # In between there may be none.
            wait_for("its figures", lambda: self.began() not in ([], before))
        self.until("CodeAgentRestarts")

    def began(self) -> list[float]:
        """When Prometheus says that the second service began."""
        place = self.other.url.removeprefix("http://")
        return [value for _, value in self.prometheus.query(f'process_start_time_seconds{{job="code-agent", instance="{place}"}}')]

    def the_database_is_away(self) -> None:
        """Its errors are told before that is, or else when it is back: in between Alertmanager holds them back."""
        self.store.stop()
        self.until("CodeAgentNotReady")
        self.store.start()
        self.until("CodeAgentStoreErrors")


def test_each_alert_fires_for_real_and_comes_through(program, listener, tmp_path):
    texts = [ALERTS.read_text(), (DEPLOY / "alertmanager.yml").read_text()]
    for text in texts:
        assert hurried(text) != text and timeless(hurried(text)) == timeless(text), "only times are others"
    assert timeless(texts[0].replace("> 0.05", "> 0.04")) != timeless(texts[0]), "a threshold would be seen"
    rules = {rule["alert"]: rule for rule in yaml.safe_load(texts[0])["groups"][0]["rules"]}
    with contextlib.ExitStack() as stack:
        store = stack.enter_context(stores.opened("postgres", tmp_path))
        replicas = stack.enter_context(stores.replicas(program, tmp_path, store, settings=SETTINGS.format(url=listener.url)))
        standing_in = stack.enter_context(StandIn())
        places = [replica.url.removeprefix("http://") for replica in replicas]
        token = metrics_token(replicas[0])
        own = replicas[0].ask("GET", "/metrics", token=token)[1]
        assert series(standing_in.figures()) <= series(own), "the service gives these figures too"
        prometheus = Prometheus(tmp_path, [*places, standing_in.place], token, f"{listener.url}/alerts", hurried)
        # It begins without them: until it has found its targets they are absent, which is an alert, and with such short times at once.
        in_use = tmp_path / "prometheus" / "alerts.yml"
        changed = in_use.read_text()
        in_use.write_text("groups: []\n")
        processes = {name: stack.enter_context(started(tmp_path, name, *arguments)) for name, arguments in prometheus.arguments.items()}
        wait_for("Prometheus", prometheus.is_there)
        wait_for("the first figures", lambda: len(prometheus.query('up{job="code-agent"} == 1')) == 3)
        in_use.write_text(changed)
        processes["prometheus"].send_signal(signal.SIGHUP)
        wait_for("the rules", lambda: prometheus.get("rules")["groups"])
        use(replicas[0])
        time.sleep(5)
        assert not prometheus.query('count_over_time(ALERTS{alertstate="firing"}[1m])') and not listener.told, "nothing was wrong so far"
        assert not [one for one in prometheus.get("rules")["groups"][0]["rules"] if one["health"] != "ok"]

        case = Provoked(replicas, store, standing_in, prometheus, listener)
        standing_in.memory = 600e6
        # What has to do with models and what has not, at the same time.
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            of_models = [case.models_fail, case.no_answer_is_used_again, case.the_budget_is_used_up]
            others = [case.a_table_is_locked, case.a_token_is_used_twice, case.many_are_refused, case.nobody_does_a_job]
            others += [case.a_replica_is_gone, case.a_replica_begins_again_and_again]
            for done in [pool.submit(lambda steps=steps: [step() for step in steps]) for steps in (of_models, others)]:
                done.result()
        case.until("CodeAgentMemoryGrows")
        # Without the database figures take some seconds.
        prometheus.scrape_each(5)
        processes["prometheus"].send_signal(signal.SIGHUP)
        case.the_database_is_away()

        one, other = ({"instance": place} for place in places)
        broken = {"target": "broken"}
        expected = {
            "CodeAgentDown": other,
            "CodeAgentReplicaGone": {},
            # Both lose the database, and whose figures are looked at first is the first to be told of.
            "CodeAgentNotReady": [{**replica, "part": "store"} for replica in (one, other)],
            "CodeAgentErrors": one,
            "CodeAgentSlow": one,
            "CodeAgentStoreErrors": [{**replica, "error_type": "unavailable"} for replica in (one, other)],
            "CodeAgentJobsFailing": {"kind": "review"},
            "CodeAgentJobsStuck": {},
            "CodeAgentModelErrors": broken,
            "CodeAgentModelFallbacks": {},
            "CodeAgentModelBreakerOpen": {**one, **broken},
            "CodeAgentBudgetNearEnd": one,
            "CodeAgentCacheHitsLow": {},
            "CodeAgentSignInsFail": {},
            "CodeAgentTokenReplayed": {},
            "CodeAgentDenials": {},
            "CodeAgentMemoryGrows": {"instance": standing_in.place},
            "CodeAgentRestarts": other,
        }
        told = case.told()
        assert told.keys() == expected.keys() == rules.keys(), "a new alert is provoked too"
        for name, labels in expected.items():
            each = labels if isinstance(labels, list) else [labels]
            each = [{"alertname": name, "job": "code-agent", **rules[name]["labels"], **labels} for labels in each]
            found = [alert for alert in told[name] if alert["labels"] in each]
            assert found, f"none of {each} is among {told[name]}"
            assert found[0]["receiver"] == "team"
            for alert in told[name]:
                assert alert["annotations"].keys() == rules[name]["annotations"].keys()
                for key, text in alert["annotations"].items():
                    assert "{{" not in text and "<no value>" not in text and re.fullmatch(pattern(rules[name]["annotations"][key]), text), f"{name}: {text}"
