"""Signing in by a real provider (npm `oidc-provider`) in a real Chromium, its tokens at the interface, and `code-agent login` with the page for devices.

The provider is at `localhost` and the service at `127.0.0.1`: two sites for a browser, as they are in life.
"""

import base64
import contextlib
import json
import os
import pathlib
import re
import secrets
import socket
import sqlite3
import stat
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request

import pytest
from playwright.sync_api import expect

import install
from running import PASSWORD, Service
from test_page import axe, chromium, looked_at, sign_in  # noqa: F401 (fixtures)

OIDC_PROVIDER_VERSION = "9.13.3"
AUDIENCE = "https://team.example/api"
SETTINGS = """
[service.oidc]
issuer = "{issuer}"
client-id = "the-service"
client-secret = {{ env = "OIDC_SECRET" }}
audience = "{audience}"
role-claim = "roles"
roles = {{ ca-developers = "developer" }}
unknown-people = "welcome"
"""


class Provider:
    """A provider in a process of its own, on a port that it keeps when it starts anew."""

    def __init__(self):
        self.secret = secrets.token_urlsafe(32)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.issuer = f"http://localhost:{free.getsockname()[1]}"
        self.generation, self.process = 0, None

    def start(self, service: Service, **more) -> None:
        """Starts it with new keys."""
        modules = install.from_npm(f"oidc-provider-{OIDC_PROVIDER_VERSION}", f"oidc-provider@{OIDC_PROVIDER_VERSION}")
        self.generation += 1
        told = {"issuer": self.issuer, "modules": str(modules), "generation": self.generation, "secret": self.secret,
                "redirect": f"{service.url}/auth/oidc/callback", "app": f"{service.url}/sign-in", **more}
        script = pathlib.Path(__file__).with_name("oidc_provider.mjs")
        self.process = subprocess.Popen(
            [install.node() / "bin" / "node", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.process.stdin.write(json.dumps(told) + "\n")
        self.process.stdin.flush()
        assert self.process.stdout.readline() == "listening\n"

    def stop(self) -> None:
        """Ends it."""
        if self.process:
            self.process.kill()
            self.process.wait(10)
            self.process.stdin.close()
            self.process.stdout.close()
            self.process = None

    def token(self, resource: str = AUDIENCE, client: str = "dev-tool", scope: str = "api") -> str:
        """An access token: by `dev-tool` one of dev-bob, by `dev-machine` one of the program itself."""
        form = urllib.parse.urlencode({"grant_type": "client_credentials", "resource": resource, "scope": scope}).encode()
        pair = base64.b64encode(f"{client}:{self.secret}".encode()).decode()
        request = urllib.request.Request(f"{self.issuer}/token", data=form, headers={"authorization": f"Basic {pair}"})
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.loads(answer.read())["access_token"]


@contextlib.contextmanager
def a_team(start_service, more: str = ""):
    """A service with an admin, and its provider, with more settings of it."""
    provider = Provider()
    settings = SETTINGS.format(issuer=provider.issuer, audience=AUDIENCE) + more
    service = start_service(settings=settings, environment={"OIDC_SECRET": provider.secret})
    try:
        provider.start(service)
        yield service, provider
    finally:
        provider.stop()


@pytest.fixture
def team(start_service):
    """A service with an admin, and its provider."""
    with a_team(start_service) as both:
        yield both


@contextlib.contextmanager
def window(chromium, service: Service):  # noqa: F811
    """A window of a browser that nobody has used."""
    context = chromium.new_context(base_url=service.url)
    page = context.new_page()
    page.set_default_timeout(20_000)
    complaints = []
    page.on("console", lambda line: complaints.append(line.text) if line.type == "error" and page.url.startswith(service.url) else None)
    try:
        yield page
    finally:
        context.close()
    # A status such as 403 is told as an error of the console, and meant.
    assert not [line for line in complaints if "the server responded with a status of" not in line], complaints


def at_the_provider(page, name: str) -> None:
    """Says there who one is, and agrees."""
    page.locator("input[name=login]").fill(name)
    page.locator("input[name=password]").fill("anything")
    page.locator("button[type=submit]").click()
    agree(page)


def agree(page) -> None:
    """Lets the provider tell the service who one is, where it asks for that."""
    consent = page.get_by_role("button", name="Continue")
    here = page.get_by_role("button", name="Sign out").or_(page.locator("form[action='/sign-in']"))
    expect(consent.or_(here).first).to_be_visible()
    if consent.is_visible():
        consent.click()


def by_provider(page, name: str, back: str = "") -> None:
    """Signs in by the provider, as people do."""
    page.goto(f"/sign-in?back={back}" if back else "/sign-in")
    page.get_by_role("link", name=re.compile("Sign in with localhost")).click()
    at_the_provider(page, name)
    expect(page.get_by_role("button", name="Sign out")).to_be_visible()


def leave_altered(page, name: str, value: str) -> None:
    """Goes to the provider with another value in one place of what the service sent along."""
    asked = []
    page.on("request", lambda request: asked.append(request.url) if "code_challenge=" in request.url else None)
    page.goto("/sign-in")
    page.get_by_role("link", name=re.compile("Sign in with localhost")).click()
    expect(page.locator("input[name=login]")).to_be_visible()
    place = urllib.parse.urlparse(asked[0])
    query = dict(urllib.parse.parse_qsl(place.query))
    assert query["code_challenge_method"] == "S256" and query[name] != value, query
    query[name] = value
    page.goto(place._replace(query=urllib.parse.urlencode(query)).geturl())


def age(service: Service) -> None:
    """Makes all sessions look as if they were begun ten minutes ago."""
    with contextlib.closing(sqlite3.connect(service.folder / "state" / "code-agent" / "service.db", timeout=20)) as base:
        base.execute("UPDATE sessions SET auth_time = auth_time - 600000")
        base.commit()


def audit(service: Service) -> list[dict]:
    """All decisions, the newest first."""
    service.token = service.sign_in("root")
    return service.ask("GET", "/api/v2/audit?limit=200", token=service.token)[1]["items"]


def test_people_sign_in_by_the_provider_and_answers_of_others_are_refused(team, chromium, axe):  # noqa: F811
    service, provider = team
    with window(chromium, service) as page:
        page.goto("/sign-in")
        looked_at(page, axe, "sign-in-by-provider")
        came = []
        page.on("request", lambda request: came.append(request) if "/auth/oidc/callback" in request.url else None)
        page.goto("/sign-in?back=/account")
        page.get_by_role("link", name=re.compile("Sign in with localhost")).click()
        expect(page.locator("input[name=login]")).to_be_visible()
        away = next(cookie for cookie in page.context.cookies() if cookie["name"] == "__Host-away")
        assert (away["sameSite"], away["httpOnly"], away["secure"]) == ("Lax", True, True) and away["expires"] < time.time() + 601, away
        at_the_provider(page, "dev-ann")
        expect(page).to_have_url(f"{service.url}/account")
        expect(page.get_by_text("dev-ann", exact=True).first).to_be_visible()
        expect(page.get_by_text("developer", exact=True).first).to_be_visible()
        cookies = {cookie["name"]: cookie for cookie in page.context.cookies()}
        assert cookies["__Host-session"]["sameSite"] == "Strict" and cookies["__Host-session"]["httpOnly"], cookies
        assert "__Host-away" not in cookies, "it is used up"
        # The same answer again: in this browser, in it with the cookie that it had, and in another one.
        answer = came[0].url
        assert page.goto(answer).status == 403
        expect(page.get_by_role("alert")).to_contain_text("not begun in this browser")
        page.context.add_cookies([away])
        assert page.goto(answer).status == 403
        expect(page.get_by_role("alert")).to_contain_text("did not confirm the sign-in")
        with window(chromium, service) as other:
            assert other.goto(answer).status == 403
            other.goto("/account")
            expect(other).to_have_url(re.compile("/sign-in"))
        # Who is known there already is not asked again, and is the same person here.
        page.goto("/account")
        page.get_by_role("button", name="Sign out").click()
        page.get_by_role("link", name=re.compile("Sign in with")).click()
        agree(page)
        expect(page.get_by_role("button", name="Sign out")).to_be_visible()
        # Nobody is led elsewhere.
        page.get_by_role("button", name="Sign out").click()
        for elsewhere in ("//evil.example", "https://evil.example", "/\\evil.example", "javascript:alert(1)"):
            page.goto(f"/auth/oidc/login?back={urllib.parse.quote(elsewhere)}")
            agree(page)
            expect(page.get_by_role("button", name="Sign out")).to_be_visible()
            assert page.url.startswith(service.url), page.url
            page.get_by_role("button", name="Sign out").click()
    for name in ("state", "nonce"):
        with window(chromium, service) as page:
            leave_altered(page, name, "of-somebody-else")
            at_the_provider(page, "dev-ann")
            said = {"state": "belongs to another sign-in", "nonce": "not to be believed"}[name]
            expect(page.get_by_role("alert")).to_contain_text(said)
            page.goto("/account")
            expect(page).to_have_url(re.compile("/sign-in"))
    with window(chromium, service) as page:
        page.goto("/sign-in")
        page.get_by_role("link", name=re.compile("Sign in with localhost")).click()
        page.get_by_role("link", name=re.compile("Cancel")).click()
        expect(page.get_by_role("alert")).to_contain_text("access_denied")
    items = audit(service)
    accounts = service.ask("GET", "/api/v2/accounts", token=service.token)[1]["items"]
    assert [account["name"] for account in accounts] == ["root", "dev-ann"], accounts
    by_policy = {(item["action"], item["allowed"]) for item in items if item["policy"] == "oidc"}
    assert {("accounts.create", True), ("sessions.create", True), ("sessions.create", False)} <= by_policy, items
    assert provider.secret not in json.dumps(items)


def test_who_is_of_the_provider_shows_there_that_it_is_he(team, chromium):  # noqa: F811
    service, _ = team
    with window(chromium, service) as page:
        by_provider(page, "dev-ann")
        age(service)
        page.goto("/tokens")
        page.get_by_role("link", name="Show that it is you").first.click()
        page.get_by_role("link", name=re.compile("Show it with localhost")).click()
        # He is asked again, though he is known there; somebody else is not taken.
        at_the_provider(page, "dev-eve")
        expect(page.get_by_role("alert")).to_contain_text("somebody else")
        page.goto("/tokens")
        page.get_by_role("link", name="Show that it is you").first.click()
        page.get_by_role("link", name=re.compile("Show it with localhost")).click()
        at_the_provider(page, "dev-ann")
        expect(page).to_have_url(f"{service.url}/tokens")
        page.get_by_label("Name").fill("ci")
        page.locator("#scope-jobs").check()
        page.get_by_role("button", name=re.compile("Make")).click()
        expect(page.locator("#secret")).to_have_value(re.compile("^cagt_"))
    actions = [(item["action"], item["allowed"]) for item in audit(service) if item["policy"] == "oidc"]
    assert ("sessions.step_up", True) in actions and ("sessions.step_up", False) in actions, actions


def test_access_tokens_of_the_provider_open_the_interface(team):
    service, provider = team
    token = provider.token()
    status, me = service.ask("GET", "/api/v2/me", token=token)
    assert (status, me["name"], me["role"]) == (200, "dev-bob", "developer"), me
    # A program could be called as a person is: it comes with an API token.
    status, refused = service.ask("GET", "/api/v2/me", token=provider.token(client="dev-machine"))
    assert status == 401 and "one of a program" in refused["detail"], refused
    assert service.ask("GET", "/api/v2/accounts", token=token)[0] == 403
    assert service.ask("GET", "/api/v2/me", token=provider.token("https://another.example/api"))[0] == 401, "for somebody else"
    changed = token[:-10] + ("A" if token[-10] != "A" else "B") + token[-9:]
    assert service.ask("GET", "/api/v2/me", token=changed)[0] == 401

    # New keys: they are asked for when the first token of them comes, but no more often than each ten seconds.
    for algorithm in ("RS256", "EdDSA"):
        provider.stop()
        assert service.ask("GET", "/api/v2/me", token=token)[0] == 200, "what is known is known while the provider is away"
        provider.start(service, algorithm=algorithm)
        fresh, begun = provider.token(), time.monotonic()
        while service.ask("GET", "/api/v2/me", token=fresh)[0] != 200:
            assert time.monotonic() - begun < 15
            time.sleep(0.5)
        assert service.ask("GET", "/api/v2/me", token=token)[0] == 401, "its key is gone"
        token = fresh

    # Who is closed is out at once.
    service.token = service.sign_in("root")
    assert service.ask("PATCH", f"/api/v2/accounts/{me['id']}", {"disabled": True}, service.token)[0] == 200
    begun = time.monotonic()
    while service.ask("GET", "/api/v2/me", token=token)[0] == 200:
        assert time.monotonic() - begun < 1
    assert service.ask("PATCH", f"/api/v2/accounts/{me['id']}", {"disabled": False}, service.token)[0] == 200
    assert service.ask("GET", "/api/v2/me", token=token)[0] == 401, "what he had does not come back with the account"
    # Clocks may differ by five seconds, so what is made within them may be from before.
    begun = time.monotonic()
    while service.ask("GET", "/api/v2/me", token=provider.token())[0] != 200:
        assert time.monotonic() - begun < 15
        time.sleep(0.5)


def test_without_its_provider_the_service_goes_on(team, chromium):  # noqa: F811
    service, provider = team
    provider.stop()
    with window(chromium, service) as page:
        page.goto("/sign-in")
        page.get_by_role("link", name=re.compile("Sign in with localhost")).click()
        expect(page.get_by_role("alert")).to_contain_text("does not answer as it should")
        expect(page.get_by_role("alert")).to_contain_text("Accounts of this service work")
        sign_in(page, "root")
    assert service.ask("GET", "/api/v2/me", token="e30.e30.AA")[0] == 401


class Login:
    """A `code-agent login` that waits."""

    def __init__(self, service: Service, state: pathlib.Path):
        self.service, self.state = service, state
        self.environment = {**os.environ, "XDG_STATE_HOME": str(state), "XDG_CONFIG_HOME": str(state / "config")}
        self.process = subprocess.Popen(
            [service.program, "login", service.url, "--name", "a laptop"], env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        line = self.process.stdout.readline()
        found = re.fullmatch(r"Open (\S+) in a browser and type the code ([B-Z]{4}-[B-Z]{4})\n", line)
        assert found, line + self.process.stderr.read()
        self.place, self.code = found[1], found[2]

    def ended(self) -> tuple[int, str]:
        """Its exit code and what it said."""
        out, err = self.process.communicate(timeout=40)
        return self.process.returncode, out + err

    def run(self, *arguments: str) -> tuple[int, str]:
        """Another command of the same user."""
        done = subprocess.run([self.service.program, *arguments], env=self.environment, capture_output=True, text=True, timeout=40)
        return done.returncode, done.stdout + done.stderr

    @property
    def file(self) -> pathlib.Path:
        return self.state / "code-agent" / "logins.json"

    def refresh_token(self) -> str:
        """What is kept."""
        return json.loads(self.file.read_text())[self.service.url]["refresh_token"]


def oauth(base: str, path: str, **fields) -> tuple[int, dict]:
    """Status and answer of an endpoint of OAuth, of the service or of the provider."""
    request = urllib.request.Request(f"{base}{path}", data=urllib.parse.urlencode(fields, doseq=True).encode())
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read())


def type_code(page, code: str) -> None:
    """Types a code on the page for devices."""
    page.get_by_label("Code of the device").fill(code.lower().replace("-", " "))
    page.get_by_role("button", name="Continue").click()


def answer_device(page, code: str, button: str) -> None:
    """Types a code, looks at the device that has it, and decides."""
    type_code(page, code)
    expect(page.locator("#device")).to_have_text("a laptop")
    page.get_by_role("button", name=button).click()


def test_a_program_is_let_in_by_the_page_and_a_refresh_token_is_good_once(team, chromium, axe, tmp_path):  # noqa: F811
    service, _ = team
    login = Login(service, tmp_path / "user")
    assert login.place == f"{service.url}/device"
    with window(chromium, service) as page:
        page.goto(login.place)
        # Who is not signed in does that first, by the provider too.
        page.get_by_role("link", name=re.compile("Sign in with localhost")).click()
        at_the_provider(page, "dev-ann")
        expect(page).to_have_url(login.place)
        looked_at(page, axe, "device")
        type_code(page, "BBBB-BBBB")
        expect(page.get_by_role("alert")).to_contain_text("No device waits with this code")
        type_code(page, login.code)
        expect(page.get_by_text("127.0.0.1")).to_be_visible()
        looked_at(page, axe, "device-shown")
        page.get_by_role("button", name="Let it in").click()
        expect(page.get_by_role("status")).to_contain_text("a laptop at 127.0.0.1 is let in")
        page.goto(login.place)
        type_code(page, login.code)
        # It is good once.
        expect(page.get_by_role("alert")).to_contain_text("No device waits")
    code, said = login.ended()
    assert code == 0 and f"You are signed in to {service.url}" in said, said
    assert stat.S_IMODE(login.file.stat().st_mode) == 0o600
    kept = login.refresh_token()
    assert kept not in said

    code, token = login.run("token")
    assert code == 0, token
    status, me = service.ask("GET", "/api/v2/me", token=token.strip())
    assert (status, me["name"]) == (200, "dev-ann") and "oidc" in me["session"]["amr"], me
    assert login.refresh_token() != kept, "it was changed"
    # Somebody who stole the one before shows it: the whole session is at an end.
    status, answer = oauth(service.url, "/oauth/token", grant_type="refresh_token", client_id="code-agent", refresh_token=kept)
    assert (status, answer["error"]) == (400, "invalid_grant"), answer
    assert service.ask("GET", "/api/v2/me", token=token.strip())[0] == 401
    code, said = login.run("token")
    assert code == 2 and "refuses" in said, said
    code, said = login.run("logout")
    assert code == 0 and "signed out" in said, said
    code, said = login.run("token")
    assert code == 2 and "not signed in" in said, said
    assert ("devices.decide", True) in {(item["action"], item["allowed"]) for item in audit(service) if item["policy"] == "device"}


def test_a_program_can_be_refused_and_signs_out(service, chromium, tmp_path):  # noqa: F811
    refused, taken = Login(service, tmp_path / "one"), Login(service, tmp_path / "two")
    with window(chromium, service) as page:
        page.goto(f"{refused.place}?user_code={refused.code}")
        expect(page).to_have_url(re.compile("/sign-in"))
        page.get_by_label("Name").fill("root")
        page.get_by_label("Password", exact=True).fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        answer_device(page, refused.code, "Refuse it")
        expect(page.get_by_role("status")).to_contain_text("was refused")
        page.goto(f"{taken.place}?user_code={taken.code}")
        expect(page.get_by_label("Code of the device")).to_have_value(taken.code)
        # What is dangerous wants a sign-in of the last minutes.
        age(service)
        type_code(page, taken.code)
        expect(page).to_have_url(re.compile("/step-up"))
        page.get_by_label("Password", exact=True).fill(PASSWORD)
        page.get_by_role("button", name="Go on").click()
        answer_device(page, taken.code, "Let it in")
        expect(page.get_by_role("status")).to_contain_text("is let in")
    code, said = refused.ended()
    assert code == 2 and "refused in the browser" in said and not refused.file.exists(), said
    assert taken.ended()[0] == 0
    token = taken.run("token", service.url)[1].strip()
    assert service.ask("GET", "/api/v2/me", token=token)[0] == 200
    kept = taken.refresh_token()
    assert taken.run("logout")[0] == 0 and kept not in taken.file.read_text()
    assert service.ask("GET", "/api/v2/me", token=token)[0] == 401, "at once"
    assert oauth(service.url, "/oauth/token", grant_type="refresh_token", refresh_token=kept)[1]["error"] == "invalid_grant"


def test_the_endpoints_speak_oauth(service):
    status, found = service.ask("GET", "/.well-known/oauth-authorization-server")
    assert status == 200 and found["issuer"] == service.url and found["token_endpoint"] == f"{service.url}/oauth/token", found
    device = "urn:ietf:params:oauth:grant-type:device_code"
    status, codes = oauth(service.url, "/oauth/device_authorization", client_id="code-agent", scope="anything")
    assert status == 200 and codes["expires_in"] == 600 and codes["interval"] == 5, codes
    assert codes["verification_uri_complete"] == f"{service.url}/device?user_code={codes['user_code']}"

    def ask(**fields):
        status, answer = oauth(service.url, "/oauth/token", **fields)
        return status, answer["error"]

    poll = {"grant_type": device, "client_id": "code-agent", "device_code": codes["device_code"]}
    assert ask(**poll) == (400, "authorization_pending")
    assert ask(**poll) == (400, "slow_down")
    assert ask(**{**poll, "client_id": "another"}) == (400, "invalid_client")
    assert ask(**{**poll, "device_code": "guessed"}) == (400, "invalid_grant")
    assert ask(**{**poll, "device_code": codes["user_code"]}) == (400, "invalid_grant"), "each code has its own use"
    assert ask(grant_type="password", username="root", password=PASSWORD) == (400, "unsupported_grant_type")
    assert ask(grant_type="refresh_token", client_id="code-agent") == (400, "invalid_request")
    assert ask(grant_type="refresh_token", refresh_token="guessed") == (400, "invalid_grant")
    assert ask(client_id="code-agent") == (400, "invalid_request")
    assert oauth(service.url, "/oauth/device_authorization", client_id="code-agent", device_name="<b>")[1]["error"] == "invalid_request"
    with contextlib.closing(sqlite3.connect(service.folder / "state" / "code-agent" / "service.db", timeout=20)) as base:
        stored = " ".join(map(str, base.execute("SELECT * FROM devices").fetchone()))
        assert codes["device_code"] not in stored and codes["user_code"].replace("-", "") not in stored.upper(), "only hashes are kept"
        base.execute("UPDATE devices SET expires_at = 1")
        base.commit()
    assert ask(**poll) == (400, "expired_token")
    # Codes cannot be guessed.
    statuses = [service.ask("POST", "/api/v2/devices", {"user_code": f"BBBB-BBB{letter}", "let_in": True}, service.token)[0] for letter in "BCDFGHJKLMNP"]
    assert statuses[0] == 404 and statuses[-1] == 429, statuses
