"""A program without a browser that gets tokens by the device grant of a real provider (npm `oidc-provider`): what they open, and what is left of them when one
of its refresh tokens was stolen.
"""

import base64
import json
import time

from playwright.sync_api import expect

from running import Service
from test_oidc import AUDIENCE, Provider, oauth, team, window  # noqa: F401 (one is a fixture)
from test_page import chromium  # noqa: F401 (a fixture)

ANOTHER = "https://another.example/api"
DEVICE = "urn:ietf:params:oauth:grant-type:device_code"


def claims(token: str) -> dict:
    """What stands in a token."""
    return json.loads(base64.urlsafe_b64decode(token.split(".")[1] + "=="))


def of_device(page, provider: Provider, name: str) -> dict:
    """The tokens of a device that somebody lets in at the provider, for the service and for another one."""
    status, codes = oauth(
        provider.issuer, "/device/auth", client_id="dev-device", scope="openid offline_access api", resource=[AUDIENCE, ANOTHER])
    assert status == 200, codes
    poll = {"grant_type": DEVICE, "client_id": "dev-device", "device_code": codes["device_code"], "resource": AUDIENCE}
    status, waits = oauth(provider.issuer, "/token", **poll)
    assert (status, waits["error"]) == (400, "authorization_pending"), waits
    page.goto(codes["verification_uri"])
    page.locator("input[name=user_code]").fill(codes["user_code"])
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_text("dev-device")).to_be_visible()
    expect(page.get_by_text(codes["user_code"])).to_be_visible()
    page.get_by_role("button", name="Continue").click()
    page.locator("input[name=login]").fill(name)
    page.locator("input[name=password]").fill("anything")
    page.locator("button[type=submit]").click()
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_role("heading", name="Sign-in Success")).to_be_visible()
    status, tokens = oauth(provider.issuer, "/token", **poll)
    assert status == 200, tokens
    return tokens


def refreshed(provider: Provider, token: str, **more: str) -> tuple[int, dict]:
    """What the provider gives for a refresh token."""
    return oauth(provider.issuer, "/token", grant_type="refresh_token", client_id="dev-device", refresh_token=token, **more)


def opens(service: Service, token: str) -> int:
    """The status that somebody gets who asks with it who he is."""
    return service.ask("GET", "/api/v2/me", token=token)[0]


def test_a_token_of_the_device_grant_opens_the_interface_and_one_for_another_service_does_not(team, chromium):  # noqa: F811
    service, provider = team
    with window(chromium, service) as page:
        tokens = of_device(page, provider, "dev-ann")
    right = tokens["access_token"]
    status, me = service.ask("GET", "/api/v2/me", token=right)
    assert (status, me["name"], me["role"]) == (200, "dev-ann", "developer"), me
    # Of the same person, program and key; it differs in whom it is for.
    status, another = refreshed(provider, tokens["refresh_token"], resource=ANOTHER)
    assert status == 200, another
    ours, theirs = claims(right), claims(another["access_token"])
    assert (ours["aud"], theirs["aud"]) == (AUDIENCE, ANOTHER), (ours, theirs)
    assert all(ours[name] == theirs[name] for name in ("iss", "sub", "client_id", "scope", "roles")), (ours, theirs)
    assert opens(service, another["access_token"]) == 401
    # For no service at all: one that only the provider can read.
    status, plain = refreshed(provider, another["refresh_token"])
    assert status == 200 and "." not in plain["access_token"], plain
    assert opens(service, plain["access_token"]) == 401
    status, again = refreshed(provider, plain["refresh_token"], resource=AUDIENCE)
    assert status == 200 and opens(service, again["access_token"]) == 200, "the control: the grant was good all the time"
    assert opens(service, right) == 200


def test_a_stolen_refresh_token_ends_the_grant_and_what_it_gave_before_is_good_until_it_ends(team, chromium):  # noqa: F811
    """Access tokens are verified without asking the provider, so nobody tells the service: how long they are good is for the provider to say."""
    service, provider = team
    provider.stop()
    provider.start(service, lifetime=30)
    with window(chromium, service) as page:
        stolen = of_device(page, provider, "dev-ann")["refresh_token"]
    status, next_ones = refreshed(provider, stolen, resource=AUDIENCE)
    assert status == 200 and next_ones["refresh_token"] != stolen, next_ones
    access = next_ones["access_token"]
    ends = claims(access)["exp"]
    status, reused = refreshed(provider, stolen, resource=AUDIENCE)
    assert (status, reused["error"]) == (400, "invalid_grant"), reused
    status, gone = refreshed(provider, next_ones["refresh_token"], resource=AUDIENCE)
    assert (status, gone["error"]) == (400, "invalid_grant"), "the whole grant is at an end"
    assert opens(service, access) == 200
    # Clocks may differ by five seconds.
    while opens(service, access) == 200:
        assert time.time() < ends + 8, "it is good for longer than the provider said"
        time.sleep(0.5)
    assert time.time() >= ends, "it was refused before it ended"
