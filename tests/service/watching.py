"""What watches a service in tests: a real Prometheus and a real Alertmanager with the files that are given to teams, and whom they tell."""

import contextlib
import http.server
import json
import pathlib
import shutil
import subprocess
import threading
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable

import yaml
from stores import free_port, wait_for

ROOT = pathlib.Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "server" / "gateway" / "deploy"
TEXT = 'def f(a):\n    """Do.\n\n    Args:\n        b: B.\n    """\n    return a\n'
SETTINGS = """
[service]
metrics = "token"

[routing]
strategy = "ordered"

[[models.target]]
name = "broken"
model = "m"
base-url = "{url}/broken"
price = {{ input = 1.0, output = 2.0 }}

[[models.target]]
name = "work"
model = "m"
base-url = "{url}/whole"
price = {{ input = 1.0, output = 2.0 }}

[budget]
dollars-per-day = 5.0
"""


def run(*command: str | pathlib.Path, text: str | None = None) -> subprocess.CompletedProcess:
    """A tool that ends by itself."""
    assert shutil.which(str(command[0])), f"{command[0]} is missing; tests/run.sh installs it"
    return subprocess.run([str(part) for part in command], input=text, capture_output=True, text=True, timeout=60)


def ask(url: str, token: str = "", headers: dict[str, str] | None = None) -> tuple[int, str]:
    """Status and text of an answer."""
    headers = {**(headers or {}), **({"authorization": f"Bearer {token}"} if token else {})}
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def metrics_token(service, scopes=("metrics",)) -> str:
    """A token for Prometheus."""
    status, made = service.ask("POST", "/api/v2/tokens", {"name": "prometheus", "scopes": list(scopes), "days": 1}, service.token)
    assert status == 201, made
    return made["secret"]


class Served(contextlib.AbstractContextManager):
    """An HTTP server of the test, at a port of its own."""

    def __init__(self, handler: type[http.server.BaseHTTPRequestHandler]):
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.place = f"127.0.0.1:{self.server.server_address[1]}"
        self.url = f"http://{self.place}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()


class Listener(Served):
    """What Alertmanager tells, and a model in OpenAI's format that answers below `/whole` and fails elsewhere."""

    def __init__(self):
        told = self.told = []
        # What the model says that a question cost it.
        self.tokens = 9
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                if self.path == "/alerts":
                    told.append(body)
                is_model = self.path.startswith("/whole")
                self.send_response(200 if is_model or self.path == "/alerts" else 500)
                self.send_header("content-type", "text/event-stream" if is_model else "application/json")
                self.end_headers()
                if is_model:
                    words = {"choices": [{"index": 0, "delta": {"content": "Fine."}}]}
                    end = {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}], "usage": {"prompt_tokens": outer.tokens, "completion_tokens": 2, "total_tokens": outer.tokens + 2}}
                    self.wfile.write("".join(f"data: {json.dumps(event)}\n\n" for event in (words, end)).encode() + b"data: [DONE]\n\n")

            def log_message(self, *_):
                pass

        super().__init__(Handler)


def ask_model(service, token: str, question: str) -> None:
    """Asks by the door for programs that speak OpenAI's format."""
    status, answer = service.ask("POST", "/v1/chat/completions", {"model": "auto", "temperature": 0, "messages": [{"role": "user", "content": question}]}, token)
    assert status == 200 and answer["choices"][0]["message"]["content"].strip() == "Fine.", answer


def use(service, *, models: bool = False) -> None:
    """Does a little of everything that is measured."""
    developer, viewer = service.account("dev", "developer"), service.account("eve", "viewer")
    for path in ("diagnostics", "symbols", "document", "update-docs"):
        assert service.ask("POST", f"/api/v2/documents/{path}", {"path": "a.py", "text": TEXT}, viewer)[0] == 200
    # A review wants a model to be there; of what did not change it asks nothing, so that models are asked what is asked below and no more.
    for kind in ("check", "document", "update-docs", *(["review"] if models else [])):
        status, job = service.ask("POST", "/api/v2/jobs", {"kind": kind, "files": [{"path": "a.py", "text": TEXT, "before": TEXT}]}, developer)
        assert status == 202, job
        wait_for("the end of a job", lambda: service.ask("GET", f"/api/v2/jobs/{job['id']}", token=developer)[1]["state"] == "succeeded")
    assert service.ask("GET", "/api/v2/accounts", token=viewer)[0] == 403
    assert service.ask("POST", "/api/v2/sessions", {"name": "dev", "password": "wrong"})[0] == 401
    assert service.ask("GET", "/no/such/path")[0] == 404
    # The first model fails, so that the second one is asked; what was asked before is in memory.
    for question in ("One?", "One?", "Two?") if models else ():
        ask_model(service, developer, question)


