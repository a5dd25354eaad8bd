#!/bin/sh
# attack_on_v2.sh TEMPLATE: in the guest of tools/uml-test, the whole attack suite with cgroup v2, by user code and by root of
# a sandbox. Its kernel is slow, and has one processor.
status=0
for attacker in user root; do
  "$WARREN_TEST_PREFIX/bin/warren" doctor --attack --as "$attacker" --templates "$WARREN_TEST_STORE" --template "$1" \
    --allow-missing "$(dirname "$0")/not_on_this_host.txt" || status=1
done
exit "$status"
