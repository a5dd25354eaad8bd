#ifndef WARREN_SUPERVISOR_SESSION_NETWORK_AUDIT_H_
#define WARREN_SUPERVISOR_SESSION_NETWORK_AUDIT_H_

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "runtime/loop/timer_queue.h"
#include "warren/v1/network.pb.h"

namespace warren {

// What one sandbox did on the network, in the server's log: a line for each event, as far as the
// sandbox does not flood it. Thread-compatible.
class NetworkAudit {
 public:
  // So many lines at once; on and on, one in kAuditInterval (docs/TIMING.md).
  static constexpr int kBurst = 100;
  static constexpr std::chrono::milliseconds kAuditInterval{50};

  explicit NetworkAudit(std::string sandbox_id) : sandbox_id_(std::move(sandbox_id)) {}

  void Note(const warren::v1::NetworkEvent& event, MonotonicTime now);

 private:
  // How many were left out before this one; nothing where it is left out too.
  std::optional<int64_t> Admit(const warren::v1::NetworkEvent& event, MonotonicTime now);

  const std::string sandbox_id_;
  // When the next may come, as if one had come all the time.
  MonotonicTime next_;
  int64_t unlogged_ = 0;
};

}  // namespace warren

#endif  // WARREN_SUPERVISOR_SESSION_NETWORK_AUDIT_H_
