"""The web page as people have it: in a real Chromium, with a mouse, with a keyboard alone, without JavaScript, light and dark.

Pictures of the pages are kept in the cache folder of the tests. `axe-core` looks at every page for what keeps people with disabilities out.
"""

import contextlib
import re
import subprocess
import time

import pytest
from playwright.sync_api import Page, expect, sync_playwright

import install
from running import PASSWORD, Service
from test_factors import oathtool

AXE_VERSION = "4.14.1"
LEVELS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
TEXT = 'def f(a):\n    """Do.\n\n    Args:\n        b: B.\n    """\n    return a\n'
# Long enough that its progress is seen, which is written down every other second.
LONG = [{"name": f"part{number}.py", "mimeType": "text/x-python", "buffer": (TEXT * 400).encode()} for number in range(40)]


@pytest.fixture(scope="module")
def chromium():
    """A browser, with nothing of ours in it."""
    with sync_playwright() as playwright:
        # Who runs tests as root has no sandbox of Chromium.
        browser = playwright.chromium.launch(executable_path=install.chromium(), args=["--no-sandbox", "--disable-dev-shm-usage"])
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def axe() -> str:
    """The source of axe-core."""
    return (install.from_npm(f"axe-core-{AXE_VERSION}", f"axe-core@{AXE_VERSION}") / "axe-core" / "axe.min.js").read_text()


@pytest.fixture
def beginning(program, tmp_path):
    """A service that nobody has set up yet."""
    service = Service(program, tmp_path)
    yield service
    if service.process.poll() is None:
        service.stop()


@contextlib.contextmanager
def window(chromium, service: Service, **options):
    """A window of the browser that fails the test when anything of it goes elsewhere, or the browser complains."""
    context = chromium.new_context(base_url=service.url, viewport={"width": 1200, "height": 800}, **options)
    page = context.new_page()
    page.set_default_timeout(20_000)
    strangers, complaints = [], []
    page.on("request", lambda request: None if request.url.startswith(service.url) else strangers.append(request.url))
    page.on("console", lambda line: complaints.append(line.text) if line.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("dialog", lambda dialog: (complaints.append(f"a dialog: {dialog.message}"), dialog.dismiss()))
    try:
        yield page
    finally:
        context.close()
    # A status such as 401 is told as an error of the console, and meant.
    assert not strangers and not [line for line in complaints if "the server responded with a status of" not in line], (strangers, complaints)


def looked_at(page: Page, axe: str, name: str) -> None:
    """Takes pictures of a page, light and dark, and has axe-core look at both."""
    folder = install.cache_folder() / "page"
    folder.mkdir(exist_ok=True)
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        page.screenshot(path=folder / f"{name}-{scheme}.png", full_page=True)
        # Run apart from the page, whose policy lets no script of others in.
        page.evaluate(axe)
        found = page.evaluate("levels => axe.run(document, { runOnly: { type: 'tag', values: levels } })", LEVELS)
        assert found["passes"], "it looked at something"
        wrong = [(one["id"], one["help"], [node["html"][:200] for node in one["nodes"]][:3]) for one in found["violations"]]
        assert not wrong, f"{name}, {scheme}: {wrong}"
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert sum(map(int, re.findall(r"\d+", ground)[:3])) < 200, f"dark is dark: {ground}"
    page.emulate_media(color_scheme="light")


def sign_in(page: Page, name: str, code: str = "") -> None:
    """Signs in with the form."""
    page.goto("/sign-in")
    page.get_by_label("Name").fill(name)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_label(re.compile("Code of your second factor")).fill(code)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("button", name="Sign out")).to_be_visible()


def press(page: Page, button: str) -> None:
    """Presses a button by its name."""
    page.get_by_role("button", name=button, exact=True).click()


