#include <signal.h>
#include <sys/wait.h>

#include <algorithm>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "runtime/base/status.h"
#include "runtime/launch/launcher/launcher.h"
#include "runtime/linux/process.h"
#include "runtime/plan/launch_plan.h"
#include "spdlog/spdlog.h"

// The processes of the launcher's sandboxes: started, signalled, ended, each by itself.
namespace warren {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// On a host of pace 1 (docs/TIMING.md): see Launcher::AtPace.
constexpr seconds kStartDeadline(30);
// Between the attempts to kill what a process left: twice as long each time, up to the longest.
// Forks that were under way at the first one are few.
constexpr milliseconds kFirstKillInterval(1);
constexpr milliseconds kLongestKillInterval(64);
constexpr int kKillDoublings = 6;
// After an interrupt; see ContextProcess::Nudge.
constexpr milliseconds kNudgeDelays[] = {milliseconds(10), milliseconds(100), milliseconds(1000)};
// Ends of contexts that were not known yet.
constexpr size_t kMaxUnclaimed = 64;

}  // namespace

absl::Status Launcher::HandleStartProcess(uint64_t request_id,
                                          const internal::StartProcess& request) {
  WARREN_ASSIGN_OR_RETURN(LiveSandbox * found, FindSandbox(request.sandbox_id()));
  LiveSandbox& sandbox = *found;
  WARREN_RETURN_IF_ERROR(CheckStart(request, sandbox));
  const ProcessKey name{request.sandbox_id(), sandbox.last_process_id + 1};
  WARREN_ASSIGN_OR_RETURN(ProcessGroup group,
                          sandbox.process->MakeProcessGroup(absl::StrCat("p", name.process_id)));
  ++sandbox.last_process_id;
  LiveProcess& process = sandbox.processes[name.process_id];
  process.kind = request.kind();
  process.profile = request.profile();
  process.leaves_descendants = request.leaves_descendants();
  process.group = std::move(group);
  process.request_id = request_id;
  process.zygote_id = request.zygote_id();
  process.deadline = loop_.After(AtPace(kStartDeadline), [this, name] {
    FailStart(name, absl::DeadlineExceededError("the process has not started in time"));
  });
  absl::Status status;
  switch (request.kind()) {
    case internal::StartProcess::AGENT:
      status = StartAgent(name, process);
      break;
    case internal::StartProcess::COMMAND:
      status = OfferCommand(name, process);
      break;
    default:
      status = ForkContext(name, process);
  }
  if (!status.ok()) FailStart(name, status);
  return absl::OkStatus();
}

// Before anything is made for it.
absl::Status Launcher::CheckStart(const internal::StartProcess& request, LiveSandbox& sandbox) {
  if (sandbox.request_id != 0)
    return absl::FailedPreconditionError("the sandbox is still being made");
  WARREN_RETURN_IF_ERROR(CheckRuns(sandbox));
  if (sandbox.processes.size() >= kMaxProcessGroups) ForgetLeft(sandbox);
  if (sandbox.processes.size() >= kMaxProcessGroups) {
    return absl::ResourceExhaustedError(absl::StrCat("the sandbox has ", sandbox.processes.size(),
                                                     " processes of its own: end some first"));
  }
  WARREN_RETURN_IF_ERROR(ProfileIndex(sandbox.process->plan(), request.profile()).status());
  switch (request.kind()) {
    case internal::StartProcess::CONTEXT:
      return FindZygote(request.zygote_id(), sandbox.process->plan().template_id()).status();
    case internal::StartProcess::AGENT:
      for (const auto& [process_id, process] : sandbox.processes) {
        if (process.agent != nullptr && !process.exited)
          return absl::AlreadyExistsError("the sandbox has an agent");
      }
      return absl::OkStatus();
    case internal::StartProcess::COMMAND:
      return FindAgent(sandbox).status();
    default:
      return absl::InvalidArgumentError("a process of no known kind");
  }
}

