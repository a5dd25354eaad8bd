#ifndef WARREN_RUNTIME_LAUNCH_LAUNCHER_SERVICE_PROCESS_H_
#define WARREN_RUNTIME_LAUNCH_LAUNCHER_SERVICE_PROCESS_H_

#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "google/protobuf/message_lite.h"
#include "runtime/launch/launcher/resources.h"

namespace warren {

enum class ServiceNetwork { kHost, kNone };

// What every process of one service is.
struct ServiceSource {
  // "relay": its groups are relay-N, and it is "warren-relay" to who lists processes.
  std::string name;
  // Opened for reading.
  UniqueFd program;
  // The host's number of its root, and how many ids it has from there.
  uint32_t first_id = 0;
  uint32_t id_count = 0;
  ServiceNetwork network = ServiceNetwork::kHost;
};

// One of the launcher's services, as the launcher sees it: a child in namespaces of its own, which
// ends with its launcher. It reads what strangers send: nothing is read from it, and nothing here
// waits for it.
// Lifecycle: Start → SetUp → Send* → (pidfd readable) → End or destructor.
class ServiceProcess {
 public:
  // `id` names its group.
  static absl::StatusOr<std::unique_ptr<ServiceProcess>> Start(LaunchResources& resources,
                                                               const ServiceSource& source,
                                                               uint64_t id);
  ~ServiceProcess();
  ServiceProcess(const ServiceProcess&) = delete;
  ServiceProcess& operator=(const ServiceProcess&) = delete;

  // Sends its first message, which comes with the supervisor's socket, the seccomp policy, then
  // `fds`.
  absl::Status SetUp(const google::protobuf::MessageLite& order, int policy,
                     std::span<const int> fds = {});
  // The supervisor's end of its socket to it, non-blocking.
  UniqueFd TakeSupervisorEnd() { return std::move(supervisor_end_); }
  // A further one. UNAVAILABLE when its socket is full, for it hangs or has only begun, or it is
  // gone.
  absl::Status Send(const google::protobuf::MessageLite& order, std::span<const int> fds = {});

  // Readable when it has ended.
  int pidfd() const { return pidfd_.get(); }
  void Kill();
  // Kills it, waits for its end and says how it ended, for a log.
  std::string End();

 private:
  explicit ServiceProcess(Cgroup cgroup) : cgroup_(std::move(cgroup)) {}
  absl::Status Run(const ServiceSource& source);

  Cgroup cgroup_;
  UniqueFd pidfd_;
  UniqueFd control_;
  UniqueFd supervisor_end_;
};

}  // namespace warren

#endif  // WARREN_RUNTIME_LAUNCH_LAUNCHER_SERVICE_PROCESS_H_