@contextlib.contextmanager
def started(folder: pathlib.Path, name: str, *arguments: str):
    """A program that runs until it is not wanted any more."""
    assert shutil.which(name), f"{name} is missing; tests/run.sh installs it"
    with open(folder / f"{name}.log", "wb") as log:
        process = subprocess.Popen([name, *arguments], stdout=log, stderr=log, cwd=folder)
    try:
        yield process
    finally:
        process.terminate()
        process.wait(20)


class Prometheus:
    """A real one, which scrapes services by the files that teams are given. `changed` is done to the text of the alerts and of Alertmanager's settings."""

    def __init__(self, folder: pathlib.Path, services: list[str], token: str, webhook: str, changed: Callable[[str], str] = str):
        self.folder, self.services = folder, services
        shutil.copytree(DEPLOY / "prometheus", folder / "prometheus")
        alerts = folder / "prometheus" / "alerts.yml"
        alerts.write_text(changed(alerts.read_text()))
        (folder / "token").write_text(token)
        (folder / "wrong-token").write_text("cagt_wrong")
        self.port, self.alertmanager, cluster = free_port(), free_port(), free_port()
        self.scrape_each(1)
        text = changed((DEPLOY / "alertmanager.yml").read_text())
        assert "http://alerts.invalid/code-agent" in text
        (folder / "alertmanager.yml").write_text(text.replace("http://alerts.invalid/code-agent", webhook))
        self.arguments = {
            "prometheus": [f"--config.file={folder}/prometheus/prometheus.yml", f"--storage.tsdb.path={folder}/data", f"--web.listen-address=127.0.0.1:{self.port}"],
            "prometheus-alertmanager": [f"--config.file={folder}/alertmanager.yml", f"--storage.path={folder}/alerts", f"--web.listen-address=127.0.0.1:{self.alertmanager}", f"--cluster.listen-address=127.0.0.1:{cluster}"],
        }

    def scrape_each(self, seconds: int) -> None:
        """Writes the settings; one that runs reads them at a SIGHUP."""
        settings = yaml.safe_load((DEPLOY / "prometheus" / "prometheus.yml").read_text())
        settings["global"] = {"scrape_interval": f"{seconds}s", "evaluation_interval": "1s"}
        own = next(one for one in settings["scrape_configs"] if one["job_name"] == "code-agent")
        own.pop("dns_sd_configs")
        own.update(static_configs=[{"targets": self.services}], authorization={"credentials_file": str(self.folder / "token")})
        refused = {**own, "job_name": "refused", "authorization": {"credentials_file": str(self.folder / "wrong-token")}}
        settings["scrape_configs"] = [own, refused]
        settings["alerting"]["alertmanagers"] = [{"static_configs": [{"targets": [f"127.0.0.1:{self.alertmanager}"]}]}]
        (self.folder / "prometheus" / "prometheus.yml").write_text(yaml.safe_dump(settings))

    def get(self, path: str, **query: str):
        """What its interface answers."""
        status, text = ask(f"http://127.0.0.1:{self.port}/api/v1/{path}?{urllib.parse.urlencode(query)}")
        answer = json.loads(text)
        assert status == 200 and answer["status"] == "success", f"{query}: {text}"
        return answer["data"]

    def query(self, expression: str) -> list[tuple[dict, float]]:
        """Labels and values of now."""
        return [(one["metric"], float(one["value"][1])) for one in self.get("query", query=expression)["result"]]

    def is_there(self) -> bool:
        """Whether it answers."""
        try:
            return ask(f"http://127.0.0.1:{self.port}/-/ready")[0] == 200
        except OSError:
            return False
