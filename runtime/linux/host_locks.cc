#include "runtime/linux/host_locks.h"

#include <fcntl.h>
#include <linux/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "runtime/base/status.h"

namespace warren {
namespace {

// Where the kernel has no devtmpfs, for any of its processes.
constexpr char kFallback[] = "/run";

absl::Status DevtmpfsError(const char* step) {
  return Errno(absl::StrCat(step,
                            " devtmpfs (it has the locks of this host; only root of the host may "
                            "mount it, with CAP_SYS_ADMIN and not of a user namespace)"));
}

// An invalid fd where the kernel has none.
absl::StatusOr<UniqueFd> OpenDevtmpfs() {
  UniqueFd context(static_cast<int>(::syscall(SYS_fsopen, "devtmpfs", FSOPEN_CLOEXEC)));
  if (!context.valid() && errno == ENODEV) return UniqueFd();
  if (!context.valid()) return DevtmpfsError("fsopen");
  if (::syscall(SYS_fsconfig, context.get(), FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) != 0)
    return DevtmpfsError("fsconfig");
  constexpr unsigned kAttributes = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC;
  UniqueFd mount(
      static_cast<int>(::syscall(SYS_fsmount, context.get(), FSMOUNT_CLOEXEC, kAttributes)));
  if (!mount.valid()) return DevtmpfsError("fsmount");
  return mount;
}

absl::Status CheckRootsAlone(int fd, mode_t type, mode_t forbidden, const std::string& what) {
  struct stat info;
  if (::fstat(fd, &info) != 0) return Errno(absl::StrCat("stat ", what));
  if ((info.st_mode & S_IFMT) == type && info.st_uid == 0 && (info.st_mode & forbidden) == 0)
    return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat(what, " is not root's alone (owner ", info.st_uid, ", mode ",
                   absl::Hex(info.st_mode), "): others could hold what it locks; remove it"));
}

}  // namespace

absl::StatusOr<HostLocks> HostLocks::Open(const std::string& name) {
  WARREN_ASSIGN_OR_RETURN(UniqueFd directory, OpenDevtmpfs());
  if (!directory.valid()) {
    directory.reset(::open(kFallback, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!directory.valid()) return Errno(absl::StrCat("open ", kFallback));
  }
  return OpenIn(std::move(directory), name);
}

absl::StatusOr<HostLocks> HostLocks::OpenIn(UniqueFd directory, const std::string& name) {
  // Who may write there could replace the file under those who hold its locks.
  WARREN_RETURN_IF_ERROR(CheckRootsAlone(directory.get(), S_IFDIR, S_IWGRP | S_IWOTH,
                                         absl::StrCat("the directory of ", name)));
  HostLocks locks(std::move(directory), name);
  WARREN_RETURN_IF_ERROR(locks.OpenFile());
  return locks;
}

HostLocks::~HostLocks() {
  if (!directory_.valid() || !file_.valid()) return;
  // Whoever has all numbers is the only one; who opened the file meanwhile notices (FileIsGone).
  absl::StatusOr<bool> all = Take(0, 0);
  if (all.ok() && *all) ::unlinkat(directory_.get(), name_.c_str(), 0);
}

absl::Status HostLocks::OpenFile() {
  constexpr int kFlags = O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC;
  file_.reset(::openat(directory_.get(), name_.c_str(), kFlags, 0600));
  if (!file_.valid()) return Errno(absl::StrCat("open the lock file ", name_));
  absl::Status status = CheckRootsAlone(file_.get(), S_IFREG, S_IRWXG | S_IRWXO,
                                        absl::StrCat("the lock file ", name_));
  // What is not ours is not ours to remove.
  if (!status.ok()) file_.reset();
  return status;
}

bool HostLocks::FileIsGone() const {
  struct stat info;
  return ::fstat(file_.get(), &info) == 0 && info.st_nlink == 0;
}

absl::StatusOr<bool> HostLocks::Take(uint32_t first, uint32_t count) {
  // Of the open file, not of the process: no fcntl of another part of the program gives them up.
  struct flock lock = {};
  lock.l_type = F_WRLCK;
  lock.l_whence = SEEK_SET;
  lock.l_start = first;
  lock.l_len = count;
  while (true) {
    if (::fcntl(file_.get(), F_OFD_SETLK, &lock) != 0) {
      if (errno == EAGAIN || errno == EACCES) return false;
      return Errno(absl::StrCat("lock ", name_));
    }
    // The last owner may have removed the file after we opened it: a lock on that one is none.
    if (!FileIsGone()) return true;
    WARREN_RETURN_IF_ERROR(OpenFile());
  }
}

}  // namespace warren
