// A fetcher for tests of the launcher: it greets who comes by way of the relay. Speaks
// fetcher.proto as far as the launcher and the relay do, on fd 3; confines itself by nothing. What
// it is told it tells the supervisor (PackageRefused): "setup", with all that came with it, and
// "relay".

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/statvfs.h>

#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "runtime/base/io.h"
#include "warren/internal/fetcher.pb.h"

namespace warren {
namespace {

constexpr int kLauncher = 3;
constexpr size_t kMaxOrder = 1 << 20;

// "ro,noexec: a b"
std::string Describe(int mount) {
  struct statvfs flags = {};
  ::fstatvfs(mount, &flags);
  std::vector<std::string> names;
  const int fd = ::openat(mount, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (DIR* directory = fd < 0 ? nullptr : ::fdopendir(fd); directory != nullptr) {
    while (const dirent* entry = ::readdir(directory)) {
      if (entry->d_name[0] != '.') names.emplace_back(entry->d_name);
    }
    ::closedir(directory);
  }
  std::sort(names.begin(), names.end());
  return absl::StrCat((flags.f_flag & ST_RDONLY) != 0 ? "ro" : "rw",
                      (flags.f_flag & ST_NOEXEC) != 0 ? ",noexec" : "", ": ",
                      absl::StrJoin(names, " "));
}

class TestFetcher {
 public:
  // Until the launcher or the supervisor is gone, or says what cannot be understood.
  int Run() {
    while (true) {
      pollfd waits[] = {
          {kLauncher, POLLIN, 0}, {supervisor_.get(), 0, 0}, {relay_.get(), POLLIN, 0}};
      ::poll(waits, 3, -1);
      if (waits[1].revents != 0) return 0;
      if (waits[2].revents != 0) Serve();
      if (waits[0].revents != 0 && !Take(ReceiveMessage(kLauncher, kMaxOrder))) return 1;
    }
  }

 private:
  bool Take(absl::StatusOr<Message> message) {
    internal::FetcherOrder order;
    if (!message.ok() || !order.ParseFromString(message->data)) return false;
    if (order.has_relay_changed() && message->fds.size() == 1) {
      relay_ = std::move(message->fds[0]);
      return Tell("relay", "");
    }
    if (!order.has_setup() || message->fds.size() < 2 || order.setup().profile().empty())
      return false;
    supervisor_ = std::move(message->fds[0]);
    std::vector<std::string> words = {
        absl::StrCat("key of ", order.setup().link_key().size(), " bytes")};
    for (int i = 0; i < order.setup().secrets_size(); ++i) {
      const internal::IndexSecrets& secrets = order.setup().secrets(i);
      words.push_back(absl::StrCat(order.setup().policy().indexes(i).name(), "=",
                                   secrets.credentials(), "/", secrets.certificates().size()));
    }
    for (size_t i = 2; i < message->fds.size(); ++i)
      words.push_back(Describe(message->fds[i].get()));
    return Tell("setup", absl::StrJoin(words, "; "));
  }

  void Serve() {
    auto message = ReceiveMessage(relay_.get(), 1 << 10);
    internal::PackageConnection connection;
    if (!message.ok() || message->data.empty() || message->fds.size() != 1 ||
        !connection.ParseFromString(message->data)) {
      return relay_.reset();
    }
    const std::string greeting = absl::StrCat("packages for ", connection.sandbox_id(), "\n");
    ssize_t ignored = ::send(message->fds[0].get(), greeting.data(), greeting.size(), MSG_NOSIGNAL);
    (void)ignored;
  }

  bool Tell(const std::string& what, const std::string& how) {
    internal::FetcherEvent event;
    event.mutable_package_refused()->set_package(what);
    event.mutable_package_refused()->set_reason(how);
    SendMessage(supervisor_.get(), event.SerializeAsString(), {}).IgnoreError();
    return true;
  }

  UniqueFd supervisor_;
  UniqueFd relay_;
};

}  // namespace
}  // namespace warren

int main() {
  ::prctl(PR_SET_NAME, "warren-fetcher");
  return warren::TestFetcher().Run();
}