absl::Status Launcher::ForkContext(const ProcessKey& name, LiveProcess& process) {
  SandboxProcess& sandbox = *sandboxes_.at(name.sandbox_id).process;
  WARREN_ASSIGN_OR_RETURN(LiveZygote * zygote,
                          FindZygote(process.zygote_id, sandbox.plan().template_id()));
  process.fork_id = next_id_++;
  forks_[process.fork_id] = name;
  WARREN_ASSIGN_OR_RETURN(JoinRequest join,
                          sandbox.MakeJoinRequest(process.fork_id, process.profile, resources_));
  WARREN_ASSIGN_OR_RETURN(ContextProcess::Sandbox joined,
                          sandbox.FurtherContextJoins(*process.group));
  return AskZygote(*zygote, join, process, std::move(joined));
}

// The process may be forgotten when this fails.
absl::Status Launcher::AskZygote(LiveZygote& zygote, const JoinRequest& request,
                                 LiveProcess& process, ContextProcess::Sandbox sandbox) {
  absl::Status status = process.process.Fork(*zygote.process, request, std::move(sandbox));
  // Its end is told of before what fails by it: EndZygote.
  if (!status.ok() && zygote.process->gone()) EndZygote(zygote.process->id(), "died");
  return status;
}

Launcher::LiveProcess* Launcher::FindProcess(const ProcessKey& name) {
  auto sandbox = sandboxes_.find(name.sandbox_id);
  if (sandbox == sandboxes_.end()) return nullptr;
  auto process = sandbox->second.processes.find(name.process_id);
  return process == sandbox->second.processes.end() ? nullptr : &process->second;
}

void Launcher::OnForked(ZygoteProcess::Event event) {
  // The end of an earlier process with the same pid was reported before the kernel could give that
  // to this one.
  OnExits();
  auto fork = forks_.find(event.message.context_id);
  // Given up meanwhile. In a sandbox that is gone it is dead already.
  if (fork == forks_.end()) {
    SignalProcess(event.pidfd.get(), SIGKILL).IgnoreError();
    return;
  }
  const ProcessKey name = fork->second;
  forks_.erase(fork);
  LiveProcess& process = *FindProcess(name);
  LiveSandbox& sandbox = sandboxes_.at(name.sandbox_id);
  process.process.OnForked(std::move(event.pidfd), event.message.pid);
  by_pid_[event.message.pid] = name;
  if (name.process_id == kFirstProcess) {
    sandbox.process->Mark("fork", process.process.fork_begin());
    ReplyWhenComplete(name.sandbox_id, sandbox);
  } else {
    std::vector<UniqueFd> ends = process.process.TakeEnds();
    std::vector<int> fds;
    fds.reserve(ends.size());
    for (const UniqueFd& end : ends) fds.push_back(end.get());
    ReplyStarted(name, process, fds);
  }
  // It may have ended while its zygote did, which told of its fork but not of its end.
  auto unclaimed = unclaimed_.find(event.message.pid);
  LiveProcess* forked = FindProcess(name);
  if (unclaimed == unclaimed_.end() || forked == nullptr || !forked->process.dead()) return;
  const int wait_status = unclaimed->second;
  unclaimed_.erase(unclaimed);
  OnProcessReport(event.message.pid, wait_status, 0);
}

void Launcher::OnExits() {
  for (const ExitReport& report : resources_.anchor.TakeExits()) {
    auto zygote = std::find_if(zygotes_.begin(), zygotes_.end(), [&](const auto& each) {
      return each.second.process->pid() == report.pid;
    });
    // Inits, zygotes, helpers and agents that are starting are watched by their pidfds and sockets.
    const bool clone = !WIFSTOPPED(report.wait_status) && clones_.erase(report.pid) > 0;
    if (zygote != zygotes_.end()) {
      OnZygoteReport(zygote->first, report.wait_status);
    } else if (by_pid_.contains(report.pid)) {
      OnProcessReport(report.pid, report.wait_status, 0);
    } else if (!clone && !WIFSTOPPED(report.wait_status)) {
      if (unclaimed_.size() >= kMaxUnclaimed) unclaimed_.clear();
      unclaimed_[report.pid] = report.wait_status;
    }
  }
}

