#!/bin/sh
# In the guest of tools/uml-test: the attacks on limits, with cgroup v2, by user code and by root of a sandbox; and those
# that only root could try. Its kernel is slow, and has one processor.
attack() {
  "$WARREN_TEST_PREFIX/bin/warren" doctor --attack --templates "$WARREN_TEST_STORE" --template "$WARREN_TEST_TEMPLATE" \
    --allow-missing "$(dirname "$0")/not_on_this_host.txt" "$@"
}
attack --only exhaustion/ && attack --as root --only exhaustion/ && attack --as root --only root/
