#include "supervisor/main/gateway_setup.h"

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "runtime/base/status.h"
#include "supervisor/main/certificate.h"

namespace warren {
absl::StatusOr<GatewaySetup> GatewaySetup::Open(const GatewayFlags& flags, const ServingUser& user,
                                                Listener::Reach reach) {
  GatewaySetup setup;
  std::vector<std::string> addresses = flags.listen;
  setup.plain_ = addresses.size();
  addresses.insert(addresses.end(), flags.tls_listen.begin(), flags.tls_listen.end());
  for (const std::string& address : addresses) {
    WARREN_ASSIGN_OR_RETURN(Listener listener, Listener::Open(address, user.uid, user.gid, reach));
    setup.listeners_.push_back(std::move(listener));
  }
  if (!flags.tls_listen.empty()) {
    WARREN_ASSIGN_OR_RETURN(setup.options_.certificate,
                            ReadCertificate(flags.certificate, flags.certificate_key));
  }
  setup.options_.domain = flags.domain;
  return setup;
}

absl::Status GatewaySetup::Start(Backend& backend, MemoryBudget& memory, KeyStore& keys) {
  options_.has_keys = [&keys] { return keys.Demanded(); };
  options_.authenticate = [&keys](absl::string_view key) -> absl::StatusOr<Principal> {
    // Without a key to be had, whoever can connect is the operator: the address is loopback.
    if (!keys.Demanded()) return Principal();
    return keys.Authenticate(key);
  };
  auto gateway = Gateway::Start(backend, memory, std::move(options_));
  if (!gateway.ok()) return gateway.status();
  gateway_ = *std::move(gateway);
  return absl::OkStatus();
}

absl::Status GatewaySetup::Watch(IoLoop& loop, size_t max_connections) {
  // All its clients come by TCP, where they are one peer, who may hold half.
  acceptor_ = std::make_unique<Acceptor>(
      loop, listeners_, 2 * max_connections,
      [this](int listener, UniqueFd connection) { Take(listener, std::move(connection)); });
  return acceptor_->Watch();
}

void GatewaySetup::Take(int listener, UniqueFd connection) {
  size_t index = 0;
  while (index < listeners_.size() && listeners_[index].fd() != listener) ++index;
  gateway_->AddConnection(std::move(connection),
                          index < plain_ ? Security::kPlain : Security::kTls);
}

void GatewaySetup::Unwatch() {
  if (acceptor_ != nullptr) acceptor_->Unwatch();
}

void GatewaySetup::Shutdown(absl::Duration grace) {
  for (Listener& listener : listeners_) listener.RemoveSocket();
  if (gateway_ != nullptr) gateway_->Shutdown(grace);
}

}  // namespace warren
