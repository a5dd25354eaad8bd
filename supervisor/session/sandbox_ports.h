#ifndef WARREN_SUPERVISOR_SESSION_SANDBOX_PORTS_H_
#define WARREN_SUPERVISOR_SESSION_SANDBOX_PORTS_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>

#include "runtime/base/mutex.h"
#include "supervisor/backend/backend.h"
#include "supervisor/session/sandbox_host.h"
#include "supervisor/session/sandbox_use.h"

namespace warren {

// The connections to ports inside one sandbox, which the launcher makes and their owners hold.
//
// Thread-safe. Lifecycle: constructor → Connect* → OnSandboxEnds; its connections keep it. `host`
// outlives it.
class SandboxPorts : public std::enable_shared_from_this<SandboxPorts> {
 public:
  // Open and being made.
  static constexpr int kMaxConnections = 64;

  SandboxPorts(SandboxHost& host, std::string sandbox_id)
      : host_(host), sandbox_id_(std::move(sandbox_id)) {}

  // To `port` of 127.0.0.1 in it; `use` is held for as long as the connection. `reply` is called in
  // place, with an error, or on the IO thread; the errors are those of SandboxHandle::ConnectPort.
  void Connect(uint16_t port, SandboxUse use, Reply<std::unique_ptr<PortConnection>> reply);
  // Shuts every connection down, for its owner to see; they are not counted as a use any more.
  // Again: nothing.
  void OnSandboxEnds();

 private:
  absl::Status TakePlace();
  void ReturnPlace();
  absl::StatusOr<std::unique_ptr<PortConnection>> Take(LauncherMessage message, SandboxUse use);
  // `socket` is about to be closed.
  void Leave(int socket);
  absl::Status IsDead() const;

  SandboxHost& host_;
  const std::string sandbox_id_;
  Mutex mu_;
  // Those of open_, and of the connections that are being made.
  int places_ ABSL_GUARDED_BY(mu_) = 0;
  // By their sockets, which are open for as long as they are here.
  std::unordered_map<int, SandboxUse> open_ ABSL_GUARDED_BY(mu_);
  bool ended_ ABSL_GUARDED_BY(mu_) = false;
};

}  // namespace warren

#endif  // WARREN_SUPERVISOR_SESSION_SANDBOX_PORTS_H_
