# Sourced by tools/test, tools/demo and tools/lint: where things are, and how they are built.
# shellcheck shell=bash

root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
readonly root
jobs="$(nproc)"
readonly jobs

# A cached object serves any checkout of the same sources.
export CCACHE_BASEDIR="$root" CCACHE_NOHASHDIR=1

# configure PRESET: makes or refreshes build/PRESET.
configure() {
  local launcher=()
  if command -v ccache >/dev/null; then launcher=(-DCMAKE_CXX_COMPILER_LAUNCHER=ccache); fi
  (cd "$root" && cmake --preset "$1" "${launcher[@]}")
}

# build PRESET [TARGET...]: configures and builds it; ninja's own lines are the progress.
build() {
  local preset="$1"
  shift
  configure "$preset" >/dev/null && cmake --build "$root/build/$preset" -j "$jobs" ${1+--target "$@"}
}
