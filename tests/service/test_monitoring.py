"""What watches the service: a real Prometheus and a real Alertmanager over a running `code-agent serve`, the files that are given to teams, and systemd."""

import contextlib
import json
import math
import os
import pathlib
import pty
import re
import select
import shutil
import signal
import socket
import subprocess
import time
import tomllib

import compose_spec
import kubernetes_validate
import pytest
import yaml
from stores import free_port, wait_for
from watching import DEPLOY, ROOT, SETTINGS, TEXT, Prometheus, ask, ask_model, metrics_token, run, started, use

# The files that are given to teams.


def test_rules_and_settings_of_prometheus_and_alertmanager_are_right(tmp_path):
    alerts = DEPLOY / "prometheus" / "alerts.yml"
    lint = run("promtool", "check", "rules", "--lint=all", "--lint-fatal", alerts)
    assert lint.returncode == 0, lint.stderr
    shutil.copytree(DEPLOY / "prometheus", tmp_path / "prometheus")
    (tmp_path / "token").write_text("a-token")
    settings = tmp_path / "prometheus" / "prometheus.yml"
    text = settings.read_text().replace("/run/secrets/metrics_token", str(tmp_path / "token"))
    settings.write_text(text)
    checked = run("promtool", "check", "config", settings)
    assert checked.returncode == 0 and "18 rules found" in checked.stdout, checked.stdout + checked.stderr
    settings.write_text(text.replace("scrape_interval: 15s", "scrape_interval: soon"))
    assert run("promtool", "check", "config", settings).returncode != 0, "it says what is wrong"
    checked = run("amtool", "check-config", DEPLOY / "alertmanager.yml")
    assert checked.returncode == 0, checked.stderr


def test_files_for_containers_and_clusters_are_as_their_schemas_say():
    text = (DEPLOY / "compose.yaml").read_text()
    compose = compose_spec.PyCompose.from_yaml(text)
    compose.validate()
    with pytest.raises(ValueError, match="imag"):
        compose_spec.PyCompose.from_yaml(text.replace("    image: code-agent:latest", "    imag: code-agent:latest"))
    plain = yaml.safe_load(text)
    assert plain["services"]["code-agent"]["deploy"]["replicas"] == 2
    for name, service in plain["services"].items():
        assert "no-new-privileges:true" in service["security_opt"] and not service.get("privileged"), name
        for variable, value in service.get("environment", {}).items():
            is_secret = re.search("PASSWORD|TOKEN|SECRET|KEY", variable)
            assert not is_secret or value.startswith(("${", "/run/secrets/")), f"{name}: {variable} stands in clear"
    # Whatever is brought in is there.
    for service in plain["services"].values():
        for volume in service.get("volumes", []):
            source = volume["source"] if isinstance(volume, dict) else volume.split(":")[0]
            # The settings are a team's own; what they are made of is there.
            source = source.replace("./config.toml", "./config.example.toml")
            assert not source.startswith("./") or (DEPLOY / source).exists(), source
    assert (DEPLOY / "Dockerfile").read_text().count("FROM ") == 2 and "USER 65532" in (DEPLOY / "Dockerfile").read_text()

    folder = DEPLOY / "kubernetes"
    brought = yaml.safe_load((folder / "kustomization.yaml").read_text())["resources"]
    files = {path.name for path in folder.glob("*.yaml")} - {"kustomization.yaml", "secrets.example.yaml"}
    assert set(brought) == files
    kinds = []
    for name in [*brought, "secrets.example.yaml"]:
        for document in yaml.safe_load_all((folder / name).read_text()):
            kubernetes_validate.validate(document, "1.34", strict=True)
            kinds.append(document["kind"])
            if document["kind"] == "Secret":
                assert set(document["stringData"].values()) == {""}, "examples have no values"
            if document["kind"] == "Deployment":
                pod = document["spec"]["template"]["spec"]
                container = pod["containers"][0]
                assert pod["securityContext"]["runAsNonRoot"] and container["securityContext"]["readOnlyRootFilesystem"]
                assert {"startupProbe", "livenessProbe", "readinessProbe"} <= set(container)
                container["prts"] = []
                with pytest.raises(kubernetes_validate.ValidationError):
                    kubernetes_validate.validate(document, "1.34", strict=True)
    assert {"Deployment", "Service", "PodDisruptionBudget", "HorizontalPodAutoscaler", "NetworkPolicy", "Secret"} <= set(kinds)
    monitor = yaml.safe_load((folder / "monitoring" / "service-monitor.yaml").read_text())
    assert monitor["spec"]["endpoints"][0]["path"] == "/metrics"
    rule = yaml.safe_load((folder / "monitoring" / "prometheus-rule.yaml").read_text())
    assert rule["kind"] == "PrometheusRule" and rule["spec"] == yaml.safe_load((DEPLOY / "prometheus" / "alerts.yml").read_text()), "clusters have the same alerts"
    watching = yaml.safe_load((folder / "monitoring" / "kustomization.yaml").read_text())["resources"]
    assert set(watching) == {path.name for path in (folder / "monitoring").glob("*.yaml")} - {"kustomization.yaml"}
    for path in (DEPLOY / "grafana" / "provisioning").rglob("*.yaml"):
        assert yaml.safe_load(path.read_text())["apiVersion"] == 1


