#ifndef WARREN_SUPERVISOR_MAIN_GATEWAY_SETUP_H_
#define WARREN_SUPERVISOR_MAIN_GATEWAY_SETUP_H_

#include <memory>
#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "runtime/loop/io_loop.h"
#include "supervisor/backend/backend.h"
#include "supervisor/base/memory_budget.h"
#include "supervisor/gateway/gateway.h"
#include "supervisor/keys/key_store.h"
#include "supervisor/main/acceptor.h"
#include "supervisor/main/gateway_flags.h"
#include "supervisor/main/listener.h"
#include "supervisor/main/privileges.h"

namespace warren {

// The E2B door of one warrend, where it was asked for: its sockets and certificate, which take root
// to open, and the gateway that serves them later.
//
// Main thread. Lifecycle: Open (as root) → Start → Watch (before the IO thread runs) → Unwatch (IO
// thread) → Shutdown.
class GatewaySetup {
 public:
  static absl::StatusOr<GatewaySetup> Open(const GatewayFlags& flags, const ServingUser& user,
                                           Listener::Reach reach);

  bool any() const { return !listeners_.empty(); }
  const std::vector<Listener>& listeners() const { return listeners_; }
  // Who knows the templates and the network says them before Start.
  Gateway::Options& options() { return options_; }

  // All outlive it.
  absl::Status Start(Backend& backend, MemoryBudget& memory, KeyStore& keys);
  absl::Status Watch(IoLoop& loop, size_t max_connections);
  void Unwatch();
  bool busy() const { return gateway_ != nullptr && gateway_->busy(); }
  void Shutdown(absl::Duration grace);

 private:
  void Take(int listener, UniqueFd connection);

  // Those with TLS behind the others.
  std::vector<Listener> listeners_;
  size_t plain_ = 0;
  Gateway::Options options_;
  std::unique_ptr<Gateway> gateway_;
  std::unique_ptr<Acceptor> acceptor_;
};

}  // namespace warren

#endif  // WARREN_SUPERVISOR_MAIN_GATEWAY_SETUP_H_
