#include "tools/benchmark/client/origin.h"

#include <endian.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "runtime/base/status.h"
#include "runtime/base/unique_fd.h"

namespace warren::bench {
namespace {

constexpr size_t kPiece = 256 << 10;

struct Listener {
  UniqueFd fd;
  uint16_t port = 0;
};

absl::StatusOr<Listener> ListenOnLoopback() {
  Listener listener;
  listener.fd.reset(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!listener.fd.valid()) return Errno("make a socket");
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  socklen_t size = sizeof(address);
  if (::bind(listener.fd.get(), generic, size) != 0 ||
      ::listen(listener.fd.get(), SOMAXCONN) != 0 ||
      ::getsockname(listener.fd.get(), generic, &size) != 0) {
    return Errno("listen on 127.0.0.1");
  }
  listener.port = ntohs(address.sin_port);
  return listener;
}

// A connection of each sandbox.
absl::Status AllowManyConnections() {
  rlimit limit;
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return Errno("read RLIMIT_NOFILE");
  limit.rlim_cur = limit.rlim_max;
  if (::setrlimit(RLIMIT_NOFILE, &limit) != 0) return Errno("raise RLIMIT_NOFILE");
  return absl::OkStatus();
}

// Whoever is at the other end sees the connection closed where anything goes wrong.
void SendStream(const UniqueFd& client) {
  uint64_t wanted = 0;
  if (::recv(client.get(), &wanted, sizeof(wanted), MSG_WAITALL) != sizeof(wanted)) return;
  const std::string piece(kPiece, 'x');
  for (uint64_t left = be64toh(wanted); left > 0;) {
    ssize_t sent =
        ::send(client.get(), piece.data(), std::min<uint64_t>(left, piece.size()), MSG_NOSIGNAL);
    if (sent <= 0) return;
    left -= static_cast<uint64_t>(sent);
  }
}

// Both servers. Owner: the main thread. Lifecycle: Start → Serve once.
class Origin {
 public:
  absl::Status Start() {
    WARREN_RETURN_IF_ERROR(AllowManyConnections());
    WARREN_ASSIGN_OR_RETURN(echo_, ListenOnLoopback());
    WARREN_ASSIGN_OR_RETURN(stream_, ListenOnLoopback());
    epoll_.reset(::epoll_create1(EPOLL_CLOEXEC));
    if (!epoll_.valid()) return Errno("make an epoll instance");
    for (int fd : {STDIN_FILENO, echo_.fd.get(), stream_.fd.get()}) {
      WARREN_RETURN_IF_ERROR(Watch(fd));
    }
    const nlohmann::json ports = {{"echo", echo_.port}, {"stream", stream_.port}};
    std::puts(ports.dump().c_str());
    std::fflush(stdout);
    return absl::OkStatus();
  }

  absl::Status Serve() {
    std::array<epoll_event, 64> events;
    while (true) {
      const int count = ::epoll_wait(epoll_.get(), events.data(), events.size(), -1);
      if (count < 0 && errno != EINTR) return Errno("wait for connections");
      for (int i = 0; i < count; ++i) {
        const int fd = events[static_cast<size_t>(i)].data.fd;
        if (fd == STDIN_FILENO) return absl::OkStatus();
        WARREN_RETURN_IF_ERROR(OnReadable(fd));
      }
    }
  }

 private:
  absl::Status Watch(int fd) {
    epoll_event event = {};
    event.events = EPOLLIN;
    event.data.fd = fd;
    if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) == 0) return absl::OkStatus();
    return Errno("wait for a connection");
  }

  absl::Status OnReadable(int fd) {
    if (fd != echo_.fd.get() && fd != stream_.fd.get()) {
      Echo(fd);
      return absl::OkStatus();
    }
    UniqueFd client(::accept4(fd, nullptr, nullptr, SOCK_CLOEXEC));
    // Gone again.
    if (!client.valid() && errno == ECONNABORTED) return absl::OkStatus();
    if (!client.valid()) return Errno("accept a connection");
    if (fd == stream_.fd.get()) {
      SendStream(client);
      return absl::OkStatus();
    }
    WARREN_RETURN_IF_ERROR(Watch(client.get()));
    const int number = client.get();
    clients_.emplace(number, std::move(client));
    return absl::OkStatus();
  }

  void Echo(int client) {
    std::array<char, 4096> bytes;
    const ssize_t got = ::recv(client, bytes.data(), bytes.size(), 0);
    const auto size = static_cast<size_t>(std::max<ssize_t>(got, 0));
    if (size == 0 || ::send(client, bytes.data(), size, MSG_NOSIGNAL) != got) {
      clients_.erase(client);
    }
  }

  Listener echo_;
  Listener stream_;
  UniqueFd epoll_;
  std::map<int, UniqueFd> clients_;
};

}  // namespace

absl::Status ServeOrigin() {
  Origin origin;
  WARREN_RETURN_IF_ERROR(origin.Start());
  return origin.Serve();
}

}  // namespace warren::bench
