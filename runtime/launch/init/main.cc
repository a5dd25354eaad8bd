// warren-init: the small static program at the root of every process tree that Warren makes. It
// runs from a sealed memfd, never from the host's file system, so that nothing inside can reach the
// host's copy through /proc/1/exe.
//   warren-init --anchor   the anchor (anchor.h), its executable's memfd on fd 4 and the
//                          pipe for ends on fd 5
//   warren-init            pid 1 of a sandbox, or a zygote before it becomes Python, as the message
//                          on fd 3 says
// Fd 3 is the control socket. Pid 1 keeps it for life: one message comes in, one report goes out,
// and then it waits for the launcher's end to close (docs/adr/0003-pipes.md).

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/launch/child/confine.h"
#include "runtime/launch/child/setup.h"
#include "runtime/launch/child/test_layers.h"
#include "runtime/launch/init/anchor.h"
#include "runtime/launch/init/messages.h"
#include "runtime/launch/init/ops.h"

namespace warren::child {
namespace {

constexpr size_t kMaxFds = 16;
// Where a zygote finds the policies of its contexts.
constexpr int kContextPolicyFd = 4;

// Static, not on the stack: pid 1 has one message in its life.
InitSetup setup;

struct Received {
  int fds[kMaxFds];
  size_t count;
};

SetupResult ReceiveSetup(Received& received) {
  received.count = kMaxFds;
  ssize_t size = ReceiveWithFds(kControlFd, &setup, sizeof(setup), received.fds, &received.count);
  if (size != sizeof(setup)) return Fail(SetupStage::kMessage, size < 0 ? errno : ENODATA);
  if (setup.magic != kSetupMagic || setup.version != kSetupVersion ||
      received.count != setup.mount_fd_count + 2) {
    return Fail(SetupStage::kMessage, EPROTO);
  }
  return {};
}

// Puts the profile of the message on, with the policy in the memfd.
SetupResult ConfineSelf(int policy_memfd, uint32_t layers_off) {
  struct stat info;
  if (::fstat(policy_memfd, &info) != 0) return Fail(SetupStage::kSeccomp, errno);
  size_t size = static_cast<size_t>(info.st_size);
  void* blob = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, policy_memfd, 0);
  if (blob == MAP_FAILED) return Fail(SetupStage::kSeccomp, errno);
  ::close(policy_memfd);
  return Confine(setup.profile, 0, {blob, size}, layers_off);
}

// Of those that a test switches off.
uint32_t LayersOff(TestLayer layer) {
  return LayerIsOff(setup.layers_off, layer) ? static_cast<uint32_t>(layer) : 0;
}

// The cgroup was entered before: the namespace takes the group that it is made in for its root.
SetupResult MakeNamespaces() {
  int flags = CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS;
  if (setup.mode == SetupMode::kSandbox) flags |= CLONE_NEWCGROUP;
  if (LayerIsOff(setup.layers_off, TestLayer::kNetNamespace)) flags &= ~CLONE_NEWNET;
  if (LayerIsOff(setup.layers_off, TestLayer::kIpcNamespace)) flags &= ~CLONE_NEWIPC;
  if (LayerIsOff(setup.layers_off, TestLayer::kUtsNamespace)) flags &= ~CLONE_NEWUTS;
  if (LayerIsOff(setup.layers_off, TestLayer::kCgroupNamespace)) flags &= ~CLONE_NEWCGROUP;
  return ::unshare(flags) == 0 ? SetupResult{} : Fail(SetupStage::kUnshare, errno);
}

void Report(const SetupResult& result) {
  SendWithFds(kControlFd, &result, sizeof(result), nullptr, 0);
}

// Orphans of the sandbox end up here; the kernel reaps them for a parent that has no interest.
void ReapAutomatically() {
  struct sigaction action = {};
  action.sa_handler = SIG_DFL;
  action.sa_flags = SA_NOCLDWAIT;
  ::sigaction(SIGCHLD, &action, nullptr);
}

// Until the launcher closes its end. The kernel kills everything in the pid namespace when pid 1
// ends. All that is called from the filter on is in policies/seccomp/init.textproto: sendmsg of the
// report, read, exit_group.
int ServeSandbox() {
  char byte;
  while (true) {
    ssize_t size = ::read(kControlFd, &byte, 1);
    if (size < 0 && errno == EINTR) continue;
    return 0;
  }
}

// NUL-separated strings into a null-terminated array of pointers.
char** SplitStrings(char*& next, const char* end, uint32_t count, char** pointers) {
  uint32_t i = 0;
  for (; i < count && next < end; ++i) {
    pointers[i] = next;
    next += ::strnlen(next, static_cast<size_t>(end - next)) + 1;
  }
  pointers[i] = nullptr;
  return pointers;
}

// Becomes the template's Python.
SetupResult BecomeZygote(int own_policy, int context_policies) {
  // Contexts live on when the zygote is recycled; the zygote itself dies with the anchor's
  // namespace.
  if (::chdir("/home/user") != 0) return Fail(SetupStage::kWorkingDirectory, errno);
  ::setsid();
  // Its contexts inherit both, so a test that switches either off does so here too.
  SetupResult result = ConfineSelf(
      own_policy, LayersOff(TestLayer::kNoNewPrivileges) | LayersOff(TestLayer::kSeccomp));
  if (!result.ok()) return result;
  if (context_policies != kContextPolicyFd && ::dup2(context_policies, kContextPolicyFd) < 0) {
    return Fail(SetupStage::kDescriptors, errno);
  }
  ::fcntl(kContextPolicyFd, F_SETFD, 0);
  static char* argv[65];
  static char* envp[65];
  char* next = setup.exec_strings;
  const char* end = setup.exec_strings + sizeof(setup.exec_strings);
  if (setup.argument_count > 64 || setup.environment_count > 64)
    return Fail(SetupStage::kMessage, E2BIG);
  SplitStrings(next, end, setup.argument_count, argv);
  SplitStrings(next, end, setup.environment_count, envp);
  if (argv[0] == nullptr) return Fail(SetupStage::kMessage, EPROTO);
  ::execve(argv[0], argv, envp);
  return Fail(SetupStage::kExec, errno);
}

int RunInit() {
  Received received;
  SetupResult result = ReceiveSetup(received);
  if (result.ok()) result = MakeNamespaces();
  if (result.ok()) result = RunSetupOps(setup, received.fds);
  bool own_network = !LayerIsOff(setup.layers_off, TestLayer::kNetNamespace) &&
                     !LayerIsOff(setup.layers_off, TestLayer::kUtsNamespace);
  if (result.ok() && own_network) result = SetUpNetworkIdentity(setup.hostname);
  if (result.ok()) {
    for (uint32_t i = 0; i < setup.mount_fd_count; ++i) ::close(received.fds[i]);
    int policy = received.fds[setup.mount_fd_count];
    int last = received.fds[setup.mount_fd_count + 1];
    if (setup.mode == SetupMode::kZygote) {
      // Only returns when it failed; Python says READY itself.
      result = BecomeZygote(policy, last);
    } else {
      ReapAutomatically();
      // The first context may enter; when this process fails instead, it reads EOF.
      if (::write(last, "r", 1) != 1) result = Fail(SetupStage::kDescriptors, errno);
      ::close(last);
      if (result.ok()) result = ConfineSelf(policy, LayersOff(TestLayer::kUndumpable));
    }
  }
  Report(result);
  return result.ok() ? ServeSandbox() : 1;
}

}  // namespace
}  // namespace warren::child

int main(int argc, char** argv) {
  constexpr int kExecutableFd = 4;
  constexpr int kExitsFd = 5;
  if (argc == 2 && ::strcmp(argv[1], "--anchor") == 0) {
    return warren::child::RunAnchor(warren::kControlFd, kExecutableFd, kExitsFd);
  }
  return warren::child::RunInit();
}
