#!/usr/bin/env bash
# Counts the instructions of one call to a language model, from the question to the last word, without a network, and holds them against
# the baseline beside this program: more than a tenth above it fails. Wants valgrind.
#
#   bash tests/instructions.sh           compares
#   bash tests/instructions.sh record    makes what is counted the baseline
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
baseline=server/llm/benches/instructions.txt
command -v valgrind >/dev/null || { echo "valgrind is needed, and not installed." >&2; exit 2; }
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/code-agent/target}"
# Built soon, and with lines, so that callgrind_annotate can say where the instructions are.
export CARGO_INCREMENTAL=0 CARGO_PROFILE_BENCH_LTO=off CARGO_PROFILE_BENCH_CODEGEN_UNITS=16
export CARGO_PROFILE_BENCH_STRIP=none CARGO_PROFILE_BENCH_DEBUG=line-tables-only
program=$(cargo bench -p llm --features scripted --bench path --no-run 2>&1 | sed -n 's/.*Executable.*(\(.*\))/\1/p')
scratch="$(mktemp -d)"
trap 'rm -rf "$scratch"' EXIT

count() {
  valgrind --tool=callgrind --callgrind-out-file="$scratch/out" "$program" calls "$1" 2>&1 | sed -n 's/.*Collected : //p'
}

# The difference of two runs has no start-up in it.
few=$(count 200)
many=$(count 1200)
each=$(((many - few) / 1000))
echo "$each instructions for a call"
if [ "${1:-}" = record ]; then
  echo "$each" >"$baseline"
  exit 0
fi
known=$(cat "$baseline")
if [ "$each" -gt $((known * 11 / 10)) ]; then
  echo "That is more than a tenth above the baseline of $known." >&2
  exit 1
fi
