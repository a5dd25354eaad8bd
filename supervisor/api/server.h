#ifndef WARREN_SUPERVISOR_API_SERVER_H_
#define WARREN_SUPERVISOR_API_SERVER_H_

#include <memory>
#include <optional>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "runtime/base/unique_fd.h"
#include "supervisor/backend/backend.h"
#include "supervisor/base/memory_budget.h"
#include "supervisor/base/security.h"
#include "supervisor/keys/key_store.h"

namespace warren {

// The gRPC front door: all services of warren.v1, health and reflection. Connections are accepted
// elsewhere, on sockets that were made while there was still privilege to make them, and handed
// over.
//
// Thread-safe. Lifecycle: Start → AddConnection* → Shutdown.
class ApiServer {
 public:
  // What it is given outlives it: the backend, the budget, which what clients have not read yet is
  // charged to, and the keys, by which it knows them. Health and reflection take no key.
  // Connections with TLS take a certificate. INVALID_ARGUMENT: gRPC cannot use it.
  static absl::StatusOr<std::unique_ptr<ApiServer>> Start(
      Backend& backend, MemoryBudget& memory, KeyStore& keys,
      const std::optional<TlsCertificate>& certificate = std::nullopt);
  ~ApiServer();

  void AddConnection(int listener, UniqueFd connection, Security security = Security::kPlain);

  // Health says NOT_SERVING from here on.
  void BeginShutdown();
  // Whether a client has not been given all of a stream, or of an upload's answer.
  bool streaming() const;
  // Lets running calls end for `grace`, then cancels them. Streams that are asked for meanwhile, to
  // be refused too, can make it take the whole of it.
  void Shutdown(absl::Duration grace);

 private:
  struct Impl;
  explicit ApiServer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace warren

#endif  // WARREN_SUPERVISOR_API_SERVER_H_
