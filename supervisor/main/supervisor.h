#ifndef WARREN_SUPERVISOR_MAIN_SUPERVISOR_H_
#define WARREN_SUPERVISOR_MAIN_SUPERVISOR_H_

#include <memory>
#include <optional>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "runtime/base/unique_fd.h"
#include "supervisor/api/server.h"
#include "supervisor/keys/key_store.h"
#include "supervisor/local/local_backend.h"
#include "supervisor/main/acceptor.h"
#include "supervisor/main/configured_backends.h"
#include "supervisor/main/flags.h"
#include "supervisor/main/gateway_setup.h"
#include "supervisor/main/listener.h"
#include "supervisor/main/local_setup.h"
#include "supervisor/main/privileges.h"
#include "supervisor/service/service.h"

namespace warren {

// The life of one warrend, in the only order that works: the launcher is forked while there is one
// thread and root, the sockets are made while there is root, root is given up while there is one
// thread, and only then come threads and gRPC.
//
// Main thread. Lifecycle: Prepare → Serve, which returns after a signal or the launcher's end, with
// everything removed.
class Supervisor {
 public:
  static absl::StatusOr<std::unique_ptr<Supervisor>> Prepare(const Flags& flags);
  // OK after SIGTERM or SIGINT; otherwise why it could not go on. SIGHUP reads the configuration
  // again.
  absl::Status Serve();

 private:
  Supervisor() = default;
  // While there is root: the file is made, and the serving user let read it.
  absl::Status OpenKeys(const std::string& path, const ServingUser& user);
  // Once there is none: as that user.
  absl::Status CheckKeys(const ServingUser& user);
  absl::Status OpenListeners(const Flags& flags, const ServingUser& user, Listener::Reach reach);
  std::vector<std::string> SocketPaths() const;
  absl::Status Settle(const Flags& flags, const std::optional<LocalSetup>& local,
                      int64_t open_files);
  Security SecurityOf(int listener) const;
  absl::Status WaitForEnd();
  bool TakeReload();
  void StopServing();
  void StopLocal();
  void CloseLauncher();

  BackendPlan plan_;
  // Those with TLS behind the others.
  std::vector<Listener> listeners_;
  size_t plain_listeners_ = 0;
  std::optional<TlsCertificate> certificate_;
  // Of each door.
  size_t max_connections_ = 0;
  UniqueFd signals_;
  // Written when the launcher is gone.
  UniqueFd launcher_gone_;
  absl::Status launcher_status_;
  // HostFacts.pace, at least 1.
  double pace_ = 1;
  // Before the backends, which use it to their end.
  std::unique_ptr<IoLoop> loop_;
  // What is charged to it where there is no local backend, which has its own.
  std::unique_ptr<MemoryBudget> memory_;
  // Null where the configuration has none.
  std::unique_ptr<LocalBackend> local_;
  // Null without a configuration: then the local one serves alone.
  std::unique_ptr<ConfiguredBackends> configured_;
  // What the doors are given.
  std::unique_ptr<Service> service_;
  // Before the doors, which ask it who calls.
  std::unique_ptr<KeyStore> keys_;
  std::unique_ptr<ApiServer> server_;
  std::optional<Acceptor> acceptor_;
  GatewaySetup gateway_;
  std::thread io_thread_;
};

}  // namespace warren

#endif  // WARREN_SUPERVISOR_MAIN_SUPERVISOR_H_
