#include "runtime/agent/join.h"

#include <errno.h>
#include <linux/capability.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "runtime/launch/child/confine.h"
#include "runtime/launch/child/test_layers.h"

namespace warren {
namespace {

using child::Fail;

// What its commands may be given, and what giving it takes (SETPCAP: a bounding set).
constexpr child::CapabilityMask kKept =
    (1ULL << CAP_CHOWN) | (1ULL << CAP_DAC_OVERRIDE) | (1ULL << CAP_FOWNER) | (1ULL << CAP_FSETID) |
    (1ULL << CAP_SETUID) | (1ULL << CAP_SETGID) | (1ULL << CAP_KILL) |
    (1ULL << CAP_NET_BIND_SERVICE) | (1ULL << CAP_SETPCAP);

SetupResult JoinNamespaces(int init_pidfd, uint32_t layers_off) {
  int all =
      CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP;
  if (LayerIsOff(layers_off, TestLayer::kMountNamespace)) all &= ~CLONE_NEWNS;
  if (LayerIsOff(layers_off, TestLayer::kNetNamespace)) all &= ~CLONE_NEWNET;
  if (LayerIsOff(layers_off, TestLayer::kIpcNamespace)) all &= ~CLONE_NEWIPC;
  if (LayerIsOff(layers_off, TestLayer::kUtsNamespace)) all &= ~CLONE_NEWUTS;
  if (LayerIsOff(layers_off, TestLayer::kCgroupNamespace)) all &= ~CLONE_NEWCGROUP;
  // For its children alone: a process never leaves the pid namespace that it was born in.
  if (!LayerIsOff(layers_off, TestLayer::kPidNamespace)) all |= CLONE_NEWPID;
  return ::setns(init_pidfd, all) == 0 ? SetupResult{} : Fail(SetupStage::kNamespaces, errno);
}

SetupResult InstallPolicyFrom(int memfd) {
  struct stat info;
  if (::fstat(memfd, &info) != 0) return Fail(SetupStage::kSeccomp, errno);
  const size_t size = static_cast<size_t>(info.st_size);
  void* blob = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, memfd, 0);
  if (blob == MAP_FAILED) return Fail(SetupStage::kSeccomp, errno);
  return child::InstallSeccomp(blob, size);
}

SetupResult KeepCapabilities(child::CapabilityMask keep) {
  __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct data[2] = {};
  data[0].effective = data[0].permitted = static_cast<uint32_t>(keep);
  data[1].effective = data[1].permitted = static_cast<uint32_t>(keep >> 32);
  if (::syscall(SYS_capset, &header, data) != 0) return Fail(SetupStage::kCapabilities, errno);
  return {};
}

}  // namespace

SetupResult JoinSandbox(const AgentSetup& setup, const int* fds) {
  SetupResult result = JoinNamespaces(fds[kAgentInitPidfd], setup.layers_off);
  if (result.ok()) result = child::BoundCapabilities(kKept);
  if (result.ok()) result = child::DropIdentity(0, 0);
  if (result.ok()) result = KeepCapabilities(kKept);
  if (result.ok()) result = child::NoNewPrivileges();
  if (result.ok() && ::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
    result = Fail(SetupStage::kIdentity, errno);
  if (result.ok()) result = InstallPolicyFrom(fds[kAgentPolicy]);
  return result;
}

}  // namespace warren
