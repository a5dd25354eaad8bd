#!/bin/bash
# In the guest: a kernel test of the build tree, with everything that it makes sandboxes from on an ext4 disk, for neither
# hostfs nor this kernel's tmpfs takes id-mapped mounts.
#   kernel.sh BUILD TEST [ARGUMENT...]
# The template is the one that tools/uml-test --template put in place, by another name and with few modules to import.
set -euo pipefail

build="$1" test="$2"
shift 2
built="$(echo "${WARREN_TEMPLATES:-/var/lib/warren/templates}"/*/rootfs)"
disk=/tmp/disk store=/tmp/store

insmod /usr/lib/uml/modules/*/kernel/drivers/block/loop.ko
mknod /dev/loop-control c 10 237
mknod /dev/loop0 b 7 0

files=/tmp/files
mkdir -p "$files"/{prefix/bin,prefix/share,mappable} "$disk" "$store/light"
cp "$build"/bin/warren-{launcher,init} "$files/prefix/bin/"
cp -r "$build/share/warren" "$files/prefix/share/"
recipes="$files/prefix/share/warren/rootfs"
mkdir "$recipes/light"
cat >"$recipes/light/recipe.textproto" <<'RECIPE'
name: "light"
debian { suite: "trixie" }
python: "/usr/bin/python3"
preload: "IPython"
limits { memory_bytes: 268435456 }
seccomp_policy: "default"
start: FORK
RECIPE
# As tools/build-template would have left it.
cat >"$store/light/manifest.textproto" <<MANIFEST
name: "light"
recipe_digest: "sha256:$(sha256sum "$recipes/light/recipe.textproto" | cut -d' ' -f1)"
tree_digest: "sha256:$(printf '%064d' 0)"
MANIFEST
ln -s "$built" "$store/light/rootfs"
mkfs.ext4 -q -E root_owner=0:0 -O ^has_journal -d "$files" /tmp/disk.ext4 96M
rm -r "$files"
mount -o loop /tmp/disk.ext4 "$disk"

export WARREN_TEST_PREFIX="$disk/prefix" WARREN_TEST_STORE="$store" WARREN_TEST_TEMPLATE=light
export WARREN_TEST_MAPPABLE="$disk/mappable"
exec "$build/bin/$test" "$@"
