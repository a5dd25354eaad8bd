#ifndef WARREN_TOOLS_WARREN_PROCESS_INPUT_FORWARDER_H_
#define WARREN_TOOLS_WARREN_PROCESS_INPUT_FORWARDER_H_

#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "runtime/base/unique_fd.h"
#include "tools/warren/client.h"
#include "tools/warren/process/leave_filter.h"

namespace warren {

// Carries what comes on a descriptor to the standard input of a process, at the pace at which it is
// taken there, and the end of it too. Runs in a thread of its own from its construction until the
// end of the input, the process no longer taking it, or its destruction.
// Owner: a session. Does not own the descriptor.
class InputForwarder {
 public:
  struct Target {
    std::string sandbox_id;
    std::string process_id;
  };
  // `on_leave` is called in the forwarder's thread when `~.` is typed; null: the input is no
  // terminal, and has no such keys. `client` outlives it.
  InputForwarder(Client& client, Target target, int fd, std::function<void()> on_leave);
  ~InputForwarder();
  InputForwarder(const InputForwarder&) = delete;
  InputForwarder& operator=(const InputForwarder&) = delete;

 private:
  void Forward();
  // True when something is to be read, false when it is to stop.
  bool WaitForInput() const;
  // True when the process goes on taking input.
  bool Send(const std::string& data, bool close);
  void Stop();

  Client& client_;
  const Target target_;
  const int fd_;
  const std::function<void()> on_leave_;
  LeaveFilter filter_;
  UniqueFd stop_;
  std::mutex mutex_;
  bool stopping_ = false;
  // Under way now, to be cancelled by Stop.
  grpc::ClientContext* call_ = nullptr;
  std::thread thread_;
};

}  // namespace warren

#endif  // WARREN_TOOLS_WARREN_PROCESS_INPUT_FORWARDER_H_
