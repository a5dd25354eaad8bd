#!/bin/bash
# tools/uml-test in a guest whose kernel panics: ends with the console and 125, without waiting for its time-out.
set -uo pipefail
uml_test="$(dirname "${BASH_SOURCE[0]}")/../../tools/uml-test"

console="$("$uml_test" "$@" -- bash -c 'echo c >/proc/sysrq-trigger' 2>&1)"
status=$?
if ((status != 125)) || [[ $console != *"Kernel panic"*"ended without a result"* ]]; then
  echo "exit status $status, wanted 125 and the panic; the output was:"
  echo "$console"
  exit 1
fi
