#ifndef WARREN_RUNTIME_LAUNCH_LAUNCHER_ANCHOR_CLIENT_H_
#define WARREN_RUNTIME_LAUNCH_LAUNCHER_ANCHOR_CLIENT_H_

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "runtime/base/unique_fd.h"
#include "runtime/launch/child/setup.h"
#include "runtime/launch/launcher/id_slots.h"

namespace warren {

// A process that the anchor made: alive until its pidfd is readable.
struct ClonedProcess {
  UniqueFd pidfd;
  // For its InitSetup and what it answers.
  UniqueFd control;
  // In the anchor's pid namespace.
  int32_t pid = 0;
};

// The launcher's side of the anchor (init/anchor.h).
// Lifecycle: Start → Clone* → destructor, which ends the anchor and with it all that it made.
class AnchorClient {
 public:
  // `init_program`: path of warren-init; copied into a sealed memfd first.
  static absl::StatusOr<AnchorClient> Start(const std::string& init_program, const IdZones& ids,
                                            uint32_t layers_off);

  AnchorClient(AnchorClient&&) = default;
  AnchorClient& operator=(AnchorClient&&) = default;

  absl::StatusOr<ClonedProcess> CloneZygote(const std::vector<UniqueFd>& cgroup_procs);
  absl::StatusOr<ClonedProcess> CloneSandbox(uint32_t slot,
                                             const std::vector<UniqueFd>& cgroup_procs);
  // `program`: memfd of warren-agent.
  absl::StatusOr<ClonedProcess> CloneAgent(int program, const std::vector<UniqueFd>& cgroup_procs);
  // For a HelperSetup (helper_process.h). It stays in the anchor's own group.
  absl::StatusOr<ClonedProcess> CloneHelper();
  // That of the anchor itself, in which nothing listens.
  absl::StatusOr<UniqueFd> OpenNetworkNamespace() const;

  // Readable when a process of the anchor's namespace has ended or was stopped.
  int exits() const { return exits_.get(); }
  // What was reported since the last call, in order.
  std::vector<ExitReport> TakeExits();

  // Readable when the anchor is dead.
  int pidfd() const { return pidfd_.get(); }
  // Kills it and waits until the kernel has ended everything below it.
  void Stop();

 private:
  AnchorClient() = default;
  // `program`: passed first; -1 for none.
  absl::StatusOr<ClonedProcess> Clone(const CloneRequest& request, int program,
                                      const std::vector<UniqueFd>& cgroup_procs);
  absl::Status WaitUntilReady();

  UniqueFd pidfd_;
  UniqueFd control_;
  UniqueFd exits_;
};

}  // namespace warren

#endif  // WARREN_RUNTIME_LAUNCH_LAUNCHER_ANCHOR_CLIENT_H_
