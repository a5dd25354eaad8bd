#ifndef WARREN_RUNTIME_LAUNCH_LAUNCHER_FETCHER_SERVICE_H_
#define WARREN_RUNTIME_LAUNCH_LAUNCHER_FETCHER_SERVICE_H_

#include <string>
#include <utility>

#include "runtime/launch/launcher/package_source.h"
#include "runtime/launch/launcher/service.h"

namespace warren {

// What every fetcher of a launcher's is.
struct FetcherSource {
  ServiceSource service;
  PackageSource packages;
  // FetcherSetup.link_key
  std::string link_key;
};

// The fetcher (fetcher.proto): it has the package indexes, and a socket to the relay.
class FetcherService : public Service {
 public:
  explicit FetcherService(FetcherSource source) : source_(std::move(source)) {}

  // The fetcher's end of a socket to a relay, in place of the one before.
  void ChangeRelay(UniqueFd end) { relay_end_ = std::move(end); }

  const ServiceSource& source() const override { return source_.service; }
  const char* effect_of_end() const override { return "what fetches packages fails"; }
  absl::Status SetUp(const LaunchResources& resources, ServiceProcess& process) override;
  bool HasUntold() const override { return relay_end_.valid(); }
  absl::Status TellNext(ServiceProcess& process) override;

 private:
  const FetcherSource source_;
  UniqueFd relay_end_;
};

}  // namespace warren

#endif  // WARREN_RUNTIME_LAUNCH_LAUNCHER_FETCHER_SERVICE_H_
