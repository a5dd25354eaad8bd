#include <signal.h>
#include <sys/wait.h>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "runtime/base/io.h"
#include "runtime/base/status.h"
#include "runtime/launch/launcher/launcher.h"
#include "runtime/launch/launcher/pack.h"
#include "runtime/plan/launch_plan.h"
#include "spdlog/spdlog.h"

// The launcher's agents, and the commands that they start.
namespace warren {
namespace {

// On a host of pace 1 (docs/TIMING.md): see Launcher::AtPace. From the kill of a command until its
// agent has told of its end; from the end of an agent's pipe until the anchor has told of its.
constexpr std::chrono::seconds kEndTold(5);
// Between two rings of a sandbox's bell that are heard: whoever is inside can ring all the time.
constexpr std::chrono::milliseconds kBellRest(500);

}  // namespace

absl::Status Launcher::StartAgent(const ProcessKey& name, LiveProcess& process) {
  SandboxProcess& sandbox = *sandboxes_.at(name.sandbox_id).process;
  WARREN_ASSIGN_OR_RETURN(std::vector<UniqueFd> procs, process.group->OpenProcs());
  const uint32_t flags = sandbox.grants_root() ? kAgentServesSudo : 0;
  WARREN_ASSIGN_OR_RETURN(process.agent,
                          AgentProcess::Start(resources_, sandbox.pidfd(), procs, flags));
  clones_.insert(process.agent->pid());
  return loop_.Watch(process.agent->reports(), [this, name] { OnAgent(name); });
}

void Launcher::OnBell(const std::string& id) {
  LiveSandbox& sandbox = sandboxes_.at(id);
  SandboxProcess& process = *sandbox.process;
  process.DrainBell();
  loop_.Unwatch(process.bell());
  sandbox.bell_timer = loop_.After(kBellRest, [this, id] {
    LiveSandbox& rested = sandboxes_.at(id);
    rested.bell_timer = 0;
    absl::Status watched = loop_.Watch(rested.process->bell(), [this, id] { OnBell(id); });
    if (!watched.ok()) {
      spdlog::warn("event=bell_not_watched sandbox={} error=\"{}\"", id,
                   absl::CEscape(watched.message()));
    }
  });
  for (const auto& [process_id, other] : sandbox.processes) {
    // It is there, or on its way.
    if (other.agent != nullptr && !other.exited) return;
  }
  internal::LauncherReply event;
  event.mutable_agent_wanted()->set_sandbox_id(id);
  Send(event, {});
}

void Launcher::SilenceBell(LiveSandbox& sandbox) {
  loop_.Cancel(std::exchange(sandbox.bell_timer, 0));
  loop_.Unwatch(sandbox.process->bell());
  sandbox.process->CloseBell();
}

absl::StatusOr<Launcher::LiveProcess*> Launcher::FindAgent(LiveSandbox& sandbox) {
  for (auto& [process_id, process] : sandbox.processes) {
    // Replied to: it is ready.
    if (process.agent != nullptr && process.request_id == 0 && !process.exited) return &process;
  }
  return absl::FailedPreconditionError("the sandbox has no agent: start one first");
}

absl::Status Launcher::OfferCommand(const ProcessKey& name, LiveProcess& process) {
  LiveSandbox& sandbox = sandboxes_.at(name.sandbox_id);
  WARREN_ASSIGN_OR_RETURN(LiveProcess * agent, FindAgent(sandbox));
  const internal::LaunchPlan& plan = sandbox.process->plan();
  const std::string& profile = process.profile.empty() ? plan.profile() : process.profile;
  WARREN_ASSIGN_OR_RETURN(const LoadedProfile* loaded, resources_.profiles.Find(profile));
  AgentOrder order;
  order.process_id = name.process_id;
  WARREN_ASSIGN_OR_RETURN(order.process,
                          sandbox.process->MakeJoinRequest(name.process_id, profile, resources_));
  WARREN_RETURN_IF_ERROR(PackEnvironment(*loaded, order));
  WARREN_ASSIGN_OR_RETURN(
      const int policy,
      resources_.profiles.CommandPolicy(templates_.at(plan.template_id()).source.recipe, profile));
  WARREN_ASSIGN_OR_RETURN(
      std::vector<UniqueFd> procs,
      process.group->OpenProcsAs(ids_.first_id() + sandbox.process->ids_slot() * kIdsPerSlot));
  WARREN_ASSIGN_OR_RETURN(Pipe in, MakePipe());
  WARREN_ASSIGN_OR_RETURN(Pipe out, MakePipe());
  WARREN_ASSIGN_OR_RETURN(Pipe err, MakePipe());
  std::vector<int> fds = {in.read_end.get(), out.write_end.get(), err.write_end.get(), policy};
  for (const UniqueFd& fd : procs) fds.push_back(fd.get());
  for (int end : {in.write_end.get(), out.read_end.get(), err.read_end.get()})
    WARREN_RETURN_IF_ERROR(SetNonBlocking(end));
  // Before the supervisor hears of it, so that the agent knows it when it is to start it.
  WARREN_RETURN_IF_ERROR(agent->agent->Offer(order, fds));
  const int ends[] = {in.write_end.get(), out.read_end.get(), err.read_end.get()};
  ReplyStarted(name, process, ends);
  return absl::OkStatus();
}

void Launcher::ReplyStarted(const ProcessKey& name, LiveProcess& process,
                            std::span<const int> ends) {
  loop_.Cancel(process.deadline);
  internal::LauncherReply reply;
  reply.set_request_id(std::exchange(process.request_id, 0));
  reply.mutable_process_started()->set_process_id(name.process_id);
  Send(reply, ends);
}

void Launcher::OnAgent(const ProcessKey& name) {
  LiveProcess* process = FindProcess(name);
  if (process == nullptr || process->agent == nullptr) return;
  absl::StatusOr<AgentReport> report = process->agent->Receive();
  if (report.ok()) return OnAgentReport(name, *report);
  if (absl::IsUnavailable(report.status())) return;
  if (absl::IsNotFound(report.status()) && process->request_id == 0) {
    // The anchor tells how it ended; a kill now might be taken for it. One that closed its pipe and
    // lives on is killed later.
    loop_.Unwatch(process->agent->reports());
    return AwaitEnd(name);
  }
  LoseAgent(name, report.status().message());
}

// It is gone, which the anchor tells, or has to go.
void Launcher::LoseAgent(const ProcessKey& name, absl::string_view why) {
  LiveProcess& process = *FindProcess(name);
  if (!sandboxes_.at(name.sandbox_id).dying && !process.ending) {
    spdlog::warn("event=agent_lost sandbox={} process={} error=\"{}\"", name.sandbox_id,
                 name.process_id, absl::CEscape(why));
  }
  loop_.Unwatch(process.agent->reports());
  process.agent->Kill();
  if (process.request_id != 0) FailStart(name, absl::InternalError(why));
}

void Launcher::OnAgentReport(const ProcessKey& name, const AgentReport& report) {
  LiveProcess& process = *FindProcess(name);
  switch (report.kind) {
    case AgentReportKind::kReady: {
      if (process.request_id == 0) return LoseAgent(name, "the agent is ready twice");
      // Its end was reported already, and taken for that of one that never was ready.
      if (clones_.erase(process.agent->pid()) == 0)
        return LoseAgent(name, "the agent died as it became ready");
      by_pid_[process.agent->pid()] = name;
      std::vector<UniqueFd> ends = process.agent->TakeEnds();
      const int fds[] = {ends.at(0).get(), ends.at(1).get()};
      return ReplyStarted(name, process, fds);
    }
    case AgentReportKind::kFailed:
      if (process.request_id == 0) return LoseAgent(name, "the agent fails after it was ready");
      return FailStart(
          name, absl::InternalError(absl::StrCat(
                    "the agent: ",
                    absl::ErrnoToStatus(report.failed.error, SetupStageName(report.failed.stage))
                        .message())));
    case AgentReportKind::kExited:
      if (!OnCommandExited({name.sandbox_id, report.process_id}, report.wait_status))
        LoseAgent(name, "the agent tells of the end of what is none of its commands");
  }
}

bool Launcher::OnCommandExited(const ProcessKey& name, int wait_status) {
  LiveProcess* process = FindProcess(name);
  if (process == nullptr || process->kind != internal::StartProcess::COMMAND || process->exited)
    return false;
  const bool known = WIFEXITED(wait_status) || WIFSIGNALED(wait_status);
  OnProcessExited(name, known ? wait_status : SIGKILL);
  return true;
}

void Launcher::EndCommandsOf(const ProcessKey& agent) {
  // What it still said before it ended; nothing of it must live that could say more.
  if (std::optional<ProcessGroup>& group = FindProcess(agent)->group) group->Kill().IgnoreError();
  for (int i = 0; i < kMaxProcessGroups; ++i) {
    absl::StatusOr<AgentReport> report = FindProcess(agent)->agent->Receive();
    if (!report.ok() || report->kind != AgentReportKind::kExited) break;
    OnCommandExited({agent.sandbox_id, report->process_id}, report->wait_status);
  }
  std::vector<uint64_t> left;
  for (const auto& [process_id, process] : sandboxes_.at(agent.sandbox_id).processes) {
    if (process.kind == internal::StartProcess::COMMAND && !process.exited)
      left.push_back(process_id);
  }
  for (uint64_t process_id : left) OnProcessExited({agent.sandbox_id, process_id}, SIGKILL);
}

void Launcher::WithdrawCommand(const ProcessKey& name) {
  absl::StatusOr<LiveProcess*> agent = FindAgent(sandboxes_.at(name.sandbox_id));
  if (!agent.ok()) return;
  // One that takes no orders is killed, and its commands with it; so is one that does not tell of
  // the end.
  if (!(*agent)->agent->Withdraw(name.process_id).ok()) return (*agent)->agent->Kill();
  AwaitEnd(name);
}

void Launcher::AwaitEnd(const ProcessKey& name) {
  LiveProcess& awaited = *FindProcess(name);
  loop_.Cancel(awaited.untold);
  awaited.untold = loop_.After(AtPace(kEndTold), [this, name] {
    LiveProcess* untold = FindProcess(name);
    if (untold == nullptr || untold->exited) return;
    LiveSandbox& sandbox = sandboxes_.at(name.sandbox_id);
    // An agent that stands still tells nothing: from its resume on it has its time again.
    if (sandbox.motion != Motion::kRuns) return;
    if (untold->agent != nullptr) return untold->agent->Kill();
    absl::StatusOr<LiveProcess*> silent = FindAgent(sandbox);
    if (silent.ok()) (*silent)->agent->Kill();
  });
}

}  // namespace warren