def test_from_the_first_start_to_signing_out(beginning, chromium, axe):
    service = beginning
    with window(chromium, service) as page:
        page.goto("/")
        expect(page).to_have_url(re.compile("/set-up$"))
        page.goto(f"/set-up?code={service.code}")
        looked_at(page, axe, "set-up")
        page.get_by_label("Name").fill("root")
        page.get_by_label("Password").fill(PASSWORD)
        press(page, "Make the account")
        looked_at(page, axe, "sign-in")
        sign_in(page, "root")

        # A second factor, as an authenticator app has it.
        page.get_by_role("link", name="Account", exact=True).click()
        looked_at(page, axe, "account")
        press(page, "Set up a second factor")
        secret = page.locator("#secret").inner_text()
        expect(page.get_by_role("img", name=re.compile("QR code"))).to_be_visible()
        looked_at(page, axe, "second-factor")
        page.get_by_label("Code", exact=True).fill("000000")
        press(page, "Confirm")
        expect(page.get_by_role("alert")).to_contain_text("The code is wrong")
        page.get_by_label("Code", exact=True).fill(oathtool(secret.replace(" ", "")))
        press(page, "Confirm")
        expect(page.locator(".codes code")).to_have_count(10)
        codes = page.locator(".codes code").all_inner_texts()
        assert len(codes) == 10
        looked_at(page, axe, "recovery-codes")
        press(page, "Sign out")
        expect(page.get_by_role("status")).to_have_text("You are signed out.")

        # The password alone is not enough; the next code is.
        page.get_by_label("Name").fill("root")
        page.get_by_label("Password", exact=True).fill(PASSWORD)
        press(page, "Sign in")
        expect(page.get_by_role("alert")).to_contain_text("second factor")
        looked_at(page, axe, "sign-in-refused")
        sign_in(page, "root", oathtool(secret.replace(" ", ""), time.time() + 30))

        # A job with its live progress: the page is not loaded again for it.
        page.get_by_role("link", name="New job").click()
        looked_at(page, axe, "new-job")
        page.get_by_label(re.compile("^Update")).check()
        page.get_by_label(re.compile("^Files")).set_input_files(LONG)
        press(page, "Start the job")
        expect(page.locator("#facts")).to_be_visible()
        page.evaluate("""() => {
            window.seen = [];
            new MutationObserver(() => window.seen.push(document.getElementById('percent').textContent))
                .observe(document.getElementById('facts'), { childList: true, characterData: true, subtree: true });
        }""")
        looked_at(page, axe, "job-under-way")
        expect(page.locator("#state")).to_have_text("succeeded", timeout=120_000)
        expect(page.get_by_role("status")).to_have_text("The job has ended: succeeded.")
        expect(page.get_by_role("heading", name="part39.py")).to_be_visible()
        expect(page.locator("ins", has_text="a: A.").or_(page.locator("ins", has_text="a: B.")).first).to_be_visible()
        seen = page.evaluate("window.seen")
        between = {text for text in seen if text not in ("0 %", "100 %")}
        assert between, f"progress was seen while it went: {seen}"

        # A text that was typed.
        page.goto("/jobs/new")
        page.get_by_label(re.compile("^Check")).check()
        page.get_by_label(re.compile("Or a text")).fill("orders.py")
        page.get_by_label("The text").fill(TEXT)
        press(page, "Start the job")
        expect(page.locator("#state")).to_have_text("succeeded", timeout=60_000)
        expect(page.get_by_role("cell", name=re.compile("`b`"))).to_be_visible()
        looked_at(page, axe, "job-checked")
        page.get_by_role("link", name="All jobs").click()
        expect(page.get_by_role("row")).to_have_count(3)
        looked_at(page, axe, "jobs")

        # One that is ended half way.
        page.goto("/jobs/new")
        page.get_by_label(re.compile("^Update")).check()
        page.get_by_label(re.compile("^Files")).set_input_files(LONG)
        press(page, "Start the job")
        press(page, "Cancel the job")
        expect(page.locator("#state")).to_have_text("cancelled", timeout=60_000)

        # A token, shown once, and taken back.
        page.get_by_role("link", name="Tokens").click()
        page.get_by_label("Name").fill("<b>ci</b>")
        page.get_by_label(re.compile("^Documents")).check()
        page.get_by_label(re.compile("^Days")).fill("7")
        press(page, "Make the token")
        token = page.locator("#secret").input_value()
        looked_at(page, axe, "token")
        text = {"path": "a.py", "text": TEXT}
        assert service.ask("POST", "/api/v2/documents/diagnostics", text, token)[0] == 200
        page.goto("/tokens")
        assert token not in page.content()
        expect(page.get_by_role("rowheader", name="<b>ci</b>")).to_be_visible()
        press(page, "Revoke the token <b>ci</b>")
        expect(page.get_by_text("revoked", exact=True)).to_be_visible()
        assert service.ask("POST", "/api/v2/documents/diagnostics", text, token)[0] == 401
        looked_at(page, axe, "tokens")

        for name in ["Usage", "Models", "Incidents", "Audit"]:
            page.get_by_role("link", name=name).click()
            expect(page.get_by_role("heading", level=1)).to_have_text(name)
            looked_at(page, axe, name.lower())
        expect(page.get_by_role("cell", name="pwd otp", exact=True).first).to_be_visible()
        page.goto("/no-such-page")
        looked_at(page, axe, "nothing-there")
        page.goto("/jobs")
        press(page, "Sign out")
        page.go_back()
        page.goto("/jobs")
        expect(page).to_have_url(re.compile(r"/sign-in\?back=%2Fjobs"))
    assert service.stop() == 0


