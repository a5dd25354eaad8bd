#!/bin/sh
# In the guest of tools/uml-test: the attacks on limits, with cgroup v2. Its kernel is slow, and has one processor.
exec "$WARREN_TEST_PREFIX/bin/warren" doctor --attack --templates "$WARREN_TEST_STORE" --template "$WARREN_TEST_TEMPLATE" \
  --only exhaustion/ --allow-missing "$(dirname "$0")/not_on_this_host.txt"
