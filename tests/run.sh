#!/usr/bin/env bash
# Sets up and runs all tests, and ends with one line: N passed, N failed.
#
#   bash tests/run.sh         all tests; of the real source trees a sample
#   bash tests/run.sh full    the same with the whole trees, and with more kills, load and requests at random
#
# What is fetched (editors, a language model, source trees, Python packages) stays in the cache folder of the user, never in the clone.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

cache="${XDG_CACHE_HOME:-$HOME/.cache}/code-agent"
mkdir -p "$cache"
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$cache/target}"
export CARGO_INCREMENTAL="${CARGO_INCREMENTAL:-0}"
build=debug
if [ "${1:-}" = full ]; then
  # Whole trees want a program that is optimised.
  export CODE_AGENT_TREES=full
  build=release
  # Seconds of Schemathesis for each role, kills for each store, and seconds of mixed load.
  export CODE_AGENT_FUZZ_SECONDS="${CODE_AGENT_FUZZ_SECONDS:-300}"
  export CODE_AGENT_CRASHES="${CODE_AGENT_CRASHES:-50}"
  export CODE_AGENT_SOAK_SECONDS="${CODE_AGENT_SOAK_SECONDS:-600}"
elif [ $# -gt 0 ]; then
  echo "tests/run.sh knows only the argument full." >&2
  exit 2
fi

passed=0
failed=0
scratch="$(mktemp -d)"
log="$scratch/log"
trap 'rm -rf "$scratch"' EXIT

title() { printf '\n== %s\n' "$1"; }

# A step that is not a test: it adds to the failures only.
check() {
  title "$1"
  shift
  if ! "$@"; then
    echo "This step failed: $*"
    failed=$((failed + 1))
  fi
}

# A step that runs tests: `count` reads its output for "N passed" and "N failed" in the way of its runner.
count() {
  title "$1"
  local pattern="$2" status=0 good=0 bad=0
  shift 2
  "$@" 2>&1 | tee "$log" || status=$?
  good=$(sed 's/\x1b\[[0-9;]*m//g' "$log" | grep -E "$pattern" | grep -oE '[0-9]+ passed' | awk '{ n += $1 } END { print n + 0 }')
  bad=$(sed 's/\x1b\[[0-9;]*m//g' "$log" | grep -E "$pattern" | grep -oE '[0-9]+ (failed|errors?|timed out)' | awk '{ n += $1 } END { print n + 0 }')
  if { [ "$status" -ne 0 ] && [ "$bad" -eq 0 ]; } || [ "$good" -eq 0 ]; then
    echo "This step failed before its tests could tell: $*"
    bad=$((bad + 1))
  fi
  passed=$((passed + good))
  failed=$((failed + bad))
}

as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi
}

