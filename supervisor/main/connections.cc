#include "supervisor/main/connections.h"

#include <sys/socket.h>
#include <sys/stat.h>

#include <algorithm>

namespace warren {

Connections::Peer Connections::PeerOf(int fd) {
  ucred credentials{};
  socklen_t size = sizeof(credentials);
  // A TCP socket answers, too: with no process and no user.
  if (::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &size) != 0 ||
      credentials.uid == static_cast<uid_t>(-1)) {
    return kTcp;
  }
  return credentials.uid;
}

bool Connections::HasRoom(Peer peer) const {
  auto found = by_peer_.find(peer);
  const size_t own = found == by_peer_.end() ? 0 : found->second;
  const size_t left_by_others = bound_ - std::min(bound_, held_.size() - own);
  return own < (left_by_others + 1) / 2;
}

bool Connections::Admit(int fd, Peer peer, absl::Time now) {
  if (!HasRoom(peer) && now - last_sweep_ >= kSweepInterval) {
    last_sweep_ = now;
    Sweep();
  }
  struct stat info;
  if (!HasRoom(peer) || ::fstat(fd, &info) != 0) return false;
  held_.push_back({fd, info.st_dev, info.st_ino, peer});
  ++by_peer_[peer];
  return true;
}

void Connections::Sweep() {
  auto closed = [](const Held& held) {
    struct stat info;
    return ::fstat(held.fd, &info) != 0 || info.st_dev != held.device || info.st_ino != held.inode;
  };
  held_.erase(std::remove_if(held_.begin(), held_.end(), closed), held_.end());
  by_peer_.clear();
  for (const Held& held : held_) ++by_peer_[held.peer];
}

}  // namespace warren
