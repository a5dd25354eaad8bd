#ifndef WARREN_RUNTIME_LAUNCH_LAUNCHER_SANDBOX_NETWORK_H_
#define WARREN_RUNTIME_LAUNCH_LAUNCHER_SANDBOX_NETWORK_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "google/protobuf/repeated_field.h"
#include "runtime/launch/launcher/helper_process.h"
#include "runtime/launch/launcher/resources.h"
#include "runtime/launch/launcher/sandbox_process.h"

namespace warren {

// A sandbox's sockets to the outside, and what turns its connections to them. They are kept for a
// relay that takes another's place.
// Lifecycle: Start → (report() readable) → Open → destructor, which ends the helper where it is
// under way, and closes them: a network namespace lives as long as a socket of it.
class SandboxNetwork {
 public:
  // Has a child of the anchor's join the sandbox and make them. `ports` as OpenNetwork has them:
  // INVALID_ARGUMENT where the host does not look sockets up and they are none, or wrong.
  static absl::StatusOr<std::unique_ptr<SandboxNetwork>> Start(
      LaunchResources& resources, const SandboxProcess& sandbox,
      const google::protobuf::RepeatedField<uint32_t>& ports);
  SandboxNetwork(const SandboxNetwork&) = delete;
  SandboxNetwork& operator=(const SandboxNetwork&) = delete;

  // Until it is open: readable when the helper has said how it went, or is gone.
  int report() const { return helper_->report(); }
  int32_t helper_pid() const { return helper_->pid(); }

  // Takes the sockets and attaches the lookup. FAILED_PRECONDITION: something inside has a port
  // that is needed. After an error there is nothing to be had from it.
  absl::Status Open(const LaunchResources& resources);

  // The UDP socket for names, then the listeners.
  std::vector<int> sockets() const;

 private:
  SandboxNetwork(HelperProcess helper, uint32_t slot) : helper_(std::move(helper)), slot_(slot) {}

  // Until it is open.
  std::optional<HelperProcess> helper_;
  // Of its sandbox.
  const uint32_t slot_;
  std::vector<UniqueFd> sockets_;
  // The program holds for as long as it is open.
  UniqueFd link_;
};

}  // namespace warren

#endif  // WARREN_RUNTIME_LAUNCH_LAUNCHER_SANDBOX_NETWORK_H_
