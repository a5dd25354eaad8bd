#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "runtime/base/status.h"
#include "runtime/launch/launcher/launcher.h"
#include "spdlog/spdlog.h"

// The launcher's sandboxes and their networks: opened, closed with their sandbox.
namespace warren {
namespace {

using std::chrono::seconds;

// On a host of pace 1 (docs/TIMING.md): see Launcher::AtPace.
constexpr seconds kNetworkDeadline(30);

}  // namespace

absl::Status Launcher::HandleOpenNetwork(uint64_t request_id,
                                         const internal::OpenNetwork& request) {
  const std::string& id = request.sandbox_id();
  WARREN_ASSIGN_OR_RETURN(LiveSandbox * sandbox, FindSandbox(id));
  if (!services_->has_relay()) {
    return absl::FailedPreconditionError(
        absl::StrCat("the egress policy \"", absl::CEscape(config_.egress_policy),
                     "\" of this server gives no sandbox a network (warrend --egress-policy)"));
  }
  if (sandbox->request_id != 0)
    return absl::FailedPreconditionError("the sandbox is still being made");
  if (sandbox->network_request != 0)
    return absl::UnavailableError("the sandbox's network is just being opened: try again");
  if (sandbox->network != nullptr) {
    Reply(request_id, absl::OkStatus());
    return absl::OkStatus();
  }
  WARREN_RETURN_IF_ERROR(CheckRuns(*sandbox));
  WARREN_ASSIGN_OR_RETURN(std::unique_ptr<SandboxNetwork> network,
                          SandboxNetwork::Start(resources_, *sandbox->process, request.ports()));
  clones_.insert(network->helper_pid());
  WARREN_RETURN_IF_ERROR(loop_.Watch(network->report(), [this, id] { OnNetworkReport(id); }));
  sandbox->network = std::move(network);
  sandbox->network_request = request_id;
  sandbox->network_deadline = loop_.After(AtPace(kNetworkDeadline), [this, id] {
    EndNetworkRequest(sandboxes_.at(id),
                      absl::DeadlineExceededError("the sandbox's network was not opened in time"));
  });
  return absl::OkStatus();
}

void Launcher::OnNetworkReport(const std::string& id) {
  LiveSandbox& sandbox = sandboxes_.at(id);
  SandboxNetwork& network = *sandbox.network;
  loop_.Unwatch(network.report());
  absl::Status status = network.Open(resources_);
  if (status.ok()) services_->OpenNetwork(id, network);
  EndNetworkRequest(sandbox, status);
}

// Replied to, with what has become of it.
void Launcher::EndNetworkRequest(LiveSandbox& sandbox, const absl::Status& status) {
  loop_.Cancel(std::exchange(sandbox.network_deadline, 0));
  if (!status.ok()) {
    loop_.Unwatch(sandbox.network->report());
    sandbox.network.reset();
    spdlog::warn("event=network_not_opened sandbox={} error=\"{}\"", sandbox.process->id(),
                 absl::CEscape(status.message()));
  }
  Reply(std::exchange(sandbox.network_request, 0), status);
}

void Launcher::CloseNetwork(LiveSandbox& sandbox) {
  if (sandbox.network_request != 0) {
    EndNetworkRequest(sandbox,
                      absl::UnavailableError("the sandbox ended while its network was opened"));
  }
  if (sandbox.network == nullptr) return;
  services_->CloseNetwork(sandbox.process->id());
  sandbox.network.reset();
}

}  // namespace warren
