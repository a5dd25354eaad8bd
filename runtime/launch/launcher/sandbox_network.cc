#include "runtime/launch/launcher/sandbox_network.h"

#include <errno.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "runtime/base/status.h"
#include "runtime/launch/launcher/detached_set.h"
#include "runtime/linux/socket_lookup.h"

namespace warren {
namespace {

absl::Status TakePorts(const google::protobuf::RepeatedField<uint32_t>& ports, HelperSetup& setup) {
  if (ports.empty() || ports.size() > static_cast<int>(kMaxNetworkPorts)) {
    return absl::InvalidArgumentError(
        absl::StrCat("this host cannot look sockets up (`warren doctor` says why), so that ports "
                     "must be named: 1 to ",
                     kMaxNetworkPorts, " of them, not ", ports.size()));
  }
  for (uint32_t port : ports) {
    if (port == 0 || port > 65535)
      return absl::InvalidArgumentError(absl::StrCat(port, " is not a port"));
    // Twice, the second listener would find the first in its place.
    bool there = false;
    for (uint32_t i = 0; i < setup.port_count; ++i) there |= setup.ports[i] == port;
    if (!there) setup.ports[setup.port_count++] = static_cast<uint16_t>(port);
  }
  return absl::OkStatus();
}

absl::Status Explain(const SetupResult& result) {
  if (result.stage == SetupStage::kNamespaces && result.error == ESRCH)
    return absl::UnavailableError("the sandbox ended while its network was opened");
  if (result.error == EADDRINUSE) {
    return absl::FailedPreconditionError(absl::StrCat(
        "something in the sandbox has port ",
        result.stage == SetupStage::kListener ? result.op_index : static_cast<int>(kNamesPort),
        ", which its network needs: end that first"));
  }
  return absl::InternalError(
      absl::StrCat("open the sandbox's network: ",
                   absl::ErrnoToStatus(result.error, SetupStageName(result.stage)).message()));
}

}  // namespace

absl::StatusOr<std::unique_ptr<SandboxNetwork>> SandboxNetwork::Start(
    LaunchResources& resources, const SandboxProcess& sandbox,
    const google::protobuf::RepeatedField<uint32_t>& ports) {
  HelperSetup setup;
  if (!resources.lookup) WARREN_RETURN_IF_ERROR(TakePorts(ports, setup));
  WARREN_ASSIGN_OR_RETURN(HelperProcess helper, HelperProcess::Start(resources, sandbox, setup));
  return std::unique_ptr<SandboxNetwork>(new SandboxNetwork(std::move(helper), sandbox.slot()));
}

absl::Status SandboxNetwork::Open(const LaunchResources& resources) {
  WARREN_ASSIGN_OR_RETURN(HelperProcess::Outcome outcome, helper_->Finish());
  if (!outcome.result.ok()) return Explain(outcome.result);
  constexpr size_t kLeast = 2;
  if (outcome.sockets.size() < kLeast)
    return absl::InternalError("the helper's report lacks its sockets");
  sockets_ = std::move(outcome.sockets);
  if (resources.lookup) {
    WARREN_ASSIGN_OR_RETURN(UniqueFd inside, NetworkNamespaceOf(sockets_[0].get()));
    WARREN_ASSIGN_OR_RETURN(
        link_, resources.lookup->Attach(inside.get(), slot_,
                                        {kSandboxAddress, sockets_[0].get(), sockets_[1].get()}));
  }
  helper_.reset();
  return absl::OkStatus();
}

std::vector<int> SandboxNetwork::sockets() const {
  std::vector<int> fds;
  fds.reserve(sockets_.size());
  for (const UniqueFd& fd : sockets_) fds.push_back(fd.get());
  return fds;
}

}  // namespace warren
