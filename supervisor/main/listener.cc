#include "supervisor/main/listener.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "runtime/base/status.h"

namespace warren {
namespace {

constexpr int kBacklog = 512;
constexpr mode_t kSocketMode = 0660;

absl::StatusOr<UniqueFd> Lock(const std::string& socket_path) {
  const std::string path = socket_path + ".lock";
  UniqueFd lock(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!lock.valid()) return Errno(absl::StrCat("open ", path, ": does the directory exist?"));
  if (::flock(lock.get(), LOCK_EX | LOCK_NB) == 0) {
    struct stat locked;
    struct stat present;
    // A dead supervisor's janitor may have removed the file between the two calls.
    if (::fstat(lock.get(), &locked) == 0 && ::stat(path.c_str(), &present) == 0 &&
        locked.st_ino == present.st_ino && locked.st_dev == present.st_dev) {
      return lock;
    }
    return Lock(socket_path);
  }
  if (errno != EWOULDBLOCK) return Errno(absl::StrCat("lock ", path));
  return absl::FailedPreconditionError(
      absl::StrCat("another supervisor serves at ", socket_path,
                   "; stop it, or choose another address with --listen"));
}

// What is at the path is a dead supervisor's socket, or none of our business.
absl::Status RemoveStale(const std::string& path) {
  struct stat info;
  if (::lstat(path.c_str(), &info) != 0) {
    return errno == ENOENT ? absl::OkStatus() : Errno(absl::StrCat("lstat ", path));
  }
  if (!S_ISSOCK(info.st_mode)) {
    return absl::FailedPreconditionError(absl::StrCat(
        path, " is there and not a socket; remove it, or choose another address with --listen"));
  }
  if (::unlink(path.c_str()) != 0) return Errno(absl::StrCat("unlink the stale socket ", path));
  return absl::OkStatus();
}

absl::Status Listen(int socket, const std::string& address) {
  if (::listen(socket, kBacklog) != 0) return Errno(absl::StrCat("listen at ", address));
  return absl::OkStatus();
}

struct TcpAddress {
  sockaddr_storage name{};
  socklen_t length = 0;
  bool loopback = false;
};

// "HOST:PORT" or "[HOST]:PORT", numeric.
absl::StatusOr<TcpAddress> ParseTcp(const std::string& text) {
  absl::string_view address = text;
  size_t colon = address.rfind(':');
  absl::string_view host = address.substr(0, colon);
  int port = 0;
  if (colon == absl::string_view::npos || !absl::SimpleAtoi(address.substr(colon + 1), &port) ||
      port < 1 || port > 65535) {
    return absl::InvalidArgumentError(absl::StrCat(
        "--listen: \"", text, "\" is neither unix:///PATH nor 127.0.0.1:PORT nor [::1]:PORT"));
  }
  TcpAddress parsed;
  const bool bracketed = absl::ConsumePrefix(&host, "[") && absl::ConsumeSuffix(&host, "]");
  auto* v4 = reinterpret_cast<sockaddr_in*>(&parsed.name);
  auto* v6 = reinterpret_cast<sockaddr_in6*>(&parsed.name);
  if (!bracketed && ::inet_pton(AF_INET, std::string(host).c_str(), &v4->sin_addr) == 1) {
    v4->sin_family = AF_INET;
    v4->sin_port = htons(static_cast<uint16_t>(port));
    parsed.length = sizeof(sockaddr_in);
    parsed.loopback = ntohl(v4->sin_addr.s_addr) >> 24 == 127;
    return parsed;
  }
  if (bracketed && ::inet_pton(AF_INET6, std::string(host).c_str(), &v6->sin6_addr) == 1) {
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(static_cast<uint16_t>(port));
    parsed.length = sizeof(sockaddr_in6);
    parsed.loopback = IN6_IS_ADDR_LOOPBACK(&v6->sin6_addr);
    return parsed;
  }
  return absl::InvalidArgumentError(
      absl::StrCat("\"", text, "\": an address is numeric, 127.0.0.1:PORT or [::1]:PORT"));
}

absl::Status CheckReach(const std::string& text, const TcpAddress& address, Listener::Reach reach) {
  if (address.loopback || reach == Listener::Reach::kAnywhere) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("\"", text,
                   "\": this server has no API key, and without one only loopback addresses are "
                   "served. Make one first (warren keys create --tenant NAME), and serve others "
                   "than this machine with TLS (--tls-listen)"));
}

}  // namespace