def test_an_admin_sees_to_accounts(service, chromium, axe):
    def make(page: Page, name: str) -> None:
        """Fills in the form for a new account."""
        page.get_by_role("link", name="Accounts", exact=True).click()
        page.get_by_label(re.compile("^Name")).fill(name)
        page.get_by_label(re.compile("^First password")).fill(PASSWORD)
        press(page, "Make the account")

    with window(chromium, service) as page:
        sign_in(page, "root")
        make(page, "not a name")
        expect(page.get_by_role("alert")).to_contain_text("A name has 1 to 64 characters")
        expect(page.get_by_label(re.compile("^Name"))).to_have_value("not a name")
        looked_at(page, axe, "accounts-refused")
        make(page, "bob")
        expect(page.get_by_role("heading", level=1)).to_have_text("Account bob")
        expect(page.get_by_role("status")).to_contain_text("the first password")
        expect(page.get_by_label(re.compile("^Viewer"))).to_be_checked()
        looked_at(page, axe, "account-of-another")

        with window(chromium, service) as his:
            sign_in(his, "bob")
            expect(his.get_by_role("link", name="Accounts")).to_have_count(0)
            assert his.goto("/accounts").status == 403
            assert his.goto("/jobs/new").status == 403
            # Another role, with the keyboard alone.
            page.get_by_label(re.compile("^Viewer")).focus()
            page.keyboard.press("ArrowDown")
            expect(page.get_by_label(re.compile("^Developer"))).to_be_checked()
            page.keyboard.press("Tab")
            expect(page.get_by_role("button", name="Change the role")).to_be_focused()
            page.keyboard.press("Enter")
            expect(page.get_by_role("status")).to_have_text("The role is developer now.")
            expect(page.get_by_role("status")).to_be_focused()
            assert his.goto("/jobs/new").status == 200
            # Out, and in no more.
            press(page, "Switch the account off")
            expect(page.get_by_role("status")).to_have_text("The account is switched off now.")
            looked_at(page, axe, "account-switched-off")
            his.goto("/account")
            expect(his).to_have_url(re.compile(r"/sign-in\?back=%2Faccount$"))
            his.get_by_label("Name").fill("bob")
            his.get_by_label("Password", exact=True).fill(PASSWORD)
            press(his, "Sign in")
            expect(his.get_by_role("alert")).to_have_text("The name or the password is wrong.")
            press(page, "Switch the account on")
            expect(page.get_by_role("status")).to_have_text("The account is switched on now.")
            sign_in(his, "bob")
            press(page, "End all sessions")
            expect(page.get_by_role("status")).to_have_text("1 session was ended.")
            his.goto("/account")
            expect(his).to_have_url(re.compile("/sign-in"))

        page.get_by_role("link", name="All accounts").click()
        expect(page.get_by_role("row")).to_have_count(3)
        looked_at(page, axe, "accounts")
        page.get_by_role("link", name="root", exact=True).click()
        press(page, "Switch the account off")
        expect(page.get_by_role("alert")).to_have_text("The last admin who is enabled and has a way in must stay one.")
        looked_at(page, axe, "account-of-the-last-admin")


def test_accounts_without_javascript(service, chromium):
    service.account("dev", "developer")
    with window(chromium, service, java_script_enabled=False) as page:
        sign_in(page, "root")
        page.get_by_role("link", name="Accounts", exact=True).click()
        page.get_by_label(re.compile("^Name")).fill("dev")
        page.get_by_label(re.compile("^Auditor")).check()
        page.get_by_label(re.compile("^First password")).fill(PASSWORD)
        press(page, "Make the account")
        expect(page.get_by_role("alert")).to_have_text("This name is taken.")
        # What was typed is there still, but for the password.
        expect(page.get_by_label(re.compile("^Auditor"))).to_be_checked()
        page.get_by_label(re.compile("^Name")).fill("aud")
        page.get_by_label(re.compile("^First password")).fill(PASSWORD)
        press(page, "Make the account")
        expect(page.locator("#role")).to_have_text("auditor")
        page.get_by_role("link", name="All accounts").click()
        page.get_by_role("link", name="dev", exact=True).click()
        press(page, "Switch the account off")
        expect(page.locator("#state")).to_have_text("off")
    status, refused = service.ask("POST", "/api/v2/sessions", {"name": "dev", "password": PASSWORD})
    assert status == 401, refused
    assert service.sign_in("aud"), "the control"


