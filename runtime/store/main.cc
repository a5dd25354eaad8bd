// warren-store: started by warren-launcher in namespaces of its own. Not for the command line. Fd 3
// is the launcher's socket; the only message (StoreSetup) brings the supervisor's, the filter, and
// the store's directory.

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <cstring>

#include "absl/strings/escaping.h"
#include "runtime/base/io.h"
#include "runtime/base/status.h"
#include "runtime/launch/child/setup.h"
#include "runtime/service/confine.h"
#include "runtime/store/sha256.h"
#include "runtime/store/store.h"
#include "spdlog/sinks/stdout_sinks.h"
#include "spdlog/spdlog.h"
#include "warren/internal/store.pb.h"

namespace warren {
namespace {

constexpr size_t kMaxSetup = 256 << 10;
constexpr char kDirectory[] = "/store";

absl::Status RaiseOpenFiles() {
  rlimit limit;
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return Errno("getrlimit NOFILE");
  limit.rlim_cur = limit.rlim_max;
  if (::setrlimit(RLIMIT_NOFILE, &limit) != 0) return Errno("setrlimit NOFILE");
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<Store>> PrepareStore() {
  UniqueFd launcher(kControlFd);
  if (::fcntl(launcher.get(), F_SETFD, FD_CLOEXEC) != 0) return Errno("the launcher's socket");
  WARREN_ASSIGN_OR_RETURN(Message message, ReceiveMessage(launcher.get(), kMaxSetup));
  internal::StoreOrder order;
  ProcessProfile profile;
  if (!order.ParseFromString(message.data) || !order.has_setup() || message.fds.size() != 3 ||
      order.setup().profile().size() != sizeof(profile)) {
    return absl::InvalidArgumentError("the launcher's first message is not a store's set-up");
  }
  std::memcpy(&profile, order.setup().profile().data(), sizeof(profile));
  WARREN_RETURN_IF_ERROR(RaiseOpenFiles());
  WARREN_ASSIGN_OR_RETURN(
      std::unique_ptr<Store> store,
      Store::Prepare(order.setup(), std::move(launcher), std::move(message.fds[0])));
  // OpenSSL reads its configuration when it is first used.
  Sha256Of("");
  ServiceRoot root;
  root.mounts.push_back({kDirectory, std::move(message.fds[2])});
  // From here on it is told of strangers.
  WARREN_RETURN_IF_ERROR(ConfineService(profile, message.fds[1].get(), root));
  return store;
}

absl::Status RunStore() {
  WARREN_ASSIGN_OR_RETURN(std::unique_ptr<Store> store, PrepareStore());
  UniqueFd directory(::open(kDirectory, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!directory.valid()) return Errno("open the package store's directory");
  return store->Run(std::move(directory));
}

}  // namespace
}  // namespace warren

int main() {
  spdlog::set_default_logger(spdlog::stderr_logger_st("store"));
  // Before there is a filter: it reads the host's time zone.
  spdlog::info("event=store_started");
  for (int signal : {SIGINT, SIGTERM, SIGHUP, SIGPIPE}) ::signal(signal, SIG_IGN);
  // What it makes has the modes that it says.
  ::umask(0);
  const absl::Status status = warren::RunStore();
  if (status.ok()) return 0;
  spdlog::critical("event=store_failed error=\"{}\"", absl::CEscape(status.message()));
  return 1;
}
