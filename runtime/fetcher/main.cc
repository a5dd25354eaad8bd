// warren-fetcher: started by warren-launcher in namespaces of its own, but for the host's network.
// Not for the command line. Fd 3 is the launcher's socket; the first message (FetcherSetup) brings
// the supervisor's, the filter, and the directories that are indexes.

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <cstring>

#include "absl/strings/escaping.h"
#include "runtime/base/io.h"
#include "runtime/base/status.h"
#include "runtime/fetcher/fetcher.h"
#include "runtime/fetcher/index_page.h"
#include "runtime/fetcher/web_client.h"
#include "runtime/launch/child/setup.h"
#include "runtime/service/confine.h"
#include "spdlog/sinks/stdout_sinks.h"
#include "spdlog/spdlog.h"
#include "warren/internal/fetcher.pb.h"

namespace warren {
namespace {

constexpr size_t kMaxSetup = 1 << 20;
constexpr size_t kMaxHostFile = 4 << 20;
constexpr char kHostCertificates[] = "/etc/ssl/certs/ca-certificates.crt";
constexpr char kDirectories[] = "/index";

// What the C library looks names up by; of a file that the host does not have there is none.
absl::StatusOr<ServiceRoot> HostRoot() {
  ServiceRoot root;
  for (const char* path : {"/etc/resolv.conf", "/etc/hosts"}) {
    absl::StatusOr<std::string> content = ReadFile(path, kMaxHostFile);
    if (absl::IsNotFound(content.status())) continue;
    if (!content.ok()) return content.status();
    root.files.push_back({path, *std::move(content)});
  }
  return root;
}

absl::StatusOr<FetcherHost> ReadHost() {
  FetcherHost host;
  host.directories = kDirectories;
  absl::StatusOr<std::string> certificates = ReadFile(kHostCertificates, kMaxHostFile);
  if (absl::IsNotFound(certificates.status())) return host;
  if (!certificates.ok()) return certificates.status();
  host.certificates = *std::move(certificates);
  return host;
}

// Of the policy's indexes, each that is a directory has a mount, in their order.
absl::Status AddDirectories(const config::PackagePolicy& policy, std::vector<UniqueFd> mounts,
                            ServiceRoot& root) {
  size_t used = 0;
  for (int i = 0; i < policy.indexes_size(); ++i) {
    if (policy.indexes(i).url().substr(0, 1) != "/") continue;
    if (used == mounts.size()) break;
    root.mounts.push_back({absl::StrCat(kDirectories, "/", i), std::move(mounts[used++])});
  }
  if (used == mounts.size() && root.mounts.size() == used) return absl::OkStatus();
  return absl::InvalidArgumentError("there are more or fewer directories than indexes of them");
}

absl::StatusOr<std::unique_ptr<Fetcher>> Prepare() {
  UniqueFd launcher(kControlFd);
  if (::fcntl(launcher.get(), F_SETFD, FD_CLOEXEC) != 0) return Errno("the launcher's socket");
  WARREN_ASSIGN_OR_RETURN(Message message, ReceiveMessage(launcher.get(), kMaxSetup));
  internal::FetcherOrder order;
  ProcessProfile profile;
  if (!order.ParseFromString(message.data) || !order.has_setup() || message.fds.size() < 2 ||
      order.setup().profile().size() != sizeof(profile)) {
    return absl::InvalidArgumentError("the launcher's first message is not a fetcher's set-up");
  }
  std::memcpy(&profile, order.setup().profile().data(), sizeof(profile));
  WARREN_ASSIGN_OR_RETURN(ServiceRoot root, HostRoot());
  WARREN_ASSIGN_OR_RETURN(const FetcherHost host, ReadHost());
  UniqueFd supervisor = std::move(message.fds[0]);
  const UniqueFd policy = std::move(message.fds[1]);
  message.fds.erase(message.fds.begin(), message.fds.begin() + 2);
  WARREN_RETURN_IF_ERROR(AddDirectories(order.setup().policy(), std::move(message.fds), root));
  WARREN_RETURN_IF_ERROR(PrepareWebClients());
  PrepareIndexPages();
  WARREN_ASSIGN_OR_RETURN(
      std::unique_ptr<Fetcher> fetcher,
      Fetcher::Prepare(order.setup(), host, std::move(launcher), std::move(supervisor)));
  // From here on it is told of strangers.
  WARREN_RETURN_IF_ERROR(ConfineService(profile, policy.get(), root));
  return fetcher;
}

}  // namespace
}  // namespace warren

int main() {
  spdlog::set_default_logger(spdlog::stderr_logger_mt("fetcher"));
  // Before there is a filter: it reads the host's time zone.
  spdlog::info("event=fetcher_started");
  for (int signal : {SIGINT, SIGTERM, SIGHUP, SIGPIPE}) ::signal(signal, SIG_IGN);
  auto fetcher = warren::Prepare();
  const absl::Status status = fetcher.ok() ? (*fetcher)->Run() : fetcher.status();
  if (!status.ok())
    spdlog::critical("event=fetcher_failed error=\"{}\"", absl::CEscape(status.message()));
  // Whatever its threads wait for: nothing of theirs is to be kept.
  ::_exit(status.ok() ? 0 : 1);
}
