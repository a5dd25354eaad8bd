#ifndef WARREN_SUPERVISOR_MAIN_LOCAL_SETUP_H_
#define WARREN_SUPERVISOR_MAIN_LOCAL_SETUP_H_

#include <memory>
#include <string>
#include <vector>

#include "runtime/loop/io_loop.h"
#include "supervisor/local/local_backend.h"
#include "supervisor/main/flags.h"

namespace warren {

// What it takes to make the backend that is this machine: a launcher, which is forked while there
// is root and one thread, and what that one offers.
//
// Main thread. Lifecycle: Start → Receive → Make.
class LocalSetup {
 public:
  // gRPC does not survive a fork, and the launcher would inherit signals that are blocked: neither
  // is there yet.
  static absl::StatusOr<LocalSetup> Start(const Flags& flags, const std::string& prefix,
                                          std::vector<std::string> socket_paths);
  // Waits for what the launcher has found out of the host, and chooses by it.
  absl::Status Receive(const Flags& flags, int64_t open_files);
  absl::StatusOr<std::unique_ptr<LocalBackend>> Make(IoLoop& loop, std::string name);

  // HostFacts.pace, at least 1.
  double pace() const { return pace_; }
  const std::string& default_template() const { return parts_.default_template; }
  bool network_enabled() const { return parts_.network_enabled; }
  int max_sandboxes() const { return parts_.pool.max_sandboxes; }

 private:
  LocalBackend::Parts parts_;
  double pace_ = 1;
};

}  // namespace warren

#endif  // WARREN_SUPERVISOR_MAIN_LOCAL_SETUP_H_