void Launcher::OnProcessReport(int32_t pid, int wait_status, uint64_t zygote_id) {
  auto found = by_pid_.find(pid);
  if (found == by_pid_.end()) return;
  const ProcessKey name = found->second;
  LiveProcess* process = FindProcess(name);
  // A zygote has no say about what it has not forked.
  if (process != nullptr && zygote_id != 0 && process->zygote_id != zygote_id) return;
  if (!WIFSTOPPED(wait_status)) by_pid_.erase(found);
  if (process == nullptr) return;
  if (WIFSTOPPED(wait_status)) {
    if (sandboxes_.at(name.sandbox_id).dying || process->ending) return;
    process->stopped_by = WSTOPSIG(wait_status);
    return EndProcess(name, 0);
  }
  OnProcessExited(name, wait_status);
}

void Launcher::OnProcessExited(const ProcessKey& name, int wait_status) {
  LiveSandbox& sandbox = sandboxes_.at(name.sandbox_id);
  LiveProcess& process = *FindProcess(name);
  // ReplyWhenComplete has yet to hand it over.
  if (name.process_id == kFirstProcess && sandbox.request_id != 0 && !sandbox.dying) {
    process.early_end = wait_status;
    return;
  }
  process.exited = true;
  internal::LauncherReply event;
  internal::ProcessExited* exited = event.mutable_process_exited();
  exited->set_sandbox_id(name.sandbox_id);
  exited->set_process_id(name.process_id);
  exited->set_sandbox_ends(sandbox.dying || sandbox.process->RanOutOfMemory());
  exited->set_stopped(process.stopped_by != 0);
  if (process.group) exited->set_cpu_us(process.group->CpuTimeUs().value_or(0));
  if (process.stopped_by != 0) {
    exited->set_signal(process.stopped_by);
  } else if (WIFSIGNALED(wait_status)) {
    exited->set_signal(WTERMSIG(wait_status));
  } else {
    exited->set_exit_code(WEXITSTATUS(wait_status));
  }
  // Before anything else of the sandbox ends: its end is told with what was true then.
  Send(event, {});
  if (process.agent != nullptr) EndCommandsOf(name);
  // What it started ends with it.
  if (!sandbox.dying && !LeavesSomething(process)) EndProcess(name, 0);
}

bool Launcher::LeavesSomething(LiveProcess& process) {
  if (!process.leaves_descendants || process.ending || !process.group) return false;
  // Goes where nothing is in it.
  return !process.group->Remove().ok();
}

void Launcher::ForgetLeft(LiveSandbox& sandbox) {
  for (auto it = sandbox.processes.begin(); it != sandbox.processes.end();) {
    LiveProcess& process = it->second;
    const bool left = process.exited && !process.ending && process.leaves_descendants;
    if (!left || !process.group || !process.group->Remove().ok()) {
      ++it;
      continue;
    }
    ReleaseProcess(process);
    it = sandbox.processes.erase(it);
  }
}

