#ifndef WARREN_SUPERVISOR_GATEWAY_GATEWAY_H_
#define WARREN_SUPERVISOR_GATEWAY_GATEWAY_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "runtime/base/unique_fd.h"
#include "supervisor/backend/backend.h"
#include "supervisor/base/memory_budget.h"
#include "supervisor/base/security.h"
#include "supervisor/gateway/control/authenticate.h"
#include "supervisor/gateway/control/create_request.h"

namespace warren {

// The E2B door: E2B's own SDKs, unchanged, use sandboxes of a Backend through it. One port for all:
// the control plane, and, by the headers or the name that a request has, the servers that E2B has
// in each sandbox (envd, the code interpreter) and whatever listens in it.
//
// What it keeps beside what clients have open are polled watchers (Watchers); everything else is
// found by a sandbox's id.
//
// Thread-safe. Lifecycle: Start → AddConnection* → Shutdown.
class Gateway {
 public:
  struct Options {
    CreateDefaults defaults;
    // PORT-ID.DOMAIN names a port of a sandbox; empty: no such names are given out.
    std::string domain;
    Authenticate authenticate;
    // Whether a client needs a key now.
    std::function<bool()> has_keys;
    std::optional<TlsCertificate> certificate;
    // HostFacts.pace, at least 1.
    double pace = 1;
    // With so many connections open, one that waits for its next request is closed for each that
    // comes.
    size_t crowd = SIZE_MAX;
  };

  // The backend and the budget outlive it.
  static absl::StatusOr<std::unique_ptr<Gateway>> Start(Backend& backend, MemoryBudget& memory,
                                                        Options options);
  ~Gateway();

  void AddConnection(UniqueFd connection, Security security);
  // Whether a client waits for an answer.
  bool busy() const;
  // Answers that are under way may end for `grace`; then connections are cut.
  void Shutdown(absl::Duration grace);

 private:
  struct Parts;
  explicit Gateway(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

}  // namespace warren

#endif  // WARREN_SUPERVISOR_GATEWAY_GATEWAY_H_
