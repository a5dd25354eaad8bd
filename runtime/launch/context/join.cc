// libwarren-context.so: what the zygote calls, through ctypes, to fork a context into a sandbox and
// to confine it there. Everything after the fork is system calls on data that came ready in the
// request. zygote_main.py documents the calls.

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>

#include "runtime/launch/child/confine.h"
#include "runtime/launch/child/setup.h"
#include "runtime/launch/child/test_layers.h"
#include "runtime/launch/context/arenas.h"
#include "runtime/launch/context/heap_holes.h"
#include "runtime/launch/context/huge_pages.h"
#include "runtime/policy/policy_blob.h"

namespace warren::child {
namespace {

// Written once, before the first fork. By the index that JoinRequest has.
SeccompBlob g_policies[kMaxContextPolicies];
uint32_t g_policy_count = 0;

// Finds the policies that lie behind each other. Returns 0 or errno.
int SplitPolicies(const unsigned char* data, size_t size) {
  while (size > 0) {
    warren_policy_blob_header header;
    if (g_policy_count == kMaxContextPolicies || size < sizeof(header)) return EINVAL;
    ::memcpy(&header, data, sizeof(header));
    warren_policy_blob_cursor cursor;
    if (header.size > size || warren_policy_blob_open(&cursor, data, header.size) != 0)
      return EINVAL;
    g_policies[g_policy_count++] = {data, header.size};
    data += header.size;
    size -= header.size;
  }
  return 0;
}

enum FdIndex : size_t {
  kInitPidfd,
  kRequests,
  kEvents,
  kStdout,
  kStderr,
  kInitReady,
  kFirstCgroup
};
static_assert(kFirstCgroup == kJoinFixedFds);

// Init makes its namespaces while this process is being forked.
SetupResult WaitForInit(int ready) {
  char byte;
  ssize_t size;
  do {
    size = ::read(ready, &byte, 1);
  } while (size < 0 && errno == EINTR);
  if (size == 1) return {};
  return Fail(SetupStage::kNamespaces, size == 0 ? ECANCELED : errno);
}

// 0 is the sandbox's /dev/null, 1 and 2 raw output, 3 requests, 4 events; nothing else stays open.
SetupResult ArrangeDescriptors(const int* fds, uint32_t layers_off) {
  constexpr int kTargets = 5;
  int null = ::open("/dev/null", O_RDWR | O_CLOEXEC);
  if (null < 0) return Fail(SetupStage::kDescriptors, errno);
  int sources[kTargets] = {null, fds[kStdout], fds[kStderr], fds[kRequests], fds[kEvents]};
  // First out of the way of 0 to 4, then into place.
  for (int& source : sources) {
    source = ::fcntl(source, F_DUPFD_CLOEXEC, 64);
    if (source < 0) return Fail(SetupStage::kDescriptors, errno);
  }
  for (int target = 0; target < kTargets; ++target) {
    // Subprocesses inherit the standard three only.
    if (target < 3 ? ::dup2(sources[target], target) < 0
                   : ::dup3(sources[target], target, O_CLOEXEC) < 0) {
      return Fail(SetupStage::kDescriptors, errno);
    }
  }
  if (LayerIsOff(layers_off, TestLayer::kDescriptors)) return {};
  if (::syscall(SYS_close_range, kTargets, ~0U, 0) != 0) {
    return Fail(SetupStage::kDescriptors, errno);
  }
  return {};
}

SetupResult EnterSession(const JoinRequest& request) {
  if (::chdir(request.working_directory) != 0) return Fail(SetupStage::kWorkingDirectory, errno);
  // A session of its own: no controlling terminal to push input into.
  if (::setsid() < 0) return Fail(SetupStage::kSession, errno);
  ::umask(022);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  return {};
}

SetupResult Join(const JoinRequest& request, const int* fds, size_t fd_count) {
  // Before anything touches memory: what the context writes is charged to its sandbox.
  SetupResult result;
  if (!LayerIsOff(request.layers_off, TestLayer::kCgroup)) {
    result = EnterCgroups(fds + kFirstCgroup, fd_count - kFirstCgroup);
  }
  if (result.ok()) result = WaitForInit(fds[kInitReady]);
  // The pid namespace came by the fork.
  if (result.ok()) result = JoinNamespaces(fds[kInitPidfd], 0, request.layers_off);
  if (result.ok()) result = ArrangeDescriptors(fds, request.layers_off);
  if (result.ok()) result = EnterSession(request);
  if (result.ok() && !LayerIsOff(request.layers_off, TestLayer::kRlimits)) {
    result = LimitResources(request);
  }
  if (result.ok()) {
    result = Confine(request.profile, request.landlock_abi, g_policies[request.policy_index],
                     request.layers_off);
  }
  return result;
}

}  // namespace
}  // namespace warren::child

extern "C" {

// Maps the policies of the contexts. Returns 0 or errno.
int warren_zygote_prepare(int policies_fd) {
  struct stat info;
  if (::fstat(policies_fd, &info) != 0) return errno;
  size_t size = static_cast<size_t>(info.st_size);
  void* blobs = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, policies_fd, 0);
  if (blobs == MAP_FAILED) return errno;
  ::close(policies_fd);
  return warren::child::SplitPolicies(static_cast<const unsigned char*>(blobs), size);
}

// The caller's next children are born in the pid namespace of that init. Returns 0 or errno.
int warren_zygote_enter_pid_namespace(int init_pidfd) {
#ifdef WARREN_TEST_LAYERS
  // Before the request with its bits can be read.
  if (::getenv("WARREN_TEST_NO_PID_NAMESPACE") != nullptr) return 0;
#endif
  return ::setns(init_pidfd, CLONE_NEWPID) == 0 ? 0 : errno;
}

// Before the imports. What CPython's PyObject_SetArenaAllocator takes.
void warren_zygote_compact_arenas(warren::ArenaAllocator* allocator) {
  *allocator = warren::CompactArenas();
}

// Once, after the warm-up. Returns how many huge pages the heap has now.
int warren_zygote_collapse_heap() { return warren::CollapseHeap(); }

// Once, after the warm-up. Returns the bytes taken.
size_t warren_zygote_fill_heap_holes() { return warren::FillHeapHoles(); }

// In the child: joins the sandbox and gives up everything. Returns 0 or (stage << 16 | errno).
int warren_context_join(const void* request, size_t size, const int* fds, size_t fd_count) {
  warren::JoinRequest copy;
  warren::SetupResult result;
  if (size != sizeof(copy) || fd_count < warren::kJoinFixedFds) {
    result = warren::child::Fail(warren::SetupStage::kMessage, EPROTO);
  } else {
    ::memcpy(&copy, request, sizeof(copy));
    bool valid = copy.magic == warren::kSetupMagic && copy.version == warren::kSetupVersion &&
                 copy.rlimit_count <= warren::kMaxRlimits &&
                 copy.policy_index < warren::child::g_policy_count;
    result = valid ? warren::child::Join(copy, fds, fd_count)
                   : warren::child::Fail(warren::SetupStage::kMessage, EPROTO);
  }
  return static_cast<int>(result.stage) << 16 | result.error;
}

const char* warren_context_stage_name(int stage) {
  return warren::SetupStageName(static_cast<warren::SetupStage>(stage));
}

}  // extern "C"
