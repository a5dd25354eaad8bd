#include <errno.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "runtime/base/status.h"
#include "runtime/launch/launcher/launcher.h"

// The launcher's connections to ports inside of sandboxes: made by a helper, handed to the
// supervisor, and none of the launcher's from then on.
namespace warren {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// On a host of pace 1 (docs/TIMING.md): see Launcher::AtPace. One that listens and does not accept
// makes a helper wait.
constexpr seconds kConnectPatience(1);
constexpr uint32_t kMaxPort = 65535;

// But for what never comes of what is inside, the errno is the sandbox's doing.
absl::Status WhyNotConnected(const SetupResult& result, uint32_t port) {
  if (result.stage == SetupStage::kNamespaces && result.error == ESRCH)
    return absl::FailedPreconditionError("the sandbox ended before the connection was there");
  if (result.stage == SetupStage::kConnect && result.error == ECONNREFUSED) {
    return absl::FailedPreconditionError(
        absl::StrCat("nothing in the sandbox listens at port ", port, " of 127.0.0.1"));
  }
  if (result.stage == SetupStage::kConnect && result.error == ETIMEDOUT) {
    return absl::UnavailableError(
        absl::StrCat("what listens at port ", port,
                     " in the sandbox takes no connection, for as many as may wait do: try again"));
  }
  const std::string what =
      absl::StrCat("connect to port ", port, " in the sandbox: ",
                   absl::ErrnoToStatus(result.error, SetupStageName(result.stage)).message());
  return result.stage == SetupStage::kConnect ? absl::UnavailableError(what)
                                              : absl::InternalError(what);
}

absl::StatusOr<UniqueFd> TakeConnection(absl::StatusOr<HelperProcess::Outcome> outcome,
                                        uint32_t port) {
  WARREN_RETURN_IF_ERROR(outcome.status());
  if (!outcome->result.ok()) return WhyNotConnected(outcome->result, port);
  if (outcome->sockets.size() != 1)
    return absl::InternalError("the helper's report lacks its connection");
  return std::move(outcome->sockets[0]);
}

}  // namespace

absl::Status Launcher::HandleConnectPort(uint64_t request_id,
                                         const internal::ConnectPort& request) {
  const uint32_t port = request.port();
  if (port == 0 || port > kMaxPort)
    return absl::InvalidArgumentError(absl::StrCat(port, " is no port: 1 to ", kMaxPort));
  WARREN_ASSIGN_OR_RETURN(LiveSandbox * sandbox, FindSandbox(request.sandbox_id()));
  if (sandbox->request_id != 0)
    return absl::FailedPreconditionError("the sandbox is still being made");
  WARREN_RETURN_IF_ERROR(CheckRuns(*sandbox));
  HelperSetup setup;
  setup.task = HelperTask::kConnect;
  setup.patience_ms = static_cast<uint32_t>(
      std::chrono::duration_cast<milliseconds>(AtPace(kConnectPatience)).count());
  setup.port_count = 1;
  setup.ports[0] = static_cast<uint16_t>(port);
  WARREN_RETURN_IF_ERROR(CheckTasks(*sandbox, setup.task));
  return StartTask(*sandbox, setup, {}, [this, request_id, port](TaskOutcome outcome) {
    ReplyConnected(request_id, TakeConnection(std::move(outcome), port));
  });
}

void Launcher::ReplyConnected(uint64_t request_id, absl::StatusOr<UniqueFd> connection) {
  if (!connection.ok()) return Reply(request_id, connection.status());
  internal::LauncherReply reply;
  reply.set_request_id(request_id);
  reply.mutable_port_connected();
  const int fd = connection->get();
  Send(reply, {&fd, 1});
}

}  // namespace warren