def test_the_settings_that_are_given_to_teams_are_taken_by_the_program_and_know_of_the_proxy(program, tmp_path):
    of_cluster = yaml.safe_load((DEPLOY / "kubernetes" / "config.yaml").read_text())["data"]["config.toml"]
    texts = {"compose": (DEPLOY / "config.example.toml").read_text(), "cluster": of_cluster}
    place = tmp_path / "config" / "code-agent" / "config.toml"
    place.parent.mkdir(parents=True)

    def shown(text: str) -> subprocess.CompletedProcess:
        place.write_text(text)
        environment = {**os.environ, "XDG_CONFIG_HOME": str(tmp_path / "config")}
        return subprocess.run([program, "config", "show"], env=environment, capture_output=True, text=True, timeout=60, cwd=tmp_path)

    for name, text in texts.items():
        done = shown(text)
        assert done.returncode == 0 and not done.stderr, f"{name}: {done.stderr}"
        service = tomllib.loads(done.stdout)["service"]
        assert service["public-url"].startswith("https://") and service["proxies"] == 1, f"{name}: {service}"
        marked = [line.split(" = ")[0].strip() for line in text.splitlines() if line.endswith("# yours")]
        assert {"public-url", "proxies"} <= set(marked), f"{name}: {marked}"
        wrong = shown(text.replace("proxies =", "proxys ="))
        assert wrong.returncode != 0 and "proxys" in wrong.stderr, f"{name}: a setting that does not exist is told"
    mounts = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]["code-agent"]["volumes"]
    assert [mount["target"] for mount in mounts if isinstance(mount, dict)] == ["/etc/code-agent/config.toml"], mounts


def test_what_each_team_has_to_put_right_for_its_cluster_is_marked_and_the_image_is_the_one_that_is_built():
    folder = DEPLOY / "kubernetes"
    # Hosts and namespaces that a team gave its own names; that of the names of a cluster is the same everywhere.
    own = re.compile(r"\.(example|databases)\b|kubernetes\.io/metadata\.name: (?!kube-system)")
    lines = [line for path in sorted(folder.glob("*.yaml")) for line in path.read_text().splitlines() if not line.lstrip().startswith("#") and own.search(line)]
    assert len(lines) >= 7 and all(line.endswith("# yours") for line in lines), lines
    text = (folder / "kustomization.yaml").read_text()
    [image] = yaml.safe_load(text)["images"]
    version = re.search(r'^version = "(.+)"', (ROOT / "Cargo.toml").read_text(), re.MULTILINE)[1]
    documents = yaml.safe_load_all((folder / "deployment.yaml").read_text())
    used = next(one["spec"]["template"]["spec"]["containers"][0]["image"] for one in documents if one["kind"] == "Deployment")
    assert used == f"{image['name']}:{version}" and image["newTag"] == version, (used, image)
    assert f"-t {image['newName']}:{version} ." in text, "what is built has the name under which it is looked for"
    # The namespace is there before what stands in it.
    steps = [text.index(step) for step in ("/namespace.yaml", "the secret `code-agent`", "apply -k", "port-forward pod/", "what watches it")]
    assert steps == sorted(steps), steps
    # Each replica makes a code for the first admin that no other knows, so that there is one of them until he is there.
    text = (DEPLOY / "compose.yaml").read_text()
    steps = [text.index(step) for step in ("up -d --build --scale code-agent=1 ", "docker compose logs", "up -d  ", "\nservices:")]
    assert steps == sorted(steps), steps