absl::Status EnsureDirectory(const std::string& path, uid_t owner, gid_t group) {
  if (::mkdir(path.c_str(), 0755) != 0) {
    struct stat info;
    if (errno == EEXIST && ::stat(path.c_str(), &info) == 0 && S_ISDIR(info.st_mode)) {
      return absl::OkStatus();
    }
    return Errno(absl::StrCat("mkdir ", path));
  }
  if (::chown(path.c_str(), owner, group) != 0) return Errno(absl::StrCat("chown ", path));
  return absl::OkStatus();
}

absl::StatusOr<Listener> Listener::Open(const std::string& address, uid_t owner, gid_t group,
                                        Reach reach) {
  absl::string_view path = address;
  if (!absl::ConsumePrefix(&path, "unix:")) return OpenTcp(address, reach);
  if (absl::ConsumePrefix(&path, "//") && !absl::StartsWith(path, "/")) {
    return absl::InvalidArgumentError(
        absl::StrCat("--listen: \"", address, "\": a path after unix:// starts with another /"));
  }
  return OpenUnix(address, std::string(path), owner, group);
}

absl::StatusOr<Listener> Listener::OpenUnix(const std::string& address, const std::string& path,
                                            uid_t owner, gid_t group) {
  sockaddr_un name{};
  name.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof(name.sun_path)) {
    return absl::InvalidArgumentError(absl::StrCat("--listen: the path of \"", address,
                                                   "\" must have 1 to ", sizeof(name.sun_path) - 1,
                                                   " bytes"));
  }
  std::memcpy(name.sun_path, path.data(), path.size());
  WARREN_ASSIGN_OR_RETURN(UniqueFd lock, Lock(path));
  WARREN_RETURN_IF_ERROR(RemoveStale(path));
  UniqueFd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket.valid()) return Errno("socket");
  if (::bind(socket.get(), reinterpret_cast<sockaddr*>(&name), sizeof(name)) != 0) {
    return Errno(absl::StrCat("bind ", path));
  }
  // Nobody can connect before listen: so the mode is in force before the first client.
  if (::chmod(path.c_str(), kSocketMode) != 0) return Errno(absl::StrCat("chmod ", path));
  if (::chown(path.c_str(), owner, group) != 0) return Errno(absl::StrCat("chown ", path));
  WARREN_RETURN_IF_ERROR(Listen(socket.get(), address));
  return Listener(address, path, std::move(lock), std::move(socket));
}

absl::StatusOr<Listener> Listener::OpenTcp(const std::string& address, Reach reach) {
  WARREN_ASSIGN_OR_RETURN(TcpAddress parsed, ParseTcp(address));
  WARREN_RETURN_IF_ERROR(CheckReach(address, parsed, reach));
  UniqueFd socket(::socket(parsed.name.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket.valid()) return Errno("socket");
  int on = 1;
  ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  ::setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  if (::bind(socket.get(), reinterpret_cast<sockaddr*>(&parsed.name), parsed.length) != 0) {
    return Errno(absl::StrCat("bind ", address,
                              "; is another program there? Choose another port with --listen"));
  }
  WARREN_RETURN_IF_ERROR(Listen(socket.get(), address));
  return Listener(address, "", UniqueFd(), std::move(socket));
}

void Listener::RemoveSocket() {
  // A directory that the serving user cannot write keeps the socket; the next start replaces it.
  if (!path_.empty()) ::unlink(path_.c_str());
  socket_.reset();
}

}  // namespace warren
