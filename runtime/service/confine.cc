#include "runtime/service/confine.h"

#include <fcntl.h>
#include <linux/mount.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "runtime/base/status.h"
#include "runtime/launch/child/confine.h"

// Not <sys/mount.h>: glibc 2.36's clashes with <linux/mount.h>.
extern "C" int mount(const char*, const char*, const char*, unsigned long, const void*) noexcept;
extern "C" int umount2(const char*, int) noexcept;

namespace warren {
namespace {

constexpr unsigned long kPlain = MS_NOSUID | MS_NODEV | MS_NOEXEC;
constexpr int kDetach = 2;  // MNT_DETACH
// Pages of files, and a directory's entry or two for each.
constexpr size_t kPageBytes = 4096;

std::string TmpfsSize(const ServiceRoot& root) {
  size_t bytes = kPageBytes;
  size_t inodes = 2;
  for (const ServiceRoot::File& file : root.files) {
    bytes += (file.content.size() / kPageBytes + 1) * kPageBytes;
    inodes += 8;
  }
  return absl::StrCat("size=", bytes, ",nr_inodes=", inodes + 8 * root.mounts.size());
}

// Relative to the root, which is the working directory.
absl::Status MakeDirectories(absl::string_view path) {
  std::string made;
  for (absl::string_view part : absl::StrSplit(path, '/', absl::SkipEmpty())) {
    absl::StrAppend(&made, made.empty() ? "" : "/", part);
    if (::mkdir(made.c_str(), 0755) != 0 && errno != EEXIST)
      return Errno(absl::StrCat("make directory ", made));
  }
  return absl::OkStatus();
}

absl::Status WriteNewFile(const ServiceRoot::File& file) {
  const std::string path = file.path.substr(1);
  if (const size_t slash = path.rfind('/'); slash != std::string::npos)
    WARREN_RETURN_IF_ERROR(MakeDirectories(path.substr(0, slash)));
  UniqueFd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0444));
  if (!fd.valid()) return Errno(absl::StrCat("make ", path));
  size_t written = 0;
  while (written < file.content.size()) {
    const ssize_t count =
        ::write(fd.get(), file.content.data() + written, file.content.size() - written);
    if (count <= 0) return Errno(absl::StrCat("write ", path));
    written += static_cast<size_t>(count);
  }
  return absl::OkStatus();
}

absl::Status Attach(const ServiceRoot::Mount& mount) {
  const std::string path = mount.path.substr(1);
  WARREN_RETURN_IF_ERROR(MakeDirectories(path));
  if (::syscall(SYS_move_mount, mount.mount.get(), "", AT_FDCWD, path.c_str(),
                MOVE_MOUNT_F_EMPTY_PATH) != 0) {
    return Errno(absl::StrCat("attach ", mount.path));
  }
  return absl::OkStatus();
}

// A read-only root with what it shall have; the old one is gone from this mount namespace.
absl::Status MakeRoot(const ServiceRoot& root) {
  const std::string size = TmpfsSize(root);
  if (::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0)
    return Errno("make the mounts private");
  if (::mount("tmpfs", "/tmp", "tmpfs", kPlain, absl::StrCat(size, ",mode=0555").c_str()) != 0)
    return Errno("mount an empty root");
  if (::chdir("/tmp") != 0) return Errno("enter the empty root");
  for (const ServiceRoot::File& file : root.files) WARREN_RETURN_IF_ERROR(WriteNewFile(file));
  for (const ServiceRoot::Mount& mount : root.mounts) WARREN_RETURN_IF_ERROR(Attach(mount));
  if (::syscall(SYS_pivot_root, ".", ".") != 0) return Errno("pivot to the empty root");
  if (::umount2(".", kDetach) != 0) return Errno("detach the old root");
  if (::chdir("/") != 0) return Errno("enter the empty root");
  if (::mount(nullptr, "/", nullptr, MS_REMOUNT | MS_RDONLY | kPlain, size.c_str()) != 0)
    return Errno("make the empty root read-only");
  return absl::OkStatus();
}

}  // namespace

absl::Status ConfineService(const ProcessProfile& profile, int policy_memfd,
                            const ServiceRoot& root) {
  WARREN_RETURN_IF_ERROR(MakeRoot(root));
  struct stat info;
  if (::fstat(policy_memfd, &info) != 0) return Errno("look at the service's filter");
  const auto size = static_cast<size_t>(info.st_size);
  void* blob = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, policy_memfd, 0);
  if (blob == MAP_FAILED) return Errno("map the service's filter");
  const SetupResult result = child::Confine(profile, 0, {blob, size}, 0);
  if (!result.ok()) {
    return absl::ErrnoToStatus(result.error,
                               absl::StrCat("confine the service: ", SetupStageName(result.stage)));
  }
  // Again: the change of identity has cleared it. A launcher that is gone by now has closed its
  // socket, which a service that runs notices.
  if (::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0) return Errno("end with the launcher");
  return absl::OkStatus();
}

}  // namespace warren