def test_secrets_that_the_instructions_make_get_into_no_commit_and_no_image(tmp_path):
    shutil.copy(ROOT / ".gitignore", tmp_path)
    assert run("git", "init", "-q", tmp_path).returncode == 0
    ours = DEPLOY.relative_to(ROOT)
    made = {str(ours / name) for name in (".env", "config.toml", "secrets/metrics_token", "secrets/grafana_password", "kubernetes/signing-key.pem")} | {"signing-key.pem"}
    ignored = run("git", "-C", tmp_path, "check-ignore", "--no-index", *sorted(made))
    assert set(ignored.stdout.split()) == made, ignored
    handed_out = [path.relative_to(ROOT) for path in DEPLOY.rglob("*") if path.is_file() and not {"secrets", "__pycache__"} & set(path.parts)]
    handed_out = [path for path in handed_out if str(path) not in made]
    assert ours / "kubernetes" / "secrets.example.yaml" in handed_out and ours / "config.example.toml" in handed_out
    lost = run("git", "-C", tmp_path, "check-ignore", "--no-index", *handed_out)
    assert lost.returncode == 1 and not lost.stdout, lost
    left_out = (DEPLOY / "Dockerfile.dockerignore").read_text().splitlines()
    assert {"**/.env", "**/secrets", "**/signing-key.pem", f"{ours}/config.toml"} <= set(left_out), left_out


def test_whatever_ends_the_service_waits_until_it_has_ended_by_itself():
    # Jobs are given back within five seconds after the grace, the database is closed within five more, and one is left for the rest.
    after = 5 + 5 + 1
    of_compose = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]["code-agent"]
    grace = int(of_compose["environment"]["CODE_AGENT__SERVICE__GRACE_SECONDS"])
    assert int(of_compose["stop_grace_period"].removesuffix("s")) >= grace + after
    grace = int(re.search(r"grace-seconds = (\d+)", (DEPLOY / "kubernetes" / "config.yaml").read_text())[1])
    documents = yaml.safe_load_all((DEPLOY / "kubernetes" / "deployment.yaml").read_text())
    pod = next(one["spec"]["template"]["spec"] for one in documents if one["kind"] == "Deployment")
    # Without a pause requests would still be sent to one that listens no more; the time it has to end includes the pause.
    pause = pod["containers"][0]["lifecycle"]["preStop"]["sleep"]["seconds"]
    assert pause >= 5 and pod["terminationGracePeriodSeconds"] >= pause + grace + after
    # The unit sets no grace, so it is the one that stands in the program.
    section = (DEPLOY.parent.parent / "engine" / "src" / "config" / "sections" / "service.rs").read_text()
    grace = int(re.search(r"grace_seconds: (\d+),", section)[1])
    unit = (DEPLOY / "systemd" / "code-agent.service").read_text()
    assert int(re.search(r"TimeoutStopSec=(\d+)", unit)[1]) >= grace + after


