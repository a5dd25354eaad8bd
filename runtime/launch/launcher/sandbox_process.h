#ifndef WARREN_RUNTIME_LAUNCH_LAUNCHER_SANDBOX_PROCESS_H_
#define WARREN_RUNTIME_LAUNCH_LAUNCHER_SANDBOX_PROCESS_H_

#include <array>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "runtime/launch/launcher/context_process.h"
#include "runtime/launch/launcher/resources.h"
#include "runtime/linux/process_group.h"
#include "runtime/plan/launch_plan.h"
#include "warren/internal/launcher.pb.h"

namespace warren {

// One sandbox, from its cgroup to its removal.
// Lifecycle: Start → SetUp → the first context's fork and OnInitReady, in any order → Kill → (pidfd
// readable) → Remove. After a failure: Kill → (pidfd readable, where there is one) → Remove.
class SandboxProcess {
 public:
  using Time = std::chrono::steady_clock::time_point;

  // Makes the cgroup; on an error nothing is left of it.
  static absl::StatusOr<std::unique_ptr<SandboxProcess>> Start(LaunchResources& resources,
                                                               internal::LaunchPlan plan,
                                                               uint32_t slot);
  // Makes the namespaces and tells init what to mount. Returns before init is done.
  absl::Status SetUp(LaunchResources& resources, const LaunchTemplate& source);

  const std::string& id() const { return plan_.sandbox_id(); }
  const internal::LaunchPlan& plan() const { return plan_; }
  uint32_t slot() const { return slot_; }
  // Whose user ids it has: those of its slot, but in a test of them.
  uint32_t ids_slot() const { return ids_slot_; }
  // In the anchor's pid namespace.
  int32_t init_pid() const { return init_.pid; }
  // Readable when init has finished, or failed, its set-up.
  int control() const { return init_.control.get(); }
  // Readable when nothing of the sandbox is left; -1 where SetUp failed before there was anything.
  int pidfd() const { return init_.pidfd.get(); }
  // v1: readable when it runs out of memory; -1 on v2.
  int out_of_memory_event() const { return oom_event_.get(); }
  // Readable when somebody inside wants an agent; -1 where its template grants no root, and after
  // CloseBell.
  int bell() const { return bell_.get(); }
  // What was said through it says nothing but that.
  void DrainBell();
  // Before its mounts go: the last who holds one of their files takes them apart.
  void CloseBell() { bell_.reset(); }
  // Processes of it may be its root.
  bool grants_root() const;

  // What a context of this sandbox joins; `fork_id` names it to the zygote. `profile`: empty for
  // the sandbox's; INVALID_ARGUMENT where the template does not grant it.
  absl::StatusOr<JoinRequest> MakeJoinRequest(uint64_t fork_id, const std::string& profile,
                                              const LaunchResources& resources) const;
  // For the first context: it waits until init has said that it is ready.
  absl::StatusOr<ContextProcess::Sandbox> FirstContextJoins();
  // For a further one, once init is.
  absl::StatusOr<ContextProcess::Sandbox> FurtherContextJoins(const ProcessGroup& group) const;
  absl::StatusOr<ProcessGroup> MakeProcessGroup(const std::string& name) const {
    return ProcessGroup::Make(cgroup_, name);
  }
  // Reads init's answer. An error names the stage.
  absl::Status OnInitReady();
  bool init_ready() const { return init_ready_; }

  absl::StatusOr<Cgroup::Stats> OpenStats() const { return cgroup_.OpenStats(); }
  // Notes a stage of the making that ends now.
  void Mark(const char* stage, std::chrono::steady_clock::time_point begin,
            std::chrono::steady_clock::time_point end = std::chrono::steady_clock::now());
  std::vector<v1::StageTiming> TakeStages() { return std::exchange(stages_, {}); }

  // Everything in it.
  void Kill();
  // Everything but init and what has a group of its own: the first context and all that it started.
  // Returns how many it signalled; again until there are none.
  absl::StatusOr<int> KillFirstContext();
  // After Kill, where the end takes long: lets the killed run without their CPU quota, on all
  // processors and in the foreground, for they have to run to end.
  void HurryEnd(const Processors& processors);
  // Everything in it stops where it is; see Cgroup.
  absl::Status Freeze() { return cgroup_.Freeze(); }
  absl::StatusOr<bool> IsFrozen() const { return cgroup_.IsFrozen(); }
  absl::Status Thaw() { return cgroup_.Thaw(); }
  // Where stopping takes long: without their CPU quota, for a process has to run to where it can
  // stop. And back.
  void LiftCpuQuota();
  void RestoreCpuQuota();
  // Those of the plan from then on. FAILED_PRECONDITION where it uses more than it would be left;
  // after any error all are as before.
  absl::Status SetLimits(const v1::Limits& limits, const internal::HostFacts& facts);
  // CPU time since the last call, in microseconds. The first `making_us` that it uses do not count:
  // its context gets ready with them.
  int64_t UsedSinceLastLook(int64_t making_us);
  // So long it counts as one that computes.
  Time computes_until() const { return computes_until_; }
  void set_computes_until(Time time) { computes_until_ = time; }
  // Whether it gives way to the sandboxes that are not; docs/adr/0015.
  void SetBackground(bool background);
  bool in_background() const { return background_; }
  // Whether it keeps off one of the host's processors. Without an effect where there is only one,
  // or no cpuset controller.
  void LeaveProcessorFree(const Processors& processors, bool leave);
  bool leaves_processor() const { return leaves_processor_; }
  // Before the next warning can come.
  void DrainOutOfMemoryEvent();
  // Whether it uses its whole memory.
  bool IsFull() const;
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
      : plan_(std::move(plan)), slot_(slot), ids_slot_(slot), cgroup_(std::move(cgroup)) {}

  absl::Status CheckUse(const v1::Limits& limits) const;
  absl::Status WriteLimits(const std::vector<LimitChange>& changes);

  internal::LaunchPlan plan_;
  uint32_t slot_;
  uint32_t ids_slot_;
  Cgroup cgroup_;
  ClonedProcess init_;
  UniqueFd oom_event_;
  UniqueFd bell_;
  std::vector<v1::StageTiming> stages_;
  bool init_ready_ = false;
  bool background_ = false;
  bool leaves_processor_ = false;
  Time computes_until_;
  // At the last look.
  std::optional<int64_t> cpu_time_us_;
  // Of what its making takes beyond the launcher's part, what it has not used yet.
  std::optional<int64_t> making_us_;
  // The read end of the pipe on which init tells the context that it is ready.
  UniqueFd init_ready_pipe_;
  Time setup_begin_;
};

}  // namespace warren

#endif  // WARREN_RUNTIME_LAUNCH_LAUNCHER_SANDBOX_PROCESS_H_
