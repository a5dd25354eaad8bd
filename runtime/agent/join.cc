#include "runtime/agent/join.h"

#include <errno.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <initializer_list>

#include "runtime/launch/child/confine.h"
#include "runtime/launch/child/test_layers.h"

namespace warren {
namespace {

using child::Fail;

// Its commands inherit these, so a test that switches one off does so here too: and nobody loads a
// filter without both no_new_privs and a capability.
uint32_t OwnLayersOff(uint32_t layers_off) {
  uint32_t own = 0;
  for (TestLayer layer : {TestLayer::kNoNewPrivileges, TestLayer::kCapabilities,
                          TestLayer::kSeccomp, TestLayer::kUndumpable}) {
    if (LayerIsOff(layers_off, layer)) own |= static_cast<uint32_t>(layer);
  }
  return own;
}

SetupResult ConfineSelf(const JoinRequest& confinement, int policy_memfd) {
  struct stat info;
  if (::fstat(policy_memfd, &info) != 0) return Fail(SetupStage::kSeccomp, errno);
  const size_t size = static_cast<size_t>(info.st_size);
  void* blob = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, policy_memfd, 0);
  if (blob == MAP_FAILED) return Fail(SetupStage::kSeccomp, errno);
  return child::Confine(confinement.profile, confinement.landlock_abi, {blob, size},
                        OwnLayersOff(confinement.layers_off));
}

}  // namespace

SetupResult JoinSandbox(const AgentSetup& setup, const int* fds) {
  const JoinRequest& confinement = setup.confinement;
  // For its children alone: a process never leaves the pid namespace that it was born in.
  const bool inner = !LayerIsOff(confinement.layers_off, TestLayer::kPidNamespace);
  // Where a context stays among the zygote's mounts, commands still have the sandbox's.
  const uint32_t own_mounts = static_cast<uint32_t>(TestLayer::kMountNamespace);
  SetupResult result = child::JoinNamespaces(fds[kAgentInitPidfd], inner ? CLONE_NEWPID : 0,
                                             confinement.layers_off & ~own_mounts);
  if (result.ok() && !LayerIsOff(confinement.layers_off, TestLayer::kRlimits)) {
    result = child::LimitResources(confinement);
  }
  if (result.ok()) result = ConfineSelf(confinement, fds[kAgentPolicy]);
  return result;
}

}  // namespace warren
