#include <signal.h>
#include <sys/wait.h>

#include "absl/strings/str_cat.h"
#include "runtime/base/io.h"
#include "runtime/base/status.h"
#include "runtime/launch/launcher/launcher.h"

// The launcher's agents, and the commands that they start.
namespace warren {

absl::Status Launcher::StartAgent(const ProcessKey& name, LiveProcess& process) {
  SandboxProcess& sandbox = *sandboxes_.at(name.sandbox_id).process;
  WARREN_ASSIGN_OR_RETURN(std::vector<UniqueFd> procs, process.group->OpenProcs());
  WARREN_ASSIGN_OR_RETURN(process.agent, AgentProcess::Start(resources_, sandbox.pidfd(), procs));
  clones_.insert(process.agent->pid());
  return loop_.Watch(process.agent->control(), [this, name] { OnAgent(name); });
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
      UniqueFd policy,
      resources_.profiles.CommandPolicy(templates_.at(plan.template_id()).source.recipe, profile));
  WARREN_ASSIGN_OR_RETURN(std::vector<UniqueFd> procs, process.group->OpenProcs());
  WARREN_ASSIGN_OR_RETURN(Pipe in, MakePipe());
  WARREN_ASSIGN_OR_RETURN(Pipe out, MakePipe());
  WARREN_ASSIGN_OR_RETURN(Pipe err, MakePipe());
  std::vector<int> fds = {in.read_end.get(), out.write_end.get(), err.write_end.get(),
                          policy.get()};
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
  // It is gone, which the anchor tells, or has to go.
  loop_.Unwatch(process->agent->control());
  process->agent->Kill();
  FailStart(name, absl::InternalError(report.status().message()));
}

void Launcher::OnAgentReport(const ProcessKey& name, const AgentReport& report) {
  LiveProcess& process = *FindProcess(name);
  switch (report.kind) {
    case AgentReportKind::kReady: {
      if (process.request_id == 0) return;
      clones_.erase(process.agent->pid());
      by_pid_[process.agent->pid()] = name;
      std::vector<UniqueFd> ends = process.agent->TakeEnds();
      const int fds[] = {ends.at(0).get(), ends.at(1).get()};
      return ReplyStarted(name, process, fds);
    }
    case AgentReportKind::kFailed:
      return FailStart(
          name, absl::InternalError(absl::StrCat(
                    "the agent: ",
                    absl::ErrnoToStatus(report.failed.error, SetupStageName(report.failed.stage))
                        .message())));
    case AgentReportKind::kExited:
      return OnCommandExited({name.sandbox_id, report.process_id}, report.wait_status);
  }
}

void Launcher::OnCommandExited(const ProcessKey& name, int wait_status) {
  LiveProcess* process = FindProcess(name);
  // An agent has no say about anything else.
  if (process == nullptr || process->kind != internal::StartProcess::COMMAND || process->exited)
    return;
  const bool known = WIFEXITED(wait_status) || WIFSIGNALED(wait_status);
  OnProcessExited(name, known ? wait_status : SIGKILL);
}

void Launcher::EndCommandsOf(const ProcessKey& agent) {
  // What it still said before it ended.
  while (true) {
    absl::StatusOr<AgentReport> report = FindProcess(agent)->agent->Receive();
    if (!report.ok()) break;
    if (report->kind == AgentReportKind::kExited) OnAgentReport(agent, *report);
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
  // One that takes no orders is killed, and its commands with it.
  if (agent.ok() && !(*agent)->agent->Withdraw(name.process_id).ok()) (*agent)->agent->Kill();
}

}  // namespace warren
