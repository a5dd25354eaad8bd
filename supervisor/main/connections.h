#ifndef WARREN_SUPERVISOR_MAIN_CONNECTIONS_H_
#define WARREN_SUPERVISOR_MAIN_CONNECTIONS_H_

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <unordered_map>
#include <vector>

#include "absl/time/time.h"

namespace warren {

// How many connections there are, and how many there may be, so that clients never take the
// descriptors that sandboxes need.
//
// gRPC owns a connection that was handed to it, and closes it without telling. So each is known by
// its descriptor's number and its socket's inode: where the number stands for another inode, or for
// nothing, the connection is closed. That is looked at only when there is no room, and not oftener
// than every kSweepInterval, for whoever knocks could otherwise make the looking a load. Nothing is
// ever done to the descriptors themselves.
//
// A peer may hold half of what the others leave: the first one half of all, the second a quarter.
// So there is room for one more, as long as there is any.
//
// For one thread.
class Connections {
 public:
  static constexpr absl::Duration kSweepInterval = absl::Milliseconds(100);

  // Who is at the other end: its user, or everybody who comes by TCP, whose users are not known.
  using Peer = int64_t;
  static constexpr Peer kTcp = -1;
  static Peer PeerOf(int fd);

  explicit Connections(size_t bound) : bound_(bound) {}

  // True: it is counted from now on, until somebody closes it. False: there is no room for it.
  bool Admit(int fd, Peer peer, absl::Time now);

  size_t bound() const { return bound_; }
  // Those counted; some may be closed by now.
  size_t size() const { return held_.size(); }

 private:
  struct Held {
    int fd;
    dev_t device;
    ino_t inode;
    Peer peer;
  };
  bool HasRoom(Peer peer) const;
  void Sweep();

  const size_t bound_;
  std::vector<Held> held_;
  std::unordered_map<Peer, size_t> by_peer_;
  absl::Time last_sweep_ = absl::InfinitePast();
};

}  // namespace warren

#endif  // WARREN_SUPERVISOR_MAIN_CONNECTIONS_H_
