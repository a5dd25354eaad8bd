#ifndef WARREN_RUNTIME_RELAY_RELAY_H_
#define WARREN_RUNTIME_RELAY_RELAY_H_

#include <memory>
#include <string>
#include <unordered_map>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "runtime/base/io.h"
#include "runtime/base/unique_fd.h"
#include "runtime/loop/io_loop.h"
#include "runtime/relay/fetcher_door.h"
#include "runtime/relay/resolver.h"
#include "runtime/relay/sandbox_egress.h"
#include "runtime/relay/supervisor_door.h"
#include "warren/internal/relay.pb.h"

namespace warren {

// The relay: between the sandboxes' sockets and the network, told by its launcher what sandboxes
// there are and by its supervisor what each of them may. It ends with either of them, and with
// whatever it cannot understand of theirs.
//
// One thread. Lifecycle: Prepare, which reads the host's configuration → (the process gives up its
// files and privileges) → Run.
class Relay {
 public:
  // `launcher`: its control socket. `open_files`: how many descriptors the process can have.
  static absl::StatusOr<std::unique_ptr<Relay>> Prepare(internal::RelaySetup setup,
                                                        UniqueFd launcher, UniqueFd supervisor,
                                                        int64_t open_files);
  // Until the launcher or the supervisor is gone: OK. An error: what could not be understood.
  absl::Status Run();

 private:
  struct Known {
    std::unique_ptr<SandboxEgress> egress;
    // The launcher's sockets are here; the supervisor has said something of it. What neither knows
    // is forgotten.
    bool attached = false;
    bool told = false;
  };

  Relay(std::unique_ptr<IoLoop> loop, internal::RelaySetup setup, UniqueFd launcher)
      : loop_(std::move(loop)),
        setup_(std::move(setup)),
        launcher_(std::move(launcher)),
        fetcher_(*loop_) {}

  void OnLauncher();
  absl::Status OnOrder(Message message);
  absl::Status OnRequest(const internal::RelayRequest& request);
  absl::StatusOr<Known*> Find(const std::string& sandbox_id);
  void Detach(const std::string& sandbox_id);
  void DropIfUnknown(const std::string& sandbox_id);
  void End(absl::Status status);

  std::unique_ptr<IoLoop> loop_;
  const internal::RelaySetup setup_;
  UniqueFd launcher_;
  std::unique_ptr<Resolver> resolver_;
  std::unique_ptr<SupervisorDoor> supervisor_;
  FetcherDoor fetcher_;
  std::unique_ptr<EgressShare> share_;
  std::unordered_map<std::string, Known> sandboxes_;
  absl::Status end_;
};

}  // namespace warren

#endif  // WARREN_RUNTIME_RELAY_RELAY_H_
