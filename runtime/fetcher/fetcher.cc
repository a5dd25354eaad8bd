#include "runtime/fetcher/fetcher.h"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <utility>

#include "absl/strings/escaping.h"
#include "runtime/base/status.h"
#include "spdlog/spdlog.h"

namespace warren {
namespace {

constexpr size_t kMaxOrder = 1 << 10;
constexpr size_t kMaxConnectionMessage = 1 << 10;
constexpr size_t kMaxFetcherRequest = 128 << 10;
constexpr size_t kMaxSandboxId = 64;
constexpr size_t kLinkKeyBytes = 32;

bool IsStream(int fd) {
  int type = 0;
  socklen_t size = sizeof(type);
  return ::getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) == 0 && type == SOCK_STREAM;
}

bool HasEndedOrIsEmpty(const absl::StatusOr<Message>& message) {
  return absl::IsUnavailable(message.status()) ||
         (message.ok() && message->data.empty() && message->fds.empty());
}

}  // namespace

absl::StatusOr<std::unique_ptr<Fetcher>> Fetcher::Prepare(const internal::FetcherSetup& setup,
                                                          const FetcherHost& host,
                                                          UniqueFd launcher, UniqueFd supervisor) {
  if (setup.link_key().size() != kLinkKeyBytes)
    return absl::InvalidArgumentError("the fetcher's key for links is not of 32 bytes");
  WARREN_ASSIGN_OR_RETURN(std::unique_ptr<PackageCatalog> catalog,
                          PackageCatalog::Create(setup, host));
  for (const UniqueFd* socket : {&launcher, &supervisor})
    WARREN_RETURN_IF_ERROR(SetNonBlocking(socket->get()));
  return std::unique_ptr<Fetcher>(
      new Fetcher(setup, std::move(catalog), std::move(launcher), std::move(supervisor)));
}

Fetcher::Fetcher(const internal::FetcherSetup& setup, std::unique_ptr<PackageCatalog> catalog,
                 UniqueFd launcher, UniqueFd supervisor)
    : launcher_(std::move(launcher)),
      supervisor_(std::move(supervisor)),
      catalog_(std::move(catalog)),
      questions_(supervisor_.get(), std::max(setup.pace(), 1.0)),
      sealer_(setup.link_key(), setup.layers_off()),
      refusals_(supervisor_.get()),
      share_{*catalog_, learned_, questions_, sealer_, refusals_, turns_, web_},
      clients_([this](const ClientThreads::Client& client) {
        IndexService service(share_, client.who, client.fd);
        if (client.refusal.empty()) return service.Serve();
        service.Refuse(client.refusal);
      }) {
  web_.configured = catalog_->WebUrls();
  web_.pace = std::max(setup.pace(), 1.0);
  web_.layers_off = setup.layers_off();
}

Fetcher::~Fetcher() {
  web_.stopping = true;
  questions_.Stop();
}

absl::Status Fetcher::Run() {
  while (true) {
    pollfd waits[] = {{launcher_.get(), POLLIN, 0},
                      {supervisor_.get(), POLLIN, 0},
                      // None is not waited for.
                      {relay_.get(), POLLIN, 0}};
    if (::poll(waits, std::size(waits), -1) < 0) {
      if (errno == EINTR) continue;
      return Errno("wait for messages");
    }
    if (waits[0].revents != 0) {
      WARREN_ASSIGN_OR_RETURN(const bool goes_on, OnLauncher());
      if (!goes_on) return absl::OkStatus();
      // The relay's socket may be another now.
      continue;
    }
    if (waits[1].revents != 0) {
      WARREN_ASSIGN_OR_RETURN(const bool goes_on, OnSupervisor());
      if (!goes_on) return absl::OkStatus();
    }
    if (waits[2].revents != 0) OnRelay();
  }
}

absl::StatusOr<bool> Fetcher::OnLauncher() {
  absl::StatusOr<Message> message = ReceiveMessage(launcher_.get(), kMaxOrder);
  if (HasEndedOrIsEmpty(message)) return absl::IsUnavailable(message.status());
  if (!message.ok()) return message.status();
  internal::FetcherOrder order;
  if (!order.ParseFromString(message->data) || !order.has_relay_changed() ||
      message->fds.size() != 1) {
    return absl::InvalidArgumentError("the launcher's order is malformed");
  }
  WARREN_RETURN_IF_ERROR(SetNonBlocking(message->fds[0].get()));
  relay_ = std::move(message->fds[0]);
  return true;
}

absl::StatusOr<bool> Fetcher::OnSupervisor() {
  absl::StatusOr<Message> message = ReceiveMessage(supervisor_.get(), kMaxFetcherRequest);
  if (HasEndedOrIsEmpty(message)) return absl::IsUnavailable(message.status());
  if (!message.ok()) return message.status();
  internal::FetcherRequest request;
  if (!message->fds.empty() || !request.ParseFromString(message->data) ||
      request.request_case() == internal::FetcherRequest::REQUEST_NOT_SET) {
    return absl::InvalidArgumentError("the supervisor's request is malformed");
  }
  if (request.has_dependencies_answered()) {
    questions_.OnAnswered(request.dependencies_answered().id());
    return true;
  }
  WARREN_RETURN_IF_ERROR(learned_.Learn(request.learn_dependencies()));
  return true;
}

void Fetcher::OnRelay() {
  absl::StatusOr<Message> message = ReceiveMessage(relay_.get(), kMaxConnectionMessage);
  if (absl::IsUnavailable(message.status())) return;
  internal::PackageConnection who;
  const bool is_word = message.ok() && who.ParseFromString(message->data) &&
                       !who.sandbox_id().empty() && who.sandbox_id().size() <= kMaxSandboxId &&
                       internal::PackageClient_IsValid(who.client());
  if (is_word && who.cut() && message->fds.empty()) return clients_.Cut(who.sandbox_id());
  const bool is_connection =
      is_word && !who.cut() && message->fds.size() == 1 && IsStream(message->fds[0].get());
  if (is_connection) return clients_.Start(std::move(who), std::move(message->fds[0]));
  const bool ended = message.ok() && message->data.empty() && message->fds.empty();
  if (!ended) {
    spdlog::error("event=relay_malformed error=\"{}\"", absl::CEscape(message.status().message()));
  }
  // The launcher brings the next.
  relay_.reset();
}

}  // namespace warren
