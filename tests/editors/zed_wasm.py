"""Builds the extension of Zed as Zed does: to a WebAssembly component.

The Rust that is usually at hand has no library for WebAssembly, and what `rustup` would fetch is not in every network. Debian has one, with
its sources, in packages of its own; `tests/run.sh` installs them where there are such. What is built stays in the cache folder.
"""

import os
import pathlib
import re
import shutil
import subprocess

import install

EXTENSION = pathlib.Path(__file__).resolve().parents[2] / "editors" / "zed"
PACKAGES = "rustc-web cargo-web rust-web-src lld wasi-libc"
TARGET = "wasm32-wasip1"
JCO_VERSION = "1.35.0"
DEBIAN = pathlib.Path("/usr/bin")


def linker() -> pathlib.Path | None:
    """The newest linker for WebAssembly that Debian installed."""
    found = [path for path in DEBIAN.glob("wasm-ld-*") if re.search(r"-\d+$", path.name)]
    return max(found, key=lambda path: int(path.name.rsplit("-", 1)[1]), default=None)


def core_module() -> pathlib.Path:
    """The extension in WebAssembly, compiled by Debian's Rust with a standard library that is built along the way."""
    cargo, rustc, link = DEBIAN / "cargo", DEBIAN / "rustc", linker()
    sources = pathlib.Path("/usr/lib/rustlib/src/rust/library/Cargo.toml")
    libc = pathlib.Path("/usr/lib/wasm32-wasi/libc.a")
    missing = [str(path) for path in [cargo, rustc, sources, libc] if not path.exists()] + ([] if link else ["wasm-ld"])
    if missing:
        raise RuntimeError(
            f"The extension of Zed cannot be compiled to WebAssembly here, so it was not: {', '.join(missing)} is missing. "
            f"On Debian 12 these packages bring it: {PACKAGES}.")
    target = install.cache_folder() / "zed-wasm-target"
    environment = {name: value for name, value in os.environ.items() if name not in {"RUSTFLAGS", "RUSTUP_TOOLCHAIN", "CARGO_ENCODED_RUSTFLAGS"}}
    environment |= {"RUSTC": str(rustc), "RUSTC_BOOTSTRAP": "1", "CARGO_TARGET_DIR": str(target), "CARGO_TERM_COLOR": "never"}
    install.run([
        str(cargo), "build", "--locked", "--release", "--target", TARGET, "-Zbuild-std=std,panic_abort",
        "--config", f'target.{TARGET}.linker="{link}"',
        # The C library is Debian's, since the one that comes with Rust does not come with Debian's Rust.
        "--config", f'target.{TARGET}.rustflags=["-Clink-self-contained=no","-Lnative={libc.parent}"]',
    ], cwd=EXTENSION, env=environment)
    return target / TARGET / "release" / "code_agent_zed.wasm"


def modules() -> pathlib.Path:
    """The folder of modules with the tools for components."""
    return install.from_npm(f"jco-{JCO_VERSION}", "--ignore-scripts", f"@bytecodealliance/jco@{JCO_VERSION}")


def jco(*arguments: str) -> str:
    """Runs the tool for components."""
    script = modules() / "@bytecodealliance" / "jco" / "dist" / "jco.js"
    command = [str(install.node() / "bin" / "node"), str(script), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, env={**os.environ, "NO_COLOR": "1"})
    if done.returncode != 0:
        raise RuntimeError(f"jco {arguments[0]} ended with {done.returncode}: {done.stdout[-1000:]}{done.stderr[-2000:]}")
    return done.stdout


def component(folder: pathlib.Path) -> pathlib.Path:
    """The extension as a component, in a folder; beside it, in `transpiled`, what Node runs."""
    with install.alone("zed-wasm"):
        core = core_module()
    made = folder / "extension.wasm"
    jco("new", str(core), "--wasi-reactor", "-o", str(made))
    shutil.rmtree(folder / "transpiled", ignore_errors=True)
    jco("transpile", str(made), "--instantiation", "async", "--name", "extension", "-o", str(folder / "transpiled"))
    (folder / "transpiled" / "package.json").write_text('{"type": "module"}')
    return made
