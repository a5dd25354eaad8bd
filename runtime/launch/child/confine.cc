#include "runtime/launch/child/confine.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/landlock.h>
#include <linux/securebits.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "runtime/policy/policy_blob.h"

// Later than Debian 12's headers.
#ifndef LANDLOCK_ACCESS_FS_REFER
#define LANDLOCK_ACCESS_FS_REFER (1ULL << 13)
#endif
#ifndef LANDLOCK_ACCESS_FS_TRUNCATE
#define LANDLOCK_ACCESS_FS_TRUNCATE (1ULL << 14)
#endif

namespace warren::child {
namespace {

constexpr int kHighestCapability = 63;
constexpr int kLandlockScopeAbi = 6;
constexpr uint64_t kScopeAbstractUnixSocket = 1ULL << 0;

// As the kernel's landlock_ruleset_attr from ABI 6 on.
struct RulesetAttributes {
  uint64_t handled_access_fs;
  uint64_t handled_access_net;
  uint64_t scoped;
};

constexpr uint64_t kWriteRights = LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR |
                                  LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_CHAR |
                                  LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG |
                                  LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_MAKE_FIFO |
                                  LANDLOCK_ACCESS_FS_MAKE_BLOCK | LANDLOCK_ACCESS_FS_MAKE_SYM;

// Where user code may write. /proc for a process's own comm, oom_score_adj and the like.
constexpr const char* kWritablePaths[] = {"/home/user", "/tmp", "/var/tmp", "/dev", "/proc"};

uint64_t RightsOf(int abi) {
  uint64_t rights = kWriteRights;
  if (abi >= 2) rights |= LANDLOCK_ACCESS_FS_REFER;
  if (abi >= 3) rights |= LANDLOCK_ACCESS_FS_TRUNCATE;
  return rights;
}

SetupResult AllowWrites(int ruleset, const char* path, uint64_t rights) {
  int fd = ::open(path, O_PATH | O_CLOEXEC);
  // A template need not have every directory.
  if (fd < 0) return errno == ENOENT ? SetupResult{} : Fail(SetupStage::kLandlock, errno);
  landlock_path_beneath_attr rule = {};
  rule.allowed_access = rights;
  rule.parent_fd = fd;
  long added = ::syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
  int error = errno;
  ::close(fd);
  return added == 0 ? SetupResult{} : Fail(SetupStage::kLandlock, error);
}

}  // namespace

SetupResult EnterCgroups(const int* procs_fds, size_t count) {
  for (size_t i = 0; i < count; ++i) {
    // "0" is the writer itself; the kernel checks against whoever opened the file.
    if (::write(procs_fds[i], "0", 1) != 1) return Fail(SetupStage::kCgroup, errno);
  }
  return {};
}

SetupResult BoundCapabilities(CapabilityMask keep) {
  if (::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) != 0)
    return Fail(SetupStage::kCapabilities, errno);
  for (int capability = 0; capability <= kHighestCapability; ++capability) {
    if ((keep >> capability) & 1) continue;
    if (::prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) == 0) continue;
    // EINVAL: the first number that this kernel does not have.
    return errno == EINVAL && capability > 0 ? SetupResult{}
                                             : Fail(SetupStage::kCapabilities, errno);
  }
  return {};
}

SetupResult RestrictCapabilities(CapabilityMask keep) {
  SetupResult result = BoundCapabilities(keep);
  if (!result.ok()) return result;
  unsigned long bits = SECBIT_NOROOT | SECBIT_NOROOT_LOCKED | SECBIT_NO_SETUID_FIXUP |
                       SECBIT_NO_SETUID_FIXUP_LOCKED | SECBIT_KEEP_CAPS_LOCKED |
                       SECBIT_NO_CAP_AMBIENT_RAISE | SECBIT_NO_CAP_AMBIENT_RAISE_LOCKED;
  if (::prctl(PR_SET_SECUREBITS, bits, 0, 0, 0) != 0) return Fail(SetupStage::kCapabilities, errno);
  return {};
}

SetupResult DropIdentity(uid_t uid, gid_t gid) {
  // By raw system calls: the C library's wrappers would signal threads that this process does not
  // have.
  if (::syscall(SYS_setgroups, 0, nullptr) != 0) return Fail(SetupStage::kIdentity, errno);
  if (::syscall(SYS_setresgid, gid, gid, gid) != 0) return Fail(SetupStage::kIdentity, errno);
  if (::syscall(SYS_setresuid, uid, uid, uid) != 0) return Fail(SetupStage::kIdentity, errno);
  return {};
}

SetupResult ClearCapabilities() {
  __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct data[2] = {};
  if (::syscall(SYS_capset, &header, data) != 0) return Fail(SetupStage::kCapabilities, errno);
  return {};
}

SetupResult NoNewPrivileges() {
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
    return Fail(SetupStage::kNoNewPrivileges, errno);
  return {};
}

SetupResult RestrictWritesByLandlock(int abi) {
  if (abi <= 0) return {};
  RulesetAttributes attributes = {};
  attributes.handled_access_fs = RightsOf(abi);
  size_t size = sizeof(attributes.handled_access_fs);
  if (abi >= kLandlockScopeAbi) {
    // Not its scope for signals: the processes of one sandbox may signal each other, and its pid
    // namespace has no others.
    attributes.scoped = kScopeAbstractUnixSocket;
    size = sizeof(attributes);
  }
  int ruleset = static_cast<int>(::syscall(SYS_landlock_create_ruleset, &attributes, size, 0));
  if (ruleset < 0) return Fail(SetupStage::kLandlock, errno);
  SetupResult result;
  for (const char* path : kWritablePaths) {
    result = AllowWrites(ruleset, path, attributes.handled_access_fs);
    if (!result.ok()) break;
  }
  if (result.ok() && ::syscall(SYS_landlock_restrict_self, ruleset, 0) != 0) {
    result = Fail(SetupStage::kLandlock, errno);
  }
  ::close(ruleset);
  return result;
}

SetupResult InstallSeccomp(const void* blob, size_t size) {
  return warren_policy_blob_install(blob, size) == 0 ? SetupResult{}
                                                     : Fail(SetupStage::kSeccomp, errno);
}

SetupResult VerifyConfinement() {
  __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct data[2] = {};
  if (::syscall(SYS_capget, &header, data) != 0) return Fail(SetupStage::kVerify, errno);
  for (const __user_cap_data_struct& word : data) {
    if ((word.effective | word.permitted | word.inheritable) != 0)
      return Fail(SetupStage::kVerify, EPERM);
  }
  if (::prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1) return Fail(SetupStage::kVerify, EPERM);
  return {};
}

}  // namespace warren::child
