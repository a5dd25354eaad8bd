#ifndef WARREN_RUNTIME_LAUNCH_LAUNCHER_NETWORK_HELPER_H_
#define WARREN_RUNTIME_LAUNCH_LAUNCHER_NETWORK_HELPER_H_

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "runtime/launch/child/network_setup.h"
#include "runtime/launch/launcher/resources.h"
#include "runtime/launch/launcher/sandbox_process.h"

namespace warren {

// A child of the anchor's at work in the network of a sandbox (init/network.h).
// Lifecycle: Start → (report() readable) → Finish → destructor, which ends it where it is under
// way.
class NetworkHelper {
 public:
  static absl::StatusOr<NetworkHelper> Start(LaunchResources& resources,
                                             const SandboxProcess& sandbox,
                                             const NetworkSetup& setup);
  ~NetworkHelper();
  NetworkHelper(NetworkHelper&&) = default;
  NetworkHelper& operator=(NetworkHelper&&) = delete;

  // Readable when it has said how it went, or is gone.
  int report() const { return process_.control.get(); }
  // In the anchor's pid namespace.
  int32_t pid() const { return process_.pid; }

  // What NetworkReport has; no sockets where the result is not ok.
  struct Outcome {
    SetupResult result;
    std::vector<UniqueFd> sockets;
  };
  // INTERNAL: it was killed.
  absl::StatusOr<Outcome> Finish();

 private:
  explicit NetworkHelper(ClonedProcess process) : process_(std::move(process)) {}

  ClonedProcess process_;
};

}  // namespace warren

#endif  // WARREN_RUNTIME_LAUNCH_LAUNCHER_NETWORK_HELPER_H_
