"""The real service, with a store in a file, on a port of its own."""

import json
import os
import re
import signal
import subprocess
import threading
import urllib.error
import urllib.request

PASSWORD = "correct horse battery"


class Service:
    """A running `code-agent serve`."""

    def __init__(self, program: str, folder, store: str | None = None, settings: str = "", environment: dict[str, str] | None = None):
        self.folder, self.program, self.store, self.environment = folder, program, store, environment or {}
        if settings:
            (folder / "config" / "code-agent").mkdir(parents=True)
            (folder / "config" / "code-agent" / "config.toml").write_text(settings)
        self.token = ""
        self.start()

    def start(self) -> None:
        """Starts it, and finds its port and, at the first time, its code."""
        environment = {**os.environ, "XDG_STATE_HOME": str(self.folder / "state"), "XDG_CONFIG_HOME": str(self.folder / "config"), **self.environment}
        more = ["--store", self.store] if self.store else []
        self.process = subprocess.Popen(
            [self.program, "serve", "--listen", "127.0.0.1:0", *more], env=environment, cwd=self.folder,
            stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
        # One that says nothing is ended, so that nobody waits for its words for ever.
        patience = threading.Timer(60, self.process.kill)
        patience.start()
        try:
            first = self.process.stderr.readline()
            found = re.search(r"https?://127\.0\.0\.1:\d+", first)
            assert found, first + self.process.stderr.read()
            self.url = found[0]
            self.code = None
            if not (self.folder / "set-up").exists():
                second = self.process.stderr.readline()
                code = re.search(r'"code": "([^"]+)"', second)
                assert code, first + second
                self.code = code[1]
        finally:
            patience.cancel()

    def set_up(self) -> None:
        """Makes the first admin and signs in."""
        if self.code:
            status, body = self.ask("POST", "/api/v2/setup", {"code": self.code, "name": "root", "password": PASSWORD})
            assert status == 201, body
            (self.folder / "set-up").touch()
        self.token = self.sign_in("root")

    def sign_in(self, name: str) -> str:
        """An access token."""
        status, body = self.ask("POST", "/api/v2/sessions", {"name": name, "password": PASSWORD})
        assert status == 201, body
        return body["access_token"]

    def account(self, name: str, role: str) -> str:
        """A new account's access token."""
        status, body = self.ask("POST", "/api/v2/accounts", {"name": name, "role": role, "password": PASSWORD}, self.token)
        assert status == 201, body
        return self.sign_in(name)

    def ask(self, method: str, path: str, body=None, token: str = ""):
        """Status and body of an answer."""
        headers = {"content-type": "application/json"} if body is not None else {}
        if token:
            headers["authorization"] = f"Bearer {token}"
        data = json.dumps(body).encode() if body is not None else None
        request = urllib.request.Request(self.url + path, method=method, data=data, headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                text = answer.read().decode()
                return answer.status, json.loads(text) if text.startswith(("{", "[")) else text
        except urllib.error.HTTPError as error:
            text = error.read().decode()
            return error.code, json.loads(text) if text.startswith("{") else text

    def kill(self) -> None:
        """Ends it as a power cut would."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(10)
        self.process.stderr.close()

    def stop(self) -> int:
        """Ends it as a system does, and gives its exit code."""
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(30)
        finally:
            self.process.stderr.close()
