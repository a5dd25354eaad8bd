#ifndef WARREN_RUNTIME_BASE_IO_H_
#define WARREN_RUNTIME_BASE_IO_H_

#include <sys/types.h>

#include <span>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "runtime/base/unique_fd.h"

// Whole-file reads and writes, and messages with file descriptors. All functions are thread-safe
// and restart after EINTR.
namespace warren {

// Reads a file of at most `max_bytes`; a longer one is RESOURCE_EXHAUSTED.
absl::StatusOr<std::string> ReadFile(const std::string& path, size_t max_bytes = 16 << 20);

// The same of an open file, from where it stands.
absl::StatusOr<std::string> ReadAll(int fd, size_t max_bytes = 16 << 20);

// Writes `data` with one write(2) to an existing file (a control file of /proc or a cgroup) below
// `dirfd`.
absl::Status WriteControlFile(int dirfd, const std::string& path, absl::string_view data);

// A pipe whose both ends are close-on-exec.
struct Pipe {
  UniqueFd read_end;
  UniqueFd write_end;
};
absl::StatusOr<Pipe> MakePipe();

absl::Status SetNonBlocking(int fd);

// A connected pair of SOCK_SEQPACKET sockets, close-on-exec.
struct SocketPair {
  UniqueFd first;
  UniqueFd second;
};
absl::StatusOr<SocketPair> MakeSeqpacketPair();

// The kernel passes at most 253 (SCM_MAX_FD) descriptors in one message.
inline constexpr size_t kMaxFdsPerMessage = 72;

// Sends one message with descriptors. UNAVAILABLE when the peer is gone, or when it would block and
// the socket or `when` says not to.
enum class WhenFull { kAsTheSocket, kFail };
absl::Status SendMessage(int socket, absl::string_view data, std::span<const int> fds,
                         WhenFull when = WhenFull::kAsTheSocket);

struct Message {
  std::string data;
  std::vector<UniqueFd> fds;
  // Data or descriptors were cut off.
  bool cut = false;
};
enum class WhenCut { kFail, kKeep };
// Receives one message of at most `max_bytes`. An empty `data` without fds means that the peer
// closed. UNAVAILABLE when nothing is there on a non-blocking socket; RESOURCE_EXHAUSTED when data
// or descriptors were cut off and `when_cut` says so.
absl::StatusOr<Message> ReceiveMessage(int socket, size_t max_bytes,
                                       WhenCut when_cut = WhenCut::kFail);

}  // namespace warren

#endif  // WARREN_RUNTIME_BASE_IO_H_
