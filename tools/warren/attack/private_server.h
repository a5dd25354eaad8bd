#ifndef WARREN_TOOLS_WARREN_ATTACK_PRIVATE_SERVER_H_
#define WARREN_TOOLS_WARREN_ATTACK_PRIVATE_SERVER_H_

#include <sys/types.h>

#include <string>

#include "absl/status/statusor.h"

namespace warren::attack {

// A warrend of one's own, with its own socket, run-time directory and cgroup, for the time of the
// attacks. Owner: the attack command. Start before any thread exists (it forks). The destructor
// ends it and removes its files.
class PrivateServer {
 public:
  struct Options {
    std::string program;
    std::string template_id;
    // Empty for its own default, which need not exist.
    std::string template_store;
    // Of all its sandboxes.
    std::string profile = "user";
  };
  // Returns when it answers on its socket, or FAILED_PRECONDITION with the end of its log.
  static absl::StatusOr<PrivateServer> Start(const Options& options);
  ~PrivateServer();
  PrivateServer(PrivateServer&& other) noexcept;
  PrivateServer(const PrivateServer&) = delete;

  std::string address() const { return "unix://" + socket_path(); }
  std::string socket_path() const { return directory_ + "/run/warren.sock"; }

 private:
  PrivateServer() = default;
  absl::Status AwaitSocket() const;
  std::string LogEnd() const;

  std::string directory_;
  // 0 when none runs.
  pid_t pid_ = 0;
};

}  // namespace warren::attack

#endif  // WARREN_TOOLS_WARREN_ATTACK_PRIVATE_SERVER_H_
