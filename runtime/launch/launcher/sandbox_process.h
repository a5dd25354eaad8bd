#ifndef WARREN_RUNTIME_LAUNCH_LAUNCHER_SANDBOX_PROCESS_H_
#define WARREN_RUNTIME_LAUNCH_LAUNCHER_SANDBOX_PROCESS_H_

#include <array>
#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "runtime/launch/launcher/resources.h"
#include "runtime/launch/launcher/zygote_process.h"
#include "warren/internal/launcher.pb.h"

namespace warren {

// One sandbox, from its cgroup to its removal.
// Lifecycle: Start → SetUp → Fork → OnInitReady and OnForked, in any order → TakeReply → Kill →
// (pidfd readable) → Remove. After a failure: Kill → (pidfd readable, where there is one) → Remove.
class SandboxProcess {
 public:
  // Makes the cgroup; on an error nothing is left of it.
  static absl::StatusOr<std::unique_ptr<SandboxProcess>> Start(LaunchResources& resources,
                                                               internal::LaunchPlan plan,
                                                               uint32_t slot);
  // Makes the namespaces and tells init what to mount. Returns before init is done.
  absl::Status SetUp(LaunchResources& resources, const LaunchTemplate& source);

  const std::string& id() const { return plan_.sandbox_id(); }
  uint32_t slot() const { return slot_; }
  // Readable when init has finished, or failed, its set-up.
  int control() const { return init_.control.get(); }
  // Readable when nothing of the sandbox is left; -1 where SetUp failed before there was anything.
  int pidfd() const { return init_.pidfd.get(); }
  // v1: readable when it runs out of memory; -1 on v2.
  int out_of_memory_event() const { return oom_event_.get(); }

  // Asks the zygote for the first context, which waits by itself until init is ready.
  absl::Status Fork(ZygoteProcess& zygote, uint64_t context_id, const LaunchResources& resources);
  void OnForked(UniqueFd context_pidfd);
  // Reads init's answer. An error names the stage.
  absl::Status OnInitReady();
  bool complete() const { return init_ready_ && context_pidfd_.valid(); }

  // The supervisor's ends, for one reply: fds in the order of SandboxLaunched.
  struct Reply {
    internal::SandboxLaunched message;
    std::vector<UniqueFd> fds;
  };
  absl::StatusOr<Reply> TakeReply();

  absl::Status Interrupt();
  // Ends the system call that the context may be blocked in, and does nothing else. CPython notes a
  // signal and runs its handler later; one that comes just before a blocking call, time.sleep()
  // say, waits for the end of that call.
  void Nudge();
  void Kill();
  // After Kill, where the end takes long: lets the killed run without their CPU quota, and in the
  // foreground, for they have to run to end.
  void HurryEnd();
  // Sorts it by the CPU time that it used since the last call: into the background where that is
  // more than `allowance_us`, out of it where it is less.
  void SortByCpuTime(int64_t allowance_us);
  // Whether the kernel killed something in it for memory.
  bool RanOutOfMemory() const;
  // What its cgroup counted; nothing can be read after Remove.
  google::protobuf::RepeatedPtrField<internal::StatFile> ReadStats() const {
    return cgroup_.ReadStats();
  }
  // FAILED_PRECONDITION while the kernel still takes it apart.
  absl::Status Remove() { return cgroup_.Remove(); }

 private:
  SandboxProcess(internal::LaunchPlan plan, uint32_t slot, Cgroup cgroup)
      : plan_(std::move(plan)), slot_(slot), cgroup_(std::move(cgroup)) {}
  using Time = std::chrono::steady_clock::time_point;
  // Notes a stage of the making that ends now.
  void Mark(const char* stage, Time begin);

  internal::LaunchPlan plan_;
  uint32_t slot_;
  Cgroup cgroup_;
  ClonedInit init_;
  UniqueFd context_pidfd_;
  UniqueFd oom_event_;
  std::vector<UniqueFd> supervisor_ends_;
  std::vector<v1::StageTiming> stages_;
  bool init_ready_ = false;
  bool background_ = false;
  // When it was last sorted by it.
  std::optional<int64_t> cpu_time_us_;
  // The read end of the pipe on which init tells the context that it is ready.
  UniqueFd init_ready_pipe_;
  Time setup_begin_;
  Time fork_begin_;
};

}  // namespace warren

#endif  // WARREN_RUNTIME_LAUNCH_LAUNCHER_SANDBOX_PROCESS_H_
