#include <algorithm>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "runtime/base/status.h"
#include "runtime/launch/launcher/launcher.h"
#include "runtime/plan/launch_plan.h"
#include "spdlog/spdlog.h"

// The launcher's sandboxes: planned, made, ended, removed.
namespace warren {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// Times are those of a host of pace 1 (docs/TIMING.md), see Launcher::AtPace, unless they say
// other.
constexpr seconds kLaunchDeadline(30);
// From a kill to the end of nearly all sandboxes.
constexpr milliseconds kUsualEnd(50);
// Between the attempts to remove a dead sandbox's cgroup: twice as long each time, up to the
// longest, however many it takes. The slot with its user ids is given to nobody else before that is
// done.
constexpr milliseconds kFirstRemoveInterval(2);
constexpr milliseconds kLongestRemoveInterval(64);
// After the kernel's warning that memory is short, until a kill is counted: so often, each time
// after twice as long.
constexpr milliseconds kOutOfMemoryLook(1);
constexpr int kOutOfMemoryLooks = 8;

}  // namespace

absl::Status Launcher::HandleCreateSandbox(uint64_t request_id,
                                           const internal::CreateSandbox& request) {
  const auto begin = EventLoop::Clock::now();
  const internal::SandboxSpec& spec = request.spec();
  WARREN_ASSIGN_OR_RETURN(LaunchTemplate * source, FindTemplate(spec.template_id()));
  WARREN_ASSIGN_OR_RETURN(
      internal::LaunchPlan plan,
      MakeLaunchPlan(spec, source->source.recipe, limits_policy_, resources_.facts));
  const std::string id = plan.sandbox_id();
  if (sandboxes_.contains(id)) return absl::InvalidArgumentError("the sandbox id is taken");
  WARREN_ASSIGN_OR_RETURN(LiveZygote * zygote, FindZygote(request.zygote_id(), spec.template_id()));
  WARREN_ASSIGN_OR_RETURN(uint32_t slot, slots_.Take());
  const auto planned = EventLoop::Clock::now();
  absl::StatusOr<std::unique_ptr<SandboxProcess>> process =
      SandboxProcess::Start(resources_, std::move(plan), slot);
  if (!process.ok()) {
    slots_.Return(slot);
    return process.status();
  }
  LiveSandbox& sandbox = sandboxes_[id];
  sandbox.process = *std::move(process);
  sandbox.process->Mark("plan", begin, planned);
  sandbox.request_id = request_id;
  const auto deadline = AtPace(kLaunchDeadline);
  sandbox.deadline = loop_.After(deadline, [this, id] { OnLaunchDeadline(id); });
  absl::Status status = sandbox.process->SetUp(resources_, *source);
  // Also after a failure: its end is waited for as any other's.
  if (sandbox.process->pidfd() >= 0) {
    clones_.insert(sandbox.process->init_pid());
    status.Update(WatchSandbox(id, *sandbox.process));
  }
  // At once: the heavy fork and init's set-up take place side by side.
  if (status.ok()) status = ForkFirstContext(id, sandbox, *zygote);
  if (!status.ok()) FailLaunch(id, status);
  return absl::OkStatus();
}

absl::Status Launcher::ForkFirstContext(const std::string& id, LiveSandbox& sandbox,
                                        LiveZygote& zygote) {
  sandbox.last_process_id = kFirstProcess;
  LiveProcess& first = sandbox.processes[kFirstProcess];
  first.fork_id = next_id_++;
  first.zygote_id = zygote.process->id();
  forks_[first.fork_id] = {id, kFirstProcess};
  WARREN_ASSIGN_OR_RETURN(JoinRequest join,
                          sandbox.process->MakeJoinRequest(first.fork_id, "", resources_));
  WARREN_ASSIGN_OR_RETURN(ContextProcess::Sandbox joined, sandbox.process->FirstContextJoins());
  return AskZygote(zygote, join, first, std::move(joined));
}

// Init hangs, or the zygote does: then nothing can be forked from it any more.
void Launcher::OnLaunchDeadline(const std::string& id) {
  const std::string why = absl::StrCat(
      "not ready within ", std::chrono::round<seconds>(AtPace(kLaunchDeadline)).count(), " s");
  LiveProcess* first = FindProcess({id, kFirstProcess});
  const uint64_t hung = first != nullptr && !first->process.forked() ? first->zygote_id : 0;
  FailLaunch(id, absl::DeadlineExceededError(why));
  if (hung != 0) EndZygote(hung, "it has not forked in time");
}

absl::Status Launcher::WatchSandbox(const std::string& id, SandboxProcess& process) {
  WARREN_RETURN_IF_ERROR(loop_.Watch(process.control(), [this, id] { OnInitReady(id); }));
  WARREN_RETURN_IF_ERROR(loop_.Watch(process.pidfd(), [this, id] { OnSandboxDead(id); }));
  if (process.bell() >= 0)
    WARREN_RETURN_IF_ERROR(loop_.Watch(process.bell(), [this, id] { OnBell(id); }));
  if (process.out_of_memory_event() < 0) return absl::OkStatus();
  return loop_.Watch(process.out_of_memory_event(), [this, id] { OnOutOfMemory(id, 0); });
}

