#ifndef WARREN_RUNTIME_LAUNCH_LAUNCHER_HELPER_PROCESS_H_
#define WARREN_RUNTIME_LAUNCH_LAUNCHER_HELPER_PROCESS_H_

#include <cstdint>
#include <span>
#include <vector>

#include "absl/status/statusor.h"
#include "runtime/launch/child/helper_setup.h"
#include "runtime/launch/launcher/resources.h"
#include "runtime/launch/launcher/sandbox_process.h"

namespace warren {

// A child of the anchor's at work in the namespaces of a sandbox (init/helper.h).
// Lifecycle: Start → (report() readable) → Finish → destructor, which ends it where it is under
// way.
class HelperProcess {
 public:
  // `fds`: what HelperSetup comes with behind the pidfd of the sandbox's init.
  static absl::StatusOr<HelperProcess> Start(LaunchResources& resources,
                                             const SandboxProcess& sandbox,
                                             const HelperSetup& setup,
                                             std::span<const int> fds = {});
  ~HelperProcess();
  HelperProcess(HelperProcess&&) = default;
  HelperProcess& operator=(HelperProcess&&) = delete;

  // Readable when it has said how it went, or is gone.
  int report() const { return process_.control.get(); }
  // In the anchor's pid namespace.
  int32_t pid() const { return process_.pid; }

  // What HelperReport has; no sockets where the result is not ok.
  struct Outcome {
    SetupResult result;
    std::vector<UniqueFd> sockets;
  };
  // INTERNAL: it was killed.
  absl::StatusOr<Outcome> Finish();

 private:
  explicit HelperProcess(ClonedProcess process) : process_(std::move(process)) {}

  ClonedProcess process_;
};

}  // namespace warren

#endif  // WARREN_RUNTIME_LAUNCH_LAUNCHER_HELPER_PROCESS_H_