def test_the_unit_of_systemd_is_right_and_lets_little_through(tmp_path):
    unit = tmp_path / "code-agent.service"
    text = (DEPLOY / "systemd" / "code-agent.service").read_text()
    # The program is not installed where the tests run.
    unit.write_text(text.replace("/usr/bin/code-agent", shutil.which("true")))
    verified = run("systemd-analyze", "verify", unit)
    assert verified.returncode == 0 and not verified.stderr, verified.stderr
    assert "Type=notify" in text and "WatchdogSec=" in text
    # What it needs may come up late, and it is never given up.
    assert "StartLimitIntervalSec=0\n" in text and int(re.search(r"RestartSec=(\d+)", text)[1]) >= 5
    # What it makes itself it can make, and what only root reads it is handed.
    key = pathlib.PurePath(re.search(r'^signing-key = "([^"]+)"', (ROOT / "README.md").read_text(), re.MULTILINE)[1])
    assert "StateDirectory=code-agent\n" in text and key.parent == pathlib.PurePath("/var/lib/code-agent"), key
    for what in ("tls-certificate", "tls-key"):
        assert f'#   {what} = "/run/credentials/code-agent.service/{what}.pem"' in text, what
    unit.write_text(unit.read_text().replace("#LoadCredential=", "LoadCredential="))
    verified = run("systemd-analyze", "verify", unit)
    assert verified.returncode == 0 and not verified.stderr and "\nLoadCredential=tls-key.pem:" in unit.read_text(), verified.stderr
    lax = run("systemd-analyze", "security", "--offline=true", "--threshold=20", unit)
    assert lax.returncode == 0, lax.stdout[-400:]
    unit.write_text("[Service]\nExecStart=/bin/true\n")
    assert run("systemd-analyze", "security", "--offline=true", "--threshold=20", unit).returncode != 0


def panels(board: dict) -> list[dict]:
    """All panels that show something."""
    return [panel for panel in board["panels"] if panel["type"] != "row"]


def boards() -> list[dict]:
    """The dashboards."""
    return [json.loads((DEPLOY / "grafana" / name).read_text()) for name in ("overview.json", "models.json")]


def test_dashboards_work_with_any_data_source_and_for_any_replica():
    assert len({board["uid"] for board in boards()}) == 2
    for board in boards():
        variables = {variable["name"]: variable for variable in board["templating"]["list"]}
        assert variables["datasource"]["type"] == "datasource" and {"job", "instance"} <= set(variables)
        ids = [panel["id"] for panel in board["panels"]]
        assert len(ids) == len(set(ids)) and len(panels(board)) >= 15
        taken = set()
        for panel in board["panels"]:
            place = panel["gridPos"]
            cells = {(x, y) for x in range(place["x"], place["x"] + place["w"]) for y in range(place["y"], place["y"] + place["h"])}
            assert place["x"] + place["w"] <= 24 and not cells & taken, f"{panel['title']} lies over another"
            taken |= cells
        for panel in panels(board):
            assert panel["title"] and panel["datasource"]["uid"] == "${datasource}"
            defaults = panel["fieldConfig"]
            assert defaults["defaults"].get("unit") or defaults["overrides"], f"{panel['title']} has no unit"
            for target in panel["targets"]:
                expression = target["expr"]
                selectors = re.findall(r"\{[^}]*\}", re.sub(r'"[^"]*"', lambda quoted: quoted[0].replace("{", "(").replace("}", ")"), expression))
                assert selectors and all('job=~"$job"' in one and 'instance=~"$instance"' in one for one in selectors), expression
                assert set(re.findall(r"\[([^\]]+)\]", expression)) <= {"$__rate_interval", "$__range"}, expression


# systemd.


@contextlib.contextmanager
def notify_socket(folder: pathlib.Path):
    """What systemd listens on."""
    path = folder / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(path))
        yield listener, str(path)


def said(listener: socket.socket, seconds: float) -> list[str]:
    """What is said within a time."""
    lines, until = [], time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0:
        listener.settimeout(left)
        try:
            lines += listener.recv(4096).decode().splitlines()
        except TimeoutError:
            break
    return lines


