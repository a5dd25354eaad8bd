#!/bin/bash
# In the guest of tools/uml-test: runs each argument as a command, all of them whatever the first ones say.
set -u
status=0
for command; do
  echo "==> $command"
  start=$SECONDS
  # Words, not quoted arguments: none of them has blanks, and * is a filter's.
  set -f
  # shellcheck disable=SC2086
  $command || { echo "FAILED: $command"; status=1; }
  echo "    took $((SECONDS - start)) s"
done
exit "$status"
