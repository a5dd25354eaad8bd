#include "runtime/launch/launcher/helper_process.h"

#include <signal.h>

#include <cstring>
#include <utility>

#include "runtime/base/io.h"
#include "runtime/base/status.h"
#include "runtime/launch/launcher/detached_set.h"
#include "runtime/linux/process.h"

namespace warren {

static_assert(kMaxNetworkSockets <= kMaxFdsPerMessage);

absl::StatusOr<HelperProcess> HelperProcess::Start(LaunchResources& resources,
                                                   const SandboxProcess& sandbox,
                                                   const HelperSetup& setup,
                                                   std::span<const int> fds) {
  WARREN_ASSIGN_OR_RETURN(ClonedProcess process, resources.anchor.CloneHelper());
  // From here on the destructor ends it.
  HelperProcess helper(std::move(process));
  WARREN_RETURN_IF_ERROR(SetNonBlocking(helper.report()));
  std::vector<int> sent = {sandbox.pidfd()};
  sent.insert(sent.end(), fds.begin(), fds.end());
  WARREN_RETURN_IF_ERROR(SendMessage(helper.report(), AsBytes(setup), sent));
  return helper;
}

HelperProcess::~HelperProcess() {
  if (process_.pidfd.valid()) SignalProcess(process_.pidfd.get(), SIGKILL).IgnoreError();
}

absl::StatusOr<HelperProcess::Outcome> HelperProcess::Finish() {
  WARREN_ASSIGN_OR_RETURN(Message message, ReceiveMessage(report(), sizeof(HelperReport)));
  HelperReport said;
  if (message.data.size() != sizeof(said))
    return absl::InternalError("the helper at work in the sandbox was killed");
  std::memcpy(&said, message.data.data(), sizeof(said));
  return Outcome{said.result, std::move(message.fds)};
}

}  // namespace warren