def test_systemd_hears_when_it_listens_lives_and_ends(start_service, tmp_path):
    with notify_socket(tmp_path) as (listener, path):
        service = start_service(environment={"NOTIFY_SOCKET": path, "WATCHDOG_USEC": "400000"})
        # It says that it is ready only once it answers.
        listener.settimeout(20)
        first = listener.recv(4096).decode()
        assert "READY=1" in first.splitlines() and service.url.removeprefix("http://") in first, first
        assert ask(f"{service.url}/api/v2/health/live")[0] == 200
        # What was said while the first account was made.
        said(listener, 0.05)
        alive = said(listener, 1.2).count("WATCHDOG=1")
        assert 4 <= alive <= 8, f"twice in 400 ms, for 1.2 s: {alive}"
        service.process.send_signal(signal.SIGSTOP)
        said(listener, 0.3)
        assert "WATCHDOG=1" not in said(listener, 1), "one that hangs does not say that it lives"
        service.process.send_signal(signal.SIGCONT)
        assert "WATCHDOG=1" in said(listener, 1)
        assert service.stop() == 0
        assert "STOPPING=1" in said(listener, 0.5)


def test_without_a_watchdog_it_only_says_that_it_is_ready_and_ends(start_service, tmp_path):
    with notify_socket(tmp_path) as (listener, path):
        service = start_service(environment={"NOTIFY_SOCKET": path, "WATCHDOG_USEC": "100000", "WATCHDOG_PID": "1"})
        lines = said(listener, 1)
        assert "READY=1" in lines and "WATCHDOG=1" not in lines, "the watchdog is that of another process"
        assert service.stop() == 0


def test_nobody_to_tell_is_no_failure(start_service, tmp_path):
    service = start_service(environment={"NOTIFY_SOCKET": str(tmp_path / "nobody"), "WATCHDOG_USEC": "100000"})
    assert ask(f"{service.url}/api/v2/health/live")[0] == 200
    assert service.stop() == 0


# The figures.


def test_promtool_finds_nothing_wrong_with_the_figures(service):
    use(service)
    status, figures = ask(f"{service.url}/metrics")
    assert status == 200
    checked = run("promtool", "check", "metrics", text=figures)
    assert checked.returncode == 0 and not checked.stdout + checked.stderr, checked.stdout + checked.stderr
    assert run("promtool", "check", "metrics", text="# TYPE a_things counter\na_things 1\n").returncode != 0
    assert "process_open_fds" in figures and 'http_route="/api/v2/jobs/{id}"' in figures and "/no/such/path" not in figures
    assert ask(f"{service.url}/metrics", headers={"X-Forwarded-For": "192.0.2.1"})[0] == 401, "a proxy is no program of this machine"
    assert ask(f"{service.url}/metrics", headers={"Host": "rebound.example"})[0] == 401


