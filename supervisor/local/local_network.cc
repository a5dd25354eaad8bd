#include <memory>
#include <string>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "runtime/base/status.h"
#include "spdlog/spdlog.h"
#include "supervisor/backend/validate.h"
#include "supervisor/local/lease_proto.h"
#include "supervisor/local/local_backend.h"
#include "supervisor/local/local_sandbox.h"

// The networks of sandboxes, and connections into them. They live on the IO thread: every call goes
// on there.
namespace warren {
namespace {

// A watch in the hands of its client; null for one that was refused. Thread-safe.
class NetworkWatchOperation final : public Operation {
 public:
  NetworkWatchOperation(IoLoop& loop, std::shared_ptr<SandboxNetwork> network,
                        NetworkWatchers::WatcherRef watcher)
      : loop_(loop), network_(std::move(network)), watcher_(std::move(watcher)) {}

  // From tasks of their own: they may be called from within the sink.
  void Resume() override {
    if (watcher_) {
      loop_.Post(
          [network = network_, watcher = watcher_] { network->watchers().Resume(*watcher); });
    }
  }
  void Cancel() override {
    if (watcher_)
      loop_.Post([network = network_, watcher = watcher_] { network->watchers().Leave(watcher); });
  }

 private:
  IoLoop& loop_;
  const std::shared_ptr<SandboxNetwork> network_;
  const NetworkWatchers::WatcherRef watcher_;
};

}  // namespace

absl::StatusOr<warren::v1::NetworkPolicy> LocalBackend::ResolveNetwork(
    const warren::v1::NetworkPolicy& policy) const {
  WARREN_ASSIGN_OR_RETURN(warren::v1::NetworkPolicy resolved,
                          ResolveNetworkPolicy(policy, network_presets_));
  if (network_enabled_ || DeniesEverything(resolved)) return resolved;
  return absl::FailedPreconditionError(
      "the server's egress policy gives no sandbox a network: leave network out, or ask its "
      "operator for another --egress-policy");
}

// ---- Create -----------------------------------------------------------------------------------

// Its sandbox gets its network before anybody hears of it. IO thread, but for the constructor and
// Refuse. Lifecycle: constructor → Refuse, or OnMade → (OnNetworkSet | Cancel).
class LocalBackend::NetworkCreate : public std::enable_shared_from_this<NetworkCreate> {
 public:
  NetworkCreate(LocalBackend& backend, Principal who, warren::v1::CreateSandboxRequest request,
                warren::v1::NetworkPolicy network, Reply<warren::v1::Sandbox> reply)
      : backend_(backend),
        who_(std::move(who)),
        request_(std::move(request)),
        network_(std::move(network)),
        reply_(std::move(reply)) {}

  // It has no sandbox.
  void Refuse(absl::Status why) { std::exchange(reply_, nullptr)(std::move(why)); }

  enum class Origin { kPool, kLaunch };
  void OnMade(Pool::Made made, Origin origin) {
    made_ = std::move(made);
    origin_ = origin;
    made_.sandbox->SetNetwork(std::move(network_),
                              [self = shared_from_this()](absl::Status status) {
                                self->OnNetworkSet(std::move(status));
                              });
  }

  // The client has gone.
  void Cancel() {
    // It was answered, or the pool answers.
    if (reply_ == nullptr || made_.sandbox == nullptr) return;
    Destroy(absl::CancelledError("the create was cancelled before its network was there"));
  }

 private:
  void OnNetworkSet(absl::Status status) {
    if (reply_ == nullptr) return;
    if (status.ok()) {
      return std::exchange(reply_, nullptr)(
          backend_.Deliver(who_, request_, std::exchange(made_, {}), origin_ == Origin::kPool));
    }
    // What is wrong with it is not the request's fault.
    if (!made_.sandbox->alive())
      status = absl::InternalError("the sandbox ended before its network was there");
    Destroy(std::move(status));
  }

  void Destroy(absl::Status why) {
    spdlog::info("event=sandbox_without_network sandbox={} error=\"{}\"",
                 made_.sandbox->identity().id, absl::CEscape(why.message()));
    std::exchange(made_, {}).sandbox->Destroy(StopReason::kDestroyed);
    Refuse(std::move(why));
  }

