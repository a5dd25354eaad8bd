#!/bin/bash
# The guest is what the other tests here take it for: cgroup v2 that limits memory and kills,
# overlays, user namespaces.
set -euo pipefail

root=/sys/fs/cgroup
[[ $(stat -f -c %T "$root") == cgroup2fs ]]
for controller in cpu io memory pids; do
  grep -qw "$controller" "$root/cgroup.subtree_control"
done

group="$root/warren-guest-test"
mkdir "$group"
trap 'rmdir "$group"' EXIT
[[ -w $group/cgroup.kill && -r $group/memory.peak && -w $group/memory.oom.group ]]
echo 16M >"$group/memory.max"
# A child inside the group asks for four times that: the kernel must kill it, and say so.
if (echo "$BASHPID" >"$group/cgroup.procs" && head -c 64M /dev/zero | tail >/dev/null); then
  echo "64 MiB fitted into 16" >&2
  exit 1
fi
grep -q '^oom_kill [1-9]' "$group/memory.events"

unshare --user --map-root-user --mount bash -c '
  mkdir /tmp/o && mount -t tmpfs tmpfs /tmp/o && mkdir /tmp/o/{lower,upper,work,merged} && touch /tmp/o/lower/file &&
  mount -t overlay overlay -o lowerdir=/tmp/o/lower,upperdir=/tmp/o/upper,workdir=/tmp/o/work /tmp/o/merged &&
  test -e /tmp/o/merged/file'
