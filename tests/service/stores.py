"""Where a service keeps what it keeps, as tests see it from the other side: a file, or a PostgreSQL and a Redis Cluster that they start and end; and services
that share it."""

import contextlib
import glob
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import sqlite3
import subprocess
import time

from running import Service

# Ports that were given out, and may not be listened on yet.
GIVEN = set()
# What a job came to is noted by the database itself, each time that anybody writes an end, whatever the service makes of it.
SQLITE_WATCH = """
CREATE TABLE observed_ends (job TEXT NOT NULL, state TEXT NOT NULL, attempt BIGINT NOT NULL);
CREATE TRIGGER observe_ends AFTER UPDATE OF state ON jobs WHEN NEW.state NOT IN ('queued', 'running')
BEGIN INSERT INTO observed_ends VALUES (NEW.id, NEW.state, NEW.attempts); END;
"""
POSTGRES_WATCH = """
CREATE TABLE observed_ends (job TEXT NOT NULL, state TEXT NOT NULL, attempt BIGINT NOT NULL);
CREATE FUNCTION observe_ends() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN INSERT INTO observed_ends VALUES (NEW.id, NEW.state, NEW.attempts); RETURN NULL; END $$;
CREATE TRIGGER observe_ends AFTER UPDATE OF state ON jobs FOR EACH ROW WHEN (NEW.state NOT IN ('queued', 'running'))
EXECUTE FUNCTION observe_ends();
"""


def free_port() -> int:
    """A port that nobody listens on, and that was given to nobody before."""
    while True:
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = server.getsockname()[1]
        if port not in GIVEN:
            GIVEN.add(port)
            return port


class File:
    """A store in a file of SQLite."""

    watch_sql = SQLITE_WATCH

    def __init__(self, path: pathlib.Path):
        self.path, self.url = path, f"sqlite:{path}"

    def ask(self, sql: str) -> list[tuple]:
        """The rows of a statement; what it writes stays."""
        with contextlib.closing(sqlite3.connect(self.path, timeout=30)) as connection, connection:
            return connection.execute(sql).fetchall()

    def watch(self) -> None:
        """Notes the ends of jobs from now on."""
        with contextlib.closing(sqlite3.connect(self.path, timeout=30)) as connection:
            connection.executescript(self.watch_sql)

    def is_sound(self) -> bool:
        """Whether the database says so itself."""
        return self.ask("PRAGMA integrity_check") == [("ok",)] and self.ask("PRAGMA foreign_key_check") == []

    def close(self) -> None:
        """Nothing runs."""


