#include "runtime/launch/init/ops.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "runtime/launch/child/confine.h"

// Not <sys/mount.h>: glibc 2.36's clashes with <linux/mount.h>.
extern "C" int mount(const char*, const char*, const char*, unsigned long, const void*) noexcept;
extern "C" int umount2(const char*, int) noexcept;

namespace warren::child {
namespace {

constexpr unsigned long kPlain = MS_NOSUID | MS_NODEV;
constexpr char kNullDevice[] = "/newroot/dev/null";
constexpr char kEmptyDirectory[] = "/layer/empty";
constexpr int kDetach = 2;  // MNT_DETACH

int MakePrivate() { return ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr); }

int MakeDirectory(const char* path, mode_t mode) {
  if (::mkdir(path, mode) != 0) return -1;
  // mkdir obeys the umask and drops the sticky bit's company.
  return ::chmod(path, mode);
}

int Attach(int fd, const char* target) {
  return static_cast<int>(
      ::syscall(SYS_move_mount, fd, "", AT_FDCWD, target, MOVE_MOUNT_F_EMPTY_PATH));
}

// A bind mount takes its flags only in a second step.
int BindReadOnly(const char* source, const char* target) {
  if (::mount(source, target, nullptr, MS_BIND, nullptr) != 0) return -1;
  return ::mount(nullptr, target, nullptr, MS_BIND | MS_REMOUNT | MS_RDONLY | MS_NOEXEC | kPlain,
                 nullptr);
}

// What this kernel does not have needs no mask.
int MaskIfPresent(const char* source, const char* target) {
  int result = ::mount(source, target, nullptr, MS_BIND, nullptr);
  return result != 0 && errno == ENOENT ? 0 : result;
}

int MaskDirectory(const char* target) {
  if (::access(target, F_OK) != 0) return errno == ENOENT ? 0 : -1;
  return BindReadOnly(kEmptyDirectory, target);
}

// `flags`: further ones of open.
int WriteText(const char* path, const char* text, int flags, mode_t mode) {
  int fd = ::open(path, O_WRONLY | O_CLOEXEC | flags, mode);
  if (fd < 0) return -1;
  size_t length = ::strlen(text);
  ssize_t written = ::write(fd, text, length);
  int error = errno;
  ::close(fd);
  errno = error;
  return written == static_cast<ssize_t>(length) ? 0 : -1;
}

int Pivot(const char* target) {
  if (::chdir(target) != 0) return -1;
  // The old root lands on top of the new one and is detached from there: no directory for it is
  // needed.
  if (::syscall(SYS_pivot_root, ".", ".") != 0) return -1;
  if (::umount2(".", kDetach) != 0) return -1;
  return ::chdir("/");
}

SetupResult Check(int result, SetupStage stage) {
  return result == 0 ? SetupResult{} : Fail(stage, errno);
}

class Runner {
 public:
  Runner(const InitSetup& setup, const int* fds) : setup_(setup), fds_(fds) {}

  SetupResult Run(const SetupOp& op) const {
    const char* target = Text(op.target);
    const char* data = Text(op.data);
    switch (op.kind) {
      case mount_op::kPrivate:
        return Check(MakePrivate(), SetupStage::kPrivate);
      case mount_op::kTmpfs:
        return Check(::mount("tmpfs", target, "tmpfs", kPlain, data), SetupStage::kTmpfs);
      case mount_op::kDirectory:
        return Check(MakeDirectory(target, op.mode), SetupStage::kDirectory);
      case mount_op::kAttach:
        return RunAttach(op, target);
      case mount_op::kOverlay:
        return Check(::mount("overlay", target, "overlay", kPlain, data), SetupStage::kOverlay);
      case mount_op::kBind:
        return Check(::mount(Text(op.source), target, nullptr, MS_BIND, nullptr),
                     SetupStage::kBind);
      case mount_op::kProc:
        return Check(::mount("proc", target, "proc", kPlain | MS_NOEXEC, data), SetupStage::kProc);
      case mount_op::kDevpts:
        return Check(::mount("devpts", target, "devpts", MS_NOSUID | MS_NOEXEC, data),
                     SetupStage::kDevpts);
      case mount_op::kMaskFile:
        return Check(MaskIfPresent(kNullDevice, target), SetupStage::kMask);
      case mount_op::kMaskDirectory:
        return Check(MaskDirectory(target), SetupStage::kMask);
      case mount_op::kReadOnly:
        return Check(BindReadOnly(target, target), SetupStage::kReadOnly);
      case mount_op::kSysctl:
        return Check(WriteText(target, data, 0, 0), SetupStage::kSysctl);
      case mount_op::kTextFile:
        return Check(WriteText(target, data, O_CREAT | O_EXCL, op.mode), SetupStage::kTextFile);
      case mount_op::kPivot:
        return Check(Pivot(target), SetupStage::kPivot);
      default:
        return Fail(SetupStage::kMessage, EINVAL);
    }
  }

 private:
  const char* Text(uint16_t offset) const { return setup_.strings + offset; }

  SetupResult RunAttach(const SetupOp& op, const char* target) const {
    if (op.fd_index < 0 || static_cast<uint32_t>(op.fd_index) >= setup_.mount_fd_count) {
      return Fail(SetupStage::kMessage, EBADF);
    }
    return Check(Attach(fds_[op.fd_index], target), SetupStage::kAttach);
  }

  const InitSetup& setup_;
  const int* fds_;
};

}  // namespace

SetupResult RunSetupOps(const InitSetup& setup, const int* fds) {
  if (setup.op_count > kMaxSetupOps || setup.string_bytes > kMaxSetupStrings)
    return Fail(SetupStage::kMessage, EINVAL);
  ::umask(0);
  Runner runner(setup, fds);
  for (uint32_t i = 0; i < setup.op_count; ++i) {
    const SetupOp& op = setup.ops[i];
    // Offsets point into the strings, whose last byte is NUL.
    if (op.target >= setup.string_bytes || op.source >= setup.string_bytes ||
        op.data >= setup.string_bytes || setup.strings[setup.string_bytes - 1] != '\0') {
      return Fail(SetupStage::kMessage, EINVAL);
    }
    SetupResult result = runner.Run(op);
    if (!result.ok()) {
      result.op_index = static_cast<int32_t>(i);
      return result;
    }
  }
  ::umask(022);
  return {};
}

SetupResult SetUpNetworkIdentity(const char* hostname) {
  if (::sethostname(hostname, ::strlen(hostname)) != 0) return Fail(SetupStage::kHostname, errno);
  int fd = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return Fail(SetupStage::kLoopback, errno);
  ifreq request = {};
  ::strcpy(request.ifr_name, "lo");
  request.ifr_flags = IFF_UP | IFF_RUNNING;
  int result = ::ioctl(fd, SIOCSIFFLAGS, &request);
  int error = errno;
  ::close(fd);
  return result == 0 ? SetupResult{} : Fail(SetupStage::kLoopback, error);
}

}  // namespace warren::child
