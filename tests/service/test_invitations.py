"""Links for a new password, as people have them: an admin makes one in a browser, and its owner uses it in another."""

import concurrent.futures
import re
import urllib.parse

from playwright.sync_api import expect

from running import PASSWORD
from test_factors import oathtool, step_before
from test_page import axe, chromium, looked_at, press, sign_in, window  # noqa: F401

NEW = "battery staple horse"
MAKE = "Make a link for a new password"
NOT_GOOD = "The link is not good: it was used or taken back, is over, or never was one"


def signs_in(service, name: str, password: str, **more) -> int:
    """The status of a sign-in at the interface."""
    return service.ask("POST", "/api/v2/sessions", {"name": name, "password": password, **more})[0]


def id_of(service, name: str) -> str:
    """The id of an account."""
    return next(one["id"] for one in service.ask("GET", "/api/v2/accounts", token=service.token)[1]["items"] if one["name"] == name)


def code_for(service, name: str) -> str:
    """The code of a new link for an account."""
    status, made = service.ask("POST", f"/api/v2/accounts/{id_of(service, name)}/invitations", {}, service.token)
    assert status == 201, made
    return made["code"]


def logged(service) -> str:
    """Ends the service; all that it wrote into its log."""
    service.process.terminate()
    with service.process.stderr as lines:
        log = lines.read()
    assert service.process.wait(30) == 0, log
    return log


def test_a_new_account_is_opened_by_its_owner(service, chromium, axe):  # noqa: F811
    with window(chromium, service) as page:
        sign_in(page, "root")
        page.get_by_role("link", name="Accounts", exact=True).click()
        page.get_by_label(re.compile("^Name")).fill("wilma")
        press(page, "Make the account")
        expect(page.get_by_role("heading", level=1)).to_have_text("Account wilma")
        expect(page.get_by_text("has no password yet")).to_be_visible()
        expect(page.get_by_role("status")).to_contain_text("It is shown only now")
        link = page.locator("#secret").input_value()
        assert link.startswith(f"{service.url}/invitation?code="), link
        looked_at(page, axe, "invitation-made")
        code = urllib.parse.parse_qs(urllib.parse.urlparse(link).query)["code"][0]
        page.get_by_role("link", name="All accounts").click()
        page.get_by_role("link", name="wilma", exact=True).click()
        assert code not in page.content(), "it is shown once"
        expect(page.locator("#link")).to_contain_text("open until 20")
        looked_at(page, axe, "invitation-open")

        with window(chromium, service) as hers:
            asked = []
            hers.on("request", lambda request: asked.append(request))
            hers.goto(link)
            expect(hers.locator("#name")).to_have_text("wilma")
            looked_at(hers, axe, "invitation")
            hers.get_by_label(re.compile("^New password")).fill("short")
            press(hers, "Set the password")
            expect(hers.get_by_role("heading", level=1)).to_have_text("Choose a password")
            assert signs_in(service, "wilma", PASSWORD) == 401, "nothing is set yet"
            hers.get_by_label(re.compile("^New password")).fill(PASSWORD)
            press(hers, "Set the password")
            expect(hers.get_by_role("status")).to_have_text("The password is set, and the link is used up. Sign in with the new password.")
            looked_at(hers, axe, "invitation-used")
            # Where she came from is told to nobody: the address of the page has the code in it, and no other request names it.
            referrers = [request.all_headers().get("referer", "") for request in asked]
            assert len(asked) > 3 and any(referrers), "the control: the page has a style, a script and a form, and a browser says where it is"
            assert not [referrer for referrer in referrers if code in referrer], referrers
            sign_in(hers, "wilma")
            # It is good once.
            press(hers, "Sign out")
            expect(hers.get_by_role("status")).to_have_text("You are signed out.")
            assert hers.goto(link).status == 403
            expect(hers.get_by_role("alert")).to_contain_text(NOT_GOOD)
            assert "wilma" not in hers.content()
            looked_at(hers, axe, "invitation-not-good")

        page.reload()
        expect(page.get_by_text("with a password", exact=True)).to_be_visible()
        expect(page.locator("#link")).to_have_count(0)
    status, audit = service.ask("GET", "/api/v2/audit?limit=200", token=service.token)
    actions = {(item["action"], item["allowed"]) for item in audit["items"]}
    assert {("accounts.create", True), ("accounts.invite", True), ("invitations.accept", True), ("invitations.accept", False)} <= actions, actions
    assert code not in str(audit) and code not in logged(service)


