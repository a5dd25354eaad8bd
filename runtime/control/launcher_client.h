#ifndef WARREN_RUNTIME_CONTROL_LAUNCHER_CLIENT_H_
#define WARREN_RUNTIME_CONTROL_LAUNCHER_CLIENT_H_

#include <sys/types.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "runtime/base/unique_fd.h"
#include "warren/internal/launcher.pb.h"

namespace warren {

struct LauncherOptions {
  // The executable, PREFIX/bin/warren-launcher.
  std::string program;
  std::string prefix;
  std::string template_store;
  std::string cgroup_parent;
  // Limits of sandboxes: policies/limits/NAME.textproto below the prefix.
  std::string limits_policy = "default";
  // What holds for the network of every sandbox: policies/egress/NAME.textproto there, or the path
  // of another file.
  std::string egress_policy = "default";
  // Which packages sandboxes may have, and from where: policies/packages/NAME.textproto there, or
  // the path of another file; URLs and absolute paths of directories in place of its own indexes.
  std::string package_policy = "default";
  std::vector<std::string> package_indexes;
  // Where they are kept, and how many bytes of them; the launcher's defaults where they are empty
  // or 0.
  std::string package_store;
  int64_t package_store_bytes = 0;
  // For tests: other programs than PREFIX/bin/warren-relay and the like; a host that cannot look
  // sockets up.
  std::string relay_program;
  std::string fetcher_program;
  std::string store_program;
  bool no_socket_lookup = false;
  // Unix sockets that the supervisor listens at: the launcher's janitor removes them, and
  // PATH.lock, when the supervisor could not do so itself.
  std::vector<std::string> socket_paths;
  int max_sandboxes = 0;
  // What all sandboxes may use together; 0 for what the host can spare.
  int64_t memory_total = 0;
  int64_t pids_total = 0;
};

// A reply or an event, with the descriptors that it carried.
struct LauncherMessage {
  internal::LauncherReply reply;
  std::vector<UniqueFd> fds;
};

// The supervisor's end of its launcher: the child process and the socket to it.
//
// Lifecycle: Start (before any thread exists, while still root) → ReceiveHello → Send and Receive*
// → CloseSocket → WaitForExit. The launcher removes every sandbox and exits when the socket closes,
// also when the supervisor is killed. Thread-safe for Send; Receive belongs to one thread.
class LauncherClient {
 public:
  // Forks and execs the launcher with its end of a new socket pair as fd 3. FAILED_PRECONDITION
  // when it cannot be run.
  static absl::StatusOr<std::unique_ptr<LauncherClient>> Start(const LauncherOptions& options);

  // Of a launcher that somebody else has started, and waits for: WaitForExit returns at once.
  explicit LauncherClient(UniqueFd socket) : LauncherClient(std::move(socket), -1) {}

  // What the launcher found and what it makes sandboxes from.
  struct Hello {
    internal::HostFacts facts;
    internal::LauncherOffer offer;
  };
  // Blocks for the launcher's first message. An error that the launcher reports is passed on as it
  // is; silence beyond `timeout` is DEADLINE_EXCEEDED.
  absl::StatusOr<Hello> ReceiveHello(absl::Duration timeout);

  // UNAVAILABLE when the socket's buffer is full (wait for it to become writable) or the launcher
  // is gone.
  absl::Status Send(const internal::LauncherRequest& request);
  absl::Status SendSerialized(const std::string& request);

  // The next message, without blocking. UNAVAILABLE when there is none; ABORTED when the launcher
  // closed its end.
  absl::StatusOr<LauncherMessage> Receive();

  // Tells the launcher to remove everything and to exit.
  void CloseSocket() { socket_.reset(); }
  // Waits for the launcher to end. True when it did within `timeout`.
  bool WaitForExit(absl::Duration timeout);

  int socket() const { return socket_.get(); }
  bool open() const { return socket_.valid(); }
  pid_t pid() const { return pid_; }

 private:
  LauncherClient(UniqueFd socket, pid_t pid) : socket_(std::move(socket)), pid_(pid) {}

  UniqueFd socket_;
  pid_t pid_;
};

}  // namespace warren

#endif  // WARREN_RUNTIME_CONTROL_LAUNCHER_CLIENT_H_
