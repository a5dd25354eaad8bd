#include "runtime/relay/sandbox_egress.h"

#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "runtime/base/io.h"
#include "runtime/base/status.h"
#include "runtime/launch/child/test_layers.h"
#include "runtime/network/network_policy.h"
#include "runtime/packages/package_name.h"
#include "runtime/relay/socket_options.h"

namespace warren {
namespace {

// The sandbox's name server, and its port.
constexpr uint32_t kNameServer = 127u << 24 | 53;
constexpr uint16_t kNamePort = 53;
// At a time, before others have their turn.
constexpr int kTurnsAtATime = 16;
constexpr size_t kMaxNameStreams = 16;
constexpr size_t kMaxSockets = 80;
constexpr size_t kLargestQuery = 4096;

// What a socket may buffer: of few connections much, of many little, for what they may hold
// together is the relay's memory.
constexpr int kMostBuffer = 256 << 10;
constexpr int kLeastBuffer = 16 << 10;
constexpr int kBufferOfAll = 8 << 20;

constexpr std::chrono::milliseconds kAcceptPause(100);

}  // namespace

SandboxEgress::SandboxEgress(std::string id, EgressShare& share, Events& events)
    : id_(std::move(id)),
      share_(share),
      events_(events),
      bandwidth_out_(share.loop),
      bandwidth_in_(share.loop),
      names_(share.resolver, share.layers_off, [this](const std::string& name, uint32_t index) {
        return events_.TellName(id_, name, index);
      }) {
  ++share_.sandboxes;
}

SandboxEgress::~SandboxEgress() {
  Forget();
  --share_.sandboxes;
}

void SandboxEgress::Forget() {
  for (Socket& socket : sockets_) {
    if (socket.watch != IoLoop::kNoWatch)
      share_.loop.Unwatch(std::exchange(socket.watch, IoLoop::kNoWatch));
  }
  share_.loop.CancelTimer(std::exchange(accept_timer_, 0));
  share_.connections -= static_cast<int>(connections_.size() + name_streams_.size());
  connections_.clear();
  name_streams_.clear();
  names_.Forget();
  if (rules_) share_.fetcher.Cut(id_);
  rules_.reset();
}

// ---- Sockets and policy -----------------------------------------------------------------------

absl::Status SandboxEgress::AddSockets(std::vector<UniqueFd> sockets) {
  if (sockets.empty() || sockets_.size() + sockets.size() > kMaxSockets)
    return absl::InvalidArgumentError("no socket of the sandbox came, or too many");
  for (UniqueFd& fd : sockets) {
    int type = 0;
    socklen_t size = sizeof(type);
    if (::getsockopt(fd.get(), SOL_SOCKET, SO_TYPE, &type, &size) != 0)
      return absl::InvalidArgumentError("a descriptor of the sandbox is no socket");
    WARREN_RETURN_IF_ERROR(SetNonBlocking(fd.get()));
    Socket& added = sockets_.emplace_back();
    added.fd = std::move(fd);
    added.for_names = type == SOCK_DGRAM;
    if (rules_) WARREN_RETURN_IF_ERROR(Watch(added));
  }
  return absl::OkStatus();
}

absl::Status SandboxEgress::Watch(Socket& socket) {
  if (socket.watch != IoLoop::kNoWatch) return absl::OkStatus();
  const int fd = socket.fd.get();
  const bool for_names = socket.for_names;
  WARREN_ASSIGN_OR_RETURN(socket.watch,
                          share_.loop.Watch(fd, EPOLLIN, [this, fd, for_names](uint32_t) {
                            if (for_names) return OnNames(fd);
                            OnConnections(fd);
                          }));
  return absl::OkStatus();
}

absl::Status SandboxEgress::SetPolicy(const internal::SetRelayPolicy& request) {
  const v1::NetworkPolicy& policy = request.policy();
  WARREN_ASSIGN_OR_RETURN(NetworkRules rules, NetworkRules::Compile(policy, share_.egress));
  const bool has_index = rules.DecideName(kPackageIndexHost, kPackageIndexPort).allowed;
  const bool is_another = rules_ && package_client_ != request.package_client();
  // What was handed over is reviewed by nobody here. An earlier relay may have done it.
  if (!has_index || is_another) share_.fetcher.Cut(id_);
  rules_ = std::move(rules);
  names_.SetRules(&*rules_);
  package_client_ = request.package_client();
  most_connections_ = policy.max_connections() > 0
                          ? std::min(policy.max_connections(), kMaxConnections)
                          : kMaxConnections;
  bandwidth_out_.Set(policy.bytes_per_second());
  bandwidth_in_.Set(policy.bytes_per_second());
  for (Socket& socket : sockets_) WARREN_RETURN_IF_ERROR(Watch(socket));
  for (auto& [id, connection] : connections_) connection->Review();
  return absl::OkStatus();
}

absl::Status SandboxEgress::RestoreNames(const internal::RestoreNames& names) {
  for (const internal::NameAssigned& name : names.names())
    WARREN_RETURN_IF_ERROR(names_.names().Restore(name.name(), name.index()));
  return absl::OkStatus();
}

// ---- Names ------------------------------------------------------------------------------------

void SandboxEgress::OnNames(int socket) {
  std::array<char, kLargestQuery> bytes;
  for (int round = 0; round < kTurnsAtATime; ++round) {
    sockaddr_storage from = {};
    iovec part = {bytes.data(), bytes.size()};
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(in_pktinfo))> control = {};
    msghdr message = {};
    message.msg_name = &from;
    message.msg_namelen = sizeof(from);
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    const ssize_t size = ::recvmsg(socket, &message, MSG_DONTWAIT);
    if (size < 0) return;
    const cmsghdr* header = CMSG_FIRSTHDR(&message);
    if ((message.msg_flags & MSG_TRUNC) != 0 || header == nullptr ||
        header->cmsg_level != IPPROTO_IP || header->cmsg_type != IP_PKTINFO) {
      continue;
    }
    in_pktinfo asked;
    std::memcpy(&asked, CMSG_DATA(header), sizeof(asked));
    names_.Ask({bytes.data(), static_cast<size_t>(size)},
               [self = std::weak_ptr(self_), socket, from, asked](const std::string& reply) {
                 if (self.expired() || reply.empty()) return;
                 ReplyFrom(socket, asked.ipi_addr, from, reply);
               });
  }
}