def test_who_forgot_his_password_and_lost_his_phone_comes_in_again(service, chromium):  # noqa: F811
    token = service.account("dev", "developer")
    secret = service.ask("POST", "/api/v2/me/totp", token=token)[1]["secret"]
    assert service.ask("POST", "/api/v2/me/totp/confirm", {"code": oathtool(secret, step_before())}, token)[0] == 200
    with window(chromium, service, java_script_enabled=False) as page:
        sign_in(page, "root")
        page.goto(f"/accounts/{id_of(service, 'dev')}")
        press(page, MAKE)
        first = page.locator("#secret").input_value()
        page.get_by_label(re.compile("^The second factor goes with it")).check()
        press(page, MAKE)
        expect(page.locator("#secret")).not_to_have_value(first)
        second = page.locator("#secret").input_value()
        assert service.ask("GET", "/api/v2/me", token=token)[0] == 200, "until it is used nothing changes"
        with window(chromium, service, java_script_enabled=False) as his:
            assert his.goto(first).status == 403, "it was replaced"
            assert his.goto(second).status == 200
            expect(his.get_by_text("Its second factor is removed")).to_be_visible()
            his.get_by_label(re.compile("^New password")).fill(NEW)
            press(his, "Set the password")
            expect(his.get_by_role("status")).to_contain_text("The password is set")
        assert service.ask("GET", "/api/v2/me", token=token)[0] == 401, "his sessions ended"
        assert (signs_in(service, "dev", PASSWORD), signs_in(service, "dev", NEW)) == (401, 201), "without a code"
        # One that is taken back.
        page.goto(f"/accounts/{id_of(service, 'dev')}")
        press(page, MAKE)
        third = page.locator("#secret").input_value()
        press(page, "Take the link back")
        expect(page.get_by_role("status")).to_have_text("The link is taken back: it is good no more.")
        with window(chromium, service) as his:
            assert his.goto(third).status == 403
            expect(his.get_by_role("alert")).to_contain_text(NOT_GOOD)


def test_of_many_who_have_a_link_one_sets_the_password(service):
    service.account("dev", "developer")
    code = code_for(service, "dev")

    def accept(number: int) -> int:
        """The status of using the link for a password of one's own."""
        return service.ask("POST", "/api/v2/invitations", {"code": code, "password": f"the password of number {number}"})[0]

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        statuses = list(pool.map(accept, range(8)))
    # Whoever comes so late that he finds none counts as one who guesses.
    assert statuses.count(204) == 1 and set(statuses) <= {204, 403, 429}, statuses
    first = statuses.index(204)
    assert signs_in(service, "dev", f"the password of number {first}") == 201
    assert signs_in(service, "dev", f"the password of number {(first + 1) % 8}") == 401


def test_nobody_but_an_admin_makes_a_link(service):
    service.account("dev", "developer")
    place = f"/api/v2/accounts/{id_of(service, 'dev')}/invitations"
    for role in ("viewer", "maintainer", "auditor"):
        token = service.account(f"a-{role}", role)
        status, refused = service.ask("POST", place, {}, token)
        assert status == 403 and "code" not in refused, refused
    assert service.ask("POST", place, {})[0] == 401
    # The control; and what an account that is switched off had is gone, also when it is switched on again.
    code = code_for(service, "dev")
    for disabled in (True, False):
        assert service.ask("PATCH", place.removesuffix("/invitations"), {"disabled": disabled}, service.token)[0] == 200
    status, refused = service.ask("POST", "/api/v2/invitations", {"code": code, "password": NEW})
    assert status == 403 and refused["detail"].startswith(NOT_GOOD), refused
    assert (signs_in(service, "dev", NEW), signs_in(service, "dev", PASSWORD)) == (401, 201)


def test_a_link_outlives_a_kill_and_is_used_up_for_ever(service):
    service.account("dev", "developer")
    code = code_for(service, "dev")
    service.kill()
    service.start()
    assert service.ask("POST", "/api/v2/invitations", {"code": code, "password": NEW})[0] == 204
    service.kill()
    service.start()
    assert service.ask("POST", "/api/v2/invitations", {"code": code, "password": PASSWORD})[0] == 403
    assert (signs_in(service, "dev", PASSWORD), signs_in(service, "dev", NEW)) == (401, 201)
