#include "runtime/launch/child/confine.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/landlock.h>
#include <linux/securebits.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "runtime/launch/child/test_layers.h"
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

constexpr uint64_t kDeviceRights = LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_BLOCK;

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

// Empties the ambient set, and the bounding set but for `keep`; sets the securebits. Before the
// change of identity: needs CAP_SETPCAP.
SetupResult BoundCapabilities(uint64_t keep, uint32_t securebits) {
  if (::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) != 0)
    return Fail(SetupStage::kCapabilities, errno);
  if (::prctl(PR_SET_SECUREBITS, securebits, 0, 0, 0) != 0)
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

// The permitted and effective set are exactly `keep`, the inheritable set is empty. After the
// change of identity.
SetupResult SetCapabilities(uint64_t keep) {
  __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct data[2] = {};
  for (int word = 0; word < 2; ++word) {
    data[word].permitted = data[word].effective = static_cast<uint32_t>(keep >> (32 * word));
  }
  if (::syscall(SYS_capset, &header, data) != 0) return Fail(SetupStage::kCapabilities, errno);
  return {};
}

SetupResult NoNewPrivileges() {
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
    return Fail(SetupStage::kNoNewPrivileges, errno);
  return {};
}

// Writes as the rule says; reading and executing as before.
SetupResult RestrictByLandlock(int abi, LandlockRule rule) {
  if (abi <= 0 || rule == LandlockRule::kNone) return {};
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
  if (rule == LandlockRule::kWholeRoot) {
    result = AllowWrites(ruleset, "/", attributes.handled_access_fs & ~kDeviceRights);
  } else {
    for (const char* path : kWritablePaths) {
      result = AllowWrites(ruleset, path, attributes.handled_access_fs);
      if (!result.ok()) break;
    }
  }
  if (result.ok() && ::syscall(SYS_landlock_restrict_self, ruleset, 0) != 0) {
    result = Fail(SetupStage::kLandlock, errno);
  }
  ::close(ruleset);
  return result;
}

SetupResult SetDumpable(int dumpable) {
  return ::prctl(PR_SET_DUMPABLE, dumpable, 0, 0, 0) == 0 ? SetupResult{}
                                                          : Fail(SetupStage::kIdentity, errno);
}

bool HasExactly(uint64_t capabilities) {
  __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct data[2] = {};
  if (::syscall(SYS_capget, &header, data) != 0) return false;
  for (int word = 0; word < 2; ++word) {
    const uint32_t wanted = static_cast<uint32_t>(capabilities >> (32 * word));
    if (data[word].effective != wanted || data[word].permitted != wanted ||
        data[word].inheritable != 0) {
      return false;
    }
  }
  return true;
}

bool HasExactly(uid_t uid, gid_t gid) {
  uid_t uids[3];
  gid_t gids[3];
  if (::syscall(SYS_getresuid, &uids[0], &uids[1], &uids[2]) != 0 ||
      ::syscall(SYS_getresgid, &gids[0], &gids[1], &gids[2]) != 0) {
    return false;
  }
  for (int i = 0; i < 3; ++i) {
    if (uids[i] != uid || gids[i] != gid) return false;
  }
  return true;
}

// Asks the kernel whether the process is what the steps before should have made it.
SetupResult VerifyConfinement(const ProcessProfile& profile) {
  if (!HasExactly(profile.capabilities) || !HasExactly(profile.uid, profile.gid))
    return Fail(SetupStage::kVerify, EPERM);
  const int no_new_privileges = (profile.flags & kProfileNoNewPrivileges) != 0 ? 1 : 0;
  if (::prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != no_new_privileges)
    return Fail(SetupStage::kVerify, EPERM);
  return {};
}

}  // namespace

SetupResult EnterCgroups(const int* procs_fds, size_t count) {
  for (size_t i = 0; i < count; ++i) {
    // "0" is the writer itself; the kernel checks against whoever opened the file.
    if (::write(procs_fds[i], "0", 1) != 1) return Fail(SetupStage::kCgroup, errno);
  }
  return {};
}

