#ifndef WARREN_RUNTIME_LAUNCH_LAUNCHER_CONTEXT_PROCESS_H_
#define WARREN_RUNTIME_LAUNCH_LAUNCHER_CONTEXT_PROCESS_H_

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "runtime/base/unique_fd.h"
#include "runtime/launch/child/setup.h"
#include "runtime/launch/launcher/zygote_process.h"

namespace warren {

// One context of a sandbox: a fork of a zygote with four pipes.
// Lifecycle: constructor → Fork → OnForked → TakeEnds → Interrupt* → the report of its end.
class ContextProcess {
 public:
  // What it joins: an init, and the pipe on which that says that it is ready.
  struct Sandbox {
    int init_pidfd;
    UniqueFd init_ready;
    // Files to enter its groups by.
    std::vector<UniqueFd> procs;
  };
  // Asks the zygote for the fork, which waits by itself until init is ready.
  absl::Status Fork(ZygoteProcess& zygote, const JoinRequest& request, Sandbox sandbox);
  void OnForked(UniqueFd pidfd, pid_t pid);
  bool forked() const { return pidfd_.valid(); }
  // Its end is there, reported or not.
  bool dead() const;
  // In the anchor's pid namespace; 0 before the fork.
  pid_t pid() const { return pid_; }
  // When Fork was called.
  std::chrono::steady_clock::time_point fork_begin() const { return fork_begin_; }

  // The supervisor's ends of the pipes, non-blocking, in the order of ProcessStarted.
  std::vector<UniqueFd> TakeEnds() { return std::move(supervisor_ends_); }

  // SIGINT. FAILED_PRECONDITION before the fork.
  absl::Status Interrupt();
  // Ends the system call that the context may be blocked in, and does nothing else. CPython notes a
  // signal and runs its handler later; one that comes just before a blocking call, time.sleep()
  // say, waits for the end of that call.
  void Nudge();

 private:
  UniqueFd pidfd_;
  pid_t pid_ = 0;
  std::vector<UniqueFd> supervisor_ends_;
  std::chrono::steady_clock::time_point fork_begin_;
};

}  // namespace warren

#endif  // WARREN_RUNTIME_LAUNCH_LAUNCHER_CONTEXT_PROCESS_H_