// ---- Connections ------------------------------------------------------------------------------

void SandboxEgress::OnConnections(int listener) {
  for (int round = 0; round < kTurnsAtATime; ++round) {
    UniqueFd accepted(::accept4(listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (!accepted.valid()) {
      // What is wrong with the host, or with the listener, is so a moment later too.
      if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED) PauseAccepting();
      return;
    }
    Accept(std::move(accepted));
  }
}

void SandboxEgress::Accept(UniqueFd accepted) {
  const absl::StatusOr<Endpoint> wanted = LocalEndpoint(accepted.get());
  if (!wanted.ok()) return CloseWithReset(accepted.get());
  if (wanted->port == kNamePort && wanted->address.to_v4().to_uint() == kNameServer)
    return AcceptNames(std::move(accepted));
  const uint64_t id = ++last_connection_;
  const std::string too_many = TooMany();
  auto connection = std::make_shared<Connection>(*this, id, std::move(accepted),
                                                 TargetOf(wanted->address, wanted->port));
  connections_.emplace(id, connection);
  ++share_.connections;
  if (!too_many.empty()) return connection->Refuse(too_many);
  connection->Start();
}

void SandboxEgress::AcceptNames(UniqueFd accepted) {
  if (name_streams_.size() >= kMaxNameStreams || share_.connections >= share_.most_connections)
    return CloseWithReset(accepted.get());
  const uint64_t id = ++last_connection_;
  auto stream = NameStream::Open(share_.loop, share_.pace, names_, std::move(accepted), [this, id] {
    if (name_streams_.erase(id) > 0) --share_.connections;
  });
  if (!stream.ok()) return;
  name_streams_.emplace(id, *std::move(stream));
  ++share_.connections;
}

void SandboxEgress::PauseAccepting() {
  for (Socket& socket : sockets_) {
    if (!socket.for_names && socket.watch != IoLoop::kNoWatch)
      share_.loop.Unwatch(std::exchange(socket.watch, IoLoop::kNoWatch));
  }
  if (accept_timer_ != 0) return;
  accept_timer_ = share_.loop.AddTimer(MonotonicClock::now() + kAcceptPause, [this] {
    accept_timer_ = 0;
    for (Socket& socket : sockets_) {
      if (!Watch(socket).ok()) return PauseAccepting();
    }
  });
}

std::string SandboxEgress::TooMany() const {
  if (LayerIsOff(share_.layers_off, TestLayer::kConnectionBound)) return "";
  if (connections_.size() >= static_cast<size_t>(most_connections_)) {
    return absl::StrCat("the sandbox has ", most_connections_,
                        " connections already, which is the most that its policy allows");
  }
  // Of the second half each may have its part, and of the first what it gets.
  const size_t part = static_cast<size_t>(share_.most_connections / std::max(1, share_.sandboxes));
  if (share_.connections >= share_.most_connections ||
      (share_.connections >= share_.most_connections / 2 && connections_.size() >= part)) {
    return absl::StrCat(
        "all sandboxes together have ", share_.connections,
        " connections, which is as many as this server can have, or more than half of "
        "that, and this one has its part");
  }
  return "";
}

Target SandboxEgress::TargetOf(const IpAddress& address, uint16_t port) const {
  Target target{"", address, port};
  const uint32_t number = address.to_v4().to_uint();
  if (!NameTable::IsName(number)) return target;
  const std::string* name = names_.names().Find(NameTable::IndexOf(number));
  if (name != nullptr) target.name = *name;
  return target;
}

int SandboxEgress::SocketBuffer() const {
  const int share = kBufferOfAll / std::max(1, static_cast<int>(connections_.size()));
  return std::clamp(share, kLeastBuffer, kMostBuffer);
}

void SandboxEgress::Tell(v1::NetworkEvent event) { events_.TellNetwork(id_, std::move(event)); }

// It may be running.
void SandboxEgress::Drop(uint64_t id) {
  share_.loop.Post([self = std::weak_ptr(self_), id] {
    auto egress = self.lock();
    if (!egress) return;
    if ((*egress)->connections_.erase(id) > 0) --(*egress)->share_.connections;
  });
}

}  // namespace warren