class Postgres:
    """A PostgreSQL of the test, with a database."""

    def __init__(self, folder: pathlib.Path):
        found = sorted(glob.glob("/usr/lib/postgresql/*/bin"), key=lambda path: int(path.split("/")[4]))
        self.bin = found[-1] if found else str(pathlib.Path(shutil.which("initdb")).resolve().parent)
        self.data = folder / "postgres"
        self.data.mkdir()
        if os.geteuid() == 0:
            # It refuses to run as root, and whoever it runs as has to get in.
            shutil.chown(self.data, "postgres")
            for parent in self.data.parents:
                if parent.stat().st_uid == os.geteuid() and parent != pathlib.Path("/"):
                    parent.chmod(parent.stat().st_mode | 0o011)
        self._as_owner("initdb", "-D", self.data, "-A", "trust", "-U", "postgres", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync")
        self.port = free_port()
        self.start()
        self.url = f"postgres://postgres@127.0.0.1:{self.port}/postgres?sslmode=disable"

    def _as_owner(self, program: str, *arguments) -> None:
        who = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"] if os.geteuid() == 0 else []
        command = [*who, f"{self.bin}/{program}", *map(str, arguments)]
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=120, cwd="/")
        assert done.returncode == 0, f"{program}: {done.stdout}"

    def start(self) -> None:
        """Starts it, also again."""
        options = f"-c listen_addresses=127.0.0.1 -p {self.port} -c unix_socket_directories= -c max_connections=100"
        # Its output must not be a pipe of ours, which it would hold open.
        who = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"] if os.geteuid() == 0 else []
        command = [*who, f"{self.bin}/pg_ctl", "-D", str(self.data), "-l", str(self.data / "log"), "-w", "-t", "60", "-o", options, "start"]
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=120, cwd="/")
        assert done.returncode == 0, (self.data / "log").read_text()[-2000:]

    def stop(self, mode: str = "immediate") -> None:
        """Ends it; `immediate` is as a crash, with all connections."""
        self._as_owner("pg_ctl", "-D", self.data, "-m", mode, "-w", "-t", "60", "stop")

    def ask(self, sql: str) -> list[tuple]:
        """The rows of a statement, numbers as numbers; what it writes stays."""
        command = [f"{self.bin}/psql", "-h", "127.0.0.1", "-p", str(self.port), "-U", "postgres", "-X", "-q", "-t", "-A", "-F", "\t", "-v", "ON_ERROR_STOP=1"]
        done = subprocess.run([*command, "-c", sql], capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        return [tuple(int(part) if re.fullmatch(r"-?\d+", part) else part for part in line.split("\t")) for line in done.stdout.splitlines() if line]

    def watch(self) -> None:
        """Notes the ends of jobs from now on."""
        self.ask(POSTGRES_WATCH)

    def is_sound(self) -> bool:
        """Whether the tables can be read from end to end."""
        return all(self.ask(f"SELECT count(*) FROM {table}") for table in ("jobs", "job_events", "accounts", "audit", "idempotency"))

    def close(self) -> None:
        """Ends it, where it runs."""
        with contextlib.suppress(AssertionError):
            self.stop()


@contextlib.contextmanager
def opened(kind: str, folder: pathlib.Path):
    """A store of a kind; it ends with the block."""
    store = File(folder / "store" / "service.db") if kind == "sqlite" else Postgres(folder)
    try:
        yield store
    finally:
        store.close()


class RedisCluster:
    """Three primaries of a Redis Cluster, each on ports of its own."""

    def __init__(self, folder: pathlib.Path):
        self.nodes, self.processes = [(free_port(), free_port(), folder / str(number)) for number in range(3)], {}

    @property
    def urls(self) -> list[str]:
        """Where its nodes are."""
        return [f"redis://127.0.0.1:{port}" for port, _, _ in self.nodes]

    def ask(self, port: int, *words: str) -> str:
        """What a node says."""
        return subprocess.run(["redis-cli", "-p", str(port), *words], capture_output=True, text=True, timeout=30).stdout

    def is_ok(self) -> bool:
        """Whether all nodes say that all slots are served."""
        return all("cluster_state:ok" in self.ask(port, "CLUSTER", "INFO") for port, _, _ in self.nodes)

    def keys(self) -> list[str]:
        """The names of all that lies there."""
        return [key for port, _, _ in self.nodes for key in self.ask(port, "KEYS", "*").split()]

    def start(self) -> None:
        """Starts all nodes, also again: they know each other still."""
        for port, bus, own in self.nodes:
            own.mkdir(parents=True, exist_ok=True)
            command = [
                "redis-server", "--port", str(port), "--cluster-port", str(bus), "--cluster-enabled", "yes", "--cluster-node-timeout", "2000",
                "--save", "", "--appendonly", "no", "--bind", "127.0.0.1", "--dir", str(own),
            ]
            self.processes[port] = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for port, _, _ in self.nodes:
            wait_for("a Redis", lambda port=port: self.ask(port, "PING").strip() == "PONG")

    def join(self) -> None:
        """Makes one cluster of them."""
        addresses = [f"127.0.0.1:{port}" for port, _, _ in self.nodes]
        command = ["redis-cli", "--cluster", "create", *addresses, "--cluster-replicas", "0", "--cluster-yes"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stdout + done.stderr
        wait_for("a cluster in step", self.is_ok)

    def kill(self) -> None:
        """Ends all nodes as a crash would."""
        for process in self.processes.values():
            process.kill()
            process.wait(10)


@contextlib.contextmanager
def redis_cluster(folder: pathlib.Path):
    """A cluster that ends with the block."""
    cluster = RedisCluster(folder)
    try:
        cluster.start()
        cluster.join()
        yield cluster
    finally:
        cluster.kill()


class Replica(Service):
    """One of several services that share a store and a folder of settings and keys. What it says goes into a file, so that it never waits for a reader."""

    # Where it listens: anywhere, until a test wants it at the same place again.
    listen = "127.0.0.1:0"

    def __init__(self, *arguments, name: str = "replica", limits=None, **options):
        self.name, self.limits = name, limits
        super().__init__(*arguments, **options)

    @property
    def log(self) -> pathlib.Path:
        """What it said."""
        return self.folder / f"{self.name}.log"

    def start(self) -> None:
        """Starts it, and finds its port and, at the first time, its code."""
        environment = {**os.environ, "XDG_STATE_HOME": str(self.folder / "state"), "XDG_CONFIG_HOME": str(self.folder / "config"), **self.environment}
        written = self.log.stat().st_size if self.log.exists() else 0
        with self.log.open("a") as log:
            self.process = subprocess.Popen(
                [self.program, "serve", "--listen", self.listen, "--store", self.store, "--log", "warn"],
                env=environment, cwd=self.folder, stderr=log, stdout=subprocess.DEVNULL, preexec_fn=self.limits)
        until = time.monotonic() + 60
        while True:
            said = self.log.read_bytes()[written:].decode()
            found = re.search(r"https?://127\.0\.0\.1:\d+(?=[,;])", said)
            code = re.search(r'"code": "([^"]+)"', said)
            if found and (code or (self.folder / "set-up").exists()):
                break
            assert self.process.poll() is None and time.monotonic() < until, f"{self.name} does not start: {said}"
            time.sleep(0.02)
        self.url, self.code = found[0], code and code[1]

    def signal(self, number: int) -> None:
        """Sends it a signal."""
        self.process.send_signal(number)

    def kill(self) -> None:
        """Ends it as a power cut would."""
        self.signal(signal.SIGKILL)
        self.process.wait(10)

    def stop(self) -> int:
        """Ends it as a system does, and gives its exit code."""
        self.signal(signal.SIGTERM)
        return self.process.wait(60)

    def is_ready(self) -> bool:
        """Whether it says that it can do its work."""
        try:
            return self.ask("GET", "/api/v2/health/ready")[0] == 200
        except OSError:
            return False

    def api_token(self, *scopes: str, of: str = "") -> str:
        """A token of the one who signed in, or of a new developer, which stays good over kills."""
        token = self.account(of, "developer") if of else self.token
        status, made = self.ask("POST", "/api/v2/tokens", {"name": "load", "scopes": list(scopes), "days": 1}, token)
        assert status == 201, made
        return made["secret"]


@contextlib.contextmanager
def replicas(program: str, folder: pathlib.Path, store, count: int = 2, settings: str = "", **options):
    """Services over one store; the first has made the first admin. Where nothing is said of quotas there are none."""
    if "service.quotas" not in settings:
        settings = "[service.quotas]\nrequests-per-minute = 0\n\n" + settings
    started = []
    try:
        for number in range(count):
            started.append(Replica(program, folder, store=store.url, settings=settings if not started else "", name=f"replica-{number}", **options))
            if not number:
                started[0].set_up()
        yield started
    finally:
        for replica in started:
            if replica.process.poll() is None:
                replica.signal(signal.SIGCONT)
                replica.kill()


def wait_for(what: str, found, seconds: float = 60, pause: float = 0.1):
    """What `found` gives, as soon as it is something."""
    until = time.monotonic() + seconds
    while not (result := found()):
        assert time.monotonic() < until, f"{what} did not come within {seconds} s"
        time.sleep(pause)
    return result


def problem(body) -> str:
    """The sentence of a problem; it has to have one."""
    body = json.loads(body) if isinstance(body, str) else body
    assert body["type"].startswith("urn:code-agent:problem:") and body["detail"].endswith("."), body
    return body["detail"]
