#include "runtime/launch/init/packages.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <linux/openat2.h>
#include <sched.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "runtime/launch/child/confine.h"
#include "runtime/launch/child/test_layers.h"

// Not <sys/mount.h>: glibc 2.36's clashes with <linux/mount.h>.
extern "C" int mount(const char*, const char*, const char*, unsigned long, const void*) noexcept;

namespace warren::child {
namespace {

// Of the anchor's root, in a mount namespace that nobody else has.
constexpr char kLower[] = "/lower0";
constexpr char kLayer[] = "/layer";
constexpr char kTop[] = "/layer/top";
// An overlay without an upper directory needs two lower ones. The empty one is on top, for its
// times are the overlay's: Python looks into a directory again whose time of change is another, and
// those of a set may be any.
constexpr char kLowerDirectories[] = "/layer/top:/lower0";

SetupResult Check(long result, SetupStage stage) {
  return result >= 0 ? SetupResult{} : Fail(stage, errno);
}

// To the nanosecond: the kernel's own times are those of its last tick.
SetupResult MakeTop() {
  if (::mount("tmpfs", kLayer, "tmpfs", MS_NOSUID | MS_NODEV, "size=4k,nr_inodes=4,mode=0755") != 0)
    return Fail(SetupStage::kTmpfs, errno);
  timespec times[2] = {};
  if (::mkdir(kTop, 0755) != 0 || ::chmod(kTop, 0755) != 0 ||
      ::clock_gettime(CLOCK_REALTIME, &times[0]) != 0) {
    return Fail(SetupStage::kDirectory, errno);
  }
  times[1] = times[0];
  return Check(::utimensat(AT_FDCWD, kTop, times, 0), SetupStage::kDirectory);
}

long MoveMount(int mount, int directory, const char* path) {
  return ::syscall(SYS_move_mount, mount, "", directory, path,
                   MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH);
}

// The overlay, hanging nowhere yet; -1 and errno.
int MakeOverlay(bool user_xattr) {
  const int context = static_cast<int>(::syscall(SYS_fsopen, "overlay", FSOPEN_CLOEXEC));
  if (context < 0) return -1;
  long result = ::syscall(SYS_fsconfig, context, FSCONFIG_SET_STRING, "source", "packages", 0);
  if (result == 0)
    result =
        ::syscall(SYS_fsconfig, context, FSCONFIG_SET_STRING, "lowerdir", kLowerDirectories, 0);
  // As in the overlays of the sandbox's plan.
  if (result == 0 && user_xattr)
    result = ::syscall(SYS_fsconfig, context, FSCONFIG_SET_FLAG, "userxattr", nullptr, 0);
  if (result == 0)
    result = ::syscall(SYS_fsconfig, context, FSCONFIG_CMD_CREATE, nullptr, nullptr, 0);
  if (result == 0) {
    constexpr unsigned kAttributes = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV;
    result = ::syscall(SYS_fsmount, context, FSMOUNT_CLOEXEC, kAttributes);
  }
  const int error = errno;
  ::close(context);
  errno = error;
  return static_cast<int>(result);
}

SetupResult Attach(int overlay, int init_pidfd) {
  // From here on its root is the sandbox's.
  if (::setns(init_pidfd, CLONE_NEWNS) != 0) return Fail(SetupStage::kNamespaces, errno);
  // By no link: root of a sandbox may have put one there, to have something else covered.
  open_how how = {};
  how.flags = O_PATH | O_DIRECTORY | O_CLOEXEC;
  how.resolve = RESOLVE_NO_SYMLINKS;
  const auto directory =
      static_cast<int>(::syscall(SYS_openat2, AT_FDCWD, kPackagesMountPoint, &how, sizeof(how)));
  if (directory < 0) return Fail(SetupStage::kAttachPackages, errno);
  return Check(MoveMount(overlay, directory, ""), SetupStage::kAttachPackages);
}

}  // namespace

SetupResult MountPackages(const HelperSetup& setup, int packages, int init_pidfd) {
  // Its root from here on: who is nobody in there makes no directories.
  SetupResult result = DropIdentity(0, 0);
  if (!result.ok()) return result;
  if (LayerIsOff(setup.layers_off, TestLayer::kPackageMounts)) return Attach(packages, init_pidfd);
  if (::unshare(CLONE_NEWNS) != 0) return Fail(SetupStage::kUnshare, errno);
  result = MakeTop();
  if (!result.ok()) return result;
  if (MoveMount(packages, AT_FDCWD, kLower) != 0) return Fail(SetupStage::kAttach, errno);
  const int overlay = MakeOverlay(setup.user_xattr != 0);
  if (overlay < 0) return Fail(SetupStage::kOverlay, errno);
  return Attach(overlay, init_pidfd);
}

}  // namespace warren::child
