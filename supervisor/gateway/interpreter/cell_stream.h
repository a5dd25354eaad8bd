#ifndef WARREN_SUPERVISOR_GATEWAY_INTERPRETER_CELL_STREAM_H_
#define WARREN_SUPERVISOR_GATEWAY_INTERPRETER_CELL_STREAM_H_

#include <memory>
#include <string>

#include "supervisor/backend/backend.h"
#include "supervisor/backend/event_queue.h"
#include "supervisor/gateway/http/async.h"
#include "supervisor/gateway/http/exchange.h"
#include "supervisor/gateway/http/waker.h"
#include "supervisor/gateway/interpreter/cell_lines.h"

namespace warren {

// Of refusals: E2B's server says them in plain text.
inline constexpr char kPlainText[] = "text/plain; charset=utf-8";

// What one cell does, on its way to the client that asked for it.
//
// The answer begins with the first event, or when the client would hear nothing for too long: a
// cell that is refused before that is an HTTP error.
//
// On the connection's strand. Lifecycle: constructor → the operation, attached to queue() → Run,
// once.
class CellStream {
 public:
  // All outlive it. After `keepalive` without an event the client is sent a line that says nothing.
  CellStream(Exchange& exchange, std::shared_ptr<SandboxHandle> sandbox,
             SteadyTime::duration keepalive);
  // Leaves what has not come to its end.
  ~CellStream();
  CellStream(const CellStream&) = delete;
  CellStream& operator=(const CellStream&) = delete;

  const std::shared_ptr<EventQueue>& queue() const { return queue_; }

  // Until the cell has ended; a client that goes interrupts it. The answer has its end then, but
  // where the sandbox is gone: the connection is cut, whether the answer has begun or not, which
  // E2B's SDKs take for a kill while they waited.
  Async<void> Run();

 private:
  // What becomes of the answer.
  enum class Progress { kGoesOn, kOver };

  // Sends all that is there.
  Async<Progress> SendAll();
  // The end of the queue without Finished.
  Async<void> EndWith(const absl::Status& status);
  Async<bool> SendKeepalive();
  // Sends lines_' text so far. False: the client has gone.
  Async<bool> Flush();
  Async<bool> BeginOnce();

  Exchange& exchange_;
  const std::shared_ptr<SandboxHandle> sandbox_;
  const SteadyTime::duration keepalive_;
  const std::shared_ptr<Waker> waker_;
  const std::shared_ptr<EventQueue> queue_;
  SteadyTime next_keepalive_;
  CellLines lines_;
  // Lines that are not sent yet.
  std::string pending_;
  // The last of the queue was taken.
  bool drained_ = false;
};

}  // namespace warren

#endif  // WARREN_SUPERVISOR_GATEWAY_INTERPRETER_CELL_STREAM_H_
