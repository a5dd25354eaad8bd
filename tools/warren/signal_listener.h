#ifndef WARREN_TOOLS_WARREN_SIGNAL_LISTENER_H_
#define WARREN_TOOLS_WARREN_SIGNAL_LISTENER_H_

#include <functional>
#include <initializer_list>
#include <mutex>
#include <thread>
#include <vector>

#include "runtime/base/unique_fd.h"

namespace warren {

// Reads signals in a thread of its own, so that what they cause is ordinary code.
// Owner: a command; one at a time in a process. Construct before any other thread exists (gRPC's
// included): the signals are blocked in every thread. SIGPIPE is ignored from then on. Thread-safe.
class SignalListener {
 public:
  using Handler = std::function<void(int signal)>;

  explicit SignalListener(std::initializer_list<int> signals);
  ~SignalListener();
  SignalListener(const SignalListener&) = delete;
  SignalListener& operator=(const SignalListener&) = delete;

  // Who is told from now on, in the listener's thread; first of what came while there was nobody.
  // Returns when the handler before is no longer running; a handler does not call this.
  void SetHandler(Handler handler);

 private:
  void Listen();

  UniqueFd signals_;
  UniqueFd stop_;
  std::mutex mutex_;
  Handler handler_;
  std::vector<int> waiting_;
  std::thread listener_;
};

}  // namespace warren

#endif  // WARREN_TOOLS_WARREN_SIGNAL_LISTENER_H_
