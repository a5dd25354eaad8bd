// warren-relay: started by warren-launcher in namespaces of its own, but for the host's network.
// Not for the command line. Fd 3 is the launcher's socket; the first message (RelaySetup) brings
// the supervisor's, and the filter.

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>

#include <cstring>

#include "absl/strings/escaping.h"
#include "runtime/base/io.h"
#include "runtime/base/status.h"
#include "runtime/launch/child/setup.h"
#include "runtime/relay/client_hello.h"
#include "runtime/relay/relay.h"
#include "runtime/service/confine.h"
#include "spdlog/sinks/stdout_sinks.h"
#include "spdlog/spdlog.h"
#include "warren/internal/relay.pb.h"

namespace warren {
namespace {

constexpr size_t kMaxSetup = 256 << 10;

absl::StatusOr<int64_t> OpenFiles() {
  rlimit limit;
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return Errno("getrlimit NOFILE");
  limit.rlim_cur = limit.rlim_max;
  if (::setrlimit(RLIMIT_NOFILE, &limit) != 0) return Errno("setrlimit NOFILE");
  return static_cast<int64_t>(limit.rlim_cur);
}

absl::StatusOr<std::unique_ptr<Relay>> Prepare() {
  UniqueFd launcher(kControlFd);
  if (::fcntl(launcher.get(), F_SETFD, FD_CLOEXEC) != 0) return Errno("the launcher's socket");
  WARREN_ASSIGN_OR_RETURN(Message message, ReceiveMessage(launcher.get(), kMaxSetup));
  internal::RelayOrder order;
  ProcessProfile profile;
  if (!order.ParseFromString(message.data) || !order.has_setup() || message.fds.size() != 2 ||
      order.setup().profile().size() != sizeof(profile)) {
    return absl::InvalidArgumentError("the launcher's first message is not a relay's set-up");
  }
  std::memcpy(&profile, order.setup().profile().data(), sizeof(profile));
  WARREN_ASSIGN_OR_RETURN(const int64_t open_files, OpenFiles());
  WARREN_ASSIGN_OR_RETURN(std::unique_ptr<Relay> relay,
                          Relay::Prepare(std::move(*order.mutable_setup()), std::move(launcher),
                                         std::move(message.fds[0]), open_files));
  // OpenSSL reads its configuration when it is first used.
  InspectClientHello("\x16\x03\x01");
  // From here on it is told of strangers.
  WARREN_RETURN_IF_ERROR(ConfineService(profile, message.fds[1].get(), {}));
  return relay;
}

absl::Status RunRelay() {
  WARREN_ASSIGN_OR_RETURN(std::unique_ptr<Relay> relay, Prepare());
  return relay->Run();
}

}  // namespace
}  // namespace warren

int main() {
  spdlog::set_default_logger(spdlog::stderr_logger_st("relay"));
  // Before there is a filter: it reads the host's time zone.
  spdlog::info("event=relay_started");
  for (int signal : {SIGINT, SIGTERM, SIGHUP, SIGPIPE}) ::signal(signal, SIG_IGN);
  const absl::Status status = warren::RunRelay();
  if (status.ok()) return 0;
  spdlog::critical("event=relay_failed error=\"{}\"", absl::CEscape(status.message()));
  return 1;
}
