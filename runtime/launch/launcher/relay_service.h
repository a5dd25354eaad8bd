#ifndef WARREN_RUNTIME_LAUNCH_LAUNCHER_RELAY_SERVICE_H_
#define WARREN_RUNTIME_LAUNCH_LAUNCHER_RELAY_SERVICE_H_

#include <map>
#include <set>
#include <string>

#include "runtime/launch/launcher/sandbox_network.h"
#include "runtime/launch/launcher/service.h"
#include "warren/config/network.pb.h"

namespace warren {

// What every relay of a launcher's is.
struct RelaySource {
  ServiceSource service;
  config::EgressPolicy egress;
};

// The relay (relay.proto): it has the sockets of every sandbox whose network is open, and a socket
// to the fetcher where there is one.
class RelayService : public Service {
 public:
  explicit RelayService(RelaySource source) : source_(std::move(source)) {}

  // `network` is open, and outlives its Close.
  void Open(const std::string& sandbox_id, const SandboxNetwork& network);
  // False where there is nothing to be told: it was not opened.
  bool Close(const std::string& sandbox_id);
  // The relay's end of a socket to a fetcher, in place of the one before.
  void ChangeFetcher(UniqueFd end) { fetcher_end_ = std::move(end); }

  const ServiceSource& source() const override { return source_.service; }
  const char* effect_of_end() const override { return "every connection of a sandbox is cut"; }
  absl::Status SetUp(const LaunchResources& resources, ServiceProcess& process) override;
  bool HasUntold() const override { return fetcher_end_.valid() || !untold_.empty(); }
  absl::Status TellNext(ServiceProcess& process) override;

 private:
  absl::Status TellOf(const std::string& sandbox_id, ServiceProcess& process) const;

  const RelaySource source_;
  std::map<std::string, const SandboxNetwork*> open_;
  // What the relay does not know yet: that one is open, or is not any more.
  std::set<std::string> untold_;
  UniqueFd fetcher_end_;
};

}  // namespace warren

#endif  // WARREN_RUNTIME_LAUNCH_LAUNCHER_RELAY_SERVICE_H_
