#ifndef WARREN_RUNTIME_RELAY_SOCKET_OPTIONS_H_
#define WARREN_RUNTIME_RELAY_SOCKET_OPTIONS_H_

#include <netinet/in.h>
#include <sys/socket.h>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "runtime/network/address.h"

namespace warren {

struct Endpoint {
  IpAddress address;
  uint16_t port = 0;
};

// What a connected socket is bound to: of one that a sandbox's listener accepted, where its program
// wanted to go.
absl::StatusOr<Endpoint> LocalEndpoint(int socket);

struct SocketAddress {
  sockaddr_storage storage;
  socklen_t size;
};
SocketAddress ToSocketAddress(const Endpoint& endpoint);

// Sends a datagram that comes from `source`, which need not be an address of this host. What cannot
// be sent is lost, as any datagram may be.
void ReplyFrom(int socket, in_addr source, const sockaddr_storage& to, absl::string_view data);

// A socket option of type int. What the kernel refuses stays as it was: each of them is a matter of
// speed or thrift.
void SetOption(int socket, int level, int option, int value);

// Small packets at once, and the dead are noticed.
void PrepareStream(int socket);

// Whether it is one of this host's: the kernel would connect it to itself. Nothing is sent.
bool IsOwnAddress(const Endpoint& endpoint);

// The other side has said all, or has gone.
bool HasEnded(int socket);

// Its close is a reset, and drops what was not sent.
void CloseWithReset(int socket);

}  // namespace warren

#endif  // WARREN_RUNTIME_RELAY_SOCKET_OPTIONS_H_
