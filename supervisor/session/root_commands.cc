#include "supervisor/session/root_commands.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "supervisor/session/agent_link.h"

namespace warren {

absl::Status RootCommands::OnWanted() {
  if (std::exchange(asked_, true))
    return absl::InvalidArgumentError("a command as root is wanted before the last was answered");
  if (running_.size() >= kMaxRunning) {
    Refuse(absl::StrCat("the sandbox has ", kMaxRunning,
                        " commands of sudo, services that they left running included: end some"));
    return absl::OkStatus();
  }
  const MonotonicTime now = MonotonicClock::now();
  next_ = std::max(next_, now - kBurst * kRootInterval) + kRootInterval;
  if (next_ <= now) {
    Offer();
  } else {
    At(next_, [this] { Offer(); });
  }
  return absl::OkStatus();
}

void RootCommands::At(MonotonicTime when, std::function<void()> task) {
  host_.loop.AddTimer(
      when, [this, weak = link_.weak_from_this(), agents = agents_, task = std::move(task)] {
        auto link = weak.lock();
        if (link && agents == agents_) task();
      });
}

void RootCommands::Offer() {
  internal::LauncherRequest request;
  internal::StartProcess& start = *request.mutable_start_process();
  start.set_sandbox_id(sandbox_id_);
  start.set_kind(internal::StartProcess::COMMAND);
  // The launcher refuses it where the template does not grant it.
  start.set_profile("root");
  host_.link.Call(std::move(request), [this, link = link_.shared_from_this(),
                                       agents = agents_](absl::StatusOr<LauncherMessage> reply) {
    OnReply(agents, std::move(reply));
  });
}

// In place: what the launcher says next may be that it has ended. The pipes that come are closed:
// its streams are those of who asked.
void RootCommands::OnReply(uint64_t agents, absl::StatusOr<LauncherMessage> reply) {
  // A command ends with the agent that it was offered to.
  if (agents != agents_) return;
  if (!reply.ok()) {
    return Refuse(absl::IsInvalidArgument(reply.status())
                      ? std::string("the template of this sandbox grants no root")
                      : absl::StrCat("no command can be started now: ",
                                     absl::string_view(reply.status().message()).substr(0, 160)));
  }
  const uint64_t process_id = reply->reply.process_started().process_id();
  running_.insert(process_id);
  internal::StartCommand command;
  command.set_process_id(process_id);
  command.set_serves_sudo(true);
  absl::Status sent = link_.StartCommand(
      std::move(command), std::shared_ptr<AgentCommandListener>(link_.shared_from_this(), this));
  if (sent.ok()) return;
  internal::LauncherRequest request;
  internal::SignalProcess& kill = *request.mutable_signal_process();
  kill.set_sandbox_id(sandbox_id_);
  kill.set_process_id(process_id);
  kill.set_signal(internal::SignalProcess::KILL);
  host_.link.Call(std::move(request), nullptr);
  Refuse("the sandbox's agent has too much to do; try again");
}

void RootCommands::Refuse(const std::string& reason) {
  internal::AgentRequest request;
  request.mutable_refuse_root()->set_reason(reason);
  absl::Status sent = link_.Send(request);
  if (sent.ok()) {
    asked_ = false;
  } else if (absl::IsResourceExhausted(sent)) {
    At(MonotonicClock::now() + kRootInterval, [this, reason] { Refuse(reason); });
  }
}

void RootCommands::OnStarted(int32_t) { asked_ = false; }

void RootCommands::OnFailed(const internal::CommandFailed& failed) {
  asked_ = false;
  // Else its end is told.
  if (failed.step() == internal::CommandFailed::NOT_OFFERED) running_.erase(failed.process_id());
}

void RootCommands::OnAgentEnds() {
  asked_ = false;
  ++agents_;
}

}  // namespace warren
