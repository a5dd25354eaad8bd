#ifndef WARREN_SUPERVISOR_SESSION_SANDBOX_NETWORK_H_
#define WARREN_SUPERVISOR_SESSION_SANDBOX_NETWORK_H_

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "supervisor/session/network_audit.h"
#include "supervisor/session/network_names.h"
#include "supervisor/session/network_watchers.h"
#include "supervisor/session/relay_link.h"
#include "supervisor/session/sandbox_host.h"
#include "warren/internal/relay.pb.h"
#include "warren/v1/network.pb.h"

namespace warren {

// What one sandbox may reach outside: the policy that holds, the names that its programs know, and
// those who watch it. Its sockets are opened by the first policy that lets anything out, and stay.
// It outlives every relay, and tells each of it anew.
//
// IO thread, but for the constructor and the watchers. Lifecycle: constructor → Set* →
// OnSandboxEnds.
class SandboxNetwork final : public RelayClient,
                             public std::enable_shared_from_this<SandboxNetwork> {
 public:
  // For the relay's word that a policy holds, a relay that is just being started included
  // (docs/TIMING.md).
  static constexpr std::chrono::seconds kPolicyPatience{5};
  // That wait for each other.
  static constexpr size_t kMaxChanges = 4;
  using Done = absl::AnyInvocable<void(absl::Status)>;

  // `host` outlives it.
  SandboxNetwork(SandboxHost& host, std::string sandbox_id);

  // Makes a resolved policy the one that holds, behind those that were set before; `done` runs when
  // it does. Otherwise the policy before holds: FAILED_PRECONDITION, the sandbox is dead or paused;
  // UNAVAILABLE, no relay said in time that it does, or too many changes wait; INVALID_ARGUMENT,
  // it is too large for a message.
  void Set(warren::v1::NetworkPolicy resolved, Done done);
  // As whom its programs come to the package index from the next policy on; else as users'
  // programs.
  void ComeToIndexAs(internal::PackageClient client) { package_client_ = client; }
  // That holds; denies everything before the first.
  const warren::v1::NetworkPolicy& policy() const { return policy_; }
  NetworkWatchers& watchers() { return watchers_; }
  // Every change that waits fails, every watcher's stream ends, the relay forgets it. Again:
  // nothing.
  void OnSandboxEnds();

  // ---- RelayClient
  std::vector<internal::RelayRequest> Requests(Telling telling) override;
  absl::Status OnRelayEvent(internal::RelayEvent event) override;
  void OnRelayLost() override;

 private:
  struct Change {
    warren::v1::NetworkPolicy policy;
    Done done;
  };
  void BeginNext();
  // Asks the launcher for its sockets.
  void Open();
  void OnOpened(absl::Status status);
  void TellRelay();
  void OnPatienceEnds();
  absl::Status OnPolicySet(uint64_t revision);
  // Of the change under way.
  void Finish(absl::Status status);
  void Note(const warren::v1::NetworkEvent& event);

  SandboxHost& host_;
  const std::string sandbox_id_;
  warren::v1::NetworkPolicy policy_;
  internal::PackageClient package_client_ = internal::USER;
  // The first one is under way.
  std::deque<Change> changes_;
  // Its policy is for the relay to set.
  bool telling_ = false;
  // With which revision it was told, 0: not yet.
  uint64_t awaited_ = 0;
  uint64_t last_revision_ = 0;
  TimerId patience_ = 0;
  // Its sockets are with the relay.
  bool open_ = false;
  bool ended_ = false;
  NetworkNames names_;
  NetworkWatchers watchers_;
  NetworkAudit audit_;
};

}  // namespace warren

#endif  // WARREN_SUPERVISOR_SESSION_SANDBOX_NETWORK_H_