  LocalBackend& backend_;
  const Principal who_;
  const warren::v1::CreateSandboxRequest request_;
  warren::v1::NetworkPolicy network_;
  // Null when it was called.
  Reply<warren::v1::Sandbox> reply_;
  Pool::Made made_;
  Origin origin_ = Origin::kLaunch;
};

std::unique_ptr<Operation> LocalBackend::CreateWithNetwork(const Principal& who,
                                                           warren::v1::CreateSandboxRequest request,
                                                           const warren::v1::Limits& limits,
                                                           warren::v1::NetworkPolicy network,
                                                           Reply<warren::v1::Sandbox> reply) {
  // Cancelled from a task of its own, for who cancels may hold locks of the backend's.
  class CreateOperation final : public Operation {
   public:
    CreateOperation(LocalBackend& backend, std::shared_ptr<NetworkCreate> create,
                    Pool::Ticket ticket)
        : backend_(backend), create_(std::move(create)), ticket_(std::move(ticket)) {}
    void Resume() override {}
    void Cancel() override {
      backend_.loop_.Post([pool = &backend_.pool_, create = create_, ticket = ticket_] {
        if (ticket) pool->Cancel(ticket);
        create->Cancel();
      });
    }

   private:
    LocalBackend& backend_;
    const std::shared_ptr<NetworkCreate> create_;
    const Pool::Ticket ticket_;
  };

  const std::string template_id = request.template_id();
  auto create = std::make_shared<NetworkCreate>(*this, who, std::move(request), std::move(network),
                                                std::move(reply));
  Pool::Ticket ticket;
  if (auto ready = TakeReady(template_id, limits)) {
    loop_.Post([create, ready = std::move(ready)]() mutable {
      create->OnMade(Pool::Made{std::move(ready), {}}, NetworkCreate::Origin::kPool);
    });
  } else {
    ticket = pool_.Make(template_id, limits, [create](absl::StatusOr<Pool::Made> made) {
      if (!made.ok()) return create->Refuse(made.status());
      create->OnMade(*std::move(made), NetworkCreate::Origin::kLaunch);
    });
  }
  return std::make_unique<CreateOperation>(*this, std::move(create), std::move(ticket));
}

// ---- The leased sandbox -----------------------------------------------------------------------

void LocalSandbox::SetNetwork(const Call&, const warren::v1::SetSandboxNetworkRequest& request,
                              Reply<warren::v1::Sandbox> reply) {
  absl::Status status = FindLease().status();
  if (status.ok()) status = ValidateSetNetwork(request);
  if (!status.ok()) return reply(std::move(status));
  auto network = backend_.ResolveNetwork(request.network());
  if (!network.ok()) return reply(network.status());
  backend_.loop().Post([backend = &backend_, sandbox = sandbox_, network = *std::move(network),
                        asked = request.network(), reply = std::move(reply)]() mutable {
    auto done = [backend, sandbox, asked = std::move(asked),
                 reply = std::move(reply)](absl::Status set) mutable {
      if (!set.ok()) return reply(std::move(set));
      sandbox->NoteAskedNetwork(asked);
      auto lease = backend->FindLease(sandbox->identity().id);
      if (!lease.ok()) return reply(lease.status());
      warren::v1::Sandbox result = ToProto(**lease, MemoryReading::kNone);
      *result.mutable_network() = std::move(asked);
      reply(std::move(result));
    };
    sandbox->SetNetwork(std::move(network), std::move(done));
  });
}

std::unique_ptr<Operation> LocalSandbox::WatchNetwork(const Call&,
                                                      std::shared_ptr<NetworkSink> sink) {
  // No use of it: also of one that is paused.
  if (auto lease = FindLease(); !lease.ok()) {
    sink->End(lease.status());
    return std::make_unique<NetworkWatchOperation>(backend_.loop(), nullptr, nullptr);
  }
  auto network = sandbox_->network();
  auto watcher = network->watchers().Add(std::move(sink));
  return std::make_unique<NetworkWatchOperation>(backend_.loop(), std::move(network),
                                                 std::move(watcher));
}

void LocalSandbox::ConnectPort(const Call&, uint32_t port,
                               Reply<std::unique_ptr<PortConnection>> reply) {
  absl::Status status = FindLease().status();
  if (status.ok()) status = ValidatePort(port);
  if (status.ok()) status = sandbox_->Usable();
  if (!status.ok()) return reply(std::move(status));
  sandbox_->ports()->Connect(static_cast<uint16_t>(port), sandbox_->Use(), std::move(reply));
}

}  // namespace warren
