#include "runtime/launch/launcher/sandbox_process.h"

#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "runtime/base/io.h"
#include "runtime/base/status.h"
#include "runtime/base/sudo_paths.h"
#include "runtime/launch/child/test_layers.h"
#include "runtime/launch/launcher/detached_set.h"
#include "runtime/launch/launcher/pack.h"
#include "runtime/launch/launcher/relax_plan.h"
#include "runtime/linux/process.h"
#include "runtime/plan/launch_plan.h"
#include "spdlog/spdlog.h"

namespace warren {
namespace {

// What one failed allocation may have wanted: so near to its limit a sandbox counts as full.
constexpr int64_t kMemorySlack = 2 << 20;

}  // namespace

absl::StatusOr<std::unique_ptr<SandboxProcess>> SandboxProcess::Start(LaunchResources& resources,
                                                                      internal::LaunchPlan plan,
                                                                      uint32_t slot) {
  Time begin = std::chrono::steady_clock::now();
  WARREN_ASSIGN_OR_RETURN(Cgroup cgroup, resources.cgroups.Add(plan.sandbox_id(), plan.cgroup()));
  RelaxPlan(resources.layers_off, plan);
  std::unique_ptr<SandboxProcess> sandbox(
      new SandboxProcess(std::move(plan), slot, std::move(cgroup)));
  sandbox->setup_begin_ = begin;
  return sandbox;
}

absl::Status SandboxProcess::SetUp(LaunchResources& resources, const LaunchTemplate& source) {
  WARREN_ASSIGN_OR_RETURN(oom_event_, cgroup_.WatchOutOfMemory());
  WARREN_ASSIGN_OR_RETURN(std::vector<UniqueFd> procs, cgroup_.OpenProcs());
  Mark("cgroup", setup_begin_);
  Time clone_begin = std::chrono::steady_clock::now();
  if (LayerIsOff(resources.layers_off, TestLayer::kUserIds)) ids_slot_ = 1;
  WARREN_ASSIGN_OR_RETURN(init_, resources.anchor.CloneSandbox(ids_slot_, procs));
  Mark("clone", clone_begin);
  setup_begin_ = std::chrono::steady_clock::now();
  auto setup = std::make_unique<InitSetup>();
  setup->mode = SetupMode::kSandbox;
  setup->layers_off = resources.layers_off;
  setup->profile = resources.profiles.init().process;
  WARREN_RETURN_IF_ERROR(PackMounts(plan_.mounts(), plan_.hostname(), *setup));
  bool exec = source.source.recipe.start() == config::TemplateRecipe::EXEC;
  WARREN_ASSIGN_OR_RETURN(DetachedSet mounts,
                          DetachedSet::Make(source, resources, init_.pidfd.get(),
                                            exec ? WarrenFiles::kWorker : WarrenFiles::kTools,
                                            grants_root() ? kSudoBellName : nullptr));
  bell_ = mounts.TakeBell();
  setup->mount_fd_count = static_cast<uint32_t>(mounts.size());
  std::vector<int> fds = mounts.fds();
  fds.push_back(resources.profiles.init().policy.get());
  WARREN_ASSIGN_OR_RETURN(Pipe ready, MakePipe());
  fds.push_back(ready.write_end.get());
  init_ready_pipe_ = std::move(ready.read_end);
  return SendMessage(control(), AsBytes(*setup), fds);
}

absl::Status SandboxProcess::OnInitReady() {
  WARREN_ASSIGN_OR_RETURN(Message message, ReceiveMessage(control(), sizeof(SetupResult)));
  SetupResult result;
  if (message.data.size() != sizeof(result))
    return absl::InternalError("the sandbox's init died during its set-up");
  std::memcpy(&result, message.data.data(), sizeof(result));
  if (result.ok()) {
    init_ready_ = true;
    Mark("mounts", setup_begin_);
    return absl::OkStatus();
  }
  std::string what = SetupStageName(result.stage);
  if (result.op_index >= 0 && result.op_index < plan_.mounts_size()) {
    absl::StrAppend(&what, " ", plan_.mounts(result.op_index).target());
  }
  return absl::InternalError(
      absl::StrCat("sandbox set-up failed: ", absl::ErrnoToStatus(result.error, what).message()));
}

absl::StatusOr<JoinRequest> SandboxProcess::MakeJoinRequest(
    uint64_t fork_id, const std::string& profile, const LaunchResources& resources) const {
  WARREN_ASSIGN_OR_RETURN(const int index, ProfileIndex(plan_, profile));
  WARREN_ASSIGN_OR_RETURN(const LoadedProfile* loaded,
                          resources.profiles.Find(plan_.profiles(index)));
  WARREN_ASSIGN_OR_RETURN(JoinRequest request,
                          PackJoin(plan_, *loaded, fork_id, resources.facts.landlock_abi()));
  request.policy_index = static_cast<uint32_t>(index);
  request.layers_off = resources.layers_off;
  return request;
}

absl::StatusOr<ContextProcess::Sandbox> SandboxProcess::FirstContextJoins() {
  ContextProcess::Sandbox joins{pidfd(), std::move(init_ready_pipe_), {}};
  WARREN_ASSIGN_OR_RETURN(joins.procs, cgroup_.OpenProcs());
  return joins;
}

absl::StatusOr<ContextProcess::Sandbox> SandboxProcess::FurtherContextJoins(
    const ProcessGroup& group) const {
  WARREN_ASSIGN_OR_RETURN(Pipe ready, MakePipe());
  // What init says to the first one.
  if (::write(ready.write_end.get(), "r", 1) != 1) return Errno("say that init is ready");
  ContextProcess::Sandbox joins{pidfd(), std::move(ready.read_end), {}};
  WARREN_ASSIGN_OR_RETURN(joins.procs, group.OpenProcs());
  return joins;
}

bool SandboxProcess::grants_root() const {
  return std::find(plan_.profiles().begin(), plan_.profiles().end(), kRootProfile) !=
         plan_.profiles().end();
}

void SandboxProcess::Kill() {
  // Init's end is the end of its pid namespace: the kernel kills everything in it, however it
  // hides.
  if (init_.pidfd.valid()) SignalProcess(init_.pidfd.get(), SIGKILL).IgnoreError();
  // A kill of a context that the launcher was in the middle of may have frozen it.
  cgroup_.Thaw().IgnoreError();
}

absl::StatusOr<int> SandboxProcess::KillFirstContext() {
  WARREN_ASSIGN_OR_RETURN(pid_t init, PidOf(init_.pidfd.get()));
  return KillAllBut(cgroup_, init);
}

void SandboxProcess::HurryEnd(const Processors& processors) {
  SetBackground(false);
  LeaveProcessorFree(processors, false);
  LiftCpuQuota();
}

void SandboxProcess::LiftCpuQuota() {
  absl::Status status = cgroup_.LiftCpuQuota();
  if (!status.ok()) {
    spdlog::warn("event=quota_not_lifted sandbox={} error=\"{}\"", id(),
                 absl::CEscape(status.message()));
  }
}

void SandboxProcess::RestoreCpuQuota() {
  for (const internal::CgroupWrite& write : plan_.cgroup()) {
    if (write.controller() != "cpu") continue;
    absl::Status status = cgroup_.Write(write);
    if (!status.ok()) {
      spdlog::error("event=quota_not_restored sandbox={} error=\"{}\"", id(),
                    absl::CEscape(status.message()));
    }
  }
}

// ---- Limits -----------------------------------------------------------------------------------

// The kernel would make room by killing (v2), or refuse when it has written half (v1).
absl::Status SandboxProcess::CheckUse(const v1::Limits& limits) const {
  if (limits.memory_bytes() < plan_.limits().memory_bytes()) {
    WARREN_ASSIGN_OR_RETURN(const int64_t used, cgroup_.MemoryInUse());
    if (used + kMemorySlack > limits.memory_bytes()) {
      return absl::FailedPreconditionError(absl::StrCat(
          "the sandbox uses ", used, " bytes of memory, and memory_bytes is to be ",
          limits.memory_bytes(), ": have it free some (files count too), or leave it more than ",
          used + kMemorySlack));
    }
  }
  if (limits.pids() < plan_.limits().pids()) {
    WARREN_ASSIGN_OR_RETURN(const int64_t used, cgroup_.PidsInUse());
    if (used > limits.pids()) {
      return absl::FailedPreconditionError(
          absl::StrCat("the sandbox has ", used, " processes and threads, and pids is to be ",
                       limits.pids(), ": end some first, or leave it more"));
    }
  }
  return absl::OkStatus();
}

absl::Status SandboxProcess::WriteLimits(const std::vector<LimitChange>& changes) {
  for (size_t i = 0; i < changes.size(); ++i) {
    absl::Status status = cgroup_.Write(changes[i].write);
    if (status.ok()) continue;
    // What failed may be written all the same, as another value.
    for (size_t written = i + 1; written > 0; --written) {
      absl::Status undone = cgroup_.Write(changes[written - 1].undo);
      if (undone.ok()) continue;
      spdlog::error("event=limit_not_undone sandbox={} error=\"{}\"", id(),
                    absl::CEscape(undone.message()));
    }
    return status;
  }
  return absl::OkStatus();
}

absl::Status SandboxProcess::SetLimits(const v1::Limits& limits, const internal::HostFacts& facts) {
  WARREN_RETURN_IF_ERROR(CheckUse(limits));
  const std::vector<LimitChange> changes = PlanLimitChange(plan_.limits(), limits, facts);
  WARREN_RETURN_IF_ERROR(WriteLimits(changes));
  *plan_.mutable_limits() = limits;
  for (const LimitChange& change : changes) {
    for (internal::CgroupWrite& planned : *plan_.mutable_cgroup()) {
      if (planned.file() == change.write.file()) planned = change.write;
    }
  }
  return absl::OkStatus();
}

// ---- CPU time ---------------------------------------------------------------------------------

int64_t SandboxProcess::UsedSinceLastLook(int64_t making_us) {
  absl::StatusOr<int64_t> now = cgroup_.CpuTimeUs();
  if (!now.ok()) return 0;
  // The first call tells only from where to count: what its making took is not its doing.
  const int64_t used = *now - std::exchange(cpu_time_us_, *now).value_or(*now);
  const int64_t making = std::min(used, making_us_.value_or(making_us));
  making_us_ = making_us_.value_or(making_us) - making;
  return used - making;
}

void SandboxProcess::SetBackground(bool background) {
  if (background != background_ && cgroup_.SetBackground(background).ok()) background_ = background;
}

void SandboxProcess::LeaveProcessorFree(const Processors& processors, bool leave) {
  if (leave == leaves_processor_ || processors.all_but_one.empty()) return;
  if (cgroup_.SetProcessors(leave ? processors.all_but_one : processors.all).ok())
    leaves_processor_ = leave;
}

void SandboxProcess::DrainOutOfMemoryEvent() {
  uint64_t count;
  ssize_t ignored = ::read(oom_event_.get(), &count, sizeof(count));
  (void)ignored;
}

void SandboxProcess::DrainBell() {
  // More than it holds unless somebody inside has made it larger: then it rings again.
  char bytes[4096];
  constexpr int kUsualPages = 16;
  for (int i = 0; i < kUsualPages; ++i) {
    if (::read(bell_.get(), bytes, sizeof(bytes)) < static_cast<ssize_t>(sizeof(bytes))) return;
  }
}

bool SandboxProcess::IsFull() const {
  absl::StatusOr<int64_t> used = cgroup_.MemoryInUse();
  return used.ok() && *used >= plan_.limits().memory_bytes() - kMemorySlack;
}

bool SandboxProcess::RanOutOfMemory() const {
  absl::StatusOr<int64_t> kills = cgroup_.OutOfMemoryKills();
  return kills.ok() && *kills > 0;
}

void SandboxProcess::Mark(const char* stage, Time begin, Time end) {
  v1::StageTiming& timing = stages_.emplace_back();
  timing.set_stage(stage);
  auto elapsed = std::chrono::duration_cast<std::chrono::nanoseconds>(end - begin).count();
  timing.mutable_duration()->set_seconds(elapsed / 1'000'000'000);
  timing.mutable_duration()->set_nanos(static_cast<int32_t>(elapsed % 1'000'000'000));
}

}  // namespace warren
