"""Second factors as an authenticator app has them: codes of `oathtool`, which knows nothing of us."""

import os
import re
import shutil
import subprocess
import time
import urllib.parse

import pytest

from running import PASSWORD, Service


def oathtool(secret: str, when: float | None = None) -> str:
    """The code that another program computes."""
    if not shutil.which("oathtool"):
        pytest.fail("oathtool is missing; tests/run.sh installs it.")
    now = f"@{int(when if when is not None else time.time())}"
    return subprocess.run(["oathtool", "--totp", "--base32", "--now", now, secret], capture_output=True, text=True, timeout=10, check=True).stdout.strip()


def step_before() -> float:
    """A time within the step before this one. No older code is taken, so where this step is nearly over the next one is waited for."""
    left = 30 - time.time() % 30
    if left < 8:
        time.sleep(left + 0.1)
    return time.time() - 30


def test_oathtool_agrees_and_a_code_is_good_once(service):
    token = service.account("dev", "developer")
    status, begun = service.ask("POST", "/api/v2/me/totp", token=token)
    assert status == 201, begun
    asked = urllib.parse.parse_qs(urllib.parse.urlparse(begun["uri"]).query)
    assert asked == {"secret": [begun["secret"]], "issuer": ["code-agent"], "algorithm": ["SHA1"], "digits": ["6"], "period": ["30"]}

    def sign_in(code=None):
        return service.ask("POST", "/api/v2/sessions", {"name": "dev", "password": PASSWORD, **({"code": code} if code else {})})

    # Steps of the past and the future that are too far away, then one within the drift.
    for away in (-90, 90):
        status, body = service.ask("POST", "/api/v2/me/totp/confirm", {"code": oathtool(begun["secret"], time.time() + away)}, token)
        assert status == 403, (away, body)
    before = oathtool(begun["secret"], step_before())
    status, confirmed = service.ask("POST", "/api/v2/me/totp/confirm", {"code": before}, token)
    assert status == 200 and len(confirmed["recovery_codes"]) == 10, confirmed
    status, body = sign_in()
    assert status == 401 and body["type"] == "urn:code-agent:problem:second-factor-needed", body
    assert sign_in(before)[0] == 401, "it was used"
    code = oathtool(begun["secret"])
    assert sign_in(code)[0] == 201
    assert sign_in(code)[0] == 401
    assert sign_in(confirmed["recovery_codes"][0])[0] == 201
    assert sign_in(confirmed["recovery_codes"][0])[0] == 401
    status, audit = service.ask("GET", "/api/v2/audit?limit=200", token=service.token)
    details = {item["detail"] for item in audit["items"]}
    assert {"pwd otp", "pwd recovery", "a second factor is needed", "the code is wrong", "confirmed"} <= details, details


def test_the_factor_outlives_a_new_start(service):
    token = service.account("dev", "developer")
    secret = service.ask("POST", "/api/v2/me/totp", token=token)[1]["secret"]
    assert service.ask("POST", "/api/v2/me/totp/confirm", {"code": oathtool(secret, step_before())}, token)[0] == 200
    service.kill()
    service.start()
    status, signed = service.ask("POST", "/api/v2/sessions", {"name": "dev", "password": PASSWORD, "code": oathtool(secret)})
    assert status == 201, signed


def test_two_replicas_that_begin_at_once_know_each_others_sessions(program, tmp_path):
    """They share a folder that is empty when both begin: the key of one of them is the key of both."""
    environment = {**os.environ, "XDG_STATE_HOME": str(tmp_path / "state"), "XDG_CONFIG_HOME": str(tmp_path / "config")}
    replicas = [subprocess.Popen([program, "serve", "--listen", "127.0.0.1:0"], env=environment, cwd=tmp_path, stderr=subprocess.PIPE,
                                 stdout=subprocess.DEVNULL, text=True) for _ in range(2)]
    try:
        urls = [re.search(r"http://127\.0\.0\.1:\d+", replica.stderr.readline())[0] for replica in replicas]
        code = re.search(r'"code": "([^"]+)"', replicas[0].stderr.readline())[1]

        def ask(url, *arguments):
            one = object.__new__(Service)
            one.url = url
            return one.ask(*arguments)

        assert ask(urls[0], "POST", "/api/v2/setup", {"code": code, "name": "root", "password": PASSWORD})[0] == 201
        token = ask(urls[0], "POST", "/api/v2/sessions", {"name": "root", "password": PASSWORD})[1]["access_token"]
        assert [ask(url, "GET", "/api/v2/me", None, token)[0] for url in urls] == [200, 200]
    finally:
        for replica in replicas:
            replica.terminate()
            replica.wait(30)
            replica.stderr.close()
