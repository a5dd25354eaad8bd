#include "runtime/launch/launcher/relay_service.h"

#include "runtime/base/status.h"
#include "runtime/launch/launcher/detached_set.h"
#include "warren/internal/relay.pb.h"

namespace warren {

void RelayService::Open(const std::string& sandbox_id, const SandboxNetwork& network) {
  open_[sandbox_id] = &network;
  untold_.insert(sandbox_id);
}

bool RelayService::Close(const std::string& sandbox_id) {
  if (open_.erase(sandbox_id) == 0) return false;
  // What it never heard of, it need not forget.
  if (untold_.erase(sandbox_id) == 0) untold_.insert(sandbox_id);
  return true;
}

absl::Status RelayService::SetUp(const LaunchResources& resources, ServiceProcess& process) {
  const LoadedProfile& profile = resources.profiles.relay();
  internal::RelayOrder order;
  internal::RelaySetup& setup = *order.mutable_setup();
  *setup.mutable_egress() = source_.egress;
  setup.set_pace(resources.facts.pace());
  setup.set_layers_off(resources.layers_off);
  setup.set_profile(std::string(AsBytes(profile.process)));
  WARREN_RETURN_IF_ERROR(process.SetUp(order, profile.policy.get()));
  fetcher_end_.reset();
  untold_.clear();
  for (const auto& [id, network] : open_) untold_.insert(id);
  return absl::OkStatus();
}

absl::Status RelayService::TellNext(ServiceProcess& process) {
  if (fetcher_end_.valid()) {
    internal::RelayOrder order;
    order.mutable_fetcher_changed();
    const int fd = fetcher_end_.get();
    WARREN_RETURN_IF_ERROR(process.Send(order, {&fd, 1}));
    fetcher_end_.reset();
    return absl::OkStatus();
  }
  WARREN_RETURN_IF_ERROR(TellOf(*untold_.begin(), process));
  untold_.erase(untold_.begin());
  return absl::OkStatus();
}

absl::Status RelayService::TellOf(const std::string& sandbox_id, ServiceProcess& process) const {
  internal::RelayOrder order;
  auto network = open_.find(sandbox_id);
  if (network == open_.end()) {
    order.mutable_detach()->set_sandbox_id(sandbox_id);
    return process.Send(order);
  }
  order.mutable_attach()->set_sandbox_id(sandbox_id);
  return process.Send(order, network->second->sockets());
}

}  // namespace warren
