#ifndef WARREN_SUPERVISOR_MAIN_LISTENER_H_
#define WARREN_SUPERVISOR_MAIN_LISTENER_H_

#include <sys/types.h>

#include <string>

#include "absl/status/statusor.h"
#include "runtime/base/unique_fd.h"

namespace warren {

// A socket to serve at.
//
// Unix sockets are guarded by a lock on PATH.lock beside them: while it is held the socket is
// another live supervisor's, and otherwise what is there is left over and replaced. The lock file
// stays behind: to remove it would be a race. The socket has mode 0660, the serving user's: who can
// open it can run code in sandboxes.
//
// Lifecycle: Open (as root) → accept on fd() → RemoveSocket (as whoever can).
class Listener {
 public:
  // Which TCP addresses are served: without keys whoever connects is the operator.
  enum class Reach { kLoopback, kAnywhere };

  // "unix:///PATH" (or "unix:PATH"), or a numeric address with port, "127.0.0.1:PORT" or
  // "[::1]:PORT", within the reach. INVALID_ARGUMENT for other addresses, FAILED_PRECONDITION when
  // another supervisor serves there.
  static absl::StatusOr<Listener> Open(const std::string& address, uid_t owner, gid_t group,
                                       Reach reach);

  int fd() const { return socket_.get(); }
  const std::string& address() const { return address_; }
  // Of a Unix socket; empty for TCP.
  const std::string& path() const { return path_; }
  void RemoveSocket();

 private:
  Listener(std::string address, std::string path, UniqueFd lock, UniqueFd socket)
      : address_(std::move(address)),
        path_(std::move(path)),
        lock_(std::move(lock)),
        socket_(std::move(socket)) {}
  static absl::StatusOr<Listener> OpenUnix(const std::string& address, const std::string& path,
                                           uid_t owner, gid_t group);
  static absl::StatusOr<Listener> OpenTcp(const std::string& address, Reach reach);

  std::string address_;
  // Empty for TCP.
  std::string path_;
  UniqueFd lock_;
  UniqueFd socket_;
};

// Makes a directory (not its parents) with mode 0755 and the owner, unless it is there already:
// then it stays as it is.
absl::Status EnsureDirectory(const std::string& path, uid_t owner, gid_t group);

}  // namespace warren

#endif  // WARREN_SUPERVISOR_MAIN_LISTENER_H_