void Launcher::OnInitReady(const std::string& id) {
  LiveSandbox& sandbox = sandboxes_.at(id);
  // Init says one thing in its life; after that its pidfd tells the rest.
  loop_.Unwatch(sandbox.process->control());
  if (sandbox.dying) return;
  absl::Status status = sandbox.process->OnInitReady();
  if (!status.ok()) return FailLaunch(id, status);
  ReplyWhenComplete(id, sandbox);
}

void Launcher::ReplyWhenComplete(const std::string& id, LiveSandbox& sandbox) {
  const std::optional<int> early_end = sandbox.processes.at(kFirstProcess).early_end;
  ContextProcess& first = sandbox.processes.at(kFirstProcess).process;
  if (!sandbox.process->init_ready() || !first.forked()) return;
  absl::StatusOr<Cgroup::Stats> stats = sandbox.process->OpenStats();
  if (!stats.ok()) return FailLaunch(id, stats.status());
  internal::LauncherReply reply;
  reply.set_request_id(std::exchange(sandbox.request_id, 0));
  internal::ProcessStarted& started = *reply.mutable_process_started();
  started.set_process_id(kFirstProcess);
  std::vector<UniqueFd> ends = first.TakeEnds();
  std::vector<int> fds;
  fds.reserve(ends.size() + stats->fds.size());
  for (const UniqueFd& end : ends) fds.push_back(end.get());
  for (size_t i = 0; i < stats->fds.size(); ++i) {
    started.add_stats()->set_kind(stats->kinds[i]);
    fds.push_back(stats->fds[i].get());
  }
  for (v1::StageTiming& stage : sandbox.process->TakeStages())
    *started.add_stages() = std::move(stage);
  loop_.Cancel(sandbox.deadline);
  Send(reply, fds);
  if (early_end) OnProcessExited({id, kFirstProcess}, *early_end);
}

// v1. The kernel kills one process; the promise is that the whole sandbox goes. Its warning comes
// before it kills, and to every sandbox where all of them together have reached their total: so it
// must be seen that it is meant for this one.
void Launcher::OnOutOfMemory(const std::string& id, int looks) {
  auto found = sandboxes_.find(id);
  if (found == sandboxes_.end() || found->second.dying) return;
  LiveSandbox& sandbox = found->second;
  if (looks == 0) {
    sandbox.process->DrainOutOfMemoryEvent();
    loop_.Cancel(sandbox.oom_timer);
  }
  if (sandbox.process->RanOutOfMemory() || sandbox.process->IsFull()) {
    loop_.Unwatch(sandbox.process->out_of_memory_event());
    return KillSandbox(sandbox, internal::SandboxGone::OUT_OF_MEMORY);
  }
  // What was killed may not be counted yet, and has given its memory back.
  if (looks >= kOutOfMemoryLooks) return;
  sandbox.oom_timer = loop_.After(AtPace(kOutOfMemoryLook * (1 << looks)),
                                  [this, id, looks] { OnOutOfMemory(id, looks + 1); });
}

void Launcher::FailLaunch(const std::string& id, const absl::Status& status) {
  auto found = sandboxes_.find(id);
  if (found == sandboxes_.end() || found->second.dying) return;
  LiveSandbox& sandbox = found->second;
  spdlog::warn("event=launch_failed sandbox={} error=\"{}\"", id, absl::CEscape(status.message()));
  uint64_t request_id = std::exchange(sandbox.request_id, 0);
  KillSandbox(sandbox, internal::SandboxGone::SETUP_FAILED);
  if (request_id != 0) Reply(request_id, status);
  if (sandbox.process->pidfd() < 0) OnSandboxDead(id);
}

void Launcher::KillSandbox(LiveSandbox& sandbox, internal::SandboxGone::Reason reason) {
  sandbox.dying = true;
  sandbox.reason = reason;
  AbandonProcesses(sandbox);
  loop_.Cancel(sandbox.deadline);
  loop_.Cancel(sandbox.oom_timer);
  SilenceBell(sandbox);
  sandbox.process->Kill();
  // Until OnSandboxDead. Not at once: lifting the quota costs every sandbox more than it helps
  // most.
  sandbox.deadline = loop_.After(AtPace(kUsualEnd), [this, process = sandbox.process.get()] {
    process->HurryEnd(resources_.cgroups.processors());
  });
}