def test_with_a_keyboard_alone(chromium, service):
    service.account("dev", "developer")
    with window(chromium, service) as page:

        def to(name: str, role: str | None = None) -> None:
            """Goes on with the tabulator until something of this name has the focus, which has to be seen each time."""
            for _ in range(40):
                page.keyboard.press("Tab")
                at = page.evaluate("""() => {
                    const here = document.activeElement, label = here.labels?.[0]?.innerText ?? here.getAttribute('aria-label') ?? here.innerText ?? '';
                    return { name: label.trim(), outline: parseFloat(getComputedStyle(here).outlineWidth), is: here.matches(':focus-visible'), on: here !== document.body };
                }""")
                if at["on"]:
                    assert at["is"] and at["outline"] >= 2, f"the focus is not seen: {at}"
                if at["name"].startswith(name):
                    return
            raise AssertionError(f"{name} is not reached with the keyboard")

        page.goto("/sign-in")
        # The first field has the focus, as soon as the page is drawn.
        expect(page.get_by_label("Name")).to_be_focused()
        page.keyboard.type("dev")
        page.keyboard.press("Tab")
        page.keyboard.type(PASSWORD)
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", level=1)).to_have_text("Jobs")
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.className") == "skip", "the first thing is the way past the navigation"
        page.keyboard.press("Enter")
        to("New job")
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", level=1)).to_have_text("New job")
        to("Update")
        page.keyboard.press("ArrowUp")
        page.keyboard.press("ArrowUp")
        assert page.evaluate("document.activeElement.value") == "check"
        to("Or a text")
        page.keyboard.type("orders.py")
        page.keyboard.press("Tab")
        page.keyboard.insert_text(TEXT)
        to("Start the job")
        page.keyboard.press("Space")
        expect(page.locator("#state")).to_have_text("succeeded", timeout=60_000)
        to("Sign out")
        page.keyboard.press("Enter")
        expect(page.get_by_role("status")).to_have_text("You are signed out.")


def test_over_tls_and_http_2(program, chromium, tmp_path):
    """Where the host of a request stands in no header, forms are still known as ours."""
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", key, "-out", certificate,
                    "-days", "1", "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"], check=True, capture_output=True, timeout=30)
    service = Service(program, tmp_path, settings=f'[service]\ntls-certificate = "{certificate}"\ntls-key = "{key}"\n')
    try:
        assert service.url.startswith("https://")
        with window(chromium, service, ignore_https_errors=True) as page:
            page.goto(f"/set-up?code={service.code}")
            assert page.evaluate("performance.getEntriesByType('navigation')[0].nextHopProtocol") == "h2"
            page.get_by_label("Name").fill("root")
            page.get_by_label("Password").fill(PASSWORD)
            press(page, "Make the account")
            sign_in(page, "root")
            press(page, "Sign out")
    finally:
        service.stop()


def test_without_javascript(chromium, service):
    service.account("dev", "developer")
    with window(chromium, service, java_script_enabled=False) as page:
        sign_in(page, "dev")
        page.get_by_role("link", name="New job").click()
        press(page, "Start the job")
        expect(page.get_by_role("alert")).to_contain_text("Type a text or choose files")
        page.get_by_label(re.compile("^Files")).set_input_files(LONG[:2])
        press(page, "Start the job")
        until = time.monotonic() + 60
        while page.locator("#state").inner_text() != "succeeded":
            assert time.monotonic() < until, page.content()
            time.sleep(0.5)
            page.reload()
        expect(page.get_by_role("heading", name="part1.py")).to_be_visible()
        page.get_by_role("link", name="Tokens").click()
        page.get_by_label("Name").fill("ci")
        press(page, "Make the token")
        expect(page.get_by_role("alert")).to_have_text("Choose what the token is good for.")
        press(page, "Sign out")


def test_axe_finds_what_is_wrong(chromium, service, axe):
    """The control: the same look at a page that keeps people out."""
    with window(chromium, service) as page:
        page.goto("/sign-in")
        page.evaluate("document.querySelector('label[for=name]').remove(); document.documentElement.removeAttribute('lang')")
        with pytest.raises(AssertionError, match="label"):
            looked_at(page, axe, "control")
    (install.cache_folder() / "page" / "control-light.png").unlink(missing_ok=True)