void Launcher::EndProcess(const ProcessKey& name, int attempts) {
  LiveProcess* process = FindProcess(name);
  if (process == nullptr) return;
  LiveSandbox& sandbox = sandboxes_.at(name.sandbox_id);
  // Its sandbox is being killed, and everything with it.
  if (sandbox.dying || (attempts == 0 && std::exchange(process->ending, true) && !process->exited))
    return;
  // A kill freezes and thaws the group that it kills, and with the first context's that of the
  // whole sandbox.
  if (sandbox.motion != Motion::kRuns) {
    process->ends_at_resume = true;
    return;
  }
  absl::Status status;
  bool empty = false;
  if (process->group) {
    status = process->group->Kill();
    empty = process->group->Remove().ok();
    if (empty) process->group.reset();
  } else if (name.process_id == kFirstProcess) {
    absl::StatusOr<int> signalled = sandbox.process->KillFirstContext();
    status = signalled.status();
    empty = signalled.ok() && *signalled == 0;
  } else {
    empty = true;
  }
  if (empty) return process->exited ? ForgetProcess(name) : void();
  if (attempts == 0 && !status.ok()) {
    spdlog::warn("event=kill_failed sandbox={} process={} error=\"{}\"", name.sandbox_id,
                 name.process_id, absl::CEscape(status.message()));
  }
  const milliseconds wait = kFirstKillInterval * (1 << std::min(attempts, kKillDoublings));
  // One series of attempts, also where it exits while it is being killed.
  loop_.Cancel(process->deadline);
  process->deadline = loop_.After(std::min(wait, kLongestKillInterval),
                                  [this, name, attempts] { EndProcess(name, attempts + 1); });
}

void Launcher::FailStart(const ProcessKey& name, const absl::Status& status) {
  if (name.process_id == kFirstProcess) return FailLaunch(name.sandbox_id, status);
  LiveProcess* process = FindProcess(name);
  if (process == nullptr || process->request_id == 0) return;
  forks_.erase(process->fork_id);
  Reply(std::exchange(process->request_id, 0), status);
  // It was not started, so nobody will tell of its end.
  process->exited = true;
  if (process->agent != nullptr) process->agent->Kill();
  EndProcess(name, 0);
}

void Launcher::ReleaseProcess(LiveProcess& process) {
  loop_.Cancel(process.deadline);
  loop_.Cancel(process.untold);
  for (EventLoop::TimerId nudge : process.nudges) loop_.Cancel(nudge);
  if (process.agent != nullptr) loop_.Unwatch(process.agent->reports());
}

void Launcher::ForgetProcess(const ProcessKey& name) {
  ReleaseProcess(*FindProcess(name));
  sandboxes_.at(name.sandbox_id).processes.erase(name.process_id);
}

absl::Status Launcher::HandleSignalProcess(const internal::SignalProcess& request) {
  const ProcessKey name{request.sandbox_id(), request.process_id()};
  if (!sandboxes_.contains(name.sandbox_id)) return absl::NotFoundError("no such sandbox");
  LiveProcess* process = FindProcess(name);
  if (process == nullptr || process->exited) return absl::NotFoundError("no such process");
  switch (request.signal()) {
    case internal::SignalProcess::INTERRUPT:
      WARREN_RETURN_IF_ERROR(CheckRuns(sandboxes_.at(name.sandbox_id)));
      if (process->kind != internal::StartProcess::CONTEXT)
        return absl::InvalidArgumentError("only a context can be interrupted");
      return InterruptProcess(name, *process);
    case internal::SignalProcess::KILL:
      if (process->kind == internal::StartProcess::CONTEXT ? !process->process.forked()
                                                           : process->request_id != 0) {
        return absl::FailedPreconditionError("the process is not there yet");
      }
      // Of one that is paused: when it goes on.
      if (process->kind == internal::StartProcess::COMMAND) WithdrawCommand(name);
      EndProcess(name, 0);
      return absl::OkStatus();
    default:
      return absl::InvalidArgumentError("a signal of no known kind");
  }
}

absl::Status Launcher::InterruptProcess(const ProcessKey& name, LiveProcess& process) {
  WARREN_RETURN_IF_ERROR(process.process.Interrupt());
  // Instead of those after an earlier one: a client may ask a thousand times a second.
  for (EventLoop::TimerId nudge : std::exchange(process.nudges, {})) loop_.Cancel(nudge);
  for (auto delay : kNudgeDelays) {
    process.nudges.push_back(loop_.After(AtPace(delay), [this, name] {
      LiveProcess* interrupted = FindProcess(name);
      if (interrupted != nullptr) interrupted->process.Nudge();
    }));
  }
  return absl::OkStatus();
}

}  // namespace warren
