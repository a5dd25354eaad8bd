#include "runtime/launch/launcher/services.h"

#include <utility>

#include "absl/strings/escaping.h"
#include "runtime/base/io.h"
#include "runtime/base/status.h"
#include "spdlog/spdlog.h"

namespace warren {
namespace {

using internal::LauncherReply;

// Neither waits for the other.
absl::StatusOr<SocketPair> MakeLink() {
  WARREN_ASSIGN_OR_RETURN(SocketPair link, MakeSeqpacketPair());
  WARREN_RETURN_IF_ERROR(SetNonBlocking(link.first.get()));
  WARREN_RETURN_IF_ERROR(SetNonBlocking(link.second.get()));
  return link;
}

}  // namespace

Services::Services(EventLoop& loop, LaunchResources& resources, ServiceSources sources,
                   OnStarted on_started)
    : on_started_(std::move(on_started)) {
  auto connect = [this] { ConnectRelayWithFetcher(); };
  LauncherReply relay;
  relay.mutable_relay_started();
  LauncherReply fetcher;
  fetcher.mutable_fetcher_started();
  LauncherReply store;
  store.mutable_store_started();
  if (sources.relay) {
    relay_.emplace(*std::move(sources.relay));
    relays_ = std::make_unique<ServiceKeeper>(loop, resources, *relay_, Tells(relay, connect));
  }
  if (sources.fetcher) {
    fetcher_.emplace(*std::move(sources.fetcher));
    fetchers_ =
        std::make_unique<ServiceKeeper>(loop, resources, *fetcher_, Tells(fetcher, connect));
  }
  if (sources.store) {
    store_.emplace(*std::move(sources.store));
    stores_ = std::make_unique<ServiceKeeper>(loop, resources, *store_, Tells(store, [] {}));
  }
}

ServiceKeeper::Callbacks Services::Tells(LauncherReply event, std::function<void()> on_running) {
  return {std::move(on_running), [this, event](UniqueFd supervisor_end) {
            on_started_(event, std::move(supervisor_end));
          }};
}

void Services::Start() {
  for (ServiceKeeper* keeper : {relays_.get(), fetchers_.get(), stores_.get()}) {
    if (keeper != nullptr) keeper->Start();
  }
}

void Services::ConnectRelayWithFetcher() {
  if (relays_ == nullptr || fetchers_ == nullptr) return;
  // The next start of whichever is missing connects them.
  if (!relays_->running() || !fetchers_->running()) return;
  absl::StatusOr<SocketPair> link = MakeLink();
  if (!link.ok()) {
    spdlog::error("event=fetcher_not_connected error=\"{}\"",
                  absl::CEscape(link.status().message()));
    return;
  }
  relay_->ChangeFetcher(std::move(link->first));
  fetcher_->ChangeRelay(std::move(link->second));
  relays_->Tell();
  fetchers_->Tell();
}

void Services::OpenNetwork(const std::string& sandbox_id, const SandboxNetwork& network) {
  relay_->Open(sandbox_id, network);
  relays_->Tell();
}

void Services::CloseNetwork(const std::string& sandbox_id) {
  if (relay_ && relay_->Close(sandbox_id)) relays_->Tell();
}

}  // namespace warren
