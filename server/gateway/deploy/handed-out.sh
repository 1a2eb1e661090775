#!/usr/bin/env bash
# Builds the program as it is handed out, and prints where it is:
#
#   bash server/gateway/deploy/handed-out.sh
#
# It is built twice, which takes half an hour: first so that it counts what it does, then, after it did for a minute what it is there for (practice.py), so
# that what it does often is fast and lies together, and what it hardly does stays on the disk. `cargo build --profile dist` builds the same program once.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../../.."

target="$(realpath -m "${CARGO_TARGET_DIR:-target}")"
triple="$(rustc -vV | sed -n 's/^host: //p')"
merge="$(rustc --print sysroot)/lib/rustlib/$triple/bin/llvm-profdata"
[ -x "$merge" ] || rustup component add llvm-tools
counted="$target/counted"
rm -rf "$counted"
mkdir -p "$counted"

build() {
  # With its target named, programs that run while it is built are not counted. Both are built in the same folder of the same name: functions are told by it.
  CARGO_ENCODED_RUSTFLAGS="$1" CARGO_TARGET_DIR="$target" CARGO_INCREMENTAL=0 cargo build --locked --profile dist --target "$triple" -p cli --bin code-agent
}

build "-Cprofile-generate=$counted"
# Threads lose some of each other's counts, which does not matter: what is hot stays hot.
python3 server/gateway/deploy/practice.py "$target/$triple/dist/code-agent"
"$merge" merge -o "$counted/all.profdata" "$counted"/*.profraw
# The linker puts together what is called often, and what never was, if it is told not to mix them.
build "-Cprofile-use=$counted/all.profdata"$'\x1f'"-Clink-arg=-Wl,-z,keep-text-section-prefix"
echo "$target/$triple/dist/code-agent"
