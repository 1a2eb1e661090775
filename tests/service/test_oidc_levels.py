"""What a real provider (npm `oidc-provider`) has to confirm of a sign-in, in a real Chromium and at the interface, and what the scopes of its tokens open.

Who signs in there says behind a plus by which way he does: `dev-ann+otp`. Without one the provider says nothing of it.
"""

import base64
import hashlib
import json
import re
import secrets
import urllib.error
import urllib.parse
import urllib.request

from playwright.sync_api import expect

from running import Service
from test_oidc import AUDIENCE, Provider, a_team, at_the_provider, audit, window
from test_page import chromium  # noqa: F401 (a fixture)

PASSWORD, TWO, KEY = "urn:example:password", "urn:example:two-factors", "urn:example:key"
TOKEN = {"name": "ci", "scopes": ["jobs"], "days": 1}
TEXT = {"path": "a.py", "text": "def f():\n    pass\n"}


def token_of(page, service: Service, provider: Provider, name: str, **more: str) -> str:
    """An access token that a program gets for somebody who signs in, as programs do (authorization code with PKCE)."""
    verifier = secrets.token_urlsafe(48)
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    program = {"client_id": "dev-app", "redirect_uri": f"{service.url}/sign-in", "resource": AUDIENCE}
    asked = {**program, "response_type": "code", "scope": "openid api", "prompt": "login",
             "code_challenge": challenge, "code_challenge_method": "S256", **more}
    page.goto(f"{provider.issuer}/auth?{urllib.parse.urlencode(asked)}")
    at_the_provider(page, name)
    page.wait_for_url(re.compile(r"/sign-in\?(.*&)?code="))
    code = urllib.parse.parse_qs(urllib.parse.urlparse(page.url).query)["code"][0]
    form = urllib.parse.urlencode({**program, "grant_type": "authorization_code", "code": code, "code_verifier": verifier}).encode()
    with urllib.request.urlopen(f"{provider.issuer}/token", data=form, timeout=10) as answer:
        return json.loads(answer.read())["access_token"]