def test_top_shows_the_same_figures(start_service, program, listener, tmp_path):
    service = start_service(settings=SETTINGS.format(url=listener.url))
    use(service, models=True)
    token = tmp_path / "token"
    token.write_text(metrics_token(service))
    environment = {**os.environ, "TOP_TOKEN": token.read_text(), "NO_COLOR": "1", "XDG_CONFIG_HOME": str(tmp_path / "none")}

    def top(*arguments):
        return subprocess.run([program, "top", *arguments], env=environment, capture_output=True, text=True, timeout=30, cwd=tmp_path)

    for where in ("env:TOP_TOKEN", f"file:{token}"):
        shown = top("--url", service.url, "--token", where, "--once")
        assert shown.returncode == 0 and not shown.stderr, shown.stderr
        assert "   ready   (since it began)" in shown.stdout, shown.stdout
        assert "jobs       queued 0   running 0   succeeded 4 " in shown.stdout, shown.stdout
        assert re.search(r"^broken +0 +2 .*\n^work +2 +0 .* 18 +4 +\$0\.0000 +\$0\.0000 +closed", shown.stdout, re.M), shown.stdout
        assert "errors 0.0 %" in shown.stdout and "cache hits 33.3 %   fallbacks 2 " in shown.stdout and "of $5.0000" in shown.stdout, shown.stdout
    for arguments, words in (
        (("--url", service.url), "wants a token"),
        (("--url", service.url, "--token", "env:NO_SUCH_TOKEN_HERE"), "NO_SUCH_TOKEN_HERE, which is not set"),
        (("--url", service.url, "--token", f"file:{tmp_path / 'nothing'}"), "nothing"),
        (("--url", f"http://127.0.0.1:{free_port()}"), "cannot be reached"),
        (("--url", "ftp://x"), "is no address"),
    ):
        failed = top(*arguments, "--once")
        assert failed.returncode == 2 and words in failed.stderr and failed.stderr.strip().endswith("."), failed.stderr
    other = metrics_token(service, ["models"])
    environment["TOP_TOKEN"] = other
    assert "not open to the role or the scope" in top("--url", service.url, "--token", "env:TOP_TOKEN", "--once").stderr
    environment["TOP_TOKEN"] = "cagt_wrong"
    assert "does not know the token" in top("--url", service.url, "--token", "env:TOP_TOKEN", "--once").stderr
    assert "does not stand on the command line" in top("--url", service.url, "--token", other, "--once").stderr

    # In a terminal it is drawn over itself each second, also while the service is away.
    environment["TOP_TOKEN"] = token.read_text()
    master, slave = pty.openpty()
    live = subprocess.Popen([program, "top", "--url", service.url, "--token", "env:TOP_TOKEN"], env=environment, stdout=slave, stderr=slave, cwd=tmp_path)
    os.close(slave)
    screen = b""

    def seen(pattern: bytes):
        nonlocal screen
        while select.select([master], [], [], 0.1)[0]:
            screen += os.read(master, 65536)
        return re.search(pattern, screen, re.DOTALL)

    try:
        wait_for("a second picture", lambda: seen(rb"\x1b\[Hcode-agent .*\x1b\[Hcode-agent [^\n]*\(last \d+ s\)"), 20)
        service.kill()
        wait_for("the news that it is away", lambda: seen(rb"cannot be reached"), 20)
    finally:
        live.kill()
        live.wait(10)
        os.close(master)


def filled(expression: str) -> str:
    """A query of a dashboard as Grafana sends it."""
    values = {"$__rate_interval": "15s", "$__range": "1m", "$job": "code-agent", "$instance": ".*", "$target": ".*"}
    for name, value in values.items():
        expression = expression.replace(name, value)
    assert "$" not in expression, expression
    return expression


# What a healthy service has no series of: a status has its series from its first answer on. Its name and its labels are there still.
ONLY_WHEN_HARMED = {'http_server_request_duration_seconds_count{http_response_status_code=~"5.."}'}


def unknown(prometheus: Prometheus, alert: dict) -> list[str]:
    """What an alert names and a real scrape does not have: series by name and values, and labels that it matches, sums by or tells."""
    expression = alert["expr"]
    named = set(re.findall(r"\$labels\.(\w+)", json.dumps(alert.get("annotations", {}))))
    for group in re.findall(r"\bby \(([^)]*)\)", expression):
        named |= set(re.findall(r"\w+", group))
    # Functions have a bracket behind them; what is left besides series are the words between two of them.
    series = re.findall(r"\b([a-z_]\w*)\b(?!\s*\()(\{[^{}]*\})?", re.sub(r"\bby \([^)]*\)", "", expression))
    series = {(name, labels) for name, labels in series if name not in ("and", "or", "unless", "offset")}
    assert series, f"{expression} looks at nothing"
    wrong = []
    for name, labels in sorted(series):
        if name + labels not in ONLY_WHEN_HARMED and not prometheus.query(name + labels):
            wrong.append(name + labels)
        has = {label for found, _ in prometheus.query(name) for label in found}
        wrong += [f"{name}: {label}" for label in sorted((named | set(re.findall(r"(\w+)\s*[=!]", labels))) - has)]
    return wrong


