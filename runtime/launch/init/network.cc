#include "runtime/launch/init/network.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "runtime/launch/child/confine.h"
#include "runtime/launch/child/helper_setup.h"

namespace warren::child {
namespace {

// The first device of every network namespace.
constexpr uint32_t kLoopbackIndex = 1;
// Connections that wait to be accepted, of all listeners together: what they hold is nobody's
// memory until then. A listener of many has a few all the same.
constexpr int kBacklog = 256;
constexpr int kLeastBacklog = 16;
// Accepted connections inherit these. The kernel doubles them for its own needs, and would else let
// each grow to megabytes of the relay's, or of who connects to a port inside.
constexpr int kBufferBytes = 128 << 10;

// ---- rtnetlink: one request, one answer, in structs as they lie in the message
// ----------------------------------------------------------------------------------------------

struct Attribute {
  rtattr header;
  uint32_t value;
};
struct AddressRequest {
  nlmsghdr header;
  ifaddrmsg address;
  Attribute local;
  Attribute peer;
};
static_assert(sizeof(AddressRequest) == NLMSG_SPACE(sizeof(ifaddrmsg)) + 2 * sizeof(Attribute));
struct RouteRequest {
  nlmsghdr header;
  rtmsg route;
  Attribute device;
  Attribute source;
};
static_assert(sizeof(RouteRequest) == NLMSG_SPACE(sizeof(rtmsg)) + 2 * sizeof(Attribute));

Attribute MakeAttribute(uint16_t type, uint32_t value) {
  return {{sizeof(Attribute), type}, value};
}

template <typename Request>
nlmsghdr MakeHeader(uint16_t type) {
  nlmsghdr header = {};
  header.nlmsg_len = sizeof(Request);
  header.nlmsg_type = type;
  header.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL;
  return header;
}

// The errno that the kernel answers with; 0 also for what is there already.
int Ask(int netlink, const void* request, size_t size) {
  if (::send(netlink, request, size, 0) != static_cast<ssize_t>(size)) return errno;
  struct {
    nlmsghdr header;
    nlmsgerr error;
    // The request again, where it failed.
    char rest[256];
  } answer = {};
  // The kernel has answered when send returns.
  const ssize_t got = ::recv(netlink, &answer, sizeof(answer), MSG_DONTWAIT);
  if (got < 0) return errno;
  if (got < static_cast<ssize_t>(sizeof(nlmsghdr) + sizeof(nlmsgerr)) ||
      answer.header.nlmsg_type != NLMSG_ERROR) {
    return EPROTO;
  }
  return answer.error.error == -EEXIST ? 0 : -answer.error.error;
}

int AddAddress(int netlink) {
  AddressRequest request = {};
  request.header = MakeHeader<AddressRequest>(RTM_NEWADDR);
  request.address.ifa_family = AF_INET;
  request.address.ifa_prefixlen = 32;
  request.address.ifa_scope = RT_SCOPE_UNIVERSE;
  request.address.ifa_index = kLoopbackIndex;
  request.local = MakeAttribute(IFA_LOCAL, htonl(kSandboxAddress));
  request.peer = MakeAttribute(IFA_ADDRESS, htonl(kSandboxAddress));
  return Ask(netlink, &request, sizeof(request));
}

// Every address is one of this namespace's. Without a source of its own a connection would come
// from where it goes to.
int AddRoute(int netlink) {
  RouteRequest request = {};
  request.header = MakeHeader<RouteRequest>(RTM_NEWROUTE);
  request.route.rtm_family = AF_INET;
  request.route.rtm_table = RT_TABLE_LOCAL;
  request.route.rtm_protocol = RTPROT_STATIC;
  request.route.rtm_scope = RT_SCOPE_HOST;
  request.route.rtm_type = RTN_LOCAL;
  request.device = MakeAttribute(RTA_OIF, kLoopbackIndex);
  request.source = MakeAttribute(RTA_PREFSRC, htonl(kSandboxAddress));
  return Ask(netlink, &request, sizeof(request));
}

// ---- Sockets
// ----------------------------------------------------------------------------------------------

sockaddr_in MakeName(uint32_t address, uint16_t port) {
  sockaddr_in name = {};
  name.sin_family = AF_INET;
  name.sin_addr.s_addr = htonl(address);
  name.sin_port = htons(port);
  return name;
}

int Bind(int fd, uint32_t address, uint16_t port) {
  const sockaddr_in name = MakeName(address, port);
  return ::bind(fd, reinterpret_cast<const sockaddr*>(&name), sizeof(name));
}

int Set(int fd, int level, int option, int value) {
  return ::setsockopt(fd, level, option, &value, sizeof(value));
}

// What waits in it, the kernel's usual 208 KiB at most, is charged to the anchor's group.
SetupResult AddNamesSocket(uint32_t address, Sockets& sockets) {
  const int fd = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return Fail(SetupStage::kNamesSocket, errno);
  sockets.fds[sockets.count++] = fd;
  // Where a question was sent to is where its answer must come from.
  if (Set(fd, IPPROTO_IP, IP_PKTINFO, 1) != 0 || Bind(fd, address, kNamesPort) != 0)
    return Fail(SetupStage::kNamesSocket, errno);
  return {};
}

SetupResult AddListener(uint32_t address, uint16_t port, int backlog, Sockets& sockets) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return {SetupStage::kListener, errno, port};
  sockets.fds[sockets.count++] = fd;
  // What is left of the sandbox's own connections does not keep it from the port; another listener
  // does, and this one the sandbox.
  if (Set(fd, SOL_SOCKET, SO_REUSEADDR, 1) != 0 ||
      Set(fd, SOL_SOCKET, SO_RCVBUF, kBufferBytes) != 0 ||
      Set(fd, SOL_SOCKET, SO_SNDBUF, kBufferBytes) != 0 || Bind(fd, address, port) != 0 ||
      ::listen(fd, backlog) != 0) {
    return {SetupStage::kListener, errno, port};
  }
  return {};
}

// Where the host looks sockets up, two of them take all that leaves, wherever they are bound; else
// names too are asked for at any address.
SetupResult MakeSockets(const HelperSetup& setup, Sockets& sockets) {
  const uint32_t names = setup.port_count == 0 ? kNamesAddress : INADDR_ANY;
  const int share = kBacklog / static_cast<int>(1 + setup.port_count);
  const int backlog = share < kLeastBacklog ? kLeastBacklog : share;
  SetupResult result = AddNamesSocket(names, sockets);
  if (result.ok()) result = AddListener(names, kNamesPort, backlog, sockets);
  for (uint32_t i = 0; i < setup.port_count && result.ok(); ++i) {
    // It has its listener.
    if (setup.ports[i] == kNamesPort) continue;
    result = AddListener(INADDR_ANY, setup.ports[i], backlog, sockets);
  }
  return result;
}

// The kernel answers on loopback before connect returns, whoever listens: only where their queue is
// full it says nothing, and would ask again for minutes. 0, or what went wrong.
int Connect(int fd, uint16_t port, int patience_ms) {
  const sockaddr_in name = MakeName(INADDR_LOOPBACK, port);
  if (::connect(fd, reinterpret_cast<const sockaddr*>(&name), sizeof(name)) == 0) return 0;
  if (errno != EINPROGRESS) return errno;
  pollfd answered = {fd, POLLOUT, 0};
  const int ready = ::poll(&answered, 1, patience_ms);
  if (ready < 0) return errno;
  if (ready == 0) return ETIMEDOUT;
  int error = 0;
  socklen_t size = sizeof(error);
  return ::getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0 ? errno : error;
}

// Where nobody listens, the kernel may give a socket that very port, and connect it with itself.
bool MeetsItself(int fd, uint16_t port) {
  sockaddr_in own = {};
  socklen_t size = sizeof(own);
  return ::getsockname(fd, reinterpret_cast<sockaddr*>(&own), &size) != 0 ||
         own.sin_port == htons(port);
}

}  // namespace