SetupResult JoinNamespaces(int init_pidfd, int also, uint32_t layers_off) {
  int all =
      CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP;
  if (LayerIsOff(layers_off, TestLayer::kMountNamespace)) all &= ~CLONE_NEWNS;
  if (LayerIsOff(layers_off, TestLayer::kNetNamespace)) all &= ~CLONE_NEWNET;
  if (LayerIsOff(layers_off, TestLayer::kIpcNamespace)) all &= ~CLONE_NEWIPC;
  if (LayerIsOff(layers_off, TestLayer::kUtsNamespace)) all &= ~CLONE_NEWUTS;
  if (LayerIsOff(layers_off, TestLayer::kCgroupNamespace)) all &= ~CLONE_NEWCGROUP;
  // One call, so that the order of user and mount namespace is the kernel's business.
  return ::setns(init_pidfd, all | also) == 0 ? SetupResult{}
                                              : Fail(SetupStage::kNamespaces, errno);
}

SetupResult LimitResources(const JoinRequest& request) {
  for (uint32_t i = 0; i < request.rlimit_count; ++i) {
    rlimit limit = {request.rlimits[i].soft, request.rlimits[i].hard};
    if (::syscall(SYS_prlimit64, 0, request.rlimits[i].resource, &limit, nullptr) != 0) {
      return Fail(SetupStage::kRlimit, errno);
    }
  }
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

// The order matters: capabilities are needed to drop the identity, no_new_privs to load Landlock
// and filters without a capability, and the filter comes last because it forbids most of what is
// done before.
SetupResult Confine(const ProcessProfile& profile, int landlock_abi, SeccompBlob policy,
                    uint32_t layers_off) {
  const bool dumpable = (profile.flags & kProfileDumpable) != 0;
  const bool hide = !LayerIsOff(layers_off, TestLayer::kUndumpable);
  const bool own_identity = !LayerIsOff(layers_off, TestLayer::kIdentity);
  const bool own_capabilities = !LayerIsOff(layers_off, TestLayer::kCapabilities);
  const bool no_new_privileges = (profile.flags & kProfileNoNewPrivileges) != 0 &&
                                 !LayerIsOff(layers_off, TestLayer::kNoNewPrivileges);
  SetupResult result;
  if (own_capabilities) {
    result = BoundCapabilities(profile.capabilities, profile.securebits);
  } else {
    // They outlive the change of identity then.
    ::prctl(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP, 0, 0, 0);
  }
  if (result.ok()) {
    result = DropIdentity(own_identity ? profile.uid : 0, own_identity ? profile.gid : 0);
  }
  // After the change of identity, which sets it to what the host's fs.suid_dumpable says. Also of
  // what is to be dumpable in the end: until its filter is there, no other process of this user, of
  // which the sandbox may have hostile ones by now, must be able to write to its memory.
  if (result.ok()) result = SetDumpable(hide ? 0 : 1);
  if (result.ok() && own_capabilities) result = SetCapabilities(profile.capabilities);
  if (result.ok() && no_new_privileges) result = NoNewPrivileges();
  if (result.ok() && !LayerIsOff(layers_off, TestLayer::kLandlock)) {
    result = RestrictByLandlock(landlock_abi, profile.landlock);
  }
  const bool whole =
      own_identity && own_capabilities && !LayerIsOff(layers_off, TestLayer::kNoNewPrivileges);
  if (result.ok() && whole) result = VerifyConfinement(profile);
  if (result.ok() && !LayerIsOff(layers_off, TestLayer::kSeccomp) &&
      warren_policy_blob_install(policy.data, policy.size) != 0) {
    result = Fail(SetupStage::kSeccomp, errno);
  }
  // Undumpable, it could not read its own /proc/self.
  if (result.ok() && dumpable) result = SetDumpable(1);
  return result;
}

}  // namespace warren::child