# Programs that only the tests need; missing ones are installed where that is possible.
set_up() {
  local missing=()
  command -v tmux >/dev/null || missing+=(tmux)
  command -v git >/dev/null || missing+=(git)
  command -v cc >/dev/null || missing+=(build-essential)
  command -v python3 >/dev/null || missing+=(python3)
  python3 -c 'import ensurepip, venv' 2>/dev/null || missing+=(python3-venv)
  command -v node >/dev/null || missing+=(nodejs)
  command -v npm >/dev/null || missing+=(npm)
  # Another program that knows the codes of second factors.
  command -v oathtool >/dev/null || missing+=(oathtool)
  # Emacs 29 and later bring Eglot along; for older ones it is a package.
  local wants_eglot=
  command -v emacs >/dev/null || missing+=(emacs-nox)
  emacs --batch --no-init-file -l eglot >/dev/null 2>&1 || wants_eglot=1
  # The tests start servers of their own; the one that the package starts is not wanted.
  local redis_is_new=
  command -v redis-server >/dev/null && command -v redis-cli >/dev/null || { missing+=(redis-server redis-tools); redis_is_new=1; }
  # The same holds for PostgreSQL, whose programs Debian keeps out of the path.
  local postgres_is_new=
  ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || { missing+=(postgresql); postgres_is_new=1; }
  # And for Prometheus and Alertmanager; `promtool` and `amtool` come with them.
  local prometheus_is_new=
  command -v promtool >/dev/null && command -v prometheus >/dev/null && command -v prometheus-alertmanager >/dev/null ||
    { missing+=(prometheus prometheus-alertmanager); prometheus_is_new=1; }
  # For what it says of a unit; nothing is started by it.
  command -v systemd-analyze >/dev/null || missing+=(systemd)
  # VS Code is shown in a browser, and builds parts of itself from source when it is installed.
  command -v chromium >/dev/null || command -v chromium-browser >/dev/null || command -v google-chrome >/dev/null ||
    missing+=(chromium fonts-dejavu-core)
  command -v pkg-config >/dev/null || missing+=(pkg-config)
  pkg-config --exists krb5-gssapi libsecret-1 x11 xkbfile 2>/dev/null || missing+=(libkrb5-dev libsecret-1-dev libx11-dev libxkbfile-dev)
  # The Rust for WebAssembly, which Zed's extension is compiled with, is a whole Rust; it must not take the place of one from a package.
  local wants_wasm=
  [ -e /usr/bin/rustc ] && [ -e /usr/lib/wasm32-wasi/libc.a ] || wants_wasm=1
  if [ ${#missing[@]} -gt 0 ] || [ -n "$wants_eglot" ] || [ -n "$wants_wasm" ] || [ -z "$(apt-cache pkgnames golang-1. 2>/dev/null)" ]; then
    as_root apt-get -o DPkg::Lock::Timeout=300 update -qq || echo "The package lists could not be brought up to date."
  fi
  if [ -n "$wants_eglot" ] && [ -n "$(apt-cache pkgnames elpa-eglot 2>/dev/null)" ]; then missing+=(elpa-eglot); fi
  if [ -n "$wants_wasm" ] && [ ! -e /usr/bin/rustc ] && [ -n "$(apt-cache pkgnames rustc-web 2>/dev/null)" ]; then
    missing+=(rustc-web cargo-web rust-web-src wasi-libc "$(apt-cache pkgnames lld- | grep -E '^lld-[0-9]+$' | sort -V | tail -1)")
  fi
  if [ ${#missing[@]} -gt 0 ]; then
    as_root env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 install -y -qq --no-install-recommends "${missing[@]}" ||
      { echo "These packages are needed and could not be installed: ${missing[*]}."; return 1; }
    if [ -n "$redis_is_new" ] && command -v service >/dev/null; then as_root service redis-server stop >/dev/null 2>&1 || true; fi
    if [ -n "$prometheus_is_new" ] && command -v service >/dev/null; then
      as_root service prometheus stop >/dev/null 2>&1 || true
      as_root service prometheus-alertmanager stop >/dev/null 2>&1 || true
    fi
    if [ -n "$postgres_is_new" ] && command -v service >/dev/null; then as_root service postgresql stop >/dev/null 2>&1 || true; fi
  fi
  local want="$cache/tests/venv-$(cat tests/requirements.txt <(python3 --version) | cksum | cut -d' ' -f1)"
  if [ ! -f "$want/.complete" ]; then
    rm -rf "$want"
    python3 -m venv "$want" && "$want/bin/pip" install -q --disable-pip-version-check -r tests/requirements.txt && touch "$want/.complete" || return 1
  fi
  python="$want/bin/python"
}

rust_tests() {
  if cargo nextest --version >/dev/null 2>&1; then
    cargo nextest run --workspace --no-fail-fast
  else
    cargo test --workspace --no-fail-fast
  fi
}

# After an hour something waits for what does not come; the full run may take longer. An interrupt lets pytest say where it was, and end what it started.
python_tests() {
  local limit=(timeout --foreground --signal=INT --kill-after=2m 60m)
  [ "$build" = debug ] || limit=()
  "${limit[@]}" "$python" -m pytest -c tests/pytest.ini tests
}

# The extension of VS Code is built from a copy, so that the clone stays as it is.
extension() {
  local copy="$cache/tests/vscode"
  mkdir -p "$copy" && rm -rf "$copy/src" "$copy/dist" && cp -r editors/vscode/. "$copy" &&
    (cd "$copy" && { cmp -s package-lock.json node_modules/.lock || { npm ci --silent --no-audit --no-fund && cp package-lock.json node_modules/.lock; }; } &&
      npm run --silent build && test -s dist/extension.js)
}

python=python3
check "set-up" set_up
# VS Code takes minutes to install, on one core, and so does Zed's extension to compile with its standard library.
# The tests wait for them if they are not there by then, and tell what went wrong.
{ "$python" tests/editors/install.py vscode; nice "$python" tests/editors/install.py zed; } >/dev/null 2>&1 </dev/null &
check "format" cargo fmt --all --check
check "lints" cargo clippy --workspace --all-targets --quiet -- -D warnings
count "Rust tests" '^ *Summary|^test result:' rust_tests
# The tests have built the program; a build of it alone would be one with other features, and take as long again.
# A copy, so that another build cannot replace it under the tests.
export CODE_AGENT_PROGRAM="$scratch/code-agent"
[ "$build" = debug ] || check "release build" cargo build --quiet --release --bin code-agent
cp "$CARGO_TARGET_DIR/$build/code-agent" "$CODE_AGENT_PROGRAM" || failed=$((failed + 1))
# What the cases of the WebSocket protocol are held against; the tests have built it too.
export CODE_AGENT_ECHO="$CARGO_TARGET_DIR/debug/examples/echo"
count "editors and source trees" '(passed|failed|error).* in [0-9.]+s' python_tests
check "extension of VS Code" extension

printf '\n%d passed, %d failed\n' "$passed" "$failed"
[ "$failed" -eq 0 ]
