#include "runtime/launch/launcher/network_helper.h"

#include <signal.h>

#include <cstring>
#include <utility>

#include "runtime/base/io.h"
#include "runtime/base/status.h"
#include "runtime/launch/launcher/detached_set.h"
#include "runtime/linux/process.h"

namespace warren {

static_assert(kMaxNetworkSockets <= kMaxFdsPerMessage);

absl::StatusOr<NetworkHelper> NetworkHelper::Start(LaunchResources& resources,
                                                   const SandboxProcess& sandbox,
                                                   const NetworkSetup& setup) {
  WARREN_ASSIGN_OR_RETURN(ClonedProcess process, resources.anchor.CloneNetworkHelper());
  // From here on the destructor ends it.
  NetworkHelper helper(std::move(process));
  WARREN_RETURN_IF_ERROR(SetNonBlocking(helper.report()));
  const int init = sandbox.pidfd();
  WARREN_RETURN_IF_ERROR(SendMessage(helper.report(), AsBytes(setup), {&init, 1}));
  return helper;
}

NetworkHelper::~NetworkHelper() {
  if (process_.pidfd.valid()) SignalProcess(process_.pidfd.get(), SIGKILL).IgnoreError();
}

absl::StatusOr<NetworkHelper::Outcome> NetworkHelper::Finish() {
  WARREN_ASSIGN_OR_RETURN(Message message, ReceiveMessage(report(), sizeof(NetworkReport)));
  NetworkReport said;
  if (message.data.size() != sizeof(said))
    return absl::InternalError("the helper at work in the sandbox's network was killed");
  std::memcpy(&said, message.data.data(), sizeof(said));
  return Outcome{said.result, std::move(message.fds)};
}

}  // namespace warren
