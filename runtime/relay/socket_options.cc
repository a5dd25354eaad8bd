#include "runtime/relay/socket_options.h"

#include <netinet/tcp.h>

#include <array>
#include <cstring>

#include "runtime/base/status.h"
#include "runtime/base/unique_fd.h"

namespace warren {
namespace {

// A peer that has gone without a word is noticed in ten minutes.
constexpr int kKeepAliveIdleSeconds = 300;
constexpr int kKeepAliveIntervalSeconds = 60;
constexpr int kKeepAliveProbes = 5;

}  // namespace

absl::StatusOr<Endpoint> LocalEndpoint(int socket) {
  sockaddr_storage storage = {};
  socklen_t size = sizeof(storage);
  if (::getsockname(socket, reinterpret_cast<sockaddr*>(&storage), &size) != 0)
    return Errno("getsockname");
  if (storage.ss_family != AF_INET)
    return absl::UnimplementedError("a connection that is not IPv4");
  sockaddr_in address;
  std::memcpy(&address, &storage, sizeof(address));
  return Endpoint{boost::asio::ip::address_v4(ntohl(address.sin_addr.s_addr)),
                  ntohs(address.sin_port)};
}

SocketAddress ToSocketAddress(const Endpoint& endpoint) {
  SocketAddress result = {};
  if (endpoint.address.is_v4()) {
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_port = htons(endpoint.port);
    address.sin_addr.s_addr = htonl(endpoint.address.to_v4().to_uint());
    result.size = sizeof(address);
    std::memcpy(&result.storage, &address, sizeof(address));
  } else {
    sockaddr_in6 address = {};
    address.sin6_family = AF_INET6;
    address.sin6_port = htons(endpoint.port);
    const auto bytes = endpoint.address.to_v6().to_bytes();
    std::memcpy(&address.sin6_addr, bytes.data(), bytes.size());
    result.size = sizeof(address);
    std::memcpy(&result.storage, &address, sizeof(address));
  }
  return result;
}

void ReplyFrom(int socket, in_addr source, const sockaddr_storage& to, absl::string_view data) {
  iovec part = {const_cast<char*>(data.data()), data.size()};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(in_pktinfo))> control = {};
  msghdr message = {};
  message.msg_name = const_cast<sockaddr_storage*>(&to);
  message.msg_namelen = sizeof(sockaddr_in);
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  cmsghdr* header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = IPPROTO_IP;
  header->cmsg_type = IP_PKTINFO;
  header->cmsg_len = CMSG_LEN(sizeof(in_pktinfo));
  in_pktinfo info = {};
  info.ipi_spec_dst = source;
  std::memcpy(CMSG_DATA(header), &info, sizeof(info));
  const ssize_t ignored = ::sendmsg(socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
  (void)ignored;
}

void SetOption(int socket, int level, int option, int value) {
  const int ignored = ::setsockopt(socket, level, option, &value, sizeof(value));
  (void)ignored;
}

void PrepareStream(int socket) {
  SetOption(socket, IPPROTO_TCP, TCP_NODELAY, 1);
  SetOption(socket, SOL_SOCKET, SO_KEEPALIVE, 1);
  SetOption(socket, IPPROTO_TCP, TCP_KEEPIDLE, kKeepAliveIdleSeconds);
  SetOption(socket, IPPROTO_TCP, TCP_KEEPINTVL, kKeepAliveIntervalSeconds);
  SetOption(socket, IPPROTO_TCP, TCP_KEEPCNT, kKeepAliveProbes);
}

// What a connected datagram socket is bound to is where a connection would come from, and that is
// the other end's address only where both are here.
bool IsOwnAddress(const Endpoint& endpoint) {
  const int family = endpoint.address.is_v4() ? AF_INET : AF_INET6;
  const UniqueFd probe(::socket(family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  const SocketAddress to = ToSocketAddress(endpoint);
  // What cannot be asked cannot be reached either.
  if (!probe.valid() ||
      ::connect(probe.get(), reinterpret_cast<const sockaddr*>(&to.storage), to.size) != 0)
    return false;
  sockaddr_storage own = {};
  socklen_t size = sizeof(own);
  if (::getsockname(probe.get(), reinterpret_cast<sockaddr*>(&own), &size) != 0) return true;
  if (family == AF_INET) {
    sockaddr_in address;
    std::memcpy(&address, &own, sizeof(address));
    return ntohl(address.sin_addr.s_addr) == endpoint.address.to_v4().to_uint();
  }
  sockaddr_in6 address;
  std::memcpy(&address, &own, sizeof(address));
  const auto bytes = endpoint.address.to_v6().to_bytes();
  return std::memcmp(&address.sin6_addr, bytes.data(), bytes.size()) == 0;
}

bool HasEnded(int socket) {
  tcp_info info = {};
  socklen_t size = sizeof(info);
  if (::getsockopt(socket, IPPROTO_TCP, TCP_INFO, &info, &size) != 0) return true;
  return info.tcpi_state != TCP_ESTABLISHED;
}

void CloseWithReset(int socket) {
  const linger now = {1, 0};
  const int ignored = ::setsockopt(socket, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
  (void)ignored;
}

}  // namespace warren