SetupResult RouteEverythingHere() {
  const int netlink = ::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
  if (netlink < 0) return Fail(SetupStage::kAddress, errno);
  SetupResult result;
  if (int error = AddAddress(netlink); error != 0) {
    result = Fail(SetupStage::kAddress, error);
  } else if (error = AddRoute(netlink); error != 0) {
    result = Fail(SetupStage::kRoute, error);
  }
  ::close(netlink);
  return result;
}

SetupResult OpenNetwork(const HelperSetup& setup, Sockets& sockets) {
  SetupResult result = RouteEverythingHere();
  if (result.ok()) result = MakeSockets(setup, sockets);
  return result;
}

SetupResult ConnectToPort(const HelperSetup& setup, Sockets& sockets) {
  const uint16_t port = setup.ports[0];
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return {SetupStage::kConnect, errno, port};
  sockets.fds[sockets.count++] = fd;
  if (Set(fd, SOL_SOCKET, SO_RCVBUF, kBufferBytes) != 0 ||
      Set(fd, SOL_SOCKET, SO_SNDBUF, kBufferBytes) != 0) {
    return {SetupStage::kConnect, errno, port};
  }
  int error = Connect(fd, port, static_cast<int>(setup.patience_ms));
  if (error == 0 && MeetsItself(fd, port)) error = ECONNREFUSED;
  return error == 0 ? SetupResult() : SetupResult{SetupStage::kConnect, error, port};
}

}  // namespace warren::child
