#ifndef WARREN_TOOLS_WARREN_INTERRUPTS_H_
#define WARREN_TOOLS_WARREN_INTERRUPTS_H_

#include <grpcpp/grpcpp.h>

#include <mutex>
#include <set>

#include "tools/warren/signal_listener.h"

namespace warren {

// Turns Ctrl-C (SIGINT), SIGTERM and SIGHUP into the cancellation of the calls under way, so that a
// command can destroy its sandbox before it ends. Owner: a command; one at a time in a process, and
// instead of another SignalListener. Construct before any other thread exists. Thread-safe.
class Interrupts {
 public:
  Interrupts();

  // The signal that arrived first, 0 for none.
  int signal() const;

  // While it lives, an interrupt cancels `call`; at once when one arrived before.
  class Scope {
   public:
    Scope(Interrupts& interrupts, grpc::ClientContext& call);
    ~Scope();
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;

   private:
    Interrupts& interrupts_;
    grpc::ClientContext* const call_;
  };

 private:
  void OnSignal(int signal);

  mutable std::mutex mutex_;
  int signal_ = 0;
  std::set<grpc::ClientContext*> calls_;
  // Last: its thread uses the others.
  SignalListener listener_;
};

}  // namespace warren

#endif  // WARREN_TOOLS_WARREN_INTERRUPTS_H_