def test_a_real_prometheus_has_data_for_every_panel_and_what_the_alerts_look_at(start_service, listener, tmp_path):
    service = start_service(settings=SETTINGS.format(url=listener.url))
    with contextlib.ExitStack() as stack:
        prometheus = Prometheus(tmp_path, [service.url.removeprefix("http://")], metrics_token(service), f"{listener.url}/alerts")
        for name, arguments in prometheus.arguments.items():
            stack.enter_context(started(tmp_path, name, *arguments))
        wait_for("Prometheus", prometheus.is_there)
        wait_for("the first figures", lambda: prometheus.query('up{job="code-agent"} == 1'))
        wait_for("the refusal of a wrong token", lambda: prometheus.query('up{job="refused"} == 0'))
        targets = {target["labels"]["job"]: target for target in prometheus.get("targets")["activeTargets"]}
        assert targets["code-agent"]["health"] == "up" and "401" in targets["refused"]["lastError"], targets
        time.sleep(3)
        use(service, models=True)
        # Once more, so that rates rise where a series was made by its first use.
        time.sleep(3)
        status, session = service.ask("POST", "/api/v2/sessions", {"name": "dev", "password": "correct horse battery"})
        assert status == 201
        service.ask("POST", "/api/v2/documents/diagnostics", {"path": "a.py", "text": TEXT}, session["access_token"])
        for question in ("One?", "Three?"):
            ask_model(service, session["access_token"], question)
        time.sleep(3)
        missing, empty = [], []
        for board in boards():
            for panel in panels(board):
                for target in panel["targets"]:
                    found = prometheus.query(filled(target["expr"]))
                    if not found:
                        missing.append(f"{board['title']} / {panel['title']}: {target['expr']}")
                    elif all(math.isnan(value) for _, value in found):
                        empty.append(f"{board['title']} / {panel['title']}")
        assert not missing, "\n".join(missing)
        assert not empty, empty
        answers = prometheus.query('gen_ai_client_operation_duration_seconds_count{job="code-agent", target="work"}')
        failures = prometheus.query('sum(code_agent_llm_failures_total{job="code-agent", target="broken"})')
        assert answers[0][1] == failures[0][1] == 3, (answers, failures)
        for board in boards():
            for variable in board["templating"]["list"]:
                asked = re.fullmatch(r"label_values\((.+), (\w+)\)", variable["query"]["query"]) if variable["type"] == "query" else None
                if asked:
                    values = prometheus.get(f"label/{asked[2]}/values", **{"match[]": asked[1].replace("$job", "code-agent")})
                    assert values, variable["name"]
        requests = prometheus.query('sum(http_server_request_duration_seconds_count{job="code-agent", http_route="/api/v2/jobs", http_response_status_code="202"})')
        assert requests[0][1] == 4, requests
        assert not [one for one in prometheus.get("rules")["groups"][0]["rules"] if one["health"] != "ok"]
        # An alert on a name that the service does not have would be silent for ever.
        alerts = yaml.safe_load((DEPLOY / "prometheus" / "alerts.yml").read_text())["groups"][0]["rules"]
        assert {alert["alert"]: wrong for alert in alerts if (wrong := unknown(prometheus, alert))} == {}
        for renamed, wrong in (
            ('sum by (job) (rate(code_agent_sign_in_total[5m])) > 0', ["code_agent_sign_in_total", "code_agent_sign_in_total: job"]),
            ('sum by (job) (rate(code_agent_sign_ins_total{outcome="reused"}[5m])) > 0', ['code_agent_sign_ins_total{outcome="reused"}']),
            ('sum by (job, model) (rate(code_agent_llm_failures_total[5m])) > 0', ["code_agent_llm_failures_total: model"]),
        ):
            assert unknown(prometheus, {"expr": renamed}) == wrong, renamed
        assert not listener.told, "nothing was wrong so far"
