#include <errno.h>

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "runtime/base/status.h"
#include "runtime/launch/launcher/launcher.h"

// The launcher's connections to ports inside of sandboxes: made by a helper, handed to the
// supervisor, and none of the launcher's from then on.
namespace warren {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// On a host of pace 1 (docs/TIMING.md), both: see Launcher::AtPace.
constexpr seconds kConnectPatience(1);
constexpr seconds kConnectDeadline(30);
// Each is a process of Warren's own, which one that listens and does not accept makes wait.
constexpr size_t kMaxConnects = 16;
constexpr size_t kMaxConnectsOfAll = 256;
constexpr uint32_t kMaxPort = 65535;

absl::Status EndedMeanwhile() {
  return absl::FailedPreconditionError("the sandbox ended before the connection was there");
}

// But for what never comes of what is inside, the errno is the sandbox's doing.
absl::Status WhyNotConnected(const SetupResult& result, uint32_t port) {
  if (result.stage == SetupStage::kNamespaces && result.error == ESRCH) return EndedMeanwhile();
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

absl::StatusOr<UniqueFd> TakeConnection(NetworkHelper& helper, uint32_t port) {
  WARREN_ASSIGN_OR_RETURN(NetworkHelper::Outcome outcome, helper.Finish());
  if (!outcome.result.ok()) return WhyNotConnected(outcome.result, port);
  if (outcome.sockets.size() != 1)
    return absl::InternalError("the helper's report lacks its connection");
  return std::move(outcome.sockets[0]);
}

}  // namespace

absl::Status Launcher::HandleConnectPort(uint64_t request_id,
                                         const internal::ConnectPort& request) {
  const std::string& id = request.sandbox_id();
  const uint32_t port = request.port();
  if (port == 0 || port > kMaxPort)
    return absl::InvalidArgumentError(absl::StrCat(port, " is no port: 1 to ", kMaxPort));
  WARREN_ASSIGN_OR_RETURN(LiveSandbox * sandbox, FindSandbox(id));
  if (sandbox->request_id != 0)
    return absl::FailedPreconditionError("the sandbox is still being made");
  WARREN_RETURN_IF_ERROR(CheckRuns(*sandbox));
  if (sandbox->connects.size() >= kMaxConnects || connects_under_way_ >= kMaxConnectsOfAll) {
    return absl::ResourceExhaustedError(
        absl::StrCat(sandbox->connects.size(), " connections to this sandbox's ports and ",
                     connects_under_way_, " to those of all are being made: try again"));
  }
  NetworkSetup setup;
  setup.task = NetworkTask::kConnect;
  setup.patience_ms = static_cast<uint32_t>(
      std::chrono::duration_cast<milliseconds>(AtPace(kConnectPatience)).count());
  setup.port_count = 1;
  setup.ports[0] = static_cast<uint16_t>(port);
  WARREN_ASSIGN_OR_RETURN(NetworkHelper helper,
                          NetworkHelper::Start(resources_, *sandbox->process, setup));
  clones_.insert(helper.pid());
  const uint64_t number = next_id_++;
  WARREN_RETURN_IF_ERROR(
      loop_.Watch(helper.report(), [this, id, number] { OnPortReport(id, number); }));
  const EventLoop::TimerId deadline = loop_.After(AtPace(kConnectDeadline), [this, id, number] {
    EndConnect(sandboxes_.at(id), number,
               absl::DeadlineExceededError("the connection was not made in time"));
  });
  sandbox->connects.emplace(number, LiveConnect{std::move(helper), request_id, port, deadline});
  ++connects_under_way_;
  return absl::OkStatus();
}

void Launcher::OnPortReport(const std::string& id, uint64_t number) {
  LiveSandbox& sandbox = sandboxes_.at(id);
  LiveConnect& connect = sandbox.connects.at(number);
  EndConnect(sandbox, number, TakeConnection(connect.helper, connect.port));
}

void Launcher::EndConnect(LiveSandbox& sandbox, uint64_t number,
                          absl::StatusOr<UniqueFd> connection) {
  auto connect = sandbox.connects.extract(number);
  --connects_under_way_;
  loop_.Cancel(connect.mapped().deadline);
  loop_.Unwatch(connect.mapped().helper.report());
  const uint64_t request_id = connect.mapped().request_id;
  if (!connection.ok()) return Reply(request_id, connection.status());
  internal::LauncherReply reply;
  reply.set_request_id(request_id);
  reply.mutable_port_connected();
  const int fd = connection->get();
  Send(reply, {&fd, 1});
}

void Launcher::AbandonConnects(LiveSandbox& sandbox) {
  while (!sandbox.connects.empty())
    EndConnect(sandbox, sandbox.connects.begin()->first, EndedMeanwhile());
}

}  // namespace warren
