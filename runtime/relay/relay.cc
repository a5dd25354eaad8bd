#include "runtime/relay/relay.h"

#include <sys/epoll.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "runtime/base/status.h"

namespace warren {
namespace {

constexpr size_t kMaxOrder = 64 << 10;
// More than a launcher has slots for.
constexpr size_t kMaxSandboxes = 16384;
constexpr size_t kMaxSandboxId = 64;
// What is copied at a time: as fast as splice, and nothing waits in it.
constexpr size_t kBufferBytes = 256 << 10;
// Descriptors beside those of connections: its own, and two of each sandbox.
constexpr int64_t kOwnFiles = 64;
constexpr int64_t kShareOfSockets = 4;
constexpr int kOrdersAtATime = 16;

// A connection takes two.
int MostConnections(int64_t open_files) {
  const int64_t left = open_files - open_files / kShareOfSockets - kOwnFiles;
  return static_cast<int>(std::clamp<int64_t>(left / 2, 1, 1 << 20));
}

}  // namespace

absl::StatusOr<std::unique_ptr<Relay>> Relay::Prepare(internal::RelaySetup setup, UniqueFd launcher,
                                                      UniqueFd supervisor, int64_t open_files) {
  WARREN_ASSIGN_OR_RETURN(std::unique_ptr<IoLoop> loop, IoLoop::Create());
  std::unique_ptr<Relay> relay(new Relay(std::move(loop), std::move(setup), std::move(launcher)));
  const double pace = std::max(relay->setup_.pace(), 1.0);
  WARREN_ASSIGN_OR_RETURN(relay->resolver_,
                          Resolver::Create(*relay->loop_, relay->setup_.egress(), pace));
  relay->supervisor_ = std::make_unique<SupervisorDoor>(*relay->loop_, std::move(supervisor));
  relay->share_ = std::make_unique<EgressShare>(
      EgressShare{*relay->loop_, *relay->resolver_, relay->setup_.egress(), relay->fetcher_, pace,
                  MostConnections(open_files), 0, 0, relay->setup_.layers_off(),
                  std::vector<char>(kBufferBytes)});
  WARREN_RETURN_IF_ERROR(SetNonBlocking(relay->launcher_.get()));
  return relay;
}

absl::Status Relay::Run() {
  WARREN_RETURN_IF_ERROR(supervisor_->Start(
      [this](const internal::RelayRequest& request) {
        absl::Status status = OnRequest(request);
        if (!status.ok()) End(std::move(status));
      },
      [this](absl::Status status) { End(std::move(status)); }));
  WARREN_RETURN_IF_ERROR(
      loop_->Watch(launcher_.get(), EPOLLIN, [this](uint32_t) { OnLauncher(); }).status());
  loop_->Run();
  sandboxes_.clear();
  return end_;
}

void Relay::End(absl::Status status) {
  if (end_.ok()) end_ = std::move(status);
  loop_->Stop();
}

void Relay::OnLauncher() {
  for (int read = 0; read < kOrdersAtATime; ++read) {
    absl::StatusOr<Message> message = ReceiveMessage(launcher_.get(), kMaxOrder);
    if (absl::IsUnavailable(message.status())) return;
    if (!message.ok()) return End(message.status());
    if (message->data.empty()) return End(absl::OkStatus());
    absl::Status status = OnOrder(*std::move(message));
    if (!status.ok()) return End(std::move(status));
  }
}

absl::Status Relay::OnOrder(Message message) {
  internal::RelayOrder order;
  if (!order.ParseFromString(message.data))
    return absl::InvalidArgumentError("the launcher's order is malformed");
  switch (order.order_case()) {
    case internal::RelayOrder::kAttach: {
      WARREN_ASSIGN_OR_RETURN(Known * known, Find(order.attach().sandbox_id()));
      known->attached = true;
      return known->egress->AddSockets(std::move(message.fds));
    }
    case internal::RelayOrder::kDetach:
      Detach(order.detach().sandbox_id());
      return absl::OkStatus();
    case internal::RelayOrder::kFetcherChanged:
      if (message.fds.size() != 1)
        return absl::InvalidArgumentError("the launcher's order brings no fetcher's socket");
      return fetcher_.Change(std::move(message.fds[0]));
    default:
      return absl::InvalidArgumentError("the launcher's order is of no known kind");
  }
}

absl::StatusOr<Relay::Known*> Relay::Find(const std::string& sandbox_id) {
  auto found = sandboxes_.find(sandbox_id);
  if (found != sandboxes_.end()) return &found->second;
  if (sandboxes_.size() >= kMaxSandboxes || sandbox_id.size() > kMaxSandboxId)
    return absl::ResourceExhaustedError("more sandboxes than there can be, or a name that is none");
  Known& known = sandboxes_[sandbox_id];
  known.egress = std::make_unique<SandboxEgress>(sandbox_id, *share_, *supervisor_);
  return &known;
}

// Its sockets are closed and its connections cut; what the supervisor has told of it waits for its
// word.
void Relay::Detach(const std::string& sandbox_id) {
  auto found = sandboxes_.find(sandbox_id);
  if (found == sandboxes_.end()) return;
  found->second.attached = false;
  found->second.egress = std::make_unique<SandboxEgress>(sandbox_id, *share_, *supervisor_);
  DropIfUnknown(sandbox_id);
}

void Relay::DropIfUnknown(const std::string& sandbox_id) {
  auto found = sandboxes_.find(sandbox_id);
  if (found == sandboxes_.end() || found->second.attached || found->second.told) return;
  supervisor_->Forget(sandbox_id);
  sandboxes_.erase(found);
}

absl::Status Relay::OnRequest(const internal::RelayRequest& request) {
  using Request = internal::RelayRequest;
  if (request.request_case() == Request::kForget) {
    auto found = sandboxes_.find(request.sandbox_id());
    if (found != sandboxes_.end()) {
      found->second.told = false;
      found->second.egress->Forget();
      supervisor_->Forget(request.sandbox_id());
    }
    DropIfUnknown(request.sandbox_id());
    return absl::OkStatus();
  }
  WARREN_ASSIGN_OR_RETURN(Known * known, Find(request.sandbox_id()));
  known->told = true;
  switch (request.request_case()) {
    case Request::kRestoreNames:
      return known->egress->RestoreNames(request.restore_names());
    case Request::kSetPolicy:
      WARREN_RETURN_IF_ERROR(known->egress->SetPolicy(request.set_policy()));
      supervisor_->TellPolicySet(request.sandbox_id(), request.set_policy().revision());
      return absl::OkStatus();
    default:
      return absl::InvalidArgumentError("the supervisor's request is of no known kind");
  }
}

}  // namespace warren