def refused(service: Service, method: str, path: str, token: str, body=None) -> tuple[dict, dict[str, str]]:
    """The problem of a request that is answered with 401, and what RFC 9470 asks for with it."""
    headers = {"authorization": f"Bearer {token}", **({"content-type": "application/json"} if body else {})}
    request = urllib.request.Request(service.url + path, method=method, data=json.dumps(body).encode() if body else None, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            raise AssertionError(f"{method} {path} is answered with {answer.status}")
    except urllib.error.HTTPError as error:
        problem, asked = json.loads(error.read()), error.headers["www-authenticate"]
        assert (error.code, problem["type"]) == (401, "urn:code-agent:problem:step-up-needed"), problem
    assert asked.startswith('Bearer error="insufficient_user_authentication"'), asked
    return problem, {name: value.strip('"') for name, value in re.findall(r'(acr_values|max_age)=("[^"]*"|\d+)', asked)}


def leave(page, link: str) -> dict[str, list[str]]:
    """Goes to the provider by a link; what the service asks it for."""
    asked = []

    def note(request) -> None:
        if "code_challenge=" in request.url:
            asked.append(request.url)

    page.on("request", note)
    page.get_by_role("link", name=re.compile(link)).click()
    expect(page.locator("input[name=login]")).to_be_visible()
    page.remove_listener("request", note)
    return urllib.parse.parse_qs(urllib.parse.urlparse(asked[0]).query)


def test_people_show_the_provider_what_the_settings_demand(start_service, chromium):  # noqa: F811
    levels = f'sign-in = {{ acr-values = ["{TWO}", "{KEY}"], amr = ["mfa"] }}\nstep-up = {{ acr-values = ["{KEY}"] }}\n'
    with a_team(start_service, levels) as (service, _), window(chromium, service) as page:
        page.goto("/sign-in?back=/tokens")
        asked = leave(page, "Sign in with localhost")
        assert asked["acr_values"] == [f"{TWO} {KEY}"] and "prompt" not in asked, asked
        at_the_provider(page, "dev-ann")
        expect(page.get_by_role("alert")).to_contain_text("does not say how you signed in there (`acr` is missing)")
        # He is known there by now, and is asked anew all the same.
        assert leave(page, "Sign in with localhost")["prompt"] == ["login"]
        at_the_provider(page, "dev-ann+pwd")
        expect(page.get_by_role("alert")).to_contain_text("by less than this demands")
        page.goto("/account")
        expect(page).to_have_url(re.compile("/sign-in"))
        assert [account["name"] for account in service.ask("GET", "/api/v2/accounts", token=service.token)[1]["items"]] == ["root"]

        page.goto("/sign-in?back=/tokens")
        page.get_by_role("link", name=re.compile("Sign in with localhost")).click()
        expect(page.get_by_role("alert")).to_contain_text("by less than this demands")
        leave(page, "Sign in with localhost")
        at_the_provider(page, "dev-ann+otp")
        expect(page).to_have_url(f"{service.url}/tokens")
        # That lets him in, and is not enough for what is dangerous, however short a while ago it was.
        page.get_by_role("link", name="Show that it is you").first.click()
        asked = leave(page, "Show it with localhost")
        assert (asked["acr_values"], asked["prompt"], asked["max_age"]) == ([KEY], ["login"], ["0"]), asked
        at_the_provider(page, "dev-ann+otp")
        expect(page.get_by_role("alert")).to_contain_text("by less than this demands")
        page.goto("/tokens")
        page.get_by_role("link", name="Show that it is you").first.click()
        leave(page, "Show it with localhost")
        at_the_provider(page, "dev-ann+key")
        expect(page).to_have_url(f"{service.url}/tokens")
        page.get_by_label("Name").fill("ci")
        page.locator("#scope-jobs").check()
        page.get_by_role("button", name=re.compile("Make")).click()
        expect(page.locator("#secret")).to_have_value(re.compile("^cagt_"))
        told = [item["detail"] for item in audit(service) if item["policy"] == "oidc" and not item["allowed"]]
    for words in ("its claim `acr` is missing", f'its claim `acr` is "{PASSWORD}"', f'its claim `acr` is "{TWO}"'):
        assert any(words in one for one in told), (words, told)


def test_ways_are_demanded_as_well(start_service, chromium):  # noqa: F811
    with a_team(start_service, 'sign-in = { amr = ["hwk", "otp"] }\n') as (service, _):
        for name, words in (("dev-ann", "(`amr` is missing)"), ("dev-ann+pwd", "by less than this demands"), ("dev-ann+otp", None)):
            with window(chromium, service) as page:
                page.goto("/sign-in?back=/account")
                assert "acr_values" not in leave(page, "Sign in with localhost")
                at_the_provider(page, name)
                if words:
                    expect(page.get_by_role("alert")).to_contain_text(words)
                else:
                    expect(page).to_have_url(f"{service.url}/account")


def test_a_program_signs_its_owner_in_more_strongly_when_it_is_asked_to(start_service, chromium):  # noqa: F811
    levels = f'sign-in = {{ acr-values = ["{TWO}"] }}\nstep-up = {{ acr-values = ["{KEY}"] }}\n'
    with a_team(start_service, levels) as (service, provider), window(chromium, service) as page:
        def token(name: str, **more: str) -> str:
            return token_of(page, service, provider, name, acr_values=f"{TWO} {KEY}", **more)

        # Of one that got by without any sign-in nothing is said.
        for weak, words in ((provider.token(), "(`acr` is missing)"), (token("dev-bob+pwd"), "by less than this demands")):
            problem, asked = refused(service, "GET", "/api/v2/me", weak)
            assert words in problem["detail"] and asked == {"acr_values": TWO}, (problem, asked)
        good = token("dev-bob+otp")
        assert service.ask("GET", "/api/v2/me", token=good)[1]["name"] == "dev-bob"
        problem, asked = refused(service, "POST", "/api/v2/tokens", good, TOKEN)
        assert "by less than this demands" in problem["detail"] and asked == {"acr_values": KEY, "max_age": "300"}, (problem, asked)
        old = token("dev-bob+key+earlier")
        assert service.ask("GET", "/api/v2/me", token=old)[0] == 200
        problem, again = refused(service, "POST", "/api/v2/tokens", old, TOKEN)
        assert "of the last 5 minutes" in problem["detail"] and again == asked, (problem, again)
        # As RFC 9470 has it: what was asked for goes on to the provider.
        strong = token_of(page, service, provider, "dev-bob+key", **asked)
        status, made = service.ask("POST", "/api/v2/tokens", TOKEN, strong)
        assert status == 201 and made["secret"].startswith("cagt_"), made
        # What his role does not allow it does not allow.
        assert service.ask("POST", "/api/v2/accounts", {"name": "x", "role": "admin", "subject": "s"}, strong)[0] == 403


def test_without_a_level_for_it_no_token_of_the_provider_does_what_is_dangerous(start_service, chromium):  # noqa: F811
    with a_team(start_service) as (service, provider), window(chromium, service) as page:
        strong = token_of(page, service, provider, "dev-bob+key", acr_values=KEY)
        assert service.ask("GET", "/api/v2/me", token=strong)[0] == 200
        status, problem = service.ask("POST", "/api/v2/tokens", TOKEN, strong)
        assert (status, problem["type"]) == (403, "urn:code-agent:problem:forbidden"), problem


def test_scopes_of_the_provider_bound_its_tokens_where_they_have_a_prefix(start_service):
    with a_team(start_service, 'scope-prefix = "code-agent:"\n') as (service, provider):
        for scope, me, document in (
            ("api", 403, 403), ("api code-agent:accounts", 200, 403), ("code-agent:documents api", 403, 200), ("code-agent:*", 200, 200),
        ):
            token = provider.token(scope=scope)
            assert service.ask("GET", "/api/v2/me", token=token)[0] == me, scope
            status, answer = service.ask("POST", "/api/v2/documents/symbols", TEXT, token)
            assert status == document, (scope, answer)
            if document == 403:
                assert "the scope of the token" in answer["detail"], answer
        assert service.ask("GET", "/api/v2/accounts", token=token)[0] == 403, "a scope is no role"
