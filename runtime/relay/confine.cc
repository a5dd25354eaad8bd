#include "runtime/relay/confine.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "runtime/base/status.h"
#include "runtime/launch/child/confine.h"

namespace warren {
namespace {

// An empty, read-only root; the old one is gone from this mount namespace.
absl::Status EmptyRoot() {
  if (::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0)
    return Errno("make the mounts private");
  if (::mount("tmpfs", "/tmp", "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC,
              "size=4k,nr_inodes=2,mode=0555") != 0)
    return Errno("mount an empty root");
  if (::chdir("/tmp") != 0) return Errno("enter the empty root");
  if (::syscall(SYS_pivot_root, ".", ".") != 0) return Errno("pivot to the empty root");
  if (::umount2(".", MNT_DETACH) != 0) return Errno("detach the old root");
  if (::chdir("/") != 0) return Errno("enter the empty root");
  if (::mount(nullptr, "/", nullptr, MS_REMOUNT | MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC,
              "size=4k,nr_inodes=2") != 0)
    return Errno("make the empty root read-only");
  return absl::OkStatus();
}

}  // namespace

absl::Status ConfineRelay(const ProcessProfile& profile, int policy_memfd) {
  WARREN_RETURN_IF_ERROR(EmptyRoot());
  struct stat info;
  if (::fstat(policy_memfd, &info) != 0) return Errno("look at the relay's filter");
  const auto size = static_cast<size_t>(info.st_size);
  void* blob = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, policy_memfd, 0);
  if (blob == MAP_FAILED) return Errno("map the relay's filter");
  const SetupResult result = child::Confine(profile, 0, {blob, size}, 0);
  if (!result.ok()) {
    return absl::ErrnoToStatus(result.error,
                               absl::StrCat("confine the relay: ", SetupStageName(result.stage)));
  }
  // Again: the change of identity has cleared it. A launcher that is gone by now has closed its
  // socket, which a relay that runs notices.
  if (::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0) return Errno("end with the launcher");
  return absl::OkStatus();
}

}  // namespace warren
