#ifndef WARREN_RUNTIME_LINUX_SOCKET_LOOKUP_H_
#define WARREN_RUNTIME_LINUX_SOCKET_LOOKUP_H_

#include <cstdint>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "runtime/base/unique_fd.h"

namespace warren {

struct LookupSockets {
  // IPv4 address, in host byte order, that stays the namespace's own, as 127.0.0.0/8 does.
  uint32_t own_address = 0;
  // UDP, bound: gets the datagrams to port 53 of every other address. -1 for none.
  int names = -1;
  // TCP, listening: gets the connections to all of them. -1 for none.
  int listener = -1;
};

// A BPF program of the type SK_LOOKUP (Linux 5.9) says, before the kernel looks for itself, which
// socket of a network namespace a connection or a datagram comes to. By one, all that a sandbox
// sends out comes to two sockets, whatever else listens there. Raw bpf(2). Thread-safe.
// Lifecycle: Create → Attach*; what is attached outlives it.
class SocketLookup {
 public:
  // For `namespaces` of them. Needs CAP_NET_ADMIN of the host, and CAP_BPF or CAP_SYS_ADMIN; what
  // it returns works here. (The map of sockets is made once for all: to make one takes NET_ADMIN
  // before Linux 6.6, which its owner need not keep.)
  static absl::StatusOr<SocketLookup> Create(uint32_t namespaces);

  // From now on, until the link that is returned is closed, or the namespace ends. Other datagrams
  // to other addresses find nobody (ECONNREFUSED), as what is for a socket that is -1, or closed.
  // IPv6 is left alone. `number`: below `namespaces`, of no other that is attached. Needs CAP_BPF
  // and CAP_NET_ADMIN, or CAP_SYS_ADMIN.
  absl::StatusOr<UniqueFd> Attach(int network_namespace, uint32_t number,
                                  const LookupSockets& sockets) const;

 private:
  explicit SocketLookup(UniqueFd map) : map_(std::move(map)) {}

  UniqueFd map_;
};

// The network namespace that a socket is of. Needs CAP_NET_ADMIN there, which the owner of its user
// namespace, or of one above that, has.
absl::StatusOr<UniqueFd> NetworkNamespaceOf(int socket);

}  // namespace warren

#endif  // WARREN_RUNTIME_LINUX_SOCKET_LOOKUP_H_
