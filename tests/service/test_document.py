"""The OpenAPI document of the service: what it says is linted, every example in it is sent to a running service, and its page is read in a browser."""

import json
import pathlib
import subprocess
import urllib.error
import urllib.parse
import urllib.request

import pytest
from playwright.sync_api import expect

import install
from model_server import Scripted
from running import PASSWORD, Service
from test_factors import oathtool, step_before
from test_page import chromium, window  # noqa: F401

REDOCLY_VERSION = "2.77.0"
FILE = pathlib.Path(__file__).resolve().parents[2] / "server" / "gateway" / "openapi.json"
DOCUMENT = json.loads(FILE.read_text())
METHODS = ("get", "post", "put", "patch", "delete")
# A WebSocket is no request with an answer; what is said there is tested in `test_socket.py`.
OPERATIONS = [
    (path, method, operation) for path, methods in DOCUMENT["paths"].items() for method, operation in methods.items()
    if method in METHODS and operation["operationId"] != "socket.open"
]
NAMES = [operation["operationId"] for _, _, operation in OPERATIONS]


def test_redocly_finds_no_error(tmp_path):
    """The linter of Redocly with its recommended rules; what it only recommends is no error."""
    modules = install.from_npm(f"redocly-{REDOCLY_VERSION}", f"@redocly/cli@{REDOCLY_VERSION}", environment=install.with_node())
    environment = {**install.with_node(), "REDOCLY_TELEMETRY": "off", "REDOCLY_SUPPRESS_UPDATE_NOTICE": "true", "HOME": str(tmp_path)}
    command = [str(install.node() / "bin" / "node"), str(modules / "@redocly" / "cli" / "bin" / "cli.js"), "lint", "--format=json"]
    done = subprocess.run([*command, str(FILE)], env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    report = json.loads(done.stdout[done.stdout.index("{"):])
    wrong = [(one["ruleId"], one["message"], [place.get("pointer") for place in one["location"]]) for one in report["problems"] if one["severity"] == "error"]
    assert done.returncode == 0 and report["totals"]["errors"] == 0 and not wrong, wrong[:10]
    # It would have seen one.
    broken = json.loads(FILE.read_text())
    broken["paths"]["/api/v2/me"]["get"]["operationId"] = "jobs.list"
    (tmp_path / "broken.json").write_text(json.dumps(broken))
    done = subprocess.run([*command, "broken.json"], env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert done.returncode != 0, done.stdout[-500:]


def resolved(schema: dict) -> dict:
    """A schema itself, where it is named."""
    while "$ref" in schema:
        found = DOCUMENT
        for part in schema["$ref"].removeprefix("#/").split("/"):
            found = found[part]
        schema = found
    return schema


def example_of(thing: dict):
    """The example of a parameter or of a body, which has to have one of its own or in its schema."""
    for place in (thing, resolved(thing.get("schema", {}))):
        if "example" in place:
            return place["example"]
        examples = place.get("examples")
        if examples:
            first = examples[0] if isinstance(examples, list) else next(iter(examples.values()))
            return first["value"] if isinstance(first, dict) and "value" in first else first
    return None


class World:
    """A service in a state in which each operation makes sense, and what stands in place of parts of examples that only it can know."""

    def __init__(self, start_service, operation: dict):
        self.model, self.name = Scripted(), operation["operationId"]
        settings = f'[[models.target]]\nname = "own"\nmodel = "m"\nbase-url = "{self.model.url}"\n'
        self.service = start_service(settings=settings)
        self.token = self.service.token
        self.known: dict = {}
        if prepare := getattr(self, "for_" + self.name.replace(".", "_"), None):
            prepare()

    def ask(self, method: str, path: str, body=None):
        """What the service says to its admin, which is no problem."""
        status, answer = self.service.ask(method, path, body, self.token)
        assert status < 300, answer
        return answer

    def job(self) -> None:
        """There is a job."""
        files = [{"path": "a.py", "text": "x = 1\n"}]
        self.known["id"] = self.ask("POST", "/api/v2/jobs", {"kind": "check", "files": files})["id"]

    for_jobs_show = for_jobs_cancel = for_jobs_events = job

    def account(self) -> None:
        """There is another account."""
        self.known["id"] = self.ask("POST", "/api/v2/accounts", {"name": "eve", "role": "viewer", "password": PASSWORD})["id"]

    for_accounts_show = for_accounts_change = for_accounts_remove_totp = for_accounts_end_sessions = for_accounts_invite = account

    def link(self) -> None:
        """There is another account, and a link for its password."""
        self.account()
        self.known["code"] = self.ask("POST", f"/api/v2/accounts/{self.known['id']}/invitations", {})["code"]

    for_accounts_end_invitation = for_invitations_accept = link

    def for_tokens_revoke(self) -> None:
        """There is a token."""
        self.known["id"] = self.ask("POST", "/api/v2/tokens", {"name": "ci", "scopes": ["jobs"], "days": 1})["token"]["id"]

    def for_service_setup(self) -> None:
        """There is no account yet."""

    def for_sessions_create(self) -> None:
        """Ann has an account."""
        self.ask("POST", "/api/v2/accounts", {"name": "ann", "role": "viewer", "password": PASSWORD})

    def for_sessions_refresh(self) -> None:
        """Somebody is signed in."""
        self.known["refresh_token"] = self.ask("POST", "/api/v2/sessions", {"name": "root", "password": PASSWORD})["refresh_token"]

    for_sessions_token = for_sessions_refresh

    def for_devices_decide(self) -> None:
        """A device waits."""
        form = urllib.parse.urlencode({"client_id": "code-agent"}).encode()
        with urllib.request.urlopen(f"{self.service.url}/oauth/device_authorization", data=form, timeout=30) as answer:
            self.known["user_code"] = json.load(answer)["user_code"]

    def for_me_confirm_totp(self) -> None:
        """A second factor was begun."""
        self.known["code"] = oathtool(self.ask("POST", "/api/v2/me/totp")["secret"])

    def for_me_new_recovery_codes(self) -> None:
        """There is a second factor, and who has it has shown it."""
        secret = self.ask("POST", "/api/v2/me/totp")["secret"]
        # A code is good once, so the first is one of before.
        self.ask("POST", "/api/v2/me/totp/confirm", {"code": oathtool(secret, step_before())})
        self.ask("POST", "/api/v2/sessions/current/step-up", {"password": PASSWORD, "code": oathtool(secret)})

    for_me_remove_totp = for_me_new_recovery_codes

    def for_actions_run(self) -> None:
        """An offer was made for the text of the example."""
        example = example_of(next(one for path, method, one in OPERATIONS if one["operationId"] == "actions.run")["requestBody"]["content"]["application/json"])
        offers = self.ask("POST", "/api/v2/actions/offers", {name: value for name, value in example.items() if name != "id"})["offers"]
        # It is the one of the example, whose text and place it is known by.
        assert example["id"] in [offer["id"] for offer in offers], (example["id"], offers)


@pytest.mark.parametrize(("path", "method", "operation"), OPERATIONS, ids=NAMES)
def test_every_example_is_good(path, method, operation, start_service, program, tmp_path):
    """Parameters and body of each operation are those of its examples, and the answer is a success that the document has."""
    body = None
    if "requestBody" in operation:
        form, content = next(iter(operation["requestBody"]["content"].items()))
        body = example_of(content)
        assert body is not None, "its body has no example"
    parameters = {parameter["name"]: (parameter["in"], example_of(parameter)) for parameter in operation.get("parameters", [])}
    without = [name for name, (_, example) in parameters.items() if example is None]
    assert not without, f"these parameters have no example: {without}"
    if operation["operationId"] == "service.setup":
        service = Service(program, tmp_path)
        known, token = {"code": service.code}, ""
    else:
        world = World(start_service, operation)
        service, known, token = world.service, world.known, world.token
    if isinstance(body, dict):
        body = {name: known.get(name, value) for name, value in body.items()}
    query, headers = {}, {"authorization": f"Bearer {token}"} if token else {}
    for name, (place, example) in parameters.items():
        if place == "path":
            path = path.replace("{" + name + "}", urllib.parse.quote(str(known.get(name, example)), safe=""))
        elif place == "query":
            query[name] = example
        else:
            headers[name] = str(example)
    url = service.url + path + ("?" + urllib.parse.urlencode(query) if query else "")
    if body is not None:
        headers["content-type"] = form
    data = None if body is None else (json.dumps(body) if form == "application/json" else urllib.parse.urlencode(body)).encode()
    request = urllib.request.Request(url, method=method.upper(), headers=headers, data=data)
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            status, kind, text = answer.status, answer.headers.get_content_type(), answer.read()
    except urllib.error.HTTPError as error:
        status, kind, text = error.code, error.headers.get_content_type(), error.read()
    documented = operation["responses"].get(str(status))
    assert 200 <= status < 300 and documented is not None, (status, text[:500])
    if documented.get("content"):
        assert kind in documented["content"], (kind, list(documented["content"]))
    if operation["operationId"] == "service.setup":
        assert service.stop() == 0


def test_the_page_of_the_document_works_without_the_internet(service, chromium):  # noqa: F811
    with window(chromium, service) as page:
        page.goto("/api/v2/docs")
        expect(page.get_by_role("heading", name="code-agent").first).to_be_visible()
        # The navigation is made of the document: its parts, and the operations of the first one.
        for part in ("service", "actions", "search", "jobs", "openai"):
            expect(page.get_by_role("link", name=part, exact=True)).to_be_visible()
        expect(page.get_by_role("link", name="The process is there. HTTP Method: GET")).to_be_visible()
        page.get_by_role("link", name="search", exact=True).click()
        expect(page.get_by_text("Definitions by name, in the texts that are sent.").first).to_be_visible()
        page.screenshot(path=install.cache_folder() / "page" / "docs.png")
