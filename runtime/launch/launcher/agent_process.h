#ifndef WARREN_RUNTIME_LAUNCH_LAUNCHER_AGENT_PROCESS_H_
#define WARREN_RUNTIME_LAUNCH_LAUNCHER_AGENT_PROCESS_H_

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "runtime/launch/child/agent_setup.h"
#include "runtime/launch/launcher/anchor_client.h"
#include "runtime/launch/launcher/resources.h"

namespace warren {

// The agent of one sandbox, as its launcher sees it. What it reports is believed about its own
// sandbox's commands only: it has more to do with hostile files than anything else of Warren's.
// Lifecycle: Start → kReady report → TakeEnds, Offer*, Withdraw* → Kill → the anchor's report.
class AgentProcess {
 public:
  // `init_pidfd`: what it joins; `procs`: files to enter its groups by, of its sandbox; `flags`:
  // kAgent*.
  static absl::StatusOr<std::unique_ptr<AgentProcess>> Start(LaunchResources& resources,
                                                             int init_pidfd,
                                                             const std::vector<UniqueFd>& procs,
                                                             uint32_t flags);
  ~AgentProcess() { Kill(); }
  AgentProcess(const AgentProcess&) = delete;
  AgentProcess& operator=(const AgentProcess&) = delete;

  // Readable when it reports something or is gone.
  int reports() const { return reports_.get(); }
  // In the anchor's pid namespace.
  int32_t pid() const { return process_.pid; }

  // The supervisor's ends of its two pipes, non-blocking, in the order of ProcessStarted.
  std::vector<UniqueFd> TakeEnds() { return std::move(supervisor_ends_); }

  // `fds` as AgentCommandFd says. UNAVAILABLE where it takes no orders, for it hangs or is gone.
  absl::Status Offer(const AgentOrder& order, std::span<const int> fds);
  absl::Status Withdraw(uint64_t process_id);

  // UNAVAILABLE when nothing is there; NOT_FOUND when it is gone; ABORTED when it broke the
  // protocol.
  absl::StatusOr<AgentReport> Receive();
  // What Receive makes of what it read.
  static absl::StatusOr<AgentReport> Parse(absl::string_view message);

  void Kill();

 private:
  explicit AgentProcess(ClonedProcess process) : process_(std::move(process)) {}

  ClonedProcess process_;
  UniqueFd reports_;
  std::vector<UniqueFd> supervisor_ends_;
};

}  // namespace warren

#endif  // WARREN_RUNTIME_LAUNCH_LAUNCHER_AGENT_PROCESS_H_
