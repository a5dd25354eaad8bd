#ifndef WARREN_TESTS_SUPERVISOR_DOOR_H_
#define WARREN_TESTS_SUPERVISOR_DOOR_H_

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <thread>

#include "absl/time/time.h"
#include "grpcpp/grpcpp.h"
#include "runtime/base/unique_fd.h"
#include "supervisor/api/server.h"
#include "supervisor/backend/backend.h"
#include "supervisor/base/memory_budget.h"
#include "supervisor/base/security.h"
#include "supervisor/keys/key_store.h"

namespace warren {

// The gRPC door in front of a backend, at a socket of its own, as warrend serves it.
//
// Lifecycle: constructor → clients → Close, or the destructor.
class Door {
 public:
  enum class Socket { kUnix, kTcp, kTls };

  // The backend outlives it. The file of keys need not exist. kTls takes a certificate.
  explicit Door(Backend& backend, Socket socket = Socket::kUnix, const std::string& key_file = "",
                const std::optional<TlsCertificate>& certificate = std::nullopt);
  ~Door();

  const std::string& target() const { return target_; }
  // Each with connections of its own.
  std::shared_ptr<grpc::Channel> NewChannel() const;
  // Cuts off whoever is still there after so long.
  void Close(absl::Duration grace = absl::ZeroDuration());

 private:
  void ListenUnix();
  void ListenTcp();
  void Accept();

  const Security security_;
  // Of a Unix socket.
  std::string path_;
  std::string target_;
  UniqueFd listener_;
  // Where memory is not what is tested.
  MemoryBudget memory_{int64_t{1} << 40};
  KeyStore keys_;
  std::unique_ptr<ApiServer> server_;
  std::atomic<bool> closing_{false};
  std::thread acceptor_;
};

}  // namespace warren

#endif  // WARREN_TESTS_SUPERVISOR_DOOR_H_
