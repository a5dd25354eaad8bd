// A relay for tests of the launcher: it says to whoever connects where that wanted to go, but hands
// what wants port 80 to the fetcher where it has one. Speaks
// relay.proto as far as the launcher does, on fd 3; confines itself by nothing. To the supervisor
// it tells of a sandbox that it was attached (PolicySet, revision kAttached) or detached
// (kDetached); of its socket to the fetcher as of a sandbox kFetcher.

#include "tests/launch/test_relay.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstring>
#include <map>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "runtime/base/io.h"
#include "warren/internal/relay.pb.h"

namespace warren {
namespace {

constexpr int kLauncher = 3;
constexpr size_t kMaxOrder = 1 << 20;

std::string Text(const in_addr& address) {
  char text[INET_ADDRSTRLEN] = {};
  ::inet_ntop(AF_INET, &address, text, sizeof(text));
  return text;
}

int TypeOf(int fd) {
  int type = 0;
  socklen_t size = sizeof(type);
  ::getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size);
  return type;
}

// `fetcher`: -1 for none.
void Accept(int listener, const std::string& sandbox_id, int fetcher) {
  sockaddr_in peer = {};
  socklen_t size = sizeof(peer);
  UniqueFd fd(::accept4(listener, reinterpret_cast<sockaddr*>(&peer), &size, SOCK_CLOEXEC));
  if (!fd.valid()) return;
  sockaddr_in local = {};
  size = sizeof(local);
  ::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&local), &size);
  if (fetcher >= 0 && ntohs(local.sin_port) == 80) {
    internal::PackageConnection connection;
    connection.set_sandbox_id(sandbox_id);
    const int sent = fd.get();
    SendMessage(fetcher, connection.SerializeAsString(), {&sent, 1}).IgnoreError();
    return;
  }
  const std::string answer = absl::StrCat("tcp ", Text(local.sin_addr), ":", ntohs(local.sin_port),
                                          " from ", Text(peer.sin_addr), "\n");
  ssize_t ignored = ::send(fd.get(), answer.data(), answer.size(), MSG_NOSIGNAL);
  (void)ignored;
}

// From where the question was sent to.
void Answer(int names) {
  sockaddr_in peer = {};
  char question[512];
  iovec part = {question, sizeof(question)};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(in_pktinfo))] = {};
  msghdr message = {};
  message.msg_name = &peer;
  message.msg_namelen = sizeof(peer);
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof(control);
  if (::recvmsg(names, &message, 0) < 0) return;
  cmsghdr* header = CMSG_FIRSTHDR(&message);
  if (header == nullptr || header->cmsg_type != IP_PKTINFO) return;
  in_pktinfo info;
  std::memcpy(&info, CMSG_DATA(header), sizeof(info));
  info.ipi_spec_dst = info.ipi_addr;
  info.ipi_ifindex = 0;
  std::memcpy(CMSG_DATA(header), &info, sizeof(info));
  const std::string answer = absl::StrCat("udp ", Text(info.ipi_addr), "\n");
  part = {const_cast<char*>(answer.data()), answer.size()};
  ssize_t ignored = ::sendmsg(names, &message, MSG_NOSIGNAL);
  (void)ignored;
}

class TestRelay {
 public:
  // Until the launcher or the supervisor is gone, or says what cannot be understood.
  int Run() {
    while (true) {
      std::vector<pollfd> waits = {{kLauncher, POLLIN, 0}, {supervisor_.get(), 0, 0}};
      std::vector<std::string> ids(waits.size());
      for (const auto& [id, sockets] : sandboxes_) {
        for (const UniqueFd& fd : sockets) waits.push_back({fd.get(), POLLIN, 0});
        ids.resize(waits.size(), id);
      }
      ::poll(waits.data(), waits.size(), -1);
      if (waits[1].revents != 0) return 0;
      for (size_t i = 2; i < waits.size(); ++i) {
        if (waits[i].revents == 0) continue;
        TypeOf(waits[i].fd) == SOCK_STREAM ? Accept(waits[i].fd, ids[i], fetcher_.get())
                                           : Answer(waits[i].fd);
      }
      if (waits[0].revents != 0 && !Take(ReceiveMessage(kLauncher, kMaxOrder))) return 1;
    }
  }

 private:
  bool Take(absl::StatusOr<Message> message) {
    internal::RelayOrder order;
    if (!message.ok() || !order.ParseFromString(message->data)) return false;
    switch (order.order_case()) {
      case internal::RelayOrder::kSetup:
        if (message->fds.size() != 2 || order.setup().profile().empty()) return false;
        supervisor_ = std::move(message->fds[0]);
        return true;
      case internal::RelayOrder::kAttach:
        sandboxes_[order.attach().sandbox_id()] = std::move(message->fds);
        return Tell(order.attach().sandbox_id(), kAttached);
      case internal::RelayOrder::kDetach:
        // What it does not know was never attached.
        if (sandboxes_.erase(order.detach().sandbox_id()) == 0) return false;
        return Tell(order.detach().sandbox_id(), kDetached);
      case internal::RelayOrder::kFetcherChanged:
        if (message->fds.size() != 1) return false;
        fetcher_ = std::move(message->fds[0]);
        return Tell(kFetcher, kAttached);
      default:
        return false;
    }
  }

  bool Tell(const std::string& id, uint64_t revision) {
    internal::RelayEvent event;
    event.set_sandbox_id(id);
    event.mutable_policy_set()->set_revision(revision);
    SendMessage(supervisor_.get(), event.SerializeAsString(), {}).IgnoreError();
    return true;
  }

  UniqueFd supervisor_;
  UniqueFd fetcher_;
  std::map<std::string, std::vector<UniqueFd>> sandboxes_;
};

}  // namespace
}  // namespace warren

int main() {
  ::prctl(PR_SET_NAME, "warren-relay");
  return warren::TestRelay().Run();
}
