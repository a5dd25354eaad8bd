#include "runtime/linux/detached_mount.h"

#include <fcntl.h>
#include <linux/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "runtime/base/status.h"
#include "runtime/linux/process.h"

namespace warren {
namespace {

// Not from <sys/mount.h>, which clashes with <linux/mount.h> in glibc 2.36.
UniqueFd OpenTree(int directory, unsigned flags) {
  return UniqueFd(static_cast<int>(::syscall(SYS_open_tree, directory, "", flags)));
}

int SetMountAttributes(int mount, mount_attr& attributes) {
  return static_cast<int>(
      ::syscall(SYS_mount_setattr, mount, "", AT_EMPTY_PATH, &attributes, sizeof(attributes)));
}

absl::StatusOr<UniqueFd> NewTmpfs(const char* size, const char* inodes, unsigned attributes) {
  UniqueFd context(static_cast<int>(::syscall(SYS_fsopen, "tmpfs", FSOPEN_CLOEXEC)));
  if (!context.valid()) return Errno("fsopen tmpfs");
  auto set = [&](const char* key, const char* value) {
    return ::syscall(SYS_fsconfig, context.get(), FSCONFIG_SET_STRING, key, value, 0) == 0;
  };
  if (!set("size", size) || !set("nr_inodes", inodes) || !set("mode", "0755"))
    return Errno("fsconfig tmpfs");
  if (::syscall(SYS_fsconfig, context.get(), FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) != 0) {
    return Errno("fsconfig tmpfs create");
  }
  UniqueFd mount(
      static_cast<int>(::syscall(SYS_fsmount, context.get(), FSMOUNT_CLOEXEC, attributes)));
  if (!mount.valid()) return Errno("fsmount tmpfs");
  return mount;
}

struct Device {
  const char* name;
  unsigned minor;
  unsigned major;
};
constexpr Device kDevices[] = {{"null", 3, 1},   {"zero", 5, 1},    {"full", 7, 1},
                               {"random", 8, 1}, {"urandom", 9, 1}, {"tty", 0, 5}};

struct Link {
  const char* name;
  const char* target;
};
constexpr Link kLinks[] = {{"fd", "/proc/self/fd"},
                           {"stdin", "/proc/self/fd/0"},
                           {"stdout", "/proc/self/fd/1"},
                           {"stderr", "/proc/self/fd/2"},
                           {"ptmx", "pts/ptmx"}};

absl::Status FillDeviceTree(int root) {
  // The caller's umask is 022; the nodes are for everybody.
  for (const Device& device : kDevices) {
    if (::mknodat(root, device.name, S_IFCHR | 0666, ::makedev(device.major, device.minor)) != 0 ||
        ::fchmodat(root, device.name, 0666, 0) != 0) {
      return Errno(absl::StrCat("make device ", device.name));
    }
  }
  for (const Link& link : kLinks) {
    if (::symlinkat(link.target, root, link.name) != 0)
      return Errno(absl::StrCat("make link ", link.name));
  }
  for (const char* directory : {"pts", "shm"}) {
    if (::mkdirat(root, directory, 0755) != 0)
      return Errno(absl::StrCat("make directory ", directory));
  }
  return absl::OkStatus();
}

// Never without a writer, so that it is silent until somebody writes.
absl::StatusOr<UniqueFd> MakeBell(int root, const char* name) {
  if (::mknodat(root, name, S_IFIFO | 0622, 0) != 0 || ::fchmodat(root, name, 0622, 0) != 0)
    return Errno(absl::StrCat("make FIFO ", name));
  UniqueFd bell(::openat(root, name, O_RDWR | O_NONBLOCK | O_CLOEXEC));
  if (!bell.valid()) return Errno(absl::StrCat("open FIFO ", name));
  return bell;
}

}  // namespace

absl::StatusOr<UniqueFd> CloneTree(int directory, const std::string& name, TreeUse use,
                                   int user_namespace) {
  // Not recursive: overlayfs refuses a lower directory with locked mounts below it, and nothing of
  // the host's that is mounted there belongs to the tree.
  UniqueFd tree = OpenTree(directory, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH);
  if (!tree.valid()) return Errno(absl::StrCat("open_tree ", name));
  mount_attr attributes = {};
  attributes.attr_set = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV;
  if (use != TreeUse::kReadAndWrite) attributes.attr_set |= MOUNT_ATTR_RDONLY;
  if (use != TreeUse::kReadAndExecute) attributes.attr_set |= MOUNT_ATTR_NOEXEC;
  if (user_namespace < 0) {
    if (SetMountAttributes(tree.get(), attributes) == 0) return tree;
    return Errno(absl::StrCat("mount_setattr ", name));
  }
  attributes.attr_set |= MOUNT_ATTR_IDMAP;
  attributes.userns_fd = static_cast<uint64_t>(user_namespace);
  if (SetMountAttributes(tree.get(), attributes) != 0) {
    return absl::FailedPreconditionError(
        absl::StrCat(Errno(absl::StrCat("map the owners of ", name)).message(),
                     ": its file system must support id-mapped mounts (ext4, xfs, btrfs, tmpfs "
                     "from Linux 6.3)"));
  }
  return tree;
}

absl::StatusOr<UniqueFd> CloneMappedTree(const std::string& path, int user_namespace) {
  UniqueFd directory(::open(path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!directory.valid()) return Errno(absl::StrCat("open ", path));
  return CloneTree(directory.get(), path, TreeUse::kReadAndExecute, user_namespace);
}

absl::StatusOr<DeviceTree> MakeDeviceTree(const char* bell) {
  WARREN_ASSIGN_OR_RETURN(UniqueFd mount,
                          NewTmpfs("64k", "64", MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC));
  WARREN_RETURN_IF_ERROR(FillDeviceTree(mount.get()));
  DeviceTree tree;
  if (bell != nullptr) {
    WARREN_ASSIGN_OR_RETURN(tree.bell, MakeBell(mount.get(), bell));
  }
  mount_attr attributes = {};
  attributes.attr_set = MOUNT_ATTR_RDONLY;
  if (SetMountAttributes(mount.get(), attributes) != 0)
    return Errno("make the device tree read-only");
  tree.mount = std::move(mount);
  return tree;
}

absl::StatusOr<UniqueFd> OpenUserNamespace(int pidfd) {
  WARREN_ASSIGN_OR_RETURN(pid_t pid, PidOf(pidfd));
  std::string path = absl::StrCat("/proc/", pid, "/ns/user");
  UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.valid()) return Errno(absl::StrCat("open ", path));
  return fd;
}

}  // namespace warren
