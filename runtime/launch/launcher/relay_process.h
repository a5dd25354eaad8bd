#ifndef WARREN_RUNTIME_LAUNCH_LAUNCHER_RELAY_PROCESS_H_
#define WARREN_RUNTIME_LAUNCH_LAUNCHER_RELAY_PROCESS_H_

#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "runtime/launch/launcher/resources.h"
#include "warren/config/network.pb.h"
#include "warren/internal/relay.pb.h"

namespace warren {

// What every relay of a launcher's is.
struct RelaySource {
  // Opened for reading.
  UniqueFd program;
  config::EgressPolicy egress;
  // The host's number of its root; it has as many ids as a sandbox.
  uint32_t first_id = 0;
};

// The relay, as its launcher sees it (relay.proto): a child in namespaces of its own, but in the
// host's network, which ends with its launcher. It reads what strangers send: nothing is read from
// it, and nothing here waits for it.
// Lifecycle: Start → Attach*, Detach* → (pidfd readable) → End or destructor.
class RelayProcess {
 public:
  // `id` names its group.
  static absl::StatusOr<std::unique_ptr<RelayProcess>> Start(LaunchResources& resources,
                                                             const RelaySource& source,
                                                             uint64_t id);
  ~RelayProcess();
  RelayProcess(const RelayProcess&) = delete;
  RelayProcess& operator=(const RelayProcess&) = delete;

  // Readable when it has ended.
  int pidfd() const { return pidfd_.get(); }
  // The supervisor's end of its socket to the relay, non-blocking.
  UniqueFd TakeSupervisorEnd() { return std::move(supervisor_end_); }

  // UNAVAILABLE when its socket is full, for it hangs or has only begun, or it is gone.
  absl::Status Attach(const std::string& sandbox_id, std::span<const int> sockets);
  absl::Status Detach(const std::string& sandbox_id);

  void Kill();
  // Kills it, waits for its end and says how it ended, for a log.
  std::string End();

 private:
  explicit RelayProcess(Cgroup cgroup) : cgroup_(std::move(cgroup)) {}
  absl::Status Run(const LaunchResources& resources, const RelaySource& source);
  absl::Status SendSetup(const LaunchResources& resources, const RelaySource& source);
  absl::Status Send(const internal::RelayOrder& order, std::span<const int> fds);

  Cgroup cgroup_;
  UniqueFd pidfd_;
  UniqueFd control_;
  UniqueFd supervisor_end_;
};

}  // namespace warren

#endif  // WARREN_RUNTIME_LAUNCH_LAUNCHER_RELAY_PROCESS_H_