void Launcher::AbandonProcesses(LiveSandbox& sandbox) {
  ForgetPause(sandbox);
  CloseNetwork(sandbox);
  AbandonTasks(sandbox);
  for (auto& [process_id, process] : sandbox.processes) {
    forks_.erase(process.fork_id);
    loop_.Cancel(process.deadline);
    // It is in the anchor's pid namespace, not in the sandbox's.
    if (process.agent != nullptr) process.agent->Kill();
    // A kill that failed may have left it frozen, and nothing in it would end.
    if (process.group) process.group->Thaw().IgnoreError();
    if (process.request_id == 0) continue;
    Reply(std::exchange(process.request_id, 0),
          absl::CancelledError("its sandbox ended while it was being started"));
  }
}

void Launcher::SortByCpuTime() {
  if (sorter_.Look()) {
    std::vector<SandboxProcess*> sandboxes;
    for (auto& [id, sandbox] : sandboxes_) {
      // What its making takes is not its doing.
      const bool made = sandbox.request_id == 0;
      if (made && !sandbox.dying) sandboxes.push_back(sandbox.process.get());
    }
    sorter_.Sort(sandboxes);
  }
  loop_.After(sorter_.interval(), [this] { SortByCpuTime(); });
}

absl::Status Launcher::HandleDestroy(const std::string& sandbox_id) {
  auto found = sandboxes_.find(sandbox_id);
  if (found == sandboxes_.end()) return absl::NotFoundError("no such sandbox");
  LiveSandbox& sandbox = found->second;
  if (sandbox.dying) return absl::OkStatus();
  uint64_t request_id = std::exchange(sandbox.request_id, 0);
  KillSandbox(sandbox, internal::SandboxGone::DESTROYED);
  if (request_id != 0) Reply(request_id, absl::CancelledError("destroyed while it was being made"));
  return absl::OkStatus();
}

void Launcher::OnSandboxDead(const std::string& id) {
  LiveSandbox& sandbox = sandboxes_.at(id);
  loop_.Unwatch(sandbox.process->pidfd());
  loop_.Unwatch(sandbox.process->control());
  loop_.Unwatch(sandbox.process->out_of_memory_event());
  SilenceBell(sandbox);
  loop_.Cancel(sandbox.deadline);
  loop_.Cancel(sandbox.oom_timer);
  // Nobody asked for it: was it the kernel, for memory? (v2's group kill takes init along; during
  // the set-up its control socket's end, which fails the launch, is noticed first.)
  if (sandbox.reason != internal::SandboxGone::DESTROYED && sandbox.process->RanOutOfMemory())
    sandbox.reason = internal::SandboxGone::OUT_OF_MEMORY;
  // The supervisor may come to read them when the cgroup is gone. It has, before it destroys.
  if (sandbox.reason != internal::SandboxGone::DESTROYED) {
    sandbox.last_stats = sandbox.process->ReadStats();
  }
  if (sandbox.request_id != 0) {
    Reply(std::exchange(sandbox.request_id, 0),
          absl::InternalError("the sandbox's init died during its set-up"));
  }
  sandbox.dying = true;
  AbandonProcesses(sandbox);
  RemoveSandbox(id, 0);
}

void Launcher::RemoveSandbox(const std::string& id, int attempts) {
  constexpr int kDoublings = 5;
  // Some seconds.
  constexpr int kUnusual = 100;
  LiveSandbox& sandbox = sandboxes_.at(id);
  absl::Status status;
  for (auto& [process_id, process] : sandbox.processes) {
    if (process.group) status.Update(process.group->Remove());
  }
  if (absl::Status own = sandbox.process->Remove(); !absl::IsFailedPrecondition(status))
    status = own;
  if (absl::IsFailedPrecondition(status)) {
    // Something in it still ends; a slow host takes its time.
    if (attempts == kUnusual) spdlog::warn("event=remove_takes_long sandbox={}", id);
    const milliseconds wait = kFirstRemoveInterval * (1 << std::min(attempts, kDoublings));
    loop_.After(std::min(wait, kLongestRemoveInterval),
                [this, id, attempts] { RemoveSandbox(id, attempts + 1); });
    return;
  }
  if (!status.ok())
    spdlog::error("event=remove_failed sandbox={} error=\"{}\"", id,
                  absl::CEscape(status.message()));
  internal::LauncherReply event;
  event.mutable_sandbox_gone()->set_sandbox_id(id);
  event.mutable_sandbox_gone()->set_reason(sandbox.reason);
  *event.mutable_sandbox_gone()->mutable_stats() = std::move(sandbox.last_stats);
  slots_.Return(sandbox.process->slot());
  for (auto& [process_id, process] : sandbox.processes) {
    const pid_t number = process.agent != nullptr ? process.agent->pid() : process.process.pid();
    auto pid = by_pid_.find(number);
    if (pid != by_pid_.end() && pid->second.sandbox_id == id) {
      by_pid_.erase(pid);
      // Its end is still to be reported, and nobody's any more.
      if (process.agent != nullptr) clones_.insert(number);
    }
    ReleaseProcess(process);
  }
  sandboxes_.erase(id);
  Send(event, {});
}

}  // namespace warren
