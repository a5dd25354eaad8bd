#ifndef WARREN_SUPERVISOR_SESSION_ROOT_COMMANDS_H_
#define WARREN_SUPERVISOR_SESSION_ROOT_COMMANDS_H_

#include <chrono>
#include <cstdint>
#include <memory>
#include <set>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "runtime/control/launcher_client.h"
#include "supervisor/session/agent_command_listener.h"
#include "supervisor/session/sandbox_host.h"

namespace warren {

class AgentLink;

// The commands as root of those inside a sandbox who ask its agent for one (`sudo`): for each that
// is wanted, the launcher offers one, of the profile "root", which the template must grant. What it
// executes is said inside and comes by here in no word. Whoever is inside may ask all the time: the
// next is answered only when its time has come, and so many run at most.
//
// IO thread only. A part of the sandbox's link to its agent, which lives as long.
class RootCommands final : private AgentCommandListener {
 public:
  // What one left running counts too.
  static constexpr size_t kMaxRunning = 16;
  // So many at once; on and on, one in kRootInterval. Fixed: each takes some time of the launcher,
  // which all sandboxes share (docs/TIMING.md).
  static constexpr int kBurst = 32;
  static constexpr std::chrono::milliseconds kRootInterval{50};

  // `link` is what it is a part of.
  RootCommands(AgentLink& link, SandboxHost& host, const std::string& sandbox_id)
      : link_(link), host_(host), sandbox_id_(sandbox_id) {}

  // INVALID_ARGUMENT: the one before was not answered yet.
  absl::Status OnWanted();
  // Nothing where it is none of them.
  void OnProcessExited(uint64_t process_id) { running_.erase(process_id); }
  // What it asked for is not answered any more.
  void OnAgentEnds();

 private:
  void Offer();
  void OnReply(uint64_t agents, absl::StatusOr<LauncherMessage> reply);
  void Refuse(const std::string& reason);
  // Calls `task` then, unless the agent has ended.
  void At(MonotonicTime when, std::function<void()> task);

  // AgentCommandListener.
  void OnStarted(int32_t pid) override;
  void OnFailed(const internal::CommandFailed& failed) override;
  void OnAgentGone() override {}

  AgentLink& link_;
  SandboxHost& host_;
  const std::string& sandbox_id_;
  bool asked_ = false;
  // That have ended: an answer for one of them is none for the next.
  uint64_t agents_ = 0;
  // When the next may be offered, as if one had been all the time.
  MonotonicTime next_;
  // By the launcher's number.
  std::set<uint64_t> running_;
};

}  // namespace warren

#endif  // WARREN_SUPERVISOR_SESSION_ROOT_COMMANDS_H_
