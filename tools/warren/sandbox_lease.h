#ifndef WARREN_TOOLS_WARREN_SANDBOX_LEASE_H_
#define WARREN_TOOLS_WARREN_SANDBOX_LEASE_H_

#include <memory>
#include <string>

#include "absl/time/time.h"
#include "tools/warren/client.h"
#include "tools/warren/executions.h"
#include "tools/warren/interrupts.h"

namespace warren {

// A pool that is empty and a zygote that has to import its libraries first take seconds.
inline constexpr absl::Duration kCreateTimeout = absl::Seconds(300);

// One sandbox for the time that a command needs it.
// Owner: a command. Thread-compatible. Lifecycle: Create → Run* → Destroy or Keep; the destructor
// destroys what neither has.
class SandboxLease {
 public:
  // `client` outlives the lease. An interrupt does not cancel this call: without its answer nobody
  // knows which sandbox to destroy.
  static grpc::Status Create(Client& client, const v1::CreateSandboxRequest& request,
                             std::unique_ptr<SandboxLease>* lease);
  ~SandboxLease();
  SandboxLease(const SandboxLease&) = delete;
  SandboxLease& operator=(const SandboxLease&) = delete;

  const v1::Sandbox& sandbox() const { return sandbox_; }

  struct Cell {
    std::string code;
    absl::Duration timeout = absl::Seconds(60);
    // 0 for the server's default.
    int64_t max_output_bytes = 0;
  };
  // Runs one cell. OK means that the last event was Finished.
  grpc::Status Run(const Cell& cell, Interrupts& interrupts, const EventHandler& on_event);

  grpc::Status Destroy();
  // Leaves it to whoever has its id.
  v1::Sandbox Keep();

 private:
  SandboxLease(Client& client, v1::Sandbox sandbox)
      : client_(client), sandbox_(std::move(sandbox)) {}

  Client& client_;
  v1::Sandbox sandbox_;
  bool released_ = false;
};

}  // namespace warren

#endif  // WARREN_TOOLS_WARREN_SANDBOX_LEASE_H_
