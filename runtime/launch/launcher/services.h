#ifndef WARREN_RUNTIME_LAUNCH_LAUNCHER_SERVICES_H_
#define WARREN_RUNTIME_LAUNCH_LAUNCHER_SERVICES_H_

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "runtime/launch/launcher/event_loop.h"
#include "runtime/launch/launcher/fetcher_service.h"
#include "runtime/launch/launcher/relay_service.h"
#include "runtime/launch/launcher/resources.h"
#include "runtime/launch/launcher/service_keeper.h"
#include "runtime/launch/launcher/store_service.h"
#include "warren/internal/launcher.pb.h"

namespace warren {

// What a launcher's services are made of.
struct ServiceSources {
  // None where no sandbox has a network.
  std::optional<RelaySource> relay;
  // Neither where packages are unavailable.
  std::optional<FetcherSource> fetcher;
  std::optional<StoreSource> store;
};

// The services of a launcher, each with its keeper. Relay and fetcher have a socket to each other.
// Lifecycle: constructor → Start → OpenNetwork*, CloseNetwork* → destructor, which ends them.
class Services {
 public:
  // Gets the event by which the supervisor is told of a service, with its end of a socket to that.
  using OnStarted = std::function<void(const internal::LauncherReply&, UniqueFd)>;
  // `loop` and `resources` outlive it.
  Services(EventLoop& loop, LaunchResources& resources, ServiceSources sources,
           OnStarted on_started);

  void Start();
  bool has_relay() const { return relay_.has_value(); }
  // None where packages are unavailable.
  const PackageStore* store() const { return store_ ? &store_->directory() : nullptr; }

  // There is a relay. `network` is open, and outlives its CloseNetwork.
  void OpenNetwork(const std::string& sandbox_id, const SandboxNetwork& network);
  // Of one that was not opened: nothing.
  void CloseNetwork(const std::string& sandbox_id);

 private:
  // `event`: what the supervisor is told of each process.
  ServiceKeeper::Callbacks Tells(internal::LauncherReply event, std::function<void()> on_running);
  // There is a new relay, or a new fetcher.
  void ConnectRelayWithFetcher();

  const OnStarted on_started_;
  std::optional<RelayService> relay_;
  std::optional<FetcherService> fetcher_;
  std::optional<StoreService> store_;
  // Of each that there is.
  std::unique_ptr<ServiceKeeper> relays_;
  std::unique_ptr<ServiceKeeper> fetchers_;
  std::unique_ptr<ServiceKeeper> stores_;
};

}  // namespace warren

#endif  // WARREN_RUNTIME_LAUNCH_LAUNCHER_SERVICES_H_
